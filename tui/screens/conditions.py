"""The form that runs to a condition, or back to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.widget import Widget

from engine.host.protocol import RunUntil, TravelCommand
from tui.screens.ask import AskScreen
from tui.widgets.choice import Choice
from tui.widgets.condition import Condition

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

ANY = "any"


class UntilScreen(AskScreen):
    """Asks for the condition that time is to stop at next, or that it stood at last."""

    KEYS = "tab completes · enter runs · down next field · escape closes"
    AUTO_FOCUS = "#condition"

    def __init__(self, deck: DeckScreen, text: str, *, back: bool) -> None:
        super().__init__(deck)
        self._text = text
        self._back = back
        self.typed = text

    def heading(self) -> str:
        """Return which way it goes."""
        return "Back to a condition" if self._back else "Run to a condition"

    def about(self) -> str:
        """Return what can be written."""
        return "a name, a comparison or an event: signal, filled, opened, closed, won, lost, gap\nempty: to the next breakpoint"

    def form(self) -> Iterator[tuple[str, Widget]]:
        """Yield the condition and the coin."""
        yield "condition", Condition(self.deck, self._text)
        yield "coin", Choice((ANY, *self.deck.session.infos), ANY, id="coin")

    def on_mount(self) -> None:
        """Let what was typed last be typed over."""
        self.query_one(Condition).input.select_all()

    def command(self, number: int) -> TravelCommand | None:
        """Return the run."""
        coin = self.query_one("#coin", Choice).value
        self.typed = self.text_of("condition")
        return RunUntil(number, self.typed, "" if coin == ANY else coin, self._back)

    def refused(self, text: str) -> None:
        """Tell what is wrong, with a caret under its column."""
        super().refused(text)
        self.query_one(Condition).point_at(text)
