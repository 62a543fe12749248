"""The barrier: bars of several coins arrive at different moments; here they become steps, each with the bars of one time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from engine.market.push import UnitBar
from engine.model import CoinName, Timestamp

NS_PER_MS = 1_000_000


class LiveStep(NamedTuple):
    """The bars that closed at a time, and those that came too late for theirs; what a feed is pushed."""

    time: Timestamp
    bars: dict[CoinName, UnitBar]
    late: dict[CoinName, list[UnitBar]]


class Barrier:
    """Gathers the closed bars of `coins` into steps: one is ready when every coin's bar is there, or `grace_ms` after its time.

    It waits longer where a bar of before is still asked for, so that bars go by in order. Bars whose step has gone by, or is
    older than twice the grace, come late with the next one.
    """

    def __init__(self, coins: Sequence[CoinName], interval: int, grace_ms: int = 1000) -> None:
        self.late = 0
        self._coins = tuple(coins)
        self._interval = interval
        self._grace = grace_ms * NS_PER_MS
        self._done: Timestamp = 0
        self._waiting: dict[Timestamp, dict[CoinName, UnitBar]] = {}
        self._late: dict[CoinName, list[UnitBar]] = defaultdict(list)

    def begin_at(self, time: Timestamp) -> None:
        """Go on after history: steps up to this time are done."""
        self._done = time

    def put(self, coin: CoinName, bar: UnitBar, now: Timestamp) -> None:
        """Take in a closed bar that is new."""
        time = bar.time + self._interval
        if time <= self._done or self._is_over(time, now):
            self._belate(coin, bar)
        else:
            self._waiting.setdefault(time, {})[coin] = bar

    def ready(self, now: Timestamp, owed: Timestamp | None = None) -> list[LiveStep]:
        """Return the steps that wait no longer at a time of the exchange, oldest first.

        `owed` is the opening of the oldest bar that is still asked for.
        """
        steps = []
        for time in sorted(self._waiting):
            bars = self._waiting[time]
            waits = len(bars) < len(self._coins) and now < time + self._grace
            if waits or (owed is not None and owed + self._interval < time):
                break
            del self._waiting[time]
            self._done = time
            if self._is_over(time, now):
                for coin, bar in bars.items():
                    self._belate(coin, bar)
            else:
                late = {coin: sorted(missed, key=lambda bar: bar.time) for coin, missed in self._late.items()}
                self._late.clear()
                steps.append(LiveStep(time, {coin: bars[coin] for coin in self._coins if coin in bars}, late))
        return steps

    def _is_over(self, time: Timestamp, now: Timestamp) -> bool:
        return now >= time + 2 * self._grace

    def _belate(self, coin: CoinName, bar: UnitBar) -> None:
        self.late += 1
        self._late[coin].append(bar)
