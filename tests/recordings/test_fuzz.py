"""Mutated files: each is refused with a RecordingError or gives exactly the rows that a slow, obvious reader finds in it."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import time
import zipfile
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from engine.errors import RecordingError
from engine.recordings.bars import COLUMNS
from engine.recordings.importers import read_file, text
from engine.recordings.importers.table import make_part
from engine.recordings.names import Symbol

BTC = Symbol("BTCUSDT", "BTC", "USDT")
MINUTE = 60 * 10**9
Rows = list[tuple[Decimal, ...]]

NASTY = [
    *("nan", "inf", "-inf", "", "0", "-1", "1e5", "1e400", "1e-400", "1E+2", "+7", ".5", "7.", ".", "-", "0x10", "1_0", "1 0"),
    *('"9"', "９", "9" * 30, "0.123456789", "1." + "0" * 30 + "1", "1735689600", "1735689660000000", "null", "true", "[1]"),
    *("\x00", "\ufeff", "\r", "1\n2"),
]


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """The content with one to three wounds of the kinds that disks, networks, editors and programs inflict."""
    for _ in range(int(rng.integers(1, 4))):
        size = len(content)
        a, b = sorted(rng.integers(0, size + 1, 2).tolist()) if size else (0, 0)
        wound = int(rng.integers(0, 10))
        lines = content.split(b"\n")
        if wound == 0 and size:
            content = content[: a % size] + bytes([content[a % size] ^ 1 << int(rng.integers(0, 8))]) + content[a % size + 1 :]
        elif wound == 1:
            content = content[:a]
        elif wound == 2:
            content = content[:a] + content[min(b, a + 9) :]
        elif wound == 3:
            content = content[:a] + bytes(rng.integers(0, 256, int(rng.integers(1, 5))).astype(np.uint8)) + content[a:]
        elif wound == 4:
            content = content[:a] + content[a : min(b, a + 40)] + content[a:]
        elif wound in (5, 6):
            fields = re.split(rb"([,\n\[\]])", content)
            fields[2 * int(rng.integers(0, len(fields) // 2 + 1))] = NASTY[int(rng.integers(0, len(NASTY)))].encode()
            content = b"".join(fields)
        elif wound == 7 and len(lines) > 1:
            i, j = rng.integers(0, len(lines), 2).tolist()
            lines[i], lines[j] = lines[j], lines[i]
            content = b"\n".join(lines)
        elif wound == 8 and len(lines) > 1:
            lines.insert(int(rng.integers(0, len(lines))), lines[int(rng.integers(0, len(lines)))])
            content = b"\n".join(lines)
        else:
            content = content.replace(b"\n", b"\r\n") if rng.random() < 0.5 else b"\xef\xbb\xbf" + content
    return content


def ns(number: Decimal) -> Decimal:
    """A time as ns, by the number of its digits."""
    return number * {10: 10**9, 13: 10**6, 16: 10**3, 19: 1}[len(format(number.to_integral_value(), "f"))]


def rows_of(table: list[list[str]]) -> Rows:
    return [(ns(Decimal(row[0])), *(Decimal(field) for field in row[1:6])) for row in table]


def slow_csv(content: bytes, header: bool) -> Rows:
    decoded = content.decode("utf-8-sig")
    table = [
        [field.strip() for field in row]
        for row in csv.reader(io.StringIO(decoded.replace("\r\n", "\n")))
        if any(f.strip() for f in row)
    ]
    return rows_of(table[1:] if header else table)


def slow_json(content: bytes) -> Rows:
    return rows_of(json.loads(content.decode("utf-8-sig"), parse_float=str, parse_int=str))


def slow_feather(content: bytes) -> Rows:
    frame = pyarrow.feather.read_feather(io.BytesIO(content))
    return [
        (Decimal(row.date.value), *(Decimal(repr(value)) for value in row[1:]))
        for row in frame[["date", *COLUMNS[1:]]].itertuples(index=False)
    ]


def slow_zip(content: bytes) -> Rows:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return slow_csv(archive.read(next(name for name in archive.namelist() if not name.endswith("/"))), False)


READERS = {
    "plain.csv": lambda content: slow_csv(content, True),
    "vision.csv": lambda content: slow_csv(content, False),
    "list.json": slow_json,
    "packed.csv.gz": lambda content: slow_csv(gzip.decompress(content), True),
    "packed.zip": slow_zip,
    "frame.feather": slow_feather,
}


def originals(make_bars, as_csv, as_vision) -> dict[str, bytes]:
    bars = make_bars(12, seed=11)
    plain, vision = as_csv(bars).encode(), as_vision(bars).encode()
    rows = [
        [int(t) // 10**6, *(value / 1e8 for value in rest)]
        for t, *rest in zip(*(bars.column(name) for name in COLUMNS), strict=True)
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vision.csv", vision)
    frame = io.BytesIO()
    columns = {name: pa.array(bars.column(name) / 1e8) for name in COLUMNS[1:]}
    table = pa.table({"date": pa.array(bars.time).cast(pa.timestamp("ns", "UTC")), **columns})
    pyarrow.feather.write_feather(table, frame)
    return {
        "plain.csv": plain,
        "vision.csv": vision,
        "list.json": json.dumps(rows, separators=(",", ":")).encode(),
        "packed.csv.gz": gzip.compress(plain, mtime=0),
        "packed.zip": packed.getvalue(),
        "frame.feather": frame.getvalue(),
    }


@pytest.mark.parametrize("name", READERS)
def test_only_refused_or_exactly_what_is_written(name: str, make_bars, as_csv, as_vision, tmp_path: Path) -> None:
    content = originals(make_bars, as_csv, as_vision)[name]
    path = tmp_path / name
    rng = np.random.default_rng(sum(name.encode()))
    refused: list[str] = []
    read, slowest = 0, 0.0
    for n in range(400):
        wounded = mutate(content, rng) if n else content
        path.write_bytes(wounded)
        began = time.perf_counter()
        try:
            bars = make_part(BTC, MINUTE, read_file(path)[1], None).bars
        except RecordingError as error:
            refused.append(error.message)
            continue
        finally:
            slowest = max(slowest, time.perf_counter() - began)
        rows = sorted(set(zip(*(bars.column(column).tolist() for column in COLUMNS), strict=True)))
        try:
            wanted = sorted(set(READERS[name](wounded)))
        except (InvalidOperation, KeyError, ValueError, IndexError, json.JSONDecodeError) as error:
            pytest.fail(f"mutant {n} was read, though {error!r}: {wounded!r}")
        assert len(rows) == len(wanted), wounded
        for row, want in zip(rows, wanted, strict=True):
            exact = (want[0], *(value.scaleb(8) for value in want[1:]))
            assert all(abs(a - b) < Decimal("0.5") for a, b in zip(row, exact, strict=True)), (n, row, want)
        read += 1
    assert all(name in message and message.isprintable() for message in refused)
    assert read > 3
    assert slowest < 1


@pytest.mark.parametrize("dated", [False, True])
def test_the_fast_reader_says_nothing_the_slow_one_does_not(make_bars, as_csv, dated: bool) -> None:
    layout = text.Layout(6, tuple(range(6)), 1)
    body = as_csv(make_bars(8, seed=3), header=False).encode()
    if dated:
        body = re.sub(rb"(?m)^[0-9]+", lambda time: str(np.datetime64(int(time[0]), "ms"))[:19].encode(), body)
    rng = np.random.default_rng(3)
    both = 0
    for _ in range(700):
        wounded = mutate(body, rng)
        fast = text.read_fast("f", wounded, layout, "csv", None)
        if fast is None:
            continue
        slow = text.read_slow("f", text.split_lines(wounded, 1), layout, "csv")
        assert fast.columns["time"].tolist() == slow.columns["time"].tolist(), wounded
        for column in COLUMNS:
            assert fast.columns[column].tolist() == slow.columns[column].tolist(), wounded
        assert [fast.lines.place(row) for row in range(len(fast.columns["time"]))] == [
            slow.lines.place(row) for row in range(len(slow.columns["time"]))
        ]
        both += 1
    assert both > 60
