"""python-binance as it is, but for its addresses: what it asks for is there, and what it is told is so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from binance import AsyncClient
from binance.exceptions import BinanceAPIException

from engine.recordings import Recording
from engine.rehearsal.log import Entry
from tests.rehearsal.clients import KINDS, account, leave, python_binance, sockets
from tests.rehearsal.day import (
    ACCOUNT,
    BALANCES,
    BARS,
    CASES,
    FEE,
    GTC,
    OPENS,
    STILL,
    Case,
    balances,
    day,
    each_case,
    fall,
    order,
    rise,
)
from tests.rehearsal.hall import SECOND, Hall, hall, until
from tests.worlds import MINUTE, START, market, walk

COIN = "BTCUSDT"


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    async with day() as its:
        yield its


@pytest.fixture
async def client(it: Hall) -> AsyncIterator[AsyncClient]:
    async with python_binance(it) as its:
        yield its


async def held(client: AsyncClient) -> dict[str, Decimal]:
    """What the account has, free and locked together."""
    told = (await client.get_account())["balances"]
    return {its["asset"]: Decimal(its["free"]) + Decimal(its["locked"]) for its in told}


def stands(told: dict[str, Any]) -> tuple[str, Decimal]:
    return told["status"], Decimal(told["executedQty"])


def due(expected: tuple[str, str]) -> tuple[str, Decimal]:
    return expected[0], Decimal(expected[1])


def facts(entries: list[Entry]) -> list[tuple[int, str]]:
    return [(entry["order"], entry["client_id"]) for entry in entries]


async def refused(asking: Any) -> tuple[int, int, str]:
    """Status, code and text of what the client is refused with."""
    with pytest.raises(BinanceAPIException) as raised:
        await asking
    return raised.value.status_code, raised.value.code, raised.value.message


# the market


async def test_its_clock_is_the_exchanges(it: Hall, client: AsyncClient) -> None:
    assert await client.ping() == {}
    assert (await client.get_server_time())["serverTime"] == it.venue.now // 10**6 == (START + OPENS * MINUTE) // 10**6


async def test_the_exchange_is_described(client: AsyncClient) -> None:
    info = await client.get_exchange_info()
    assert [its["symbol"] for its in info["symbols"]] == [COIN, "ETHUSDT"]
    told = await client.get_symbol_info(COIN)
    filters = {its["filterType"]: its for its in told["filters"]}
    assert filters["PRICE_FILTER"]["tickSize"] == "0.01000000"
    assert filters["LOT_SIZE"]["stepSize"] == "0.00100000"
    assert filters["NOTIONAL"]["minNotional"] == "5.00000000"
    assert {its["rateLimitType"] for its in info["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"}


async def test_klines_are_the_recordings(it: Hall, client: AsyncClient) -> None:
    rise(it)
    told = await client.get_historical_klines(COIN, "1m", str(START // 10**6))
    rows = [row if isinstance(row, tuple) else (row,) * 4 for row in BARS[: STILL + 4]]
    assert [tuple(map(float, row[1:5])) for row in told] == [tuple(map(float, row)) for row in rows]
    assert [row[0] for row in told] == [(START + n * MINUTE) // 10**6 for n in range(len(rows))]
    assert all(Decimal(row[5]) == 1000 for row in told)
    (longer,) = await client.get_klines(symbol=COIN, interval="15m", startTime=(START + 30 * MINUTE) // 10**6)
    assert [Decimal(longer[n]) for n in (1, 2, 3, 4, 5)] == [100, 112, 94, 110, 4000]


async def test_prices_and_book(it: Hall, client: AsyncClient) -> None:
    rise(it)
    book = await client.get_order_book(symbol=COIN, limit=20)
    best = await client.get_orderbook_ticker(symbol=COIN)
    assert (best["bidPrice"], best["askPrice"]) == ("109.99000000", "110.00000000") or best["bidPrice"] == "110.00000000"
    assert (book["bids"][0], book["asks"][0]) == ([best["bidPrice"], best["bidQty"]], [best["askPrice"], best["askQty"]])
    assert [row["symbol"] for row in await client.get_orderbook_tickers()] == [COIN, "ETHUSDT"]
    assert await client.get_symbol_ticker(symbol=COIN) == {"symbol": COIN, "price": "110.00000000"}
    assert len(await client.get_all_tickers()) == 2
    ticker = await client.get_ticker(symbol=COIN)
    assert [Decimal(ticker[name]) for name in ("openPrice", "highPrice", "lowPrice", "lastPrice")] == [100, 112, 94, 110]
    trades = await client.get_recent_trades(symbol=COIN, limit=3)
    assert trades[-1]["price"] == "110.00000000"
    assert [its["a"] for its in await client.get_aggregate_trades(symbol=COIN, limit=3)] == [its["id"] for its in trades]
    assert (await client.get_avg_price(symbol=COIN))["mins"] == 5


async def test_what_it_asks_about_the_account(client: AsyncClient) -> None:
    assert await held(client) == BALANCES
    assert await client.get_asset_balance("BTC") == {"asset": "BTC", "free": "20.00000000", "locked": "0.00000000"}
    assert (await client.get_account_api_permissions())["enableSpotAndMarginTrading"] is True
    assert (await client.get_system_status())["status"] == 0
    assert {row["symbol"]: row["takerCommission"] for row in await client.get_trade_fee()}[COIN] == "0.00100000"
    assert {row["coin"] for row in await client.get_all_coins_info()} == {"USDT", "BTC", "ETH"}
    assert [row["count"] for row in await client.get_current_order_count()] == [0, 0]
    assert (await client.v3_get_account_commission(symbol=COIN))["standardCommission"]["maker"] == "0.00100000"


async def test_listen_keys_are_gone(client: AsyncClient) -> None:
    assert await refused(client.stream_get_listen_key()) == (410, -1020, "This operation is not supported.")


# orders


@each_case
async def test_an_order_of_each_type(it: Hall, client: AsyncClient, case: Case) -> None:
    placed = await client.create_order(symbol=COIN, newOrderRespType="FULL", **case.order)
    assert stands(placed) == due(case.at_once)
    for move, expected in ((fall, case.after_fall), (rise, case.at_end)):
        move(it)
        told = await client.get_order(symbol=COIN, orderId=placed["orderId"])
        assert stands(told) == due(expected)
    trades = await client.get_my_trades(symbol=COIN, orderId=placed["orderId"])
    assert {Decimal(its["price"]) for its in trades} == ({Decimal(case.price)} if case.price else set())
    assert sum(Decimal(its["qty"]) for its in trades) == Decimal(case.at_end[1])
    assert sum((Decimal(its["quoteQty"]) for its in trades), Decimal(0)) == Decimal(told["cummulativeQuoteQty"])
    assert await held(client) == balances(case)
    assert await client.get_all_orders(symbol=COIN) == [told]
    assert facts(it.venue.log.of("accepted")) == [(placed["orderId"], placed["clientOrderId"])]
    assert facts(it.venue.log.of("fill")) == [(placed["orderId"], placed["clientOrderId"])] * len(trades)


@each_case
async def test_an_order_of_each_type_by_websocket(it: Hall, client: AsyncClient, case: Case) -> None:
    placed = await client.ws_create_order(symbol=COIN, newOrderRespType="FULL", **case.order)
    assert stands(placed) == due(case.at_once)
    rise(it)
    assert stands(await client.ws_get_order(symbol=COIN, orderId=placed["orderId"])) == due(case.at_end)
    trades = await client.ws_get_my_trades(symbol=COIN)
    assert trades == await client.get_my_trades(symbol=COIN)
    assert await held(client) == balances(case)


async def test_a_part_of_an_order_fills_and_the_rest_is_cancelled() -> None:
    async with day(fills={"max_volume_share": "0.01"}) as it, python_binance(it) as client:
        placed = await client.order_limit_buy(symbol=COIN, quantity="50", price="97")
        fall(it)
        told = await client.get_order(symbol=COIN, orderId=placed["orderId"])
        trades = await client.get_my_trades(symbol=COIN)
        filled = sum(Decimal(its["qty"]) for its in trades)
        assert told["status"] == "PARTIALLY_FILLED"
        assert 0 < filled == Decimal(told["executedQty"]) < 50
        assert [its["executedQty"] for its in await client.get_open_orders(symbol=COIN)] == [told["executedQty"]]
        locked = {its["asset"]: Decimal(its["locked"]) for its in (await client.get_account())["balances"]}
        assert locked["USDT"] == (50 - filled) * 97
        gone = await client.cancel_order(symbol=COIN, orderId=placed["orderId"], newClientOrderId="enough")
        assert (gone["status"], gone["clientOrderId"], gone["origClientOrderId"]) == (
            *("CANCELED", "enough"),
            placed["clientOrderId"],
        )
        assert await client.get_open_orders() == []
        fee = sum(Decimal(its["commission"]) for its in trades)
        assert await held(client) == {"USDT": 10_000 - filled * 97, "BTC": 20 + filled - fee, "ETH": 0}


async def test_a_pair_of_which_one_ends_the_other(it: Hall, client: AsyncClient) -> None:
    legs = {"aboveType": "LIMIT_MAKER", "abovePrice": "105", "belowType": "STOP_LOSS", "belowStopPrice": "97"}
    placed = await client.order_oco_sell(symbol=COIN, quantity="1", **legs)
    assert (placed["contingencyType"], placed["listOrderStatus"]) == ("OCO", "EXECUTING")
    assert [its["orderListId"] for its in await client.get_open_oco_orders()] == [placed["orderListId"]]
    fall(it)
    told = {its["type"]: its["status"] for its in await client.get_all_orders(symbol=COIN)}
    assert told == {"STOP_LOSS": "FILLED", "LIMIT_MAKER": "EXPIRED"}
    assert (await client.v3_get_order_list(orderListId=placed["orderListId"]))["listOrderStatus"] == "ALL_DONE"
    assert await held(client) == balances(CASES["stop loss"])


async def test_a_pair_is_cancelled_as_one(client: AsyncClient) -> None:
    legs = {"aboveType": "STOP_LOSS_LIMIT", "aboveStopPrice": "105", "abovePrice": "106", "aboveTimeInForce": "GTC"}
    placed = await client.order_oco_buy(symbol=COIN, quantity="1", belowType="LIMIT_MAKER", belowPrice="97", **legs)
    gone = await client.v3_delete_order_list(symbol=COIN, orderListId=placed["orderListId"])
    assert {its["status"] for its in gone["orderReports"]} == {"CANCELED"}
    assert await client.get_open_orders() == []
    assert (await client.get_asset_balance("USDT"))["free"] == "10000.00000000"


async def test_an_order_is_replaced_by_another(client: AsyncClient) -> None:
    first = await client.order_limit_buy(symbol=COIN, quantity="1", price="97")
    asked = {"symbol": COIN, "cancelReplaceMode": "STOP_ON_FAILURE", **order("BUY", "LIMIT", price="96", **GTC)}
    done = await client.cancel_replace_order(cancelOrderId=first["orderId"], **asked)
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert [its["price"] for its in await client.get_open_orders(symbol=COIN)] == ["96.00000000"]
    status, code, _ = await refused(client.cancel_replace_order(cancelOrderId=first["orderId"], **asked))
    assert (status, code) == (400, -2022)
    status, code, _ = await refused(
        client.cancel_replace_order(cancelOrderId=first["orderId"], **asked | {"cancelReplaceMode": "ALLOW_FAILURE"})
    )
    assert (status, code) == (409, -2021)
    assert len(await client.get_open_orders(symbol=COIN)) == 2


async def test_an_order_is_made_smaller(client: AsyncClient) -> None:
    placed = await client.order_limit_buy(symbol=COIN, quantity="2", price="97")
    asked = {"symbol": COIN, "orderId": placed["orderId"], "newQty": "0.5"}
    done = await client._put("order/amend/keepPriority", True, data=asked)
    assert (done["amendedOrder"]["qty"], done["amendedOrder"]["origClientOrderId"]) == ("0.50000000", placed["clientOrderId"])
    (told,) = await client.get_open_orders(symbol=COIN)
    assert (told["orderId"], told["origQty"]) == (placed["orderId"], "0.50000000")
    assert told["clientOrderId"] == done["amendedOrder"]["clientOrderId"] != placed["clientOrderId"]
    assert (await client.get_asset_balance("USDT"))["locked"] == "48.50000000"


async def test_all_orders_of_a_coin_are_cancelled(client: AsyncClient) -> None:
    for price in ("95", "96", "97"):
        await client.order_limit_buy(symbol=COIN, quantity="1", price=price)
    assert {its["status"] for its in await client.cancel_all_open_orders(symbol=COIN)} == {"CANCELED"}
    assert await client.get_open_orders() == []


@pytest.mark.parametrize(
    ("asked", "status", "code", "text"),
    [
        (order("SELL", "LIMIT_MAKER", price="99"), 400, -2010, "Order would immediately match and take."),
        (order("BUY", "MARKET", "1000"), 400, -2010, "Account has insufficient balance for requested action."),
        (order("BUY", "LIMIT", "0.0001", price="99", **GTC), 400, -1013, "Filter failure: LOT_SIZE"),
        (order("BUY", "LIMIT", price="99.001", **GTC), 400, -1013, "Filter failure: PRICE_FILTER"),
        (order("BUY", "LIMIT", "0.01", price="99", **GTC), 400, -1013, "Filter failure: NOTIONAL"),
        (order("BUY", "MARKET", "1e-05"), 400, -1100, ""),
        (order("BUY", "LIMIT", price="99"), 400, -1102, ""),
        (order("SELL", "STOP_LOSS", stopPrice="101"), 400, -2010, "Order would trigger immediately."),
    ],
)
async def test_what_is_refused(it: Hall, client: AsyncClient, asked: Any, status: int, code: int, text: str) -> None:
    told = await refused(client.create_order(symbol=COIN, **asked))
    assert told[:2] == (status, code)
    assert told[2] == text or not text
    assert it.venue.log.of("accepted") == []


async def test_orders_that_are_not_there(client: AsyncClient) -> None:
    assert (await refused(client.get_order(symbol=COIN, orderId=77)))[1:] == (-2013, "Order does not exist.")
    assert (await refused(client.cancel_order(symbol=COIN, orderId=77)))[1:] == (-2011, "Unknown order sent.")
    assert (await refused(client.get_symbol_ticker(symbol="NOUSDT")))[1:] == (-1121, "Invalid symbol.")


async def test_a_client_id_is_its_orders_only_while_it_is_open(it: Hall, client: AsyncClient) -> None:
    asked = {"symbol": COIN, "newClientOrderId": "mine"}
    await client.create_order(**asked, **order("BUY", "LIMIT", price="97", **GTC))
    told = await refused(client.create_order(**asked, **order("BUY", "MARKET")))
    assert told[1:] == (-2010, "Duplicate order sent.")
    fall(it)
    again = await client.create_order(**asked, **order("BUY", "MARKET"))
    assert again["status"] == "FILLED"
    assert (await client.get_order(symbol=COIN, origClientOrderId="mine"))["orderId"] == again["orderId"]


# keys


@pytest.mark.parametrize("kind", KINDS)
async def test_keys_of_each_kind(kind: str) -> None:
    async with day(accounts=[ACCOUNT | account(kind)]) as it, python_binance(it, kind) as client:
        placed = await client.order_market_buy(symbol=COIN, quantity="1")
        assert placed["status"] == "FILLED"
        assert await client.ws_get_order(symbol=COIN, orderId=placed["orderId"])
        async with followed(it, client) as events:
            await client.ws_create_order(symbol=COIN, **order("SELL", "MARKET"))
            await until(lambda: len(events) == 3)


async def test_a_wrong_key_opens_nothing(it: Hall, client: AsyncClient) -> None:
    client.API_SECRET = "wrong"
    assert (await refused(client.get_account()))[1] == -1022
    client.API_KEY = "A" * 64
    client.session.headers["X-MBX-APIKEY"] = "A" * 64
    assert (await refused(client.get_account()))[1] == -2015


async def test_a_timestamp_is_judged_where_time_can_be_followed() -> None:
    async with day(check_timestamps=True) as it, python_binance(it) as client:
        client.timestamp_offset -= 60_000
        told = await refused(client.get_account())
        assert told[1:] == (-1021, "Timestamp for this request is outside of the recvWindow.")
        client.timestamp_offset += 120_000
        told = await refused(client.get_account())
        assert told[1:] == (-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


# streams


@asynccontextmanager
async def followed(it: Hall, client: AsyncClient) -> AsyncIterator[list[dict[str, Any]]]:
    """The account's events as they come."""
    events: list[dict[str, Any]] = []
    async with sockets(it, client).user_socket() as socket:

        async def take() -> None:
            while True:
                events.append(await socket.recv())

        taking = asyncio.create_task(take())
        try:
            yield events
        finally:
            taking.cancel()


