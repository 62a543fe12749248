"""Market streams: what they tell is what was recorded, at the times and in the shapes of the exchange."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.market.path import path
from engine.model import INTERVALS
from engine.recordings import Bars, resample
from engine.rehearsal.payloads.numbers import text
from tests.rehearsal.hall import MS, SECOND, Hall, hall
from tests.rehearsal.shapes import differences, fixture, frames
from tests.worlds import START, candles, market, units, walk

MINUTE = INTERVALS["1m"]
KINDS = [
    *("trade", "aggTrade", "bookTicker", "depth", "depth@100ms", "depth5", "depth20@100ms"),
    *("kline_1m", "kline_5m", "miniTicker", "ticker", "ticker_1h", "avgPrice"),
]
ALL = [f"btcusdt@{kind}" for kind in KINDS] + ["!miniTicker@arr"]


def bars_of(hall: Hall, n: int = 0) -> Bars:
    return hall.venue.market.coins[n].bars


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    """Two coins that walk, one with gaps; a hundred events in."""
    recording = market({"BTCUSDT": walk(300, seed=3), "ETHUSDT": walk(300, seed=4, keep=0.8)})
    async with hall(recording) as its:
        its.venue.step(100)
        yield its


async def told(its: Hall, stream: str, events: int) -> list[Any]:
    """What a stream tells of the next events."""
    async with its.listen(f"/ws/{stream}") as ear:
        its.venue.step(events)
        its.wait(2 * SECOND)
        return await ear.all()


# what is told


async def test_trades_are_those_of_the_path(it: Hall) -> None:
    coin = it.venue.market.coins[0]
    expected = [
        tick
        for row in range(len(coin.bars))
        for tick in path(coin.bars, row, tick=coin.instrument.tick, last=int(coin.bars.close[row - 1]) if row else 0)
    ]
    first = coin.trade_id
    trades = await told(it, "btcusdt@trade", 400)
    assert len(trades) > 150
    assert [trade["t"] for trade in trades] == list(range(first + 1, first + 1 + len(trades)))
    for trade in trades:
        tick = expected[trade["t"] - 1]
        assert (trade["p"], trade["q"], trade["T"], trade["m"]) == (
            text(tick.price),
            text(tick.amount),
            tick.time // MS,
            tick.sold,
        )
        assert (trade["e"], trade["s"], trade["E"], trade["M"]) == ("trade", "BTCUSDT", trade["T"], True)


async def test_an_aggregate_is_one_trade(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade/btcusdt@aggTrade") as ear:
        it.venue.step(50)
        events = await ear.all()
    trades = [event for event in events if event["e"] == "trade"]
    aggregates = [event for event in events if event["e"] == "aggTrade"]
    assert len(trades) == len(aggregates) > 10
    for trade, aggregate in zip(trades, aggregates, strict=True):
        assert {key: aggregate[key] for key in "EspqTmM"} == {key: trade[key] for key in "EspqTmM"}
        assert aggregate["a"] == aggregate["f"] == aggregate["l"] == trade["t"]


def as_told(bars: Bars, row: int) -> dict[str, str]:
    columns = {"o": bars.open, "h": bars.high, "l": bars.low, "c": bars.close, "v": bars.volume}
    return {key: text(int(column[row])) for key, column in columns.items()}


@pytest.mark.parametrize("interval", ["1m", "5m", "1h"])
@pytest.mark.parametrize("coin", ["btcusdt", "ethusdt"])
async def test_closed_klines_are_the_recorded_bars(it: Hall, interval: str, coin: str) -> None:
    recorded = it.venue.market.recording.bars(coin.upper(), interval)
    events = await told(it, f"{coin}@kline_{interval}", 2000)
    closed = [event["k"] for event in events if event["k"]["x"]]
    rows = {int(time) // MS: row for row, time in enumerate(recorded.time)}
    last = it.venue.now // MS
    for k in closed:
        assert {key: k[key] for key in "ohlcv"} == as_told(recorded, rows[k["t"]])
        assert k["T"] == k["t"] + INTERVALS[interval] // MS - 1
        assert (k["i"], k["s"]) == (interval, coin.upper())
    # every bar from the first told on, and none twice
    first = closed[0]["t"]
    assert [k["t"] for k in closed] == [time for time in rows if first <= time <= closed[-1]["t"]]
    assert last - closed[-1]["t"] < 3 * INTERVALS[interval] // MS


async def test_a_kline_forms_out_of_its_trades(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade/btcusdt@kline_1m") as ear:
        it.venue.step(300)
        events = await ear.all()
    trades: list[Any] = []
    forming = 0
    begun = False
    for event in events:
        if event["e"] == "trade":
            trades.append(event)
            continue
        k = event["k"]
        of_it = [trade for trade in trades if k["t"] <= trade["T"] <= k["T"]]
        if k["x"]:
            begun = True
        elif begun:
            forming += 1
            prices = [float(trade["p"]) for trade in of_it]
            assert [float(k[key]) for key in "ohlc"] == [prices[0], max(prices), min(prices), prices[-1]]
            assert units(k["v"]) == sum(units(trade["q"]) for trade in of_it)
            assert (k["f"], k["L"], k["n"]) == (of_it[0]["t"], of_it[-1]["t"], len(of_it))
            assert event["E"] % 2000 == 0
    assert forming > 50


async def test_what_a_gap_hid_is_told_behind_it() -> None:
    bars = candles([100, 101, 102, 103, 104], at=[0, 1, 2, 9, 10])
    async with hall(market(bars)) as its:
        events = await told(its, "btcusdt@kline_5m", 10)
    closed = [(event["E"], event["k"]["t"], event["k"]["c"]) for event in events if event["k"]["x"]]
    start = START // MS
    assert closed == [
        (start + 9 * 60_000, start, text(units(102))),
        (start + 10 * 60_000, start + 5 * 60_000, text(units(103))),
    ]


async def test_a_recording_that_begins_anew_goes_on() -> None:
    bars = walk(10, seed=2)
    async with hall(market(bars), loop=True) as its:
        events = await told(its, "btcusdt@kline_5m", 130)
    closed = [event["k"] for event in events if event["k"]["x"]]
    recorded = resample(bars, INTERVALS["5m"])
    assert len(closed) >= 4
    for n, k in enumerate(closed):
        assert k["t"] == START // MS + n * 300_000
        assert {key: k[key] for key in "ohlcv"} == as_told(recorded, n % 2)


async def test_days_can_begin_in_another_zone() -> None:
    """A day at +08:00 begins at 16:00 UTC."""
    bars = walk(49, interval="1h")
    async with hall(market(bars)) as its:
        events = await told(its, "btcusdt@kline_1d@+08:00", 10**6)
    days = [event["k"] for event in events if event["k"]["x"]]
    begins = [START // MS + hours * 3_600_000 for hours in (-8, 16)]
    assert [day["t"] for day in days] == begins
    for day, part in zip(days, (slice(0, 16), slice(16, 40)), strict=True):
        assert units(day["h"]) == bars.high[part].max()
        assert units(day["v"]) == bars.volume[part].sum()
        assert (units(day["o"]), units(day["c"])) == (bars.open[part][0], bars.close[part][-1])


async def test_a_bar_without_trades_closes(it: Hall) -> None:
    async with hall(market([100, (101, 101, 101, 101, 0), 102])) as its:
        events = await told(its, "btcusdt@kline_1m", 10)
    empty = [event["k"] for event in events if event["k"]["x"]][1]
    assert {empty[key] for key in "ohlc"} == {"101.00000000"}
    assert {empty[key] for key in "vqVQ"} == {"0.00000000"}
    assert [empty[key] for key in "nfL"] == [0, -1, -1]


# the book


class LocalBook:
    """A book kept the documented way: a snapshot, then the differences that follow it."""

    def __init__(self, snapshot: Any) -> None:
        self.id = snapshot["lastUpdateId"]
        self.sides = {side: dict(snapshot[side]) for side in ("bids", "asks")}
        self.joined = False

    def take(self, event: Any) -> None:
        if event["u"] <= self.id:
            return
        assert event["U"] <= self.id + 1 <= event["u"] if not self.joined else event["U"] == self.id + 1
        self.joined, self.id = True, event["u"]
        for side, changes in (("bids", event["b"]), ("asks", event["a"])):
            for price, amount in changes:
                if float(amount):
                    self.sides[side][price] = amount
                else:
                    self.sides[side].pop(price, None)

    def best(self) -> tuple[str, str, str, str]:
        bid = max(self.sides["bids"], key=float)
        ask = min(self.sides["asks"], key=float)
        return bid, self.sides["bids"][bid], ask, self.sides["asks"][ask]


def snapshot(its: Hall) -> Any:
    book = its.venue.market.coins[0].book
    sides = {"bids": book.bids, "asks": book.asks}
    return {"lastUpdateId": book.id} | {
        side: [(text(price), text(amount)) for price, amount in levels.items()] for side, levels in sides.items()
    }


@pytest.mark.parametrize("depth", ["depth@100ms", "depth"])
async def test_a_snapshot_and_the_differences_make_the_book(it: Hall, depth: str) -> None:
    async with it.listen(f"/stream?streams=btcusdt@{depth}/btcusdt@bookTicker/btcusdt@depth20@100ms") as ear:
        it.venue.step(30)
        book = LocalBook(snapshot(it))
        quotes: dict[int, tuple[str, ...]] = {}
        tops: dict[int, Any] = {}
        compared = 0
        for _ in range(40):
            it.venue.step(13)
            for frame in await ear.all():
                data = frame["data"]
                match frame["stream"].split("@")[1]:
                    case "bookTicker":
                        quotes[data["u"]] = (data["b"], data["B"], data["a"], data["A"])
                    case "depth20":
                        tops[data["lastUpdateId"]] = data
                    case _:
                        book.take(data)
                        if data["u"] == book.id:
                            assert book.best() == quotes[book.id]
                            compared += 1
                if book.id in tops:
                    top = tops.pop(book.id)
                    assert dict(top["bids"]) == book.sides["bids"]
                    assert dict(top["asks"]) == book.sides["asks"]
        assert compared > 50
        it.wait(SECOND)
        for frame in await ear.all():
            if frame["stream"] == f"btcusdt@{depth}":
                book.take(frame["data"])
    its = snapshot(it)
    assert book.id == its["lastUpdateId"]
    assert book.sides == {side: dict(its[side]) for side in ("bids", "asks")}


async def test_differences_follow_each_other_without_a_gap(it: Hall) -> None:
    slow, fast = [await told(it, f"btcusdt@depth{speed}", 300) for speed in ("", "@100ms")]
    for events in (slow, fast):
        assert all(event["U"] == before["u"] + 1 for before, event in itertools.pairwise(events))
    assert all(event["E"] % 1000 == 0 for event in slow)
    assert all(event["E"] % 100 == 0 for event in fast)


async def test_a_level_that_changed_twice_is_told_once() -> None:
    second = INTERVALS["1s"]
    bars = candles([(100, 103, 98, 101)] * 30, interval="1s")
    async with hall(market(bars)) as its:
        (first, *_), *_ = [await told(its, "btcusdt@depth", 60)]
        assert first["u"] - first["U"] > 1
        prices = [price for price, _ in first["b"]]
        assert len(prices) == len(set(prices))
        assert first["E"] * MS == START + second


async def test_first_levels_are_told_to_begin_with(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@depth5@100ms") as ear:
        it.venue.clock.move_to(it.venue.now + 100 * MS)
        it.venue.catch_up()
        (first,) = await ear.all()
    assert first == {
        "lastUpdateId": snapshot(it)["lastUpdateId"],
        **{side: [list(level) for level in snapshot(it)[side][:5]] for side in ("bids", "asks")},
    }


# tickers


def window(bars: Bars, begin: int, rows: int) -> tuple[Any, ...]:
    """Open, high, low, close and volume of the bars from a time on, of those that have closed."""
    part = slice(int(np.searchsorted(bars.time, begin)), rows)
    return (
        int(bars.open[part][0]),
        int(bars.high[part].max()),
        int(bars.low[part].min()),
        int(bars.close[part][-1]),
        int(bars.volume[part].sum()),
    )


@pytest.mark.parametrize(("stream", "span"), [("ticker", "1d"), ("ticker_1h", "1h"), ("ticker_4h", "4h"), ("ticker_1d", "1d")])
async def test_tickers_are_of_their_window(stream: str, span: str) -> None:
    bars = walk(120, seed=5, interval="15m")
    async with hall(market(bars)) as its:
        async with its.listen(f"/ws/btcusdt@{stream}/btcusdt@miniTicker") as ear:
            its.venue.step(10**6)
            its.wait(SECOND)
            *_, ticker, mini = [event for event in await ear.all()]
        if ticker["e"] == "24hrMiniTicker":
            ticker, mini = mini, ticker
        coin = its.venue.market.coins[0]
        now = ticker["C"] * MS
        begin = ticker["O"] * MS
        assert ticker["e"] == ("24hrTicker" if stream == "ticker" else f"{span}Ticker")
        assert now - begin == INTERVALS[span] if stream == "ticker" else 0 <= now - INTERVALS[span] - begin < MINUTE
        assert begin % MINUTE == 0 or stream == "ticker"
        ohlcv = window(bars, begin, len(bars))
        assert tuple(units(ticker[key]) for key in "ohlcv") == ohlcv
        assert units(ticker["p"]) == ohlcv[3] - ohlcv[0]
        assert float(ticker["P"]) == pytest.approx((ohlcv[3] / ohlcv[0] - 1) * 100, abs=0.002)
        assert float(ticker["w"]) == pytest.approx(float(ticker["q"]) / float(ticker["v"]), abs=1e-7)
        if stream == "ticker":
            best = snapshot(its)
            assert (ticker["b"], ticker["B"]) == best["bids"][0]
            assert (ticker["a"], ticker["A"]) == best["asks"][0]
            assert ticker["Q"] == text(coin.tape[-1].amount)
            assert {key: mini[key] for key in "cohlvq"} == {key: ticker[key] for key in "cohlvq"}


async def test_all_coins_that_changed_are_told_in_one() -> None:
    coins = {"BTCUSDT": candles([100, 101, 102]), "ETHUSDT": candles([9, 10], at=[0, 2]), "SOLUSDT": candles([1, 2, 3])}
    async with hall(market(coins)) as its, its.listen("/ws/!miniTicker@arr") as ear:
        its.wait(2 * MINUTE)
        its.wait(SECOND)
        first, second = await ear.all()
    assert [(each["s"], each["c"], each["E"]) for each in first] == [
        ("BTCUSDT", "101.00000000", START // MS + 61_000),
        ("SOLUSDT", "2.00000000", START // MS + 61_000),
    ]
    assert [(each["s"], each["c"]) for each in second] == [
        ("BTCUSDT", "102.00000000"),
        ("ETHUSDT", "10.00000000"),
        ("SOLUSDT", "3.00000000"),
    ]
    assert {each["E"] for each in second} == {START // MS + 121_000}


async def test_the_average_price_is_of_five_minutes() -> None:
    bars = candles([(price, price, price, price, volume) for price, volume in zip(range(100, 110), range(1, 11), strict=True)])
    async with hall(market(bars)) as its, its.listen("/ws/btcusdt@avgPrice") as ear:
        its.venue.step(10**6)
        *_, last = await ear.all()
    # a bar that stands still trades once, as it opens; the last second told is that behind the last trade
    at = START + 9 * MINUTE
    assert (last["T"], last["E"], last["i"]) == (at // MS, at // MS + 1000, "5m")
    mean = sum(price * volume for price, volume in zip(range(105, 110), range(6, 11), strict=True)) / sum(range(6, 11))
    assert float(last["w"]) == pytest.approx(mean, abs=1e-8)


# when, and in what unit


async def test_times_can_be_had_in_microseconds(it: Hall) -> None:
    async with (
        it.listen("/stream?streams=btcusdt@trade/btcusdt@kline_1m/btcusdt@ticker/btcusdt@depth&timeUnit=MICROSECOND") as fine,
        it.listen("/stream?streams=btcusdt@trade/btcusdt@kline_1m/btcusdt@ticker/btcusdt@depth") as coarse,
    ):
        it.venue.step(60)
        its, ours = await fine.all(), await coarse.all()
    assert len(its) == len(ours) > 50

    def scaled(data: dict[str, Any]) -> dict[str, Any]:
        return {
            key: value // 1000 if key in ("E", "T", "O", "C", "t") and value > 10**14 else value for key, value in data.items()
        }

    for a, b in zip(its, ours, strict=True):
        assert a["data"]["E"] == b["data"]["E"] * 1000
        data = scaled(a["data"])
        if "k" in data:
            assert data["k"]["T"] == b["data"]["k"]["T"] * 1000 + 999
            data["k"] = scaled(data["k"])
        assert data == b["data"]


async def test_no_time_unit_but_two() -> None:
    async with hall(market([100])) as its, its.http.get(its.url + "/ws/btcusdt@trade?timeUnit=SECOND") as reply:
        assert reply.status == 400
        assert (await reply.json())["code"] == -1194


async def test_what_is_gathered_is_told_at_whole_multiples(it: Hall) -> None:
    events: dict[str, list[int]] = {}
    async with it.listen("/stream?streams=" + "/".join(ALL)) as ear:
        it.venue.step(400)
        for frame in await ear.all():
            data = frame["data"][0] if isinstance(frame["data"], list) else frame["data"]
            if "E" in data and not data.get("k", {}).get("x"):
                events.setdefault(frame["stream"], []).append(data["E"])
    for stream, every in (("depth", 1000), ("depth@100ms", 100), ("ticker", 1000), ("ticker_1h", 1000), ("kline_1m", 2000)):
        times = events[f"btcusdt@{stream}"]
        assert all(time % every == 0 for time in times)
        assert times == sorted(set(times))


# shapes


@pytest.fixture(scope="module")
def fixtures(data: Path) -> dict[str, Any]:
    folder = data / "payloads" / "binance-net" / "Subscriptions" / "Spot" / "ExchangeData"
    return {path.stem: fixture(path)["data"] for path in folder.glob("*.txt") if path.stem != "Concurrent"}


@pytest.fixture(scope="module")
def real(data: Path) -> dict[str, Any]:
    """A frame of each kind as it was really received."""
    found: dict[str, Any] = {}
    for name in ("cryptofeed/BINANCE.ws.1.0", "hftbacktest/spot_btcusdt_20240808.gz"):
        for frame in itertools.islice(frames(data / "raw-ws" / name), 500):
            if "stream" in frame and (frame["stream"].split("@")[1] != "depth" or (frame["data"]["a"] and frame["data"]["b"])):
                found[frame["stream"].split("@")[1]] = frame
    assert sorted(found) == ["aggTrade", "bookTicker", "depth", "kline_1m", "trade"]
    return found


async def examples(its: Hall) -> dict[str, Any]:
    """One frame of each stream."""
    found: dict[str, Any] = {}
    async with its.listen("/stream?streams=" + "/".join(ALL)) as ear:
        its.venue.step(100)
        for frame in await ear.all():
            found.setdefault(frame["stream"].removeprefix("btcusdt@"), frame)
    assert sorted(found) == sorted([*KINDS, "!miniTicker@arr"])
    return found


async def test_frames_have_the_shape_of_real_ones(it: Hall, real: dict[str, Any]) -> None:
    ours = await examples(it)
    assert {kind: differences(ours[kind], frame) for kind, frame in real.items()} == {kind: [] for kind in real}


async def test_payloads_have_the_shape_of_the_documented_ones(it: Hall, fixtures: dict[str, Any]) -> None:
    ours = {kind: frame["data"] for kind, frame in (await examples(it)).items()}
    pairs = {
        "AggregatedTrades": "aggTrade",
        "BookTicker": "bookTicker",
        "Klines": "kline_1m",
        "MiniTicker": "miniTicker",
        "PartialBook": "depth5",
        "RollingWindowTicker": "ticker_1h",
        "Ticker": "ticker",
        "Trades": "trade",
    }
    assert fixtures.keys() == pairs.keys()
    # the ids of the orders that met are no longer told, see the real frames
    known = {"Trades": [".a is lacking", ".b is lacking"]}
    assert {name: differences(ours[kind], fixtures[name]) for name, kind in pairs.items()} == {
        name: known.get(name, []) for name in pairs
    }
    assert differences(ours["!miniTicker@arr"], [fixtures["MiniTicker"]]) == []
