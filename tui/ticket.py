"""An order ticket: what was typed into the order form, and the command it comes to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from engine.host.protocol import AmendOrder, OrderRow, PlaceOco, PlaceOrder, ReplaceOrder
from engine.model import OrderType, Side
from tui.text import exact

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
EXITS = ("stop_loss", "exit_trail", "take_profit")
MOST_BPS = 10_000


class Kind(NamedTuple):
    """A type of order as the form has it: the exchange's type, and which fields it has beside the amount."""

    type: OrderType
    fields: tuple[str, ...] = ()


KINDS = {
    "market": Kind(OrderType.MARKET),
    "limit": Kind(OrderType.LIMIT, ("price", "tif")),
    "maker": Kind(OrderType.LIMIT_MAKER, ("price",)),
    "stop": Kind(OrderType.STOP, ("stop",)),
    "stop-limit": Kind(OrderType.STOP_LIMIT, ("stop", "price", "tif")),
    "take-profit": Kind(OrderType.TAKE_PROFIT, ("stop",)),
    "tp-limit": Kind(OrderType.TAKE_PROFIT_LIMIT, ("stop", "price", "tif")),
    "trail": Kind(OrderType.STOP, ("trail",)),
    "oco": Kind(OrderType.LIMIT_MAKER, ("price", "stop", "trail", "then")),
}
"""The types by their words; `oco` is a pair of which the first to act cancels the other."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The order form's fields as typed: amount in base units, prices in quote currency, trails in basis points or percent."""

    coin: str
    side: Side
    kind: str
    amount: str
    price: str = ""
    stop: str = ""
    then: str = ""
    trail: str = ""
    tif: str = "GTC"
    stop_loss: str = ""
    exit_trail: str = ""
    take_profit: str = ""

    @classmethod
    def of(cls, row: OrderRow) -> Ticket:
        """Return the ticket an open order would have been placed with; once triggered it is a limit order."""
        kind = word_of(row.type)
        if kind not in KINDS or (row.price is not None and row.stop is not None and not row.waits):
            kind = "limit"
        prices = {"price": exact(row.price or "").replace(",", ""), "stop": exact(row.stop or "").replace(",", "")}
        if row.trail_bps is not None:
            kind, prices = "trail", {"trail": str(row.trail_bps)}
        side = Side.BUY if row.side == Side.BUY else Side.SELL
        return cls(row.coin, side, kind, exact(row.amount).replace(",", ""), tif=row.tif, **prices)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that apply beside the amount; what a buy brings in may have exits."""
        return KINDS[self.kind].fields + (EXITS if self.side is Side.BUY and self.kind != "oco" else ())

    def command(self, id: int) -> PlaceOrder | PlaceOco:
        """Return the command to place the order."""
        coin, side, amount = self.coin, self.side.value, self.amount.strip()
        price, stop, trail = self._given("price"), self._given("stop"), basis_points(self._given("trail") or "")
        if self.kind == "oco":
            return PlaceOco(id, coin, side, amount, price or "", stop, self._given("then"), trail)
        return PlaceOrder(
            id,
            coin,
            side,
            KINDS[self.kind].type.value,
            amount,
            price,
            stop,
            trail,
            self._given("tif") or "GTC",
            self._given("stop_loss"),
            self._given("take_profit"),
            basis_points(self._given("exit_trail") or ""),
        )

    def _given(self, name: str) -> str | None:
        text: str = getattr(self, name)
        return text.strip() or None if name in self.fields else None

    def change(self, id: int, row: OrderRow) -> AmendOrder | ReplaceOrder | None:
        """Return the command that makes an open order into this ticket, None where nothing changes; less keeps its place."""
        old = Ticket.of(row)
        same = all(number(getattr(self, name)) == number(getattr(old, name)) for name in ("price", "stop"))
        amount, before = number(self.amount), number(old.amount)
        if same and amount == before:
            return None
        if same and amount is not None and before is not None and amount < before:
            return AmendOrder(id, row.id, self.amount.strip())
        return ReplaceOrder(id, row.id, self.amount.strip(), self._given("price"), self._given("stop"))


def word_of(type: str) -> str:
    """Return the form's word for a type of the exchange's."""
    return next((word for word, kind in KINDS.items() if kind.type.value == type), type)


def kind_of(row: OrderRow) -> str:
    """Return what kind of order a row shows, in the form's words, with how far it trails."""
    if row.trail_bps is None:
        return word_of(row.type)
    return f"{'trail' if row.type in ('stop', 'stop_limit') else 'tp-trail'} {as_percent(row.trail_bps)}"


def number(text: str) -> Decimal | None:
    """Return the plain decimal number in `text`, None for anything else: no sign, exponent, separator or foreign digit."""
    text = text.strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def basis_points(text: str) -> int | None:
    """Return the whole basis points that `150` or `1.5%` means, 1 to 10,000; None for anything else."""
    text = text.strip()
    value = number(text.removesuffix("%"))
    if value is None:
        return None
    value *= 100 if text.endswith("%") else 1
    return int(value) if value == int(value) and 0 < value <= MOST_BPS else None


def as_percent(bps: int) -> str:
    """Return basis points as they are shown: 150 is `1.5%`."""
    return f"{bps / 100:g}%"
