"""The breakpoints: conditions that time stops at."""

from __future__ import annotations

from typing import ClassVar

from engine.host.protocol import BreakpointRow
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table


class Breaks(Table[BreakpointRow]):
    """One line a breakpoint: whether it is on, what it is called, what it stops at, and of which coin."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("on", "", 3),
        Column("text", "condition", 18, flex=True),
        Column("name", "name", 16, drop=2),
        Column("coin", "coin", 10, drop=1),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no breakpoints yet", "a adds one, such as lost or drawdown > 0.05")

    def cell(self, row: BreakpointRow, name: str) -> Span:
        """Return a cell of a breakpoint's line."""
        if name == "on":
            return (" ◆ ", "warn") if row.enabled else (" ◇ ", "dim")
        if name == "coin":
            return (row.coin or "any", "dim")
        return (row.text if name == "text" else row.name, "" if row.enabled else "dim")
