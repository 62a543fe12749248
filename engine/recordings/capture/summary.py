"""Summary: what a capture comes to in the manifest: its bars, and what it told of itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from engine.exact import DECIMALS
from engine.model import Timestamp
from engine.recordings.bars import COLUMNS, Bars
from engine.recordings.capture import control
from engine.recordings.capture.frames import ClosedBar
from engine.recordings.manifest import Capture, ClockSummary, Hole, to_datetime


def first_words(heard: list[ClosedBar], interval: Timestamp, decimals: int, old: Bars | None) -> tuple[Bars, list[Timestamp]]:
    """Return the bars heard of that are not among the `old`, and the open times of those heard with other numbers before.

    Of two that contradict each other the first stands, as whoever acted on it saw it; volumes count 10**-`decimals`.
    """
    known: dict[Timestamp, tuple[int, ...]] = {}
    contradicted: list[Timestamp] = []
    fresh: list[ClosedBar] = []
    if old is not None and heard:
        times = np.fromiter((bar.time for bar in heard), np.int64)
        known = {int(old.time[row]): _exact(old, row) for row in np.flatnonzero(np.isin(old.time, times)).tolist()}
    for bar in heard:
        exact = *bar[1:-1], bar.volume * 10 ** (DECIMALS - decimals)
        before = known.setdefault(bar.time, exact)
        if before is exact:
            fresh.append(bar)
        elif before != exact:
            contradicted.append(bar.time)
    columns: Any = np.array(sorted(fresh), np.int64).reshape(-1, len(COLUMNS)).T
    bars = Bars(**dict(zip(COLUMNS, columns, strict=True)), interval=interval, volume_decimals=decimals)
    return bars, sorted(set(contradicted))


def _exact(bars: Bars, row: int) -> tuple[int, ...]:
    """Return the prices and the volume of a bar, all counting 1e-8."""
    prices = (int(bars.column(name)[row]) for name in COLUMNS[1:-1])
    return *prices, int(bars.volume[row]) * 10 ** (DECIMALS - bars.volume_decimals)


def summarize(capture: Capture, told: Iterable[tuple[Timestamp, control.Control]], last: Timestamp) -> None:
    """Bring a capture's entry up to date with what it told until `last`."""
    capture.end = max(capture.end, to_datetime(last))
    for received, event in told:
        match event:
            case control.Connect(socket=socket):
                capture.sockets[socket] = capture.sockets.get(socket, 0) + 1
            case control.Gap():
                hole = Hole(**{name: getattr(event, name) for name in event.__struct_fields__}, at=to_datetime(received))
                capture.gaps.append(hole)
            case control.Clock(offset=offset):
                capture.clock = _with(capture.clock or None, offset)
            case control.Config(sha256=sha256):
                capture.config = sha256
            case control.Stop(reason=reason):
                capture.stopped = reason


def _with(clock: ClockSummary | None, offset: int) -> ClockSummary:
    if clock is None:
        return ClockSummary(samples=1, least=offset, most=offset, last=offset)
    least, most = min(clock.least, offset), max(clock.most, offset)
    return ClockSummary(samples=clock.samples + 1, least=least, most=most, last=offset)
