"""Table: rows under a header with a cursor, drawn only as far as they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.message import Message

from tui.text import Align, fit
from tui.widgets.lines import Line, Lines, Span

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of fixed width; one with `flex` takes what is left, the highest `drop` goes first where room is short."""

    name: str
    title: str
    width: int
    align: Align = "left"
    flex: bool = False
    drop: int = 0


class Table(Lines, Generic[Row], can_focus=True):
    """A table of rows, newest or first on top. Subclasses name their columns and say what a cell holds.

    `rows` is kept, not copied, and only the rows in sight are looked at. The cursor stays with its row, told by `key`, when
    rows come or go above it; at the top it stays at the top.
    """

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    EMPTY: ClassVar[tuple[str, ...]] = ()
    POINTER: ClassVar[bool] = True

    class Pointed(Message):
        """The cursor went to another row by hand."""

        def __init__(self, table: Table[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> Table[Any]:
            """The table it happened in."""
            return self.table

    class Chosen(Pointed):
        """The row under the cursor was clicked a second time."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.rows: Sequence[Row] = ()
        self.cursor = 0
        self._top = 0
        self._key: object = None
        self._fitted: tuple[int, tuple[Column, ...]] = (-1, ())

    def cell(self, row: Row, name: str) -> Span:
        """Return text and style of one cell."""
        return ("", "")

    def key(self, row: Row) -> object:
        """Return what tells this row from the others."""
        return id(row)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns to choose from, left to right."""
        return self.COLUMNS

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(self, rows: Sequence[Row]) -> None:
        """Draw these rows from now on."""
        self.rows = rows
        self._follow()
        self.redraw()

    def _follow(self) -> None:
        if self.cursor and self._key is not None:
            found = next((n for n, row in enumerate(self.rows) if self.key(row) == self._key), None)
            if found is not None:
                self._top += found - self.cursor
                self.cursor = found
        self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        self._key = self.key(self.rows[self.cursor]) if self.rows else None

    def point(self, index: int) -> None:
        """Move the cursor to a row and into sight."""
        index = max(0, min(index, len(self.rows) - 1))
        moved = index != self.cursor
        self.cursor = index
        self._key = self.key(self.rows[index]) if self.rows else None
        page = self._page
        if index < self._top:
            self._top = index
        elif index >= self._top + page:
            self._top = index - page + 1
        self.redraw()
        if moved:
            self.post_message(self.Pointed(self))

    def move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self.point(self.cursor + by)

    @property
    def _page(self) -> int:
        return max(1, self.size.height - self._header)

    @property
    def _header(self) -> int:
        return 1 if self.COLUMNS and any(column.title for column in self.columns()) else 0

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the header and the rows in sight, or what to do where there are none."""
        columns = self.fitted(width)
        lines: list[Line] = []
        if self._header:
            lines.append(self._line([(fit(c.title, c.width, c.align), "dim") for c in columns], "", 0))
        if not self.rows:
            return lines + [((f" {text}", "dim" if n == 0 else "faint"),) for n, text in enumerate(self.EMPTY)]
        page = max(1, height - len(lines))
        self._top = max(0, min(self._top, len(self.rows) - page))
        rest = width - 1 - sum(c.width + 1 for c in columns)
        cursor = ("row-focus" if self.has_focus else "row") if self.POINTER else ""
        for n, row in enumerate(islice(self.rows, self._top, self._top + page), self._top):
            cells = [self.cell(row, column.name) for column in columns]
            fitted = [(fit(text, c.width, c.align), style) for (text, style), c in zip(cells, columns, strict=True)]
            lines.append(self._line(fitted, cursor if n == self.cursor else "", rest))
        return lines

    def _line(self, cells: list[Span], row: str, rest: int) -> Line:
        gap = (" ", row)
        line: list[Span] = [gap]
        for text, style in cells:
            # the cursor's row first: a badge stays one under it
            line.append((text, f"{row} {style}" if style and row else style or row))
            line.append(gap)
        if row and rest > 0:
            line.append((" " * rest, row))
        return tuple(line)

    def fitted(self, width: int) -> tuple[Column, ...]:
        """Return the columns that fit into `width` cells, the flexible one stretched to fill it."""
        if self._fitted[0] == width:
            return self._fitted[1]
        columns = list(self.columns())
        while len(columns) > 1 and sum(c.width + 1 for c in columns) + 1 > width:
            worst = max(columns, key=lambda c: c.drop)
            columns.remove(worst)
        spare = width - 1 - sum(c.width + 1 for c in columns)
        flexible = next((n for n, c in enumerate(columns) if c.flex), None)
        if flexible is not None and spare > 0:
            c = columns[flexible]
            columns[flexible] = Column(c.name, c.title, c.width + spare, c.align, True, c.drop)
        self._fitted = (width, tuple(columns))
        return self._fitted[1]

    def forget_columns(self) -> None:
        """Fit the columns anew at the next drawing, where `columns` says something else than before."""
        self._fitted = (-1, ())

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show the cursor as the one the keys move, or as one at rest."""
        super().watch_has_focus(has_focus)
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Point at the row clicked; choose it where it is pointed at already."""
        index = self._top + event.y - self._header
        if event.y - self._header >= 0 and index < len(self.rows):
            again = index == self.cursor
            self.point(index)
            if again:
                self.post_message(self.Chosen(self))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll three rows towards the end."""
        self._scroll(3, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll three rows towards the top."""
        self._scroll(-3, event)

    def _scroll(self, by: int, event: events.MouseEvent) -> None:
        event.stop()
        self._top = max(0, min(self._top + by, len(self.rows) - self._page))
        self.redraw()
