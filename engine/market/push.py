"""PushFeed: raw data that grows as bars are pushed into it, for whatever has no recording to replay."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.exact import DECIMALS
from engine.model import CoinName, Instrument, Timestamp
from engine.recordings.bars import grid_offset
from engine.state import Raw, Track

Ints = npt.NDArray[np.int64]


class UnitBar(NamedTuple):
    """A closed bar: opening time in ns, prices and volume counting 1e-8."""

    time: Timestamp
    open: int
    high: int
    low: int
    close: int
    volume: int


class GrowingBars:
    """A coin's bars as int64 columns with room ahead; the rows in use are the track's."""

    volume_decimals = DECIMALS

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self._block = np.zeros((6, 256), np.int64)
        self._rows = 0

    def append(self, bar: UnitBar) -> int:
        """Add a bar and return its row."""
        row = self._rows
        if row == self._block.shape[1]:
            self._block = np.concatenate([self._block, np.zeros_like(self._block)], axis=1)
        self._block[:, row] = bar
        self._rows = row + 1
        return row

    time = property(lambda self: self._block[0, : self._rows])
    open = property(lambda self: self._block[1, : self._rows])
    high = property(lambda self: self._block[2, : self._rows])
    low = property(lambda self: self._block[3, : self._rows])
    close = property(lambda self: self._block[4, : self._rows])
    volume = property(lambda self: self._block[5, : self._rows])


class Growing:
    """A coin's track as it grows: its bars, and at each step which of them closed there."""

    def __init__(self, coin: CoinName, interval: int) -> None:
        self.bars = GrowingBars(interval)
        self._row_at: list[int] = []
        self._last_at: list[int] = []
        self.track = Track(coin, self.bars, self._row_at, self._last_at, 0)

    def step(self, late: Sequence[UnitBar], bar: UnitBar | None) -> None:
        """Add a step with the bar that closed at it, and bars that should have closed before."""
        for missed in late:
            self.track.rows = self.bars.append(missed) + 1
        row = -1 if bar is None else self.bars.append(bar)
        self.track.rows = max(self.track.rows, row + 1)
        self._row_at.append(row)
        self._last_at.append(self.track.rows - 1)


class Window:
    """The decision bar that forms of a coin's recorded ones."""

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._offset = grid_offset(interval)
        self._bar: UnitBar | None = None

    def add(self, bar: UnitBar | None, now: Timestamp) -> list[UnitBar]:
        """Take in a bar that has closed now, or that none has; return the decision bars that end, oldest first."""
        ended = []
        begin = None if bar is None else (bar.time - self._offset) // self._interval * self._interval + self._offset
        if self._bar is not None and (self._bar.time + self._interval <= now) and begin != self._bar.time:
            ended.append(self._bar)
            self._bar = None
        if bar is not None and begin is not None:
            self._bar = bar._replace(time=begin) if self._bar is None else _joined(self._bar, bar)
            if begin + self._interval <= now:
                ended.append(self._bar)
                self._bar = None
        return ended

    def forming(self, bar: UnitBar | None) -> UnitBar | None:
        """Return the decision bar that forms, with a recorded bar that forms itself."""
        if bar is None:
            return self._bar
        begin = (bar.time - self._offset) // self._interval * self._interval + self._offset
        return _joined(self._bar, bar) if self._bar is not None and self._bar.time == begin else bar._replace(time=begin)


def _joined(window: UnitBar, bar: UnitBar) -> UnitBar:
    return window._replace(
        high=max(window.high, bar.high), low=min(window.low, bar.low), close=bar.close, volume=window.volume + bar.volume
    )


class Push(NamedTuple):
    """A step that waits: its time, the bars that closed then, and bars that come too late for the step they belong to."""

    time: Timestamp
    bars: Mapping[CoinName, UnitBar]
    late: Mapping[CoinName, Sequence[UnitBar]]


class PushFeed:
    """A raw timeline that starts empty: `push` what closes, then go on as over a recording.

    `interval` is the length of the bars pushed, ns; `decision` that of the bars a strategy sees, where it is longer. `times`
    are those of the steps done.
    """

    def __init__(self, instruments: Sequence[Instrument], interval: int, decision: int | None = None) -> None:
        self.instruments = tuple(instruments)
        self._waiting: deque[Push] = deque()
        self._events = [Growing(its.coin, interval) for its in self.instruments]
        self._windows: list[Window] = []
        self._decisions = self._events
        if decision is not None and decision != interval:
            self._windows = [Window(decision) for _ in self.instruments]
            self._decisions = [Growing(its.coin, decision) for its in self.instruments]
        tracks, decisions = ([its.track for its in growing] for growing in (self._events, self._decisions))
        self.latest = Raw(self.instruments, tracks, decisions)
        self.times: list[Timestamp] = []

    def push(
        self,
        timestamp: Timestamp,
        bars: Mapping[CoinName, UnitBar],
        late: Mapping[CoinName, Sequence[UnitBar]] | None = None,
    ) -> None:
        """Queue a step at this time with the bars that closed, one at least.

        Bars that come `late` are seen from this step on but are no news at it, and a longer decision bar does without them.
        Raises UsageError where time would not go forward and for a coin the feed does not have.
        """
        coins = self.latest.coins
        if unknown := [coin for coin in (*bars, *(late or ())) if coin not in coins]:
            raise UsageError(f"{', '.join(unknown)} is not in this session; it has {', '.join(coins)}")
        if not bars:
            raise UsageError(f"no bar closed at {timestamp}, so it is no step")
        last = self._waiting[-1].time if self._waiting else self.latest.time
        if timestamp <= last:
            raise UsageError(f"time goes forward: {timestamp} is not after {last}")
        self._waiting.append(Push(timestamp, bars, late or {}))

    @property
    def timestamps(self) -> Sequence[Timestamp]:
        """The times of the steps that wait, in ns."""
        return [push.time for push in self._waiting]

    def forming(self, coin: CoinName, bar: UnitBar | None) -> UnitBar | None:
        """Return the decision bar that forms of a coin, with a bar of the shorter interval that has not closed."""
        return self._windows[self.latest.coins.index(coin)].forming(bar) if self._windows else bar

    def upcoming(self, steps: int | None) -> Sequence[Timestamp]:
        """Return the times of the next steps, at most so many, all for None."""
        return self.timestamps[:steps]

    def advance(self, timestamp: Timestamp) -> None:
        """Take in the next step that waits; raises UsageError where that is at another time."""
        if not self._waiting or self._waiting[0].time != timestamp:
            raise UsageError(f"no step waits at {timestamp}")
        push = self._waiting.popleft()
        for n, its in enumerate(self.instruments):
            bar = push.bars.get(its.coin)
            self._events[n].step(push.late.get(its.coin, ()), bar)
            if self._windows:
                ended = self._windows[n].add(bar, timestamp)
                self._decisions[n].step(ended[:-1], ended[-1] if ended else None)
        raw = self.latest
        raw.step += 1
        raw.time = timestamp
        self.times.append(timestamp)
