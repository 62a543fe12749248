"""Frame: everything a strategy reads of a coin, one row a bar, in one row-major block of 8-byte cells.

A row is read by name as fast as Python reads any attribute, and stays the row it was when kept: rows are views of a block
that is only ever written at its end.
"""

from __future__ import annotations

import ctypes
import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import StrategyError
from engine.model import CoinName
from engine.state import FIELDS

Floats = npt.NDArray[np.float64]
HEAD = ("time", *FIELDS)
STRETCH = 2048


class Row(ctypes.Structure):
    """A coin's row: `time` (ns of opening), `open, high, low, close, volume`, each feature by its label, and `position`.

    Read a feature as `now.rsi_14`, one of several columns as `now.macd_signal` or `now["macd.signal"]`; `position` is what
    can be sold, in base units, 0.0 while flat. A feature still warming up is NaN.
    """

    __slots__ = ()
    frame: Frame

    def __getitem__(self, label: str) -> float:
        value: float = getattr(self, label)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a row is what was; {name!r} cannot be set")

    def ago(self, n: int) -> Row:
        """Return the row n bars earlier; before the first bar, a row of NaN, time 0 and position 0.0."""
        earlier: Row = self.frame.before(self, n)
        return earlier

    def lacks(self, name: str) -> str:
        """Return what to say of a name it does not have; a `__getattr__` that says it would slow down every read."""
        near = difflib.get_close_matches(name, self.frame.names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(self.frame.names)}"
        return f"{self.frame.coin} has no feature {name!r}; {hint}"

    def __repr__(self) -> str:
        return f"<{self.frame.coin} " + " ".join(f"{name}={getattr(self, name):g}" for name in self.frame.names) + ">"


class Frame:
    """A coin's block of rows, `time, open, high, low, close, volume, *labels, position`, with room for more."""

    def __init__(self, coin: CoinName, labels: Sequence[str], rows: int) -> None:
        self.coin = coin
        self.labels = tuple(labels)
        self.names = (*HEAD, *self.labels, "position")
        self.width = len(self.names)
        fields = [(name, ctypes.c_int64 if name == "time" else ctypes.c_double) for name in self.names]
        self._row_type: Any = type("Row", (Row,), {"_fields_": fields, "frame": self, "__slots__": ()})
        for label in self.labels:
            if (plain := label.replace(".", "_")) not in self.names:
                setattr(self._row_type, plain, getattr(self._row_type, label))
        missing = np.full((1, self.width), np.nan)
        missing.view(np.int64)[0, 0] = 0
        missing[0, -1] = 0.0
        self.missing = self._rows_of(missing)[0]
        self.block = np.empty((0, self.width))
        self.room(rows)

    def _rows_of(self, block: Floats) -> Any:
        return (self._row_type * len(block)).from_buffer(block)

    def fill(self, time: Any, bars: Sequence[tuple[Any, int]]) -> None:
        """Lay all rows at once: opening times, each bar column as its units and how many make one; no feature, no position.

        It goes by stretches of rows that stay in the processor's cache: writing column by column touches all memory for each.
        """
        block = np.empty((len(time), self.width))
        times = block.view(np.int64)[:, 0]
        for start in range(0, len(time), STRETCH):
            stop = min(start + STRETCH, len(time))
            times[start:stop] = time[start:stop]
            for n, (units, one) in enumerate(bars, start=1):
                np.divide(units[start:stop], one, out=block[start:stop, n])
            block[start:stop, len(HEAD) :] = np.nan
            block[start:stop, -1] = 0.0
        self.block = block
        self.rows = self._rows_of(block)

    def write(self, columns: Sequence[tuple[int, Any]]) -> None:
        """Write features' columns, each with its label's number, over all rows; a stretch of rows at a time."""
        for start in range(0, len(self.block), STRETCH):
            stop = start + STRETCH
            for label, values in columns:
                self.block[start:stop, len(HEAD) + label] = values[start:stop]

    def room(self, rows: int) -> None:
        """Make room for this many rows; rows handed out before keep the block they were cut from."""
        block = np.full((rows, self.width), np.nan)
        block[:, -1] = 0.0
        block[: len(self.block)] = self.block
        self.block = block
        self.rows = self._rows_of(block)

    def column(self, name: str) -> Floats:
        """Return a column over the whole block, writable: for those who fill it."""
        try:
            return self.block[:, self.names.index(name)]
        except ValueError:
            near = difflib.get_close_matches(name, self.names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(self.names)}"
            raise StrategyError(f"{self.coin} has no feature {name!r}", hint=hint) from None

    def before(self, row: Row, n: int) -> Any:
        """Return the row n bars before a row of this frame."""
        if n < 0:
            raise StrategyError(f"ago({n}) would look ahead; rows go back only")
        if ctypes.addressof(row) == ctypes.addressof(self.missing):
            return self.missing
        offset = ctypes.addressof(row) - ctypes.addressof(self.rows)
        index = offset // (8 * self.width)
        if not 0 <= index < len(self.block):
            index = int(np.searchsorted(self.block[:, 0].view(np.int64), row.time))
        return self.rows[index - n] if index >= n else self.missing

    def set_bars(self, start: int, time: Any, columns: Sequence[Any]) -> None:
        """Write opening times and float bar columns from row `start` on."""
        stop = start + len(time)
        self.block.view(np.int64)[start:stop, 0] = time
        for n, values in enumerate(columns):
            self.block[start:stop, 1 + n] = values
