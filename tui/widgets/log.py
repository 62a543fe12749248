"""The log: what the host has to say, and what a strategy prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import ClassVar, NamedTuple

from rich.cells import chop_cells

from engine.host.protocol import LogLine
from tui.text import LONGEST, clean, moment
from tui.widgets.lines import Line, Span
from tui.widgets.table import Column, Table

TONES = {"warning": "warn", "error": "down"}


class Piece(NamedTuple):
    """What of an entry stands in one row: the `n`th part of its text."""

    entry: LogLine
    n: int
    text: str


@lru_cache(maxsize=4096)
def _broken(text: str, room: int) -> list[str]:
    text = clean(text)
    return (textwrap.wrap(text, room) if text.isascii() else chop_cells(text, room)) or [""]


class Log(Table[Piece]):
    """Entries, the newest on top, with their market time; what is longer than a row goes on in the next."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", "", 11, drop=2),
        Column("level", "", 7, drop=1),
        Column("text", "", 10, flex=True),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("nothing to report",)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: Sequence[LogLine] = ()
        self._room = LONGEST

    def tell(self, entries: Sequence[LogLine]) -> None:
        """Draw these entries from now on."""
        self._entries = entries
        self.show(list(self._pieces()))

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the rows in sight, broken anew where the width has changed."""
        room = self.fitted(width)[-1].width
        if room != self._room:
            self._room = room
            self.rows = list(self._pieces())
            self._follow()
        return super().lines(width, height)

    def _pieces(self) -> Iterator[Piece]:
        for entry in self._entries:
            for n, text in enumerate(_broken(entry.text, self._room)):
                yield Piece(entry, n, text)

    def key(self, row: Piece) -> object:
        """Return what tells this row from the others."""
        return (id(row.entry), row.n)

    def cell(self, row: Piece, name: str) -> Span:
        """Return a cell of a row; only the first of an entry has its time and level."""
        entry = row.entry
        if name == "time":
            return (moment(entry.time, "%m-%d %H:%M") if entry.time and not row.n else "", "faint")
        if name == "level":
            return ("" if row.n else entry.level, TONES.get(entry.level, "dim"))
        return (row.text, TONES.get(entry.level, ""))
