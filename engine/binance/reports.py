"""What the exchange tells of orders and fills, in each of its shapes, as news and executions."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.binance.events import instant
from engine.binance.life import Execution, News, Stage
from engine.binance.numbers import NotExact, units
from engine.binance.status import External
from engine.exact import UNIT
from engine.exchange import kernel as k

Balances = dict[str, tuple[int, int]]
"""Free and locked by asset, in units of 1e-8."""

SIDES = {"BUY": k.BUY, "SELL": k.SELL}
THEIRS = frozenset(Stage) - {Stage.INTENT, Stage.SENT, Stage.UNKNOWN, Stage.NOT_PLACED}
"""The stages that are the exchange's own words."""


@contextmanager
def _read(what: str) -> Iterator[None]:
    """Raise NotExact where what was told is not as it should be."""
    try:
        yield
    except NotExact:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotExact(f"{what} that cannot be read: {type(error).__name__} {error}"[:200]) from None


def _stage(status: Any) -> tuple[Stage, str]:
    """Return a status as a stage; one that this program does not know is UNKNOWN and goes with it in words."""
    return (Stage(status), "") if status in THEIRS else (Stage.UNKNOWN, f"the exchange calls it {str(status)[:40]!r}")


def news_of(order: Mapping[str, Any]) -> News:
    """Return what a REST reply or query says of an order; raises NotExact where it cannot be read."""
    with _read("an order"):
        stage, text = _stage(order["status"])
        time = order.get("updateTime") or order.get("transactTime") or order.get("time") or 0
        return News(
            stage,
            units(str(order["executedQty"])),
            instant(int(time)),
            int(order["orderId"]),
            units(str(order.get("stopPrice", "0"))),
            units(str(order["origQty"])),
            text,
            str(order["symbol"]),
            SIDES[order["side"]],
        )


def fills_of(order: Mapping[str, Any]) -> list[Execution]:
    """Return the fills that a reply to an order has with it; raises NotExact where they cannot be read."""
    found = []
    with _read("a fill"):
        time = instant(int(order.get("transactTime") or 0)) if order.get("fills") else 0
        for fill in order.get("fills") or ():
            price, amount, fee = (units(str(fill[name])) for name in ("price", "qty", "commission"))
            asset, id = str(fill["commissionAsset"]), int(fill["tradeId"])
            found.append(Execution(id, price, amount, price * amount // UNIT, fee, asset, False, time, final=False))
    return found


def execution_of_trade(trade: Mapping[str, Any]) -> Execution:
    """Return a trade of myTrades; raises NotExact where it cannot be read."""
    with _read("a trade"):
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


def name_of_event(event: Mapping[str, Any]) -> str:
    """Return the client id of an executionReport's order; a cancel's own client id is another."""
    with _read("an event"):
        return str(event["C"]) if event["x"] == "CANCELED" and event.get("C") else str(event["c"])


def news_of_event(event: Mapping[str, Any]) -> News:
    """Return what an executionReport says of its order; raises NotExact where it cannot be read."""
    with _read("an event"):
        stage, text = _stage(event["X"])
        at, filled = instant(int(event["T"])), units(str(event["z"]))
        stop, amount = units(str(event["P"])), units(str(event["q"]))
        return News(stage, filled, at, int(event["i"]), stop, amount, text, str(event["s"]), SIDES[event["S"]])


def execution_of_event(event: Mapping[str, Any]) -> list[Execution]:
    """Return the fill in an executionReport, none where it tells of none; raises NotExact where it cannot be read."""
    with _read("an event"):
        if event["x"] != "TRADE" or int(event["t"]) < 0:
            return []
        its = Execution(
            trade_id=int(event["t"]),
            price=units(str(event["L"])),
            amount=units(str(event["l"])),
            quote=units(str(event["Y"])),
            fee=units(str(event["n"] or "0")),
            fee_asset=str(event["N"] or ""),
            maker=bool(event["m"]),
            time=instant(int(event["T"])),
        )
        return [its]


def rows_of(answer: Any) -> list[dict[str, Any]]:
    """Return an answer that is a list of objects; raises NotExact for any other."""
    if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
        raise NotExact("an answer that cannot be read")
    return answer


def balances_of(rows: Iterable[Mapping[str, Any]], assets: Container[str], free: str, locked: str, name: str) -> Balances:
    """Return free and locked of some assets, in units of 1e-8; raises NotExact where they cannot be read."""
    with _read("a balance"):
        return {row[name]: (units(str(row[free])), units(str(row[locked]))) for row in rows if row[name] in assets}


def external_of(order: Mapping[str, Any]) -> External:
    """Return an open order of somebody else's; raises NotExact where it cannot be read."""
    with _read("an order"):
        side, kind = str(order["side"]).lower(), str(order["type"]).lower()
        amounts = str(order["origQty"]), str(order["executedQty"]), str(order["price"])
        return External(int(order["orderId"]), str(order["symbol"]), side, kind, *amounts)


def external_of_event(event: Mapping[str, Any]) -> External:
    """Return the order of an executionReport that is somebody else's; raises NotExact where it cannot be read."""
    names = {"orderId": "i", "symbol": "s", "side": "S", "type": "o", "origQty": "q", "executedQty": "z", "price": "p"}
    with _read("an event"):
        return external_of({ours: event[theirs] for ours, theirs in names.items()})
