"""Text on its way to a terminal."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.text import clean, clean_lines, compact, exact, fit, fixed, moment, percent, price_decimals, reading, signed, span


@given(st.text())
def test_cleaned_text_has_no_character_a_terminal_obeys(text: str) -> None:
    cleaned = clean(text)
    assert all(unicodedata.category(c)[0] != "C" and unicodedata.category(c) not in ("Zl", "Zp") for c in cleaned)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("bad", ["\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\u2066", "\ufeff", "\x00", "\x7f"])
def test_a_control_becomes_one_visible_character(bad: str) -> None:
    assert clean(f"a{bad}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_breaks_become_spaces_and_long_text_ends() -> None:
    assert clean("a\nb\tc\u2028d") == "a b c d"
    assert len(clean("x" * 10**6)) == 2000
    assert clean("x" * 10**6).endswith("x…")
    assert clean_lines("one\x1b[31m\ntwo") == "one\N{REPLACEMENT CHARACTER}[31m\ntwo"


@given(st.text(max_size=40), st.integers(0, 30), st.sampled_from(["left", "right", "center"]))
def test_fitted_text_has_exactly_the_width(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, align)) == width  # type: ignore[arg-type]


def test_fit() -> None:
    assert fit("BTC", 5) == "BTC  "
    assert fit("BTC", 5, "right") == "  BTC"
    assert fit("BTC", 6, "center") == " BTC  "
    assert fit("BTCUSDT", 5) == "BTCU…"
    assert fit("测试币", 5) == "测试…"


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(105554.3, 2, "105,554.30"), (-0.001, 2, "0.00"), (-1.5, 1, "-1.5"), (math.nan, 2, "–"), (math.inf, 2, "–")],
)
def test_fixed(value: float, decimals: int, text: str) -> None:
    assert fixed(value, decimals) == text


def test_signs() -> None:
    assert [signed(1.5), signed(-1.5), signed(0.0), signed(-0.0001)] == ["+1.50", "-1.50", "0.00", "0.00"]
    assert [percent(1.234), percent(-0.5), percent(math.nan)] == ["+1.23%", "-0.50%", "–"]


@pytest.mark.parametrize(
    ("tick", "price", "decimals"),
    [
        ("0.01000000", 105554.3, 2),
        ("0.00000001", 0.00001234, 8),
        ("0.00000001", 105554.3, 3),
        ("1", 5.0, 0),
        ("0.1", math.nan, 1),
    ],
)
def test_price_decimals(tick: str, price: float, decimals: int) -> None:
    assert price_decimals(tick, price) == decimals


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1234.50000000", "1,234.5"),
        ("0.00000001", "0.00000001"),
        ("-1234567", "-1,234,567"),
        ("0.00000000", "0"),
        ("", ""),
        ("1e5", "1e5"),
        ("\x1b[2J", "\N{REPLACEMENT CHARACTER}[2J"),
    ],
)
def test_exact(text: str, shown: str) -> None:
    assert exact(text) == shown


def test_exact_pads_but_never_cuts() -> None:
    assert [exact(text, 2) for text in ("5", "5.1", "5.12345678", "x")] == ["5.00", "5.10", "5.12345678", "x"]


@pytest.mark.parametrize(
    ("value", "shown"), [(950, "950"), (1200, "1.2k"), (99_960, "100k"), (34.5e6, "34.5M"), (0.25, "0.25"), (3.14, "3.1")]
)
def test_compact_takes_five_characters_at_most(value: float, shown: str) -> None:
    assert compact(value) == shown
    assert len(compact(value)) <= 5


@given(st.floats(0, 1e15))
def test_compact_is_always_short(value: float) -> None:
    assert len(compact(value)) <= 6


@pytest.mark.parametrize(
    ("value", "shown"),
    [(105402.13, "105,402.1"), (61.3, "61.30"), (0.5, "0.5000"), (0.0012, "0.001200"), (1e-9, "1.000e-09"), (0.0, "0.0000")],
)
def test_reading(value: float, shown: str) -> None:
    assert reading(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (61, "1m 1s"), (17040, "4h 44m"), (86400 * 3 + 7200, "3d 2h"), (3605, "1h")],
)
def test_span(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_moments_are_utc() -> None:
    assert moment(1_749_904_260 * 10**9) == "2025-06-14 12:31"
    assert moment(2**63 - 1) == "2262-04-11 23:47"
    assert moment(10**30) == "–"
