"""The benchmarks run, and what they measure is the work they say: a plain loop in floats comes to the same money."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import talib

from benchmarks import __main__ as command
from benchmarks import ours
from benchmarks.market import SEED, YEAR, make_coin, times

BARS = 3000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bench")
    ours.prepare(made, BARS)
    return made


def by_hand(bars: np.ndarray) -> tuple[float, int]:
    """Final equity and fills of the cross in whole units, orders filling at the next open, 10 bps of each."""
    opening, _, _, close, _ = bars
    fast, slow = talib.SMA(close, 50), talib.SMA(close, 200)
    cash, held, fills, order = float(ours.CASH), 0, 0, 0
    for row in range(bars.shape[1]):
        if order:
            cash -= order * opening[row] + abs(order) * opening[row] * 0.001
            held += order
            fills += 1
            order = 0
        if row >= 199:
            if fast[row] > slow[row] and not held:
                order = int(0.99 * cash / close[row])
            elif fast[row] < slow[row] and held:
                order = -held
    return cash + held * close[-1], fills


@pytest.mark.parametrize("reading", [False, True])
def test_backtest_is_the_work_it_is_compared_with(folder: Path, reading: bool) -> None:
    figures = ours.run_backtest(folder, 1, reading=reading)
    equity, fills = by_hand(make_coin(BARS, SEED))
    assert fills > 10
    assert figures["fills"] == fills
    assert figures["equity"] == pytest.approx(equity, abs=0.01)
    assert figures["bars"] == BARS
    assert (figures["read"] != 0) is reading


def test_every_other_case_runs(folder: Path) -> None:
    portfolio = ours.run_backtest(folder, ours.COINS)
    assert portfolio["bars"] == BARS * ours.COINS
    assert portfolio["fills"] > 100
    assert ours.run_indicators(folder)["talib_s"] > 0
    opened = ours.run_opening(folder)
    assert opened["last"] == round(make_coin(BARS, SEED + ours.COINS - 1)[3, -1] * 1e8)


def test_the_market_is_a_year_of_possible_bars() -> None:
    opening, high, low, close, volume = make_coin(YEAR, SEED)
    assert (low <= np.minimum(opening, close)).all()
    assert (high >= np.maximum(opening, close)).all()
    assert low.min() > 0
    assert volume.min() > 0
    assert np.unique(np.diff(times(YEAR))).tolist() == [60_000_000_000]


def test_what_is_missed_is_told() -> None:
    fast, slow = {"bars": 100, "cpu_s": 1.0}, {"bars": 100, "cpu_s": 5.0}
    assert command.compare("x", fast, slow)[-1] is False
    assert command.compare("x", fast, {"bars": 100, "cpu_s": 6.0})[-1] is True
    assert command.compare("x", fast, None)[-1] is None
    same = {"equity": 1.0, "fills": 2, "read": 3.0}
    assert command.agree(same, same)[-1] is True
    assert command.agree(same, same | {"equity": 1.02})[-1] is False
    assert command.agree(same, same | {"fills": 3})[-1] is False
