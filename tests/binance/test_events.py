"""Market events: real frames read exactly, and nothing that is no number let in."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.binance.events import DepthEvent, KlineEvent, QuoteEvent, TradeEvent, read_frame
from engine.binance.numbers import NotExact, units
from engine.binance.socket import BadFrame


def frame(stream: str, **data: Any) -> bytes:
    return json.dumps({"stream": stream, "data": data}).encode()


def kline(**changes: Any) -> bytes:
    bar = {
        "t": 1735689600000,
        "T": 1735689659999,
        "s": "BTCUSDT",
        "i": "1m",
        "f": 1,
        "L": 9,
        "o": "100.5",
        "c": "101",
        "h": "102",
    }
    bar |= {"l": "99.9", "v": "3.25", "n": 9, "x": True, "q": "300", "V": "1", "Q": "100", "B": "0"} | changes
    return frame("btcusdt@kline_1m", e="kline", E=1735689660001, s="BTCUSDT", k=bar)


def test_real_frames_are_read_as_they_are(data: Path) -> None:
    counts = {TradeEvent: 0, QuoteEvent: 0, DepthEvent: 0}
    ids = []
    for line in gzip.decompress((data / "raw-ws" / "hftbacktest" / "spot_btcusdt_20240808.gz").read_bytes()).splitlines():
        raw = line.split(b" ", 1)[1]
        if b'"stream"' not in raw[:12]:
            continue
        event = read_frame(raw)
        said = json.loads(raw)["data"]
        counts[type(event)] += 1
        if isinstance(event, TradeEvent):
            ids.append(event.id)
            assert Decimal(event.price).scaleb(-8) == Decimal(said["p"])
            assert Decimal(event.amount).scaleb(-8) == Decimal(said["q"])
            assert (event.time, event.at, event.sold) == (said["T"] * 10**6, said["E"] * 10**6, said["m"])
        elif isinstance(event, QuoteEvent):
            assert Decimal(event.ask).scaleb(-8) == Decimal(said["a"])
            assert Decimal(event.bid_amount).scaleb(-8) == Decimal(said["B"])
        elif isinstance(event, DepthEvent):
            assert (event.first, event.last) == (said["U"], said["u"])
            assert len(event.bids) == len(said["b"])
    assert counts == {TradeEvent: 9757, QuoteEvent: 28040, DepthEvent: 3451}
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_a_closed_bar_is_never_lost_and_a_forming_one_conflates() -> None:
    closed, forming = read_frame(kline()), read_frame(kline(x=False))
    assert isinstance(closed, KlineEvent)
    assert isinstance(forming, KlineEvent)
    assert closed.bar == (1735689600 * 10**9, 10050000000, 10200000000, 9990000000, 10100000000, 325000000)
    assert (closed.key, forming.key) == (None, ("kline", "BTCUSDT", "1m"))


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{",
        b"null",
        b'{"stream": "x"}',
        b'{"stream": "x", "data": 5}',
        b"\xff\xfe",
        b"[" * 5000,
        kline(o="NaN"),
        kline(o="1e5"),
        kline(o="-1"),
        kline(o="１"),
        kline(o="1_0"),
        kline(o=100.5),
        kline(h="1"),
        kline(l="0"),
        kline(t=1735689600),
        kline(v="99999999999999999999"),
        frame("btcusdt@trade", e="trade", E=1735689660001, s="BTCUSDT", t=1, p="0", q="1", T=1735689660001, m=True),
        frame("btcusdt@trade", e="trade", E=1735689660001, s="BTCUSDT", t=-5, p="1", q="1", T=1735689660001, m=True),
        frame("btcusdt@bookTicker", u=1, s="BTCUSDT", b="101", B="1", a="100", A="1"),
    ],
)
def test_what_the_exchange_does_not_send_is_a_bad_frame(bad: bytes) -> None:
    with pytest.raises(BadFrame):
        read_frame(bad)


def test_what_tells_nothing_of_a_market_is_nothing() -> None:
    assert read_frame(frame("x", e="serverShutdown", E=1, s="")) is None


@pytest.mark.parametrize("stream", ["1_0", "ethusdt@trade", "btcusdt@aggTrade", "btcusdt", "@trade", "BTCUSDT@trade"])
def test_what_comes_by_another_stream_than_its_own_is_nothing(stream: str) -> None:
    said = {"e": "trade", "E": 1735689660001, "s": "BTCUSDT", "t": 1, "p": "1", "q": "1", "T": 1735689660001, "m": True}
    assert read_frame(frame("btcusdt@trade", **said)) is not None
    assert read_frame(frame(stream, **said)) is None


@given(st.integers(0, 2**63 - 1), st.integers(0, 8))
def test_plain_numbers_are_counted_exactly(count: int, decimals: int) -> None:
    text = format(Decimal(count).scaleb(-decimals), "f")
    assert units(text, decimals) == count
    assert units(text + ("" if "." in text else ".0") + "0000", decimals) == count


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        counted = units(text)
    except NotExact:
        return
    assert Decimal(counted).scaleb(-8) == Decimal(text)
