"""A form whose answer is the engine's: it stays open, with what was typed, until the answer is a yes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from engine.host.protocol import Reply, TravelCommand
from tui.screens.modal import DeckModal
from tui.text import clean, clean_lines
from tui.travel import Answer
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen


class AskScreen(DeckModal[str | None]):
    """Dismissed with what the engine answered, or with None. Subclasses name the fields and make the command of them."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Close", show=False),
        Binding("enter", "submit", "Do it", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Field before", show=False),
    ]
    KEYS = "enter does it · escape closes"

    def __init__(self, deck: DeckScreen) -> None:
        super().__init__()
        self.deck = deck
        self._asked = False

    def compose(self) -> ComposeResult:
        """Yield title, facts, fields and the verdict."""
        with Panel("ask"):
            yield Static(Content(self.heading()), classes="panel--title")
            if about := self.about():
                yield Static(Content(clean_lines(about)), classes="panel--about")
            with Grid(classes="form"):
                for label, field in self.form():
                    yield Label(label)
                    yield field
            yield Static("", id="verdict", classes="verdict")
            yield Static(Content(self.KEYS), classes="panel--keys")

    def heading(self) -> str:
        """Return the title."""
        return ""

    def about(self) -> str:
        """Return what is to be known before, line by line."""
        return ""

    def form(self) -> Iterator[tuple[str, Widget]]:
        """Yield the fields from top to bottom, each with its label."""
        yield from ()

    def command(self, number: int) -> TravelCommand | None:
        """Return what the fields come to; None where that is nothing, and `say` has told why."""
        return None

    def say(self, text: str, tone: str = "$down") -> None:
        """Tell what is wrong, or what is to be known."""
        self.query_one("#verdict", Static).update(Content(clean_lines(text, 200, 4)).stylize(tone))

    def text_of(self, name: str) -> str:
        """Return what stands in a field that is typed."""
        return self.query_one(f"#{name}", Input).value.strip()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_submit()

    def action_submit(self) -> None:
        """Ask the engine; a second time only once it has answered."""
        command = None if self._asked else self.command(self.deck.deck_app.next_id())
        if command is not None:
            self._asked = self.deck.ask(command, self._answered)
            self.say("asking the engine" if self._asked else "there is no engine to ask", "$dim")

    def _answered(self, answer: Answer) -> None:
        self._asked = False
        if not self.is_attached or not isinstance(answer, Reply):
            return
        if answer.ok:
            self.dismiss(clean(answer.text, 300))
        else:
            self.app.bell()
            self.refused(answer.text)

    def refused(self, text: str) -> None:
        """Tell what the engine would not do, and why."""
        self.say(text)
