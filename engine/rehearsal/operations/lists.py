"""Operations on pairs of orders of which the first to act ends the other (OCO).

A pair is a limit-maker order and a stop-loss on the other side of the market; pairs with a take-profit leg are not rehearsed.
"""

from __future__ import annotations

from typing import Any

from engine.exchange import kernel as k
from engine.rehearsal import filters
from engine.rehearsal.calls import Call, Security, operation
from engine.rehearsal.errors import ApiError, error
from engine.rehearsal.operations.orders import within
from engine.rehearsal.operations.requests import Leg, read_kind, read_order, read_side
from engine.rehearsal.operations.trading import canceled_list
from engine.rehearsal.orders import OrderList, Request
from engine.rehearsal.params import CLIENT_ID
from engine.rehearsal.payloads import orders

LEG = "Type ClientOrderId IcebergQty Price StopPrice TrailingDelta TimeInForce StrategyId StrategyType"
BOTH = "symbol listClientOrderId side quantity newOrderRespType selfTradePreventionMode"
ABOVE, BELOW = (
    Leg(
        kind=f"{leg}Type",
        tif=f"{leg}TimeInForce",
        price=f"{leg}Price",
        stop=f"{leg}StopPrice",
        trail=f"{leg}TrailingDelta",
        iceberg=f"{leg}IcebergQty",
        client_id=f"{leg}ClientOrderId",
        strategy_id=f"{leg}StrategyId",
        strategy_type=f"{leg}StrategyType",
    )
    for leg in ("above", "below")
)
OLD_LIMIT = Leg(
    tif="",
    stop="",
    trail="",
    iceberg="limitIcebergQty",
    client_id="limitClientOrderId",
    strategy_id="limitStrategyId",
    strategy_type="limitStrategyType",
)
OLD_STOP = Leg(
    tif="stopLimitTimeInForce",
    price="stopLimitPrice",
    iceberg="stopIcebergQty",
    client_id="stopClientOrderId",
    strategy_id="stopStrategyId",
    strategy_type="stopStrategyType",
)
STOPS = (k.STOP_LOSS, k.STOP_LIMIT)


@operation(
    " ".join([BOTH, *(f"{leg}{name}" for leg in ("above", "below") for name in LEG.split())]),
    security=Security.SIGNED,
    orders=2,
    succeeds_free=True,
)
def place(call: Call) -> Any:
    """Place a pair, its legs told as the one above and the one below."""
    coin = call.coin()
    side = read_side(call.params)
    above, below = read_kind(call.params, ABOVE.kind), read_kind(call.params, BELOW.kind)
    _check_legs(side, above, below)
    first, second = read_order(call, coin, ABOVE, above), read_order(call, coin, BELOW, below)
    limit, stop = (first, second) if above == k.LIMIT_MAKER else (second, first)
    return _place(call, limit, stop)


@operation(
    BOTH + " price stopPrice trailingDelta stopLimitPrice stopLimitTimeInForce limitClientOrderId limitIcebergQty"
    " limitStrategyId limitStrategyType stopClientOrderId stopIcebergQty stopStrategyId stopStrategyType",
    security=Security.SIGNED,
    orders=2,
    succeeds_free=True,
)
def place_old(call: Call) -> Any:
    """Place a pair, its legs told as a limit order and a stop."""
    coin = call.coin()
    kind = k.STOP_LIMIT if "stopLimitPrice" in call.params else k.STOP_LOSS
    return _place(call, read_order(call, coin, OLD_LIMIT, k.LIMIT_MAKER), read_order(call, coin, OLD_STOP, kind))


@operation("symbol orderListId listClientOrderId newClientOrderId", security=Security.SIGNED, succeeds_free=True)
def cancel(call: Call) -> Any:
    """Cancel a pair."""
    coin, desk = call.coin(), call.desk
    pair = _find(call, "listClientOrderId", ApiError(-2011, "Unknown order sent."))
    named = call.params.matching("newClientOrderId", CLIENT_ID) or ""
    if pair.coin != coin or pair.done:
        raise ApiError(-2011, "Unknown order sent.")
    desk.cancel(next(its for id in pair.orders if (its := desk.records.orders[id]).is_open), call.now, named)
    return canceled_list(call, pair.id, desk.market.coins[coin].instrument)


@operation("orderListId origClientOrderId", security=Security.SIGNED, weight=4)
def status(call: Call) -> Any:
    """Tell of a pair."""
    return _told(call, _find(call, "origClientOrderId", error(-2013)))


@operation("", security=Security.SIGNED, weight=6)
def open_lists(call: Call) -> Any:
    """Tell of the pairs that still work."""
    return [_told(call, pair) for pair in _lists(call) if not pair.done]


@operation("fromId startTime endTime limit", security=Security.SIGNED, weight=20)
def all_lists(call: Call) -> Any:
    """Tell of all pairs, the latest unless it is said from where on."""
    since = call.params.whole("fromId")
    if since is not None and ("startTime" in call.params or "endTime" in call.params):
        raise error(-1128)
    found = [pair for pair in _lists(call) if since is None or pair.id >= since]
    return [_told(call, pair) for pair in within(call, found, lambda pair: pair.time, from_start=since is not None)]


def _place(call: Call, limit: Request, stop: Request) -> Any:
    desk, now, unit = call.desk, call.now, call.unit
    if stop.tif != k.GTC:
        raise error(-1014)
    filters.check_lists(desk, limit.coin)
    pair = desk.place_pair(limit, stop, call.params.matching("listClientOrderId", CLIENT_ID) or "", now)
    its = desk.market.coins[pair.coin].instrument
    legs = [desk.records.orders[id] for id in pair.orders]
    wanted = call.params.get("newOrderRespType") or "FULL"
    told = orders.acknowledged if wanted == "ACK" else orders.placed
    return {**orders.listed(pair, legs, its, unit), "orderReports": [told(order, its, now, unit) for order in legs]}


def _check_legs(side: int, above: int, below: int) -> None:
    """Raise ApiError where the two types are not a limit-maker order and a stop, each on its side."""
    legs = (above, below)
    if not any(leg >= k.STOP_LOSS for leg in legs):
        raise error(-1168)
    if not any(leg in STOPS for leg in legs) or k.LIMIT_MAKER not in legs:
        raise error(-1158)
    if side == k.BUY and above == k.LIMIT_MAKER:
        raise error(-1165)
    if side == k.SELL and below == k.LIMIT_MAKER:
        raise error(-1166)


def _find(call: Call, by_client: str, unknown: ApiError) -> OrderList:
    id, client_id = call.params.whole("orderListId"), call.params.get(by_client)
    if id is None and client_id is None:
        raise error(-1102, by_client, "orderListId")
    for pair in reversed(_lists(call)):
        if pair.id == id or (id is None and pair.client_id == client_id):
            return pair
    raise unknown


def _lists(call: Call) -> list[OrderList]:
    at = call.at
    return [pair for pair in call.desk.records.lists.values() if at is None or pair.time <= at]


def _told(call: Call, pair: OrderList) -> Any:
    legs = [call.desk.records.orders[id] for id in pair.orders]
    return orders.listed(pair, legs, call.venue.market.coins[pair.coin].instrument, call.unit)
