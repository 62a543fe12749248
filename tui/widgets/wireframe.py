"""The wireframe: the rules between the panels, with their titles and the hints at the bottom."""

from __future__ import annotations

from tui.arrange import Plan
from tui.text import fit
from tui.widgets.lines import Line, Lines, Span

_NORTH, _EAST, _SOUTH, _WEST = 1, 2, 4, 8
_JOINTS = {
    0: " ",
    _EAST | _WEST: "─",
    _NORTH | _SOUTH: "│",
    _EAST | _SOUTH: "┌",
    _WEST | _SOUTH: "┐",
    _EAST | _NORTH: "└",
    _WEST | _NORTH: "┘",
    _NORTH | _SOUTH | _EAST: "├",
    _NORTH | _SOUTH | _WEST: "┤",
    _EAST | _WEST | _SOUTH: "┬",
    _EAST | _WEST | _NORTH: "┴",
    _NORTH | _EAST | _SOUTH | _WEST: "┼",
    _NORTH: "│",
    _SOUTH: "│",
    _EAST: "─",
    _WEST: "─",
}
_DOUBLE = str.maketrans("─│┌┐└┘├┤┬┴┼", "═║╔╗╚╝╠╣╦╩╬")


def tone_of(live: bool) -> str:
    """Return the style of the rules, of which those where money is real are not to be taken for others."""
    return "live" if live else "rule"


def joints(plan: Plan, live: bool = False) -> list[str]:
    """Return the plan's rules as rows of box characters that join where they meet; where money is real they are double."""
    width, height = plan.size
    canvas = [[0] * width for _ in range(height)]
    for y, first, last in plan.across:
        for x in range(first, last + 1):
            canvas[y][x] |= (_WEST if x > first else 0) | (_EAST if x < last else 0)
    for x, first, last in plan.down:
        for y in range(first, last + 1):
            canvas[y][x] |= (_NORTH if y > first else 0) | (_SOUTH if y < last else 0)
    rows = ["".join(_JOINTS[cell] for cell in row) for row in canvas]
    return [row.translate(_DOUBLE) for row in rows] if live else rows


class Wireframe(Lines):
    """Lies under the panels and draws what is between them; the panel that has the keys shows it in its title."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._plan = Plan((0, 0), "")
        self._titles: dict[str, str] = {}
        self._focus = ""
        self._live = False
        self._hints = ""

    def show(self, plan: Plan, titles: dict[str, str], focus: str, hints: str, *, live: bool = False) -> None:
        """Draw this plan; `focus` is the panel whose title is lit, `hints` goes into the last rule, `live` is real money."""
        self._plan, self._titles, self._focus, self._hints, self._live = plan, titles, focus, hints, live
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the rules, cut where a title stands in them."""
        plan = self._plan
        if plan.size != (width, height):
            return []
        rows = joints(plan, self._live)
        inserts: dict[int, list[tuple[int, str, str]]] = {}
        for panel, x, y in plan.titles:
            region = plan.regions.get(panel)
            text = self._titles.get(panel, panel.capitalize())
            if region and region.width > 6:
                text = f" {fit(text, min(len(text), region.width - 4))} "
                inserts.setdefault(y, []).append((x + 1, text, "accent strong" if panel == self._focus else "dim"))
        if plan.across and self._hints:
            text = f" {self._hints} "
            if len(text) + 6 <= width:
                inserts.setdefault(height - 1, []).append((2, text, "dim"))
        return [self._cut(row, sorted(inserts.get(y, []))) for y, row in enumerate(rows)]

    def _cut(self, row: str, inserts: list[tuple[int, str, str]]) -> Line:
        spans: list[Span] = []
        x = 0
        for at, text, style in inserts:
            spans += [(row[x:at], tone_of(self._live)), (text, style)]
            x = at + len(text)
        spans.append((row[x:], tone_of(self._live)))
        return tuple(spans)
