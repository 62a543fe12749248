"""The watchlist: every coin's price and change, and which one the chart shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from engine.host.protocol import WatchRow
from engine.model import NS_PER_SECOND
from tui.feedline import age_text
from tui.session import Session
from tui.text import compact, fixed, percent, span
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table


class Watchlist(Table[WatchRow]):
    """One line a coin; the cursor is the coin on the chart. A coin without a new bar is told as stale, with its age.

    Live coins have the age of their data in a column of its own.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("coin", "", 4, flex=True),
        Column("price", "", 10, "right"),
        Column("change", "", 7, "right"),
        Column("volume", "", 7, "right", drop=1),
    )
    LIVE: ClassVar[tuple[Column, ...]] = (*COLUMNS, Column("age", "", 4, "right"))
    EMPTY: ClassVar[tuple[str, ...]] = ("no coins",)

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session

    def columns(self) -> tuple[Column, ...]:
        """Return the columns of a replay, or of live prices."""
        return self.LIVE if self.session.live else self.COLUMNS

    def key(self, row: WatchRow) -> object:
        """Return the coin."""
        return row.coin

    def show(self, rows: Sequence[WatchRow]) -> None:
        """Draw these coins, the session's one under the cursor."""
        self.rows = rows
        chosen = next((n for n, row in enumerate(rows) if row.coin == self.session.coin), 0)
        if chosen != self.cursor:
            self.point(chosen)
        else:
            self.redraw()

    def cell(self, row: WatchRow, name: str) -> Span:
        """Return a cell of a coin's line."""
        live = self.session.feed_of(row.coin)
        age = row.age_s if live is None else live.age_s
        stale = age > 1.5 * self.session.interval / NS_PER_SECOND if live is None else live.stale
        if name == "coin":
            return (self.session.label(row.coin), "strong" if row.coin == self.session.coin else "")
        if name == "price":
            if not row.price > 0:
                return ("–", "dim")
            return (fixed(row.price, self.session.decimals(row.coin, row.price)), "stale" if stale else "")
        if name == "volume":
            return (compact(row.volume_24h), "dim")
        if name == "age":
            return (age_text(age), "stale" if stale else "dim")
        if stale and live is None:
            return (f"{span(age).split()[0]} old", "stale")
        return (percent(row.change_pct), "up" if row.change_pct > 0 else "down" if row.change_pct < 0 else "dim")
