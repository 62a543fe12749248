"""How a chart becomes characters: scales without jitter, candles of half cells, lines of braille dots, sparklines, ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

from engine.model import NS_PER_SECOND

EIGHTHS = " ▁▂▃▄▅▆▇█"
_HALVES = {
    (0, 0): " ",
    (1, 1): "│",
    (2, 2): "┃",
    (1, 0): "╵",
    (0, 1): "╷",
    (2, 0): "╹",
    (0, 2): "╻",
    (1, 2): "╽",
    (2, 1): "╿",
}
_HOLLOW = _HALVES | {(2, 2): "║", (0, 2): "╥", (1, 2): "╥", (2, 0): "╨", (2, 1): "╨"}
# Bits of a braille character's dots, left and right column, bottom to top.
_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)
_MINUTE = 60 * NS_PER_SECOND
_TIME_STEPS = tuple(
    minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10080, 40320, 80640, 524160)
)


def nice_step(raw: float) -> float:
    """Return the smallest of 1, 2, 2.5 or 5 times a power of ten that is at least `raw`."""
    if not math.isfinite(raw) or raw <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    for factor in (1, 2, 2.5, 5):
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10 * power


class Scale:
    """The price range of a chart's rows; it moves in steps and only when it must, so that the picture does not tremble."""

    def __init__(self) -> None:
        self.low = 0.0
        self.high = 1.0

    def cover(self, low: float, high: float) -> bool:
        """Take in `low` to `high`; returns whether the range moved. It shrinks only when half of it would be empty."""
        if not high > low:
            margin = abs(low) * 0.001 or 1.0
            low, high = low - margin, high + margin
        if self.low <= low and high <= self.high and high - low > 0.55 * (self.high - self.low):
            return False
        step = nice_step((high - low) / 12)
        new = (math.floor(low / step) * step, math.ceil(high / step) * step)
        if new == (self.low, self.high):
            return False
        self.low, self.high = new
        return True

    def place(self, value: float, parts: int) -> int:
        """Return which of `parts` equal parts from the bottom holds `value`, kept within them."""
        part = int((value - self.low) / (self.high - self.low) * parts)
        return 0 if part < 0 else parts - 1 if part >= parts else part

    def ticks(self, rows: int, apart: int = 4) -> list[float]:
        """Return round prices for labels at least `apart` rows from each other, low to high."""
        step = nice_step((self.high - self.low) / max(1, rows / apart))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, min(last, first + rows) + 1)]


def candle(scale: Scale, rows: int, open_: float, high: float, low: float, close: float, *, hollow: bool = False) -> str:
    """Return a candle as `rows` characters, top to bottom, with a precision of half a cell; its body is solid, or `hollow`."""
    halves = _HOLLOW if hollow else _HALVES
    parts = rows * 2
    bottom, top = scale.place(min(open_, close), parts), scale.place(max(open_, close), parts)
    foot, head = scale.place(low, parts), scale.place(high, parts)
    column = []
    for upper in range(parts - 1, 0, -2):
        lower = upper - 1
        column.append(
            halves[
                2 if bottom <= upper <= top else 1 if foot <= upper <= head else 0,
                2 if bottom <= lower <= top else 1 if foot <= lower <= head else 0,
            ]
        )
    return "".join(column)


def bar_column(fraction: float, rows: int) -> str:
    """Return a bar of `fraction` (0..1) of `rows` as characters, top to bottom; anything shows at least a trace."""
    return _bar(max(1, round(fraction * rows * 8)) if fraction > 0 else 0, rows)


@lru_cache(maxsize=1024)
def _bar(eighths: int, rows: int) -> str:
    return "".join(EIGHTHS[min(8, max(0, eighths - 8 * row))] for row in range(rows - 1, -1, -1))


def braille_line(scale: Scale, rows: int, values: Sequence[float | None]) -> dict[tuple[int, int], int]:
    """Return the dots of a line through `values`, one a column: bits by (row from the top, column). None breaks the line.

    What lies off the scale is left out rather than drawn along its edge.
    """
    parts = rows * 4
    size = parts / (scale.high - scale.low)
    dots: dict[tuple[int, int], int] = {}

    def draw(column: int, bits: tuple[int, ...], low: int, high: int) -> None:
        for part in range(max(0, low), min(parts - 1, high) + 1):
            cell = (rows - 1 - part // 4, column)
            dots[cell] = dots.get(cell, 0) | bits[part % 4]

    places = [None if value is None else math.floor((value - scale.low) * size) for value in values]
    for column, (here, after) in enumerate(zip(places, [*places[1:], None], strict=True)):
        if here is None:
            continue
        draw(column, _LEFT, here, here)
        if after is None or after == here:
            draw(column, _RIGHT, here, here)
        elif after > here:
            middle = (here + after) // 2
            draw(column, _RIGHT, min(here + 1, middle), middle)
            draw(column + 1, _LEFT, middle + 1, after)
        else:
            middle = (here + after + 1) // 2
            draw(column, _RIGHT, middle, max(here - 1, middle))
            draw(column + 1, _LEFT, after, middle - 1)
    return dots


def braille(bits: int) -> str:
    """Return the braille character of a cell's dots."""
    return chr(0x2800 + bits)


def sparkline(values: Iterable[float], width: int) -> str:
    """Return the last `width` values as eighth blocks between their own extremes; what is no number is a space."""
    last = list(values)[-width:] if width > 0 else []
    known = [value for value in last if math.isfinite(value)]
    if not known:
        return ""
    low, high = min(known), max(known)
    size = high - low
    if not size or not math.isfinite(size):
        return "".join(EIGHTHS[4] if math.isfinite(value) else " " for value in last)
    return "".join(EIGHTHS[1 + min(7, int((value - low) / size * 8))] if math.isfinite(value) else " " for value in last)


def time_step(interval: int, apart: int) -> int:
    """Return the smallest round time step that spans at least `apart` bars of `interval` nanoseconds."""
    return next((step for step in _TIME_STEPS if step >= interval * apart), _TIME_STEPS[-1])
