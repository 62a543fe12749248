"""Sheets: the columns that what was received is put into, and the Parquet files they become."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import RecordingError
from engine.recordings.bars import Column
from engine.recordings.columns import encode_columns
from engine.recordings.names import printable

Rows = NDArray[np.int64]


class Kind(NamedTuple):
    """A kind of events: its int64 columns (the last is always `received`), what they are sorted by, its texts and bytes."""

    columns: tuple[str, ...]
    keys: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()


KINDS = {
    "trades": Kind(("id", "price", "amount", "buyer_maker", "time", "received"), ("id",)),
    "quotes": Kind(("id", "bid", "bid_amount", "ask", "ask_amount", "received"), ("id",)),
    "depth": Kind(
        ("first", "last", "snapshot", "side", "price", "amount", "time", "received"),
        ("last", "snapshot", "first", "side", "price"),
    ),
    "klines": Kind(
        ("time", "open", "high", "low", "close", "volume", "closed", "told", "received"), ("time", "told", "closed"), ("frame",)
    ),
    "account": Kind(("time", "received"), (), ("event", "text")),
    "control": Kind(("received",), (), ("event", "text")),
    "other": Kind(("received",), (), ("name", "reason"), ("raw",)),
}
"""Times are ns UTC, prices 1e-8 of quote, amounts 10**-amount_decimals of base; see docs/recordings.md for the rest."""


class Sheet:
    """The rows of one kind, coin and interval, in the order they came."""

    def __init__(self, kind: str) -> None:
        self.kind = KINDS[kind]
        self.records = 0
        self.numbers = array("q")
        """The rows' numbers, one row after the other."""
        self._texts: list[list[Any]] = [[] for _ in (*self.kind.texts, *self.kind.blobs)]

    def add(self, numbers: Iterable[int], *texts: Any) -> None:
        """Add a row."""
        self.numbers.extend(numbers)
        for column, text in zip(self._texts, texts, strict=True):
            column.append(text)

    def rows(self) -> Rows:
        """Return the numbers, a row each."""
        return np.array(self.numbers, np.int64).reshape(-1, len(self.kind.columns))

    def prepend(self, rows: Rows, texts: list[list[Any]]) -> None:
        """Put rows before those that are there."""
        self.numbers = array("q", rows.tobytes()) + self.numbers
        self._texts = [before + after for before, after in zip(texts, self._texts, strict=True)]

    def tidy(self, before: Rows | None = None) -> tuple[Rows, list[list[Any]], int]:
        """Return numbers and texts sorted, what came twice alike left out, and how many rows that were.

        A kind without keys stays as it came. `before` are rows that are sealed already.
        """
        rows = self.rows()
        if not self.kind.keys:
            return rows, self._texts, 0
        order = sort_order(rows, self.kind)
        rows = rows[order]
        told = rows[:, :-1]
        fresh = np.ones(len(rows), np.bool_)
        fresh[1:] = np.any(told[1:] != told[:-1], axis=1)
        if before is not None and len(before):
            fresh &= ~np.isin(_whole(told), _whole(before[:, :-1]))
        order = order[fresh]
        return rows[fresh], [[column[i] for i in order] for column in self._texts], int(len(rows) - len(order))


def sort_order(rows: Rows, kind: Kind) -> NDArray[np.intp]:
    """Return the order that sorts rows by the kind's keys; those alike stay in the order they came."""
    return np.lexsort([rows[:, kind.columns.index(key)] for key in reversed(kind.keys)])


def _whole(rows: Rows) -> NDArray[Any]:
    """Return each row as one value."""
    rows = np.ascontiguousarray(rows)
    return rows.view([("", np.int64)] * rows.shape[1]).reshape(-1)


def encode_sheet(kind: Kind, rows: Rows, texts: list[list[Any]], amount_decimals: int) -> bytes:
    """Return rows as the bytes of a Parquet file."""
    import pyarrow as pa

    numbers: dict[str, Column] = {name: np.ascontiguousarray(rows[:, n]) for n, name in enumerate(kind.columns)}
    types = [*(pa.string() for _ in kind.texts), *(pa.binary() for _ in kind.blobs)]
    others = {name: pa.array(column, type) for name, column, type in zip((*kind.texts, *kind.blobs), texts, types, strict=True)}
    return encode_columns(numbers, {"amount_decimals": str(amount_decimals)}, others)


def read_sheet(path: Path, kind: str) -> tuple[Rows, list[list[Any]]]:
    """Return the numbers and the texts of a sealed file; raises RecordingError where they cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers, others = KINDS[kind].columns, (*KINDS[kind].texts, *KINDS[kind].blobs)
    try:
        table = pq.read_table(path, columns=[*numbers, *others], page_checksum_verification=True, use_threads=False)
        rows = np.stack([table.column(name).to_numpy() for name in numbers], axis=1)
        texts = [table.column(name).to_pylist() for name in others]
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise RecordingError(f"{printable(path)} cannot be read: {printable(error)}") from None
    if rows.dtype != np.int64:
        raise RecordingError(f"{printable(path)} has a column that is not of integers")
    return rows, texts
