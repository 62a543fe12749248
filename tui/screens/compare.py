"""Two branches side by side: their equity, their statistics, and the round trips that only one has."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from engine.host.protocol import BranchReport
from tui.screens.modal import DeckModal
from tui.session import Session
from tui.text import clean
from tui.widgets.comparison import Stat, Stats, Trip, Trips
from tui.widgets.equity import EquityCurves
from tui.widgets.panel import Panel
from tui.widgets.table import Table


class CompareScreen(DeckModal[Trip | None]):
    """Dismissed with the round trip to go to, or with None."""

    BINDINGS = [
        Binding("escape,q", "dismiss(None)", "Close", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("enter", "go", "Go there", show=False),
    ]
    AUTO_FOCUS = "#trips"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]

    def __init__(self, session: Session, report: BranchReport) -> None:
        super().__init__()
        self._session = session
        self.report = report

    def compose(self) -> ComposeResult:
        """Yield the curves over the two tables."""
        report = self.report
        with Panel("compare"):
            title = f"{clean(report.one, 40)} and {clean(report.other, 40)}, up to step {report.until:,}"
            yield Static(Content(title), classes="panel--title")
            yield EquityCurves(report, id="curves")
            with Container(id="tables"):
                yield Stats(report, id="stats")
                yield Trips(self._session, report, id="trips")
            keys = "tab other table · ↑ ↓ in it · enter goes to the round trip · escape closes"
            yield Static(Content(keys), classes="panel--keys")

    def on_mount(self) -> None:
        """Draw everything once it has its size."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        self.query_one(EquityCurves).redraw()
        for table in self.query(Table):
            table.redraw()

    @property
    def _table(self) -> Table[Stat] | Table[Trip]:
        stats = self.query_one(Stats)
        return stats if stats.has_focus else self.query_one(Trips)

    def action_move(self, by: int) -> None:
        """Move in the table that has the keys."""
        self._table.move(by)

    def action_go(self) -> None:
        """Go to where the round trip ended that is pointed at."""
        trip = self.query_one(Trips).current
        if trip is not None:
            self.dismiss(trip)

    @on(Table.Chosen, "#trips")
    def _chosen(self) -> None:
        self.action_go()
