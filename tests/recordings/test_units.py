"""Floats and text become counts of 1e-8 exactly as decimal arithmetic says, or are refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.recordings.bars import RowError
from engine.recordings.units import exact_units, finest_step, from_decimals, from_floats, parse_number


@given(st.lists(st.tuples(st.integers(0, 10**15), st.integers(0, 8)), min_size=1, max_size=30))
def test_a_float_means_the_decimal_it_prints_as(numbers: list[tuple[int, int]]) -> None:
    values = [float(Decimal(n).scaleb(-places)) for n, places in numbers]
    values = [value for value in values if value < 9e7]
    column, dusty = from_floats("price", np.array(values, dtype=np.float64))
    assert column.tolist() == [int(Decimal(repr(value)).scaleb(8)) for value in values]
    assert dusty == 0


# From 2**24 on a float is so coarse that a dusty one can print with 8 decimals, as one that means them does.
@given(st.lists(st.integers(1, 2**23), min_size=2, max_size=40), st.integers(0, 3))
def test_dust_of_sums_is_taken_off(lots: list[int], places: int) -> None:
    exact = [Decimal(lot).scaleb(-places) for lot in lots]
    wanted = int(sum(exact).scaleb(8))
    clean = [float(part) for part in exact]
    total = clean[0] + clean[1]
    column, _ = from_floats("volume", np.array([*clean, total]))
    two = int((exact[0] + exact[1]).scaleb(8))
    assert column[-1] == two
    assert column[:-1].tolist() == [int(part.scaleb(8)) for part in exact]
    assert wanted >= two


def test_dust_is_counted_and_text_agrees() -> None:
    # The first is 1371255.4 printed with 17 digits, so only text knows of its dust; the second is 0.1 + 0.2.
    texts = ["1371255.3999999999", "0.30000000000000004", "26105.55", "8.1"]
    floats, dusty = from_floats("volume", np.array([float(text) for text in texts]))
    decimals, also = from_decimals("volume", [Decimal(text) for text in texts])
    assert floats.tolist() == decimals.tolist() == [137125540000000, 30000000, 2610555000000, 810000000]
    assert (dusty, also) == (1, 2)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "not a finite number"),
        (float("inf"), "not a finite number"),
        (-float("inf"), "not a finite number"),
        (1e11, "does not fit 64 bits"),
        (1e300, "does not fit 64 bits"),
        (0.123456789, "cannot be told exactly"),
        (1 / 3, "cannot be told exactly"),
        (1e-9, "cannot be told exactly"),
        (123456789.12345678, "cannot be told exactly"),
    ],
)
def test_what_is_not_exact_is_refused_with_its_row(value: float, reason: str) -> None:
    with pytest.raises(RowError, match=reason) as error:
        from_floats("close", np.array([1.0, 2.5, value, 4.0]))
    assert error.value.row == 2


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_text_is_exact_over_the_whole_range(units: int) -> None:
    text = format(Decimal(units).scaleb(-8), "f")
    assert exact_units(parse_number(text)) == units
    assert exact_units(parse_number(text + "0000")) == units


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-inf", "1_000", "0x10", "1,5", "１２", "1e", "e5", ".", "-", "1 2", "1e9999", "9" * 65]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_number(text)


@pytest.mark.parametrize("text", ["92233720368.54775808", "1e11", "1e999", "-1e50"])
def test_what_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        exact_units(parse_number(text))


def test_digits_beyond_the_eighth_are_seen_however_far() -> None:
    assert exact_units(Decimal("1." + "0" * 50 + "1")) is None
    assert exact_units(Decimal("1." + "0" * 60)) == 10**8


def test_fine_digits_beside_wide_ones_are_refused() -> None:
    with pytest.raises(RowError, match=r"1\.123456789 cannot|cannot be told"):
        from_decimals("close", [Decimal("1.5"), Decimal("1.123456789")])
    with pytest.raises(RowError):
        from_decimals("volume", [Decimal("0.3999999999999999"), Decimal("92233720368.54775807")])


def test_the_finest_step_is_the_largest_power_of_ten_that_divides_all() -> None:
    assert finest_step(np.array([10**8, 25 * 10**6]), np.array([10**9])) == 10**6
    assert finest_step(np.array([5 * 10**11])) == 10**8
    assert finest_step(np.array([3])) == 1
