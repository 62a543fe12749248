"""The journal: what was meant, sent and heard of real orders, as it was written down."""

from __future__ import annotations

from typing import ClassVar

from engine.host.protocol import JournalRow
from tui.text import moment
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table

LOUD = {"unknown": "live strong", "rejected": "down", "refused": "down"}
"""Words that an entry's text begins with, and the style they give it."""


class Journal(Table[JournalRow]):
    """One line an entry, newest on top, with the time of this machine in UTC."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "time", 14),
        Column("order", "order", 7, "right"),
        Column("what", "what", 10, drop=1),
        Column("text", "words", 36, flex=True),
        Column("seq", "entry", 8, "right", drop=2),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("nothing in the journal yet", "every order is written down before it is sent")

    def key(self, row: JournalRow) -> object:
        """Return the entry's number."""
        return row.seq

    def cell(self, row: JournalRow, name: str) -> Span:
        """Return a cell of an entry's line."""
        match name:
            case "time":
                return (moment(row.time, "%m-%d %H:%M:%S"), "dim")
            case "order":
                return (f"#{row.order}" if row.order >= 0 else "", "dim")
            case "what":
                return (row.what, "accent")
            case "text":
                return (row.text, LOUD.get(row.text.partition(" ")[0].lower(), ""))
            case _:
                return (f"{row.seq:,}", "faint")
