"""Binance's own client (binance-sdk-spot) as it is, but for its addresses: REST, the WebSocket API and streams."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, NotFoundError, TooManyRequestsError
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_streams import models

from engine.recordings import Recording
from tests.rehearsal.clients import KINDS, account, pair
from tests.rehearsal.day import ACCOUNT, BALANCES, BARS, CASES, FEE, STILL, Case, balances, day, each_case, fall, rise
from tests.rehearsal.hall import SECOND, Hall, hall, until
from tests.worlds import MINUTE, START, market, walk

# it opens its connections in a way that aiohttp will drop
pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float' is deprecated:DeprecationWarning")

COIN = "BTCUSDT"


class Client:
    """The SDK; its REST is answered in another thread, as it blocks."""

    def __init__(self, its: Hall, kind: str = "HMAC") -> None:
        there, keys = its.server.addresses, its.server.credentials[0]
        opens = {"api_key": keys.api_key}
        opens |= {"api_secret": keys.api_secret} if kind == "HMAC" else {"private_key": pair(kind)[0]}
        self.spot = Spot(
            ConfigurationRestAPI(base_path=there.rest, retries=0, **opens),
            ConfigurationWebSocketAPI(stream_url=there.ws_api, **opens),
            ConfigurationWebSocketStreams(stream_url=there.ws),
        )

    async def ask(self, name: str, **asked: Any) -> Any:
        """What a method of REST answers."""
        reply = await asyncio.to_thread(getattr(self.spot.rest_api, name), **asked)
        return reply.data()

    async def held(self) -> dict[str, Decimal]:
        told = (await self.ask("get_account")).balances
        return {its.asset: Decimal(its.free) + Decimal(its.locked) for its in told}


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    async with day() as its:
        yield its


@pytest.fixture
def client(it: Hall) -> Client:
    return Client(it)


def asked(order: dict[str, str]) -> dict[str, Any]:
    """An order of the exchange's words in the client's own."""

    def value(name: str, text: str) -> Any:
        if name == "trailingDelta":
            return int(text)
        return float(text) if text[0].isdigit() else text

    snake = {re.sub(r"([A-Z])", r"_\1", name).lower(): value(name, text) for name, text in order.items()}
    return {"symbol": COIN, **snake}


def stands(order: Any) -> tuple[str, Decimal]:
    return order.status, Decimal(order.executed_qty)


def due(expected: tuple[str, str]) -> tuple[str, Decimal]:
    return expected[0], Decimal(expected[1])


# REST


async def test_the_market_as_it_tells_of_it(it: Hall, client: Client) -> None:
    rise(it)
    assert (await client.ask("time")).server_time == it.venue.now // 10**6
    info = await client.ask("exchange_info", symbols=[COIN, "ETHUSDT"])
    assert [its.symbol for its in info.symbols] == [COIN, "ETHUSDT"]
    rows = [row if isinstance(row, tuple) else (row,) * 4 for row in BARS[: STILL + 4]]
    told = await client.ask("klines", symbol=COIN, interval="1m")
    assert [(row[0], *map(Decimal, row[1:5])) for row in told] == [
        ((START + n * MINUTE) // 10**6, *row) for n, row in enumerate(rows)
    ]
    book = await client.ask("depth", symbol=COIN, limit=5)
    best = (await client.ask("ticker_book_ticker", symbol=COIN)).actual_instance
    assert [best.bid_price, best.ask_price] == [book.bids[0][0], book.asks[0][0]]
    ticker = (await client.ask("ticker24hr", symbol=COIN)).actual_instance
    assert [Decimal(price) for price in (ticker.open_price, ticker.high_price, ticker.low_price)] == [100, 112, 94]
    assert {its.symbol for its in (await client.ask("ticker_price")).actual_instance} == {COIN, "ETHUSDT"}
    assert (await client.ask("get_trades", symbol=COIN))[-1].price == "110.00000000"
    assert (await client.ask("agg_trades", symbol=COIN))[-1].p == "110.00000000"
    assert (await client.ask("avg_price", symbol=COIN)).mins == 5


async def test_the_account_as_it_tells_of_it(client: Client) -> None:
    assert await client.held() == BALANCES
    assert (await client.ask("account_commission", symbol=COIN)).standard_commission.taker == "0.00100000"
    assert [its.count for its in await client.ask("rate_limit_order")] == [0, 0]
    assert len((await client.ask("my_filters", symbol=COIN)).symbol_filters) >= 5
    test = await client.ask("order_test", **asked(CASES["market buy"].order), compute_commission_rates=True)
    assert test.standard_commission_for_order.maker == "0.00100000"


@each_case
async def test_an_order_of_each_type(it: Hall, client: Client, case: Case) -> None:
    placed = await client.ask("new_order", new_order_resp_type="FULL", **asked(case.order))
    assert stands(placed) == due(case.at_once)
    for move, expected in ((fall, case.after_fall), (rise, case.at_end)):
        move(it)
        told = await client.ask("get_order", symbol=COIN, order_id=placed.order_id)
        assert stands(told) == due(expected)
    trades = await client.ask("my_trades", symbol=COIN)
    assert {Decimal(its.price) for its in trades} == ({Decimal(case.price)} if case.price else set())
    assert sum(Decimal(its.qty) for its in trades) == Decimal(case.at_end[1])
    assert await client.held() == balances(case)
    assert [its.order_id for its in await client.ask("all_orders", symbol=COIN)] == [placed.order_id]
    assert [entry["client_id"] for entry in it.venue.log.of("accepted")] == [placed.client_order_id]


async def test_orders_are_replaced_made_smaller_and_cancelled(client: Client) -> None:
    limit = asked(CASES["limit buy"].order)
    first = await client.ask("new_order", **limit)
    done = await client.ask(
        "order_cancel_replace", cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=first.order_id, **limit | {"quantity": 2}
    )
    assert (done.cancel_result, done.new_order_result) == ("SUCCESS", "SUCCESS")
    (told,) = await client.ask("get_open_orders", symbol=COIN)
    less = await client.ask("order_amend_keep_priority", symbol=COIN, order_id=told.order_id, new_qty=0.5)
    assert less.amended_order.qty == "0.50000000"
    (note,) = await client.ask("order_amendments", symbol=COIN, order_id=told.order_id)
    assert (note.orig_qty, note.new_qty) == ("2.00000000", "0.50000000")
    assert (await client.ask("delete_order", symbol=COIN, order_id=told.order_id)).status == "CANCELED"
    for price in (95, 96):
        await client.ask("new_order", **limit | {"price": price})
    assert len(await client.ask("delete_open_orders", symbol=COIN)) == 2
    assert await client.held() == BALANCES


async def test_a_part_of_an_order_fills_and_the_rest_is_cancelled() -> None:
    async with day(fills={"max_volume_share": "0.01"}) as it:
        client = Client(it)
        placed = await client.ask("new_order", **asked(CASES["limit buy"].order) | {"quantity": 50})
        fall(it)
        status, filled = stands(await client.ask("get_order", symbol=COIN, order_id=placed.order_id))
        assert status == "PARTIALLY_FILLED"
        gone = await client.ask("delete_order", symbol=COIN, order_id=placed.order_id)
        assert stands(gone) == ("CANCELED", filled)
        assert await client.held() == {"USDT": 10_000 - filled * 97, "BTC": 20 + filled * (1 - FEE), "ETH": 0}


async def test_a_pair_of_which_one_ends_the_other(it: Hall, client: Client) -> None:
    legs = {"above_type": "LIMIT_MAKER", "above_price": 105, "below_type": "STOP_LOSS", "below_stop_price": 97}
    placed = await client.ask("order_list_oco", symbol=COIN, side="SELL", quantity=1, **legs)
    assert [its.order_list_id for its in await client.ask("open_order_list")] == [placed.order_list_id]
    fall(it)
    told = {its.type: its.status for its in await client.ask("all_orders", symbol=COIN)}
    assert told == {"STOP_LOSS": "FILLED", "LIMIT_MAKER": "EXPIRED"}
    assert (await client.ask("get_order_list", order_list_id=placed.order_list_id)).list_order_status == "ALL_DONE"


async def test_refusals_are_its_own_errors(it: Hall, client: Client) -> None:
    with pytest.raises(BadRequestError, match=r"Account has insufficient balance for requested action\."):
        await client.ask("new_order", **asked(CASES["market buy"].order) | {"quantity": 1000})
    with pytest.raises(BadRequestError, match=r"Order does not exist\."):
        await client.ask("get_order", symbol=COIN, order_id=77)
    with pytest.raises(NotFoundError):
        await client.ask("sor_order", **asked(CASES["market buy"].order))


async def test_one_who_asks_too_much_is_told_so() -> None:
    async with day(limits={"weight_per_minute": 30}) as it:
        client = Client(it)
        await client.held()
        with pytest.raises(TooManyRequestsError):
            await client.held()


@pytest.mark.parametrize("kind", KINDS)
async def test_keys_of_each_kind(kind: str) -> None:
    async with day(accounts=[ACCOUNT | account(kind)]) as it:
        client = Client(it, kind)
        assert (await client.ask("new_order", **asked(CASES["market buy"].order))).status == "FILLED"
        async with caller(client) as socket:
            placed = (await socket.order_place(**asked(CASES["market sell"].order))).data().result
            assert placed.status == "FILLED"
            if kind == "Ed25519":
                logged = (await socket.session_logon()).data().result
                assert logged.api_key == it.server.credentials[0].api_key


# the WebSocket API


@asynccontextmanager
async def caller(client: Client) -> AsyncIterator[Any]:
    socket = await client.spot.websocket_api.create_connection()
    try:
        yield socket
    finally:
        await socket.close_connection(close_session=True)


async def test_an_account_is_traded_by_websocket(it: Hall, client: Client) -> None:
    limit = asked(CASES["limit buy"].order)
    events: list[Any] = []
    async with caller(client) as socket:
        assert (await socket.time()).data().result.server_time == it.venue.now // 10**6
        followed = await socket.user_data_stream_subscribe_signature()
        followed.stream.on("message", lambda event: events.append(event.actual_instance))
        first = (await socket.order_place(**limit)).data().result
        less = (await socket.order_amend_keep_priority(symbol=COIN, order_id=first.order_id, new_qty=0.5)).data().result
        assert less.amended_order.qty == "0.50000000"
        done = (
            await socket.order_cancel_replace(cancel_replace_mode="ALLOW_FAILURE", cancel_order_id=first.order_id, **limit)
        ).data()
        assert (done.result.cancel_result, done.result.new_order_result) == ("SUCCESS", "SUCCESS")
        second = done.result.new_order_response.order_id
        assert [its.order_id for its in (await socket.open_orders_status(symbol=COIN)).data().result] == [second]
        fall(it)
        assert stands((await socket.order_status(symbol=COIN, order_id=second)).data().result) == ("FILLED", 1)
        assert [its.order_id for its in (await socket.my_trades(symbol=COIN)).data().result] == [second]
        legs = {"above_type": "LIMIT_MAKER", "above_price": 105, "below_type": "STOP_LOSS", "below_stop_price": 90}
        await socket.order_list_place_oco(symbol=COIN, side="SELL", quantity=1, **legs)
        assert len((await socket.open_orders_cancel_all(symbol=COIN)).data().result) == 1
        held = {its.asset: Decimal(its.free) for its in (await socket.account_status()).data().result.balances}
        assert held == {"USDT": 9_903, "BTC": 20 + (1 - FEE), "ETH": 0}
        refused = await socket.order_status(symbol=COIN, order_id=77)
        assert refused.data() == {"error": {"code": -2013, "msg": "Order does not exist."}}
        refused = await socket.session_logon()
        assert refused.data() == {"error": {"code": -1022, "msg": "Signature for this request is not valid."}}
        await until(lambda: sum(getattr(its, "l", "") == "ALL_DONE" for its in events) == 1)
    reports = [its for its in events if type(its).__name__ == "ExecutionReport"]
    assert [its.x for its in reports] == ["NEW", "REPLACED", "CANCELED", "NEW", "TRADE", "NEW", "NEW", "CANCELED", "CANCELED"]
    assert [(its.i, its.L, its.X) for its in reports if its.x == "TRADE"] == [(second, "97.00000000", "FILLED")]


# streams


async def test_the_market_streams() -> None:
    streams = {
        "btcusdt@trade": models.TradeResponse,
        "btcusdt@aggTrade": models.AggTradeResponse,
        "btcusdt@kline_1m": models.KlineResponse,
        "btcusdt@miniTicker": models.MiniTickerResponse,
        "btcusdt@ticker": models.TickerResponse,
        "btcusdt@ticker_1h": models.RollingWindowTickerResponse,
        "btcusdt@bookTicker": models.BookTickerResponse,
        "btcusdt@depth@100ms": models.DiffBookDepthResponse,
        "btcusdt@depth5": models.PartialBookDepthResponse,
        "btcusdt@avgPrice": models.AvgPriceResponse,
        "!miniTicker@arr": models.MiniTickerResponse,
    }
    async with hall(market({COIN: walk(50), "ETHUSDT": walk(50, seed=1)})) as it:
        socket = await Client(it).spot.websocket_streams.create_connection()
        told: dict[str, Any] = {}
        try:
            await socket.subscribe(list(streams))
            for name in streams:
                socket.on("message", lambda event: told.setdefault(event["stream"], event["data"]), name)
            async with asyncio.timeout(10):
                while told.keys() != streams.keys():
                    it.wait(SECOND)
                    await asyncio.sleep(0.001)
            assert (await socket.list_subscribe())["result"] == list(streams)
        finally:
            await socket.close_connection(close_session=True)
        for name, model in streams.items():
            for event in told[name] if isinstance(told[name], list) else [told[name]]:
                read = model.from_dict(event)
                assert not [field for field in model.model_fields if getattr(read, field) is None]
                assert read.additional_properties.keys() <= {"lastUpdateId"}
                assert getattr(read, "s", COIN) in (COIN, "ETHUSDT")


# the real market


async def test_the_real_market_is_served_and_traded(btc_eth: Recording) -> None:
    settings = {"begin": "2025-06-01T00:00", "accounts": [{"balances": {"USDT": 1_000_000}}]}
    async with hall(btc_eth, **settings) as it:
        client = Client(it)
        for coin in btc_eth.coins:
            it.wait(60 * SECOND)
            price = float((await client.ask("ticker_price", symbol=coin)).actual_instance.price)
            await client.ask("new_order", symbol=coin, side="BUY", type="MARKET", quantity=0.2)
            legs = {"above_type": "LIMIT_MAKER", "above_price": round(price * 1.002, 2)}
            legs |= {"below_type": "STOP_LOSS", "below_stop_price": round(price * 0.998, 2)}
            await client.ask("order_list_oco", symbol=coin, side="SELL", quantity=0.1, **legs)
        it.wait(24 * 60 * 60 * SECOND)
        for coin in btc_eth.coins:
            bars = btc_eth.bars(coin)
            trades = await client.ask("my_trades", symbol=coin)
            assert len(trades) == 2
            for its in trades:
                row = int(bars.time.searchsorted(its.time * 10**6, side="right")) - 1
                assert bars.low[row] <= int(Decimal(its.price).scaleb(8)) <= bars.high[row]
            told = sorted(its.status for its in await client.ask("all_orders", symbol=coin))
            assert told == ["EXPIRED", "FILLED", "FILLED"]
