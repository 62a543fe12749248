"""Two equity curves on one chart, in two colours and two shapes."""

from __future__ import annotations

import math

from engine.host.protocol import BranchReport
from tui.drawing import Scale, braille, braille_line
from tui.text import clean, fit, fixed, moment
from tui.widgets.lines import Line, Lines, Span

AXIS = 12
ONE, OTHER = "line-2", "line-1"


class EquityCurves(Lines):
    """One branch's equity as a line, the other's as a dotted one; a bar stands where they part."""

    def __init__(self, report: BranchReport, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.report = report

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the legend, the curves with their scale, and the times."""
        report = self.report
        columns, rows = width - AXIS, height - 2
        if columns < 8 or rows < 2 or not report.times:
            return [((fit("no room for the curves, or nothing to draw", width), "dim"),)]
        scale = Scale()
        known = [value for value in (*report.equity_one, *report.equity_other) if math.isfinite(value)]
        if not known:
            return [((fit("no equity is known yet", width), "dim"),)]
        scale.cover(min(known), max(known))
        at = [min(len(report.times) - 1, column * len(report.times) // columns) for column in range(columns)]
        cells = [[(" ", "")] * columns for _ in range(rows)]
        parts = self._parts(columns)
        for row in range(rows) if parts is not None else ():
            cells[row][parts or 0] = ("┊", "warn")
        self._draw(cells, scale, [report.equity_other[n] for n in at], OTHER, 2)
        self._draw(cells, scale, [report.equity_one[n] for n in at], ONE, 1)
        labels = {rows - 1 - scale.place(value, rows): fixed(value, 2) for value in scale.ticks(rows)}
        picture = [(*_joined(row), (fit(labels.get(y, ""), AXIS, "right"), "dim")) for y, row in enumerate(cells)]
        return [self._legend(width), *picture, self._times(columns, parts)]

    def _draw(self, cells: list[list[Span]], scale: Scale, values: list[float], style: str, apart: int) -> None:
        course = [value if math.isfinite(value) else None for value in values]
        for (row, column), bits in braille_line(scale, len(cells), course).items():
            if column >= len(cells[0]) or column % apart:
                continue
            before, _ = cells[row][column]
            shared = ord(before) & 0xFF if "\u2800" <= before <= "\u28ff" else 0
            cells[row][column] = (braille(bits | shared), style)

    def _parts(self, columns: int) -> int | None:
        report = self.report
        return min(columns - 1, report.parts * columns // (report.until + 1)) if report.parts >= 0 else None

    def _legend(self, width: int) -> Line:
        report = self.report
        spans: list[Span] = []
        for sample, name, values, style in (
            ("⠤⠤⠤", report.one, report.equity_one, ONE),
            ("⠄ ⠄", report.other, report.equity_other, OTHER),
        ):
            spans += [(f" {sample} {clean(name, 24)} ", style), (f"{fixed(values[-1], 2)}  ", "strong")]
        if report.parts >= 0:
            spans.append((f"┊ they part at step {report.parts:,}", "warn"))
        else:
            spans.append(("they do not part", "dim"))
        return tuple(spans)

    def _times(self, columns: int, parts: int | None) -> Line:
        times = self.report.times
        form = "%Y-%m-%d" if times[-1] - times[0] > 3 * 86_400 * 10**9 else "%m-%d %H:%M"
        first, last = moment(times[0], form), moment(times[-1], form)
        return ((f"{first}{last:>{max(1, columns - len(first))}}", "dim"),)


def _joined(row: list[Span]) -> list[Span]:
    spans: list[Span] = []
    for text, style in row:
        if spans and spans[-1][1] == style:
            spans[-1] = (spans[-1][0] + text, style)
        else:
            spans.append((text, style))
    return spans
