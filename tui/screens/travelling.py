"""What the deck's keys do to a replay's time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from engine.host.protocol import AskWhy, Reply, RunUntil, Seek, StepBack, SwitchBranch, TravelCommand, Travels, WhyReport
from tui.arrange import TALL
from tui.screens.conditions import UntilScreen
from tui.screens.jump import JumpScreen
from tui.screens.modal import DeckModal
from tui.screens.why import WhyScreen
from tui.text import clean
from tui.travel import Answer, Place, step_of, why_not

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

PLACES = 20
"""Places that one can come back to."""


class TravelKeys:
    """The methods `action_<id>` of the deck for actions that travel in a replay's time."""

    def travelling(self) -> DeckScreen | None:
        """Return the deck, where time can be travelled in; else say why not."""
        deck = cast("DeckScreen", self)
        if deck.session.frame is None:
            return None
        if reason := why_not(deck.session):
            deck.notify(reason, markup=False)
            return None
        return deck

    def ask(self, command: TravelCommand, then: Callable[[Answer], None]) -> bool:
        """Send a command, and hand its answer on; False where there is no engine."""
        deck = cast("DeckScreen", self)
        if not deck.send(command):
            return False
        deck.questions.ask(getattr(command, "id", 0), then)
        return True

    def travel(self, travels: Travels) -> None:
        """Take in what the replay knows of its own time."""
        deck = cast("DeckScreen", self)
        playing = deck.session.frame is not None and deck.session.frame.playing
        deck.session.travels = travels
        for screen in deck.app.screen_stack:
            if isinstance(screen, DeckModal) and screen.is_mounted:
                screen.follow()
        deck.title_line.show(deck.stale, deck.gone is not None)
        deck.tell_trouble()
        if playing and travels.stopped_by:
            deck.notify(f"stopped by {clean(travels.stopped_by, 200)}", markup=False)

    # Back

    def _back(self, bars: int) -> None:
        deck = self.travelling()
        if deck is None or deck.session.frame is None:
            return
        count, deck.count = int(deck.count or bars), ""
        deck.show_transport()
        if deck.session.frame.step <= 0:
            deck.notify("this is the first step", markup=False)
        else:
            deck.send(StepBack(count))

    def action_back(self) -> None:
        """Step back one bar, or as many as typed."""
        self._back(1)

    def action_back_ten(self) -> None:
        """Step back ten bars, or as many as typed."""
        self._back(10)

    def action_back_hundred(self) -> None:
        """Step back a hundred bars, or as many as typed."""
        self._back(100)

    def action_first(self) -> None:
        """Go back to the first step."""
        self.seek("0")

    def action_edge(self) -> None:
        """Go as far as this branch was flown."""
        deck = self.travelling()
        if deck is None or deck.session.frame is None:
            return
        if deck.session.frame.step < deck.session.head:
            self.seek(str(deck.session.head))
        else:
            deck.notify("this is the live edge of this branch: what comes next has not been flown", markup=False)

    # To a place

    def seek(self, to: str) -> None:
        """Go to a place in time; where there is none such, it is told."""
        deck = self.travelling()
        if deck is not None:
            self.ask(Seek(deck.deck_app.next_id(), to), self.toast_if_not)

    def toast_if_not(self, answer: Answer) -> None:
        """Tell an answer that is a no."""
        if isinstance(answer, Reply) and not answer.ok:
            self.toast(answer)

    def toast(self, answer: Answer) -> None:
        """Tell an answer."""
        if isinstance(answer, Reply):
            deck = cast("DeckScreen", self)
            deck.notify(clean(answer.text, 300), severity="information" if answer.ok else "warning", markup=False)

    def tell(self, text: str | None) -> None:
        """Tell what a form came to, if to anything."""
        if text:
            cast("DeckScreen", self).notify(text, markup=False)

    def action_jump(self) -> None:
        """Ask where to jump to."""
        deck = self.travelling()
        if deck is not None:
            deck.app.push_screen(JumpScreen(deck))

    def action_until(self) -> None:
        """Ask for a condition, and run to it."""
        self._until(back=False)

    def action_until_back(self) -> None:
        """Ask for a condition, and go back to it."""
        self._until(back=True)

    def _until(self, *, back: bool) -> None:
        deck = self.travelling()
        if deck is None:
            return
        screen = UntilScreen(deck, deck.condition, back=back)

        def left(text: str | None) -> None:
            deck.condition = screen.typed
            self.tell(text)

        deck.app.push_screen(screen, left)

    def _to(self, text: str, *, back: bool) -> None:
        """Go on, or back, to what happens next to the coin on the chart."""
        deck = self.travelling()
        if deck is not None:
            self.ask(RunUntil(deck.deck_app.next_id(), text, deck.session.coin, back), self.toast)

    def action_next_fill(self) -> None:
        """Run to the next fill of the coin on the chart."""
        self._to("filled", back=False)

    def action_previous_fill(self) -> None:
        """Go back to the last fill of the coin on the chart."""
        self._to("filled", back=True)

    def action_next_signal(self) -> None:
        """Run to the next signal for the coin on the chart."""
        self._to("signal", back=False)

    def action_previous_signal(self) -> None:
        """Go back to the last signal for the coin on the chart."""
        self._to("signal", back=True)

    def action_next_trade(self) -> None:
        """Run to where the next trade of the coin on the chart ends."""
        self._to("closed", back=False)

    def action_previous_trade(self) -> None:
        """Go back to where the last trade of the coin on the chart ended."""
        self._to("closed", back=True)

    # Why

    def action_why(self) -> None:
        """Tell why the step under the cursor went as it did; once more puts that away."""
        deck = self.travelling()
        if deck is not None and deck.tab == "why":
            deck.show_tab(deck.tab_before)
        elif deck is not None:
            self._open_why(deck)

    def _open_why(self, deck: DeckScreen) -> None:
        if deck.app.size.height >= TALL and "why" in deck.board.plan.tabs:
            deck.show_tab("why")
        elif not isinstance(deck.app.screen, WhyScreen):
            deck.app.push_screen(WhyScreen(deck), self._left_why)
        self.follow_why()

    def _left_why(self, nothing: None) -> None:
        self.come_back()

    def follow_why(self) -> None:
        """Ask why of the step under the cursor, where that is looked at and time stands still; one question at a time."""
        deck = cast("DeckScreen", self)
        frame, travels = deck.session.frame, deck.session.travels
        seen = deck.tab == "why" or isinstance(deck.app.screen, WhyScreen)
        if not seen or frame is None or travels is None or frame.playing or frame.step < 0:
            return
        wanted = (travels.branch, frame.step, frame.n_orders)
        if deck.explained != wanted and not deck.explaining:
            deck.explained = wanted
            deck.explaining = self.ask(AskWhy(deck.deck_app.next_id()), self._explained)

    def _explained(self, answer: Answer) -> None:
        deck = cast("DeckScreen", self)
        deck.explaining = False
        if isinstance(answer, WhyReport):
            deck.session.why = answer
        elif isinstance(answer, Reply):
            deck.session.why = WhyReport(answer.id, -1, 0, answer.text.splitlines())
        deck.why.tell()
        if isinstance(deck.app.screen, WhyScreen):
            deck.app.screen.follow()
        self.follow_why()

    def go_and_explain(self, to: str, coin: str = "") -> None:
        """Go to where something happened, and tell why; escape comes back to where one was."""
        deck = self.travelling()
        if deck is None or deck.session.frame is None or deck.session.travels is None:
            return
        here = Place(deck.session.travels.branch, deck.session.frame.step, deck.tab)

        def there(answer: Answer) -> None:
            self.toast_if_not(answer)
            if isinstance(answer, Reply) and answer.ok:
                deck.way = [*deck.way, here][-PLACES:]
                self._open_why(deck)

        self.ask(Seek(deck.deck_app.next_id(), to), there)
        if coin in deck.session.infos:
            deck.watch_coin(coin)

    def explain_row(self, row: object) -> bool:
        """Go to where what a row tells of happened; False where the row tells of no step, or time is not travelled in."""
        deck = cast("DeckScreen", self)
        frame = deck.session.frame
        step = step_of(row, frame) if frame is not None and not why_not(deck.session) else None
        if step is not None:
            self.go_and_explain(str(step), getattr(row, "coin", ""))
        return step is not None

    def action_leave(self) -> None:
        """Come back to where one was before a why; where there is no such place, the watchlist gets the keys."""
        deck = cast("DeckScreen", self)
        if not deck.count and self.come_back():
            return
        if not deck.count and deck.offer():
            deck.declined = True
            deck.tell_trouble()
        deck.action_watch()

    def come_back(self) -> bool:
        """Go back to the place and the tab one came from; False where there is none."""
        deck = cast("DeckScreen", self)
        if deck.way and deck.session.travels is not None:
            place = deck.way.pop()
            if place.branch != deck.session.travels.branch:
                self.ask(SwitchBranch(deck.deck_app.next_id(), place.branch), self.toast_if_not)
            self.seek(str(max(place.step, 0)))
            if place.tab != deck.tab:
                deck.show_tab(place.tab)
            return True
        if deck.tab == "why":
            deck.show_tab(deck.tab_before)
            return True
        return False
