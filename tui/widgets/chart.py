"""The candle chart: bars of one coin up to the cursor, with volume, overlays, fills, gaps, and both axes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

from textual import events
from textual.message import Message

from engine.host.protocol import Chart
from engine.model import INTERVALS, NS_PER_SECOND
from tui.drawing import Scale, bar_column, braille, braille_line, candle, time_step
from tui.session import Session
from tui.text import compact, fit, fixed, moment, span
from tui.widgets.features import LINES
from tui.widgets.lines import Line, Lines, Span

GAP_COLUMNS = 2
MARGIN = 1
"""Blank columns between the last bar and the price axis."""
_DAY = INTERVALS["1d"]
_MARKS = {"buy": ("▲", "up strong"), "sell": ("▼", "down strong")}


@dataclass(slots=True)
class _Plot:
    """Where things are in the picture: the size of its parts, and which bar stands in which column (None in a gap)."""

    columns: int
    axis: int
    head: int
    rows: int
    volume: int
    bars: list[int | None] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Blank columns before the first bar."""
        return self.columns - MARGIN - len(self.bars)


class CandleChart(Lines):
    """One column a bar, a precision of half a cell; the mouse over a bar tells its prices in the head line.

    Without colours a candle that rises is hollow, and the lines differ by how far their dots are apart.
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self._chart: Chart | None = None
        self._scale = Scale()
        self._coin = ""
        self._candles: dict[tuple[float, float, float, float], str] = {}
        self._candle_rows = 0
        self._plot = _Plot(0, 0, 0, 0, 0)
        self._hover: int | None = None

    def show(self, chart: Chart) -> None:
        """Draw these bars."""
        self._chart = chart
        if chart.coin != self._coin:
            self._coin = chart.coin
            self._scale = Scale()
            self._candles.clear()
        self.redraw()

    def bars_wanted(self) -> int:
        """Return how many bars the chart has room for."""
        return max(1, self.size.width - 8)

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the picture: head, price rows, volume rows, time axis; where there is no bar yet, what to do."""
        chart = self._chart
        if chart is None or not chart.time:
            text = "no bars yet" if chart is not None else "waiting for the first bars"
            blank: list[Line] = [()] * max(0, height // 2 - 1)
            hint = "→ steps, space plays" if not self.session.live else "one comes when its time is over"
            return [*blank, ((fit(text, width, "center"), "dim"),), ((fit(hint, width, "center"), "faint"),)]
        plot = self._plot = self._measure(chart, width, height)
        if plot.rows < 2 or plot.columns < 4:
            return [self._head(chart, width)]
        self._rescale(chart, plot)
        cells, styles = self._price_rows(chart, plot)
        labels = self._price_labels(chart, plot)
        picture = [(*_runs(cells[row], styles[row]), *labels.get(row, ((" " * plot.axis, ""),))) for row in range(plot.rows)]
        head = [self._head(chart, width)] + ([self._legend(chart, plot, width)] if plot.head > 1 else [])
        return [*head, *picture, *self._volume_rows(chart, plot), self._time_axis(chart, plot)][:height]

    def _measure(self, chart: Chart, width: int, height: int) -> _Plot:
        decimals = self._decimals(chart)
        axis = max(len(fixed(value, decimals)) for value in (chart.close[-1], max(chart.high[-width:]))) + 1
        bars = self._columns(chart, width - axis - MARGIN)
        head = 2 if height >= 11 and (chart.overlays or None in bars) else 1
        volume = 0 if height < 9 else 2 if height < 16 else 3 if height < 30 else 5
        return _Plot(width - axis, axis, head, height - head - volume - 1, volume, bars)

    def _columns(self, chart: Chart, room: int) -> list[int | None]:
        interval = self.session.interval
        newest_first: list[int | None] = []
        later = 0
        for n in range(len(chart.time) - 1, -1, -1):
            if len(newest_first) >= room:
                break
            if later and later - chart.time[n] > interval:
                newest_first += [None] * GAP_COLUMNS
            newest_first.append(n)
            later = chart.time[n]
        return newest_first[: max(0, room)][::-1]

    def _decimals(self, chart: Chart) -> int:
        return self.session.decimals(chart.coin, chart.close[-1])

    def _rescale(self, chart: Chart, plot: _Plot) -> None:
        seen = [n for n in plot.bars if n is not None]
        first, last = seen[0], seen[-1] + 1
        low, high = min(chart.low[first:last]), max(chart.high[first:last])
        room = (high - low) * 0.35
        for values in chart.overlays.values():
            for value in values[first:last]:
                if low - room <= value < low:
                    low, room = value, room - (low - value)
                elif high < value <= high + room:
                    high, room = value, room - (value - high)
        if self._scale.cover(low, high) or self._candle_rows != plot.rows or len(self._candles) > 5000:
            self._candles.clear()
            self._candle_rows = plot.rows

    def _price_rows(self, chart: Chart, plot: _Plot) -> tuple[list[list[str]], list[list[str]]]:
        blank = " " * plot.rows
        columns = [blank] * plot.left
        tones = [""] * plot.left
        for n in plot.bars:
            if n is None:
                columns.append("░" * plot.rows)
                tones.append("faint")
                continue
            bar = (chart.open[n], chart.high[n], chart.low[n], chart.close[n])
            drawn = self._candles.get(bar)
            if drawn is None:
                rises = bar[3] >= bar[0]
                drawn = self._candles[bar] = candle(self._scale, plot.rows, *bar, hollow=rises and self.app.no_color)
            columns.append(drawn)
            tones.append("up" if bar[3] >= bar[0] else "down")
        columns += [blank] * MARGIN
        tones += [""] * MARGIN
        cells = [list(row) for row in zip(*columns, strict=True)]
        styles = [list(tones) for _ in range(plot.rows)]
        self._last_price(chart, plot, cells, styles)
        self._overlays(chart, plot, cells, styles)
        self._marks(chart, plot, cells, styles)
        return cells, styles

    def _row(self, plot: _Plot, price: float) -> int:
        return plot.rows - 1 - self._scale.place(price, plot.rows)

    def _last_price(self, chart: Chart, plot: _Plot, cells: list[list[str]], styles: list[list[str]]) -> None:
        row = self._row(plot, chart.close[-1])
        for column, cell in enumerate(cells[row]):
            if cell == " ":
                cells[row][column] = "┈"
                styles[row][column] = "faint"

    def _overlays(self, chart: Chart, plot: _Plot, cells: list[list[str]], styles: list[list[str]]) -> None:
        left, width = plot.left, plot.columns
        for number, values in enumerate(chart.overlays.values()):
            style = LINES[number % len(LINES)]
            course = [None if n is None or not math.isfinite(values[n]) else values[n] for n in plot.bars]
            apart = self._apart(number)
            for (row, place), bits in braille_line(self._scale, plot.rows, course).items():
                if place % apart:
                    continue
                column = place + left
                cell = cells[row][column] if column < width else "┃"
                if cell in " ┈":
                    cells[row][column] = braille(bits)
                    styles[row][column] = style
                elif "\u2800" <= cell <= "\u28ff":
                    cells[row][column] = chr(ord(cell) | bits)

    def _apart(self, number: int) -> int:
        """Return how many columns a line's dots are apart: without colours that is what tells lines from each other."""
        return 1 + number % len(LINES) if self.app.no_color else 1

    def _marks(self, chart: Chart, plot: _Plot, cells: list[list[str]], styles: list[list[str]]) -> None:
        where = {n: plot.left + place for place, n in enumerate(plot.bars) if n is not None}
        for n, side, _price in chart.marks:
            column = where.get(n)
            if column is None or side not in _MARKS:
                continue
            if side == "buy":
                row = min(plot.rows - 1, self._row(plot, chart.low[n]) + 1)
            else:
                row = max(0, self._row(plot, chart.high[n]) - 1)
            cells[row][column], styles[row][column] = _MARKS[side]

    def _price_labels(self, chart: Chart, plot: _Plot) -> dict[int, tuple[Span, ...]]:
        decimals = self._decimals(chart)
        size = plot.axis - 1
        labels: dict[int, tuple[Span, ...]] = {}
        for value in self._scale.ticks(plot.rows):
            labels[self._row(plot, value)] = ((" ", ""), (fit(fixed(value, decimals), size, "right"), "dim"))
        last = chart.close[-1]
        style = "badge" if last == chart.open[-1] else "badge-up" if last > chart.open[-1] else "badge-down"
        live = self.session.feed_of(chart.coin)
        style = "badge-stale" if live is not None and live.stale else style
        labels[self._row(plot, last)] = ((" ", ""), (fit(fixed(last, decimals), size, "right"), style))
        return labels

    def _volume_rows(self, chart: Chart, plot: _Plot) -> list[Line]:
        if not plot.volume:
            return []
        most = max((chart.volume[n] for n in plot.bars if n is not None), default=0.0)
        columns = [" " * plot.volume] * plot.left
        styles = [""] * plot.left
        for n in plot.bars:
            if n is None:
                columns.append("░" * plot.volume)
                styles.append("faint")
            else:
                columns.append(bar_column(chart.volume[n] / most if most > 0 else 0.0, plot.volume))
                styles.append("volume-up" if chart.close[n] >= chart.open[n] else "volume-down")
        columns += [" " * plot.volume] * MARGIN
        styles += [""] * MARGIN
        top = (" ", ""), (fit(compact(most), plot.axis - 1, "right"), "faint")
        rows = zip(*columns, strict=True)
        return [(*_runs(list(row), styles), *(top if y == 0 else ())) for y, row in enumerate(rows)]

    def _time_axis(self, chart: Chart, plot: _Plot) -> Line:
        step = time_step(self.session.interval, 14)
        text = ""
        for place, n in enumerate(plot.bars):
            column = plot.left + place
            if n is None or chart.time[n] % step or column < len(text):
                continue
            label = moment(chart.time[n], "%d %b" if chart.time[n] % _DAY == 0 else "%H:%M")
            if column + len(label) < plot.columns:
                text = f"{text:<{column}}{label}  "
        return ((text, "dim"),)

    def _head(self, chart: Chart, width: int) -> Line:
        n = self._hovered(chart)
        last = len(chart.time) - 1 if n is None else n
        decimals = self._decimals(chart)
        tone = "up" if chart.close[last] >= chart.open[last] else "down"
        spans: list[Span] = [(" ", "")]
        if n is not None:
            spans.append((f"{moment(chart.time[n], '%m-%d %H:%M')}  ", "accent"))
        prices = (("O", chart.open), ("H", chart.high), ("L", chart.low), ("C", chart.close))
        for name, column in prices:
            spans += [(f"{name} ", "faint"), (f"{fixed(column[last], decimals)} ", tone)]
        spans += [("V ", "faint"), (compact(chart.volume[last]), "dim")]
        if sum(len(text) for text, _ in spans) > width:
            spans = spans[: 2 if n is not None else 1] + spans[-4:]
        return tuple(spans)

    def _hovered(self, chart: Chart) -> int | None:
        if self._hover is None or not 0 <= self._hover - self._plot.left < len(self._plot.bars):
            return None
        n = self._plot.bars[self._hover - self._plot.left]
        return n if n is not None and n < len(chart.time) else None

    def _legend(self, chart: Chart, plot: _Plot, width: int) -> Line:
        spans: list[Span] = [(" ", "")]
        for number, name in enumerate(chart.overlays):
            sample = "".join(" " if n % self._apart(number) else "⠤" for n in range(5 if self.app.no_color else 2))
            spans.append((f"{sample} {name}  ", LINES[number % len(LINES)]))
        seen = [n for n in plot.bars if n is not None]
        gaps = [
            (chart.time[before] + self.session.interval, chart.time[after])
            for before, after in pairwise(seen)
            if chart.time[after] - chart.time[before] > self.session.interval
        ]
        if gaps:
            start, end = gaps[-1]
            more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
            form = "%H:%M" if end - start < _DAY else "%m-%d"
            length = span((end - start) / NS_PER_SECOND)
            spans.append((f"░░ gap {moment(start, form)}–{moment(end, form)} ({length}){more}", "dim"))
        return tuple(spans)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell the prices of the bar under the mouse."""
        if event.x != self._hover:
            self._hover = event.x
            self.redraw()

    class Marked(Message):
        """A fill's mark was clicked; `at` is when its bar closed."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    def on_click(self, event: events.Click) -> None:
        """Tell that a fill's mark is under the mouse."""
        chart = self._chart
        self._hover = event.x
        n = self._hovered(chart) if chart is not None else None
        if chart is not None and n is not None and any(n == bar for bar, _, _ in chart.marks):
            self.post_message(self.Marked(chart.time[n] + self.session.interval))

    def on_leave(self) -> None:
        """Go back to the last bar."""
        self._hover = None
        self.redraw()


def _runs(cells: list[str], styles: list[str]) -> list[Span]:
    spans: list[Span] = []
    start = 0
    current = ""
    for column, cell in enumerate(cells):
        if cell == " ":
            continue
        style = styles[column]
        if style != current:
            if column > start:
                spans.append(("".join(cells[start:column]), current))
            start, current = column, style
    spans.append(("".join(cells[start:]), current))
    return spans
