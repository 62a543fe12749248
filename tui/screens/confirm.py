"""A question before something that cannot be undone."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from tui.screens.modal import DeckModal
from tui.widgets.panel import Panel


class ConfirmScreen(DeckModal[bool]):
    """Asks; y or the button says yes, everything else leaves things as they are."""

    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
        Binding("left,right", "app.focus_next", "Other button", show=False),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, title: str, question: str, verb: str) -> None:
        super().__init__()
        self._title = title
        self._question = question
        self._verb = verb

    def compose(self) -> ComposeResult:
        """Yield the question and its two answers."""
        with Panel("warn"):
            yield Static(Content(self._title), classes="panel--title")
            yield Static(Content(self._question), classes="panel--body")
            with Horizontal(classes="panel--buttons"):
                yield Button(f"Yes, {self._verb} (y)", id="yes", variant="error", compact=True)
                yield Button("No (n)", id="no", compact=True)

    def action_answer(self, yes: bool) -> None:
        """Answer and close."""
        self.dismiss(yes)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
