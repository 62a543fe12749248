"""Ratios: what a curve of worth tells of growth and of risk, beside the market and alone.

They are of daily returns. A year has 365 days, since crypto markets never close, and there is no risk-free rate. All are
fractions, not percent, and NaN where there are too few returns to tell, or all are equal.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NS_PER_DAY = 86_400 * 10**9
DAYS_PER_YEAR = 365
"""A crypto market trades every day of the year."""


def daily_returns(worth: Floats, times: Ints) -> Floats:
    """Return the return of each UTC day from a worth at each step: from the first step to midnight, to midnight, to the last.

    A bar that closes at midnight is of the day that ends there. A day without a step has a return of 0.
    """
    if not len(worth):
        return np.empty(0)
    midnights = np.arange(times[0] // NS_PER_DAY + 1, (times[-1] - 1) // NS_PER_DAY + 2) * NS_PER_DAY
    daily: Floats = worth[np.concatenate([[0], np.searchsorted(times, midnights, side="right") - 1])]
    return daily[1:] / daily[:-1] - 1.0


def cagr(worth: Floats, times: Ints) -> float:
    """Return the compound annual growth rate: the growth from first step to last, to the power of a year over the time between.

    A run shorter than a day tells nothing of a year.
    C. R. Bacon, Practical Portfolio Performance Measurement and Attribution, Wiley (2008).
    """
    if not len(worth) or times[-1] - times[0] < NS_PER_DAY:
        return math.nan
    years = float(times[-1] - times[0]) / (DAYS_PER_YEAR * NS_PER_DAY)
    return float((worth[-1] / worth[0]) ** (1.0 / years) - 1.0)


def volatility(returns: Floats) -> float:
    """Return the sample standard deviation of daily returns, annualised by the root of 365.

    J. P. Morgan, RiskMetrics Technical Document (1996).
    """
    return float(np.std(returns, ddof=1)) * math.sqrt(DAYS_PER_YEAR) if len(returns) > 1 else math.nan


def sharpe(returns: Floats) -> float:
    """Return the mean daily return over its sample standard deviation, annualised by the root of 365.

    W. F. Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21 (1994).
    """
    # equal returns have no deviation, whatever rounding leaves of it
    if len(returns) < 2 or returns.min() == returns.max():
        return math.nan
    return float(np.mean(returns) / np.std(returns, ddof=1)) * math.sqrt(DAYS_PER_YEAR)


def sortino(returns: Floats) -> float:
    """Return the mean daily return over the root mean square of the losing days', annualised by the root of 365.

    F. A. Sortino and L. N. Price, Performance Measurement in a Downside Risk Framework, Journal of Investing 3 (1994).
    """
    if len(returns) < 2 or returns.min() >= 0:
        return math.nan
    downside = math.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))
    return float(np.mean(returns)) / downside * math.sqrt(DAYS_PER_YEAR)


def alpha_beta(returns: Floats, market: Floats) -> tuple[float, float]:
    """Return what daily returns had beyond the market's, compounded to a year, and how much they moved with it.

    M. C. Jensen, The Performance of Mutual Funds in the Period 1945-1964, Journal of Finance 23 (1968).
    """
    if len(returns) < 2 or market.min() == market.max():
        return math.nan, math.nan
    away = market - market.mean()
    beta = float(np.dot(returns, away) / np.dot(away, away))
    daily = float(np.mean(returns - beta * market))
    # beside a market that hardly moves it knows no bounds
    with np.errstate(over="ignore"):
        return float(np.float64(1.0 + daily) ** DAYS_PER_YEAR - 1.0), beta
