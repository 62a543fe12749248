"""The banner: a line across the deck for each thing that must not be missed."""

from __future__ import annotations

from tui.text import fit
from tui.trouble import Trouble
from tui.widgets.lines import Line, Lines


class Banner(Lines):
    """A line for each trouble in the colour of its weight, with a word in front and what can be done at its end.

    Where there is no room for all, the last line that there is tells how many more there are.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._troubles: list[Trouble] = []

    def show(self, troubles: list[Trouble]) -> None:
        """Draw these, the most dangerous on top."""
        self._troubles = troubles
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return a line for each; the remedy stays in sight where the text is cut."""
        hidden = len(self._troubles) - height
        lines: list[Line] = []
        for n, trouble in enumerate(self._troubles[:height], 1):
            word = f"{trouble.word} +{hidden}" if n == height and hidden > 0 else trouble.word
            remedy = f"  {trouble.remedy} " if trouble.remedy and len(trouble.remedy) + len(word) + 20 < width else ""
            room = width - len(word) - len(remedy) - 3
            lines.append(((f" {word}  {fit(trouble.text, room)}{remedy}", trouble.style),))
        return lines
