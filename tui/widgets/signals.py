"""Signals: what the strategy wanted, why, and what became of it."""

from __future__ import annotations

from typing import ClassVar

from engine.host.protocol import SignalRow
from tui.session import Session
from tui.text import moment
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table

TONES = {"buy": "up", "sell": "down", "close": "down", "cancel": "warn"}
SIGNS = {"buy": "▲", "sell": "▼", "close": "▼", "cancel": "×"}
WIDE = 70


class Signals(Table[SignalRow]):
    """One line a signal, newest on top."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "", 5, drop=2),
        Column("sign", "", 1),
        Column("coin", "", 4, drop=1),
        Column("reason", "", 9, flex=True),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no signals yet", "they come with decisions")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session

    def key(self, row: SignalRow) -> object:
        """Return the signal's number."""
        return row.n

    def columns(self) -> tuple[Column, ...]:
        """Return the columns; date, word and outcome where there is room for them."""
        if self.size.width < WIDE:
            return self.COLUMNS
        return (
            Column("time", "time", 11),
            Column("coin", "coin", 6),
            Column("kind", "signal", 6),
            Column("reason", "reason", 16, flex=True),
            Column("outcome", "what became of it", 28, drop=1),
        )

    def cell(self, row: SignalRow, name: str) -> Span:
        """Return a cell of a signal's line."""
        if name == "time":
            return (moment(row.time, "%H:%M" if self.size.width < WIDE else "%m-%d %H:%M"), "dim")
        if name == "sign":
            return (SIGNS.get(row.kind, "?"), TONES.get(row.kind, ""))
        if name == "coin":
            return (self.session.label(row.coin), "")
        if name == "kind":
            return (row.kind, TONES.get(row.kind, ""))
        if name == "reason":
            return (row.reason or "no reason given", "" if row.reason else "faint")
        return (row.outcome, "dim")
