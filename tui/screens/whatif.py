"""What the deck's keys do to the futures of a replay, and to what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.host.protocol import BranchReport, Events, LogLine, Reload, Reply, SwitchBranch
from tui.screens.branches import BranchesScreen
from tui.screens.breakpoints import BreakpointsScreen
from tui.screens.compare import CompareScreen
from tui.screens.notes import NotesScreen
from tui.screens.params import ParamsScreen
from tui.screens.save import SaveScreen
from tui.screens.travelling import TravelKeys
from tui.text import clean, clean_lines
from tui.travel import Answer
from tui.trouble import Trouble
from tui.widgets.comparison import Trip

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

READING_S = 20.0
"""How long there is to read what became of a strategy that was read again."""


class WhatIfKeys(TravelKeys):
    """The methods `action_<id>` of the deck for branches, breakpoints, notes and the session's file."""

    def action_breakpoints(self) -> None:
        """Show the breakpoints."""
        deck = self.travelling()
        if deck is not None:
            deck.app.push_screen(BreakpointsScreen(deck))

    def action_notes(self) -> None:
        """Ask for a note on this step, over the list of notes."""
        deck = self.travelling()
        if deck is not None and deck.session.frame is not None and deck.session.frame.step >= 0:
            deck.app.push_screen(NotesScreen(deck), self._to_note)

    def _to_note(self, step: int | None) -> None:
        if step is not None:
            self.seek(str(step))

    def action_parameters(self) -> None:
        """Ask for other parameters."""
        deck = self.travelling()
        if deck is None:
            return
        if deck.session.params:
            deck.app.push_screen(ParamsScreen(deck), self.tell)
        else:
            deck.notify("this strategy has no parameters", markup=False)

    def action_reload(self) -> None:
        """Read the strategy's file again."""
        deck = self.travelling()
        if deck is not None:
            self.ask(Reload(deck.deck_app.next_id()), self._reloaded)

    def _reloaded(self, answer: Answer) -> None:
        deck = cast("DeckScreen", self)
        if isinstance(answer, Reply) and deck.session.frame is not None:
            told = clean_lines(answer.text, 300, 8)
            told = told if answer.ok else f"{told}\nthe strategy of before flies on"
            deck.notify(told, severity="information" if answer.ok else "error", timeout=READING_S, markup=False)
            level = "info" if answer.ok else "error"
            deck.hear(Events([], [], [LogLine(deck.session.frame.time, level, line) for line in reversed(told.splitlines())]))

    def action_branches(self) -> None:
        """Show the branches."""
        deck = self.travelling()
        if deck is not None:
            deck.app.push_screen(BranchesScreen(deck), self._compared)

    def _compared(self, report: BranchReport | None) -> None:
        deck = cast("DeckScreen", self)
        if report is not None:
            deck.app.push_screen(CompareScreen(deck.session, report), self._to_trip)

    def _to_trip(self, trip: Trip | None) -> None:
        deck = cast("DeckScreen", self)
        if trip is None or deck.session.travels is None:
            return
        if trip.branch != deck.session.travels.branch:
            self.ask(SwitchBranch(deck.deck_app.next_id(), trip.branch), self.toast)
        self.go_and_explain(str(trip.row.exit_step), trip.row.coin)

    def action_save(self) -> None:
        """Ask where to save the session."""
        deck = self.travelling()
        if deck is not None:
            deck.app.push_screen(SaveScreen(deck), self.tell)

    def action_take_up(self) -> None:
        """Open the session that was left unsaved, where it was left."""
        deck = self.travelling()
        if deck is None or deck.session.travels is None:
            return
        if deck.session.travels.unsaved_path:
            deck.deck_app.take_up(deck.session.travels.unsaved_path)
        else:
            deck.notify("no session was left unsaved here", markup=False)

    def offer(self) -> list[Trouble]:
        """Return the line that offers what was left, as long as it has not been turned down."""
        deck = cast("DeckScreen", self)
        travels = deck.session.travels
        if travels is None or not travels.unsaved or deck.declined or deck.session.live:
            return []
        text = f"not saved last time: {clean(travels.unsaved, 120)}"
        return [Trouble("LEFT", text, "L takes it up · escape leaves it", "quiet")]
