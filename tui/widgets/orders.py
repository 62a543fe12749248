"""The open orders, each with how far the market is from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from engine.host.protocol import ExternalRow, OrderRow
from engine.model import OrderStatus
from tui.feedline import age_text
from tui.session import Session
from tui.text import exact, percent
from tui.ticket import kind_of
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table

UNKNOWN = "UNKNOWN"
EXTERNAL = "EXTERNAL"
STAGES = {UNKNOWN: "badge-live", "CANCEL_SENT": "warn strong", "INTENT": "warn", "SENT": "warn", EXTERNAL: "tag"}


class Orders(Table[OrderRow | ExternalRow]):
    """One line an open order, its pending exits under it; real ones with how they stand, and for how long.

    Orders that nobody knows the fate of are on top, those that are not from here at the end. The cursor never slips to another
    order by itself: what is cancelled is what was pointed at.
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
    REAL: ClassVar[tuple[Column, ...]] = (
        Column("id", "#", 6, "right"),
        Column("coin", "coin", 5),
        Column("side", "side", 4),
        Column("type", "type", 11, drop=1),
        Column("amount", "amount", 10, "right"),
        Column("filled", "filled", 10, "right", drop=5),
        Column("price", "price", 12, "right"),
        Column("away", "away", 8, "right", drop=3),
        Column("stage", "stands", 16),
        Column("age", "for", 4, "right"),
        Column("by", "by", 8, drop=6),
        Column("terms", "terms", 11, flex=True, drop=4),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no open orders", "b buys and s sells by hand")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session

    def columns(self) -> tuple[Column, ...]:
        """Return the columns of simulated orders, or of real ones."""
        return self.COLUMNS if self.session.trade is None else self.REAL

    def show_all(self, own: Sequence[OrderRow], externals: Sequence[ExternalRow]) -> None:
        """Draw the orders from here and those that are not."""
        self.show([*sorted(own, key=lambda row: row.stage != UNKNOWN), *externals] if self.session.trade is not None else own)

    def key(self, row: OrderRow | ExternalRow) -> object:
        """Return the order's id, here or at the exchange."""
        return row.id if isinstance(row, OrderRow) else (EXTERNAL, row.order_id)

    @property
    def open(self) -> int:
        """How many from here are open; an exit that waits for its entry is not."""
        return sum(isinstance(row, OrderRow) and row.status != OrderStatus.PENDING for row in self.rows)

    @property
    def current(self) -> OrderRow | ExternalRow | None:
        """The order pointed at; none where the one pointed at has gone."""
        row = super().current
        return row if row is not None and self.key(row) == self._key else None

    def _follow(self) -> None:
        found = next((n for n, row in enumerate(self.rows) if self.key(row) == self._key), None)
        if found is not None:
            self.cursor = found
        elif not self.rows:
            self.cursor, self._key = 0, None
        elif self._key is None:
            self.cursor, self._key = 0, self.key(self.rows[0])
        else:
            self.cursor = min(self.cursor, len(self.rows) - 1)

    def cell(self, row: OrderRow | ExternalRow, name: str) -> Span:
        """Return a cell of an order's line; that of an order nobody knows the fate of is red."""
        if isinstance(row, ExternalRow):
            return self._external(row, name)
        text, style = self._own(row, name)
        return (text, "live strong" if row.stage == UNKNOWN and name not in ("stage", "age") else style)

    def _external(self, row: ExternalRow, name: str) -> Span:
        texts = {
            "coin": self.session.label(row.coin),
            "side": row.side,
            "type": row.type.lower().replace("_", " "),
            "amount": exact(row.amount),
            "filled": exact(row.filled),
            "price": exact(row.price, self.session.decimals(row.coin, 0.0)) if row.price.strip("0.") else "market",
            "stage": EXTERNAL,
            "terms": f"not from here, left alone: the exchange's order {row.order_id}",
        }
        return (texts.get(name, ""), STAGES[EXTERNAL] if name == "stage" else "dim")

    def _own(self, row: OrderRow, name: str) -> Span:
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
            case "stage":
                return self._stage(row)
            case "age":
                return (age_text(row.age_s) if row.stage else "", STAGES.get(row.stage, "dim"))
            case "status":
                return (row.status.lower().replace("_", " "), "dim")
            case _:
                return (self._terms(row), "dim")

    def _stage(self, row: OrderRow) -> Span:
        """Return how a real order stands; one without a stage is not at the exchange, but kept by the engine for its time."""
        if row.stage:
            return (row.stage, STAGES.get(row.stage, ""))
        return ("waits for entry", "dim") if row.status == OrderStatus.PENDING else ("emulated here", "warn")

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
