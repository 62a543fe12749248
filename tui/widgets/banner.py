"""The banner: one line across the deck for what must not be missed."""

from __future__ import annotations

from tui.text import fit
from tui.widgets.lines import Line, Lines


class Banner(Lines):
    """A line in the colour of its weight, with a word in front and what can be done at its end."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._word = self._text = self._remedy = ""
        self._style = "badge-live"

    def show(self, word: str, text: str, remedy: str, style: str) -> None:
        """Draw this message; `style` is a badge style of `Lines`."""
        self._word, self._text, self._remedy, self._style = word, text, remedy, style
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the one line there is; the remedy stays in sight where the text is cut."""
        remedy = f"  {self._remedy} " if self._remedy and len(self._remedy) + len(self._word) + 20 < width else ""
        room = width - len(self._word) - len(remedy) - 3
        return [((f" {self._word}  {fit(self._text, room)}{remedy}", self._style),)]
