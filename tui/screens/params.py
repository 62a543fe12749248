"""The strategy's parameters as a form: other values from the next step on."""

from __future__ import annotations

from collections.abc import Iterator

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from engine.host.protocol import SetParameters, TravelCommand
from tui.screens.ask import AskScreen
from tui.text import clean


class ParamsScreen(AskScreen):
    """Only what was changed is set; behind the head that makes another branch, which is told before."""

    KEYS = "enter sets them · tab next field · escape closes"
    AUTO_FOCUS = "Input"

    def heading(self) -> str:
        """Return whose parameters they are."""
        travels = self.deck.session.travels
        return f"Parameters of {clean(travels.strategy, 60)}" if travels is not None else "Parameters"

    def about(self) -> str:
        """Return from when they hold, and what becomes of what lies ahead."""
        session = self.deck.session
        frame, travels = session.frame, session.travels
        if frame is None or travels is None:
            return ""
        behind = session.head - frame.step
        if not behind:
            return f"in force from step {frame.step + 1:,} on"
        ahead = f"{behind:,} steps ahead are" if behind > 1 else "the step ahead is"
        return f"in force from step {frame.step + 1:,} on, on a new branch: {ahead} kept on {clean(travels.branch, 60)}"

    def form(self) -> Iterator[tuple[str, Widget]]:
        """Yield a field for each parameter."""
        for n, its in enumerate(self.deck.session.params):
            yield clean(its.name, 30), Input(its.value, id=f"param-{n}", max_length=60, placeholder=clean(its.type, 30))

    @on(Input.Changed)
    def _changed(self) -> None:
        self.say("  ".join(f"{name}: {value}" for name, value in self._values().items()), "$accent")

    def _values(self) -> dict[str, str]:
        typed = {its.name: self.text_of(f"param-{n}") for n, its in enumerate(self.deck.session.params)}
        return {its.name: typed[its.name] for its in self.deck.session.params if typed[its.name] != its.value}

    def command(self, number: int) -> TravelCommand | None:
        """Return what was changed."""
        values = self._values()
        if not values:
            self.say("nothing is changed yet", "$dim")
            return None
        return SetParameters(number, values)
