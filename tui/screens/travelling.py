"""What the deck's keys do to a replay's time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from engine.host.protocol import Reply, RunUntil, Seek, StepBack, TravelCommand
from tui.screens.conditions import UntilScreen
from tui.screens.jump import JumpScreen
from tui.text import clean
from tui.travel import Answer, why_not

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen


class TravelKeys:
    """The methods `action_<id>` of the deck for actions that travel in a replay's time."""

    def _travelling(self) -> DeckScreen | None:
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

    # Back

    def _back(self, bars: int) -> None:
        deck = self._travelling()
        if deck is None or deck.session.frame is None:
            return
        count, deck.count = int(deck.count or bars), ""
        deck.show_transport()
        if deck.session.frame.step <= 1:
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
        self.seek("1")

    # To a place

    def seek(self, to: str) -> None:
        """Go to a place in time; where there is none such, it is told."""
        deck = self._travelling()
        if deck is not None:
            self.ask(Seek(deck.deck_app.next_id(), to), self._toast_if_not)

    def _toast_if_not(self, answer: Answer) -> None:
        if isinstance(answer, Reply) and not answer.ok:
            self._toast(answer)

    def _toast(self, answer: Answer) -> None:
        if isinstance(answer, Reply):
            deck = cast("DeckScreen", self)
            deck.notify(clean(answer.text, 300), severity="information" if answer.ok else "warning", markup=False)

    def _tell(self, text: str | None) -> None:
        if text:
            cast("DeckScreen", self).notify(text, markup=False)

    def action_jump(self) -> None:
        """Ask where to jump to."""
        deck = self._travelling()
        if deck is not None:
            deck.app.push_screen(JumpScreen(deck))

    def action_until(self) -> None:
        """Ask for a condition, and run to it."""
        self._until(back=False)

    def action_until_back(self) -> None:
        """Ask for a condition, and go back to it."""
        self._until(back=True)

    def _until(self, *, back: bool) -> None:
        deck = self._travelling()
        if deck is None:
            return
        screen = UntilScreen(deck, deck.condition, back=back)

        def left(text: str | None) -> None:
            deck.condition = screen.typed
            self._tell(text)

        deck.app.push_screen(screen, left)

    def _to(self, text: str, *, back: bool) -> None:
        """Go on, or back, to what happens next to the coin on the chart."""
        deck = self._travelling()
        if deck is not None:
            self.ask(RunUntil(deck.deck_app.next_id(), text, deck.session.coin, back), self._toast)

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
