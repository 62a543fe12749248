"""REST as its clients meet it: the market, the account and its history, and what they ask for when they start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.errors import UsageError
from engine.model import INTERVALS
from engine.rehearsal.server import RehearsalServer
from engine.rehearsal.settings import RehearsalSettings
from tests.rehearsal.hall import hall
from tests.rehearsal.trader import LIMIT, Trader, trading
from tests.worlds import START, candles, market, walk

MS, US = 1_000_000, 1_000
MINUTE_MS = 60_000
COIN = {"symbol": "BTCUSDT"}
BEGIN_MS = START // MS


@pytest.fixture
async def by() -> AsyncIterator[Trader]:
    """A trader four bars in, which traded at 100, 101, 102 and 103, on a market of two coins."""
    recording = market({"BTCUSDT": [100, 101, 102, 103, 104, 105], "ETHUSDT": candles([(10, 12, 9, 11)] * 6)})
    async with trading(recording, events=0) as its:
        its.hall.wait(4 * INTERVALS["1m"] - MS)
        yield its


# the exchange


async def test_its_time_is_the_markets_in_ms_or_us(by: Trader) -> None:
    by.hall.wait(1_234_000)
    told = await by.get("time")
    assert told.body == {"serverTime": by.venue.now // MS}
    for unit in ("MICROSECOND", "microsecond"):
        told = await by.send("GET", "time", X_MBX_TIME_UNIT=unit)
        assert told.body == {"serverTime": by.venue.now // US}
    told = await by.send("GET", "time", X_MBX_TIME_UNIT="SECOND")
    assert told.refusal == (400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    assert (await by.get("ping")).body == {}
    assert (await by.get("ping", x=1)).refusal == (400, -1101, "Too many parameters; expected '0' and received '1'.")


async def test_microseconds_are_told_of_everything() -> None:
    async with trading(market([100] * 3)) as by:
        query = by.signed("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timestamp=1")
        told = await by.send("POST", "order", query=query, X_MBX_APIKEY=by.key, X_MBX_TIME_UNIT="MICROSECOND")
        assert told.body["transactTime"] == told.body["workingTime"] == by.venue.now // US


@pytest.mark.parametrize(
    ("params", "symbols"),
    [
        ({}, ["BTCUSDT", "ETHUSDT"]),
        ({"symbol": "ETHUSDT"}, ["ETHUSDT"]),
        ({"symbols": '["ETHUSDT","BTCUSDT"]'}, ["ETHUSDT", "BTCUSDT"]),
        ({"permissions": "SPOT"}, ["BTCUSDT", "ETHUSDT"]),
        ({"permissions": '["SPOT","MARGIN"]'}, ["BTCUSDT", "ETHUSDT"]),
        ({"permissions": "MARGIN"}, []),
        ({"symbolStatus": "TRADING"}, ["BTCUSDT", "ETHUSDT"]),
        ({"symbolStatus": "HALT"}, []),
        ({"symbol": "XRPUSDT"}, -1121),
        ({"symbols": '["ETHUSDT","X"]'}, -1121),
        ({"symbols": '["ETHUSDT","ETHUSDT"]'}, -1151),
        ({"symbols": "ETHUSDT"}, -1100),
        ({"symbol": "ETHUSDT", "symbols": '["ETHUSDT"]'}, -1128),
        ({"symbolStatus": "OPEN"}, -1122),
    ],
)
async def test_exchange_info_of_what_is_asked_for(by: Trader, params: dict[str, str], symbols: Any) -> None:
    told = await by.get("exchangeInfo", **params)
    if isinstance(symbols, int):
        assert (told.status, told.body["code"]) == (400, symbols)
    else:
        assert [its["symbol"] for its in told.body["symbols"]] == symbols


async def test_the_filters_are_the_recordings() -> None:
    async with trading(market([100] * 3, tick="0.05", lot="0.02", min_notional=7)) as by:
        (symbol,) = (await by.get("exchangeInfo")).body["symbols"]
    told = {its.pop("filterType"): its for its in symbol["filters"]}
    assert told["PRICE_FILTER"]["tickSize"] == told["PRICE_FILTER"]["minPrice"] == "0.05000000"
    assert told["LOT_SIZE"]["stepSize"] == told["LOT_SIZE"]["minQty"] == "0.02000000"
    assert told["NOTIONAL"]["minNotional"] == "7.00000000"
    assert (symbol["baseAsset"], symbol["quoteAsset"], symbol["status"]) == ("BTC", "USDT", "TRADING")


async def test_what_is_not_served(by: Trader) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert (await by.send(method, "userDataStream")).status == 410
    assert (await by.get("nothing")).status == 404
    assert (await by.send("DELETE", "depth")).status == 405
    assert (await by.get("referencePrice", **COIN)).refusal == (400, -2043, "This symbol doesn't have a reference price.")
    assert (await by.get("executionRules", **COIN)).body == {"symbolRules": [{**COIN, "rules": []}]}


async def test_what_clients_ask_for_when_they_start(by: Trader) -> None:
    assert (await by.get("/sapi/v1/system/status")).body == {"status": 0, "msg": "normal"}
    for path in ("/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"):
        assert (await by.get(path)).body["symbols"] == []
    told = await by.send("GET", "/sapi/v1/margin/allPairs", X_MBX_APIKEY=by.key)
    assert (told.status, told.body) == (200, [])
    assert (await by.ask("GET", "/sapi/v1/margin/allPairs")).body == []
    assert (await by.ask("GET", "/sapi/v1/margin/isolated/allPairs")).body == []
    coins = (await by.ask("GET", "/sapi/v1/capital/config/getall")).body
    assert [(its["coin"], its["free"]) for its in coins] == [
        ("USDT", "10000.00000000"),
        ("BTC", "0.00000000"),
        ("ETH", "0.00000000"),
    ]
    rights = (await by.ask("GET", "/sapi/v1/account/apiRestrictions")).body
    assert (rights["enableSpotAndMarginTrading"], rights["enableWithdrawals"]) == (True, False)
    fees = (await by.ask("GET", "/sapi/v1/asset/tradeFee", **COIN)).body
    assert fees == [{**COIN, "makerCommission": "0.00100000", "takerCommission": "0.00100000"}]


# the market


async def test_the_tape(by: Trader) -> None:
    rows = (await by.get("trades", **COIN)).body
    assert [(row["id"], row["price"]) for row in rows] == [(n + 1, f"{100 + n}.00000000") for n in range(4)]
    assert [row["time"] for row in rows] == [BEGIN_MS + n * MINUTE_MS for n in range(4)]
    assert rows[1]["quoteQty"] == "101000.00000000"
    assert (await by.get("trades", **COIN, limit=1)).body == rows[-1:]
    assert (await by.get("historicalTrades", **COIN, fromId=2, limit=2)).body == rows[1:3]
    deals = (await by.get("aggTrades", **COIN, startTime=BEGIN_MS + 1, endTime=BEGIN_MS + 2 * MINUTE_MS)).body
    assert [(row["a"], row["f"], row["l"], row["T"]) for row in deals] == [
        (2, 2, 2, BEGIN_MS + MINUTE_MS),
        (3, 3, 3, BEGIN_MS + 2 * MINUTE_MS),
    ]
    told = await by.get("aggTrades", **COIN, fromId=1, startTime=BEGIN_MS)
    assert told.refusal == (400, -1128, "Combination of optional parameters invalid.")


async def test_the_book_stands_around_the_last_trade(by: Trader) -> None:
    told = (await by.get("depth", **COIN, limit=3)).body
    assert [price for price, _ in told["bids"]] == ["102.99000000", "102.98000000", "102.97000000"]
    assert [price for price, _ in told["asks"]] == ["103.00000000", "103.01000000", "103.02000000"]
    best = (await by.get("ticker/bookTicker", **COIN)).body
    assert [best["bidPrice"], best["bidQty"]] == told["bids"][0]
    assert [best["askPrice"], best["askQty"]] == told["asks"][0]
    assert (await by.get("depth", **COIN, limit=0)).refusal == (400, -1130, "Data sent for parameter 'limit' is not valid.")
    assert len((await by.get("depth", **COIN, limit=99999)).body["bids"]) == 20


async def test_klines_are_the_bars_and_the_one_that_forms() -> None:
    bars = walk(100, seed=5)
    async with trading(market(bars), events=0) as by:
        by.hall.wait(90 * INTERVALS["1m"] + 30 * 10**9)
        rows = (await by.get("klines", **COIN, interval="1m")).body
        assert [row[0] for row in rows[:90]] == [BEGIN_MS + n * MINUTE_MS for n in range(90)]
        for n in (0, 45, 89):
            told = [int(row.replace(".", "")) for row in rows[n][1:6]]
            assert told == [int(getattr(bars, name)[n]) for name in ("open", "high", "low", "close", "volume")]
            assert rows[n][6] == rows[n][0] + MINUTE_MS - 1
        five = (await by.get("klines", **COIN, interval="5m", limit=2)).body
        assert [row[0] for row in five] == [BEGIN_MS + 85 * MINUTE_MS, BEGIN_MS + 90 * MINUTE_MS][: len(five)]
        some = (await by.get("uiKlines", **COIN, interval="1m", startTime=BEGIN_MS + MINUTE_MS, limit=3)).body
        assert some == rows[1:4]
        ended = (await by.get("klines", **COIN, interval="1m", endTime=BEGIN_MS + 9 * MINUTE_MS, limit=2)).body
        assert ended == rows[8:10]
        for interval in ("2m", "1M", "1s", "x"):
            assert (await by.get("klines", **COIN, interval=interval)).refusal == (400, -1120, "Invalid interval.")
        assert (await by.get("klines", **COIN)).body["code"] == -1102
        assert (await by.get("klines", **COIN, interval="1m", timeZone="0", limit=1)).body == rows[-1:]
        assert (await by.get("klines", **COIN, interval="1m", timeZone="8")).body["code"] == -1130


async def test_tickers_of_one_of_several_and_of_all(by: Trader) -> None:
    assert (await by.get("ticker/price", **COIN)).body == {**COIN, "price": "103.00000000"}
    for path in ("ticker/price", "ticker/bookTicker", "ticker/24hr"):
        assert [row["symbol"] for row in (await by.get(path)).body] == ["BTCUSDT", "ETHUSDT"]
        assert [row["symbol"] for row in (await by.get(path, symbols='["ETHUSDT"]')).body] == ["ETHUSDT"]
        assert (await by.get(path, **COIN, symbols='["ETHUSDT"]')).body["code"] == -1128
    day = (await by.get("ticker/24hr", **COIN)).body
    assert (day["openPrice"], day["lastPrice"], day["priceChange"]) == ("100.00000000", "103.00000000", "3.00000000")
    assert (day["priceChangePercent"], day["volume"], day["lastQty"]) == ("3.000", "4000.00000000", "1000.00000000")
    assert (day["highPrice"], day["lowPrice"], day["weightedAvgPrice"]) == ("103.00000000", "100.00000000", "101.50000000")
    mini = (await by.get("ticker/24hr", **COIN, type="MINI")).body
    assert mini.items() < day.items()
    assert len(mini) == 12
    window = (await by.get("ticker", **COIN, windowSize="2m")).body
    assert (window["openPrice"], window["lastPrice"]) == ("101.00000000", "103.00000000")
    assert [its["symbol"] for its in (await by.get("ticker", symbols='["ETHUSDT"]')).body] == ["ETHUSDT"]
    for size in ("60m", "24h", "8d", "0m", "1w"):
        assert (await by.get("ticker", **COIN, windowSize=size)).body["code"] == -1130
    assert (await by.get("ticker")).body["code"] == -1102
    assert (await by.get("ticker/24hr", type="TINY")).refusal == (400, -1139, "Invalid ticker type.")
    assert (await by.get("avgPrice", **COIN)).body["price"] == "101.50000000"


async def test_a_market_nobody_has_traded_on_yet_has_no_orders() -> None:
    async with trading(market([(100, 100, 100, 100, 0), 100]), events=0) as by:
        assert (await by.get("trades", **COIN)).body == []
        assert (await by.get("depth", **COIN)).body["bids"] == []
        assert (await by.get("ticker/bookTicker", **COIN)).body["bidPrice"] == "0.00000000"
        for path in ("ticker", "ticker/24hr"):
            told = (await by.get(path, **COIN)).body
            assert (told["count"], told["volume"], told["priceChangePercent"]) == (0, "0.00000000", "0.000")
        assert (await by.order(quantity="1")).refusal == (400, -1013, "Market is closed.")


# the account


async def test_the_account_tells_what_it_has(by: Trader) -> None:
    await by.order(**LIMIT, quantity="1", price="50")
    told = (await by.ask("GET", "account")).body
    assert told["balances"] == [
        {"asset": "USDT", "free": "9950.00000000", "locked": "50.00000000"},
        {"asset": "BTC", "free": "0.00000000", "locked": "0.00000000"},
        {"asset": "ETH", "free": "0.00000000", "locked": "0.00000000"},
    ]
    assert (told["makerCommission"], told["commissionRates"]["taker"]) == (10, "0.00100000")
    assert told["updateTime"] == by.venue.now // MS
    some = (await by.ask("GET", "account", omitZeroBalances="true")).body
    assert [row["asset"] for row in some["balances"]] == ["USDT"]
    assert (await by.ask("GET", "account/commission", **COIN)).body["standardCommission"]["maker"] == "0.00100000"


async def test_accounts_balances_and_fees_are_as_set() -> None:
    accounts = [
        {"name": "one", "balances": {"BTC": "1.5"}, "api_key": "a" * 64, "api_secret": "first"},
        {"name": "two", "api_key": "b" * 64},
    ]
    async with hall(market([100] * 3), accounts=accounts, fills={"maker_bps": 0, "taker_bps": 25}) as its:
        its.venue.step(1)
        one, two = Trader(its, 0), Trader(its, 1)
        assert (one.key, one.secret, two.key) == ("a" * 64, "first", "b" * 64)
        sold = (await one.order(side="SELL", quantity="1")).body["fills"]
        assert (sold[0]["price"], sold[0]["commission"], sold[0]["commissionAsset"]) == ("99.99000000", "0.24997500", "USDT")
        assert (await two.ask("GET", "myTrades", **COIN)).body == []
        assert (await two.order(quantity="1")).body["orderId"] == 2
        two.secret = one.secret
        assert (await two.ask("GET", "account")).body["code"] == -1022


async def history(by: Trader) -> None:
    """An order at 50 in each of four minutes, then one that fills at once."""
    for n in range(4):
        await by.order(**LIMIT, quantity="1", price="50", newClientOrderId=f"n{n}")
        by.hall.wait(INTERVALS["1m"])
    await by.order(quantity="1")


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"limit": 2}, [4, 5]),
        ({"orderId": 3}, [3, 4, 5]),
        ({"orderId": 2, "limit": 2}, [2, 3]),
        ({"startTime": BEGIN_MS + 5 * MINUTE_MS - 1}, [2, 3, 4, 5]),
        ({"startTime": BEGIN_MS + 5 * MINUTE_MS - 1, "limit": 2}, [2, 3]),
        ({"endTime": BEGIN_MS + 5 * MINUTE_MS - 1}, [1, 2]),
        ({"startTime": BEGIN_MS + 5 * MINUTE_MS, "endTime": BEGIN_MS + 7 * MINUTE_MS}, [3, 4]),
        ({"startTime": (BEGIN_MS + 5 * MINUTE_MS) * 1000}, [3, 4, 5]),
        ({"startTime": BEGIN_MS, "endTime": BEGIN_MS + 24 * 3_600_000}, [1, 2, 3, 4, 5]),
        ({"startTime": BEGIN_MS, "endTime": BEGIN_MS + 24 * 3_600_000 + 1}, -1127),
        ({"startTime": BEGIN_MS + 1, "endTime": BEGIN_MS}, -1128),
        ({"startTime": "yesterday"}, -1100),
    ],
)
async def test_all_orders_from_where_it_is_said(by: Trader, params: dict[str, Any], ids: Any) -> None:
    await history(by)
    told = await by.ask("GET", "allOrders", **COIN, **params)
    if isinstance(ids, int):
        assert (told.status, told.body["code"]) == (400, ids)
    else:
        assert [row["orderId"] for row in told.body] == ids


async def test_open_orders_of_a_symbol_and_of_all(by: Trader) -> None:
    await by.order(**LIMIT, quantity="1", price="50")
    await by.order(symbol="ETHUSDT", **LIMIT, quantity="1", price="5")
    assert [row["symbol"] for row in (await by.ask("GET", "openOrders")).body] == ["BTCUSDT", "ETHUSDT"]
    assert [row["symbol"] for row in (await by.ask("GET", "openOrders", symbol="ETHUSDT")).body] == ["ETHUSDT"]
    assert (await by.ask("GET", "myPreventedMatches", **COIN, orderId=1)).body == []


async def test_my_trades_from_where_it_is_said(by: Trader) -> None:
    for _ in range(4):
        await by.order(quantity="1")
        by.hall.wait(INTERVALS["1m"] // 4)
    rows = (await by.ask("GET", "myTrades", **COIN)).body
    assert [row["id"] for row in rows] == [1, 2, 3, 4]
    for params, ids in (
        ({"fromId": 3}, [3, 4]),
        ({"fromId": 2, "limit": 1}, [2]),
        ({"limit": 1}, [4]),
        ({"orderId": 2}, [2]),
        ({"orderId": 2, "fromId": 3}, []),
        ({"startTime": rows[2]["time"]}, [3, 4]),
        ({"endTime": rows[1]["time"]}, [1, 2]),
    ):
        assert [row["id"] for row in (await by.ask("GET", "myTrades", **COIN, **params)).body] == ids
    for params in ({"fromId": 1, "startTime": BEGIN_MS}, {"orderId": 1, "endTime": BEGIN_MS}):
        assert (await by.ask("GET", "myTrades", **COIN, **params)).refusal[1:] == (
            -1128,
            "Combination of optional parameters invalid.",
        )
    assert (await by.ask("GET", "myTrades")).body["code"] == -1102


async def test_a_query_that_lags_shows_what_was(by: Trader) -> None:
    await by.order(**LIMIT, quantity="1", price="50", newClientOrderId="a")
    by.hall.wait(10 * 10**9)
    await by.ask("DELETE", "order", **COIN, origClientOrderId="a")
    await by.order(quantity="1", newClientOrderId="b")
    perform = by.hall.server.office.perform

    def late(call: Any) -> Any:
        call.lag = 5 * 10**9 if call.name.startswith("GET") else 0
        return perform(call)

    by.hall.server.office.perform = late  # type: ignore[method-assign]
    assert (await by.ask("GET", "order", **COIN, origClientOrderId="b")).refusal == (400, -2013, "Order does not exist.")
    assert [row["clientOrderId"] for row in (await by.ask("GET", "openOrders")).body] == ["a"]
    assert (await by.ask("GET", "myTrades", **COIN)).body == []
    assert (await by.ask("GET", "account")).body["balances"][0]["locked"] == "50.00000000"
    by.hall.wait(6 * 10**9)
    assert (await by.ask("GET", "openOrders")).body == []


# the server


async def test_it_goes_on_where_it_fails(by: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by.desk, "place", lambda *_: 1 // 0)
    told = await by.order(quantity="1")
    assert told.refusal == (500, -1000, "An unknown error occurred while processing the request.")
    (entry,) = by.venue.log.of("failed")
    assert (entry["request"], entry["error"][:17]) == ("POST /api/v3/order", "ZeroDivisionError")
    assert (await by.get("ping")).status == 200


async def test_a_market_that_cannot_be_played_is_told_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    server = RehearsalServer(RehearsalSettings.from_dict({"recording": "x"}), market([100] * 3))
    monkeypatch.setattr(server.venue, "_pass", lambda at: at // 0)
    await server.start()
    assert server.playing is not None
    await asyncio.wait({server.playing})
    with pytest.raises(ZeroDivisionError):
        await server.stop()
    assert server.connections == 0


async def test_it_is_on_loopback_alone() -> None:
    settings = RehearsalSettings.from_dict({"recording": "x"})
    with pytest.raises(UsageError, match="not this machine alone"):
        RehearsalServer(settings, market([100] * 3), host="0.0.0.0")
    async with hall(market([100] * 3)) as its:
        addresses = its.server.addresses
        assert addresses.rest.startswith("http://127.0.0.1:")
        assert addresses.ws_api == addresses.ws + "/ws-api/v3"
        taken = RehearsalServer(settings, market([100] * 3), port=int(addresses.rest.rpartition(":")[2]))
        with pytest.raises(UsageError, match="cannot be had"):
            await taken.start()


async def test_requests_at_once_are_answered_each_as_if_alone(by: Trader) -> None:
    asked = [by.order(**LIMIT, quantity="1", price="50", newClientOrderId=f"n{n}") for n in range(50)]
    told = await asyncio.gather(*asked)
    assert sorted(its.body["orderId"] for its in told) == list(range(1, 51))
    assert len({json.dumps(its.body["clientOrderId"]) for its in told}) == 50
