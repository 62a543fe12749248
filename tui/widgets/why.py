"""Why a step went as it did: what was read, decided, ordered and filled, and the account before and after."""

from __future__ import annotations

import textwrap
from typing import ClassVar, NamedTuple

from tui.session import Session
from tui.text import clean, moment
from tui.widgets.lines import Line, Span
from tui.widgets.table import Column, Table

_LAST = ("read", "market")
_TONES = {"buy": "up", "sell": "down", "close": "down"}


class Said(NamedTuple):
    """A row of the report: its place, its text as far as it fits, and its style."""

    n: int
    text: str
    style: str


class Why(Table[Said]):
    """The report on the step that was asked for last, its heads emphasised."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("text", "", 10, flex=True),)
    EMPTY: ClassVar[tuple[str, ...]] = ("the step just done is explained as soon as time stands still", "space stops it")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self._told = (-1, 0)

    def tell(self) -> None:
        """Draw the report there is; another step's begins at its top."""
        why = self.session.why
        told = (why.step if why is not None else -1, self.size.width)
        if told[0] != self._told[0]:
            self.cursor = self._top = 0
        self._told = told
        self.show(self._rows(max(20, self.size.width - 2)))

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the rows in sight, broken anew where the width has changed."""
        if width != self._told[1]:
            self._told = (self._told[0], width)
            self.rows = self._rows(max(20, width - 2))
        return super().lines(width, height)

    def _rows(self, room: int) -> list[Said]:
        why = self.session.why
        if why is None:
            return []
        head = f"step {why.step:,}  {moment(why.time, '%Y-%m-%d %H:%M:%S')} UTC" if why.time else ""
        rows = [Said(0, head, "strong")] if head else []
        for text in _arranged(why.lines[1:]) if head else why.lines:
            indent = len(text) - len(text.lstrip())
            style = "accent strong" if not indent and head else _tone(text) if indent == 2 else "dim"
            wrapped = textwrap.wrap(clean(text.lstrip()), max(8, room - indent - 2)) or [""]
            for k, part in enumerate(wrapped):
                rows.append(Said(len(rows), " " * (indent + 2 * (k > 0)) + part, style))
        return rows

    def key(self, row: Said) -> object:
        """Return the row's place."""
        return row.n

    def cell(self, row: Said, name: str) -> Span:
        """Return the row's text."""
        return (row.text, row.style)


def _arranged(lines: list[str]) -> list[str]:
    """Return what was decided and what came of it before what it was decided on, which may be long."""
    sections: list[list[str]] = []
    for line in lines:
        if not line.startswith(" ") or not sections:
            sections.append([])
        sections[-1].append(line)
    sections.sort(key=lambda section: _LAST.index(section[0]) + 1 if section[0] in _LAST else 0)
    return [line for section in sections for line in section]


def _tone(text: str) -> str:
    """Return the style of what was said of a coin or an order: its side's."""
    return next((_TONES[word.rstrip(":")] for word in text.split()[:3] if word.rstrip(":") in _TONES), "")
