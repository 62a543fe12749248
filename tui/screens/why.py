"""The why over the deck, where the terminal is too small for it beside the other panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from tui.actions import BY_ID
from tui.screens.modal import DeckModal
from tui.widgets.panel import Panel
from tui.widgets.why import Why

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

_TIME = ("step", "step_ten", "step_hundred", "back", "back_ten", "back_hundred", "first")
_PLACES = ("next_fill", "previous_fill", "next_signal", "previous_signal", "next_trade", "previous_trade")


class WhyScreen(DeckModal[None]):
    """Tells why; the keys that move time still do, and the why follows."""

    BINDINGS = [
        Binding("escape,q,y,enter", "dismiss", "Close", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,space", "move(10)", "Page down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        *(Binding(BY_ID[name].keys, f"deck('{name}')", show=False, id=name) for name in (*_TIME, *_PLACES)),
    ]

    def __init__(self, deck: DeckScreen) -> None:
        super().__init__()
        self.deck = deck

    def compose(self) -> ComposeResult:
        """Yield the report and its keys."""
        with Panel("why"):
            yield Static(Content("Why"), classes="panel--title")
            yield Why(self.deck.session, id="why-over")
            yield Static(Content("← → step · [ ] fills · ↑ ↓ scroll · escape closes"), classes="panel--keys")

    def on_mount(self) -> None:
        """Show what is known, and ask for what is not."""
        self.call_after_refresh(self.follow)

    def follow(self) -> None:
        """Show the report anew."""
        for why in self.query(Why):
            why.tell()

    def action_move(self, by: int) -> None:
        """Move up or down in the report."""
        self.query_one(Why).move(by)

    async def action_deck(self, name: str) -> None:
        """Do on the deck what this key does there."""
        await self.deck.run_action(name)
