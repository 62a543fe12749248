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

    A bar whose step has gone by comes late with the next one. One that was there already is dropped.
    """

    def __init__(self, coins: Sequence[CoinName], interval: int, grace_ms: int = 1000) -> None:
        self.late = 0
        self._coins = tuple(coins)
        self._interval = interval
        self._grace = grace_ms * NS_PER_MS
        self._begin: Timestamp = 0
        self._done: Timestamp = 0
        self._seen: dict[CoinName, set[Timestamp]] = defaultdict(set)
        self._waiting: dict[Timestamp, dict[CoinName, UnitBar]] = {}
        self._late: dict[CoinName, list[UnitBar]] = defaultdict(list)

    def begin_at(self, time: Timestamp) -> None:
        """Go on after history: steps up to this time are done, bars that opened before it are known."""
        self._begin = self._done = time

    def put(self, coin: CoinName, bar: UnitBar, now: Timestamp) -> bool:
        """Take in a closed bar; False where it was there already. One whose grace is over, however it came, is late."""
        if bar.time < self._begin or bar.time in self._seen[coin]:
            return False
        self._seen[coin].add(bar.time)
        time = bar.time + self._interval
        if time <= self._done or now >= time + 2 * self._grace:
            self.late += 1
            self._late[coin].append(bar)
        else:
            self._waiting.setdefault(time, {})[coin] = bar
        return True

    def ready(self, now: Timestamp) -> list[LiveStep]:
        """Return the steps that wait no longer at a time of the exchange, oldest first."""
        steps = []
        for time in sorted(self._waiting):
            bars = self._waiting[time]
            if len(bars) < len(self._coins) and now < time + self._grace:
                break
            late = {coin: sorted(missed, key=lambda bar: bar.time) for coin, missed in self._late.items() if missed}
            self._late.clear()
            del self._waiting[time]
            self._done = time
            steps.append(LiveStep(time, {coin: bars[coin] for coin in self._coins if coin in bars}, late))
        self._forget()
        return steps

    @property
    def due(self) -> Timestamp | None:
        """When the oldest step that waits is done waiting; None where none does."""
        return min(self._waiting, default=None) if not self._waiting else min(self._waiting) + self._grace

    def last_known(self, coin: CoinName) -> Timestamp:
        """Return the opening of the newest bar of a coin that has come, or 0."""
        return max(self._seen[coin], default=0)

    def _forget(self) -> None:
        """Keep the openings of the last day or so alone."""
        for seen in self._seen.values():
            if len(seen) > 4000:
                keep = sorted(seen)[-2000:]
                self._begin = max(self._begin, keep[0])
                seen.intersection_update(keep)
