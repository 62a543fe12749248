"""The budget of requests: what the exchange allows in a minute, read from its replies, and never used up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine import seam

NS_PER_SECOND = 10**9
SHARE = 0.8
"""The share of the limit that is used; the rest is kept for cancels."""
WEIGHT = "X-MBX-USED-WEIGHT-1M"
ORDERS = "X-MBX-ORDER-COUNT-10S"


class RateBudget:
    """One for everything that talks to Binance from here. `pass_weight` waits until a request may go.

    `used` is the weight of this minute as the exchange last said, `limit` what it allows; both intervals are minutes of its
    clock. Told to wait, nothing goes until that time is over, to the second; `banned` tells that it said so with a ban.
    """

    def __init__(self, limit: int = 6000, orders_limit: int = 100) -> None:
        self.limit = limit
        self.orders_limit = orders_limit
        self.used = 0
        self.orders = 0
        self.banned = False
        self._until = 0
        self._minute = -1

    @property
    def wait_s(self) -> float:
        """Seconds until anything may go at all, 0 where something may."""
        return max(0.0, (self._until - seam.monotonic_ns()) / NS_PER_SECOND)

    def may_go(self, weight: int, urgent: bool = False) -> bool:
        """Whether a request of this weight may go now; an urgent one, as a cancel, may use the reserve too."""
        self._turn()
        return self.wait_s == 0 and self.used + weight <= self.limit * (1.0 if urgent else SHARE)

    async def pass_weight(self, weight: int, urgent: bool = False) -> None:
        """Wait until a request of this weight may go, and count it."""
        while True:
            if self.may_go(weight, urgent):
                self.used += weight
                return
            await asyncio.sleep(self.wait_s or min(1.0, self._to_next_minute()))

    def hear(self, status: int, headers: Mapping[str, str]) -> None:
        """Take in what a reply says of the limits."""
        self._turn()
        if (said := _number(headers.get(WEIGHT))) is not None:
            self.used = said
        if (said := _number(headers.get(ORDERS))) is not None:
            self.orders = said
        if status in (418, 429):
            self.banned = status == 418
            seconds = _number(headers.get("Retry-After"))
            self.stop_for(60 if seconds is None else seconds)

    def stop_for(self, seconds: float) -> None:
        """Let nothing go for so long."""
        self._until = max(self._until, seam.monotonic_ns() + int(seconds * NS_PER_SECOND))

    def _turn(self) -> None:
        """Begin to count anew where a new minute has begun."""
        minute = seam.wall_ns() // (60 * NS_PER_SECOND)
        if minute != self._minute:
            self._minute, self.used = minute, 0
        if self.banned and self.wait_s == 0:
            self.banned = False

    def _to_next_minute(self) -> float:
        return 60.0 - seam.wall_ns() / NS_PER_SECOND % 60.0


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
