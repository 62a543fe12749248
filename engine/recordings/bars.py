"""Bars: one coin's closed bars as exact columns, loaded when looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import RecordingError
from engine.exact import DECIMALS, INT64_MAX
from engine.model import INTERVALS, Timestamp

Column = NDArray[np.int64]

COLUMNS = ("time", "open", "high", "low", "close", "volume")

_WEEK = INTERVALS["1w"]
_FIRST_MONDAY = 4 * INTERVALS["1d"]


class Gap(NamedTuple):
    """Bars that are not there: open time of the first one missing, open time of the next one present, how many."""

    start: Timestamp
    end: Timestamp
    missing: int


class Bars:
    """One coin's closed bars, oldest first: `time` is the opening in ns UTC, prices count 1e-8.

    The volume counts 10**-`volume_decimals` of the base asset: 8 decimals, or fewer for a coin of large amounts.
    Columns are read-only int64 arrays of equal length, times strictly ascending. Raises RecordingError where they are not.
    """

    def __init__(
        self,
        *,
        time: Any,
        open: Any,
        high: Any,
        low: Any,
        close: Any,
        volume: Any,
        interval: Timestamp,
        volume_decimals: int = DECIMALS,
    ) -> None:
        self.interval = interval
        self.volume_decimals = _checked(volume_decimals)
        columns = {"time": time, "open": open, "high": high, "low": low, "close": close, "volume": volume}
        self._columns = {name: _frozen(name, column) for name, column in columns.items()}
        self._load: Callable[[str], Column] | None = None
        self._rows = len(self._columns["time"])
        if any(len(column) != self._rows for column in self._columns.values()):
            raise RecordingError(f"bars need columns of equal length, got {[len(c) for c in self._columns.values()]}")
        if self._rows and not bool(np.all(self.time[1:] > self.time[:-1])):
            raise RecordingError("the times of bars must be strictly ascending")

    @classmethod
    def lazy(cls, rows: int, interval: Timestamp, load: Callable[[str], Column], volume_decimals: int = DECIMALS) -> Bars:
        """Return bars whose columns come from `load(name)`, each the first time it is looked at."""
        bars = cls.__new__(cls)
        bars.volume_decimals = _checked(volume_decimals)
        bars.interval, bars._columns, bars._load, bars._rows = interval, {}, load, rows
        return bars

    def column(self, name: str) -> Column:
        """Return the column `name`, one of COLUMNS."""
        column = self._columns.get(name)
        if column is None:
            if self._load is None:
                raise KeyError(name)
            column = self._columns[name] = _frozen(name, self._load(name))
        return column

    @property
    def time(self) -> Column:
        """Open times in ns UTC."""
        return self.column("time")

    @property
    def open(self) -> Column:
        """First prices, 1e-8 of quote currency."""
        return self.column("open")

    @property
    def high(self) -> Column:
        """Highest prices, 1e-8 of quote currency."""
        return self.column("high")

    @property
    def low(self) -> Column:
        """Lowest prices, 1e-8 of quote currency."""
        return self.column("low")

    @property
    def close(self) -> Column:
        """Last prices, 1e-8 of quote currency."""
        return self.column("close")

    @property
    def volume(self) -> Column:
        """What was traded, 10**-volume_decimals of the base asset."""
        return self.column("volume")

    def __len__(self) -> int:
        return self._rows

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bars):
            return NotImplemented
        alike = self.interval == other.interval and self.volume_decimals == other.volume_decimals
        return alike and all(np.array_equal(self.column(c), other.column(c)) for c in COLUMNS)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Bars {interval_name(self.interval)}, {self._rows} rows>"

    def __getitem__(self, rows: slice) -> Bars:
        """Return the bars of a slice of rows; columns are views."""
        columns = {name: self.column(name)[rows] for name in COLUMNS}
        return Bars(**columns, interval=self.interval, volume_decimals=self.volume_decimals)

    def only(self, wanted: NDArray[np.bool_]) -> Bars:
        """Return the bars where `wanted` is true."""
        columns = {name: self.column(name)[wanted] for name in COLUMNS}
        return Bars(**columns, interval=self.interval, volume_decimals=self.volume_decimals)


def _checked(decimals: int) -> int:
    if not 0 <= decimals <= DECIMALS:
        raise RecordingError(f"volumes have 0 to {DECIMALS} decimals, not {decimals}")
    return decimals


def _frozen(name: str, column: Any) -> Column:
    array = np.asarray(column)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise RecordingError(f"the column {name} of bars must be one row of integers, got {array.dtype} {array.shape}")
    array = np.ascontiguousarray(array, dtype=np.int64).view()
    array.flags.writeable = False
    return array


def interval_name(interval: Timestamp) -> str:
    """Return the exchange's word for an interval in ns, such as 1m."""
    return next((name for name, length in INTERVALS.items() if length == interval), f"{interval} ns")