@asynccontextmanager
async def opened(it: Hall, socket: Any) -> AsyncIterator[Any]:
    before = set(it.lines.open)
    await socket.__aenter__()
    await until(lambda: bool(it.lines.open - before))
    try:
        yield socket
    finally:
        await leave(it, socket.__aexit__(None, None, None))


async def test_the_user_stream_tells_what_became_of_an_order(it: Hall, client: AsyncClient) -> None:
    async with followed(it, client) as events:
        placed = await client.order_limit_buy(symbol=COIN, quantity="1", price="97", newClientOrderId="mine")
        fall(it)
        sold = await client.order_market_sell(symbol=COIN, quantity="1")
        other = await client.order_limit_buy(symbol=COIN, quantity="1", price="90")
        await client.cancel_order(symbol=COIN, orderId=other["orderId"], newClientOrderId="no")
        await until(lambda: any(its.get("x") == "CANCELED" for its in events) and events[-1]["e"] != "executionReport")
    reports = [its for its in events if its["e"] == "executionReport"]
    assert [(its["i"], its["x"], its["X"], Decimal(its["l"]), Decimal(its["L"])) for its in reports] == [
        (placed["orderId"], "NEW", "NEW", 0, 0),
        (placed["orderId"], "TRADE", "FILLED", 1, 97),
        (sold["orderId"], "NEW", "NEW", 0, 0),
        (sold["orderId"], "TRADE", "FILLED", 1, Decimal(sold["fills"][0]["price"])),
        (other["orderId"], "NEW", "NEW", 0, 0),
        (other["orderId"], "CANCELED", "CANCELED", 0, 0),
    ]
    assert (reports[0]["c"], reports[-1]["c"], reports[-1]["C"]) == ("mine", "no", other["clientOrderId"])
    trades = await client.get_my_trades(symbol=COIN)
    assert [its["t"] for its in reports if its["t"] >= 0] == [its["id"] for its in trades]
    last = {its["a"]: (its["f"], its["l"]) for event in events if event["e"] != "executionReport" for its in event["B"]}
    assert (
        last.items() <= {its["asset"]: (its["free"], its["locked"]) for its in (await client.get_account())["balances"]}.items()
    )


