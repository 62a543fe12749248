"""The field for a condition: Tab completes names, and an error is told under the column it is at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from engine.host.protocol import Complete, Completions
from tui.text import clean
from tui.travel import Answer

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

_COLUMN = re.compile(r"column (\d+)")
LONGEST = 500


class ConditionInput(Input):
    """A condition as it is typed; Tab asks for its completion."""

    BINDINGS = [Binding("tab", "complete", "Complete", show=False)]

    def action_complete(self) -> None:
        """Take the next word that could stand here; where there is none, go on to the next field."""
        field = self.parent
        if not (isinstance(field, Condition) and field.complete()):
            self.screen.focus_next()


class Condition(Vertical):
    """A condition with the words that could follow, or with a caret under the column that cannot be read."""

    DEFAULT_CSS = "Condition { height: auto; } Condition Static { height: 1; padding: 0 1; color: $dim; }"

    def __init__(self, deck: DeckScreen, text: str) -> None:
        super().__init__()
        self._deck = deck
        self._start = text
        self._words: list[str] = []
        self._from = 0
        self._turn = -1
        self._completed = ""

    def compose(self) -> ComposeResult:
        """Yield the field and the line under it."""
        yield ConditionInput(self._start, id="condition", max_length=LONGEST, placeholder="lost · rsi < 30 · cross(fast, slow)")
        yield Static("", id="words")

    @property
    def input(self) -> ConditionInput:
        """The field itself."""
        return self.query_one(ConditionInput)

    def on_mount(self) -> None:
        """Offer words from the start."""
        self._ask()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Ask what could stand where the cursor is, unless a completion has just put it there."""
        if event.value != self._completed:
            self._turn = -1
            self._ask()

    def _ask(self) -> None:
        field = self.input
        self._deck.ask(Complete(self._deck.deck_app.next_id(), field.value, field.cursor_position), self._came)

    def _came(self, answer: Answer) -> None:
        if self.is_attached and isinstance(answer, Completions) and self._turn < 0:
            self._words, self._from = answer.words, answer.start
            self._show()

    def complete(self) -> bool:
        """Put the next word that could stand here in its place; False where there is none."""
        field = self.input
        if self._turn < 0:
            # what is offered may have been for fewer letters than are there now
            begun = field.value[self._from : field.cursor_position]
            self._words = [word for word in self._words if word.startswith(begun)]
        if not self._words:
            return False
        self._turn = (self._turn + 1) % len(self._words)
        word = self._words[self._turn]
        self._completed = field.value[: self._from] + word + field.value[field.cursor_position :]
        field.value = self._completed
        field.cursor_position = self._from + len(word)
        self._show()
        return True

    def _show(self) -> None:
        parts: list[Content] = []
        room = self.size.width - 2
        for n, word in enumerate(self._words):
            word = clean(word, 40)
            room -= len(word) + 2
            if room < 0:
                break
            parts.append(Content(word).stylize("bold $accent" if n == self._turn else "$dim"))
            parts.append(Content("  "))
        self.query_one("#words", Static).update(Content("").join(parts))

    def point_at(self, text: str) -> None:
        """Point at the column that an error names."""
        found = _COLUMN.search(text)
        self._words, self._turn = [], -1
        column = int(found[1]) - 1 - round(self.input.scroll_x) if found else -1
        caret = " " * column + "^" if 0 <= column < self.size.width else ""
        self.query_one("#words", Static).update(Content(caret).stylize("bold $down"))
