"""The tabs of the panels that share one place, set into the rule above it."""

from __future__ import annotations

from textual import events
from textual.message import Message

from tui.widgets.lines import Line, Lines, Span


class Tabs(Lines):
    """Names with counts; the shown one is lit. A click asks for another."""

    class Asked(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs: tuple[str, ...] = ()
        self._counts: dict[str, int] = {}
        self._shown = ""
        self._focused = False
        self._rule = self._tone = ""
        self._zones: list[tuple[int, int, str]] = []

    def show(self, tabs: tuple[str, ...], shown: str, counts: dict[str, int], *, focused: bool, rule: str, tone: str) -> None:
        """Draw these tabs over the wireframe's `rule`, of the widget's width and the style `tone`."""
        self._tabs, self._shown, self._counts, self._focused, self._rule = tabs, shown, counts, focused, rule
        self._tone = tone
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the one line there is."""
        spans: list[Span] = []
        self._zones = []
        x = 0
        for name in self._tabs:
            count = self._counts.get(name, 0)
            text = f" {name.capitalize()} {count:,} " if count else f" {name.capitalize()} "
            if x + 1 + len(text) > width:
                break
            spans.append((self._rule[x : x + 1] or "─", self._tone))
            lit = "accent strong" if self._focused else "strong"
            spans.append((text, lit if name == self._shown else "dim"))
            self._zones.append((x + 1, x + 1 + len(text), name))
            x += 1 + len(text)
        spans.append((self._rule[x:].ljust(width - x, "─"), self._tone))
        return [tuple(spans)]

    def on_click(self, event: events.Click) -> None:
        """Ask for the tab under the mouse."""
        for start, end, name in self._zones:
            if start <= event.x < end:
                self.post_message(self.Asked(name))
