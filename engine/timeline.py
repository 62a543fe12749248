"""Timeline: a columnar, append-only, time-ordered record with a cursor; what lies beyond the cursor cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.model import Timestamp

Array = npt.NDArray[Any]


class Timeline:
    """Columns over time, prefilled for a replay or growing as things happen.

    `timeline.close`, or `timeline["close"]`, is a read-only array of the rows up to the cursor. `append` adds a row behind the
    last and shows it; `advance(timestamp)` shows the rows of a prefilled timeline up to and including that time.
    A column may be given as a function of no arguments, called when it is first looked at.
    Raises UsageError for a time before the last row's and for a column there is not.
    """

    def __init__(self, time: Array | None = None, columns: Mapping[str, Any] | None = None) -> None:
        self._time = np.empty(0, np.int64) if time is None else time
        self._columns: dict[str, Any] = dict(columns or {})
        self._filled = len(self._time)
        self._cursor = 0
        self._own = False
        self._pull: Callable[[], None] | None = None
        # of a column that came on the way, its first row; and how many rows were ever written, those wound back included
        self._born: dict[str, int] = {}
        self._written = self._filled

    def fed_by(self, pull: Callable[[], None]) -> None:
        """Have `pull` called before the timeline is looked at: it appends what has happened since."""
        self._pull = pull

    def _catch_up(self) -> None:
        if self._pull is not None:
            self._pull()

    def _take(self) -> None:
        """Make the columns this timeline's own before a row is written: what it was made of is another's."""
        if not self._own:
            self._own = True
            self._time = np.array(self._time, np.int64)
            made = {name: column() if callable(column) else column for name, column in self._columns.items()}
            self._columns = {name: np.array(column, np.float64) for name, column in made.items()}

    @property
    def cursor(self) -> int:
        """How many rows can be seen."""
        self._catch_up()
        return self._cursor

    def __len__(self) -> int:
        return self.cursor

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        self._catch_up()
        return tuple(name for name in self._columns if self._is_there(name))

    def _is_there(self, name: str) -> bool:
        return name not in self._born or self._born[name] < self._filled

    @property
    def time(self) -> Array:
        """The seen rows' times in ns, int64."""
        self._catch_up()
        return self._seen(self._time)

    def __getitem__(self, name: str) -> Array:
        self._catch_up()
        column = self._columns.get(name)
        if column is None or not self._is_there(name):
            raise UsageError(f"this timeline has no column {name!r}; it has {', '.join(self.names) or 'none yet'}")
        if callable(column):
            column = self._columns[name] = column()
        return self._seen(column)

    def __getattr__(self, name: str) -> Array:
        if name.startswith("_") or name not in self.names:
            raise AttributeError(f"this timeline has no column {name!r}")
        return self[name]

    def _seen(self, column: Array) -> Array:
        view = column[: self.cursor]
        view.flags.writeable = False
        return view

    @property
    def latest(self) -> dict[str, Any]:
        """The last seen row by column name, `time` included; empty before the first."""
        if not self.cursor:
            return {}
        return {"time": int(self.time[-1]), **{name: self[name][-1] for name in self.names}}

    def append(self, time: Timestamp, **values: float) -> None:
        """Add a row and show it; a column not named gets NaN, a new name a new column."""
        n = self._filled
        if n and time < self._time[n - 1]:
            raise UsageError(f"a timeline goes forward: {time} comes before {int(self._time[n - 1])}")
        self._take()
        if n < self._written:
            for column in self._columns.values():
                column[n] = np.nan
        for name in values:
            if name not in self._columns:
                self._columns[name], self._born[name] = np.full(len(self._time), np.nan), n
        if n == len(self._time):
            room = max(64, 2 * n)
            self._time = np.concatenate([self._time, np.zeros(room - n, np.int64)])
            for name, column in self._columns.items():
                self._columns[name] = np.concatenate([column, np.full(room - n, np.nan)])
        self._time[n] = time
        for name, value in values.items():
            self._columns[name][n] = value
        self._filled = self._cursor = n + 1
        self._written = max(self._written, n + 1)

    def record(self, time: Timestamp, name: str, value: float) -> None:
        """Set a column of the row at this time, adding the row where it is new."""
        n = self._filled
        self._take()
        if n and self._time[n - 1] == time and name in self._columns:
            self._columns[name][n - 1] = value
        elif n and self._time[n - 1] == time:
            column = self._columns[name] = np.full(len(self._time), np.nan)
            column[n - 1] = value
            self._born[name] = n - 1
        else:
            self.append(time, **{name: value})

    def advance(self, timestamp: Timestamp) -> None:
        """Show every row up to and including this time."""
        self._cursor = int(np.searchsorted(self._time[: self._filled], timestamp, side="right"))

    @property
    def mark(self) -> tuple[int, int]:
        """How many rows there are and how many can be seen, for `wind`."""
        return self._filled, self._cursor

    def wind(self, rows: int, cursor: int) -> None:
        """Go to where there were so many rows; those beyond are kept for winding on, until others take their place."""
        self._filled, self._cursor = rows, cursor

    def truncate(self, rows: int) -> None:
        """Forget every row after the first `rows`."""
        if rows >= self._written:
            return
        self._take()
        self._filled = min(rows, self._filled)
        self._cursor = min(self._cursor, self._filled)
        for name in [name for name in self._born if not self._is_there(name)]:
            del self._columns[name], self._born[name]
        for column in self._columns.values():
            column[self._filled : self._written] = np.nan
        self._written = self._filled
