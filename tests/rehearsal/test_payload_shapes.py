"""What REST tells has the keys and JSON types of real payloads; where they differ, it says so here, and why."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.shapes import differences, fixture
from tests.rehearsal.trader import LIMIT, Trader, trading
from tests.worlds import market, walk

PAIR = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.5",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "300",
    "belowType": "STOP_LOSS_LIMIT",
    "belowStopPrice": "20",
    "belowPrice": "19",
    "belowTimeInForce": "GTC",
}
COIN = {"symbol": "BTCUSDT"}
REST_ORDER = {**COIN, "side": "BUY", **LIMIT, "quantity": "1", "price": "20"}
# a fixture of an order is of its time, or of a query
SINCE_2024 = [".origQuoteOrderQty is more"]


@pytest.fixture
async def by(request: pytest.FixtureRequest) -> AsyncIterator[Trader]:
    """A trader who owns some, and has an order and a pair open."""
    async with trading(market(walk(200, seed=3), min_notional=0), events=400) as its:
        await its.order(quantity="2")
        await its.ask("POST", "order", **REST_ORDER, newClientOrderId="resting")
        await its.ask("POST", "orderList/oco", **PAIR)
        yield its


def endpoint(data: Path, name: str) -> tuple[str, str, Any]:
    """Method, path and body of a recorded request."""
    method, path, _, body = (data / f"payloads/binance-net/Endpoints/Spot/{name}.txt").read_text().split("\n", 3)
    return method.strip(), path.strip(), json.loads(re.sub(r"//.*", "", body))


def socket(data: Path, name: str) -> Any:
    """The result of a recorded request by WebSocket."""
    return fixture(data / f"payloads/binance-net/Socket/Spot/{name}.txt")["result"]


@pytest.mark.parametrize(
    ("name", "params", "lacking"),
    [
        ("ExchangeData/GetServerTime", {}, []),
        ("ExchangeData/GetAvgPrice", COIN, []),
        ("ExchangeData/GetPrice", COIN, []),
        ("ExchangeData/GetBookPrice", COIN, []),
        ("ExchangeData/GetTicker", COIN, []),
        ("ExchangeData/GetRollingWindowTicker", COIN, []),
        ("ExchangeData/GetRecentTrades", COIN, []),
        ("ExchangeData/GetTradeHistory", COIN, []),
        ("ExchangeData/GetAggregatedTradeHistory", COIN, []),
        ("ExchangeData/GetKlines", {**COIN, "interval": "1m"}, []),
        ("ExchangeData/GetUiKlines", {**COIN, "interval": "5m"}, []),
        ("ExchangeData/GetSystemStatus", {}, []),
    ],
)
async def test_the_market(by: Trader, data: Path, name: str, params: dict[str, str], lacking: list[str]) -> None:
    method, path, real = endpoint(data, name)
    told = await by.send(method, path, query="&".join(f"{key}={value}" for key, value in params.items()))
    assert told.status == 200
    assert differences(told.body, real) == lacking
    if isinstance(told.body, list):
        assert told.body
        assert all(differences(row, real[0]) == [] for row in told.body)


@pytest.mark.parametrize(
    ("name", "params", "lacking"),
    [
        ("Account/GetAccountInfo", {}, []),
        ("Account/GetTradeFee", {}, []),
        # nothing can be deposited, so there are no networks
        ("Account/GetUserAssets", {}, []),
        ("Trading/GetOrder", {**COIN, "origClientOrderId": "resting"}, []),
        ("Trading/GetOrders", COIN, []),
        ("Trading/GetOpenOrders", COIN, []),
        ("Trading/GetUserTrades", COIN, []),
        ("Trading/GetOpenOcoOrders", {}, []),
        ("Trading/PlaceOrder", {**COIN, "side": "SELL", "type": "MARKET", "quantity": "1"}, SINCE_2024),
        ("Trading/PlaceTestOrder", {**REST_ORDER, "computeCommissionRates": "true"}, [".specialCommissionForOrder is more"]),
        ("Trading/CancelOrder", {**COIN, "origClientOrderId": "resting"}, SINCE_2024),
        ("Trading/CancelAllOrders", COIN, ["[].origQuoteOrderQty is more"]),
        ("Trading/CancelOcoOrder", {**COIN, "orderListId": 1}, [".orderReports[].origQuoteOrderQty is more"]),
        # the fixture's stop is an iceberg
        (
            "Trading/PlaceOcoOrderList",
            {**PAIR, "belowIcebergQty": "0.1"},
            [".orderReports[].origQuoteOrderQty is more"],
        ),
    ],
)
async def test_the_account(by: Trader, data: Path, name: str, params: dict[str, str], lacking: list[str]) -> None:
    method, path, real = endpoint(data, name)
    told = await by.ask(method, path, **params)
    assert (told.status, bool(told.body)) == (200, True), told.body
    assert differences(told.body, real) == lacking


async def test_a_replacement(by: Trader, data: Path) -> None:
    method, path, real = endpoint(data, "Trading/ReplaceOrder")
    asked = {**REST_ORDER, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "resting"}
    told = await by.ask(method, path, **asked)
    # it is told bare where it succeeds; the fixture wraps it as a failure's is
    assert differences(told.body, real["data"]) == [
        ".cancelResponse.origQuoteOrderQty is more",
        ".newOrderResponse.origQuoteOrderQty is more",
    ]
    # by WebSocket the fixture is a RESULT, and an older one
    assert differences(told.body, socket(data, "Trading/ReplaceOrder")) == [
        ".newOrderResponse.fills is more",
        ".newOrderResponse.workingTime is more",
    ]
    failed = await by.ask(method, path, **asked)
    assert (failed.status, failed.body["code"]) == (400, -2022)
    assert failed.body["data"].keys() == real["data"].keys()


async def test_an_amendment(by: Trader, data: Path) -> None:
    method, path, real = endpoint(data, "Trading/AmendOrder")
    told = await by.ask(method, path, **COIN, origClientOrderId="resting", newQty="0.5")
    assert told.status == 200
    # the fixture shows the order as a query does; the exchange's documentation names it so
    lacking = "cummulativeQuoteQty icebergQty isWorking origQty origQuoteOrderQty preventedMatchId preventedQuantity stopPrice"
    lacking += " strategyId strategyType time trailingDelta trailingTime updateTime"
    more = "cumulativeQuoteQty origClientOrderId preventedQty qty quoteOrderQty"
    assert differences(told.body, real) == sorted(
        [
            *(f".amendedOrder.{key} is lacking" for key in lacking.split()),
            *(f".amendedOrder.{key} is more" for key in more.split()),
        ]
    )
    assert told.body.keys() == {"transactTime", "executionId", "amendedOrder"}


async def test_the_exchange(by: Trader, data: Path) -> None:
    _, path, real = endpoint(data, "ExchangeData/GetExchangeInfo")
    told = (await by.send("GET", path)).body
    newer = ("amendAllowed", "baseCommissionPrecision", "opoAllowed", "otoAllowed", "pegInstructionsAllowed", "permissionSets")
    newer += ("quoteCommissionPrecision",)
    limits = ("interval", "intervalNum", "limit", "rateLimitType")
    assert differences(told, real) == sorted(
        [*(f".rateLimits[].{key} is more" for key in limits), *(f".symbols[].{key} is more" for key in newer)]
    )
    # the second one's `allowAmend` is called amendAllowed by the exchange, and there is no smart order routing
    assert differences(told, socket(data, "ExchangeData/GetExchangeInfo")) == sorted(
        [
            ".sors is lacking",
            ".symbols[].allowAmend is lacking",
            *(f".symbols[].{key} is more" for key in ("amendAllowed", "opoAllowed", "pegInstructionsAllowed")),
        ]
    )
    real_filters = {its["filterType"]: its for its in socket(data, "ExchangeData/GetExchangeInfo")["symbols"][0]["filters"]}
    told_filters = {its["filterType"]: its for its in told["symbols"][0]["filters"]}
    for kind, its in real_filters.items():
        assert differences(told_filters[kind], its) == []


async def test_what_only_the_websocket_fixtures_have(by: Trader, data: Path) -> None:
    depth = await by.get("depth", symbol="BTCUSDT")
    assert differences(depth.body, socket(data, "ExchangeData/GetOrderBook")) == []
    limits = await by.ask("GET", "rateLimit/order")
    assert differences(limits.body, socket(data, "Account/GetOrderRateLimits")) == []
    # an order that has everything
    asked = {**COIN, "side": "SELL", "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "quantity": "0.5", "price": "20"}
    await by.ask("POST", "order", **asked, trailingDelta=1000, strategyId=7, strategyType=1000000, newClientOrderId="all")
    told = await by.ask("GET", "order", **COIN, origClientOrderId="all")
    # nothing of the account's own is ever prevented from matching
    assert differences(told.body, socket(data, "Trading/GetOrder")) == [
        ".preventedMatchId is lacking",
        ".preventedQuantity is lacking",
    ]


async def test_tickers_are_those_of_a_capture(by: Trader, data: Path) -> None:
    captured = json.loads((data / "payloads/rec-crypto-data/binance_tickers.spot_api.json").read_text())
    told = (await by.get("ticker/24hr")).body
    assert all(differences(told, [row]) == [] for row in captured)


async def test_an_order_of_2019_lacks_what_came_later(by: Trader, data: Path) -> None:
    captured = json.loads((data / "payloads/xchange/filled-market-order.json").read_text())
    told = (await by.ask("GET", "order", **COIN, orderId=1)).body
    assert differences(told, captured) == [
        ".origQuoteOrderQty is more",
        ".selfTradePreventionMode is more",
        ".workingTime is more",
    ]
