"""A choice of a few words, for forms."""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message

from tui.text import clean
from tui.widgets.lines import Line, Lines, Span


class Choice(Lines, can_focus=True):
    """One of several options; left, right and space turn it, the first letter of an option takes it, so does a click.

    A letter typed again takes the next option that begins with it. It has at most `rows` lines.
    """

    DEFAULT_CSS = "Choice { height: auto; width: 1fr; }"
    BINDINGS = [
        Binding("right,space", "turn(1)", "Next", show=False),
        Binding("left", "turn(-1)", "Previous", show=False),
    ]

    class Changed(Message):
        """Another option was taken."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice:
            """The choice it happened in."""
            return self.choice

    def __init__(
        self,
        options: tuple[str, ...],
        value: str,
        *,
        rows: int = 1,
        tones: dict[str, str] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.options = options
        self.value = value
        self._rows = rows
        self._tones = tones or {}
        self._zones: list[tuple[int, int, int, str]] = []

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines it takes."""
        return len(self.lines(width, self._rows))

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the options; where they do not all fit, only the one taken and which of how many it is."""
        self._zones = []
        lines: list[list[Span]] = [[]]
        x = 0
        for option in self.options:
            text = f" {clean(option, 24).replace('_', ' ')} "
            if x and x + len(text) > width:
                lines.append([])
                x = 0
            lines[-1] += [(text, self._taken(option) if option == self.value else "dim"), (" ", "")]
            self._zones.append((len(lines) - 1, x, x + len(text), option))
            x += len(text) + 1
        if len(lines) <= height and all(end <= width for _, _, end, _ in self._zones):
            return [tuple(line) for line in lines]
        self._zones = []
        text = f" {clean(self.value, 24)} "
        return [((text, self._taken(self.value)), (f"  {self._place + 1} of {len(self.options)}", "dim"))]

    @property
    def _place(self) -> int:
        return self.options.index(self.value) if self.value in self.options else 0

    def _taken(self, option: str) -> str:
        return (
            self._tones.get(option, "badge")
            if self.has_focus
            else f"{self._tones.get(option, 'accent').removeprefix('badge-')} strong"
        )

    def take(self, option: str) -> None:
        """Take this option and say so."""
        if option != self.value:
            self.value = option
            self.post_message(self.Changed(self))
        self.redraw()

    def action_turn(self, by: int) -> None:
        """Take the next or the previous option."""
        self.take(self.options[(self._place + by) % len(self.options)])

    def on_key(self, event: events.Key) -> None:
        """Take the option that begins with the letter typed."""
        letter = (event.character or "").lower()
        later = self.options[self._place + 1 :] + self.options[: self._place + 1]
        found = next((option for option in later if letter and option.lower().startswith(letter)), None)
        if found is not None:
            event.stop()
            self.take(found)

    def on_click(self, event: events.Click) -> None:
        """Take the option clicked, or the next where only one is in sight."""
        if not self._zones:
            self.action_turn(1)
        for y, start, end, option in self._zones:
            if y == event.y and start <= event.x < end:
                self.take(option)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Light the option taken, or dim it again."""
        super().watch_has_focus(has_focus)
        self.redraw()
