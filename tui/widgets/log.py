"""The log: what the host has to say, and what a strategy prints."""

from __future__ import annotations

from typing import ClassVar

from engine.host.protocol import LogLine
from tui.text import moment
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table

TONES = {"warning": "warn", "error": "down"}


class Log(Table[LogLine]):
    """One line an entry, newest on top, with its market time."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "", 11, drop=2),
        Column("level", "", 7, drop=1),
        Column("text", "", 10, flex=True),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("nothing to report",)

    def cell(self, row: LogLine, name: str) -> Span:
        """Return a cell of an entry."""
        if name == "time":
            return (moment(row.time, "%m-%d %H:%M") if row.time else "", "faint")
        if name == "level":
            return (row.level, TONES.get(row.level, "dim"))
        return (row.text, TONES.get(row.level, ""))
