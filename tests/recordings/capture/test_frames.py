"""Each record goes to exactly one place, exact, or to `other` with its bytes as they came."""

from __future__ import annotations

import gzip
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.recordings.capture.frames import Frames, Unreadable, amount_decimals, instant, units
from engine.recordings.capture.segments import Record, What
from tests.recordings.capture.conftest import MINUTE, START, depth, kline, old_klines, quote, stream, trade

COINS = {"BTCUSDT": 8, "ETHUSDT": 8, "PEPEUSDT": 0}
MS = 10**6


def take(body: bytes, what: What = What.FRAME, name: str = "market") -> Frames:
    frames = Frames(COINS)
    frames.take(Record(77, what, name, body))
    return frames


def only(frames: Frames, kind: str, coin: str = "BTCUSDT", interval: str = "") -> list[list[int]]:
    """The rows of the one sheet there must be."""
    assert list(frames.sheets) == [(kind, coin, interval)]
    assert frames.records == sum(sheet.records for sheet in frames.sheets.values())
    return frames.sheets[kind, coin, interval].rows().tolist()


def other(frames: Frames) -> tuple[Any, ...]:
    """Name, reason and bytes of what could not be read."""
    only(frames, "other", "")
    _, texts, _ = frames.sheets["other", "", ""].tidy()
    return tuple(column[0] for column in texts)


def test_a_trade() -> None:
    row = [1003, 10_050_000_000, 1_000_000, 0, START + 3 * MS, 77]
    assert only(take(trade(3)), "trades") == [row]
    bare = json.dumps(json.loads(trade(3))["data"]).encode()
    assert only(take(bare), "trades") == [row]
    pepe = take(trade(2, "PEPEUSDT", price="0.00000800", amount="30000000000000000.00"))
    assert only(pepe, "trades", "PEPEUSDT") == [[1002, 800, 3 * 10**16, 1, START + 2 * MS, 77]]


def test_quotes() -> None:
    row = [5003, 10_049_000_000, 200_000_000, 10_051_000_000, 450_000_000, 77]
    assert only(take(quote(3)), "quotes") == [row]
    assert only(take(json.dumps(json.loads(quote(3))["data"], indent=2).encode()), "quotes") == [row]


def test_depth_and_its_snapshot() -> None:
    first = [31, 40, 0, 1, 10_040_000_000, 100_000_000, START + 3 * MS, 77]
    assert only(take(depth(3)), "depth") == [first]
    both = take(depth(3, [("1", "0")], [("2", "0.5"), ("3.25", "0.00000001")]))
    assert [row[3:6] for row in only(both, "depth")] == [[1, 10**8, 0], [-1, 2 * 10**8, 5 * 10**7], [-1, 325_000_000, 1]]
    assert only(take(depth(3, [])), "depth") == [[31, 40, 0, 0, 0, 0, START + 3 * MS, 77]]
    book = b'{"lastUpdateId":99,"bids":[["1.0","2.0"]],"asks":[["3.0","4.0"]]}'
    assert only(take(book, What.REPLY, "depth BTCUSDT"), "depth") == [
        [99, 99, 1, 1, 10**8, 2 * 10**8, 0, 77],
        [99, 99, 1, -1, 3 * 10**8, 4 * 10**8, 0, 77],
    ]


def test_klines_closed_and_forming() -> None:
    prices = [10**10, 2 * 10**10, 5 * 10**9]
    for closed in (True, False):
        frames = take(kline(4, closed=closed))
        time = START + 4 * MINUTE
        row = [time, *prices, 10**10, 750_000_000, int(closed), time + MINUTE, 77]
        assert only(frames, "klines", "BTCUSDT", "1m") == [row]
        assert frames.sheets["klines", "BTCUSDT", "1m"].tidy()[1] == [
            [json.dumps(json.loads(kline(4, closed=closed))["data"], separators=(",", ":"))]
        ]
        assert [its.time for its in frames.bars.get(("BTCUSDT", "1m"), [])] == [time] * closed


def test_klines_that_were_asked_for_are_closed_where_they_were_over() -> None:
    asked = START + 3 * MINUTE
    frames = take(old_klines(range(4)), What.REPLY, f"klines BTCUSDT 1m {asked}")
    rows = only(frames, "klines", "BTCUSDT", "1m")
    assert [(row[0], row[6], row[7]) for row in rows] == [(START + n * MINUTE, int(n < 3), asked) for n in range(4)]
    assert [its.time for its in frames.bars["BTCUSDT", "1m"]] == [START + n * MINUTE for n in range(3)]


