"""ReplayFeed: a recording on the axis of steps; moving on is moving a number, nothing is copied."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.errors import ConfigError, UsageError
from engine.model import INTERVALS, NS_PER_SECOND, CoinName, Instrument, Timestamp
from engine.state import BarColumns, Raw, Track

if TYPE_CHECKING:
    from engine.recordings import Recording

Ints = npt.NDArray[np.int64]


class ReplayFeed:
    """The raw timeline of a recording: `timestamps`, `advance(timestamp)` and `latest`, what is known at that instant.

    A step is one distinct closing time of any coin's bar. `interval` is the decision bar; where it is longer than the
    recorded bar, orders meet the recorded bars and the strategy sees the longer ones. Raises ConfigError for coins or
    intervals the recording does not have.
    """

    def __init__(self, recording: Recording, coins: Sequence[CoinName] | None = None, interval: str | None = None) -> None:
        chosen = tuple(coins) if coins else tuple(coin for coin in recording.coins if recording.intervals(coin))
        if missing := [coin for coin in chosen if coin not in recording.coins]:
            raise ConfigError(
                f"recording {recording.name} has no {', '.join(missing)}",
                hint=f"it has {', '.join(recording.coins)}",
                key=("coins",),
            )
        self.recording = recording
        self.instruments: tuple[Instrument, ...] = tuple(recording.instruments[coin] for coin in chosen)
        self.interval = interval or recording.interval
        recorded = INTERVALS[recording.interval]
        wanted = INTERVALS.get(self.interval)
        if wanted is None or wanted % recorded:
            raise ConfigError(
                f"interval {self.interval} cannot be made of the {recording.interval} bars of {recording.name}",
                hint=f"use {recording.interval} or a multiple of it",
                key=("interval",),
            )
        events = [recording.bars(coin) for coin in chosen]
        late = [recording.late(coin) for coin in chosen]
        self.times = _union(_closes(bars, when)[1] for bars, when in zip(events, late, strict=True))
        if not len(self.times):
            raise ConfigError(f"recording {recording.name} has no bars of {', '.join(chosen)}")
        tracks = [lay(coin, bars, self.times, when) for coin, bars, when in zip(chosen, events, late, strict=True)]
        if wanted == recorded:
            decisions = tracks
        else:
            decisions = [lay(coin, recording.decision_bars(coin, self.interval), self.times) for coin in chosen]
        self.latest = Raw(self.instruments, tracks, decisions, self.times)
        # a list hands out the ints it has, where an array makes a new one at every look
        self._times: list[Timestamp] = self.times.tolist()

    def __len__(self) -> int:
        return len(self.times)

    @property
    def timestamps(self) -> Sequence[Timestamp]:
        """The times of the steps still to come, in ns."""
        return _view(self.times)[self.latest.step + 1 :]

    def upcoming(self, steps: int | None) -> Sequence[Timestamp]:
        """Return the times of the next steps, at most so many, all for None."""
        begin = self.latest.step + 1
        return self._times[begin:] if steps is None else self._times[begin : begin + steps]

    def step_of(self, text: str) -> int:
        """Return the step a person means: its number, or the last by a time in ISO 8601 (UTC where it says nothing).

        It may lie behind the last. Raises UsageError for a text that says neither.
        """
        try:
            if text.isdecimal():
                return int(text)
            moment = datetime.fromisoformat(text)
        except ValueError:
            hint = "write a step such as 5000, or a UTC time such as 2025-06-14T12:31"
            raise UsageError(f"{text!r} is neither a step nor a time", hint=hint) from None
        utc = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return bisect_right(self._times, int(utc.timestamp()) * NS_PER_SECOND) - 1

    def advance(self, timestamp: Timestamp) -> None:
        """Move to the step at this time; raises UsageError where the recording's next step is at another."""
        raw = self.latest
        step = raw.step + 1
        try:
            if self._times[step] == timestamp:
                raw.step = step
                raw.time = timestamp
                return
        except IndexError:
            pass
        raise UsageError(f"the recording's next step is not at {timestamp}")

    def seek(self, step: int) -> None:
        """Move to a step, -1 for before the first."""
        raw = self.latest
        raw.step = step
        raw.time = self._times[step] if step >= 0 else -1


def lay(coin: CoinName, bars: BarColumns, times: Ints, late: Ints | None = None) -> Track:
    """Return a coin's bars laid on the steps at `times`; a bar whose close is no step counts at the first step after it.

    Bars that came `late`, by their opening times, are seen from the first step after their close on, and are no news there.
    """
    closes, _ = _closes(bars, late)
    n = len(times)
    if len(closes) == n and np.array_equal(closes, times):
        return Track(coin, bars, None, None, n)
    last = np.searchsorted(closes, times, side="right").astype(np.int64) - 1
    at = np.where(np.diff(last, prepend=-1) > 0, last, -1)
    if late is not None and len(late):
        at[np.isin(at, np.flatnonzero(np.isin(bars.time, late)))] = -1
    return Track(coin, bars, _view(at), _view(last), len(closes))


def _closes(bars: BarColumns, late: Ints | None) -> tuple[Ints, Ints]:
    """Return when each bar is known, and of those that came in time alone."""
    closes = bars.time + bars.interval
    if late is None or not len(late):
        return closes, closes
    came_late = np.isin(bars.time, late)
    return closes + came_late, closes[~came_late]


def _view(column: Any) -> memoryview[int]:
    """Return a column as a memoryview, which gives a Python int much faster than numpy does."""
    return memoryview(column)


def _union(columns: Iterable[Any]) -> Ints:
    first, *others = columns
    if all(len(other) == len(first) and np.array_equal(other, first) for other in others):
        return np.ascontiguousarray(first, dtype=np.int64)
    return np.unique(np.concatenate([first, *others]))
