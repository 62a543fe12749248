"""Orders over REST: every type placed, filled, cancelled, replaced and amended, and what is refused in which words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.rehearsal.trader import LIMIT, Trader, trading
from tests.worlds import START, market

MS = 1_000_000
COIN = {"symbol": "BTCUSDT"}
NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"


@pytest.fixture
async def by() -> AsyncIterator[Trader]:
    """A trader before a market that stands at 100, bid 99.99, falls to 80 and rises to 120."""
    async with trading(market([100, 100, (100, 100, 80, 80), (80, 120, 80, 120), 120])) as its:
        yield its


async def balances(by: Trader) -> dict[str, tuple[str, str]]:
    told = await by.ask("GET", "account", omitZeroBalances="true")
    return {row["asset"]: (row["free"], row["locked"]) for row in told.body["balances"]}


# placing


async def test_a_market_order_is_answered_with_its_fills(by: Trader) -> None:
    told = await by.order(quantity="2", newClientOrderId="mine", strategyId=3, strategyType=1000001)
    now = by.venue.now // MS
    assert told.body == {
        "symbol": "BTCUSDT",
        "orderId": 1,
        "orderListId": -1,
        "clientOrderId": "mine",
        "transactTime": now,
        "price": "0.00000000",
        "origQty": "2.00000000",
        "executedQty": "2.00000000",
        "origQuoteOrderQty": "0.00000000",
        "cummulativeQuoteQty": "200.00000000",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": "MARKET",
        "side": "BUY",
        "strategyId": 3,
        "strategyType": 1000001,
        "workingTime": now,
        "selfTradePreventionMode": "NONE",
        "fills": [
            {"price": "100.00000000", "qty": "2.00000000", "commission": "0.00200000", "commissionAsset": "BTC", "tradeId": 1}
        ],
    }
    assert await balances(by) == {"USDT": ("9800.00000000", "0.00000000"), "BTC": ("1.99800000", "0.00000000")}
    (trade,) = (await by.ask("GET", "myTrades", **COIN)).body
    assert (trade["id"], trade["orderId"], trade["isBuyer"], trade["isMaker"]) == (1, 1, True, False)


async def test_a_quote_amount_is_spent_as_far_as_whole_lots_go(by: Trader) -> None:
    told = await by.order(quoteOrderQty="1000.05")
    assert (told.body["origQty"], told.body["origQuoteOrderQty"]) == ("10.00000000", "1000.05000000")
    assert told.body["cummulativeQuoteQty"] == "1000.00000000"
    sold = await by.order(side="SELL", quoteOrderQty="99.99")
    assert (sold.body["origQty"], sold.body["fills"][0]["price"]) == ("1.00000000", "99.99000000")


@pytest.mark.parametrize(
    ("params", "keys"),
    [
        ({"newOrderRespType": "ACK"}, 5),
        ({"newOrderRespType": "RESULT"}, 16),
        ({"newOrderRespType": "FULL"}, 17),
        ({}, 17),
        ({**LIMIT, "price": "50"}, 17),
        ({"type": "LIMIT_MAKER", "price": "50"}, 5),
        ({"type": "STOP_LOSS", "stopPrice": "200"}, 5),
        ({"type": "STOP_LOSS", "stopPrice": "200", "newOrderRespType": "RESULT"}, 17),
    ],
)
async def test_how_much_is_answered(by: Trader, params: dict[str, str], keys: int) -> None:
    told = await by.order(quantity="1", **params)
    assert (told.status, len(told.body)) == (200, keys)


@pytest.mark.parametrize(
    ("params", "status", "price"),
    [
        # the market falls to 80 and then rises to 120: the ask stands a tick above a fall
        ({"side": "BUY", **LIMIT, "price": "90"}, "FILLED", "90"),
        ({"side": "BUY", **LIMIT, "price": "79"}, "NEW", None),
        ({"side": "BUY", "type": "LIMIT_MAKER", "price": "90"}, "FILLED", "90"),
        ({"side": "SELL", **LIMIT, "price": "110"}, "FILLED", "110"),
        ({"side": "SELL", "type": "STOP_LOSS", "stopPrice": "90"}, "FILLED", "90"),
        ({"side": "BUY", "type": "STOP_LOSS", "stopPrice": "110"}, "FILLED", "110"),
        ({"side": "BUY", "type": "TAKE_PROFIT", "stopPrice": "90"}, "FILLED", "90"),
        ({"side": "SELL", "type": "TAKE_PROFIT", "stopPrice": "110"}, "FILLED", "110"),
        ({"side": "SELL", "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "stopPrice": "90", "price": "95"}, "FILLED", "95"),
        # set off by the fall to 80, it rests until the next trade, which opens there
        ({"side": "BUY", "type": "TAKE_PROFIT_LIMIT", "timeInForce": "GTC", "stopPrice": "85", "price": "81"}, "FILLED", "80"),
        ({"side": "SELL", "type": "STOP_LOSS", "trailingDelta": "1000"}, "FILLED", "90"),
        ({"side": "BUY", **LIMIT, "price": "100", "timeInForce": "IOC"}, "FILLED", "100"),
        ({"side": "BUY", **LIMIT, "price": "99", "timeInForce": "IOC"}, "EXPIRED", None),
        ({"side": "BUY", **LIMIT, "price": "99", "timeInForce": "FOK"}, "EXPIRED", None),
    ],
)
async def test_every_type_fills_as_it_says(by: Trader, params: dict[str, str], status: str, price: str | None) -> None:
    await by.order(quantity="2")
    asked = await by.order(quantity="1", newClientOrderId="it", newOrderRespType="RESULT", **params)
    assert asked.status == 200, asked.body
    by.venue.step(20)
    told = await by.ask("GET", "order", **COIN, origClientOrderId="it")
    assert (told.body["status"], told.body["type"]) == (status, params["type"])
    trades = (await by.ask("GET", "myTrades", **COIN, orderId=told.body["orderId"])).body
    assert [Decimal(trade["price"]) for trade in trades] == ([] if price is None else [Decimal(price)])


async def test_a_stop_waits_and_is_told_to(by: Trader) -> None:
    await by.order(quantity="2")
    order = {"side": "SELL", "type": "STOP_LOSS_LIMIT", "timeInForce": "GTC", "quantity": "1"}
    placed = await by.order(**order, stopPrice="90", price="119", newOrderRespType="RESULT")
    assert (placed.body["workingTime"], placed.body["stopPrice"]) == (-1, "90.00000000")
    waiting = await by.ask("GET", "order", **COIN, orderId=2)
    assert (waiting.body["isWorking"], waiting.body["workingTime"]) == (False, -1)
    by.venue.step(6)
    working = await by.ask("GET", "order", **COIN, orderId=2)
    assert (working.body["isWorking"], working.body["workingTime"] > START // MS) == (True, True)


async def test_a_test_places_nothing(by: Trader) -> None:
    asked = {**COIN, "side": "BUY", "type": "MARKET", "quantity": "1"}
    assert (await by.ask("POST", "order/test", **asked)).body == {}
    told = await by.ask("POST", "order/test", **asked, computeCommissionRates="true")
    assert told.body["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert (await by.ask("POST", "order/test", **{**asked, "quantity": "1000"})).refusal[1:] == (
        -2010,
        "Account has insufficient balance for requested action.",
    )
    assert by.desk.records.orders == {}


# refusals


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"symbol": None}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ({"symbol": "XRPUSDT"}, -1121, "Invalid symbol."),
        ({"symbol": "btcusdt"}, -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."),
        ({"side": None}, -1102, "Mandatory parameter 'side' was not sent, was empty/null, or malformed."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "STOP"}, -1116, "Invalid orderType."),
        ({"timeInForce": None}, -1102, "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed."),
        ({"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
        ({"type": "MARKET"}, -1106, "Parameter 'price' sent when not required."),
        ({"type": "MARKET", "price": None}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"stopPrice": "90"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"trailingDelta": "90"}, -1106, "Parameter 'trailingDelta' sent when not required."),
        ({"quoteOrderQty": "90"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        ({"quantity": None}, -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
        ({"quantity": ""}, -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
        ({"quantity": "1e-5"}, -1100, f"Illegal characters found in parameter 'quantity'; legal range is '{NUMBER}'."),
        ({"quantity": "-1"}, -1100, f"Illegal characters found in parameter 'quantity'; legal range is '{NUMBER}'."),
        ({"quantity": "1\n"}, -1100, f"Illegal characters found in parameter 'quantity'; legal range is '{NUMBER}'."),
        ({"quantity": "١"}, -1100, f"Illegal characters found in parameter 'quantity'; legal range is '{NUMBER}'."),
        ({"quantity": ".5"}, -1100, f"Illegal characters found in parameter 'quantity'; legal range is '{NUMBER}'."),
        ({"price": "NaN"}, -1100, f"Illegal characters found in parameter 'price'; legal range is '{NUMBER}'."),
        ({"price": "50.123456789"}, -1111, "Parameter 'price' has too much precision."),
        ({"price": "99999999999999"}, -1108, "Parameter 'price' overflowed."),
        ({"price": "50.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "0"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "50000000000"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.0001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "50000000000"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "1000"}, -2010, "Account has insufficient balance for requested action."),
        ({"side": "SELL"}, -2010, "Account has insufficient balance for requested action."),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "100"}, -2010, "Order would immediately match and take."),
        (
            {"type": "STOP_LOSS", "timeInForce": None, "price": None},
            -1102,
            "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
        ),
        (
            {"type": "STOP_LOSS", "timeInForce": None, "price": None, "stopPrice": "90"},
            -2010,
            "Order would trigger immediately.",
        ),
        (
            {"type": "STOP_LOSS", "timeInForce": None, "price": None, "trailingDelta": "5"},
            -1013,
            "Filter failure: TRAILING_DELTA",
        ),
        (
            {"type": "STOP_LOSS", "timeInForce": None, "price": None, "trailingDelta": "50", "stopPrice": "110"},
            -1014,
            "Unsupported order combination.",
        ),
        ({"icebergQty": "2"}, -2010, "IcebergQty exceeds QTY."),
        ({"icebergQty": "0.05"}, -1013, "Filter failure: ICEBERG_PARTS"),
        ({"icebergQty": "0.5005"}, -1013, "Filter failure: LOT_SIZE"),
        ({"icebergQty": "0.5", "timeInForce": "IOC"}, -1014, "Unsupported order combination."),
        (
            {"newClientOrderId": "a b"},
            -1100,
            r"Illegal characters found in parameter 'newClientOrderId'; legal range is '^[\.A-Z\:/a-z0-9_-]{1,36}$'.",
        ),
        (
            {"newClientOrderId": "x" * 37},
            -1100,
            r"Illegal characters found in parameter 'newClientOrderId'; legal range is '^[\.A-Z\:/a-z0-9_-]{1,36}$'.",
        ),
        ({"newClientOrderId": ""}, -1105, "Parameter 'newClientOrderId' was empty."),
        ({"strategyType": "999999"}, -1134, "`strategyType` was less than 1000000."),
        ({"strategyId": "x"}, -1100, "Illegal characters found in parameter 'strategyId'; legal range is '^[0-9]{1,20}$'."),
        ({"newOrderRespType": "SOME"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        ({"selfTradePreventionMode": "X"}, -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid."),
        ({"colour": "red"}, -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
    ],
)
async def test_what_is_refused(by: Trader, params: dict[str, Any], code: int, text: str) -> None:
    told = await by.order(**{**LIMIT, "quantity": "1", "price": "50", **params})
    assert told.refusal == (400, code, text)
    assert by.desk.records.orders == {}
    assert await balances(by) == {"USDT": ("10000.00000000", "0.00000000")}


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({}, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
        ({"quantity": "1", "quoteOrderQty": "5"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
        ({"quoteOrderQty": "5.123456789"}, -1111, "Parameter 'quoteOrderQty' has too much precision."),
        ({"quantity": "1", "icebergQty": "5"}, -1106, "Parameter 'icebergQty' sent when not required."),
    ],
)
async def test_what_is_refused_of_a_market_order(by: Trader, params: dict[str, str], code: int, text: str) -> None:
    assert (await by.order(**params)).refusal == (400, code, text)


async def test_a_parameter_sent_twice_is_refused(by: Trader) -> None:
    told = await by.send("POST", "order", query=by.signed("symbol=BTCUSDT&symbol=BTCUSDT"), X_MBX_APIKEY=by.key)
    assert told.refusal == (400, -1101, "Duplicate values for a parameter detected.")


async def test_filters_can_be_set() -> None:
    filters = {"lot": 1, "min_notional": 500, "price_up": 2, "price_down": 0.5, "max_orders": 1, "max_stops": 1}
    async with trading(market([100] * 3), filters={"BTCUSDT": filters}) as by:
        for params, name in (
            ({"quantity": "1.5", "price": "50"}, "LOT_SIZE"),
            ({"quantity": "9", "price": "50"}, "NOTIONAL"),
            ({"quantity": "11", "price": "49.99"}, "PERCENT_PRICE_BY_SIDE"),
            ({"quantity": "11", "price": "200.01"}, "PERCENT_PRICE_BY_SIDE"),
        ):
            assert (await by.order(**LIMIT, **params)).refusal == (400, -1013, f"Filter failure: {name}")
        assert (await by.order(**LIMIT, quantity="11", price="50")).status == 200
        refused = await by.order(**LIMIT, quantity="11", price="50")
        assert refused.refusal == (400, -1013, "Filter failure: MAX_NUM_ORDERS")
        (symbol,) = (await by.get("exchangeInfo")).body["symbols"]
        told = {its.pop("filterType"): its for its in symbol["filters"]}
        assert told["LOT_SIZE"]["stepSize"] == "1.00000000"
        assert told["NOTIONAL"]["minNotional"] == "500.00000000"
        assert told["PERCENT_PRICE_BY_SIDE"]["bidMultiplierUp"] == "2.00000000"
        assert told["MAX_NUM_ORDERS"] == {"maxNumOrders": 1}
        assert (await by.ask("GET", "myFilters", **COIN)).body["symbolFilters"] == (await by.get("exchangeInfo")).body[
            "symbols"
        ][0]["filters"]


# cancelling


async def test_a_cancel_names_itself(by: Trader) -> None:
    await by.order(**LIMIT, quantity="1", price="50", newClientOrderId="a")
    assert await balances(by) == {"USDT": ("9950.00000000", "50.00000000")}
    told = await by.ask("DELETE", "order", **COIN, origClientOrderId="a", newClientOrderId="c")
    assert (told.body["status"], told.body["origClientOrderId"], told.body["clientOrderId"]) == ("CANCELED", "a", "c")
    assert await balances(by) == {"USDT": ("10000.00000000", "0.00000000")}
    assert (await by.ask("GET", "order", **COIN, origClientOrderId="a")).body["status"] == "CANCELED"
    again = await by.ask("DELETE", "order", **COIN, origClientOrderId="a")
    assert again.refusal == (400, -2011, "Unknown order sent.")


@pytest.mark.parametrize(
    ("method", "params", "refusal"),
    [
        ("DELETE", {"orderId": 9}, (400, -2011, "Unknown order sent.")),
        ("GET", {"orderId": 9}, (400, -2013, "Order does not exist.")),
        ("GET", {"origClientOrderId": "b"}, (400, -2013, "Order does not exist.")),
        ("GET", {"orderId": 1, "origClientOrderId": "b"}, (400, -2039, "Client order ID is not correct for this order ID.")),
        ("DELETE", {"orderId": 1, "origClientOrderId": "b"}, (400, -2039, "Client order ID is not correct for this order ID.")),
        ("GET", {}, (400, -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")),
        (
            "DELETE",
            {"orderId": 1, "cancelRestrictions": "ONLY_PARTIALLY_FILLED"},
            (400, -2011, "Order was not canceled due to cancel restrictions."),
        ),
        (
            "DELETE",
            {"orderId": 1, "cancelRestrictions": "ONLY_FILLED"},
            (400, -1145, "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`."),
        ),
    ],
)
async def test_orders_that_are_not_found(by: Trader, method: str, params: dict[str, Any], refusal: Any) -> None:
    await by.order(**LIMIT, quantity="1", price="50", newClientOrderId="a")
    await by.order(**LIMIT, quantity="1", price="50", newClientOrderId="b")
    if params == {"origClientOrderId": "b"}:
        params = {"origClientOrderId": "nobody"}
    assert (await by.ask(method, "order", **COIN, **params)).refusal == refusal
    assert len(by.desk.records.open) == 2


async def test_a_client_id_is_unique_among_open_orders(by: Trader) -> None:
    order = {**LIMIT, "quantity": "1", "price": "50", "newClientOrderId": "a"}
    await by.order(**order)
    assert (await by.order(**order)).refusal == (400, -2010, "Duplicate order sent.")
    await by.ask("DELETE", "order", **COIN, origClientOrderId="a", cancelRestrictions="ONLY_NEW")
    again = await by.order(**order)
    assert (await by.ask("GET", "order", **COIN, origClientOrderId="a")).body["orderId"] == again.body["orderId"]


async def test_all_of_a_symbol_are_cancelled_pairs_as_pairs(by: Trader) -> None:
    assert (await by.ask("DELETE", "openOrders", **COIN)).refusal == (400, -2011, "Unknown order sent.")
    await by.order(**LIMIT, quantity="1", price="50")
    await by.ask("POST", "orderList/oco", **COIN, side="BUY", quantity="1", **BUY_PAIR)
    told = (await by.ask("DELETE", "openOrders", **COIN)).body
    assert [row.get("status") or row["listOrderStatus"] for row in told] == ["CANCELED", "ALL_DONE"]
    assert [report["status"] for report in told[1]["orderReports"]] == ["CANCELED", "CANCELED"]
    assert (await by.ask("GET", "openOrders")).body == []
    assert await balances(by) == {"USDT": ("10000.00000000", "0.00000000")}


# replacing

NEW = {**COIN, "side": "BUY", **LIMIT, "quantity": "1", "price": "60"}


@pytest.mark.parametrize(
    ("mode", "cancel", "new", "status", "code", "results"),
    [
        ("STOP_ON_FAILURE", 1, {}, 200, None, ("SUCCESS", "SUCCESS")),
        ("ALLOW_FAILURE", 1, {}, 200, None, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", 9, {}, 400, -2022, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", 9, {}, 409, -2021, ("FAILURE", "SUCCESS")),
        ("STOP_ON_FAILURE", 1, {"quantity": "200"}, 409, -2021, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", 9, {"quantity": "200"}, 400, -2022, ("FAILURE", "FAILURE")),
    ],
)
async def test_a_replacement(by: Trader, mode: str, cancel: int, new: Any, status: int, code: Any, results: Any) -> None:
    await by.order(**LIMIT, quantity="1", price="50")
    asked = {**NEW, **new, "cancelReplaceMode": mode, "cancelOrderId": cancel, "cancelNewClientOrderId": "c"}
    told = await by.ask("POST", "order/cancelReplace", **asked)
    assert (told.status, told.body.get("code")) == (status, code)
    done = told.body if code is None else told.body["data"]
    assert (done["cancelResult"], done["newOrderResult"]) == results
    if code is not None:
        words = {-2021: "Order cancel-replace partially failed.", -2022: "Order cancel-replace failed."}
        assert told.body["msg"] == words[code]
    if results[0] == "SUCCESS":
        assert done["cancelResponse"]["clientOrderId"] == "c"
    else:
        assert done["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    if results[1] == "NOT_ATTEMPTED":
        assert done["newOrderResponse"] is None
    elif results[1] == "FAILURE":
        assert done["newOrderResponse"]["code"] == -2010
    still = {row["price"] for row in (await by.ask("GET", "openOrders")).body}
    assert ("50.00000000" in still, "60.00000000" in still) == (results[0] != "SUCCESS", results[1] == "SUCCESS")


async def test_filters_are_judged_before_the_cancel(by: Trader) -> None:
    await by.order(**LIMIT, quantity="1", price="50")
    asked = {**NEW, "price": "60.001", "cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": 1}
    told = await by.ask("POST", "order/cancelReplace", **asked)
    assert told.refusal == (400, -1013, "Filter failure: PRICE_FILTER")
    assert len(by.desk.records.open) == 1


async def test_what_a_cancelled_order_held_pays_for_the_new_one(by: Trader) -> None:
    await by.order(**LIMIT, quantity="100", price="99")
    asked = {**NEW, "quantity": "101", "price": "99", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 1}
    assert (await by.ask("POST", "order/cancelReplace", **asked)).status == 200
    assert await balances(by) == {"USDT": ("1.00000000", "9999.00000000")}


# amending


async def test_an_amendment_keeps_the_order_and_changes_its_client_id(by: Trader) -> None:
    await by.order(**LIMIT, quantity="3", price="50", newClientOrderId="a")
    told = await by.ask("PUT", "order/amend/keepPriority", **COIN, orderId=1, newQty="2")
    order = told.body["amendedOrder"]
    assert (order["orderId"], order["qty"], order["origClientOrderId"]) == (1, "2.00000000", "a")
    assert order["clientOrderId"] != "a"
    kept = {"origClientOrderId": order["clientOrderId"], "newClientOrderId": "b"}
    again = await by.ask("PUT", "order/amend/keepPriority", **COIN, **kept, newQty="1")
    assert again.body["amendedOrder"]["clientOrderId"] == "b"
    assert await balances(by) == {"USDT": ("9950.00000000", "50.00000000")}
    rows = (await by.ask("GET", "order/amendments", **COIN, orderId=1)).body
    assert [(row["origQty"], row["newQty"]) for row in rows] == [("3.00000000", "2.00000000"), ("2.00000000", "1.00000000")]
    assert [row["executionId"] for row in rows] == [told.body["executionId"], again.body["executionId"]]
    assert rows[1]["newClientOrderId"] == "b"
    later = await by.ask("GET", "order/amendments", **COIN, orderId=1, fromExecutionId=rows[1]["executionId"])
    assert later.body == rows[1:]


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"orderId": 1, "newQty": "3"}, -2038, "Order amend (quantity increase) is not supported."),
        ({"orderId": 1, "newQty": "4"}, -2038, "Order amend (quantity increase) is not supported."),
        ({"orderId": 1, "newQty": "1.0001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"orderId": 1}, -1102, "Mandatory parameter 'newQty' was not sent, was empty/null, or malformed."),
        ({"orderId": 9, "newQty": "1"}, -2013, "Order does not exist."),
    ],
)
async def test_amendments_that_are_refused(by: Trader, params: dict[str, Any], code: int, text: str) -> None:
    await by.order(**LIMIT, quantity="3", price="50", newClientOrderId="a")
    assert (await by.ask("PUT", "order/amend/keepPriority", **COIN, **params)).refusal == (400, code, text)


async def test_an_order_is_amended_ten_times_at_most(by: Trader) -> None:
    await by.order(**LIMIT, quantity="30", price="50")
    told = [await by.ask("PUT", "order/amend/keepPriority", **COIN, orderId=1, newQty=29 - n) for n in range(11)]
    assert [its.status for its in told] == [200] * 10 + [400]
    assert told[10].refusal[1:] == (-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")


# pairs

BUY_PAIR = {"aboveType": "STOP_LOSS", "aboveStopPrice": "110", "belowType": "LIMIT_MAKER", "belowPrice": "90"}


async def test_the_first_of_a_pair_to_act_ends_the_other(by: Trader) -> None:
    ids = {"listClientOrderId": "list", "aboveClientOrderId": "up", "belowClientOrderId": "down"}
    told = await by.ask("POST", "orderList/oco", **COIN, side="BUY", quantity="1", **BUY_PAIR, **ids)
    assert told.status == 200, told.body
    assert (told.body["listClientOrderId"], told.body["listOrderStatus"]) == ("list", "EXECUTING")
    assert {row["clientOrderId"] for row in told.body["orders"]} == {"up", "down"}
    assert [(row["type"], row["status"]) for row in told.body["orderReports"]] == [("STOP_LOSS", "NEW"), ("LIMIT_MAKER", "NEW")]
    assert (await by.ask("GET", "openOrderList")).body[0]["orderListId"] == 1
    by.venue.step(20)
    assert (await by.ask("GET", "order", **COIN, origClientOrderId="down")).body["status"] == "FILLED"
    assert (await by.ask("GET", "order", **COIN, origClientOrderId="up")).body["status"] == "EXPIRED"
    assert (await by.ask("GET", "openOrderList")).body == []
    for params in ({"orderListId": 1}, {"origClientOrderId": "list"}):
        assert (await by.ask("GET", "orderList", **params)).body["listStatusType"] == "ALL_DONE"
    assert len((await by.ask("GET", "allOrderList")).body) == 1
    gone = await by.ask("DELETE", "orderList", **COIN, orderListId=1)
    assert gone.refusal == (400, -2011, "Unknown order sent.")


async def test_a_pair_as_it_was_told_before_and_its_cancel(by: Trader) -> None:
    await by.order(quantity="2")
    legs = {"price": "120", "stopPrice": "90", "stopLimitPrice": "89", "stopLimitTimeInForce": "GTC"}
    told = await by.ask("POST", "order/oco", **COIN, side="SELL", quantity="1", **legs, listClientOrderId="list")
    assert [row["type"] for row in told.body["orderReports"]] == ["STOP_LOSS_LIMIT", "LIMIT_MAKER"]
    # either leg of a pair takes the other along, and they hold the amount once
    assert (await balances(by))["BTC"] == ("0.99800000", "1.00000000")
    gone = await by.ask("DELETE", "orderList", **COIN, listClientOrderId="list", newClientOrderId="c")
    assert [(row["status"], row["clientOrderId"]) for row in gone.body["orderReports"]] == [("CANCELED", "c")] * 2
    assert gone.body["listOrderStatus"] == "ALL_DONE"


@pytest.mark.parametrize(
    ("side", "changes", "code", "text"),
    [
        ("BUY", {"aboveType": "LIMIT_MAKER"}, -1168, "At least one OCO order must be contingent."),
        ("BUY", {"aboveType": "TAKE_PROFIT"}, -1158, "Order type not supported in OCO."),
        ("SELL", {}, -1166, "A limit order in a sell OCO must be above."),
        (
            "BUY",
            {"aboveType": "LIMIT_MAKER", "abovePrice": "90", "belowType": "STOP_LOSS", "belowStopPrice": "110"},
            -1165,
            "A limit order in a buy OCO must be below.",
        ),
        ("BUY", {"belowPrice": "100.01"}, -2010, "Order would immediately match and take."),
        ("BUY", {"aboveStopPrice": "99"}, -2010, "Order would trigger immediately."),
        ("BUY", {"quantity": "1000"}, -2010, "Account has insufficient balance for requested action."),
        ("BUY", {"aboveType": None}, -1102, "Mandatory parameter 'aboveType' was not sent, was empty/null, or malformed."),
        (
            "BUY",
            {"aboveType": "STOP_LOSS_LIMIT", "abovePrice": "111", "aboveTimeInForce": "IOC"},
            -1014,
            "Unsupported order combination.",
        ),
    ],
)
async def test_pairs_that_are_refused(by: Trader, side: str, changes: dict[str, Any], code: int, text: str) -> None:
    asked = {**COIN, "side": side, "quantity": "1", **BUY_PAIR, **changes}
    told = await by.ask("POST", "orderList/oco", **{name: value for name, value in asked.items() if value is not None})
    assert told.refusal == (400, code, text)
    assert by.desk.records.orders == {}
