"""Statistics against slow, plain walks over the fills: the curve in fractions, round trips, drawdown, Sharpe."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Signal, Strategy, backtest
from engine.analysis.performance import equity_curve, fees_paid, max_drawdown, round_trips, sharpe, statistics
from engine.loop import Engine
from engine.model import INTERVALS, Instrument
from engine.recordings import Recording, write_recording
from tests.worlds import MINUTE, START, Scripted, candles, engine, market, restless, units, walk

DAY = INTERVALS["1d"]


def curve_of(its: Engine, cash: dict[str, Any]) -> np.ndarray[Any, Any]:
    balances = {asset: units(amount) for asset, amount in cash.items()}
    raw = its.raw.latest
    return equity_curve(its.trade.exchange, balances, raw, 0, raw.step + 1, "USDT")


def slow_curve(its: Engine, cash: dict[str, Any]) -> list[Fraction]:
    """The account's worth at each step, by going through the fills and the closes one at a time, in fractions."""
    raw, exchange = its.raw.latest, its.trade.exchange
    held = {asset: Fraction(str(cash.get(asset, 0))) for asset in exchange.assets}
    fills = list(its.trade.account.fills)
    closes: dict[str, Fraction] = {}
    worth = []
    for step in range(raw.step + 1):
        while fills and fills[0].step == step:
            fill = fills.pop(0)
            instrument = exchange.instruments[raw.coins.index(fill.coin)]
            amount, price = Fraction(fill.amount), Fraction(fill.price)
            notional = Fraction(int(amount * price * 10**8), 10**8)
            sign = 1 if fill.side == "buy" else -1
            held[instrument.base] += sign * amount
            held[instrument.quote] -= sign * notional
            held[fill.fee_asset] -= Fraction(fill.fee)
        for track in raw.events:
            if track.row(step) >= 0:
                closes[track.coin] = Fraction(int(track.bars.close[track.row(step)]), 10**8)
        prices = {asset: closes.get(f"{asset}USDT", Fraction(0)) for asset in held} | {"USDT": Fraction(1)}
        worth.append(sum((held[asset] * prices[asset] for asset in held), Fraction(0)))
    assert not fills
    return worth


def check_curve(its: Engine, cash: dict[str, Any]) -> None:
    curve = curve_of(its, cash)
    slow = slow_curve(its, cash)
    np.testing.assert_allclose(curve, [float(worth) for worth in slow], rtol=1e-13)
    assert Fraction(its.trade.account.equity_exact) == slow[-1]
    for begin, end in ((0, 1), (7, 60), (60, len(curve)), (5, 5)):
        raw = its.raw.latest
        balances = {asset: units(amount) for asset, amount in cash.items()}
        part = equity_curve(its.trade.exchange, balances, raw, begin, end, "USDT")
        np.testing.assert_array_equal(part, curve[begin:end])


@pytest.mark.parametrize("fee_asset", ["received", "quote"])
def test_the_curve_is_what_a_slow_walk_comes_to(fee_asset: str) -> None:
    flown = restless(400)
    flown.trade.rules = flown.trade.rules._replace(fee_asset=fee_asset)
    flown.run()
    assert flown.trade.exchange.n_fills > 50
    check_curve(flown, {"USDT": 10_000})


def test_the_curve_counts_what_was_there_at_the_start() -> None:
    cash = {"USDT": 10_000, "BTC": Decimal("1.5")}
    flown = engine(market(walk(200)), Scripted({5: Signal.buy(amount=3), 50: Signal.close()}), cash=cash)
    flown.run()
    check_curve(flown, cash)


