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


class PushFeed:
    """A raw timeline that starts empty: `push` what closes, then go on as over a recording."""

    def __init__(self, instruments: Sequence[Instrument], interval: int) -> None:
        self.instruments = tuple(instruments)
        self._waiting: deque[tuple[Timestamp, Mapping[CoinName, UnitBar]]] = deque()
        self._row_at: list[list[int]] = [[] for _ in self.instruments]
        self._last_at: list[list[int]] = [[] for _ in self.instruments]
        self._bars = [GrowingBars(interval) for _ in self.instruments]
        tracks = [
            Track(instrument.coin, bars, rows, last, 0)
            for instrument, bars, rows, last in zip(self.instruments, self._bars, self._row_at, self._last_at, strict=True)
        ]
        self.latest = Raw(self.instruments, tracks, tracks)

    def push(self, timestamp: Timestamp, bars: Mapping[CoinName, UnitBar]) -> None:
        """Queue a step at this time with the bars that closed, one at least.

        Raises UsageError where time would not go forward and for a coin the feed does not have.
        """
        coins = self.latest.coins
        if unknown := [coin for coin in bars if coin not in coins]:
            raise UsageError(f"{', '.join(unknown)} is not in this session; it has {', '.join(coins)}")
        if not bars:
            raise UsageError(f"no bar closed at {timestamp}, so it is no step")
        last = self._waiting[-1][0] if self._waiting else self.latest.time
        if timestamp <= last:
            raise UsageError(f"time goes forward: {timestamp} is not after {last}")
        self._waiting.append((timestamp, bars))

    @property
    def timestamps(self) -> Sequence[Timestamp]:
        """The times of the steps that wait, in ns."""
        return [timestamp for timestamp, _ in self._waiting]

    def upcoming(self, steps: int | None) -> Sequence[Timestamp]:
        """Return the times of the next steps, at most so many, all for None."""
        return self.timestamps[:steps]

    def advance(self, timestamp: Timestamp) -> None:
        """Take in the next step that waits; raises UsageError where that is at another time."""
        if not self._waiting or self._waiting[0][0] != timestamp:
            raise UsageError(f"no step waits at {timestamp}")
        _, bars = self._waiting.popleft()
        raw = self.latest
        for n, track in enumerate(raw.decisions):
            bar = bars.get(track.coin)
            row = -1 if bar is None else self._bars[n].append(bar)
            self._row_at[n].append(row)
            self._last_at[n].append(row if row >= 0 else (self._last_at[n][-1] if self._last_at[n] else -1))
            track.rows = max(track.rows, row + 1)
        raw.step += 1
        raw.time = timestamp
