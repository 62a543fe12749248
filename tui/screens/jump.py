"""The field that jumps: to a step, a time, or so much on or back."""

from __future__ import annotations

from collections.abc import Iterator

from textual.widget import Widget
from textual.widgets import Input

from engine.host.protocol import Seek, TravelCommand
from tui.screens.ask import AskScreen
from tui.text import moment


class JumpScreen(AskScreen):
    """Asks where to; a place that cannot be meant leaves it open."""

    KEYS = "enter jumps · escape closes"
    AUTO_FOCUS = "#to"

    def heading(self) -> str:
        """Return the title."""
        return "Jump"

    def about(self) -> str:
        """Return where one is, and how far there is to go."""
        session = self.deck.session
        hello, frame = session.hello, session.frame
        if hello is None or frame is None:
            return ""
        at = f"at step {frame.step:,} of 0 to {hello.steps - 1:,}, {moment(frame.time)} UTC"
        return f"{at}\nthe recording is from {moment(hello.start)} to {moment(hello.end)}"

    def form(self) -> Iterator[tuple[str, Widget]]:
        """Yield the one field."""
        yield "to", Input(id="to", max_length=40, placeholder="5000 · 2025-06-14 12:31 · +100 · -2h")

    def command(self, number: int) -> TravelCommand | None:
        """Return the jump."""
        to = self.text_of("to")
        if not to:
            self.say("type a step (5000), a time (2025-06-14 12:31), bars (+100) or a span (-2h; s m h d w)", "$dim")
            return None
        return Seek(number, to)
