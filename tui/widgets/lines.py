"""Lines: the base of everything on the deck that moves, drawn line by line and repainted only where it changed."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.text import clean
from tui.theme import looks

Span = tuple[str, str]
"""A run of text and its style: words of `tui.theme.looks` joined by spaces, or "" for plain text."""

Line = tuple[Span, ...]


class Lines(Widget):
    """A widget of text lines: `lines` says what they are, `redraw` compares with what is drawn and repaints what differs.

    A line that did not change keeps its Strip, and with it all that Textual caches on a Strip. All text passes `clean` on its
    way, so nothing from outside can reach the terminal as a control sequence.
    """

    class Pressed(Message):
        """A part that does something was clicked; `action` is the id of an action."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    DEFAULT_CSS = "Lines { height: 1fr; background: $background; color: $foreground; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._strips: list[Strip | None] = []
        self._drawn_width = 0
        self._looks: dict[str, Style] = {}

    def lines(self, width: int, height: int) -> list[Line]:
        """Return what to draw in `width` x `height` cells, top to bottom; missing lines are blank, excess ones are cut."""
        return []

    def redraw(self) -> None:
        """Work out the lines and repaint those that differ from what is drawn."""
        width, height = self.size
        if not width or not height:
            return
        new = self.lines(width, height)[:height]
        old = self._lines
        self._lines = new
        if width != self._drawn_width or len(new) != len(old):
            self._drawn_width = width
            self._strips = [None] * len(new)
            self.refresh()
            return
        regions: list[Region] = []
        for y, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                self._strips[y] = None
                if regions and regions[-1].bottom == y:
                    regions[-1] = Region(0, regions[-1].y, width, y + 1 - regions[-1].y)
                else:
                    regions.append(Region(0, y, width, 1))
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Return the strip of line `y`, made once for each content it has."""
        width = self.size.width
        if y >= len(self._lines) or width != self._drawn_width:
            return Strip.blank(width, self._looks.get("") or self._look(""))
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._strip(self._lines[y], width)
        return strip

    def _strip(self, line: Line, width: int) -> Strip:
        whole = "".join([text for text, _ in line])
        x = len(whole)
        if x > width or not whole.isprintable() or cell_len(whole) != x:
            line, x = _cut(line, width)
        looks_like = self._looks
        segments = [Segment(text, looks_like.get(style) or self._look(style)) for text, style in line if text]
        if x < width:
            segments.append(Segment(" " * (width - x), looks_like.get("") or self._look("")))
        return Strip(segments, width)

    def _look(self, style: str) -> Style:
        known = looks(self.app.theme_variables)
        look = self._looks[style] = sum((known[name] for name in style.split()), self.rich_style)
        return look

    def notify_style_update(self) -> None:
        """Forget colours and strips when the theme or a pseudo class changes them."""
        super().notify_style_update()
        self._looks.clear()
        self._strips = [None] * len(self._lines)

    def on_resize(self, event: events.Resize) -> None:
        """Draw anew for the new size."""
        self.redraw()


def _cut(line: Line, width: int) -> tuple[Line, int]:
    spans: list[Span] = []
    x = 0
    for text, style in line:
        text = clean(text)
        size = cell_len(text)
        if x + size > width:
            size = width - x
            text = set_cell_size(text, size)
        spans.append((text, style))
        x += size
    return tuple(spans), x
