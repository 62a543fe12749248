"""Operations that place, cancel, replace and amend orders."""

from __future__ import annotations

from typing import Any

from engine.exchange import kernel as k
from engine.model import Instrument
from engine.rehearsal import filters
from engine.rehearsal.calls import Call, Security, operation
from engine.rehearsal.errors import ApiError
from engine.rehearsal.operations.requests import ORDER, RESTRICTIONS, Cancel, read_cancel, read_ids, read_order
from engine.rehearsal.orders import Request
from engine.rehearsal.params import CLIENT_ID
from engine.rehearsal.payloads import accounts, orders

CANCEL = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
HUGE = 2**62
"""More than any order locks, so that only the filters can refuse it."""


@operation(ORDER, security=Security.SIGNED, orders=1, succeeds_free=True)
def place(call: Call) -> Any:
    """Place an order."""
    coin = call.coin()
    return _place(call, read_order(call, coin))


@operation(
    ORDER + " computeCommissionRates",
    security=Security.SIGNED,
    weight=lambda params: 20 if params.texts.get("computeCommissionRates") == "true" else 1,
)
def place_test(call: Call) -> Any:
    """Tell whether an order could be placed, and what rates it would pay."""
    asked = read_order(call, call.coin())
    call.desk.judge(asked)
    return accounts.order_commission(call.desk.rules) if call.params.flag("computeCommissionRates") else {}


@operation(CANCEL, security=Security.SIGNED, succeeds_free=True)
def cancel(call: Call) -> Any:
    """Cancel an order, the other of its pair with it."""
    return _cancel(call, call.coin(), read_cancel(call.params))


@operation("symbol", security=Security.SIGNED, succeeds_free=True)
def cancel_all(call: Call) -> Any:
    """Cancel every order of a symbol."""
    coin, now, desk = call.coin(), call.now, call.desk
    its = desk.market.coins[coin].instrument
    told: list[Any] = []
    for order in desk.records.open_orders(coin):
        # a pair's second order has gone with its first
        if order.is_open:
            desk.cancel(order, now)
            told.append(
                orders.canceled(order, its, now, call.unit) if order.list_id < 0 else canceled_list(call, order.list_id, its)
            )
    if not told:
        raise ApiError(-2011, "Unknown order sent.")
    return told


@operation(
    ORDER + " cancelReplaceMode cancelOrderId cancelOrigClientOrderId cancelNewClientOrderId cancelRestrictions"
    " orderRateLimitExceededMode",
    security=Security.SIGNED,
    orders=1,
    succeeds_free=True,
)
def cancel_replace(call: Call) -> Any:
    """Cancel an order and place another; the filters judge the other before anything is done."""
    coin, params = call.coin(), call.params
    params.need("cancelReplaceMode")
    mode = params.choice("cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"))
    params.choice("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY"))
    asked, wanted = read_order(call, coin), read_cancel(params, "cancel")
    _check_filters(call, asked)
    canceled: dict[str, Any]
    placed: dict[str, Any] | None
    try:
        canceled, cancel_result = _cancel(call, coin, wanted), "SUCCESS"
    except ApiError as refusal:
        canceled, cancel_result = refusal.body, "FAILURE"
    if cancel_result == "FAILURE" and mode == "STOP_ON_FAILURE":
        placed, place_result = None, "NOT_ATTEMPTED"
    elif call.excess is not None:
        placed, place_result = call.excess.body, "FAILURE"
    else:
        try:
            placed, place_result = _place(call, asked), "SUCCESS"
        except ApiError as refusal:
            placed, place_result = refusal.body, "FAILURE"
    done = {
        "cancelResult": cancel_result,
        "newOrderResult": place_result,
        "cancelResponse": canceled,
        "newOrderResponse": placed,
    }
    if cancel_result == place_result == "SUCCESS":
        return done
    status = None if call.excess is None else call.excess.status
    if "SUCCESS" in (cancel_result, place_result):
        raise ApiError(-2021, "Order cancel-replace partially failed.", status or 409, data=done)
    raise ApiError(-2022, "Order cancel-replace failed.", status or 400, data=done)


@operation("symbol orderId origClientOrderId newClientOrderId newQty", security=Security.SIGNED, weight=4)
def amend(call: Call) -> Any:
    """Reduce an order, its place kept."""
    coin, params, desk = call.coin(), call.params, call.desk
    order = desk.records.find(coin, *read_ids(params))
    params.need("newQty")
    amount = params.units("newQty") or 0
    client_id = params.matching("newClientOrderId", CLIENT_ID) or ""
    filters.check_amends(order)
    done = desk.amend(order, amount, call.now, client_id)
    pair = desk.records.lists.get(order.list_id)
    partners = [desk.records.orders[id] for id in pair.orders] if pair is not None else []
    return orders.amended(done, order, pair, partners, desk.market.coins[coin].instrument, call.unit)


def canceled_list(call: Call, id: int, its: Instrument) -> Any:
    """Return how a pair that was just cancelled is told."""
    records, now = call.desk.records, call.now
    pair = records.lists[id]
    partners = [records.orders[order] for order in pair.orders]
    reports = [orders.canceled(order, its, now, call.unit) for order in partners]
    return {**orders.listed(pair, partners, its, call.unit, now), "orderReports": reports}


def _place(call: Call, asked: Request) -> Any:
    wanted = call.params.get("newOrderRespType") or ("FULL" if asked.kind <= k.LIMIT else "ACK")
    desk, now = call.desk, call.now
    before = len(desk.records.trades)
    order = desk.place(asked, now)
    its = desk.market.coins[asked.coin].instrument
    if wanted == "ACK":
        return orders.acknowledged(order, its, now, call.unit)
    if wanted == "RESULT":
        return orders.placed(order, its, now, call.unit)
    trades = [trade for trade in desk.records.trades[before:] if trade.order_id == order.id]
    return orders.filled(order, trades, its, now, call.unit)


def _cancel(call: Call, coin: int, wanted: Cancel) -> Any:
    desk, now = call.desk, call.now
    try:
        order = desk.records.find(coin, wanted.id, wanted.client_id)
    except ApiError as refusal:
        raise ApiError(-2011, "Unknown order sent.") if refusal.code == -2013 else refusal from None
    if wanted.restriction is not None and order.is_open and order.status != RESTRICTIONS[wanted.restriction]:
        raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
    desk.cancel(order, now, wanted.named)
    return orders.canceled(order, desk.market.coins[coin].instrument, now, call.unit)


def _check_filters(call: Call, asked: Request) -> None:
    try:
        call.desk.judge(asked, spare=HUGE)
    except ApiError as refusal:
        if refusal.code == -1013:
            raise
