"""Performance of a run: the equity curve, round trips, and the statistics told of them.

Everything is made in blocks from the exchange's fills and the market's closes, after the run; a run pays nothing for it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.exact import UNIT
from engine.exchange import Exchange
from engine.exchange import kernel as k
from engine.state import Raw

Floats = npt.NDArray[np.float64]
NS_PER_DAY = 86_400 * 10**9
DAYS_PER_YEAR = 365
"""A crypto market trades every day of the year."""


class RoundTrip(NamedTuple):
    """A position from flat to flat again: steps of its first and last fill, and its profit in quote units, fees taken off."""

    coin: int
    entry_step: int
    exit_step: int
    profit: int


def equity_curve(exchange: Exchange, start: Mapping[str, int], raw: Raw, begin: int, end: int, currency: str) -> Floats:
    """Return the account's worth at each step from `begin` up to `end`, in its currency, float64.

    `start` are the balances before the first fill, in units. An asset counts nothing before its first price.
    """
    fills = exchange.fills[: exchange.n_fills]
    buys = fills[:, k.F_SIDE] == k.BUY
    fee, fee_in = fills[:, k.F_FEE], fills[:, k.F_FEE_IN]
    quote = np.where(buys, -fills[:, k.F_NOTIONAL], fills[:, k.F_NOTIONAL]) - fee * (fee_in == k.IN_QUOTE)
    base = np.where(buys, fills[:, k.F_AMOUNT] - fee * (fee_in == k.IN_BASE), -fills[:, k.F_AMOUNT])
    bases, quotes = exchange.coins[fills[:, k.F_COIN]][:, [k.BASE, k.QUOTE]].T
    axis = np.arange(begin, end)
    equity = np.zeros(end - begin)
    for asset, number in exchange.assets.items():
        change = np.where(bases == number, base, 0) + np.where(quotes == number, quote, 0)
        if number == exchange.head[k.BNB]:
            change -= fee * (fee_in == k.IN_BNB)
        held = _held(fills[:, k.F_STEP], change, start.get(asset, 0), axis)
        if asset == currency:
            equity += held / UNIT
        elif held.any():
            coin = pricing_coin(exchange, asset, currency)
            equity += held / exchange.scale(coin) * _closes(raw, coin, begin, end)
    return equity


def pricing_coin(exchange: Exchange, asset: str, currency: str) -> int:
    """Return the coin whose price tells an asset's worth in the currency."""
    return next(n for n, its in enumerate(exchange.instruments) if (its.base, its.quote) == (asset, currency))


def _held(steps: npt.NDArray[np.int64], changes: npt.NDArray[np.int64], start: int, axis: npt.NDArray[np.int64]) -> Floats:
    amounts = np.concatenate([[start], start + np.cumsum(changes)])
    held: Floats = amounts[np.searchsorted(steps, axis, side="right")]
    return held


def _closes(raw: Raw, coin: int, begin: int, end: int) -> Floats:
    track = raw.events[coin]
    if track.last_at is None:
        return np.asarray(track.bars.close[begin:end] / UNIT)
    rows = np.asarray(track.last_at)[begin:end]
    return np.where(rows >= 0, track.bars.close[np.maximum(rows, 0)] / UNIT, 0.0)


