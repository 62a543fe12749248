"""An order ticket: numbers as typed, and the command it comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from engine.host import protocol as p
from engine.model import OrderType, Side
from tui.ticket import EXITS, KINDS, Ticket, as_percent, basis_points, kind_of, number


@pytest.mark.parametrize("text", ["1", "0.25", " 12.5 ", "00012", "99999999999999999999.99999999999999999999"])
def test_plain_numbers(text: str) -> None:
    assert number(text) == Decimal(text.strip())


@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "+1", "1e5", "1_000", "1,000", ".5", "5.", "NaN", "Infinity", "0x10", "１２", "1 2", "\x1b[A", "1" * 21],
)
def test_what_is_no_plain_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "bps"),
    [("150", 150), ("1.5%", 150), (" 1.5 %", 150), ("0.01%", 1), ("100%", 10_000), ("10000", 10_000), ("1", 1), ("2.0", 2)],
)
def test_trails(text: str, bps: int) -> None:
    assert basis_points(text) == bps


@pytest.mark.parametrize("text", ["", "0", "1.5", "0.001%", "101%", "10001", "-5", "1e2", "5%%", "%", "five"])
def test_what_is_no_trail(text: str) -> None:
    assert basis_points(text) is None


def test_basis_points_are_shown_as_percent() -> None:
    assert [as_percent(bps) for bps in (1, 25, 150, 1000, 10_000)] == ["0.01%", "0.25%", "1.5%", "10%", "100%"]


TYPED = {"price": "101", "stop": "102", "then": "103", "trail": "2%", "tif": "FOK"}
EXITING = {"stop_loss": "90", "exit_trail": "", "take_profit": "120"}


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("market", {"type": "market"}),
        ("limit", {"type": "limit", "price": "101", "tif": "FOK"}),
        ("maker", {"type": "limit_maker", "price": "101"}),
        ("stop", {"type": "stop", "stop": "102"}),
        ("stop-limit", {"type": "stop_limit", "stop": "102", "price": "101", "tif": "FOK"}),
        ("take-profit", {"type": "take_profit", "stop": "102"}),
        ("tp-limit", {"type": "take_profit_limit", "stop": "102", "price": "101", "tif": "FOK"}),
        ("trail", {"type": "stop", "trail_bps": 200}),
    ],
)
def test_a_command_has_what_its_type_has_and_nothing_else(kind: str, command: dict[str, Any]) -> None:
    sell = Ticket("BTCUSDT", Side.SELL, kind, " 1.5 ", **TYPED, **EXITING)
    assert sell.command(7) == p.PlaceOrder(7, "BTCUSDT", "sell", amount="1.5", **command)
    assert not set(sell.fields) & set(EXITS), "a sell opens nothing that could be closed"
    buy = Ticket("BTCUSDT", Side.BUY, kind, "1.5", **TYPED, **EXITING)
    assert buy.command(7) == p.PlaceOrder(7, "BTCUSDT", "buy", amount="1.5", stop_loss="90", take_profit="120", **command)
    trailing = Ticket("BTCUSDT", Side.BUY, kind, "1.5", **TYPED, exit_trail="50")
    assert trailing.command(7) == p.PlaceOrder(7, "BTCUSDT", "buy", amount="1.5", trailing_stop_bps=50, **command)


def test_a_pair() -> None:
    ticket = Ticket("BTCUSDT", Side.BUY, "oco", "1", price="95", stop="105", then="106", **EXITING)
    assert ticket.command(3) == p.PlaceOco(3, "BTCUSDT", "buy", "1", "95", "105", "106")
    trailing = Ticket("BTCUSDT", Side.SELL, "oco", "1", price="120", trail="150")
    assert trailing.command(3) == p.PlaceOco(3, "BTCUSDT", "sell", "1", "120", None, None, 150)


ROW = p.OrderRow(
    id=9, coin="BTCUSDT", side="buy", type="limit", amount="2.00000000", filled="0.50000000", price="95.10000000", stop=None,
    waits=False, trail_bps=None, tif="GTC", entry=None, pair=None, change="any", status="NEW", by="hand", bars=1, away_pct=0.0,
    reason="",
)  # fmt: skip


def row(**fields: Any) -> p.OrderRow:
    return msgspec.structs.replace(ROW, **fields)


def changed(its: p.OrderRow, **fields: str) -> p.AmendOrder | p.ReplaceOrder | None:
    ticket = Ticket.of(its)
    return Ticket(ticket.coin, ticket.side, ticket.kind, **{
        name: fields.get(name, getattr(ticket, name)) for name in ("amount", "price", "stop", "trail", "tif")
    }).change(4, its)  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "limit"),
        ({"type": "limit_maker"}, "maker"),
        ({"type": "stop", "price": None, "stop": "105.00000000", "waits": True}, "stop"),
        ({"type": "stop_limit", "stop": "105.00000000", "waits": True}, "stop-limit"),
        ({"type": "stop_limit", "stop": "105.00000000", "waits": False}, "limit"),
        ({"type": "stop", "price": None, "stop": "105.00000000", "waits": True, "trail_bps": 150}, "trail"),
        ({"type": "iceberg", "side": "hold"}, "limit"),
    ],
)
def test_an_open_order_is_a_ticket_again(fields: dict[str, Any], kind: str) -> None:
    its = row(**fields)
    ticket = Ticket.of(its)
    assert (ticket.kind, ticket.amount) == (kind, "2")
    assert changed(its) is None
    assert changed(its, amount="2.0") is None, "the same number"
    assert changed(its, amount="1.5") == p.AmendOrder(4, 9, "1.5")


def test_another_price_or_more_is_another_order() -> None:
    assert changed(row(), price="96") == p.ReplaceOrder(4, 9, "2", "96")
    assert changed(row(), price="96", amount="1") == p.ReplaceOrder(4, 9, "1", "96")
    assert changed(row(), amount="3") == p.ReplaceOrder(4, 9, "3", "95.1")
    stop = row(type="stop_limit", stop="105.00000000", waits=True)
    assert changed(stop, stop="106") == p.ReplaceOrder(4, 9, "2", "95.1", "106")
    triggered = row(type="stop_limit", stop="105.00000000", waits=False)
    assert changed(triggered, price="96") == p.ReplaceOrder(4, 9, "2", "96"), "its trigger is behind it"


def test_the_words_for_types() -> None:
    assert [kind_of(row(type=type)) for type in OrderType] == [
        "market", "limit", "maker", "stop", "stop-limit", "take-profit", "tp-limit",
    ]  # fmt: skip
    assert kind_of(row(type="stop", trail_bps=150)) == "trail 1.5%"
    assert kind_of(row(type="take_profit", trail_bps=25)) == "tp-trail 0.25%"
    assert len({word[0] for word in KINDS}) < len(KINDS), "a letter typed again goes on to the next"