async def test_the_market_streams() -> None:
    async with hall(market({COIN: walk(50), "ETHUSDT": walk(50, seed=1)})) as it, python_binance(it) as client:
        manager = sockets(it, client, max_queue_size=1000)
        kinds = {
            manager.kline_socket(COIN): "kline",
            manager.trade_socket(COIN): "trade",
            manager.aggtrade_socket(COIN): "aggTrade",
            manager.symbol_miniticker_socket(COIN): "24hrMiniTicker",
            manager.symbol_ticker_socket(COIN): "24hrTicker",
            manager.depth_socket(COIN): "depthUpdate",
            manager.depth_socket(COIN, depth=manager.WEBSOCKET_DEPTH_5): "",
            manager.symbol_book_ticker_socket(COIN): "",
        }
        assert len(kinds) == 8
        for socket, kind in kinds.items():
            async with opened(it, socket):
                it.wait(120 * SECOND)
                told = await socket.recv()
            assert (told.get("e", ""), told.get("s", COIN)) == (kind, COIN)
        async with opened(it, manager.miniticker_socket()) as socket:
            it.wait(120 * SECOND)
            changed: set[str] = set()
            while changed != {COIN, "ETHUSDT"}:
                changed |= {its["s"] for its in await socket.recv()}


async def test_many_streams_on_one_connection(it: Hall, client: AsyncClient) -> None:
    names = ["btcusdt@trade", "ethusdt@trade", "btcusdt@kline_1m"]
    async with opened(it, sockets(it, client, max_queue_size=1000).multiplex_socket(names)) as socket:
        rise(it)
        told: list[dict[str, Any]] = []
        while not (told and told[-1]["stream"] == names[2] and Decimal(told[-1]["data"]["k"]["c"]) == 110):
            told.append(await socket.recv())
    assert {its["stream"] for its in told} == set(names)
    traded = [Decimal(its["data"]["p"]) for its in told if its["stream"] == names[0]]
    assert traded == [100] * (STILL - OPENS) + [94, 95, 95, 112, 110]