def test_trades_that_were_asked_for() -> None:
    old = b'[{"id":5,"price":"1.5","qty":"2","quoteQty":"3","time":%d,"isBuyerMaker":true,"isBestMatch":true}]' % (START // MS)
    assert only(take(old, What.REPLY, "trades BTCUSDT"), "trades") == [[5, 150_000_000, 200_000_000, 1, START, 77]]


def test_account_events_as_they_are() -> None:
    event = f'{{"e": "balanceUpdate", "E": {START // MS}, "a": "BTC", "d": "100.0"}}'
    for body in (event, f'{{"subscriptionId": 0, "event": {event}}}'):
        frames = take(body.encode(), name="user")
        assert only(frames, "account", "") == [[START, 77]]
        assert frames.sheets["account", "", ""].tidy()[1] == [["balanceUpdate"], [event]]


def test_control_events() -> None:
    frames = take(b'{"event":"gap","coin":"BTCUSDT","kind":"trades","first":1,"last":2}', What.CONTROL, "gap")
    assert only(frames, "control", "") == [[77]]
    assert [type(event).__name__ for _, event in frames.told] == ["Gap"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[1,2]", "Expected `object`"),
        (b'{"result":null,"id":1}', "missing required field"),
        (b'{"e":"serverShutdown","E":1735689600000}', "no stream that is kept"),
        (stream("btcusdt@aggTrade", {"e": "aggTrade"}), "no stream that is kept"),
        (stream("btcusdt@depth20@100ms", {"lastUpdateId": 1, "bids": [], "asks": []}), "no stream that is kept"),
        (trade(1).replace(b'"100.50000000"', b"NaN"), "malformed"),
        (trade(1).replace(b'"100.50000000"', b"100.5"), "Expected `str`"),
        (trade(1, price="NaN"), "a number that is none"),
        (trade(1, price="-1.00000000"), "a number that is none"),
        (trade(1, price="1e5"), "a number that is none"),
        (trade(1, price="1_000.00000000"), "a number that is none"),
        (trade(1, price="１.00000000"), "a number that is none"),
        (trade(1, price=".00000001"), "a number that is none"),
        (trade(1, price="0.000000001"), "does not fit 64 bits in units of 1e-8"),
        (trade(1, price="92233720369.00000000"), "does not fit 64 bits in units of 1e-8"),
        (trade(1, price="0.00000000"), "without a price"),
        (trade(1, "PEPEUSDT", amount="0.5"), "does not fit 64 bits in units of 1e-0"),
        (trade(1, "DOGEUSDT"), "a coin that is not captured"),
        (trade(1).replace(b'"t":1001', b'"t":-5'), "Expected `int` >= 0"),
        (trade(1).replace(b'"t":1001', b'"t":9223372036854775808'), "Expected `int` <="),
        (trade(1).replace(b'"T":1735689600001', b'"T":1735689600'), "a time that is of no market"),
        (kline(1).replace(b'"h":"200.0', b'"h":"99.0'), "prices do not fit"),
        (kline(1).replace(b'"i":"1m"', b'"i":"7m"'), "of no interval"),
        (kline(1).replace(b'"t":1735689660000', b'"t":1735689660001'), "off its grid"),
        (kline(1, volume="92233720369.5"), "does not fit 64 bits"),
    ],
)
def test_what_cannot_be_read_is_kept(body: bytes, reason: str) -> None:
    name, why, raw = other(take(body))
    assert (name, raw) == ("market", body)
    assert reason in why


def test_a_bad_level_leaves_nothing_of_its_frame() -> None:
    assert other(take(depth(1, [("1.0", "1.0"), ("2.0", "x")])))[2] == depth(1, [("1.0", "1.0"), ("2.0", "x")])
    rows = json.loads(old_klines(range(3)))
    rows[2][2] = "1.0"
    assert other(take(json.dumps(rows).encode(), What.REPLY, "klines BTCUSDT 1m 5"))[1].startswith("a kline whose prices")


