"""The exchange's filters: how exchangeInfo tells them, and the checks of those that the kernel does not know."""

from __future__ import annotations

from typing import Any

from engine.exact import INT64_MAX, UNIT
from engine.exchange import kernel as k
from engine.model import Instrument
from engine.rehearsal.desk import Desk
from engine.rehearsal.errors import ApiError, error, filter_failure
from engine.rehearsal.orders import Order, Request
from engine.rehearsal.payloads.numbers import text

Payload = dict[str, Any]
MOST = INT64_MAX // 2 // UNIT * UNIT
"""The highest price and the largest amount there are, in units; half of what 64 bits hold, so that two of them can be added."""
ICEBERG_PARTS = 10
LEAST_TRAIL, MOST_TRAIL = 10, 2000
MOST_LISTS = 20
MOST_AMENDS = 10


def told(its: Instrument) -> list[Payload]:
    """Return a coin's filters as exchangeInfo tells them."""
    filters: list[Payload] = [
        {"filterType": "PRICE_FILTER", "minPrice": text(its.tick), "maxPrice": text(MOST), "tickSize": text(its.tick)},
        {"filterType": "LOT_SIZE", "minQty": text(its.lot), "maxQty": text(MOST), "stepSize": text(its.lot)},
        {"filterType": "ICEBERG_PARTS", "limit": ICEBERG_PARTS},
        {"filterType": "MARKET_LOT_SIZE", "minQty": text(0), "maxQty": text(MOST), "stepSize": text(0)},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": LEAST_TRAIL,
            "maxTrailingAboveDelta": MOST_TRAIL,
            "minTrailingBelowDelta": LEAST_TRAIL,
            "maxTrailingBelowDelta": MOST_TRAIL,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": text(its.min_notional),
            "applyMinToMarket": True,
            "maxNotional": text(MOST),
            "applyMaxToMarket": False,
            "avgPriceMins": 0,
        },
    ]
    if its.price_up:
        ends = {"bidMultiplierUp": text(its.price_up), "bidMultiplierDown": text(its.price_down)}
        ends |= {"askMultiplierUp": text(its.price_up), "askMultiplierDown": text(its.price_down)}
        filters.append({"filterType": "PERCENT_PRICE_BY_SIDE", **ends, "avgPriceMins": 0})
    if its.max_orders:
        filters.append({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": its.max_orders})
    if its.max_stops:
        filters.append({"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": its.max_stops})
    return [
        *filters,
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MOST_LISTS},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": MOST_AMENDS},
    ]


def check(asked: Request, its: Instrument) -> None:
    """Raise ApiError where an order breaks a filter of those that stand apart from matching."""
    if max(asked.price, asked.stop) > MOST:
        raise filter_failure("PRICE_FILTER")
    if max(asked.amount, asked.quote_amount) > MOST:
        raise filter_failure("LOT_SIZE")
    if asked.trail and not LEAST_TRAIL <= asked.trail <= MOST_TRAIL:
        raise filter_failure("TRAILING_DELTA")
    if asked.iceberg:
        if asked.tif != k.GTC:
            raise error(-1014)
        if asked.iceberg > asked.amount:
            raise ApiError(-2010, "IcebergQty exceeds QTY.")
        if asked.iceberg % its.lot:
            raise filter_failure("LOT_SIZE")
        if asked.amount > ICEBERG_PARTS * asked.iceberg:
            raise filter_failure("ICEBERG_PARTS")


def check_lists(desk: Desk, coin: int) -> None:
    """Raise ApiError where an account has as many pairs open on a coin as there may be."""
    if sum(not pair.done and pair.coin == coin for pair in desk.records.lists.values()) >= MOST_LISTS:
        raise filter_failure("MAX_NUM_ORDER_LISTS")


def check_amends(order: Order) -> None:
    """Raise ApiError where an order was amended as often as it may be."""
    if order.amends >= MOST_AMENDS:
        raise ApiError(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
