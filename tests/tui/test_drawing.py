"""How a chart becomes characters."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui.drawing import Scale, bar_column, braille, braille_line, candle, nice_step, sparkline, time_step

PRICES = st.floats(1e-8, 1e9)


def scale(low: float, high: float) -> Scale:
    made = Scale()
    made.low, made.high = low, high
    return made


@pytest.mark.parametrize(
    ("bar", "drawn"),
    [
        ((0, 8, 0, 8), "┃┃┃┃"),
        ((2.5, 7.5, 0.5, 5.5), "│┃┃│"),
        ((3.5, 3.5, 3.5, 3.5), "  ╹ "),
        ((2.5, 2.5, 2.5, 2.5), "  ╻ "),
        ((2.5, 4.5, 2.5, 3.5), " ╷┃ "),
        ((3.5, 3.5, 2.5, 3.5), "  ╿ "),
        ((2.5, 3.5, 2.5, 2.5), "  ╽ "),
        ((6.5, 7.5, 6.5, 6.5), "╽   "),
        ((4.5, 5.5, 3.5, 4.5), " ╽╵ "),
    ],
)
def test_candles_have_a_precision_of_half_a_cell(bar: tuple[float, float, float, float], drawn: str) -> None:
    assert candle(scale(0, 8), 4, *bar) == drawn
    outline = str.maketrans({"┃": "║", "╻": "╥", "╽": "╥", "╹": "╨", "╿": "╨"})
    assert candle(scale(0, 8), 4, *bar, hollow=True) == drawn.translate(outline)


@given(PRICES, PRICES, PRICES, PRICES, st.integers(2, 60))
def test_every_candle_is_in_the_picture(a: float, b: float, c: float, d: float, rows: int) -> None:
    low, *_, high = sorted((a, b, c, d))
    made = Scale()
    made.cover(low, high)
    drawn = candle(made, rows, a, high, low, d)
    assert len(drawn) == rows
    assert set(drawn) <= set(" │┃╵╷╹╻╽╿")
    assert drawn.strip()
    assert " " not in drawn.strip()


@given(PRICES, PRICES)
def test_a_scale_covers_what_it_is_told_to_and_then_rests(low: float, high: float) -> None:
    assume(low < high)
    made = Scale()
    made.cover(low, high)
    assert made.low <= low * (1 + 1e-12)
    assert made.high >= high * (1 - 1e-12)
    assert not made.cover(low, high)


def test_a_scale_does_not_tremble() -> None:
    made = Scale()
    assert made.cover(100, 200)
    assert not made.cover(101, 199)
    assert not made.cover(120, 190)
    assert made.cover(150, 160)
    assert made.cover(90, 160)


def test_ticks_are_round_and_apart() -> None:
    made = scale(104_480, 105_620)
    ticks = made.ticks(20)
    assert ticks == [104_500, 104_750, 105_000, 105_250, 105_500]
    rows = [made.place(tick, 20) for tick in ticks]
    assert all(b - a >= 4 for a, b in pairwise(rows))


@pytest.mark.parametrize(
    ("raw", "nice"), [(0.7, 1), (1, 1), (1.1, 2), (2.2, 2.5), (3, 5), (6, 10), (0.00003, 0.00005), (0, 1), (math.nan, 1)]
)
def test_nice_steps(raw: float, nice: float) -> None:
    assert nice_step(raw) == pytest.approx(nice)


def test_bars_of_eighths() -> None:
    assert bar_column(1, 2) == "██"
    assert bar_column(0.5, 2) == " █"
    assert bar_column(0.25, 2) == " ▄"
    assert bar_column(0.0001, 2) == " ▁"
    assert bar_column(0, 2) == "  "


def picture(rows: int, columns: int, dots: dict[tuple[int, int], int]) -> list[str]:
    return ["".join(braille(dots[y, x]) if (y, x) in dots else " " for x in range(columns)) for y in range(rows)]


def test_lines_of_dots() -> None:
    assert picture(2, 3, braille_line(scale(0, 8), 2, [0, 0, 0])) == ["   ", "⣀⣀⣀"]
    assert picture(2, 3, braille_line(scale(0, 8), 2, [7, 7, 7])) == ["⠉⠉⠉", "   "]
    assert picture(2, 3, braille_line(scale(0, 8), 2, [0, None, 7])) == ["  ⠉", "⣀  "]
    assert picture(2, 2, braille_line(scale(0, 8), 2, [0, 7.9])) == [" ⡏", "⡸ "]


def test_a_line_has_no_holes_between_neighbours() -> None:
    dots = braille_line(scale(0, 40), 10, [1, 38, 2, 39])
    rows_of = {column: sorted(row for row, c in dots if c == column) for column in range(4)}
    for rows in rows_of.values():
        assert rows == list(range(rows[0], rows[-1] + 1))


def test_what_is_off_the_scale_is_left_out() -> None:
    assert braille_line(scale(0, 8), 2, [50, 60]) == {}


def test_sparklines() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 3) == "▁▅█"
    assert sparkline([5, 5, 5], 8) == "▄▄▄"
    assert sparkline([math.nan, 1, 2], 8) == " ▁█"
    assert sparkline([math.nan], 8) == ""
    assert sparkline([], 8) == ""
    assert sparkline([1, 2], 0) == ""


def test_time_steps() -> None:
    minute = 60 * 10**9
    assert time_step(minute, 14) == 15 * minute
    assert time_step(5 * minute, 14) == 120 * minute
    assert time_step(60 * minute, 14) == 1440 * minute
    assert time_step(10_000 * 1440 * minute, 14) == 524160 * minute