# the real market


async def test_the_real_market_is_served_and_traded(btc_eth: Recording) -> None:
    settings = {"begin": "2025-06-01T00:00", "accounts": [{"balances": {"USDT": 1_000_000}}]}
    async with hall(btc_eth, **settings) as it, python_binance(it) as client, followed(it, client) as events:
        bars = btc_eth.bars(COIN)
        told = await client.get_historical_klines(COIN, "1m", "31 May 2025 12:00", "31 May 2025 23:59")
        first = int(bars.time.searchsorted(told[0][0] * 10**6))
        assert len(told) == 720
        for n, row in enumerate(told):
            recorded = [getattr(bars, name)[first + n] for name in ("open", "high", "low", "close")]
            assert [int(Decimal(text).scaleb(8)) for text in row[1:5]] == recorded
        for coin in btc_eth.coins:
            it.wait(60 * SECOND)
            price = Decimal((await client.get_symbol_ticker(symbol=coin))["price"])
            await client.order_market_buy(symbol=coin, quantity="0.1")
            await client.order_limit_buy(symbol=coin, quantity="0.1", price=f"{price * Decimal('0.999'):.2f}")
        it.wait(6 * 60 * 60 * SECOND)
        trades = {coin: await client.get_my_trades(symbol=coin) for coin in btc_eth.coins}
        for coin, its in trades.items():
            assert {told["status"] for told in await client.get_all_orders(symbol=coin)} == {"FILLED"}
            bars = btc_eth.bars(coin)
            for trade in its:
                row = int(bars.time.searchsorted(trade["time"] * 10**6, side="right")) - 1
                assert bars.low[row] <= int(Decimal(trade["price"]).scaleb(8)) <= bars.high[row]
        spent = sum(Decimal(trade["quoteQty"]) for its in trades.values() for trade in its)
        got = {coin: sum(Decimal(trade["qty"]) * (1 - FEE) for trade in its) for coin, its in trades.items()}
        assert await held(client) == {"USDT": 1_000_000 - spent, "BTC": got[COIN], "ETH": got["ETHUSDT"]}
        await until(lambda: sum(its.get("x") == "TRADE" for its in events) == 4)
