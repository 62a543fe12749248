"""Curves against a slow walk over fills and closes in fractions: worth, holding, what was invested when."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine import Signal
from engine.analysis.equity import equity_curve, holding_curve, invested
from engine.loop import Engine
from tests.analysis.slow import Walk
from tests.analysis.worlds import CROSS, PLAIN, WITH_BNB, busy, cross
from tests.worlds import Scripted, candles, engine, market, walk


def check_curve(its: Engine, cash: dict[str, Any]) -> None:
    account, steps = its.trade.account, its.raw.latest.step + 1
    slow = Walk(its, cash)
    wanted = [float(slow.worth) for _ in slow]
    curve = equity_curve(account, 0, steps)
    np.testing.assert_allclose(curve, wanted, rtol=1e-13)
    assert account.equity == pytest.approx(wanted[-1], rel=1e-13)
    for begin, end in ((0, 1), (2, steps // 2), (steps // 2, steps), (steps - 1, steps), (3, 3)):
        np.testing.assert_array_equal(equity_curve(account, begin, end), curve[begin:end])


@pytest.mark.parametrize(("fee_asset", "cash"), [("received", PLAIN), ("quote", PLAIN), ("bnb", WITH_BNB)])
def test_the_curve_is_what_a_slow_walk_comes_to(fee_asset: str, cash: dict[str, Any]) -> None:
    flown = busy(400, fee_asset=fee_asset, cash=cash)
    assert flown.trade.exchange.n_fills > 50
    check_curve(flown, cash)


def test_the_curve_counts_what_was_there_at_the_start() -> None:
    cash = {"USDT": 10_000, "BTC": Decimal("1.5")}
    flown = engine(market(walk(200)), Scripted({5: Signal.buy(amount=3), 50: Signal.close()}), cash=cash)
    flown.run()
    check_curve(flown, cash)


@pytest.mark.parametrize("order", [("BTCUSDT", "ETHBTC", "ETHUSDT"), ("ETHUSDT", "ETHBTC", "BTCUSDT")])
def test_coins_quoted_in_another_asset_are_worth_what_that_is_worth(order: tuple[str, ...]) -> None:
    flown = cross(order)
    assert {fill.coin for fill in flown.trade.account.fills} == set(order)
    check_curve(flown, CROSS)


# holding


def test_holding_is_bought_in_equal_parts_at_the_first_close_and_left_alone() -> None:
    its = engine(market({"AAAUSDT": [100, 150, 50], "BBBUSDT": [20, 20, 60]}))
    its.run()
    assert holding_curve(its.trade.account, [0, 1], 3).tolist() == [1.0, 1.25, 1.75]
    assert holding_curve(its.trade.account, [1], 3).tolist() == [1.0, 1.0, 3.0]
    assert holding_curve(its.trade.account, [0, 1], 0).tolist() == []


def test_a_coin_that_comes_later_is_held_from_its_first_price_on() -> None:
    its = engine(market({"AAAUSDT": [100, 200, 300, 400], "BBBUSDT": candles([10, 30], at=[2, 3])}))
    its.run()
    assert holding_curve(its.trade.account, [0, 1], 4).tolist() == [1.0, 1.5, 2.0, 3.5]


def test_holding_a_coin_of_another_quote_is_told_in_the_account_s_currency() -> None:
    flown = cross()
    slow, curve = Walk(flown, CROSS), []
    for _ in slow:
        curve.append(slow.prices["ETHBTC"] * slow.prices["BTCUSDT"])
    wanted = [float(price / curve[0]) for price in curve]
    np.testing.assert_allclose(holding_curve(flown.trade.account, [1], len(wanted)), wanted, rtol=1e-13)


# invested


def test_invested_is_from_the_entry_s_step_to_the_step_before_the_exit_s() -> None:
    its = engine(market([100] * 8), Scripted({1: Signal.buy(amount=1), 4: Signal.close()}), fee_asset="quote")
    its.run()
    assert invested(its.trade.account, 0, 8).tolist() == [False, False, True, True, True, False, False, False]


def test_less_than_a_lot_is_not_invested_and_what_was_adopted_is() -> None:
    script = {1: Signal.buy(amount=1), 4: Signal.close()}
    its = engine(market([100] * 8), Scripted(script), taker=100_001)
    its.run()
    assert 0 < its.trade.account.position("BTCUSDT").amount < Decimal("0.001")
    assert invested(its.trade.account, 0, 8).tolist() == [False, False, True, True, True, False, False, False]
    cash: dict[str, Any] = {"USDT": 0, "BTC": 2}
    its = engine(market([100] * 5), Scripted({2: Signal.close()}), cash=cash, adopt={"BTC": "0.5"})
    its.run()
    assert invested(its.trade.account, 0, 5).tolist() == [True, True, True, False, False]
    check_curve(its, cash)


def test_less_than_the_minimum_notional_is_not_invested() -> None:
    """0.05 is left, worth 5 at 100, the minimum, and less below."""
    flown = engine(market([100, 100, 100, 100, 99.99, 99.99, 100, 101]), taker=0)
    flown.run(1)
    for amount in ("1", "-0.95"):
        flown.place_order("BTCUSDT", Decimal(amount))
        flown.step()
    flown.run()
    assert invested(flown.trade.account, 0, 8).tolist() == [False, True, True, True, False, False, True, True]


def test_what_was_spent_as_a_quote_is_invested_no_more() -> None:
    flown = cross()
    slow, wanted = Walk(flown, CROSS), []
    for _ in slow:
        wanted.append(not slow.is_flat("BTCUSDT", min(slow.own["BTCUSDT"], slow.held["BTC"]), slow.prices["BTCUSDT"]))
    assert invested(flown.trade.account, 0, len(wanted)).tolist() == wanted
