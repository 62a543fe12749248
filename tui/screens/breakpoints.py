"""The list of breakpoints, and the form that adds or edits one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.host.protocol import BreakpointRow, SetBreakpoints, TravelCommand
from tui.screens.ask import AskScreen
from tui.screens.conditions import ANY
from tui.screens.modal import DeckModal
from tui.widgets.breaks import Breaks
from tui.widgets.choice import Choice
from tui.widgets.condition import Condition
from tui.widgets.panel import Panel
from tui.widgets.table import Table

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen


class BreakpointScreen(AskScreen):
    """Asks for a breakpoint, the one at `index` or another; one that cannot be read leaves it open."""

    KEYS = "tab completes · enter sets it · down next field · escape closes"
    AUTO_FOCUS = "#condition"

    def __init__(self, deck: DeckScreen, index: int | None) -> None:
        super().__init__(deck)
        self._rows = list(deck.session.travels.breakpoints) if deck.session.travels is not None else []
        self._index = len(self._rows) if index is None else index
        self._row = self._rows[index] if index is not None else BreakpointRow("")

    def heading(self) -> str:
        """Return whether there will be one more."""
        return "Breakpoint" if self._index < len(self._rows) else "New breakpoint"

    def form(self) -> Iterator[tuple[str, Widget]]:
        """Yield the condition, its name and its coin."""
        coins = tuple(self.deck.session.infos)
        yield "condition", Condition(self.deck, self._row.text)
        yield "coin", Choice((ANY, *coins), self._row.coin if self._row.coin in coins else ANY, id="coin")
        yield "name", Input(self._row.name, id="name", max_length=40, placeholder="what it is called, if anything")

    def command(self, number: int) -> TravelCommand | None:
        """Return all breakpoints, this one among them."""
        coin = self.query_one("#coin", Choice).value
        text, name = self.text_of("condition"), self.text_of("name")
        row = BreakpointRow(text, name, "" if coin == ANY else coin, self._row.enabled)
        return SetBreakpoints(number, [*self._rows[: self._index], row, *self._rows[self._index + 1 :]])

    def refused(self, text: str) -> None:
        """Tell what is wrong, with a caret under its column."""
        super().refused(text)
        self.query_one(Condition).point_at(text)


class BreakpointsScreen(DeckModal[None]):
    """Lists the breakpoints; every change holds at once."""

    BINDINGS = [
        Binding("escape,q,B", "dismiss", "Close", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("a,n,plus", "add", "Add", show=False),
        Binding("enter,e", "edit", "Edit", show=False),
        Binding("space", "turn", "On or off", show=False),
        Binding("delete,d", "delete", "Delete", show=False),
    ]
    AUTO_FOCUS = "#breaks"

    def __init__(self, deck: DeckScreen) -> None:
        super().__init__()
        self.deck = deck

    def compose(self) -> ComposeResult:
        """Yield the list and its keys."""
        with Panel("list"):
            yield Static(Content("Breakpoints"), classes="panel--title")
            yield Breaks(id="breaks")
            keys = "a adds · enter edits · space on or off · d deletes · escape closes"
            yield Static(Content(keys), classes="panel--keys")

    def on_mount(self) -> None:
        """Show what there is."""
        self.call_after_refresh(self.follow)

    @property
    def _rows(self) -> list[BreakpointRow]:
        travels = self.deck.session.travels
        return travels.breakpoints if travels is not None else []

    @property
    def _at(self) -> int | None:
        at = self.query_one(Breaks).cursor
        return at if at < len(self._rows) else None

    def follow(self) -> None:
        """Show the breakpoints anew; the cursor stays in its row."""
        breaks = self.query_one(Breaks)
        cursor = breaks.cursor
        breaks.show(self._rows)
        breaks.point(cursor)

    def action_move(self, by: int) -> None:
        """Point at another."""
        self.query_one(Breaks).move(by)

    def action_add(self) -> None:
        """Ask for another."""
        self.app.push_screen(BreakpointScreen(self.deck, None))

    def action_edit(self) -> None:
        """Change the one pointed at; where there is none, ask for one."""
        self.app.push_screen(BreakpointScreen(self.deck, self._at))

    def action_turn(self) -> None:
        """Set the one pointed at on or off."""
        at = self._at
        if at is not None:
            row = msgspec.structs.replace(self._rows[at], enabled=not self._rows[at].enabled)
            self._set([*self._rows[:at], row, *self._rows[at + 1 :]])

    def action_delete(self) -> None:
        """Forget the one pointed at."""
        at = self._at
        if at is not None:
            self._set([*self._rows[:at], *self._rows[at + 1 :]])

    def _set(self, rows: list[BreakpointRow]) -> None:
        self.deck.ask(SetBreakpoints(self.deck.deck_app.next_id(), rows), self.deck.toast_if_not)

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_edit()