def round_trips(exchange: Exchange) -> list[RoundTrip]:
    """Return the closed round trips, oldest first: from flat to less than one lot, profit by first in first out."""
    open_lots: dict[int, deque[list[int]]] = {}
    entered: dict[int, int] = {}
    profit: dict[int, int] = {}
    trips = []
    for row in exchange.fills[: exchange.n_fills].tolist():
        coin, step = row[k.F_COIN], row[k.F_STEP]
        amount, notional, fee = row[k.F_AMOUNT], row[k.F_NOTIONAL], row[k.F_FEE]
        lots = open_lots.setdefault(coin, deque())
        if row[k.F_SIDE] == k.BUY:
            entered.setdefault(coin, step)
            cost, received = (notional, amount - fee) if row[k.F_FEE_IN] == k.IN_BASE else (notional + fee, amount)
            if received:
                lots.append([received, cost])
            else:
                profit[coin] = profit.get(coin, 0) - cost
            continue
        spent, left = 0, amount
        while left and lots:
            held, cost = lots[0]
            part = min(held, left)
            share = cost * part // held
            spent += share
            left -= part
            if part == held:
                lots.popleft()
            else:
                lots[0] = [held - part, cost - share]
        # what was sold beyond the own lots was never bought, so it is no profit
        gained = (notional - fee) * (amount - left) // amount - spent
        profit[coin] = profit.get(coin, 0) + gained
        if row[k.F_POSITION] < exchange.lot(coin) and coin in entered:
            trips.append(RoundTrip(coin, entered.pop(coin), step, profit.pop(coin)))
    return trips


def max_drawdown(equity: Floats) -> float:
    """Return the deepest fall from a high, as a fraction of that high."""
    if not len(equity):
        return 0.0
    highs = np.maximum.accumulate(equity)
    return float(np.max(1.0 - equity / highs, initial=0.0, where=highs > 0))


def sharpe(equity: Floats, times: npt.NDArray[np.int64]) -> float:
    """Return the Sharpe ratio of daily returns (UTC days, no risk-free rate), annualised by the root of 365; NaN below 2
    returns.

    W. F. Sharpe, The Sharpe Ratio, Journal of Portfolio Management 21 (1994).
    """
    if not len(equity):
        return math.nan
    days = (times[: len(equity)] - 1) // NS_PER_DAY
    ends = np.flatnonzero(np.diff(days, append=days[-1] + 1))
    daily = np.concatenate([equity[:1], equity[ends]])
    returns = np.diff(daily) / daily[:-1]
    if len(returns) < 2:
        return math.nan
    deviation = float(np.std(returns, ddof=1))
    return float(np.mean(returns)) / deviation * math.sqrt(DAYS_PER_YEAR) if deviation > 0 else math.nan


def fees_paid(exchange: Exchange, raw: Raw, currency: str, since: int = 0) -> int:
    """Return the fees from the fill numbered `since` on, in the account's currency, counting 1e-8.

    Those taken in base count at their fill's price, those in BNB or another quote asset at its last price by then.
    """
    total = 0
    for row in exchange.fills[since : exchange.n_fills].tolist():
        coin, fee = row[k.F_COIN], row[k.F_FEE]
        if row[k.F_FEE_IN] == k.IN_BASE:
            fee = fee * row[k.F_PRICE] // exchange.scale(coin)
        quote = exchange.instruments[coin].quote
        if row[k.F_FEE_IN] == k.IN_BNB:
            quote, fee = "BNB", fee * UNIT // int(exchange.head[k.BNB_SCALE])
        if quote != currency:
            track = raw.events[pricing_coin(exchange, quote, currency)]
            last = track.last_row(row[k.F_STEP])
            fee = fee * int(track.bars.close[last]) // UNIT if last >= 0 else 0
        total += fee
    return total


def statistics(exchange: Exchange, equity: Floats, times: npt.NDArray[np.int64], fees: int) -> dict[str, float]:
    """Return the run's statistics by name; percentages where a name says so, NaN where there is nothing to tell.

    `equity` is the account's worth at each step; nothing can have happened to it at the first. `fees` count 1e-8.
    """
    trips = round_trips(exchange)
    wins = sum(trip.profit > 0 for trip in trips)
    start, final = (float(equity[0]), float(equity[-1])) if len(equity) else (math.nan, math.nan)
    return {
        "return_pct": 100.0 * (final / start - 1.0) if start else math.nan,
        "max_drawdown_pct": 100.0 * max_drawdown(equity),
        "sharpe": sharpe(equity, times),
        "trades": len(trips),
        "win_rate_pct": 100.0 * wins / len(trips) if trips else math.nan,
        "fees": fees / UNIT,
    }
