"""The notes on steps: one for the step under the cursor, and the list to jump from."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Input, Static

from engine.host.protocol import Bookmark, SetBookmark
from tui.screens.modal import DeckModal
from tui.travel import Answer
from tui.widgets.lines import Span
from tui.widgets.panel import Panel
from tui.widgets.table import Column, Table

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

LONGEST = 200


class Notes(Table[Bookmark]):
    """One line a note, in the order of time."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("step", "step", 10, "right"),
        Column("text", "note", 10, flex=True),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("no notes yet",)

    def key(self, row: Bookmark) -> object:
        """Return the step."""
        return row.step

    def cell(self, row: Bookmark, name: str) -> Span:
        """Return a cell of a note's line."""
        return (f"{row.step:,}", "dim") if name == "step" else (row.text, "")


class NotesScreen(DeckModal[int | None]):
    """Dismissed with the step of the note to go to, or with None."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Close", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("delete,d", "delete", "Delete", show=False),
        Binding("enter", "go", "Go there", show=False),
    ]
    AUTO_FOCUS = "#note"

    def __init__(self, deck: DeckScreen) -> None:
        super().__init__()
        self.deck = deck
        frame = deck.session.frame
        self._step = frame.step if frame is not None else -1

    def compose(self) -> ComposeResult:
        """Yield the field and the list."""
        with Panel("list"):
            yield Static(Content(f"Note on step {self._step:,}"), classes="panel--title")
            yield Input(self._text(), id="note", max_length=LONGEST, placeholder="what is to be remembered of this step")
            yield Notes(id="notes")
            yield Static(
                Content("enter keeps it · ↓ to the list: enter goes there, d deletes · escape closes"), classes="panel--keys"
            )

    def on_mount(self) -> None:
        """Show the notes there are."""
        self.call_after_refresh(self.follow)

    def _text(self) -> str:
        travels = self.deck.session.travels
        return next((its.text for its in travels.bookmarks if its.step == self._step), "") if travels is not None else ""

    def follow(self) -> None:
        """Show the notes anew."""
        travels = self.deck.session.travels
        self.query_one(Notes).show(travels.bookmarks if travels is not None else [])

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self._set(self._step, event.value)
        self.dismiss(None)

    def _set(self, step: int, text: str) -> None:
        self.deck.ask(SetBookmark(self.deck.deck_app.next_id(), step, text), self._told)

    def _told(self, answer: Answer) -> None:
        self.deck.toast(answer)

    def action_move(self, by: int) -> None:
        """Go from the field into the list, within it, and back."""
        notes = self.query_one(Notes)
        if notes.has_focus and not (by < 0 and notes.cursor == 0):
            notes.move(by)
        elif by > 0 and notes.rows:
            notes.focus()
        else:
            self.query_one("#note").focus()

    def action_delete(self) -> None:
        """Forget the note pointed at."""
        row = self.query_one(Notes).current
        if row is not None:
            self._set(row.step, "")

    def action_go(self) -> None:
        """Go to the note pointed at."""
        row = self.query_one(Notes).current
        if row is not None:
            self.dismiss(row.step)

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_go()
