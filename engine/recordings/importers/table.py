"""What every importer makes of a file: rows of exact numbers that still know their lines, then bars."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from engine.errors import RecordingError
from engine.model import INTERVALS, Timestamp
from engine.recordings.bars import COLUMNS, Bars, Column, RowError, check_bars, interval_name, stamp
from engine.recordings.names import Symbol

_DAY = INTERVALS["1d"]


class Lines(NamedTuple):
    """Where rows stand in their file: `numbers` of their lines, or None where row 0 is `first` and no line is left out."""

    file: str
    first: int = 1
    numbers: Column | None = None
    word: str = "line"

    def place(self, row: int) -> str:
        """Return where a row stands, such as `line 12`."""
        return f"{self.word} {int(self.numbers[row]) if self.numbers is not None else row + self.first}"

    def error(self, row: int, reason: str, hint: str = "") -> RecordingError:
        """Return the error that a row cannot be, naming file and line."""
        return RecordingError(f"{self.file}, {self.place(row)}: {reason}", hint=hint)


@dataclasses.dataclass(frozen=True)
class Rows:
    """A file's rows in its own order: `columns` by name, time in ns UTC, prices counts of 1e-8, the volume of
    10**-`volume_decimals`.

    `kind` is the archive they are of, `spot` None where the file does not tell; `dusty` counts numbers that carried
    floating-point dust.
    """

    columns: dict[str, Column]
    lines: Lines
    kind: str
    volume_decimals: int
    dusty: int = 0
    spot: bool | None = None
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Part:
    """A file's bars as they enter a merge, sorted, each once, with the row it came from; `lines` is None for recorded ones."""

    symbol: Symbol
    bars: Bars
    lines: Lines | None
    row: Column
    duplicates: int = 0
    out_of_order: int = 0

    def place(self, index: int) -> str:
        """Return the file and line a bar came from."""
        return f"{self.lines.file}, {self.lines.place(int(self.row[index]))}" if self.lines else "the recording"


def make_part(symbol: Symbol, interval: Timestamp, rows: Rows, period: tuple[Timestamp, Timestamp] | None) -> Part:
    """Return a file's rows as bars: sorted, exact duplicates dropped.

    Raises RecordingError naming file and line at a bar that cannot be, at two that disagree, where the spacing is not the
    interval, and where a bar is more than a day outside the `period` that the file's name claims.
    """
    columns, lines = rows.columns, rows.lines
    order = np.argsort(columns["time"], kind="stable")
    time = columns["time"][order]
    again = np.flatnonzero(time[1:] == time[:-1]) + 1
    for name in COLUMNS[1:]:
        differ = np.flatnonzero(columns[name][order[again - 1]] != columns[name][order[again]])
        if differ.size:
            i = int(again[differ[0]])
            raise lines.error(
                int(order[i]),
                f"the bar of {stamp(int(time[i]))} is another than in {lines.place(int(order[i - 1]))} ({name} differs)",
            )
    row = np.delete(order, again)
    bars = Bars(
        **{name: column[row] for name, column in columns.items()}, interval=interval, volume_decimals=rows.volume_decimals
    )
    _check_spacing(bars, lines, row)
    try:
        check_bars(bars, lines.file)
    except RowError as error:
        raise lines.error(int(row[error.row]), error.reason) from None
    if period is not None:
        _check_period(bars, period, lines, row)
    return Part(symbol, bars, lines, row, len(again), int(np.count_nonzero(np.diff(columns["time"]) < 0)))


def _check_spacing(bars: Bars, lines: Lines, row: Column) -> None:
    steps = np.diff(bars.time)
    least = int(steps.min()) if len(steps) else bars.interval
    # A step that is no interval at all is left to the check of the grid, unless the grid would take it.
    if least != bars.interval and (least in INTERVALS.values() or least % bars.interval == 0):
        known = least in INTERVALS.values()
        apart = interval_name(least) if known else f"{least // 10**9} s"
        raise lines.error(
            int(row[int(np.argmin(steps)) + 1]),
            f"its bars are {apart} apart, not {interval_name(bars.interval)}",
            f"say --interval {apart} if that is what they are" if known else "",
        )


def _check_period(bars: Bars, period: tuple[Timestamp, Timestamp], lines: Lines, row: Column) -> None:
    outside = np.flatnonzero((bars.time < period[0] - _DAY) | (bars.time >= period[1] + _DAY))
    if outside.size:
        i = int(outside[0])
        raise lines.error(
            int(row[i]), f"the bar of {stamp(int(bars.time[i]))} is more than a day off the date in the file's name"
        )
