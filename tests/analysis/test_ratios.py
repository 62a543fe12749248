"""Ratios against empyrical, an independent library, to 1e-9; daily returns against pandas and a walk day by day."""

from __future__ import annotations

import math
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.ratios import alpha_beta, cagr, daily_returns, sharpe, sortino, volatility
from engine.model import INTERVALS
from tests.analysis.slow import slow_daily
from tests.worlds import MINUTE, START

DAY = INTERVALS["1d"]
YEAR = 365
POINTS = st.lists(st.tuples(st.integers(1, 3000), st.floats(50, 200)), min_size=1, max_size=60)
# of a size that occurs, so that no sum of squares vanishes
RETURN = st.one_of(st.just(0.0), st.floats(-0.5, -1e-6), st.floats(1e-6, 0.5))
RETURNS = st.lists(RETURN, min_size=2, max_size=60)


def same(got: float, wanted: Any) -> None:
    """Equal to 1e-9, and not a number where the library has none or infinity."""
    if not math.isfinite(wanted):
        assert math.isnan(got)
    else:
        assert got == pytest.approx(float(wanted), rel=1e-9, abs=1e-9)


def split(points: list[tuple[int, float]]) -> tuple[Any, Any]:
    times = START + np.cumsum([gap for gap, _ in points]).astype(np.int64) * MINUTE
    return np.array([value for _, value in points]), times


@given(POINTS)
def test_daily_returns_go_from_midnight_to_midnight(points: list[tuple[int, float]]) -> None:
    worth, times = split(points)
    returns = daily_returns(worth, times)
    np.testing.assert_allclose(returns, slow_daily(worth.tolist(), times.tolist()), rtol=1e-9, atol=1e-12)
    series = pd.Series(worth, index=pd.DatetimeIndex(times, tz="UTC"))
    midnights = (
        series.resample("1D", closed="right", label="right").last().ffill().loc[series.index[0] : series.index[-1].ceil("D")]
    )
    daily = pd.Series([worth[0], *midnights] if times[0] % DAY else midnights.to_numpy())
    np.testing.assert_allclose(returns, daily.pct_change().iloc[1:], rtol=1e-9, atol=1e-12)


def test_the_first_bar_of_a_day_long_has_no_day_before_it() -> None:
    times = START + np.arange(1, 5) * DAY
    np.testing.assert_allclose(daily_returns(np.array([100.0, 110.0, 99.0, 99.0]), times), [0.1, -0.1, 0.0])


def test_weeks_are_spread_over_their_days() -> None:
    times = START + np.arange(1, 4) * 7 * DAY
    returns = daily_returns(np.array([100.0, 110.0, 99.0]), times)
    assert returns.tolist() == [*[0.0] * 6, pytest.approx(0.1), *[0.0] * 6, pytest.approx(-0.1)]


@given(RETURNS)
def test_growth_and_risk_are_empyrical_s(returns: list[float]) -> None:
    daily = np.array(returns)
    worth, times = np.cumprod([100.0, *(1 + daily)]), START + np.arange(len(daily) + 1) * DAY
    same(cagr(worth, times), empyrical.annual_return(daily, annualization=YEAR))
    same(cagr(worth, times), empyrical.cagr(daily, annualization=YEAR))
    same(volatility(daily), empyrical.annual_volatility(daily, annualization=YEAR))
    same(sharpe(daily), empyrical.sharpe_ratio(daily, annualization=YEAR))
    same(sortino(daily), empyrical.sortino_ratio(daily, annualization=YEAR))


@given(POINTS)
def test_growth_is_over_the_time_that_passed(points: list[tuple[int, float]]) -> None:
    worth, times = split(points)
    got = cagr(worth, times)
    if times[-1] - times[0] < DAY:
        assert math.isnan(got)
        return
    a_year = len(points[1:]) * YEAR * DAY / float(times[-1] - times[0])
    wanted = empyrical.annual_return(np.diff(worth) / worth[:-1], annualization=a_year)
    assert got == pytest.approx(wanted, rel=1e-9 * YEAR, abs=1e-9)


@given(st.lists(st.tuples(RETURN, RETURN), min_size=2, max_size=60))
def test_alpha_and_beta_are_empyrical_s(pairs: list[tuple[float, float]]) -> None:
    returns, market = np.array(pairs).T
    alpha, beta = alpha_beta(returns, market)
    if np.ptp(market) < 1e-6:
        return
    with np.errstate(over="ignore"):
        wanted = empyrical.alpha_beta(returns, market, annualization=YEAR)
    assert beta == pytest.approx(wanted[1], rel=1e-9, abs=1e-9)
    # a year to the power of 365 magnifies the last bits of beta so much
    assert alpha == pytest.approx(wanted[0], rel=1e-9 * max(1.0, abs(beta)) * YEAR, abs=1e-9)


def test_beside_a_market_that_hardly_moves_alpha_knows_no_bounds() -> None:
    alpha, beta = alpha_beta(np.array([0.0, 0.0, 0.0, -0.5]), np.array([1e-6, 1e-6, 1e-6, 1e-6 * (1 - 1e-9)]))
    assert math.isinf(alpha) or abs(alpha) > 1
    assert abs(beta) > 1000


def test_holding_itself_has_a_beta_of_1_and_no_alpha() -> None:
    market = np.random.default_rng(5).normal(0.001, 0.03, 400)
    assert alpha_beta(market, market) == pytest.approx((0.0, 1.0), abs=1e-9)
    assert alpha_beta(0.5 * market, market) == pytest.approx((0.0, 0.5), abs=1e-9)
    alpha, beta = alpha_beta(0.5 * market + 0.001, market)
    assert (alpha, beta) == pytest.approx((1.001**365 - 1, 0.5), abs=1e-9)


def test_where_there_is_nothing_to_tell_there_is_no_number() -> None:
    times = START + np.arange(1, 11) * DAY
    still, few = np.zeros(9), np.array([0.1])
    assert all(math.isnan(value) for value in (sharpe(still), sortino(still), *alpha_beta(still, still)))
    assert all(math.isnan(value) for value in (sharpe(few), sortino(few), volatility(few), *alpha_beta(few, few)))
    assert math.isnan(sortino(np.array([0.1, 0.2])))
    assert math.isnan(sharpe(np.full(9, 0.001))), "equal returns have no deviation"
    assert volatility(still) == 0.0
    assert cagr(np.full(10, 100.0), times) == 0.0
    for worth in (np.empty(0), np.ones(1)):
        assert math.isnan(cagr(worth, times[: len(worth)]))
    assert math.isnan(cagr(np.ones(2), np.array([START, START + DAY - 1])))
    assert len(daily_returns(np.empty(0), times[:0])) == 0
