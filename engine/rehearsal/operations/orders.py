"""Operations that look orders and trades up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from engine.model import INTERVALS, Timestamp
from engine.rehearsal.calls import Call, Security, operation
from engine.rehearsal.errors import error
from engine.rehearsal.operations.requests import read_ids
from engine.rehearsal.payloads import orders

T = TypeVar("T")
HOURS = 24
MOST = 1000


@operation("symbol orderId origClientOrderId", security=Security.SIGNED, weight=4)
def status(call: Call) -> Any:
    """Tell of an order."""
    coin = call.coin()
    order = call.desk.records.find(coin, *read_ids(call.params), call.at)
    return orders.looked_up(order, call.venue.market.coins[coin].instrument, call.unit)


@operation("symbol", security=Security.SIGNED, weight=lambda params: 6 if "symbol" in params else 80)
def open_orders(call: Call) -> Any:
    """Tell of the open orders, of a symbol or of all."""
    coin = call.coin() if "symbol" in call.params else None
    coins = call.venue.market.coins
    found = call.desk.records.open_orders(coin, call.at)
    return [orders.looked_up(order, coins[order.asked.coin].instrument, call.unit) for order in found]


@operation("symbol orderId startTime endTime limit", security=Security.SIGNED, weight=20)
def all_orders(call: Call) -> Any:
    """Tell of a symbol's orders, the latest unless it is said from where on."""
    coin, since = call.coin(), call.params.whole("orderId")
    found = call.desk.records.all_orders(coin, call.at)
    if since is not None:
        found = [order for order in found if order.id >= since]
    found = within(call, found, lambda order: order.time, from_start=since is not None)
    return [orders.looked_up(order, call.venue.market.coins[coin].instrument, call.unit) for order in found]


@operation("symbol orderId fromExecutionId limit", security=Security.SIGNED, weight=4)
def amendments(call: Call) -> Any:
    """Tell how an order was amended."""
    coin, params = call.coin(), call.params
    params.need("orderId")
    order = call.desk.records.find(coin, params.whole("orderId"), None, call.at)
    least, limit = params.whole("fromExecutionId") or 0, params.limit(MOST)
    found = [done for done in call.desk.records.amendments if done.order_id == order.id and done.execution >= least]
    seen = [done for done in found if call.at is None or done.time <= call.at]
    its = call.venue.market.coins[coin].instrument
    return [orders.amendment(done, its, call.unit) for done in seen[:limit]]


@operation(
    "symbol orderId startTime endTime fromId limit",
    security=Security.SIGNED,
    weight=lambda params: 5 if "orderId" in params else 20,
)
def my_trades(call: Call) -> Any:
    """Tell of the account's trades of a symbol, the latest unless it is said from where on."""
    coin, params, at = call.coin(), call.params, call.at
    id, since = params.whole("orderId"), params.whole("fromId")
    if (id is not None or since is not None) and ("startTime" in params or "endTime" in params):
        raise error(-1128)
    found = [
        trade
        for trade in call.desk.records.trades
        if trade.coin == coin
        and (id is None or trade.order_id == id)
        and (since is None or trade.id >= since)
        and (at is None or trade.time <= at)
    ]
    found = within(call, found, lambda trade: trade.time, from_start=since is not None)
    return [orders.traded(trade, call.venue.market.coins[coin].instrument, call.unit) for trade in found]


@operation(
    "symbol preventedMatchId orderId fromPreventedMatchId limit",
    security=Security.SIGNED,
    weight=lambda params: 2 if "preventedMatchId" in params else 20,
)
def prevented_matches(call: Call) -> Any:
    """Tell of matches between the account's own orders: there are none, as all trade with the recorded market."""
    call.coin()
    return []


def within(call: Call, found: Sequence[T], time_of: Callable[[T], Timestamp], *, from_start: bool) -> list[T]:
    """Return those between startTime and endTime: the first `limit` from where it was said to begin, else the latest."""
    begin, end = period(call)
    limit = call.params.limit(MOST)
    inside = [it for it in found if (begin is None or time_of(it) >= begin) and (end is None or time_of(it) <= end)]
    return inside[:limit] if from_start or begin is not None else inside[-limit:]


def period(call: Call, hours: int = HOURS) -> tuple[Timestamp | None, Timestamp | None]:
    """Return startTime and endTime, which must lie no further apart than some hours."""
    begin, end = call.moment("startTime"), call.moment("endTime")
    if begin is not None and end is not None:
        if end < begin:
            raise error(-1128)
        if end - begin > hours * INTERVALS["1h"]:
            raise error(-1127, hours)
    return begin, end
