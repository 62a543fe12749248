"""Statistics: a run in numbers by name, of the account, of its trades, and of each coin; `docs/statistics.md` tells each.

A name says its unit: `_pct` percent, `_days` days of 24 hours; money is in the account's currency; the rest are plain ratios.
NaN stands where there is nothing to tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.analysis.books import Books
from engine.analysis.drawdowns import drawdowns
from engine.analysis.equity import holding_curve, invested
from engine.analysis.ratios import NS_PER_DAY, alpha_beta, cagr, daily_returns, sharpe, sortino, volatility
from engine.analysis.trips import RoundTrip
from engine.exact import UNIT
from engine.model import CoinName

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def statistics(books: Books) -> dict[str, float]:
    """Return the statistics of a run: of its account, then of its trades."""
    with np.errstate(all="ignore"):
        return _told({**_of_account(books), **_of_trades(books.trips, books.times)})


def coin_statistics(books: Books) -> dict[CoinName, dict[str, float]]:
    """Return the statistics of each coin by its name."""
    with np.errstate(all="ignore"):
        return {its.coin: _told(_of_coin(books, n)) for n, its in enumerate(books.account.exchange.instruments)}


def _of_account(books: Books) -> dict[str, float]:
    equity, times = books.equity, books.times
    returns, market = daily_returns(equity, times), daily_returns(books.holding, times)
    alpha, beta = alpha_beta(returns, market)
    growth, falls = cagr(equity, times), drawdowns(equity, times)
    deepest, traded = float(falls.depth.max(initial=0.0)), float(books.traded.sum())
    return {
        "return_pct": 100.0 * _growth(equity),
        "holding_return_pct": 100.0 * _growth(books.holding),
        "cagr_pct": 100.0 * growth,
        "volatility_pct": 100.0 * volatility(returns),
        "sharpe": sharpe(returns),
        "sortino": sortino(returns),
        "calmar": _ratio(growth, deepest),
        "alpha_pct": 100.0 * alpha,
        "beta": beta,
        "max_drawdown_pct": 100.0 * deepest,
        "max_drawdown_days": _days(falls.length[falls.depth.argmax()]) if len(falls.depth) else 0.0,
        "longest_drawdown_days": _days(falls.length.max(initial=0)),
        "avg_drawdown_pct": 100.0 * _mean(falls.depth),
        "avg_drawdown_days": _days(_mean(falls.length)),
        "exposure_pct": 100.0 * _exposure(books, books.coins),
        "turnover": _ratio(traded, _mean(equity)),
        "traded": traded,
        "fees": sum(books.fees) / UNIT,
    }


def _of_trades(trips: Sequence[RoundTrip], times: Ints) -> dict[str, float]:
    table = np.array(trips, np.float64).reshape(len(trips), len(RoundTrip._fields))
    costs, profits, worst, best = (table[:, RoundTrip._fields.index(name)] for name in ("cost", "profit", "mae", "mfe"))
    returns, profits = profits / costs, profits / UNIT
    wins, losses = profits[profits > 0], profits[profits < 0]
    won, payoff = _ratio(len(wins), len(trips)), _ratio(_mean(wins), -_mean(losses))
    lengths = np.array([times[its.exit_step] - times[its.entry_step] for its in trips], np.int64)
    return {
        "trades": len(trips),
        "win_rate_pct": 100.0 * won,
        "profit": float(profits.sum()),
        "profit_factor": _ratio(float(wins.sum()), -float(losses.sum())),
        "expectancy": _mean(profits),
        "sqn": _ratio(math.sqrt(len(trips)) * _mean(profits), _deviation(profits)),
        "kelly_pct": 100.0 * (won - _ratio(1.0 - won, payoff)),
        "avg_trade_pct": 100.0 * _mean(returns),
        "best_trade_pct": 100.0 * _most(returns),
        "worst_trade_pct": -100.0 * _most(-returns),
        "avg_trade_days": _days(_mean(lengths)),
        "longest_trade_days": _days(_most(lengths)),
        "avg_mae_pct": 100.0 * _mean(worst),
        "worst_mae_pct": -100.0 * _most(-worst),
        "avg_mfe_pct": 100.0 * _mean(best),
        "best_mfe_pct": 100.0 * _most(best),
    }


def _of_coin(books: Books, coin: int) -> dict[str, float]:
    mine = books.fill_coins == coin
    return {
        "holding_return_pct": 100.0 * _growth(holding_curve(books.account, [coin], len(books.times))),
        "exposure_pct": 100.0 * _exposure(books, [coin]),
        "traded": float(books.traded[mine].sum()),
        "fees": sum(fee for fee, its in zip(books.fees, mine.tolist(), strict=True) if its) / UNIT,
        **_of_trades([trip for trip in books.trips if trip.coin == coin], books.times),
    }


def _exposure(books: Books, coins: Sequence[int]) -> float:
    """Return the share of the run's time in which there was a position of any of these coins."""
    there = np.zeros(len(books.times), np.bool_)
    for coin in coins:
        there |= invested(books.account, coin, len(there))
    lasted = np.diff(books.times)
    return _ratio(float(lasted[there[:-1]].sum()), float(lasted.sum()))


def _growth(worth: Floats) -> float:
    return float(worth[-1] / worth[0] - 1.0) if len(worth) else math.nan


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _mean(values: Floats | Ints) -> float:
    return float(values.mean()) if len(values) else math.nan


def _most(values: Floats | Ints) -> float:
    return float(values.max()) if len(values) else math.nan


def _deviation(values: Floats) -> float:
    """Return the sample standard deviation; equal values have none, whatever rounding leaves of it."""
    return float(values.std(ddof=1)) if len(values) > 1 and values.min() < values.max() else math.nan


def _days(ns: float) -> float:
    return float(ns) / NS_PER_DAY


def _told(values: dict[str, float]) -> dict[str, float]:
    """Return the statistics with NaN for what is not finite."""
    return {name: value if math.isfinite(value) else math.nan for name, value in values.items()}
