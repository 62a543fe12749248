"""The whole set: against empyrical and a slow walk in fractions to 1e-9, by hand, at the edges, and as a result tells it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import empyrical
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine import Signal, Strategy, backtest
from engine.analysis.books import Books
from engine.analysis.statistics import coin_statistics, statistics
from engine.analysis.trips import RoundTrip
from engine.loop import Engine
from engine.recordings import write_recording
from tests.analysis.slow import DAY, Walk, floored, notional, slow_daily, slow_drawdowns, slow_trade_statistics, slow_trades
from tests.analysis.worlds import CROSS, PLAIN, WITH_BNB, busy, cross
from tests.worlds import MINUTE, Scripted, candles, engine, market

DOCS = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
HOURS = {"interval": "1h"}


def books_of(its: Engine) -> Books:
    return Books(its.trade.account, its.raw.times[: its.raw.latest.step + 1])


def check(got: Mapping[str, float], wanted: Mapping[str, Any]) -> None:
    """All of them and no more, equal to 1e-9."""
    assert list(got) == list(wanted)
    for name, value in wanted.items():
        assert got[name] == pytest.approx(float(value), rel=1e-9, abs=1e-9, nan_ok=True), name


def slow_statistics(its: Engine, cash: dict[str, Any], coins: list[str] | None = None) -> dict[str, Any]:
    """The statistics of a run, or of some of its coins, by their definitions."""
    walk = Walk(its, cash)
    mine = coins or list(walk.raw.coins)
    times = its.raw.times[: walk.steps].tolist()
    worth, holding, there, moved, fees = [], [], [], Fraction(0), Fraction(0)
    first: dict[str, Fraction] = {}
    for _, fills in walk:
        worth.append(walk.worth)
        parts = []
        for coin in mine:
            price = walk.prices[coin] * walk.price(walk.instrument(coin).quote)
            if price:
                first.setdefault(coin, price)
            parts.append(price / first[coin] if price else Fraction(1))
        holding.append(sum(parts) / len(parts))
        bases = {coin: walk.held[walk.instrument(coin).base] for coin in mine}
        there.append(not all(walk.is_flat(coin, min(walk.own[coin], bases[coin]), walk.prices[coin]) for coin in mine))
        for fill in fills:
            if fill.coin in mine:
                rate = walk.price(walk.instrument(fill.coin).quote)
                moved += notional(fill) * rate
                fees += floored(walk.fee(fill) * rate)
    spans = [later - earlier for earlier, later in pairwise(times)]
    exposure = 100 * sum(span for span, held in zip(spans, there, strict=False) if held) / Fraction(sum(spans))
    trades = [trade for trade in slow_trades(Walk(its, cash)) if trade.coin in mine]
    days = [(times[trade.exit_step] - times[trade.entry_step]) / DAY for trade in trades]
    of_trades = slow_trade_statistics(trades, days)
    if coins:
        held = {"holding_return_pct": 100 * (holding[-1] - 1), "exposure_pct": exposure, "traded": moved, "fees": fees}
        return {**held, **of_trades}
    daily, market_daily = (np.array(slow_daily([float(w) for w in curve], times)) for curve in (worth, holding))
    falls = slow_drawdowns(worth, times)
    deepest = max(falls)
    year = {"annualization": 365}
    a_year = {"annualization": len(spans) * 365 * DAY / sum(spans)}
    steps = np.array([float(later / earlier - 1) for earlier, later in pairwise(worth)])
    growth = empyrical.annual_return(steps, **a_year)
    alpha, beta = empyrical.alpha_beta(daily, market_daily, **year)
    return {
        "return_pct": 100 * (worth[-1] / worth[0] - 1),
        "holding_return_pct": 100 * (holding[-1] - 1),
        "cagr_pct": 100 * growth,
        "volatility_pct": 100 * empyrical.annual_volatility(daily, **year),
        "sharpe": empyrical.sharpe_ratio(daily, **year),
        "sortino": empyrical.sortino_ratio(daily, **year),
        "calmar": growth / -empyrical.max_drawdown(steps),
        "alpha_pct": 100 * alpha,
        "beta": beta,
        "max_drawdown_pct": 100 * deepest[0],
        "max_drawdown_days": deepest[1] / DAY,
        "longest_drawdown_days": max(length for _, length in falls) / DAY,
        "avg_drawdown_pct": 100 * sum(depth for depth, _ in falls) / len(falls),
        "avg_drawdown_days": sum(length for _, length in falls) / len(falls) / DAY,
        "exposure_pct": exposure,
        "turnover": moved / (sum(worth) / len(worth)),
        "traded": moved,
        "fees": fees,
        **of_trades,
    }


@pytest.mark.parametrize(
    ("fly", "cash"),
    [
        (lambda: busy(fee_asset="received", **HOURS), PLAIN),
        (lambda: busy(fee_asset="quote", **HOURS), PLAIN),
        (lambda: busy(fee_asset="bnb", cash=WITH_BNB, **HOURS), WITH_BNB),
        (lambda: cross(rows=300, interval="6h"), CROSS),
    ],
    ids=["received", "quote", "bnb", "cross"],
)
def test_a_busy_run_of_weeks(fly: Any, cash: dict[str, Any]) -> None:
    its: Engine = fly()
    books = books_of(its)
    got, wanted = statistics(books), slow_statistics(its, cash)
    assert got["trades"] >= 8
    check(got, wanted)
    of_coins = coin_statistics(books)
    assert list(of_coins) == list(its.raw.latest.coins)
    for coin, values in of_coins.items():
        check(values, slow_statistics(its, cash, [coin]))
    for name in ("trades", "profit", "traded", "fees"):
        assert sum(values[name] for values in of_coins.values()) == pytest.approx(got[name], rel=1e-12)


TRIPS = st.lists(
    st.tuples(
        st.integers(10**6, 10**13), st.integers(-(10**6), 10**7), st.floats(0, 0.9), st.floats(0, 9), st.integers(0, 10**6)
    ),
    min_size=2,
    max_size=40,
)


@given(TRIPS)
def test_any_trades_have_the_statistics_of_their_definitions(made: list[tuple[int, int, float, float, int]]) -> None:
    trips = [
        RoundTrip(0, 0, n + 1, 1, cost, cost * millionths // 10**6, 1.0, 1.0, -worst, best)
        for n, (cost, millionths, worst, best, _) in enumerate(made)
    ]
    profits = [trip.profit for trip in trips]
    assume(min(profits) < 0 < max(profits))
    times = np.array([0, *(minutes * MINUTE for *_, minutes in made)])
    flown = engine(market([100]))
    flown.run()
    books = Books(flown.trade.account, times[:1])
    books.__dict__["trips"] = trips
    books.times = times
    slow = [
        SimpleNamespace(
            profit=Fraction(trip.profit, 10**8),
            ratio=Fraction(trip.profit, trip.cost),
            mae=Fraction(trip.mae),
            mfe=Fraction(trip.mfe),
        )
        for trip in trips
    ]
    wanted = slow_trade_statistics(slow, [minutes / 1440 for *_, minutes in made])
    got = {name: value for name, value in statistics(books).items() if name in wanted}
    check(got, wanted)


def test_a_hand_made_run_has_the_numbers_worked_out_by_hand() -> None:
    """Cash 1000, fees 1 % in quote. Buy 2 at 100 (fee 2), 1 at 130 (fee 1.3); sell 2 at 120 (2.4), 1 at 90 (0.9)."""
    rows = [100, 100, 130, 120, 90, 90, 50, 60, 60]
    script = {0: Signal.buy(amount=2), 2: Signal.sell(amount=2), 3: Signal.close(), 5: Signal.buy(amount=1)}
    flown = engine(market(rows), Scripted(script), cash=1000, taker=10**6, fee_asset="quote")
    flown.run(2)
    flown.place_order("BTCUSDT", 1)
    flown.run()
    books = books_of(flown)
    # held 2, then 3, then 1, then 0, then 1 of a coin that costs what the rows say
    assert books.equity.tolist() == pytest.approx([1000, 998, 1056.7, 1024.3, 993.4, 993.4, 992.9, 1002.9, 1002.9])
    stats = statistics(books)
    cost, profit = 2 * 101 + 131.3, 2 * 120 + 90 - 2.4 - 0.9 - 2 * 101 - 131.3
    wanted = {
        "return_pct": 0.29,
        "holding_return_pct": -40,
        "max_drawdown_pct": 100 * (1 - 992.9 / 1056.7),
        "max_drawdown_days": 6 / 1440,
        "longest_drawdown_days": 6 / 1440,
        "avg_drawdown_pct": 50 * (0.002 + 1 - 992.9 / 1056.7),
        "avg_drawdown_days": (2 + 6) / 2 / 1440,
        "exposure_pct": 100 * 5 / 8,
        "traded": 200 + 130 + 240 + 90 + 50,
        "fees": 2 + 1.3 + 2.4 + 0.9 + 0.5,
        "trades": 1,
        "win_rate_pct": 0,
        "profit": profit,
        "profit_factor": 0,
        "expectancy": profit,
        "avg_trade_pct": 100 * profit / cost,
        "avg_trade_days": 3 / 1440,
        # before the last sale 3.7 had been lost and, at 90, 41.3 more on the one still held
        "worst_mae_pct": 100 * profit / cost,
        # three of them, at 130
        "best_mfe_pct": 100 * (3 * 130 - cost) / cost,
    }
    assert {name: stats[name] for name in wanted} == pytest.approx(wanted)
    for name in ("cagr_pct", "volatility_pct", "sharpe", "sortino", "calmar", "alpha_pct", "beta", "sqn", "kelly_pct"):
        assert math.isnan(stats[name]), "a few minutes and one trade have no more to tell"


# the edges


def test_where_nothing_happened_there_is_nothing_to_tell() -> None:
    its = engine(market([100, 110, 120]))
    its.run()
    stats = statistics(books_of(its))
    told = {name: value for name, value in stats.items() if not math.isnan(value)}
    still = dict.fromkeys(("return_pct", "exposure_pct", "turnover", "traded", "fees", "trades", "profit"), 0)
    falls = dict.fromkeys(("max_drawdown_pct", "max_drawdown_days", "longest_drawdown_days"), 0)
    assert told == {**still, **falls, "holding_return_pct": pytest.approx(20)}


@pytest.mark.parametrize("rows", [[100], [100, 120]])
def test_a_run_of_a_step_or_two_can_be_told(rows: list[int]) -> None:
    its = engine(market(rows))
    its.run()
    assert statistics(books_of(its))["return_pct"] == 0
    assert coin_statistics(books_of(its))["BTCUSDT"]["holding_return_pct"] == pytest.approx(rows[-1] - 100)


def test_an_account_that_is_worth_nothing_has_no_return() -> None:
    cash = {"USDT": 0, "BTC": 1}
    bars = {"AAAUSDT": candles([10] * 5, interval="1d"), "BTCUSDT": candles([100, 120], at=[3, 4], interval="1d")}
    its = engine(market(bars), cash=cash)
    its.run()
    stats = statistics(books_of(its))
    assert all(math.isnan(stats[name]) for name in ("return_pct", "cagr_pct", "sharpe", "sortino", "alpha_pct", "beta"))
    assert stats["max_drawdown_pct"] == 0


def test_without_a_loss_there_is_no_ratio_to_it() -> None:
    script = {0: Signal.buy(amount=1), 2: Signal.close(), 4: Signal.buy(amount=1), 6: Signal.close()}
    its = engine(market([100, 100, 110, 110, 100, 100, 120, 120]), Scripted(script), taker=0)
    its.run()
    stats = statistics(books_of(its))
    assert stats["win_rate_pct"] == 100
    assert stats["profit"] == pytest.approx(30)
    assert all(math.isnan(stats[name]) for name in ("profit_factor", "kelly_pct"))


# as a result tells it


class Once(Strategy):
    def gen_signal(self) -> dict[str, Signal]:
        return {0: {"BTCUSDT": Signal.buy(amount=4)}, 2: {"BTCUSDT": Signal.close()}}.get(self.step, {})


def test_a_result_tells_the_same_from_first_worth_to_last(tmp_path: Path) -> None:
    write_recording(tmp_path / "r", market(candles([100, 100, 150, 200, 100, 120])))
    config = {"recording": str(tmp_path / "r"), "account": {"cash": {"USDT": 500, "BTC": 5}}, "fills": {"taker_bps": 0}}
    result = backtest(config, strategy=Once)
    worth = [1000, 1000, 1450, 1900, 1400, 1500]
    assert result.equity["equity"].tolist() == worth
    assert result.equity["holding"].tolist() == [1000, 1000, 1500, 2000, 1000, 1200]
    assert str(result.final_equity) == "1500"
    assert result.stats["return_pct"] == pytest.approx(50)
    assert result.stats["holding_return_pct"] == pytest.approx(20)
    assert result.stats["max_drawdown_pct"] == pytest.approx(100 * 500 / 1900)
    assert result.stats["trades"] == 1
    assert result.stats["win_rate_pct"] == 100
    assert result.fees == 0
    (trade,) = result.trades.to_dict("records")
    assert (trade["coin"], trade["entry_step"], trade["exit_step"]) == ("BTCUSDT", 1, 3)
    assert (trade["entry_time"].isoformat(), trade["exit_time"].isoformat()) == (
        "2025-01-01T00:02:00+00:00",
        "2025-01-01T00:04:00+00:00",
    )
    assert (trade["amount"], trade["entry_price"], trade["exit_price"]) == (4, 100, 200)
    assert (trade["cost"], trade["profit"], trade["return_pct"]) == (400, 400, 100)
    assert (trade["mae_pct"], trade["mfe_pct"]) == (0, 100)
    assert result.coin_stats["BTCUSDT"]["profit"] == 400
    told = json.loads(json.dumps(result.summary(), allow_nan=False))
    assert told["stats"]["sharpe"] is None
    assert told["coin_stats"]["BTCUSDT"]["trades"] == 1


def test_a_result_without_trades_has_the_same_columns(tmp_path: Path) -> None:
    write_recording(tmp_path / "r", market(candles([100, 100, 150, 200, 100, 120])))
    config = {"recording": str(tmp_path / "r"), "account": {"cash": {"BTC": 5}}}
    bare, busy = backtest(config, strategy=Strategy), backtest({**config, "account": {"cash": {"USDT": 500}}}, strategy=Once)
    assert bare.stats["return_pct"] == pytest.approx(20)
    assert len(bare.trades) == 0
    assert list(bare.trades.columns) == list(busy.trades.columns)
    assert bare.trades.dtypes.drop("coin").equals(busy.trades.dtypes.drop("coin"))


def test_every_statistic_is_told_in_the_docs_and_no_other() -> None:
    its = busy(100)
    of_coin = coin_statistics(books_of(its))["AAAUSDT"]
    names = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    documented = [name for line in names for name in line]
    assert documented == list(statistics(books_of(its)))
    assert set(of_coin) <= set(documented)
