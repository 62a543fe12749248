"""The order form on an open order: less of it keeps its place, another price puts another order in its stead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.host.protocol import AmendOrder, BalanceRow, CoinInfo, HandCommand, OrderRow
from tui.screens.order import OrderScreen
from tui.session import Session
from tui.text import clean, exact
from tui.ticket import Ticket, kind_of
from tui.verdict import Verdict, judge_change

_PRICES = ("price", "stop")


class ChangeScreen(OrderScreen):
    """Dismissed with the command to amend or to replace the order, or with None; it says which it will be."""

    TITLE = "Change an order"
    KEYS = "enter changes it · tab next field · escape closes"

    def __init__(self, session: Session, row: OrderRow, next_id: Callable[[], int]) -> None:
        super().__init__(session, Ticket.of(row), next_id)
        self._row = row

    def form(self) -> Iterator[tuple[str, str, Widget]]:
        """Yield what cannot be changed, then what can."""
        row = self._row
        filled = f", {exact(row.filled)} filled" if row.filled.strip("0.") else ""
        what = f"#{row.id} {row.side} {exact(row.amount)} {row.coin} {kind_of(row)}{filled}"
        yield "type", "order", Static(Content(clean(what, 200)), id="type")
        yield self.typed("amount")
        for name in self.fields(self.opened):
            yield self.typed(name)

    @property
    def ticket(self) -> Ticket:
        """The order with the fields as they are."""
        price, stop = (self._text(name) if name in self.fields(self.opened) else getattr(self.opened, name) for name in _PRICES)
        return replace(self.opened, amount=self._text("amount"), price=price, stop=stop)

    def fields(self, ticket: Ticket) -> tuple[str, ...]:
        """Return the prices, where they can be changed."""
        return tuple(name for name in ticket.fields if name in _PRICES and self._row.change == "any")

    def verdict(self, ticket: Ticket, info: CoinInfo, last: float, balances: list[BalanceRow]) -> Verdict:
        """Return what there is to say of the change."""
        frame = self.session.frame
        row = next((row for row in frame.orders if row.id == self._row.id), None) if frame else None
        if row is None:
            return Verdict(f"order #{self._row.id} is no longer open")
        return judge_change(ticket, row, info, last, balances)

    def command(self, ticket: Ticket) -> HandCommand | None:
        """Return what makes the order into the ticket."""
        return ticket.change(self._next_id(), self._row)

    def outcome(self, ticket: Ticket) -> str:
        """Return whether the order stays, or another comes in its stead."""
        if isinstance(ticket.change(0, self._row), AmendOrder):
            return f"amends #{self._row.id}, which keeps its place"
        lost = "" if self._row.entry is None else f", no exit of #{self._row.entry} any more"
        return f"replaces #{self._row.id} by a new order{lost}"
