"""Round trips against lots taken one by one in fractions and excursions seen bar by bar; and cases worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine import Signal
from engine.analysis.trips import RoundTrip, round_trips
from engine.loop import Engine
from tests.analysis.slow import Walk, floored, slow_trades
from tests.analysis.worlds import CROSS, PLAIN, WITH_BNB, busy, cross
from tests.worlds import Scripted, engine, market

ADOPTED = {"USDT": 10_000, "AAA": 5}
RUNS = {
    "fees in what is received": (lambda: busy(fee_asset="received"), PLAIN, None),
    "fees in quote": (lambda: busy(fee_asset="quote"), PLAIN, None),
    "fees in BNB": (lambda: busy(fee_asset="bnb", cash=WITH_BNB), WITH_BNB, None),
    "adopted": (lambda: busy(cash=ADOPTED, adopt={"AAA": 2}), ADOPTED, {"AAA": 2}),
    "other quotes": (cross, CROSS, None),
}


@pytest.mark.parametrize("name", RUNS)
def test_round_trips_are_first_in_first_out_and_see_what_their_bars_saw(name: str) -> None:
    fly, cash, adopt = RUNS[name]
    its: Engine = fly()
    wanted = slow_trades(Walk(its, cash, adopt))
    trips = round_trips(its.trade.account)
    assert len(trips) >= 8
    coins, scales = its.raw.latest.coins, [its.trade.exchange.scale(n) for n in range(len(its.raw.latest.coins))]
    assert [(coins[trip.coin], trip.entry_step, trip.exit_step, trip.amount / scales[trip.coin]) for trip in trips] == [
        (trade.coin, trade.entry_step, trade.exit_step, float(trade.amount)) for trade in wanted
    ]
    assert [trip.profit for trip in trips] == [trade.profit * 10**8 for trade in wanted]
    assert [trip.cost for trip in trips] == [floored(trade.cost * trade.rate) * 10**8 for trade in wanted]
    for got, want in (
        ([trip.entry_price for trip in trips], [trade.cost / trade.amount for trade in wanted]),
        ([trip.exit_price for trip in trips], [(trade.cost + trade.taken) / trade.amount for trade in wanted]),
    ):
        np.testing.assert_allclose(got, [float(value) for value in want], rtol=1e-9)
    for got, want in (
        ([trip.profit / trip.cost for trip in trips], [trade.ratio for trade in wanted]),
        ([trip.mae for trip in trips], [trade.mae for trade in wanted]),
        ([trip.mfe for trip in trips], [trade.mfe for trade in wanted]),
    ):
        np.testing.assert_allclose(got, [float(value) for value in want], rtol=0, atol=1e-9)
    for trip in trips:
        assert trip.mae <= 0 <= trip.mfe
        assert trip.mae <= trip.profit / trip.cost + 1e-12
        assert trip.profit / trip.cost <= trip.mfe + 1e-12


def trip_of(its: Engine) -> RoundTrip:
    (trip,) = round_trips(its.trade.account)
    return trip


def test_the_bars_between_count_in_whole_and_of_the_last_only_the_fill() -> None:
    """Bought at 100 (at the open), sold at 110 (at the open); between, 90 to 130; before, 50, and after the exit, 500."""
    rows = [(100, 101, 50, 100), (100, 100, 50, 100), (100, 120, 95, 100), (100, 130, 90, 100), (110, 500, 10, 100)]
    its = engine(market(rows), Scripted({1: Signal.buy(amount=1), 3: Signal.close()}), taker=0)
    its.run()
    trip = trip_of(its)
    assert (trip.entry_step, trip.exit_step, trip.cost, trip.profit) == (2, 4, 100 * 10**8, 10 * 10**8)
    assert (trip.entry_price, trip.exit_price) == (100, 110)
    assert (trip.mae, trip.mfe) == pytest.approx((-0.1, 0.3))


def test_of_a_bar_with_a_fill_inside_only_fill_and_close_are_sure() -> None:
    """A limit at 95 fills in a bar of 80 to 120 that closes at 97; a stop at 90 in one that falls to 70."""
    rows = [(100, 100, 100, 100), (100, 120, 80, 97), (97, 98, 96, 97), (97, 99, 70, 75), (75, 75, 75, 75)]
    script = {0: Signal.buy(amount=1, price=95), 1: Signal.close(stop=90)}
    its = engine(market(rows), Scripted(script), taker=0, maker=0)
    its.run()
    trip = trip_of(its)
    assert trip.profit == -5 * 10**8
    assert (trip.mae, trip.mfe) == pytest.approx((-5 / 95, 3 / 95))


def test_a_fee_is_part_of_the_running_profit() -> None:
    its = engine(market([100] * 5), Scripted({0: Signal.buy(amount=1), 2: Signal.close()}), taker=10**6, fee_asset="quote")
    its.run()
    trip = trip_of(its)
    assert (trip.cost, trip.profit) == (101 * 10**8, -2 * 10**8)
    assert (trip.mae, trip.mfe) == pytest.approx((-2 / 101, 0))


def test_what_was_taken_already_counts_in_the_running_profit() -> None:
    """Two bought at 100; one sold at 150 (50 taken); the other falls to 60 and is sold: 10 in all, and never a loss."""
    its = engine(market([100, 100, 150, 60, 60]), taker=0)
    its.run(1)
    its.place_order("BTCUSDT", 2)
    its.step()
    its.place_order("BTCUSDT", -1)
    its.step()
    its.place_order("BTCUSDT", -1)
    its.run()
    trip = trip_of(its)
    assert trip.profit == 10 * 10**8
    assert (trip.mae, trip.mfe) == pytest.approx((0, 100 / 200))


def test_what_was_never_bought_makes_no_round_trip_and_no_profit() -> None:
    flown = engine(market([100, 100, 100, 200, 200]), cash={"USDT": 1000, "BTC": 5}, taker=0)
    flown.run(1)
    for amount in (-2, 1, -3):
        flown.place_order("BTCUSDT", amount)
        flown.step()
    trip = trip_of(flown)
    assert (trip.entry_step, trip.exit_step, trip.amount, trip.profit) == (2, 3, 10**8, 100 * 10**8)


def test_a_purchase_that_its_fee_eats_up_is_a_loss_and_nothing_worse() -> None:
    flown = engine(market([100] * 5, lot=1), taker=100_000, decimals={"BTC": 0})
    flown.run(1)
    for amount in (1, 9, -8):
        flown.place_order("BTCUSDT", amount)
        flown.step()
    trip = trip_of(flown)
    assert (trip.amount, trip.cost) == (8, 1000 * 10**8)
    assert trip.profit == (8 * 100 - 1000) * 10**8 - 8 * 10**7


def test_what_is_left_below_the_minimum_notional_is_flat_and_goes_into_the_next() -> None:
    """0.04 of one are left, 39 lots above one but worth 4 of the 5 that an order must be; the next trade sells them too."""
    flown = engine(market([100, 100, 100, 110, 120, 120]), taker=0)
    flown.run(1)
    for amount in ("1", "-0.96", "1", "-1.04"):
        flown.place_order("BTCUSDT", Decimal(amount))
        flown.step()
    first, second = round_trips(flown.trade.account)
    assert (first.entry_step, first.exit_step, first.amount, first.profit) == (1, 2, 96 * 10**6, 0)
    assert (second.entry_step, second.exit_step, second.amount) == (3, 4, 104 * 10**6)
    assert (second.cost, second.profit) == (114 * 10**8, 10_80000000)


def test_dust_that_can_be_sold_after_a_rise_is_a_round_trip_of_its_own() -> None:
    flown = engine(market([100, 100, 100, 200, 200]), taker=0)
    flown.run(1)
    for amount in ("1", "-0.96"):
        flown.place_order("BTCUSDT", Decimal(amount))
        flown.step()
    flown.step()
    flown.place_order("BTCUSDT", Decimal("-0.04"))
    flown.step()
    _, dust = round_trips(flown.trade.account)
    assert (dust.entry_step, dust.exit_step, dust.amount, dust.cost, dust.profit) == (4, 4, 4 * 10**6, 4 * 10**8, 4 * 10**8)
    assert (dust.mae, dust.mfe) == pytest.approx((0, 1))


def test_a_position_still_open_and_nothing_at_all_are_no_round_trips() -> None:
    for script in ({}, {0: Signal.buy(amount=1)}):
        its = engine(market([100] * 4), Scripted(script))
        its.run()
        assert round_trips(its.trade.account) == []


def test_a_trade_that_comes_and_goes_in_one_bar() -> None:
    rows = [(100, 100, 100, 100), (100, 130, 80, 100), (100, 100, 100, 100)]
    its = engine(market(rows), taker=0)
    its.run(1)
    its.place_order("BTCUSDT", 1, stop_loss=90)
    its.run()
    trip = trip_of(its)
    assert (trip.entry_step, trip.exit_step, trip.profit) == (1, 1, -10 * 10**8)
    assert (trip.mae, trip.mfe) == pytest.approx((-0.1, 0))


def test_the_steps_are_those_of_the_session_where_a_coin_has_gaps() -> None:
    script: dict[int, Any] = {0: {"AAAUSDT": Signal.buy(amount=1)}, 3: {"AAAUSDT": Signal.close()}}
    bars = {"AAAUSDT": [100, 100, 120, 90, 110, 110], "BBBUSDT": [1] * 6}
    whole = engine(market(bars), Scripted(script), taker=0)
    whole.run()
    assert trip_of(whole)[:3] == (0, 1, 4)
    assert (trip_of(whole).mae, trip_of(whole).mfe) == pytest.approx((-0.1, 0.2))
