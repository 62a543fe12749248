"""Limits: what is counted, when it begins anew, and what one who asks too much is told."""

from __future__ import annotations

from typing import Any

import pytest

from engine.rehearsal.clock import Clock
from engine.rehearsal.limits import REQUESTS, WEIGHT, Exceeded, Limits, Rule
from engine.rehearsal.params import Params
from engine.rehearsal.rest import ROUTES
from tests.rehearsal.trader import LIMIT, Trader, trading
from tests.worlds import START, market

SECOND = 10**9
MINUTE = 60 * SECOND


class Wall:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def limits(wall: Wall, *rules: Rule, patience: int = 10, start: int = START) -> Limits:
    return Limits(rules, Clock(start, 1.0, wall), patience)


def refused(its: Limits, weight: int) -> tuple[int, str, int]:
    with pytest.raises(Exceeded) as caught:
        its.admit(weight)
    return caught.value.status, caught.value.message, caught.value.retry_s


def used(its: Limits) -> list[int]:
    return [usage.used for usage in its.usage()]


TOO_MUCH = (
    "Too much request weight used; current limit is 100 request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)


def test_weights_are_counted_in_minutes_of_the_clock() -> None:
    wall = Wall()
    its = limits(wall, Rule(WEIGHT, "MINUTE", 1, 100), start=START + 40 * SECOND)
    its.admit(60)
    its.admit(40)
    assert refused(its, 1) == (429, TOO_MUCH, 20)
    wall.ns = 19 * SECOND + 1
    assert refused(its, 1) == (429, TOO_MUCH, 1)
    wall.ns = 20 * SECOND
    its.admit(99)
    assert used(its) == [99]
    its.forgive(50)
    assert used(its) == [49]


def test_requests_are_counted_whatever_they_weigh() -> None:
    wall = Wall()
    its = limits(wall, Rule(WEIGHT, "MINUTE", 1, 100), Rule(REQUESTS, "MINUTE", 5, 3))
    for _ in range(3):
        its.admit(0)
    assert refused(its, 0) == (429, "Too many requests queued.", 300)
    assert used(its) == [0]


def test_one_who_goes_on_is_banned_and_for_longer_each_time() -> None:
    wall = Wall()
    its = limits(wall, Rule(WEIGHT, "MINUTE", 1, 100), patience=2)
    told = "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans."
    for length in (120, 240, 480):
        its.admit(100)
        assert [refused(its, 1)[0] for _ in range(2)] == [429, 429]
        until = (START + wall.ns) // 10**6 + length * 1000
        assert refused(its, 1) == (418, told.format(until), length)
        wall.ns += SECOND
        assert refused(its, 1) == (418, told.format(until), length - 1)
        wall.ns += (length - 1) * SECOND - 1
        assert refused(its, 1)[::2] == (418, 1)
        wall.ns += 1
    for _ in range(12):
        its.admit(100)
        ban = [refused(its, 1) for _ in range(3)][-1]
        wall.ns += ban[2] * SECOND
    assert ban[2] == 3 * 86400


def test_who_waits_is_never_banned() -> None:
    wall = Wall()
    its = limits(wall, Rule(WEIGHT, "MINUTE", 1, 100), patience=1)
    for _ in range(5):
        its.admit(100)
        assert refused(its, 1)[0] == 429
        wall.ns += MINUTE


# over REST


async def counts(by: Trader) -> tuple[int, int, int]:
    """The weight used, and the unfilled orders of ten seconds and of a day."""
    told = await by.ask("GET", "rateLimit/order")
    ten, day = (row["count"] for row in told.body)
    return int(told.headers["X-MBX-USED-WEIGHT-1M"]) - 40, ten, day


async def test_every_reply_tells_the_weight_and_an_orders_the_orders() -> None:
    async with trading(market([100] * 3)) as by:
        told = await by.get("ping")
        assert (told.headers["X-MBX-USED-WEIGHT-1M"], told.headers["X-MBX-USED-WEIGHT"]) == ("1", "1")
        assert not any("ORDER-COUNT" in name for name in told.headers)
        assert (await by.get("depth", symbol="BTCUSDT")).headers["X-MBX-USED-WEIGHT-1M"] == "6"
        assert (await by.get("nothing", symbol="BTCUSDT")).status == 404
        assert (await by.get("depth", symbol="X")).headers["X-MBX-USED-WEIGHT-1M"] == "11"
        told = await by.order(**LIMIT, quantity="1", price="50")
        assert [told.headers[f"X-MBX-ORDER-COUNT-{window}"] for window in ("10S", "1D")] == ["1", "1"]
        assert told.headers["X-MBX-USED-WEIGHT-1M"] == "11"


async def test_an_order_that_fills_counts_no_more_and_one_refused_never_did() -> None:
    async with trading(market([100, 100, (100, 100, 40, 40), 40])) as by:
        assert (await by.order(quantity="1")).body["status"] == "FILLED"
        assert await counts(by) == (0, 0, 0)
        await by.order(**LIMIT, quantity="1", price="50")
        assert await counts(by) == (40, 1, 1)
        assert (await by.order(**LIMIT, quantity="0", price="50")).status == 400
        assert await counts(by) == (81, 1, 1)
        pair = {"aboveType": "LIMIT_MAKER", "abovePrice": "200", "belowType": "STOP_LOSS", "belowStopPrice": "10"}
        await by.ask("POST", "orderList/oco", symbol="BTCUSDT", side="SELL", quantity="0.5", **pair)
        assert await counts(by) == (121, 3, 3)
        await by.ask("DELETE", "openOrders", symbol="BTCUSDT")
        assert await counts(by) == (161, 3, 3)
        await by.order(**LIMIT, quantity="1", price="50")
        by.venue.step(8)
        assert await counts(by) == (201, 3, 3)


async def test_a_replacement_that_was_not_attempted_counts() -> None:
    async with trading(market([100] * 3)) as by:
        asked = {"symbol": "BTCUSDT", "side": "BUY", **LIMIT, "quantity": "1", "price": "50", "cancelOrderId": 9}
        told = await by.ask("POST", "order/cancelReplace", cancelReplaceMode="STOP_ON_FAILURE", **asked)
        assert told.body["data"]["newOrderResult"] == "NOT_ATTEMPTED"
        assert await counts(by) == (1, 1, 1)


async def test_too_many_orders_are_refused_and_cancels_are_not() -> None:
    async with trading(market([100] * 3), limits={"orders_per_10_seconds": 2}) as by:
        orders = [await by.order(**LIMIT, quantity="1", price="20") for _ in range(3)]
        assert [told.status for told in orders] == [200, 200, 429]
        assert orders[2].refusal[1:] == (-1015, "Too many new orders; current limit is 2 orders per 10 SECOND.")
        assert 1 <= int(orders[2].headers["Retry-After"]) <= 10
        assert (await by.ask("DELETE", "openOrders", symbol="BTCUSDT")).status == 200


async def test_a_replacement_beyond_the_limit_can_still_cancel() -> None:
    async with trading(market([100] * 3), limits={"orders_per_10_seconds": 1}) as by:
        await by.order(**LIMIT, quantity="1", price="20")
        asked = {"symbol": "BTCUSDT", "side": "BUY", **LIMIT, "quantity": "1", "price": "30", "cancelOrderId": 1}
        asked |= {"cancelReplaceMode": "STOP_ON_FAILURE"}
        told = await by.ask("POST", "order/cancelReplace", **asked)
        assert (told.status, told.body["code"], len(by.desk.records.open)) == (429, -1015, 1)
        told = await by.ask("POST", "order/cancelReplace", **asked, orderRateLimitExceededMode="CANCEL_ONLY")
        assert (told.status, told.body["code"], len(by.desk.records.open)) == (429, -2021, 0)
        assert (told.body["data"]["cancelResult"], told.body["data"]["newOrderResponse"]["code"]) == ("SUCCESS", -1015)


async def test_too_much_weight_is_refused_then_banned() -> None:
    async with trading(market([100] * 3), limits={"weight_per_minute": 10, "patience": 2}) as by:
        told = [await by.get("depth", symbol="BTCUSDT") for _ in range(5)]
        assert [(its.status, its.body.get("code")) for its in told] == [
            (200, None),
            (200, None),
            *[(429, -1003)] * 2,
            (418, -1003),
        ]
        assert 1 <= int(told[2].headers["Retry-After"]) <= 60
        assert 119 <= int(told[4].headers["Retry-After"]) <= 120
        assert (await by.get("ping")).status == 418


WEIGHTS: dict[str, Any] = {
    "GET ping": ({}, 1),
    "GET exchangeInfo": ({}, 20),
    "GET depth": ({"limit": "100"}, 5),
    "GET trades": ({}, 25),
    "GET aggTrades": ({}, 4),
    "GET klines": ({"interval": "1m"}, 2),
    "GET avgPrice": ({}, 2),
    "GET ticker/24hr": ({}, 2),
    "GET ticker/price": ({}, 2),
    "GET ticker/bookTicker": ({}, 2),
    "GET account": ({}, 20),
    "GET order": ({"orderId": "1"}, 4),
    "GET openOrders": ({}, 6),
    "GET allOrders": ({}, 20),
    "GET myTrades": ({}, 20),
    "GET rateLimit/order": ({}, 40),
    "GET account/commission": ({}, 20),
    "GET myFilters": ({}, 40),
    "PUT order/amend/keepPriority": ({}, 4),
    "POST order": ({}, 1),
    "DELETE order": ({}, 1),
}


@pytest.mark.parametrize(
    ("name", "params", "weight"),
    [
        *((name, {"symbol": "BTCUSDT", **params}, weight) for name, (params, weight) in WEIGHTS.items()),
        ("GET openOrders", {}, 80),
        ("GET ticker/24hr", {}, 80),
        ("GET ticker/24hr", {"symbols": '["A","B"]'}, 2),
        ("GET ticker/24hr", {"symbols": f"[{','.join(['A'] * 21)}]"}, 40),
        ("GET ticker/price", {}, 4),
        ("GET myTrades", {"symbol": "BTCUSDT", "orderId": "1"}, 5),
        *(("GET depth", {"limit": str(limit)}, weight) for limit, weight in ((101, 25), (500, 25), (501, 50), (1001, 250))),
        ("GET depth", {"limit": "x"}, 5),
    ],
)
def test_the_weights_of_the_documentation(name: str, params: dict[str, str], weight: int) -> None:
    told = ROUTES[name].weight
    assert (told if isinstance(told, int) else told(Params(params))) == weight
