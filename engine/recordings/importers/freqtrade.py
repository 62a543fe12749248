"""freqtrade's files: feather with float columns, and JSON lists of [open time, open, high, low, close, volume]."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from engine.errors import RecordingError
from engine.recordings.bars import COLUMNS, Column, RowError
from engine.recordings.importers.source import Source
from engine.recordings.importers.table import Lines, Rows
from engine.recordings.importers.text import Layout, read_fast, read_slow
from engine.recordings.names import printable
from engine.recordings.times import check_ns, to_ns
from engine.recordings.units import Floats, from_floats, volumes_from_floats

KIND = "freqtrade"
_NO_JSON = re.compile(rb"[\r\n]|[\[,-](?:\.|0[0-9])|\.[,\]eE]")
"""What CSV allows between the brackets and JSON does not: line ends, numbers as .5, 7. and 01."""
_ENTRY = Layout(len(COLUMNS), tuple(range(len(COLUMNS))), 1, "entry")


def read_json(source: Source) -> Rows:
    """Return the rows of a JSON file; raises RecordingError naming the file and the entry that is wrong."""
    content = source.content.strip()
    if content.startswith(b"[[") and content.endswith(b"]]") and not _NO_JSON.search(content):
        # Compact JSON of numbers is CSV but for its brackets, and ten times faster read as that.
        rows = read_fast(source.name, content[2:-2].replace(b"],[", b"\n"), _ENTRY, KIND, None)
        if rows is not None:
            return rows
    try:
        entries = json.loads(content.decode(), parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{source.name} is no whole JSON: {printable(error)}") from None
    return read_slow(source.name, _entries(source.name, entries), _ENTRY, KIND)


def _entries(file: str, entries: Any) -> Iterator[tuple[int, list[str]]]:
    if not isinstance(entries, list):
        raise RecordingError(f"{file} is no list of bars")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, list) or not all(isinstance(field, str) for field in entry):
            raise RecordingError(f"{file}, entry {number}: not a list of numbers")
        yield number, entry


def read_feather(source: Source) -> Rows:
    """Return the rows of a feather file; raises RecordingError naming the file and the row that is wrong."""
    import pyarrow as pa

    if not source.content.startswith(b"ARROW1"):
        raise RecordingError(f"{source.name} is no whole feather file: it does not begin as one")
    try:
        table = pa.ipc.open_file(pa.BufferReader(source.content)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise RecordingError(f"{source.name} is no whole feather file: {printable(error)[:200]}") from None
    missing = [name for name in ("date", *COLUMNS[1:]) if table.column_names.count(name) != 1]
    if missing:
        raise RecordingError(f"{source.name} has no column {missing[0]}, or has it twice")
    if not table.num_rows:
        raise RecordingError(f"{source.name} has no rows")
    lines = Lines(source.name, 0, None, "row")
    try:
        columns, dusty = {"time": _dates(table.column("date"))}, 0
        for name in COLUMNS[1:-1]:
            columns[name], dust = from_floats(name, _floats(name, table.column(name)))
            dusty += dust
        columns["volume"], dust, decimals = volumes_from_floats(_floats("volume", table.column("volume")))
    except RowError as error:
        raise lines.error(error.row, error.reason) from None
    except pa.ArrowException as error:
        raise RecordingError(f"{source.name} holds what are no bars: {printable(error)[:200]}") from None
    return Rows(columns, lines, KIND, decimals, dusty + dust)


def _dates(column: Any) -> Column:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        ns: Column = _numpy(column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64()), np.int64)
        check_ns(ns)
        return ns
    return to_ns(_numpy(column.cast(pa.int64()), np.int64))[0]


def _floats(name: str, column: Any) -> Floats:
    import pyarrow as pa

    if column.null_count:
        raise RowError(column.is_null().index(True).as_py(), f"{name} is missing")
    floats: Floats = _numpy(column.cast(pa.float64()), np.float64)
    return floats


def _numpy(column: Any, dtype: Any) -> Any:
    if column.null_count:
        raise RowError(column.is_null().index(True).as_py(), "the time is missing")
    chunks = [
        np.frombuffer(chunk.buffers()[1], dtype, count=len(chunk), offset=8 * chunk.offset)
        for chunk in column.chunks
        if len(chunk)
    ]
    return np.concatenate(chunks)
