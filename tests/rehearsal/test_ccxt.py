"""ccxt as it is, but for its addresses: by REST, and by its streams (ccxt.pro)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import ccxt.pro
import pytest

from engine.recordings import Recording
from tests.rehearsal.clients import KINDS, account, pair
from tests.rehearsal.day import ACCOUNT, BALANCES, BARS, STILL, Case, balances, day, each_case, fall, rise
from tests.rehearsal.hall import SECOND, Hall, hall, until
from tests.worlds import MINUTE, START, market, walk

PAIR, COIN = "BTC/USDT", "BTCUSDT"


@asynccontextmanager
async def ccxt_pro(its: Hall, kind: str = "HMAC", **options: Any) -> AsyncIterator[Any]:
    """A ccxt that has loaded its markets."""
    there, keys = its.server.addresses, its.server.credentials[0]
    secret = keys.api_secret if kind == "HMAC" else pair(kind)[0]
    client = ccxt.pro.binance({"apiKey": keys.api_key, "secret": secret, "enableRateLimit": False, "options": options})
    api = client.urls["api"]
    api |= {name: there.rest + urlsplit(url).path for name, url in api.items() if isinstance(url, str)}
    api["ws"]["spot"] = there.ws + "/ws"
    api["ws"]["ws-api"]["spot"] = there.ws_api
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    async with day() as its:
        yield its


@pytest.fixture
async def client(it: Hall) -> AsyncIterator[Any]:
    async with ccxt_pro(it) as its:
        yield its


def asked(order: dict[str, str]) -> tuple[Any, ...]:
    """An order of the exchange's words in ccxt's own."""
    type = order["type"]
    params: dict[str, Any] = {}
    if "quoteOrderQty" in order:
        params["cost"] = float(order["quoteOrderQty"])
    if type == "LIMIT_MAKER":
        params["postOnly"] = True
    if "stopPrice" in order:
        params["stopLossPrice" if type.startswith("STOP") else "takeProfitPrice"] = float(order["stopPrice"])
    if "trailingDelta" in order:
        params |= {"trailingPercent": int(order["trailingDelta"]) / 100, "stopLossOrTakeProfit": "stopLoss"}
    if order.get("timeInForce", "GTC") != "GTC":
        params["timeInForce"] = order["timeInForce"]
    if "icebergQty" in order:
        params["icebergQty"] = order["icebergQty"]
    price = float(order["price"]) if "price" in order else None
    amount = float(order["quantity"]) if "quantity" in order else None
    return PAIR, "limit" if price else "market", order["side"].lower(), amount, price, params


STATUSES = {"NEW": "open", "FILLED": "closed", "EXPIRED": "expired"}


def stands(order: dict[str, Any]) -> tuple[str, float]:
    return order["status"], order["filled"]


def due(expected: tuple[str, str]) -> tuple[str, float]:
    return STATUSES[expected[0]], float(expected[1])


async def held(client: Any) -> dict[str, float]:
    return {asset: amount for asset, amount in (await client.fetch_balance())["total"].items() if amount}


def about(amounts: dict[str, Any]) -> Any:
    """Amounts as a client that counts in floats has them."""
    return pytest.approx({asset: float(amount) for asset, amount in amounts.items() if amount}, rel=1e-12)


# the market


async def test_markets_are_loaded(client: Any) -> None:
    assert list(client.markets) == [PAIR, "ETH/USDT"]
    its = client.market(PAIR)
    assert its["precision"]["amount"] == 0.001
    assert its["precision"]["price"] == 0.01
    assert its["limits"]["cost"]["min"] == 5.0
    assert (its["spot"], its["active"], its["taker"]) == (True, True, 0.001)


async def test_its_clock_is_set_by_the_exchanges() -> None:
    async with day(check_timestamps=True) as it, ccxt_pro(it, fetchCurrencies=False, fetchMargins=False) as client:
        with pytest.raises(ccxt.InvalidNonce):
            await client.fetch_balance()
        assert await client.fetch_time() == it.venue.now // 10**6
        await client.load_time_difference()
        assert await held(client) == about(BALANCES)


async def test_the_market_as_it_tells_of_it(it: Hall, client: Any) -> None:
    rise(it)
    rows = [row if isinstance(row, tuple) else (row,) * 4 for row in BARS[: STILL + 4]]
    told = await client.fetch_ohlcv(PAIR, "1m")
    assert told == [[(START + n * MINUTE) // 10**6, *map(float, row), 1000.0] for n, row in enumerate(rows)]
    assert (await client.fetch_ohlcv(PAIR, "5m", START // 10**6, 2))[1][0] == (START + 5 * MINUTE) // 10**6
    book = await client.fetch_order_book(PAIR, 5)
    assert len(book["bids"]) == len(book["asks"]) == 5
    quotes = (await client.fetch_bids_asks([PAIR]))[PAIR]
    assert [quotes["bid"], quotes["ask"]] == [book["bids"][0][0], book["asks"][0][0]]
    ticker = await client.fetch_ticker(PAIR)
    assert [ticker[name] for name in ("open", "high", "low", "last", "bid")] == [100.0, 112.0, 94.0, 110.0, quotes["bid"]]
    assert set(await client.fetch_tickers()) == {PAIR, "ETH/USDT"}
    assert (await client.fetch_last_prices())[PAIR]["price"] == 110.0
    assert (await client.fetch_trades(PAIR))[-1]["price"] == 110.0


async def test_what_it_asks_about_the_account(client: Any) -> None:
    assert await held(client) == about(BALANCES)
    assert (await client.fetch_status())["status"] == "ok"
    assert set(await client.fetch_currencies()) == {"USDT", "BTC", "ETH"}
    assert (await client.fetch_trading_fee(PAIR))["maker"] == 0.001
    assert set(await client.fetch_trading_fees()) == {PAIR, "ETH/USDT"}


# orders


@each_case
async def test_an_order_of_each_type(it: Hall, client: Any, case: Case) -> None:
    placed = await client.create_order(*asked(case.order))
    assert placed["info"]["type"] == case.order["type"]
    assert stands(placed) == due(case.at_once)
    for move, expected in ((fall, case.after_fall), (rise, case.at_end)):
        move(it)
        told = await client.fetch_order(placed["id"], PAIR)
        assert stands(told) == due(expected)
    trades = await client.fetch_order_trades(placed["id"], PAIR)
    assert {its["price"] for its in trades} == ({float(case.price)} if case.price else set())
    assert sum(its["amount"] for its in trades) == pytest.approx(float(case.at_end[1]))
    assert await held(client) == about(balances(case))
    assert [its["id"] for its in await client.fetch_orders(PAIR)] == [placed["id"]]
    assert [entry["client_id"] for entry in it.venue.log.of("accepted")] == [placed["clientOrderId"]]


async def test_orders_are_looked_at_changed_and_cancelled(it: Hall, client: Any) -> None:
    first = await client.create_order(PAIR, "limit", "buy", 1, 97)
    second = await client.edit_order(first["id"], PAIR, "limit", "buy", 2, 96)
    assert [its["id"] for its in await client.fetch_open_orders(PAIR)] == [second["id"]]
    assert (await client.fetch_order(first["id"], PAIR))["status"] == "canceled"
    assert (await client.cancel_order(second["id"], PAIR))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order(second["id"], PAIR)
    for price in (95, 96):
        await client.create_order(PAIR, "limit", "buy", 1, price)
    assert {its["status"] for its in await client.cancel_all_orders(PAIR)} == {"canceled"}
    assert await client.fetch_open_orders(PAIR) == []
    assert len(await client.fetch_canceled_orders(PAIR)) == 4
    assert await held(client) == about(BALANCES)


async def test_a_part_of_an_order_fills_and_the_rest_is_cancelled() -> None:
    async with day(fills={"max_volume_share": "0.01"}) as it, ccxt_pro(it) as client:
        placed = await client.create_order(PAIR, "limit", "buy", 50, 97)
        fall(it)
        (told,) = await client.fetch_open_orders(PAIR)
        assert 0 < told["filled"] < 50
        assert told["remaining"] == 50 - told["filled"]
        gone = await client.cancel_order(placed["id"], PAIR)
        assert (gone["status"], gone["filled"]) == ("canceled", told["filled"])
        assert await held(client) == about({"USDT": 10_000 - told["filled"] * 97, "BTC": 20 + told["filled"] * 0.999})


async def test_a_pair_of_which_one_ends_the_other(it: Hall, client: Any) -> None:
    legs = {"aboveType": "LIMIT_MAKER", "abovePrice": "105", "belowType": "STOP_LOSS", "belowStopPrice": "97"}
    await client.private_post_orderlist_oco({"symbol": COIN, "side": "SELL", "quantity": "1", **legs})
    fall(it)
    assert {its["info"]["type"]: its["status"] for its in await client.fetch_orders(PAIR)} == {
        "STOP_LOSS": "closed",
        "LIMIT_MAKER": "expired",
    }


async def test_refusals_are_ccxts_own_errors(client: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order(PAIR, "market", "buy", 1000)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await client.create_order(PAIR, "limit", "sell", 1, 99, {"postOnly": True})
    with pytest.raises(ccxt.BadRequest, match="Filter failure: NOTIONAL"):
        await client.create_order(PAIR, "limit", "buy", 0.01, 99)
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("77", PAIR)
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()


@pytest.mark.parametrize("kind", KINDS)
async def test_keys_of_each_kind(kind: str) -> None:
    async with day(accounts=[ACCOUNT | account(kind)]) as it, ccxt_pro(it, kind) as client:
        assert (await client.create_order(PAIR, "market", "buy", 1))["status"] == "closed"
        assert (await client.create_order_ws(PAIR, "market", "sell", 1))["status"] == "closed"


# streams


async def while_it_plays(it: Hall, watching: Awaitable[Any]) -> Any:
    """What is watched for, the market going on until it has come."""
    task = asyncio.ensure_future(watching)
    async with asyncio.timeout(10):
        while not task.done():
            it.wait(SECOND)
            await asyncio.sleep(0.001)
    return await task


async def test_the_market_is_watched() -> None:
    async with hall(market({COIN: walk(100), "ETHUSDT": walk(100, seed=1)})) as it, ccxt_pro(it) as client:
        trades = await while_it_plays(it, client.watch_trades(PAIR))
        assert {its["symbol"] for its in trades} == {PAIR}
        ticker = await while_it_plays(it, client.watch_ticker(PAIR))
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        (row,) = (await while_it_plays(it, client.watch_ohlcv(PAIR)))[-1:]
        assert row[3] <= row[4] <= row[2]
        quotes = (await while_it_plays(it, client.watch_bids_asks([PAIR])))[PAIR]
        assert quotes["bid"] < quotes["ask"]
        assert set(await while_it_plays(it, client.watch_tickers([PAIR, "ETH/USDT"]))) <= {PAIR, "ETH/USDT"}
        book = await while_it_plays(it, client.watch_order_book(PAIR))
        for _ in range(20):
            book = await while_it_plays(it, client.watch_order_book(PAIR))
        asked = await client.fetch_order_book(PAIR, 20)
        if book["nonce"] == asked["nonce"]:
            assert (book["bids"][:5], book["asks"][:5]) == (asked["bids"][:5], asked["asks"][:5])


async def test_the_account_is_watched(it: Hall, client: Any) -> None:
    orders: list[Any] = []
    trades: list[Any] = []
    client.newUpdates = True

    async def take(watch: Any, told: list[Any]) -> None:
        while True:
            told += await watch(PAIR)

    tasks = [asyncio.create_task(take(client.watch_orders, orders)), asyncio.create_task(take(client.watch_my_trades, trades))]
    watching = asyncio.create_task(client.watch_balance())
    await until(lambda: bool(it.venue.desks["main"].listeners))
    placed = await client.create_order_ws(PAIR, "limit", "buy", 1, 97)
    fall(it)
    await until(lambda: len(trades) == 1 and orders and orders[-1]["status"] == "closed")
    assert [its["id"] for its in orders] == [placed["id"]] * len(orders)
    assert (trades[0]["order"], trades[0]["price"], trades[0]["takerOrMaker"]) == (placed["id"], 97.0, "maker")
    # told first when the order is placed, perhaps, and again when it has filled
    assert (await watching)["USDT"]["total"] in (10_000, 9_903)
    await until(lambda: client.balance["spot"]["USDT"]["total"] == 9_903)
    told = await client.fetch_my_trades_ws(PAIR)
    assert [(its["id"], its["price"], its["amount"]) for its in told] == [(trades[0]["id"], 97.0, 1.0)]
    resting = await client.create_order_ws(PAIR, "limit", "buy", 1, 90)
    assert [its["id"] for its in await client.fetch_open_orders_ws(PAIR)] == [resting["id"]]
    assert (await client.cancel_order_ws(resting["id"], PAIR))["status"] == "canceled"
    for task in tasks:
        task.cancel()


# the real market


async def test_the_real_market_is_served_and_traded(btc_eth: Recording) -> None:
    settings = {"begin": "2025-06-01T00:00", "accounts": [{"balances": {"USDT": 1_000_000}}]}
    async with hall(btc_eth, **settings) as it, ccxt_pro(it) as client:
        begin = it.venue.now
        for coin in ("BTC/USDT", "ETH/USDT"):
            it.wait(60 * SECOND)
            price = (await client.fetch_ticker(coin))["last"]
            await client.create_order(coin, "market", "buy", 0.2)
            await client.create_order(coin, "limit", "sell", 0.1, round(price * 1.001, 2))
            await client.create_order(coin, "market", "sell", 0.05, None, {"stopLossPrice": round(price * 0.999, 2)})
        it.wait(24 * 60 * 60 * SECOND)
        for coin in ("BTC/USDT", "ETH/USDT"):
            bars = btc_eth.bars(coin.replace("/", ""))
            told = await client.fetch_ohlcv(coin, "1m", begin // 10**6, 300)
            first = int(bars.time.searchsorted(begin))
            assert [row[2] for row in told] == pytest.approx([high / 1e8 for high in bars.high[first : first + 300]])
            trades = await client.fetch_my_trades(coin)
            assert len(trades) == 3
            for its in trades:
                row = int(bars.time.searchsorted(its["timestamp"] * 10**6, side="right")) - 1
                assert bars.low[row] <= round(its["price"] * 1e8) <= bars.high[row]
        assert len(it.venue.log.of("fill")) == 6
