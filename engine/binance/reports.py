"""What the exchange tells of orders and fills, in each of its shapes, as news and executions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.binance.events import instant
from engine.binance.life import Execution, News, Stage
from engine.binance.numbers import NotExact, units
from engine.exact import UNIT

STRANGE = Stage.UNKNOWN
"""For a status this program does not know: it is asked for again, and shown."""


def stage_of(status: str) -> Stage:
    """Return a status of the exchange's as a stage."""
    try:
        return Stage(status)
    except ValueError:
        return STRANGE


def news_of(order: Mapping[str, Any]) -> News:
    """Return what a REST reply or query says of an order; raises NotExact where it cannot be read."""
    time = order.get("updateTime") or order.get("transactTime") or order.get("time") or 0
    try:
        filled, order_id = units(str(order["executedQty"])), int(order["orderId"])
        return News(
            stage_of(str(order["status"])), filled, instant(int(time)), order_id, units(str(order.get("stopPrice", "0")))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotExact(f"an order that cannot be read: {error}") from None


def fills_of(order: Mapping[str, Any]) -> list[Execution]:
    """Return the fills that a reply to an order has with it."""
    time = instant(int(order.get("transactTime") or 0)) if order.get("fills") else 0
    found = []
    for fill in order.get("fills", ()):
        price, amount = units(str(fill["price"])), units(str(fill["qty"]))
        fee = units(str(fill["commission"]))
        asset = str(fill["commissionAsset"])
        found.append(Execution(int(fill["tradeId"]), price, amount, price * amount // UNIT, fee, asset, False, time))
    return found


def execution_of_trade(trade: Mapping[str, Any]) -> Execution:
    """Return a trade of myTrades."""
    return Execution(
        trade_id=int(trade["id"]),
        price=units(str(trade["price"])),
        amount=units(str(trade["qty"])),
        quote=units(str(trade["quoteQty"])),
        fee=units(str(trade["commission"])),
        fee_asset=str(trade["commissionAsset"]),
        maker=bool(trade["isMaker"]),
        time=instant(int(trade["time"])),
    )


def news_of_event(event: Mapping[str, Any]) -> News:
    """Return what an executionReport says of its order."""
    return News(
        stage_of(str(event["X"])), units(str(event["z"])), instant(int(event["T"])), int(event["i"]), units(str(event["P"]))
    )


def execution_of_event(event: Mapping[str, Any]) -> Execution | None:
    """Return the fill in an executionReport, None where it tells of none."""
    if event["x"] != "TRADE" or int(event["t"]) < 0:
        return None
    return Execution(
        trade_id=int(event["t"]),
        price=units(str(event["L"])),
        amount=units(str(event["l"])),
        quote=units(str(event["Y"])),
        fee=units(str(event["n"] or "0")),
        fee_asset=str(event["N"] or ""),
        maker=bool(event["m"]),
        time=instant(int(event["T"])),
    )