def interval_length(name: str) -> Timestamp:
    """Return an interval's length in ns; raises RecordingError on a word the exchange does not know."""
    length = INTERVALS.get(name)
    if length is None:
        raise RecordingError(f"there is no interval {name!r}", hint=f"intervals are {', '.join(INTERVALS)}")
    return length


def grid_offset(interval: Timestamp) -> Timestamp:
    """Return the ns by which bars of this interval open off multiples of it since 1970: weeks open on Mondays."""
    return _FIRST_MONDAY if interval == _WEEK else 0


def find_gaps(time: Column, interval: Timestamp) -> list[Gap]:
    """Return where bars are missing between the first and the last of ascending open times."""
    after = np.flatnonzero(np.diff(time) != interval)
    return [Gap(int(time[i]) + interval, int(time[i + 1]), (int(time[i + 1]) - int(time[i])) // interval - 1) for i in after]


class RowError(RecordingError):
    """A row that cannot be; `row` counts from 0, `reason` completes a sentence that begins with its place."""

    def __init__(self, row: int, reason: str, where: str = "") -> None:
        super().__init__(f"{where or 'bars'}, row {row}: {reason}")
        self.row = row
        self.reason = reason


def check_bars(bars: Bars, where: str) -> None:
    """Raise RowError at the first bar that cannot be: off the interval's grid, price <= 0, high < low, volume < 0.

    `where` names the bars in the message.
    """
    time, open_, high, low, close = bars.time, bars.open, bars.high, bars.low, bars.close
    tests: Mapping[str, NDArray[np.bool_]] = {
        f"does not open on the {interval_name(bars.interval)} grid": (time - grid_offset(bars.interval)) % bars.interval != 0,
        "has a price that is not above zero": (low <= 0) | (open_ <= 0) | (close <= 0),
        "has its high below its low": high < low,
        "opens outside low..high": (open_ < low) | (open_ > high),
        "closes outside low..high": (close < low) | (close > high),
        "has a volume below zero": bars.volume < 0,
    }
    for reason, bad in tests.items():
        rows = np.flatnonzero(bad)
        if rows.size:
            row = int(rows[0])
            raise RowError(row, f"the bar of {stamp(int(time[row]))} {reason}", where)


def stamp(time: Timestamp) -> str:
    """Return a time in ns as text: UTC, to the second."""
    return str(np.datetime64(time // 10**9, "s")).replace("T", " ")


def resample(bars: Bars, interval: Timestamp) -> Bars:
    """Return the bars joined into longer ones of `interval` ns, exactly: first open, last close, the sum of the volumes.

    Buckets are aligned to UTC, weeks to Mondays. One at an edge or a gap is made of the bars it has; one without bars does
    not exist. Volumes keep their decimals, or lose as many as the largest sum asks for.
    Raises RecordingError where `interval` is no multiple of the bars' own, or a sum of volumes fits 64 bits in no decimals.
    """
    if interval < bars.interval or interval % bars.interval:
        raise RecordingError(f"{interval_name(bars.interval)} bars cannot be joined into {interval_name(interval)} bars")
    if interval == bars.interval or not len(bars):
        columns = {name: bars.column(name) for name in COLUMNS}
        return Bars(**columns, interval=interval, volume_decimals=bars.volume_decimals)
    offset = grid_offset(interval)
    bucket = (bars.time - offset) // interval
    first = np.concatenate(([0], np.flatnonzero(np.diff(bucket)) + 1))
    last = np.concatenate((first[1:], [len(bars)])) - 1
    volume, decimals = _joined(bars, first, interval)
    return Bars(
        time=bucket[first] * interval + offset,
        open=bars.open[first],
        high=np.maximum.reduceat(bars.high, first),
        low=np.minimum.reduceat(bars.low, first),
        close=bars.close[last],
        volume=volume,
        interval=interval,
        volume_decimals=decimals,
    )


def _joined(bars: Bars, first: NDArray[np.intp], interval: Timestamp) -> tuple[Column, int]:
    """Return the sums of the volumes from each row of `first` to the next, and their decimals."""
    most = float(np.add.reduceat(bars.volume.astype(np.float64), first).max())
    if most <= INT64_MAX * (1 - 1e-9):
        return np.add.reduceat(bars.volume, first), bars.volume_decimals
    for fewer in range(1, bars.volume_decimals + 1):
        if most / 10**fewer > INT64_MAX * (1 - 1e-9):
            continue
        # Whole and rest are summed apart, since their sum may not fit before it is divided.
        whole, rest = (np.add.reduceat(part, first) for part in np.divmod(bars.volume, 10**fewer))
        carried, left = np.divmod(rest, 10**fewer)
        if np.any(left):
            break
        return whole + carried, bars.volume_decimals - fewer
    raise RecordingError(f"the volume of a {interval_name(interval)} bar does not fit 64 bits with all of its decimals")
