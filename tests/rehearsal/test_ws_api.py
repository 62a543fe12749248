"""The WebSocket API: frames, sessions and limits; what is answered is what REST answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.rehearsal.calls import Security
from engine.rehearsal.ws_api import METHODS
from tests.rehearsal.caller import ACCOUNTS, KEY, Caller, calling
from tests.rehearsal.hall import MS, SECOND, Hall, hall
from tests.rehearsal.shapes import differences, fixture
from tests.worlds import candles, market, walk


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    recording = market({"BTCUSDT": candles([100] * 50), "ETHUSDT": walk(50, seed=1)})
    async with hall(recording, accounts=ACCOUNTS) as its:
        its.venue.step(10)
        yield its


@pytest.fixture
async def caller(it: Hall) -> AsyncIterator[Caller]:
    async with calling(it) as caller:
        yield caller


LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "90"}
WEIGHT = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}


# frames


async def test_a_reply_bears_id_status_result_and_limits(it: Hall, caller: Caller) -> None:
    reply = await caller.ask("time")
    opened = 2
    assert reply == {
        "id": 1,
        "status": 200,
        "result": {"serverTime": it.venue.now // MS},
        "rateLimits": [WEIGHT | {"count": opened + 1}],
    }


async def test_an_order_tells_all_limits(caller: Caller) -> None:
    reply = await caller.sign("order.place", **LIMIT)
    assert reply["result"]["status"] == "NEW"
    assert reply["rateLimits"] == [
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000, "count": 1},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 1},
        WEIGHT | {"count": 2},
    ]


async def test_a_refusal_bears_code_and_text(caller: Caller) -> None:
    reply = await caller.sign("order.place", **LIMIT | {"quantity": "100000"})
    assert reply["status"] == 400
    assert reply["error"] == {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    assert "result" not in reply
    assert reply["rateLimits"][-1] == WEIGHT | {"count": 3}


@pytest.mark.parametrize("id", [1, -(2**63), "e2a85d9f-07a5-4f94-8d5f-789dc3deb097", "a_b", None])
async def test_ids_come_back(caller: Caller, id: Any) -> None:
    assert (await caller.ear.ask(id=id, method="ping"))["id"] == id
    assert (await caller.ear.ask(id=id, method="ping"))["result"] == {}


BAD_ID = "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "Invalid JSON Request"),
        ("[]", "Invalid JSON Request"),
        ('{"id": 1.5, "method": "ping"}', BAD_ID),
        ('{"id": true, "method": "ping"}', BAD_ID),
        ('{"id": "", "method": "ping"}', BAD_ID),
        ('{"id": "a b", "method": "ping"}', BAD_ID),
        ('{"id": 9223372036854775808, "method": "ping"}', BAD_ID),
        ('{"id": null, "params": {}}', "Invalid 'method' in JSON request; expected a string."),
        ('{"id": null, "method": "ping", "params": []}', "Invalid 'params' in JSON request; expected an object."),
    ],
)
async def test_what_is_no_request(caller: Caller, text: str, message: str) -> None:
    await caller.ear.socket.send_str(text)
    assert await caller.ear.next() == {"id": None, "status": 400, "error": {"code": -1135, "msg": message}}


async def test_a_method_that_there_is_not(caller: Caller) -> None:
    reply = await caller.ask("order.plaice")
    assert (reply["status"], reply["error"]["code"]) == (400, -1000)


async def test_methods_can_name_their_version(caller: Caller) -> None:
    assert (await caller.ask("v3/ping"))["result"] == {}


async def test_limits_are_told_unless_they_are_not_wanted(it: Hall, caller: Caller) -> None:
    assert "rateLimits" not in await caller.ask("ping", returnRateLimits=False)
    assert "rateLimits" in await caller.ask("ping", returnRateLimits=True)
    assert "rateLimits" not in await caller.sign("order.place", **LIMIT, returnRateLimits=False)
    async with calling(it, "?returnRateLimits=false") as quiet:
        assert "rateLimits" not in await quiet.ask("ping")
        assert "rateLimits" not in await quiet.ask("order.nothing")
        assert "rateLimits" in await quiet.ask("ping", returnRateLimits=True)


async def test_times_can_be_had_in_microseconds(it: Hall) -> None:
    async with calling(it, "?timeUnit=microsecond") as caller:
        assert (await caller.ask("time"))["result"] == {"serverTime": it.venue.now // 1000}
        order = await caller.do("order.place", **LIMIT)
        assert order["transactTime"] == it.venue.now // 1000


# what is asked for


async def test_every_method_is_answered(caller: Caller) -> None:
    """With as few parameters as may be: what is lacking is named, and nothing breaks."""
    for name, operation in METHODS.items():
        ask = caller.ask if operation.security is Security.NONE else caller.sign
        reply = await ask(name)
        if reply["status"] != 200:
            assert reply["error"]["code"] in (-1102, -2043), (name, reply)


async def test_what_is_asked_by_either_door_is_told_alike(it: Hall, caller: Caller) -> None:
    for method, path, params in [
        ("depth", "depth", {"symbol": "BTCUSDT", "limit": 5}),
        ("trades.recent", "trades", {"symbol": "BTCUSDT"}),
        ("trades.aggregate", "aggTrades", {"symbol": "BTCUSDT"}),
        ("klines", "klines", {"symbol": "ETHUSDT", "interval": "1m", "limit": 3}),
        ("avgPrice", "avgPrice", {"symbol": "BTCUSDT"}),
        ("ticker.24hr", "ticker/24hr", {"symbol": "BTCUSDT"}),
        ("ticker", "ticker", {"symbol": "BTCUSDT", "windowSize": "1h"}),
        ("ticker.price", "ticker/price", {}),
        ("ticker.book", "ticker/bookTicker", {}),
        ("exchangeInfo", "exchangeInfo", {"symbol": "BTCUSDT"}),
    ]:
        async with it.http.get(f"{it.url}/api/v3/{path}", params=params) as reply:
            assert (await caller.ask(method, **params))["result"] == await reply.json()


async def test_lists_are_sent_as_lists(caller: Caller) -> None:
    reply = await caller.ask("ticker.price", symbols=["BTCUSDT", "ETHUSDT"])
    assert [each["symbol"] for each in reply["result"]] == ["BTCUSDT", "ETHUSDT"]


async def test_an_order_from_its_beginning_to_its_end(caller: Caller) -> None:
    placed = await caller.do("order.place", **LIMIT, newClientOrderId="mine")
    assert (placed["status"], placed["clientOrderId"], placed["fills"]) == ("NEW", "mine", [])
    found = await caller.do("order.status", symbol="BTCUSDT", origClientOrderId="mine")
    assert (found["orderId"], found["isWorking"]) == (placed["orderId"], True)
    assert [order["orderId"] for order in await caller.do("openOrders.status")] == [placed["orderId"]]
    amended = await caller.do("order.amend.keepPriority", symbol="BTCUSDT", orderId=placed["orderId"], newQty="0.5")
    assert amended["amendedOrder"]["qty"] == "0.50000000"
    replaced = await caller.do(
        "order.cancelReplace", **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=placed["orderId"]
    )
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    canceled = await caller.do("order.cancel", symbol="BTCUSDT", orderId=replaced["newOrderResponse"]["orderId"])
    assert canceled["status"] == "CANCELED"
    assert await caller.do("openOrders.status", symbol="BTCUSDT") == []
    reply = await caller.sign("openOrders.cancelAll", symbol="BTCUSDT")
    assert reply["error"] == {"code": -2011, "msg": "Unknown order sent."}


async def test_a_market_order_is_answered_with_its_fills(caller: Caller) -> None:
    order = await caller.do("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="2")
    assert (order["status"], order["executedQty"], order["cummulativeQuoteQty"]) == ("FILLED", "2.00000000", "200.00000000")
    (fill,) = order["fills"]
    (trade,) = await caller.do("myTrades", symbol="BTCUSDT")
    assert (trade["id"], trade["price"], trade["qty"]) == (fill["tradeId"], "100.00000000", "2.00000000")
    balances = {its["asset"]: its for its in (await caller.do("account.status"))["balances"]}
    assert balances["USDT"]["free"] == "99800.00000000"
    assert [order["status"] for order in await caller.do("allOrders", symbol="BTCUSDT")] == ["FILLED"]


async def test_what_is_half_done_says_what_was_done(caller: Caller) -> None:
    reply = await caller.sign("order.cancelReplace", **LIMIT, cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=99)
    assert (reply["status"], reply["error"]["code"]) == (409, -2021)
    assert reply["error"]["data"]["cancelResult"] == "FAILURE"
    assert reply["error"]["data"]["newOrderResponse"]["status"] == "NEW"


# who asks


@pytest.mark.parametrize("account", ["main", "pair"])
async def test_signatures_are_of_the_sorted_parameters(caller: Caller, account: str) -> None:
    params = caller.signed(account, **LIMIT, recvWindow=5000.123)
    assert (await caller.ask("order.place", **dict(reversed(params.items()))))["status"] == 200
    wrong = await caller.ask("order.place", **params | {"quantity": "2"})
    assert (wrong["status"], wrong["error"]["code"]) == (400, -1022)


async def test_who_is_not_known(caller: Caller) -> None:
    reply = await caller.ask("account.status", **caller.signed("main") | {"apiKey": "Z" * 64})
    assert (reply["status"], reply["error"]["code"]) == (401, -2015)
    reply = await caller.ask("account.status", **caller.signed("main") | {"apiKey": "short"})
    assert (reply["status"], reply["error"]["code"]) == (401, -2014)


async def test_late_requests_are_refused_where_time_is_judged() -> None:
    async with (
        hall(market([100] * 5), accounts=ACCOUNTS, check_timestamps=True) as its,
        calling(its) as caller,
    ):
        early = await caller.sign("account.status", timestamp=its.venue.now // MS + 1000)
        late = await caller.sign("account.status", timestamp=its.venue.now // MS - 5001)
        fine = await caller.sign("account.status", timestamp=its.venue.now // 1000 - 4_000_000)
    assert (early["status"], early["error"]["code"]) == (late["status"], late["error"]["code"]) == (400, -1021)
    assert fine["status"] == 200


async def test_a_session_is_opened_by_a_logon(it: Hall, caller: Caller) -> None:
    nobody = await caller.ask("session.status")
    assert nobody["result"] == {
        "apiKey": None,
        "authorizedSince": None,
        "connectedSince": it.venue.now // MS,
        "returnRateLimits": True,
        "serverTime": it.venue.now // MS,
        "userDataStream": False,
    }
    connected = it.venue.now // MS
    it.wait(SECOND)
    result = await caller.do("session.logon", "pair")
    assert (result["apiKey"], result["connectedSince"]) == (KEY["pair"], connected)
    assert result["authorizedSince"] == result["serverTime"] == connected + 1000
    # neither key nor signature is needed from now on, a timestamp still is
    placed = await caller.ask("order.place", **LIMIT, timestamp=connected)
    assert placed["status"] == 200
    assert it.venue.desks["pair"].records.open
    assert (await caller.ask("account.status"))["error"]["code"] == -1102
    # a key of one's own goes before the session's
    assert (await caller.do("account.status", "main"))["balances"][0]["free"] == "100000.00000000"
    assert (await caller.ask("session.logout"))["result"]["apiKey"] is None
    assert (await caller.ask("account.status", timestamp=connected))["error"]["code"] == -2014


async def test_only_some_keys_can_log_on(caller: Caller) -> None:
    assert (await caller.sign("session.logon", "main"))["error"]["code"] == -1022
    assert (await caller.ask("session.status"))["result"]["apiKey"] is None


# limits


async def test_who_asks_too_much_is_told_when_to_come_again(it: Hall) -> None:
    async with (
        hall(market([100] * 5), accounts=ACCOUNTS, limits={"weight_per_minute": 10, "patience": 2}) as its,
        calling(its) as caller,
    ):
        for _ in range(8):
            assert (await caller.ask("ping"))["status"] == 200
        for status in (429, 429, 418):
            reply = await caller.ask("ping")
            assert (reply["status"], reply["error"]["code"]) == (status, -1003)
            data = reply["error"]["data"]
            assert data["serverTime"] == its.venue.now // MS
            assert 0 < data["retryAfter"] - data["serverTime"] <= (60_000 if status == 429 else 120_000)
        with pytest.raises(Exception, match="418"):
            await its.http.ws_connect(its.url + "/ws-api/v3")


async def test_an_answer_that_is_late_keeps_no_other_waiting(it: Hall, caller: Caller) -> None:
    office, answer = it.server.office, it.server.office.answer
    gate = asyncio.Event()

    async def slow(call: Any) -> Any:
        if call.name == "time":
            await gate.wait()
        return await answer(call)

    office.answer = slow  # type: ignore[method-assign]
    await caller.ear.socket.send_str(json.dumps({"id": "late", "method": "time"}))
    assert (await caller.ask("ping"))["status"] == 200
    gate.set()
    assert (await caller.ear.next())["id"] == "late"


# shapes


def of(data: Path, name: str) -> Any:
    return fixture(data / "payloads" / "binance-net" / "Socket" / "Spot" / f"{name}.txt")


CONDITIONAL = ("strategyId", "strategyType", "trailingDelta", "trailingTime", "preventedMatchId", "preventedQuantity")
KNOWN = {
    # written otherwise than the exchange does, or older than it is
    "ExchangeData/GetExchangeInfo": [
        *(".result.sors is lacking", ".result.symbols[].allowAmend is lacking", ".result.symbols[].amendAllowed is more"),
        *(".result.symbols[].opoAllowed is more", ".result.symbols[].pegInstructionsAllowed is more"),
    ],
    "Trading/PlaceOrder": [".result.selfTradePreventionMode is more"],
    "Trading/PlaceTestOrder": [".result.specialCommissionForOrder is more"],
    "Trading/ReplaceOrder": [".result.newOrderResponse.fills is more", ".result.newOrderResponse.workingTime is more"],
    "Trading/CancelOcoOrder": [".result.orderReports[].origClientOrderId is more"],
    # the order is none that has these
    "Trading/GetOrder": [f".result.{name} is lacking" for name in sorted(CONDITIONAL)],
}
"""In what the fixtures are not followed. Those of AmendOrder, CancelOrder and CancelAllOrders hold the reply to a query."""


async def test_replies_have_the_shape_of_the_documented_ones(it: Hall, caller: Caller, data: Path) -> None:
    its = {"symbol": "BTCUSDT"}
    oco = its | {"side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "110"}
    oco |= {"belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "90", "belowPrice": "89", "belowTimeInForce": "GTC"}
    await caller.do("order.place", **its, side="BUY", type="MARKET", quantity="1")
    open_order = await caller.do("order.place", **LIMIT)
    asked: dict[str, Any] = {
        "ExchangeData/GetAggregatedTradeHistory": await caller.ask("trades.aggregate", **its),
        "ExchangeData/GetBookTickers": await caller.ask("ticker.book"),
        "ExchangeData/GetCurrentAvgPrice": await caller.ask("avgPrice", **its),
        "ExchangeData/GetExchangeInfo": await caller.ask("exchangeInfo", **its),
        "ExchangeData/GetKlines": await caller.ask("klines", **its, interval="1m"),
        "ExchangeData/GetOrderBook": await caller.ask("depth", **its),
        "ExchangeData/GetRecentTrades": await caller.ask("trades.recent", **its),
        "ExchangeData/GetRollingWindowTickers": await caller.ask("ticker", symbols=["BTCUSDT"]),
        "ExchangeData/GetTickers": await caller.ask("ticker.24hr", symbols=["BTCUSDT"]),
        "ExchangeData/GetTradeHistory": await caller.ask("trades.historical", **its),
        "ExchangeData/GetUIKlines": await caller.ask("uiKlines", **its, interval="1m"),
        "Account/GetAccountInfo": await caller.sign("account.status"),
        "Account/GetOrderRateLimits": await caller.sign("account.rateLimits.orders"),
        "Trading/PlaceOrder": await caller.sign("order.place", **its, side="BUY", type="MARKET", quantity="1"),
        "Trading/PlaceTestOrder": await caller.sign("order.test", **LIMIT, computeCommissionRates=True),
        "Trading/GetOrder": await caller.sign("order.status", **its, orderId=open_order["orderId"]),
        "Trading/GetOpenOrders": await caller.sign("openOrders.status", **its),
        "Trading/GetUserTrades": await caller.sign("myTrades", **its),
        "Trading/ReplaceOrder": await caller.sign(
            "order.cancelReplace", **LIMIT, cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=open_order["orderId"]
        ),
        "Trading/PlaceOcoOrder": await caller.sign("orderList.place.oco", **oco),
        "Trading/GetOpenOcoOrders": await caller.sign("openOrderLists.status"),
        "Trading/GetOcoOrder": await caller.sign("orderList.status", orderListId=1),
        "Trading/CancelOcoOrder": await caller.sign("orderList.cancel", **its, orderListId=1),
        "Trading/GetPreventedTrades": await caller.sign("myPreventedMatches", **its, orderId=1),
    }
    told = {name: differences(reply | {"id": "1"}, of(data, name)) for name, reply in asked.items()}
    assert {name: its for name, its in told.items() if its} == KNOWN