@pytest.mark.parametrize("name", ["", "depth", "depth BTCUSDT 5", "klines BTCUSDT 1m x", "klines BTCUSDT", "time"])
def test_replies_to_something_else_are_kept(name: str) -> None:
    assert other(take(b"{}", What.REPLY, name))[1] == "no reply that is kept in columns"


def test_records_of_a_later_tickdeck_are_kept() -> None:
    assert other(take(b"x", 9, "new"))[2] == b"x"  # type: ignore[arg-type]
    assert other(take(b'{"event":"new"}', What.CONTROL, "new"))[2] == b'{"event":"new"}'


@given(st.decimals(min_value=0, max_value=92_000_000_000, places=8), st.integers(0, 8))
def test_numbers_are_what_decimals_say(number: Decimal, places: int) -> None:
    for text in (format(number, "f"), format(round(number, places), "f")):
        assert units(text, 8) == int(Decimal(text).scaleb(8))
        whole = Decimal(text) == Decimal(text).to_integral_value()
        if whole:
            assert units(text, 0) == int(Decimal(text))
        else:
            with pytest.raises(Unreadable):
                units(text, 0)


@given(st.text(alphabet="0123456789.-+eEx٣ ", max_size=24))
def test_no_other_text_is_a_number(text: str) -> None:
    try:
        count = units(text, 8)
    except Unreadable:
        return
    whole, _, part = text.partition(".")
    assert set(whole + part) <= set("0123456789")
    assert whole
    assert count == int(Decimal(text).scaleb(8))


def test_units_of_amounts_and_times() -> None:
    assert [amount_decimals(lot) for lot in (1, 1000, 10**8 // 2, 10**8, 10**9)] == [8, 8, 8, 0, 0]
    assert instant(1_735_689_600_123) == instant(1_735_689_600_123_000) == 1_735_689_600_123 * MS


def real_frames(data: Path) -> list[bytes]:
    lines = gzip.decompress((data / "raw-ws/hftbacktest/spot_btcusdt_20240808.gz").read_bytes()).splitlines()[:3000]
    more = (data / "raw-ws/cryptofeed/BINANCE.ws.1.0").read_bytes().splitlines()
    return [line.partition(b" ")[2] for line in (*lines, *more) if line[:1].isdigit()]


def test_mangled_frames_are_never_lost_and_never_stop_it(data: Path) -> None:
    dice = random.Random(5)
    real = real_frames(data)
    frames = Frames(COINS)
    for n in range(20_000):
        body = bytearray(real[n % len(real)])
        for _ in range(dice.randrange(3)):
            place = dice.randrange(len(body))
            match dice.randrange(4):
                case 0:
                    body[place] = dice.randrange(256)
                case 1:
                    del body[place:]
                    body += b" "
                case 2:
                    body[place:place] = dice.choice([b'"', b"{", b"0", b"null", b"NaN", b"-1", b",", b"1e999"])
                case _:
                    del body[place : place + dice.randrange(8)]
                    body += b" "
        frames.take(Record(n, What.FRAME, "market", bytes(body)))
    assert frames.records == 20_000 == sum(sheet.records for sheet in frames.sheets.values())
    assert frames.sheets["other", "", ""].records > 5000
    assert frames.sheets["quotes", "BTCUSDT", ""].records > 3000
    for (kind, _, _), sheet in frames.sheets.items():
        rows, *_ = sheet.tidy()
        assert len(rows)
        assert kind == "depth" or (rows >= 0).all()


def test_real_frames_are_all_read(data: Path) -> None:
    frames = Frames(COINS | dict.fromkeys(("NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"), 8))
    for n, body in enumerate(real_frames(data)):
        book = body.startswith(b'{"last')
        frames.take(Record(n, What.REPLY if book else What.FRAME, "depth BTCUSDT" if book else "market", body))
    _, (_, reasons, bodies), _ = frames.sheets["other", "", ""].tidy()
    assert set(reasons) == {"no stream that is kept in columns"}
    assert ["aggTrade" in str(body) for body in bodies] == [True, True]
    assert frames.sheets["klines", "NKNUSDT", "1m"].records == frames.sheets["klines", "LRCBTC", "1m"].records == 1
    assert {coin for kind, coin, _ in frames.sheets if kind == "depth"} >= {"BTCUSDT", "NKNUSDT", "BLZETH", "LRCBTC", "RUNEEUR"}
