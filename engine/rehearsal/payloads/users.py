"""What the user stream tells of an account, key by key as the exchange's; times in units of `unit` ns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.model import Instrument, Timestamp
from engine.rehearsal.orders import KINDS, TIFS, ListReport, Moved, Order, Report, Transfer, UserEvent
from engine.rehearsal.payloads.numbers import text
from engine.rehearsal.payloads.orders import SIDES

Payload = dict[str, Any]


def told(event: UserEvent, instruments: Sequence[Instrument], unit: int) -> Payload:
    """An event of an account."""
    match event:
        case Report():
            return execution_report(event, instruments[event.order.asked.coin].coin, unit)
        case Moved():
            return account_position(event, unit)
        case ListReport():
            return list_status(event, instruments[event.pair.coin].coin, unit)
        case Transfer():
            return balance_update(event, unit)


def execution_report(report: Report, symbol: str, unit: int) -> Payload:
    """What happened to an order; a cancel's own client id is `c`, the order's then `C`."""
    order, asked, trade, at = report.order, report.order.asked, report.trade, report.time // unit
    client_id, before = order.client_id, report.before
    if report.kind == "CANCELED":
        client_id, before = order.cancel_id, order.client_id
    return {
        "e": "executionReport",
        "E": at,
        "s": symbol,
        "c": client_id,
        "S": SIDES[asked.side],
        "o": KINDS[asked.kind],
        "f": TIFS[asked.tif],
        "q": text(order.amount),
        "p": text(asked.price),
        "P": text(order.stop),
        "F": text(asked.iceberg),
        "g": order.list_id,
        "C": before,
        "x": report.kind,
        "X": order.status.value,
        "r": "NONE",
        "i": order.id,
        "l": text(trade.amount if trade else 0),
        "z": text(order.filled),
        "L": text(trade.price if trade else 0),
        "n": text(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else None,
        "T": at,
        "t": trade.id if trade else -1,
        "I": report.execution,
        "w": order.working and order.is_open,
        "m": trade.maker if trade else False,
        "M": trade is not None,
        "O": order.time // unit,
        "Z": text(order.quote_filled),
        "Y": text(trade.quote if trade else 0),
        "Q": text(asked.quote_amount),
        **_conditional(order, unit),
        "V": asked.stp,
    }


def _conditional(order: Order, unit: int) -> Payload:
    """What is told of an order only where it has it."""
    asked = order.asked
    body: Payload = {}
    if asked.trail:
        body |= {"d": asked.trail, "D": order.time // unit}
    if asked.strategy_id is not None:
        body["j"] = asked.strategy_id
    if asked.strategy_type is not None:
        body["J"] = asked.strategy_type
    if order.working_time >= 0:
        body["W"] = order.working_time // unit
    return body


def account_position(moved: Moved, unit: int) -> Payload:
    """The balances that may have changed."""
    at = moved.time // unit
    balances = [{"a": asset, "f": text(free), "l": text(locked)} for asset, (free, locked) in moved.balances.items()]
    return {"e": "outboundAccountPosition", "E": at, "u": at, "B": balances}


def balance_update(transfer: Transfer, unit: int) -> Payload:
    """What came into the account from outside, or went."""
    at = transfer.time // unit
    return {"e": "balanceUpdate", "E": at, "a": transfer.asset, "d": text(transfer.amount), "T": at}


def list_status(report: ListReport, symbol: str, unit: int) -> Payload:
    """What happened to a pair of orders."""
    at = report.time // unit
    return {
        "e": "listStatus",
        "E": at,
        "s": symbol,
        "g": report.pair.id,
        "c": "OCO",
        "l": report.kind,
        "L": "ALL_DONE" if report.kind == "ALL_DONE" else "EXECUTING",
        "r": "NONE",
        "C": report.pair.client_id,
        "T": at,
        "O": [{"s": symbol, "i": order.id, "c": order.client_id} for order in report.orders],
    }


def stream_terminated(at: Timestamp, unit: int) -> Payload:
    """That a subscription is over."""
    return {"e": "eventStreamTerminated", "E": at // unit}
