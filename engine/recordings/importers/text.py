"""Lines of numbers: a fast reader that takes only what is plain, and a slow one that takes the rest or says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from engine.errors import RecordingError
from engine.exact import DECIMALS
from engine.recordings.bars import COLUMNS, Column, RowError
from engine.recordings.importers.table import Lines, Rows
from engine.recordings.times import check_ns, parse_date, parse_whole, to_ns
from engine.recordings.units import fitting, from_decimals, parse_number, volumes_from_decimals

_PLAIN = b"0123456789.,-eE\r\n"
_PLAIN_DATES = _PLAIN + b" :TZ+"
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|\\+00:00)?$"
_BLANK = (b"\n\n", b"\n\r\n")


class Layout(NamedTuple):
    """How lines are laid out: columns a line, where COLUMNS stand among them, the number of the first line."""

    width: int
    columns: tuple[int, ...]
    first: int
    word: str = "line"


def read_lines(file: str, body: bytes, layout: Layout, kind: str, spot: bool | None = None) -> Rows:
    """Return the rows of `body`, the lines from `layout.first` on.

    Raises RecordingError naming the file and the line of the first thing that is wrong.
    """
    rows = read_fast(file, body, layout, kind, spot)
    return read_slow(file, split_lines(body, layout.first), layout, kind, spot) if rows is None else rows


def read_fast(file: str, body: bytes, layout: Layout, kind: str, spot: bool | None) -> Rows | None:
    """Return the rows of plain lines, with decimals of at most 8 places; None where there is more to it."""
    body = body.rstrip(b"\r\n")
    dated = b":" in body.partition(b"\n")[0]
    if body.translate(None, _PLAIN_DATES if dated else _PLAIN):
        return None
    if any(blank in b"\n" + body for blank in _BLANK) or body.count(b"\r") != body.count(b"\r\n"):
        return None
    table = _parse(body, layout, dated)
    if table is None or not table.num_rows:
        return None
    columns = {name: _units(table.column(name).combine_chunks()) for name in COLUMNS[1:-1]}
    columns["volume"], decimals = _volumes(table.column("volume").combine_chunks())
    ns = _plain_times(table.column("time").combine_chunks(), dated)
    if ns is None:
        return None
    exact = {name: column for name, column in columns.items() if column is not None}
    if len(exact) != len(columns):
        return None
    return Rows({"time": ns, **exact}, Lines(file, layout.first, None, layout.word), kind, decimals, 0, spot)


def _plain_times(times: Any, dated: bool) -> Column | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if dated:
        if not pc.all(pc.match_substring_regex(times, _DATE)).as_py():
            return None
        try:
            times = pc.utf8_slice_codeunits(times, 0, 19).cast(pa.timestamp("ns")).cast(pa.int64())
        except pa.ArrowInvalid:
            return None
    column = np.frombuffer(times.buffers()[1], np.int64, count=len(times), offset=8 * times.offset)
    try:
        if not dated:
            return to_ns(column)[0]
        check_ns(column)
    except RowError:
        return None
    return column


def _parse(body: bytes, layout: Layout, dated: bool) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    names = [f"column {i}" for i in range(layout.width)]
    for name, i in zip(COLUMNS, layout.columns, strict=True):
        names[i] = name
    # Columns nobody asked for are read as well: where one is no number the file is damaged, and may be so elsewhere.
    types = dict.fromkeys(names, pa.decimal128(38, 8)) | {"time": pa.string() if dated else pa.int64()}
    try:
        return csv.read_csv(
            pa.BufferReader(body),
            csv.ReadOptions(column_names=names, use_threads=True),
            csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            csv.ConvertOptions(column_types=types, null_values=[], check_utf8=False),
        )
    except pa.ArrowInvalid:
        return None


def _units(decimals: Any) -> Column | None:
    """Return the unscaled numbers of a decimal128 array as int64, None where one does not fit."""
    halves = np.frombuffer(decimals.buffers()[1], np.int64, count=2 * len(decimals), offset=16 * decimals.offset).reshape(-1, 2)
    low, high = halves[:, 0], halves[:, 1]
    return None if decimals.null_count or np.any(high != low >> 63) else np.ascontiguousarray(low)


def _volumes(decimals: Any) -> tuple[Column | None, int]:
    """Return volumes in the finest unit in which they fit, and its decimals; None where that is not exact."""
    import pyarrow as pa
    import pyarrow.compute as pc

    units = _units(decimals)
    if units is not None or decimals.null_count:
        return units, DECIMALS
    places = fitting(max(abs(limit) for limit in pc.min_max(decimals).as_py().values()))
    try:
        return _units(decimals.cast(pa.decimal128(38, places))), places
    except pa.ArrowInvalid:
        return None, places


def split_lines(body: bytes, first: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not blank, each with its number and its fields, bare of spaces and quotes."""
    for number, line in enumerate(body.split(b"\n"), first):
        text = line.decode("latin-1").strip(" \t\r")
        if text:
            yield number, [_bare(field) for field in text.split(",")]


def _bare(field: str) -> str:
    field = field.strip(" \t")
    return field[1:-1] if len(field) > 1 and field[0] == field[-1] == '"' else field


def read_slow(file: str, lines: Iterable[tuple[int, list[str]]], layout: Layout, kind: str, spot: bool | None = None) -> Rows:
    """Return the rows of `lines`, given as number and fields: also with dates, spaces, quotes, blank lines between, or dust.

    Raises RecordingError naming the file and the line of the first thing that is wrong.
    """
    others = [i for i in range(layout.width) if i not in layout.columns]
    times: list[int] = []
    dated: list[bool] = []
    numbers: list[list[Decimal]] = [[] for _ in COLUMNS[1:]]
    at: list[int] = []
    for number, fields in lines:
        at.append(number)
        try:
            if len(fields) != layout.width:
                raise ValueError(f"has {len(fields)} columns, not {layout.width}")
            whole = parse_whole(fields[layout.columns[0]])
            times.append(parse_date(fields[layout.columns[0]]) if whole is None else whole)
            dated.append(whole is None)
            for name, column, i in zip(COLUMNS[1:], numbers, layout.columns[1:], strict=True):
                column.append(_number(name, fields[i]))
            for i in others:
                _number(f"column {i + 1}", fields[i])
        except ValueError as error:
            raise RecordingError(f"{file}, {layout.word} {number}: {error}") from None
    if not at:
        raise RecordingError(f"{file} has no rows")
    place = Lines(file, layout.first, np.array(at, dtype=np.int64), layout.word)
    try:
        ns = _times(times, dated)
        *prices, volumes = numbers
        columns, dusty = {"time": ns}, 0
        for name, column in zip(COLUMNS[1:-1], prices, strict=True):
            columns[name], dust = from_decimals(name, column)
            dusty += dust
        columns["volume"], dust, decimals = volumes_from_decimals(volumes)
    except RowError as error:
        raise place.error(error.row, error.reason) from None
    return Rows(columns, place, kind, decimals, dusty + dust, spot)


def _number(name: str, text: str) -> Decimal:
    try:
        return parse_number(text)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _times(times: list[int], dated: list[bool]) -> Column:
    if any(dated) and not all(dated):
        raise RowError(dated.index(not dated[0]), "a date among numbers, or a number among dates")
    column = np.array(times, dtype=np.int64)
    if not dated[0]:
        return to_ns(column)[0]
    check_ns(column)
    return column
