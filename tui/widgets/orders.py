"""The open orders, each with how far the market is from it."""

from __future__ import annotations

from typing import ClassVar

from engine.host.protocol import OrderRow
from tui.session import Session
from tui.text import exact, percent
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table


class Orders(Table[OrderRow]):
    """One line an open order. The cursor never slips to another order by itself: what is cancelled is what was pointed at."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("id", "#", 6, "right"),
        Column("coin", "coin", 5),
        Column("side", "side", 4),
        Column("type", "type", 6),
        Column("amount", "amount", 12, "right"),
        Column("filled", "filled", 10, "right", drop=4),
        Column("price", "price", 12, "right"),
        Column("away", "away", 9, "right", drop=1),
        Column("bars", "bars", 6, "right", drop=2),
        Column("by", "by", 8, drop=3),
        Column("status", "status", 16, drop=6),
        Column("reason", "reason", 14, flex=True, drop=5),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no open orders", "b buys and s sells by hand")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session

    def key(self, row: OrderRow) -> object:
        """Return the order's id."""
        return row.id

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
                return ("maker" if row.type == "limit_maker" else row.type, "")
            case "amount":
                return (exact(row.amount), "")
            case "filled":
                return (exact(row.filled), "dim" if row.filled.strip("0.") == "" else "")
            case "price":
                return (exact(row.price, self.session.decimals(row.coin, 0.0)) if row.type != "market" else "market", "")
            case "away":
                return ("next bar" if row.type == "market" else percent(row.away_pct), "dim")
            case "bars":
                return (f"{row.bars:,}", "dim")
            case "by":
                return (row.by, "accent" if row.by == "hand" else "dim")
            case "status":
                return (row.status.lower().replace("_", " "), "dim")
            case _:
                return (row.reason, "dim")
