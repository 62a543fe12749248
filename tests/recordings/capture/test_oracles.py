"""A real market through the writer and the sealing: its trades make the exchange's own bars, its book the exchange's quotes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.recordings import import_files, open_recording, verify
from engine.recordings.capture import CaptureWriter, seal
from engine.recordings.capture.sheets import KINDS, Rows, read_sheet
from engine.recordings.manifest import load
from tests.recordings.capture.conftest import MINUTE, instrument_of

FILES = {"BTCUSDT": ("btcusdt_20240808", "btcusdt_20240809"), "ETHUSDT": ("ethusdt_20240808",)}
MIDNIGHT = 1_723_161_600 * 10**9  # 2024-08-09


@pytest.fixture(scope="module")
def sealed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three files captured as they came, and sealed."""
    folder = tmp_path_factory.mktemp("real") / "spot"
    lines = []
    for coin, names in FILES.items():
        for name in names:
            content = gzip.decompress((data / f"raw-ws/hftbacktest/spot_{name}.gz").read_bytes())
            lines += [(int(line[:19]), coin, line[20:]) for line in content.splitlines()]
    lines.sort(key=lambda line: line[0])
    with CaptureWriter(folder, map(instrument_of, FILES), source="Binance", sealing=False, segment_bytes=2 << 20) as capture:
        for received, coin, body in lines:
            if body.startswith(b'{"lastUpdateId"'):
                capture.depth(coin, received, body)
            else:
                capture.frame("market", received, body)
    done = seal(folder)
    assert done.records == len(lines) + 1
    assert done.rows["trades"] == 9757 + 10147 + 6106
    assert done.rows["quotes"] == 28040 + 45134 + 24077
    assert set(done.rows) == {"trades", "quotes", "depth", "control"}
    assert verify(folder) == []
    assert len(load(folder).captures[0].lost) == load(folder).captures[0].duplicates == 0
    return folder


def columns(folder: Path, kind: str, coin: str) -> dict[str, Any]:
    """The columns of all the files of a kind."""
    files = [its.file for its in load(folder).events or () if (its.kind, its.coin) == (kind, coin)]
    rows: Rows = np.concatenate([read_sheet(folder / name, kind)[0] for name in files])
    return {name: rows[:, n] for n, name in enumerate(KINDS[kind].columns)}


@pytest.mark.parametrize(("coin", "first", "last"), [("BTCUSDT", -5, 5), ("ETHUSDT", -5, 0)])
def test_trades_make_the_bars(sealed: Path, data: Path, tmp_path: Path, coin: str, first: int, last: int) -> None:
    source = data / f"klines/spot-1m-2024-07_08/{coin.removesuffix('USDT')}_USDT-1m.feather"
    import_files([source], tmp_path / "real")
    bars = open_recording(tmp_path / "real").bars(coin)
    trades = columns(sealed, "trades", coin)
    assert np.array_equal(np.diff(trades["id"]), np.ones(len(trades["id"]) - 1))
    for opening in range(MIDNIGHT + first * MINUTE, MIDNIGHT + last * MINUTE, MINUTE):
        inside = (trades["time"] >= opening) & (trades["time"] < opening + MINUTE)
        price, amount = trades["price"][inside], trades["amount"][inside]
        row = int(np.flatnonzero(bars.time == opening)[0])
        wanted = [bars.open[row], bars.high[row], bars.low[row], bars.close[row]]
        assert [price[0], price.max(), price.min(), price[-1]] == wanted
        assert amount.sum() == int(bars.volume[row]) * 10 ** (8 - bars.volume_decimals)


@pytest.mark.parametrize(("coin", "agreeing"), [("BTCUSDT", 1072), ("ETHUSDT", 577)])
def test_the_book_makes_the_quotes(sealed: Path, coin: str, agreeing: int) -> None:
    """Rebuilt from the snapshot and what changed, wherever a quote has the update id of a change."""
    quotes = columns(sealed, "quotes", coin)
    at = {id: row for row, id in enumerate(quotes["id"].tolist())}
    changes = columns(sealed, "depth", coin)
    table = np.stack([changes[name] for name in ("first", "last", "snapshot", "side", "price", "amount")], axis=1)
    snapshot = table[table[:, 2] == 1]
    known = int(snapshot[0, 1])
    assert len(snapshot) == 2000
    book: dict[int, dict[int, int]] = {1: {}, -1: {}}
    for _, _, _, side, price, amount in snapshot.tolist():
        book[side][price] = amount
    later = table[(table[:, 2] == 0) & (table[:, 1] > known)]
    ends = np.flatnonzero(np.append(np.diff(later[:, 1]) != 0, True)) + 1
    met, begin = 0, 0
    for end in ends.tolist():
        event = later[begin:end].tolist()
        begin = end
        first, last = event[0][:2]
        assert first <= known + 1 <= last
        known = last
        for _, _, _, side, price, amount in event:
            if amount:
                book[side][price] = amount
            else:
                book.get(side, {}).pop(price, None)
        if last in at:
            bid, ask = max(book[1]), min(book[-1])
            assert bid < ask
            row = [quotes[name][at[last]] for name in ("bid", "bid_amount", "ask", "ask_amount")]
            assert [bid, book[1][bid], ask, book[-1][ask]] == row
            met += 1
    assert met == agreeing
