"""Requests: an order's terms as the parameters of a request, exact and plain."""

from __future__ import annotations

from typing import Any

from engine.binance.life import Life
from engine.exact import to_text
from engine.exchange import TIMES_IN_FORCE
from engine.exchange import kernel as k
from engine.trading.terms import Terms

TYPES = ("MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
FULL = {"newOrderRespType": "FULL"}


def single(life: Life, asked: Terms, amount: int) -> dict[str, Any]:
    """Return the parameters of one order."""
    params: dict[str, Any] = {
        "symbol": life.coin,
        "side": _side(asked),
        "type": TYPES[asked.kind],
        "quantity": plain(amount),
        "newClientOrderId": life.cid,
    } | _prices(asked)
    if k.has_price(asked.kind) and asked.kind != k.LIMIT_MAKER:
        params["timeInForce"] = TIMES_IN_FORCE[asked.tif].value
    return params | FULL


def pair(limit: Life, stop: Life, asked: tuple[Terms, Terms], amount: int) -> dict[str, Any]:
    """Return the parameters of a pair, whose legs the exchange names by where they lie."""
    first, second = asked
    above = first.side == k.SELL
    legs = {("above" if above else "below"): (limit, first), ("below" if above else "above"): (stop, second)}
    params: dict[str, Any] = {"symbol": limit.coin, "side": _side(first), "quantity": plain(amount)} | FULL
    for word, (life, terms) in legs.items():
        params |= {f"{word}Type": TYPES[terms.kind], f"{word}ClientOrderId": life.cid}
        params |= {f"{word}{name[0].upper()}{name[1:]}": value for name, value in _prices(terms).items()}
        if terms.kind == k.STOP_LIMIT:
            params[f"{word}TimeInForce"] = "GTC"
    return params


def replacement(old: Life, new: Life, asked: Terms, amount: int) -> dict[str, Any]:
    """Return the parameters of an order in another's stead: none is placed where the other could not be cancelled.

    Nor where it has begun to fill, which may be on the way here: what has filled would be bought or sold once more.
    """
    params = single(new, asked, amount) | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": old.cid}
    return params | {"cancelRestrictions": "ONLY_NEW"}


def reduced(life: Life, amount: int) -> dict[str, Any]:
    """Return the parameters of an order's reduction, under its own client id still."""
    return {"symbol": life.coin, "origClientOrderId": life.cid, "newClientOrderId": life.cid, "newQty": plain(amount)}


def named(life: Life) -> dict[str, Any]:
    """Return the parameters that name an order."""
    return {"symbol": life.coin, "origClientOrderId": life.cid}


def plain(units: int) -> str:
    """Return an amount or a price as plain decimal text."""
    text = to_text(units)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _side(asked: Terms) -> str:
    return "BUY" if asked.side == k.BUY else "SELL"


def _prices(asked: Terms) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if asked.price:
        told["price"] = plain(asked.price)
    if asked.trail:
        told["trailingDelta"] = asked.trail
    elif asked.stop:
        told["stopPrice"] = plain(asked.stop)
    return told
