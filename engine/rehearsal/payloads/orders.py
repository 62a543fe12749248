"""How orders, pairs and trades of an account are told; times in units of `unit` ns, -1 where there is none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.exchange import kernel as k
from engine.model import Instrument, Timestamp
from engine.rehearsal.orders import KINDS, TIFS, Amendment, Order, OrderList, Trade
from engine.rehearsal.payloads.numbers import text

Payload = dict[str, Any]
SIDES = {k.BUY: "BUY", k.SELL: "SELL"}


def acknowledged(order: Order, its: Instrument, at: Timestamp, unit: int) -> Payload:
    """A new order, its fate left out (newOrderRespType=ACK)."""
    return {
        "symbol": its.coin,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_id,
        "transactTime": at // unit,
    }


def placed(order: Order, its: Instrument, at: Timestamp, unit: int) -> Payload:
    """A new order as it stands (newOrderRespType=RESULT)."""
    return {
        **acknowledged(order, its, at, unit),
        **_terms(order),
        **_conditional(order, unit),
        "workingTime": _time(order.working_time, unit),
        "selfTradePreventionMode": order.asked.stp,
    }


def filled(order: Order, trades: Iterable[Trade], its: Instrument, at: Timestamp, unit: int) -> Payload:
    """A new order and its trades (newOrderRespType=FULL)."""
    fills = [
        {
            "price": text(trade.price),
            "qty": text(trade.amount),
            "commission": text(trade.fee),
            "commissionAsset": trade.fee_asset,
            "tradeId": trade.id,
        }
        for trade in trades
    ]
    return {**placed(order, its, at, unit), "fills": fills}


def canceled(order: Order, its: Instrument, at: Timestamp, unit: int) -> Payload:
    """An order that was cancelled; `clientOrderId` names the cancel."""
    return {
        "symbol": its.coin,
        "origClientOrderId": order.client_id,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": order.cancel_id,
        "transactTime": at // unit,
        **_terms(order),
        **_conditional(order, unit),
        "selfTradePreventionMode": order.asked.stp,
    }


def looked_up(order: Order, its: Instrument, unit: int) -> Payload:
    """An order as a query finds it."""
    terms = _terms(order)
    quote = terms.pop("origQuoteOrderQty")
    return {
        "symbol": its.coin,
        "orderId": order.id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_id,
        **terms,
        "stopPrice": text(order.stop),
        "icebergQty": text(order.asked.iceberg),
        "time": order.time // unit,
        "updateTime": _time(order.update_time, unit),
        "isWorking": order.working,
        "workingTime": _time(order.working_time, unit),
        "origQuoteOrderQty": quote,
        **_marks(order, unit),
        "selfTradePreventionMode": order.asked.stp,
    }


def amended(done: Amendment, order: Order, pair: OrderList | None, orders: list[Order], its: Instrument, unit: int) -> Payload:
    """An order that was reduced, and the pair it is of."""
    body: Payload = {
        "transactTime": done.time // unit,
        "executionId": done.execution,
        "amendedOrder": {
            "symbol": its.coin,
            "orderId": order.id,
            "orderListId": order.list_id,
            "origClientOrderId": done.before,
            "clientOrderId": done.after,
            "price": text(order.asked.price),
            "qty": text(order.amount),
            "executedQty": text(order.filled),
            "preventedQty": text(0),
            "quoteOrderQty": text(order.asked.quote_amount),
            "cumulativeQuoteQty": text(order.quote_filled),
            "status": order.status.value,
            "timeInForce": TIFS[order.asked.tif],
            "type": KINDS[order.asked.kind],
            "side": SIDES[order.asked.side],
            **_conditional(order, unit),
            "workingTime": _time(order.working_time, unit),
            "selfTradePreventionMode": order.asked.stp,
        },
    }
    if pair is not None:
        told = listed(pair, orders, its, unit)
        body["listStatus"] = {name: told[name] for name in told if name not in ("listStatusType", "transactionTime")}
    return body


def amendment(done: Amendment, its: Instrument, unit: int) -> Payload:
    """One reduction of an order, as a query finds it."""
    return {
        "symbol": its.coin,
        "orderId": done.order_id,
        "executionId": done.execution,
        "origClientOrderId": done.before,
        "newClientOrderId": done.after,
        "origQty": text(done.old),
        "newQty": text(done.new),
        "time": done.time // unit,
    }


def listed(pair: OrderList, orders: Iterable[Order], its: Instrument, unit: int, at: Timestamp = -1) -> Payload:
    """A pair of orders, as of `at` or as it was placed."""
    return {
        "orderListId": pair.id,
        "contingencyType": "OCO",
        "listStatusType": "ALL_DONE" if pair.done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if pair.done else "EXECUTING",
        "listClientOrderId": pair.client_id,
        "transactionTime": (pair.time if at < 0 else at) // unit,
        "symbol": its.coin,
        "orders": [{"symbol": its.coin, "orderId": order.id, "clientOrderId": order.client_id} for order in orders],
    }


def traded(trade: Trade, its: Instrument, unit: int) -> Payload:
    """A trade of the account's."""
    return {
        "symbol": its.coin,
        "id": trade.id,
        "orderId": trade.order_id,
        "orderListId": trade.list_id,
        "price": text(trade.price),
        "qty": text(trade.amount),
        "quoteQty": text(trade.quote),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time // unit,
        "isBuyer": trade.buyer,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def _terms(order: Order) -> Payload:
    asked = order.asked
    return {
        "price": text(asked.price),
        "origQty": text(order.amount),
        "executedQty": text(order.filled),
        "origQuoteOrderQty": text(asked.quote_amount),
        "cummulativeQuoteQty": text(order.quote_filled),
        "status": order.status.value,
        "timeInForce": TIFS[asked.tif],
        "type": KINDS[asked.kind],
        "side": SIDES[asked.side],
    }


def _conditional(order: Order, unit: int) -> Payload:
    """What is told of an order only where it has it."""
    body: Payload = {}
    if order.asked.kind >= k.STOP_LOSS:
        body["stopPrice"] = text(order.stop)
    if order.asked.iceberg:
        body["icebergQty"] = text(order.asked.iceberg)
    return {**body, **_marks(order, unit)}


def _marks(order: Order, unit: int) -> Payload:
    asked = order.asked
    body: Payload = {}
    if asked.trail:
        body |= {"trailingDelta": asked.trail, "trailingTime": order.time // unit}
    if asked.strategy_id is not None:
        body["strategyId"] = asked.strategy_id
    if asked.strategy_type is not None:
        body["strategyType"] = asked.strategy_type
    return body


def _time(at: Timestamp, unit: int) -> int:
    return at // unit if at >= 0 else -1
