"""The fills, exact as the ledger has them."""

from __future__ import annotations

from typing import ClassVar

from engine.host.protocol import FillRow
from tui.session import Session
from tui.text import exact, moment
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table


class Fills(Table[FillRow]):
    """One line a fill, newest on top."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "time", 11),
        Column("coin", "coin", 5),
        Column("side", "side", 4),
        Column("amount", "amount", 13, "right"),
        Column("price", "price", 12, "right"),
        Column("fee", "fee", 17, "right", drop=1),
        Column("position", "position", 13, "right", drop=3),
        Column("cash", "cash", 18, "right", drop=2),
        Column("order", "order", 7, "right", drop=4),
        Column("step", "step", 10, "right", drop=5),
        Column("rest", "", 0, flex=True, drop=6),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no fills yet", "an order fills on a bar after its own")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session

    def key(self, row: FillRow) -> object:
        """Return the fill's number."""
        return row.n

    def cell(self, row: FillRow, name: str) -> Span:
        """Return a cell of a fill's line."""
        match name:
            case "time":
                return (moment(row.time, "%m-%d %H:%M"), "dim")
            case "coin":
                return (self.session.label(row.coin), "")
            case "side":
                return (row.side, "up" if row.side == "buy" else "down")
            case "amount":
                return (exact(row.amount), "")
            case "price":
                return (exact(row.price, self.session.decimals(row.coin, 0.0)), "")
            case "fee":
                return (f"{exact(row.fee)} {row.fee_asset}", "dim")
            case "position":
                return (exact(row.position), "")
            case "cash":
                return (exact(row.cash), "dim")
            case "order":
                return (f"#{row.order_id}", "dim")
            case "step":
                return (f"{row.step:,}", "dim")
            case _:
                return ("", "")
