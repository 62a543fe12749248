"""What an exchange sends, made by hand, and captures of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from engine.model import Instrument
from engine.recordings.capture import CaptureWriter
from engine.recordings.capture.segments import Heading, Record, Segment, SegmentReader, What, pack, segments_of
from engine.recordings.capture.sheets import KINDS
from engine.recordings.manifest import load, to_coin

START = 1_735_689_600 * 10**9  # 2025-01-01
MINUTE = 60 * 10**9

Row = dict[str, Any]


def instrument_of(coin: str = "BTCUSDT", lot: int = 1000) -> Instrument:
    base = coin.removesuffix("USDT")
    return Instrument(coin=coin, base=base, quote="USDT", tick=10**6, lot=lot, min_notional=5 * 10**8)


def stream(name: str, data: dict[str, Any]) -> bytes:
    return json.dumps({"stream": name, "data": data}, separators=(",", ":")).encode()


def trade(n: int, coin: str = "BTCUSDT", *, price: str = "100.50000000", amount: str = "0.01000000") -> bytes:
    at = START // 10**6 + n
    said = {"s": coin, "t": 1000 + n, "p": price, "q": amount, "T": at, "m": n % 2 == 0, "M": True}
    return stream(f"{coin.lower()}@trade", {"e": "trade", "E": at + 1, **said})


def quote(n: int, coin: str = "BTCUSDT") -> bytes:
    said = {"u": 5000 + n, "s": coin, "b": "100.49000000", "B": "2.00000000", "a": "100.51000000", "A": f"{n + 1}.50000000"}
    return stream(f"{coin.lower()}@bookTicker", said)


def depth(n: int, bids: Iterable[tuple[str, str]] = (("100.4", "1.0"),), asks: Iterable[tuple[str, str]] = ()) -> bytes:
    said = {"E": START // 10**6 + n, "s": "BTCUSDT", "U": 10 * n + 1, "u": 10 * n + 10}
    return stream("btcusdt@depth@100ms", {"e": "depthUpdate", **said, "b": list(bids), "a": list(asks)})


def kline(
    minute: int, coin: str = "BTCUSDT", *, closed: bool = True, close: int = 100, volume: str = "7.5", told: int = 0
) -> bytes:
    opened = (START + minute * MINUTE) // 10**6
    prices = {"o": "100.00000000", "h": "200.00000000", "l": "50.00000000", "c": f"{close}.00000000"}
    bar = {"t": opened, "T": opened + 59_999, "s": coin, "i": "1m", "f": 1, "L": 9, **prices, "v": volume, "n": 9, "x": closed}
    said = {"e": "kline", "E": opened + 60_000 + told, "s": coin, "k": {**bar, "q": "750.5", "V": "1", "Q": "100", "B": "0"}}
    return stream(f"{coin.lower()}@kline_1m", said)


def old_klines(minutes: Iterable[int], close: int = 100) -> bytes:
    """The reply that has klines of these minutes."""
    rows = []
    for minute in minutes:
        opened = (START + minute * MINUTE) // 10**6
        rows.append([opened, "100.0", "200.0", "50.0", f"{close}.0", "7.5", opened + 59_999, "750.5", 9, "1", "100", "0"])
    return json.dumps(rows).encode()


def heading(number: int = 0, capture: str = "20250101T000000Z-abcdef", coins: Iterable[Instrument] = ()) -> Heading:
    coins = list(coins) or [instrument_of()]
    return Heading(
        capture=capture,
        number=number,
        created=START,
        source="a test",
        config="",
        synthetic=False,
        spot=True,
        coins=[to_coin(coin, []) for coin in coins],
    )


def write_segment(path: Path, blocks: Iterable[Iterable[Record]], *, whole: bool = True, **said: Any) -> Path:
    """Write a segment of these blocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    segment = Segment(path, heading(**said))
    for block in map(list, blocks):
        packed = [pack(its.received, What(its.what), its.name.encode(), its.body) for its in block]
        segment.write(b"".join(packed), len(packed), block[0].received)
    segment.close(whole)
    return path


def read_segment(path: Path) -> tuple[list[Record], SegmentReader]:
    """The records of a segment as far as it can be read, and who read it."""
    reader = SegmentReader(path)
    return [record for block in reader.blocks() for record in block], reader


def captured(folder: Path) -> list[Record]:
    """All records of a recording that are not sealed."""
    return [record for path in segments_of(folder) for record in read_segment(path)[0]]


def sealed_rows(folder: Path, kind: str, coin: str = "BTCUSDT") -> list[Row]:
    """All sealed rows of a kind, files in the order of the manifest."""
    import pyarrow.parquet as pq

    files = [its for its in load(folder).events or () if (its.kind, its.coin) == (kind, coin)]
    assert all(set(pq.read_schema(folder / its.file).names) >= set(KINDS[kind].columns) for its in files)
    return [row for its in files for row in pq.read_table(folder / its.file).to_pylist()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "live"


@pytest.fixture
def start(folder: Path) -> Callable[..., CaptureWriter]:
    """Begin a capture that seals nothing by itself."""

    def begin(*coins: Instrument, **said: Any) -> CaptureWriter:
        return CaptureWriter(folder, coins or [instrument_of()], **({"source": "a test", "sealing": False} | said))

    return begin
