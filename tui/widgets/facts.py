"""Facts: names and what there is to say of each, in two columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import NamedTuple

from textual.geometry import Size

from tui.text import clean, fit
from tui.widgets.lines import Line, Lines

NAMES = 14
"""Columns of the names."""
LONGEST = 400


class Fact(NamedTuple):
    """A name, what is said of it, and in what style of `Lines`."""

    name: str
    text: str
    style: str = ""


class Facts(Lines):
    """One fact under another; what is longer than a line goes on under itself."""

    DEFAULT_CSS = "Facts { height: auto; width: 1fr; background: $surface; }"

    def __init__(self, facts: Iterable[Fact] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._facts = list(facts)

    def show(self, facts: Iterable[Fact]) -> None:
        """Tell these from now on."""
        self._facts = list(facts)
        self.refresh(layout=True)
        self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines it takes."""
        return len(self.lines(width, 0))

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the lines, however many they are."""
        told: list[Line] = []
        for fact in self._facts:
            for n, text in enumerate(textwrap.wrap(clean(fact.text, LONGEST), max(8, width - NAMES)) or [""]):
                told.append(((fit("" if n else fact.name, NAMES), "dim"), (text, fact.style)))
        return told
