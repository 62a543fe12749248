"""The course of a replay on the transport bar: what is behind, what was flown ahead, and what is marked on the way."""

from __future__ import annotations

from engine.host.protocol import Frame, Hello
from tui.feedline import Piece
from tui.session import Session
from tui.text import clean

STOP, NOTE, INPUT, PART = "◆", "▼", "•", "┬"
_MARKS = {STOP: "warn", NOTE: "accent strong", INPUT: "strong", PART: "line-3"}


def place_of(step: int, steps: int, size: int) -> int:
    """Return which of `size` cells a step is in, of so many in all."""
    return min(size - 1, int(max(step, 0) / steps * size)) if steps else 0


def step_at(cell: int, size: int, session: Session) -> int:
    """Return the step that a cell of the bar stands for; what has something marked on it stands for that."""
    hello = session.hello
    if hello is None or size < 1:
        return 0
    cell = min(max(cell, 0), size - 1)
    marked = [step for step in _marks(session) if place_of(step, hello.steps, size) == cell]
    return marked[-1] if marked else min(hello.steps - 1, int((cell + 0.5) / size * hello.steps))


def _marks(session: Session) -> dict[int, str]:
    """Return what is marked at which steps, what matters most last."""
    travels = session.travels
    if travels is None:
        return {}
    marks = {row.step: PART for row in travels.branches if row.name == travels.branch and row.parent and row.step >= 0}
    marks |= dict.fromkeys(travels.inputs, INPUT)
    marks |= dict.fromkeys(session.stopped_at, STOP)
    return marks | {its.step: NOTE for its in travels.bookmarks}


def course(hello: Hello, frame: Frame, session: Session, size: int) -> list[Piece]:
    """Return the bar in so many cells: behind the cursor bright, what was flown ahead double, the rest faint."""
    cursor, head = place_of(frame.step, hello.steps, size), place_of(session.head, hello.steps, size)
    cells = [
        ("━", "accent") if n < cursor else ("═", "dim") if n <= head and cursor < head else ("━", "faint") for n in range(size)
    ]
    for start, end in hello.gaps:
        for column in range(max(0, int(start * size)), min(size, max(int(start * size) + 1, round(end * size)))):
            cells[column] = ("░", cells[column][1])
    for step, mark in _marks(session).items():
        cells[place_of(step, hello.steps, size)] = (mark, _MARKS[mark])
    cells[cursor] = ("●", "strong")
    pieces: list[Piece] = []
    for cell, style in cells:
        if pieces and pieces[-1][1] == style:
            pieces[-1] = (pieces[-1][0] + cell, style, "course")
        else:
            pieces.append((cell, style, "course"))
    return pieces


def where(session: Session, room: int) -> list[Piece]:
    """Return on which branch one is, where it parts and whether at its end, and how many breakpoints are on, as far as fits."""
    travels, frame = session.travels, session.frame
    if travels is None or frame is None:
        return []
    told: list[Piece] = []
    on = sum(row.enabled for row in travels.breakpoints)
    if on:
        told.append((f" {STOP} {on} ", "warn", "breakpoints"))
    row = next((its for its in travels.branches if its.name == travels.branch), None)
    behind = session.head - frame.step
    if row is not None and (len(travels.branches) > 1 or behind):
        parts = f" {PART} {row.step:,}" if row.parent and row.step >= 0 else ""
        told.append((f" {clean(row.name, 24)}{parts} ", "line-3", "branches"))
        told.append((f" {behind:,} behind ", "dim", "edge") if behind else (" live edge ", "dim", ""))
    while told and sum(len(piece[0]) for piece in told) > room:
        told.pop()
    return told
