"""The features of the coin on the chart: value, recent course, and how long until they are warm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from engine.host.protocol import FeatureRow
from tui.drawing import sparkline
from tui.text import reading
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table

LINES = ("line-1", "line-2", "line-3", "line-4")
"""Styles of the chart's overlay lines, in their order; the list names them in the same colours."""


class Features(Table[FeatureRow]):
    """One line a feature; those drawn on the chart carry their line's colour."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("name", "", 8, flex=True),
        Column("value", "", 10, "right"),
        Column("recent", "", 6, drop=1),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no features", "a strategy names its own in", "features(), a config in [[features]]")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._overlays: tuple[str, ...] = ()

    def key(self, row: FeatureRow) -> object:
        """Return the feature's name."""
        return row.name

    def show(self, rows: Sequence[FeatureRow], overlays: Sequence[str] = ()) -> None:
        """Draw these features; `overlays` names those on the chart, in its order."""
        self._overlays = tuple(overlays)
        super().show(rows)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns, the sparkline longer where there is room."""
        width = self.size.width
        name, value, recent = self.COLUMNS
        wide = max(6, min(24, width - 32))
        return (name, value, Column(recent.name, "", wide, drop=1))

    def cell(self, row: FeatureRow, name: str) -> Span:
        """Return a cell of a feature's line."""
        drawn = row.name in self._overlays
        line = LINES[self._overlays.index(row.name) % len(LINES)] if drawn else "dim"
        if name == "name":
            return (row.name, line if drawn else "")
        if name == "value":
            if row.warmup_left > 0:
                return (f"in {row.warmup_left:,}", "warn")
            return (reading(row.value), "")
        if row.warmup_left > 0:
            return ("", "")
        width = next((c.width for c in self.fitted(self.size.width) if c.name == "recent"), 0)
        return (sparkline(row.recent, width), line)
