"""The budget of requests: what the exchange allows in a minute, read from its replies, and never used up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine import seam

NS_PER_SECOND = 10**9
SHARE = 0.8
"""The share of the limit that is used; the rest is kept for cancels."""
PATIENT_SHARE = 0.5
"""The share of it that is used for what can wait, however much of that there is."""
WINDOW_S = 60
ORDERS_S = 10
"""In how many seconds orders are counted."""
WEIGHT = "X-MBX-USED-WEIGHT-1M"
ORDERS = "X-MBX-ORDER-COUNT-10S"
TOO_MANY_ORDERS = -1015
TOLD_TO_WAIT = (403, 418, 429)
BANNED = 418


class RateBudget:
    """One for everything that talks to Binance from here. `pass_weight` waits until a request may go, for which it goes by no
    clock but the one that only goes forward.

    `used` is the weight of this minute as it was counted here or as the exchange said, whichever is more; it is nothing again
    once the exchange says less, or a minute after the last word. Told to wait, nothing goes until that time is over, to the
    second; `banned` tells that it said so with a ban.

    An account's orders have a limit of their own, of which `keeps_orders` tells: by it no request is held back but those that
    place one. `placing` are on their way to be counted.
    """

    def __init__(self, limit: int = 6000, orders_limit: int = 100) -> None:
        self.limit = limit
        self.orders_limit = orders_limit
        self.placing = 0
        self._orders = 0
        self._orders_said = 0
        self._orders_from = 0
        self._ban = False
        self._used = 0
        self._said = 0
        self._until = 0
        self._touched = 0
        self._waiting = 0

    @property
    def used(self) -> int:
        """The weight used in the minute that runs."""
        return self._used if self._left_s > 0 else 0

    @property
    def orders(self) -> int:
        """The orders of the seconds that run, as the exchange counts them."""
        fresh = seam.monotonic_ns() - self._orders_said < ORDERS_S * NS_PER_SECOND
        return self._orders if fresh else 0

    @property
    def wait_s(self) -> float:
        """Seconds until anything may go at all, 0 where something may."""
        return max(0.0, (self._until - seam.monotonic_ns()) / NS_PER_SECOND)

    @property
    def banned(self) -> bool:
        """Whether that is because the exchange has banned this address."""
        return self._ban and self.wait_s > 0

    @property
    def waits_for(self) -> str:
        """What a request that came now would wait for, in words; "" for nothing."""
        if (left := self.wait_s) > 0:
            return f"{'banned by the exchange' if self.banned else 'the exchange asks to wait'}, {left:.0f} s left"
        return f"{self.used:,} of {self.limit:,} request weight used" if self._waiting else ""

    def may_go(self, weight: int, urgent: bool = False, patient: bool = False) -> bool:
        """Whether a request of this weight may go now; an urgent one, as a cancel, may use the reserve too."""
        fits = self.used + weight <= self.limit * (1.0 if urgent else PATIENT_SHARE if patient else SHARE)
        # one too heavy for any minute goes alone in one
        return self.wait_s == 0 and (fits or not self.used)

    def keeps_orders(self, urgent: bool = False) -> str:
        """Return why no order may be placed now, "" where one may; an `urgent` one goes as long as the exchange takes any."""
        if not self.may_go(1, urgent):
            return self.waits_for or "the request weight of this minute is used up"
        left = (self._orders_from - seam.monotonic_ns()) / NS_PER_SECOND
        if left > 0:
            return f"the exchange takes no new order for {left:.0f} s"
        if self.orders + self.placing >= self.orders_limit and not urgent:
            return f"{self.orders_limit} orders in {ORDERS_S} s are all that the exchange takes"
        return ""

    async def pass_weight(self, weight: int, urgent: bool = False, patient: bool = False) -> None:
        """Wait until a request of this weight may go, and count it."""
        self._waiting += 1
        try:
            while True:
                if self.may_go(weight, urgent, patient):
                    break
                await asyncio.sleep(self.wait_s or min(1.0, self._left_s))
        finally:
            self._waiting -= 1
        self._count(self.used + weight)

    def hear(self, status: int, headers: Mapping[str, str], code: int = 0) -> None:
        """Take in what a reply says of the limits; a refusal's code tells which."""
        if (said := _number(headers.get(WEIGHT))) is not None:
            # less than before is a new minute; otherwise what is under way is not in it yet
            self._count(said if said < self._said else max(self.used, said))
            self._said = said
        if (said := _number(headers.get(ORDERS))) is not None:
            self._orders, self._orders_said = said, seam.monotonic_ns()
        seconds = _number(headers.get("Retry-After"))
        if code == TOO_MANY_ORDERS:
            seconds = ORDERS_S if seconds is None else seconds
            self._orders_from = max(self._orders_from, seam.monotonic_ns() + seconds * NS_PER_SECOND)
        elif status in TOLD_TO_WAIT:
            self._ban = status == BANNED
            self.stop_for(WINDOW_S if seconds is None else seconds)

    def stop_for(self, seconds: float) -> None:
        """Let nothing go for so long."""
        self._until = max(self._until, seam.monotonic_ns() + int(seconds * NS_PER_SECOND))

    def _count(self, used: int) -> None:
        self._used, self._touched = used, seam.monotonic_ns()

    @property
    def _left_s(self) -> float:
        """Seconds until the exchange counts anew whatever happened."""
        return WINDOW_S - (seam.monotonic_ns() - self._touched) / NS_PER_SECOND


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
