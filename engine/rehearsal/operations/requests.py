"""What of a request's parameters is an order: read, and checked as far as no market is needed for it."""

from __future__ import annotations

from typing import NamedTuple

from engine.exchange import kernel as k
from engine.rehearsal import filters
from engine.rehearsal.calls import Call
from engine.rehearsal.errors import error
from engine.rehearsal.orders import KINDS, TIFS, Request
from engine.rehearsal.params import CLIENT_ID, Params

SIDES = {"BUY": k.BUY, "SELL": k.SELL}
STP = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
RESPONSES = ("ACK", "RESULT", "FULL")
RESTRICTIONS = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}
LEAST_STRATEGY_TYPE = 1_000_000

ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType"
    " stopPrice trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)
"""The parameters of an order."""


class Leg(NamedTuple):
    """The names an order's parameters go by; those of a pair's legs bear the leg's."""

    kind: str = "type"
    tif: str = "timeInForce"
    price: str = "price"
    stop: str = "stopPrice"
    trail: str = "trailingDelta"
    iceberg: str = "icebergQty"
    client_id: str = "newClientOrderId"
    strategy_id: str = "strategyId"
    strategy_type: str = "strategyType"


ALONE = Leg()


class Cancel(NamedTuple):
    """A cancel asked for: which order, what the cancel is `named`, and how the order is to stand for it (RESTRICTIONS)."""

    id: int | None
    client_id: str | None
    named: str
    restriction: str | None


def read_order(call: Call, coin: int, leg: Leg = ALONE, kind: int | None = None) -> Request:
    """Return the order a request asks for; raises ApiError for what is missing, too much, or makes no sense."""
    params = call.params
    side = read_side(params)
    kind = read_kind(params, leg.kind) if kind is None else kind
    amount, quote_amount = _amounts(params, kind)
    asked = Request(
        coin=coin,
        side=side,
        kind=kind,
        amount=amount,
        quote_amount=quote_amount,
        price=_wanted(params, leg.price, k.has_price(kind)),
        stop=_stop(params, leg, kind),
        trail=_whole(params, leg.trail, kind >= k.STOP_LOSS),
        tif=_tif(params, leg.tif, kind),
        client_id=params.matching(leg.client_id, CLIENT_ID) or "",
        stp=params.choice("selfTradePreventionMode", STP) or "NONE",
        iceberg=_iceberg(params, leg.iceberg, kind),
        strategy_id=params.whole(leg.strategy_id),
        strategy_type=params.whole(leg.strategy_type),
    )
    params.choice("newOrderRespType", RESPONSES)
    if asked.strategy_type is not None and asked.strategy_type < LEAST_STRATEGY_TYPE:
        raise error(-1134)
    if asked.stop and asked.trail:
        # a trail that begins at a price is not rehearsed
        raise error(-1014)
    filters.check(asked, call.venue.market.coins[coin].instrument)
    return asked


def read_side(params: Params) -> int:
    """Return the side a request names."""
    params.need("side")
    return SIDES[params.choice("side", SIDES, -1117) or ""]


def read_kind(params: Params, name: str = "type") -> int:
    """Return the order type a request names."""
    params.need(name)
    return KINDS.index(params.choice(name, KINDS, -1116) or "")


def read_cancel(params: Params, prefix: str = "") -> Cancel:
    """Return the cancel a request asks for; where it also places an order, the names of a cancel's parameters bear a prefix."""
    id, client_id = read_ids(params, prefix)
    named = params.matching(_prefixed(prefix, "newClientOrderId"), CLIENT_ID) or ""
    return Cancel(id, client_id, named, params.choice("cancelRestrictions", RESTRICTIONS, -1145))


def read_ids(params: Params, prefix: str = "") -> tuple[int | None, str | None]:
    """Return id and client id by which a request names an order, one of them at least."""
    by_id, by_client = _prefixed(prefix, "orderId"), _prefixed(prefix, "origClientOrderId")
    id, client_id = params.whole(by_id), params.get(by_client)
    if id is None and client_id is None:
        raise error(-1102, by_client, by_id)
    return id, client_id


def _prefixed(prefix: str, name: str) -> str:
    return prefix + name[0].upper() + name[1:] if prefix else name


def _amounts(params: Params, kind: int) -> tuple[int, int]:
    if kind != k.MARKET:
        return _wanted(params, "quantity", True), _wanted(params, "quoteOrderQty", False)
    amount, quote_amount = params.units("quantity"), params.units("quoteOrderQty")
    if amount is None and quote_amount is None:
        raise error(-1102, "quantity", "quoteOrderQty")
    if amount is not None and quote_amount is not None:
        raise error(-1106, "quoteOrderQty")
    return amount or 0, quote_amount or 0


def _wanted(params: Params, name: str, wanted: bool) -> int:
    """Return a decimal that must be there where it is `wanted`, and must not where it is not."""
    if wanted:
        params.need(name)
    elif name in params:
        raise error(-1106, name)
    return params.units(name) or 0


def _whole(params: Params, name: str, allowed: bool) -> int:
    if name in params and not allowed:
        raise error(-1106, name)
    return params.whole(name) or 0


def _stop(params: Params, leg: Leg, kind: int) -> int:
    if kind < k.STOP_LOSS:
        return _wanted(params, leg.stop, False)
    stop = params.units(leg.stop)
    if stop is None and leg.trail not in params:
        raise error(-1102, leg.stop, leg.trail)
    return stop or 0


def _tif(params: Params, name: str, kind: int) -> int:
    if kind == k.LIMIT_MAKER or not k.has_price(kind):
        if name in params:
            raise error(-1106, name)
        return k.GTC
    params.need(name)
    return TIFS.index(params.choice(name, TIFS, -1115) or "")


def _iceberg(params: Params, name: str, kind: int) -> int:
    if not k.has_price(kind):
        return _wanted(params, name, False)
    return params.units(name) or 0
