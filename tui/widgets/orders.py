"""The open orders, each with how far the market is from it."""

from __future__ import annotations

from typing import ClassVar

from engine.host.protocol import OrderRow
from engine.model import OrderStatus
from tui.session import Session
from tui.text import exact, percent
from tui.ticket import kind_of
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table


class Orders(Table[OrderRow]):
    """One line an open order, its pending exits under it.

    The cursor never slips to another order by itself: what is cancelled is what was pointed at.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("id", "#", 6, "right"),
        Column("coin", "coin", 5),
        Column("side", "side", 4),
        Column("type", "type", 11),
        Column("amount", "amount", 10, "right"),
        Column("filled", "filled", 10, "right", drop=4),
        Column("price", "price", 12, "right"),
        Column("away", "away", 8, "right", drop=1),
        Column("bars", "bars", 6, "right", drop=3),
        Column("by", "by", 8, drop=5),
        Column("status", "status", 16, drop=6),
        Column("terms", "terms", 11, flex=True, drop=2),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no open orders", "b buys and s sells by hand")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session

    def key(self, row: OrderRow) -> object:
        """Return the order's id."""
        return row.id

    @property
    def open(self) -> int:
        """How many of them are open; an exit that waits for its entry is not."""
        return sum(row.status != OrderStatus.PENDING for row in self.rows)

    @property
    def current(self) -> OrderRow | None:
        """The order pointed at; none where the one pointed at has gone."""
        row = super().current
        return row if row is not None and row.id == self._key else None

    def _follow(self) -> None:
        found = next((n for n, row in enumerate(self.rows) if row.id == self._key), None)
        if found is not None:
            self.cursor = found
        elif not self.rows:
            self.cursor, self._key = 0, None
        elif self._key is None:
            self.cursor, self._key = 0, self.rows[0].id
        else:
            self.cursor = min(self.cursor, len(self.rows) - 1)

    def cell(self, row: OrderRow, name: str) -> Span:
        """Return a cell of an order's line."""
        match name:
            case "id":
                return (f"{row.id}", "dim")
            case "coin":
                return (self.session.label(row.coin), "")
            case "side":
                return (row.side, "up" if row.side == "buy" else "down")
            case "type":
                return (kind_of(row), "")
            case "amount":
                return (exact(row.amount), "")
            case "filled":
                return (exact(row.filled), "dim" if row.filled.strip("0.") == "" else "")
            case "price":
                return self._price(row)
            case "away":
                return ("next bar" if row.type == "market" else percent(row.away_pct), "dim")
            case "bars":
                return (f"{row.bars:,}", "dim")
            case "by":
                return (row.by, "accent" if row.by == "hand" else "dim")
            case "status":
                return (row.status.lower().replace("_", " "), "dim")
            case _:
                return (self._terms(row), "dim")

    def _price(self, row: OrderRow) -> Span:
        """Return what the order waits for: its trigger with the way it is reached, or its limit."""
        level = row.stop if row.waits else row.price
        if level is None:
            return ("market", "")
        rises = (row.side == "buy") == (row.type in ("stop", "stop_limit"))
        sign = ("≥" if rises else "≤") if row.waits else ""
        return (f"{sign}{self._exact(row, level)}", "dim" if row.status == OrderStatus.PENDING else "")

    def _exact(self, row: OrderRow, price: str) -> str:
        return exact(price, self.session.decimals(row.coin, 0.0))

    def _terms(self, row: OrderRow) -> str:
        """Return what else there is to an order, what matters most first."""
        waiting = row.waits and row.price is not None
        return " · ".join(
            text
            for text in (
                f"then {self._exact(row, row.price or '')}" if waiting else "",
                row.tif if row.tif != "GTC" else "",
                f"exit of #{row.entry}" if row.entry is not None else "",
                "pending" if row.status == OrderStatus.PENDING else "",
                f"pair with #{row.pair}" if row.pair is not None else "",
                row.reason if row.reason != "by hand" else "",
            )
            if text
        )