def test_coins_quoted_in_another_asset_are_worth_what_that_is_worth() -> None:
    its = {
        "BTCUSDT": Instrument(coin="BTCUSDT", base="BTC", quote="USDT", tick=10**6, lot=10**4),
        "ETHBTC": Instrument(coin="ETHBTC", base="ETH", quote="BTC", tick=1, lot=10**4),
        "ETHUSDT": Instrument(coin="ETHUSDT", base="ETH", quote="USDT", tick=10**6, lot=10**4),
    }
    bars = {"BTCUSDT": walk(200, 1, price=1000), "ETHBTC": walk(200, 2, price=1), "ETHUSDT": walk(200, 3)}

    class Cross(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            coin = self.coins[self.step // 3 % 3]
            return {coin: (Signal.buy(amount=0.5), Signal.close(), Signal.buy(amount=0.25))[self.step % 3]}

    for order in (list(its), list(reversed(its))):
        flown = engine(Recording.from_bars({coin: bars[coin] for coin in order}, its), Cross(), cash={"USDT": 10_000, "BTC": 2})
        flown.run()
        assert flown.halted is None
        assert {fill.coin for fill in flown.trade.account.fills} == set(its)
        check_curve(flown, {"USDT": 10_000, "BTC": 2})
        raw = flown.raw.latest
        fees = Fraction(0)
        for fill in flown.trade.account.fills:
            rate = Fraction(1)
            if fill.coin == "ETHBTC":
                rate = Fraction(int(raw.events[raw.coins.index("BTCUSDT")].bars.close[fill.step]), 10**8)
            fees += Fraction(fill.fee) * rate * (Fraction(fill.price) if fill.side == "buy" else 1)
        paid = Fraction(fees_paid(flown.trade.exchange, raw, "USDT"), 10**8)
        assert abs(paid - fees) < Fraction(2 * len(flown.trade.account.fills), 10**8)


# round trips


def slow_trips(its: Engine) -> list[tuple[str, int, int, float]]:
    """Round trips by their definition: unit lots bought first are sold first, until less than a lot is left."""
    trips, lots, entry, gained = [], {}, {}, {}
    for fill in its.trade.account.fills:
        coin, price, amount, fee = fill.coin, Fraction(fill.price), Fraction(fill.amount), Fraction(fill.fee)
        quote_fee = fill.fee_asset == "USDT"
        if fill.side == "buy":
            entry.setdefault(coin, fill.step)
            cost = amount * price + (fee if quote_fee else 0)
            received = amount - (0 if quote_fee else fee)
            lots.setdefault(coin, []).append([received, cost / received])
            continue
        gained[coin] = gained.get(coin, Fraction(0)) + amount * price - fee
        while amount:
            part = min(amount, lots[coin][0][0])
            gained[coin] -= part * lots[coin][0][1]
            lots[coin][0][0] -= part
            amount -= part
            if not lots[coin][0][0]:
                lots[coin].pop(0)
        if sum(held for held, _ in lots[coin]) < Fraction(1, 1000):
            trips.append((coin, entry.pop(coin), fill.step, float(gained.pop(coin))))
    return trips


@pytest.mark.parametrize("fee_asset", ["received", "quote"])
def test_round_trips_are_fifo(fee_asset: str) -> None:
    flown = restless(600)
    flown.trade.rules = flown.trade.rules._replace(fee_asset=fee_asset)
    flown.run()
    wanted = slow_trips(flown)
    assert len(wanted) >= 8
    trips = round_trips(flown.trade.exchange)
    assert [(flown.raw.latest.coins[trip.coin], trip.entry_step, trip.exit_step) for trip in trips] == [
        trip[:3] for trip in wanted
    ]
    np.testing.assert_allclose([trip.profit / 10**8 for trip in trips], [trip[3] for trip in wanted], atol=1e-5)


def test_a_hand_made_run_has_the_numbers_worked_out_by_hand() -> None:
    """Cash 1000, fees 1 % in quote. Buy 2 at 100 (fee 2), 1 at 130 (fee 1.3); sell 2 at 120 (2.4), 1 at 90 (0.9)."""
    rows = [100, 100, 130, 120, 90, 90, 50, 60, 60]
    script = {0: Signal.buy(amount=2), 2: Signal.sell(amount=2), 3: Signal.close(), 5: Signal.buy(amount=1)}
    flown = engine(market(rows), Scripted(script), cash=1000, taker=10**6, fee_asset="quote")
    flown.run(2)
    flown.place_order("BTCUSDT", 1)
    flown.run()
    curve = curve_of(flown, {"USDT": 1000})
    # held 2, then 3, then 1, then 0, then 1 of a coin that costs what the rows say
    assert curve.tolist() == pytest.approx([1000, 998, 1056.7, 1024.3, 993.4, 993.4, 992.9, 1002.9, 1002.9])
    ((_, entered, left, profit),) = round_trips(flown.trade.exchange)
    assert (entered, left) == (1, 4)
    assert profit / 10**8 == pytest.approx(2 * 120 + 90 - 2 * 100 - 130 - 2 - 1.3 - 2.4 - 0.9)
    raw = flown.raw.latest
    stats = statistics(flown.trade.exchange, curve, flown.raw.times, fees_paid(flown.trade.exchange, raw, "USDT"))
    assert stats["return_pct"] == pytest.approx(0.29)
    assert stats["max_drawdown_pct"] == pytest.approx(100 * (1 - 992.9 / 1056.7))
    assert stats["trades"] == 1
    assert stats["win_rate_pct"] == 0.0
    assert stats["fees"] == pytest.approx(2 + 1.3 + 2.4 + 0.9 + 0.5)
    assert math.isnan(stats["sharpe"]), "one day has no deviation"


def test_what_was_never_bought_makes_no_round_trip_and_no_profit() -> None:
    flown = engine(market([100, 100, 100, 200, 200]), cash={"USDT": 1000, "BTC": 5}, taker=0)
    flown.run(1)
    flown.place_order("BTCUSDT", -2)
    flown.step()
    flown.place_order("BTCUSDT", 1)
    flown.step()
    flown.place_order("BTCUSDT", -3)
    flown.run()
    ((_, entered, left, profit),) = round_trips(flown.trade.exchange)
    assert (entered, left, profit) == (2, 3, 100 * 10**8)


def test_a_purchase_that_its_fee_eats_up_is_a_loss_and_nothing_worse() -> None:
    flown = engine(market([100] * 5, lot=1), taker=100_000, decimals={"BTC": 0})
    flown.run(1)
    for amount in (1, 9, -8):
        flown.place_order("BTCUSDT", amount)
        flown.step()
    (trip,) = round_trips(flown.trade.exchange)
    assert trip.profit == (8 * 100 - 1000) * 10**8 - 8 * 10**7


# drawdown and Sharpe

WORTH = st.lists(st.floats(0.01, 1e9), min_size=1, max_size=40)


@given(WORTH)
def test_drawdown_is_the_deepest_of_all_falls(worth: list[float]) -> None:
    deepest = max((1 - later / earlier for n, earlier in enumerate(worth) for later in worth[n:]), default=0.0)
    assert max_drawdown(np.array(worth)) == pytest.approx(max(deepest, 0.0), abs=1e-12)


def test_drawdown_of_nothing_is_none() -> None:
    assert max_drawdown(np.array([])) == 0.0
    assert max_drawdown(np.array([5.0, 6.0, 7.0])) == 0.0
    assert max_drawdown(np.array([5.0, 0.0])) == 1.0


@given(st.lists(st.tuples(st.integers(1, 3000), st.floats(50, 200)), min_size=1, max_size=60))
def test_sharpe_is_of_daily_returns(points: list[tuple[int, float]]) -> None:
    times = START + np.cumsum([gap for gap, _ in points]).astype(np.int64) * MINUTE
    worth = np.array([value for _, value in points])
    series = pd.Series(worth, index=pd.DatetimeIndex(times, tz="UTC"))
    # a bar that closes at midnight belongs to the day that ends there
    daily = series.resample("1D", closed="right", label="right").last().dropna()
    returns = pd.concat([series.iloc[:1], daily]).reset_index(drop=True).pct_change().dropna()
    deviation = returns.std() if len(returns) > 1 else 0.0
    got = sharpe(worth, times)
    if len(returns) < 2 or not deviation:
        assert math.isnan(got)
    elif deviation > 1e-12:
        assert got == pytest.approx(returns.mean() / deviation * math.sqrt(365), rel=1e-6, abs=1e-9)


def test_sharpe_of_standing_still_is_not_a_number() -> None:
    times = START + np.arange(1, 11) * DAY
    assert math.isnan(sharpe(np.full(10, 100.0), times))
    assert math.isnan(sharpe(np.array([]), times))


# as a result tells it


def test_a_result_tells_the_same_from_first_worth_to_last(tmp_path: Any) -> None:
    write_recording(tmp_path / "r", market(candles([100, 100, 150, 200, 100, 120])))

    class Once(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            return {0: {"BTCUSDT": Signal.buy(amount=4)}, 2: {"BTCUSDT": Signal.close()}}.get(self.step, {})

    config = {"recording": str(tmp_path / "r"), "account": {"cash": {"USDT": 500, "BTC": 5}}, "fills": {"taker_bps": 0}}
    result = backtest(config, strategy=Once)
    worth = [1000, 1000, 1450, 1900, 1400, 1500]
    assert result.equity["equity"].tolist() == worth
    assert result.final_equity == 1500
    assert result.stats["return_pct"] == pytest.approx(50)
    assert result.stats["max_drawdown_pct"] == pytest.approx(100 * 500 / 1900)
    assert result.stats["trades"] == 1
    assert result.stats["win_rate_pct"] == 100
    assert result.fees == 0
    bare = backtest({**config, "account": {"cash": {"BTC": 2}}}, strategy=Strategy)
    assert bare.stats["return_pct"] == pytest.approx(20)
