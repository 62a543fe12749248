"""The limits of `[risk]`: each refuses what passes it, tells by how much, and never keeps anybody from getting out."""

from __future__ import annotations

from typing import Any

import pytest

from engine import Signal, Strategy
from engine.errors import OrderError
from engine.loop import Engine
from engine.model import OrderStatus
from engine.trading.risk import Limits
from tests.worlds import MINUTE, Scripted, candles, engine, fills_of, hashes, market, outcomes, units, walk


def ready(rows: Any = None, *, cash: Any = 10_000, **limits: Any) -> Engine:
    its = engine(market(rows or [100] * 30), cash=cash, limits=Limits(**limits), maker=0, taker=0)
    its.run(1)
    return its


def last_refusal(its: Engine) -> str:
    return its.trade.account.order(its.trade.exchange.n_orders - 1).refusal


def test_without_limits_everything_passes() -> None:
    its = ready()
    for _ in range(50):
        its.place_order("BTCUSDT", 1, 99)
    assert its.trade.exchange.n_open == 50


# size


@pytest.mark.parametrize(
    ("amount", "price", "over"),
    [(10, None, None), (10.001, None, "0.10"), (12.5, 80, None), (12.51, 80, "0.80"), (7, 150, "50.00")],
)
def test_an_order_worth_more_than_the_limit_is_refused_by_how_much(
    amount: float, price: float | None, over: str | None
) -> None:
    its = ready(order_notional=units(1000))
    its.place_order("BTCUSDT", amount, price)
    order = its.trade.account.order(0)
    if over is None:
        assert order.status is OrderStatus.NEW
        return
    assert order.status is OrderStatus.REJECTED
    assert order.refusal.startswith("risk: an order worth 1,0")
    assert order.refusal.endswith(f"max_order_notional is 1,000.00, {over} USDT too much")
    assert its.trade.account.balances["USDT"] == (10_000, 0)


def test_a_position_counts_what_is_held_and_what_open_buys_would_add() -> None:
    its = ready(position_notional=units(1000))
    its.place_order("BTCUSDT", 4)
    its.step()
    its.place_order("BTCUSDT", 4, 90)
    its.place_order("BTCUSDT", 2.5, 90)
    assert last_refusal(its) == "risk: a position worth 1,050.00 USDT; max_position_notional is 1,000.00, 50.00 USDT too much"
    its.place_order("BTCUSDT", 2, 90)
    assert its.trade.exchange.n_open == 2
    its.place_order("BTCUSDT", 0.1)
    assert "max_position_notional" in last_refusal(its)
    its.trade.cancel_order("BTCUSDT")
    its.place_order("BTCUSDT", 6)
    assert its.trade.exchange.n_open == 1


def test_an_order_put_in_another_s_stead_does_not_count_it_too() -> None:
    its = ready(position_notional=units(1000), open_orders=1)
    its.place_order("BTCUSDT", 8, 90)
    its.trade.replace_order(0, 10, 90)
    with pytest.raises(OrderError, match="order #1 stays as it is: risk: a position worth"):
        its.trade.replace_order(1, 10.1, 90)
    assert [order.id for order in its.trade.account.orders()] == [1]


def test_selling_is_never_too_much() -> None:
    its = ready(cash={"USDT": 10_000, "BTC": 100}, order_notional=units(10), position_notional=units(10), open_orders=1)
    for _ in range(3):
        its.place_order("BTCUSDT", -20)
    its.step()
    assert [amount for *_, amount, _ in fills_of(its)] == [20, 20, 20]


# price


@pytest.mark.parametrize(
    ("amount", "price", "stop", "told"),
    [
        (1, 105, None, None),
        (1, 105.01, None, "a price 5.01 % above the market; price_collar_pct is 5.00 %, 0.01 % too much"),
        (1, 50, None, None),
        (-1, 95, None, None),
        (-1, 94.99, None, "a price 5.01 % below the market; price_collar_pct is 5.00 %, 0.01 % too much"),
        (-1, 200, None, None),
        (1, None, 106, "a price 6.00 % above the market; price_collar_pct is 5.00 %, 1.00 % too much"),
        (-1, 80, 99, "a price 20.00 % below the market; price_collar_pct is 5.00 %, 15.00 % too much"),
    ],
)
def test_a_price_worse_than_the_collar_is_refused(
    amount: float, price: float | None, stop: float | None, told: str | None
) -> None:
    its = ready(cash={"USDT": 10_000, "BTC": 5}, price_collar=units("0.05"))
    its.place_order("BTCUSDT", amount, price, stop=stop)
    assert last_refusal(its) == (f"risk: {told}" if told else "")


def test_either_leg_of_a_pair_can_be_refused_and_then_neither_is_placed() -> None:
    its = ready(cash={"USDT": 0, "BTC": 5}, price_collar=units("0.05"))
    its.trade.place_oco("BTCUSDT", -1, 120, 97, stop_limit=90)
    assert [its.trade.account.order(n).status for n in range(2)] == [OrderStatus.REJECTED] * 2
    assert "price_collar_pct" in last_refusal(its)
    its.trade.place_oco("BTCUSDT", -1, 120, 97, stop_limit=96)
    assert its.trade.exchange.n_open == 2


# number


def test_orders_of_the_last_minute_are_counted() -> None:
    rows = candles([100] * 120, interval="1s")
    its = engine(market(rows), limits=Limits(orders_per_minute=3), cash={"USDT": 10_000, "BTC": 5})
    its.run(1)
    for _ in range(4):
        its.place_order("BTCUSDT", 1, 90)
    assert last_refusal(its) == "risk: 3 orders in the last minute; max_orders_per_minute is 3, 1 too much"
    its.place_order("BTCUSDT", -1, 200)
    assert its.trade.exchange.n_open == 4
    its.run(59)
    its.place_order("BTCUSDT", 1, 90)
    assert "max_orders_per_minute" in last_refusal(its)
    its.step()
    its.place_order("BTCUSDT", 1, 90)
    assert its.trade.exchange.n_open == 5


def test_open_orders_are_counted() -> None:
    its = ready(open_orders=2)
    for _ in range(3):
        its.place_order("BTCUSDT", 1, 90)
    assert last_refusal(its) == "risk: 2 orders open; max_open_orders is 2, 1 too much"
    its.cancel(0)
    its.place_order("BTCUSDT", 1, 90)
    assert its.trade.exchange.n_open == 2


def test_the_same_order_twice_is_refused_for_a_while() -> None:
    its = ready(cash={"USDT": 10_000, "BTC": 5}, repeat_s=120)
    for amount in (1, 1, -1, -1, 1.001):
        its.place_order("BTCUSDT", amount, 100)
    refusals = [its.trade.account.order(n).refusal for n in range(5)]
    assert [bool(refusal) for refusal in refusals] == [False, True, False, True, False]
    assert refusals[1] == "risk: the same order was given 0 s ago, no_repeat_s is 120"
    its.step()
    its.place_order("BTCUSDT", 1, 100)
    assert last_refusal(its) == "risk: the same order was given 60 s ago, no_repeat_s is 120"
    its.step()
    its.place_order("BTCUSDT", 1, 100)
    assert last_refusal(its) == ""


# loss


def test_a_fall_from_the_peak_ends_buying_and_withdraws_what_would_buy() -> None:
    script = {0: Signal.buy(amount=50), 2: Signal.buy(amount=1, price=10), 5: Signal.buy(amount=1), 6: Signal.close()}
    its = engine(
        market([100, 100, 120, 110, 99, 99, 99, 99, 150]),
        Scripted(script),
        limits=Limits(drawdown=units("0.09")),
        maker=0,
        taker=0,
    )
    its.run(4)
    # 10,000 made 11,000 at 120; at 99 it is 9,950, 9.55 % below
    assert its.trade.exchange.n_open == 1
    its.run()
    told = "not sent: risk: USDT 9,950.00 is 9.55 % below its peak, max_drawdown_pct is 9"
    assert outcomes(its) == [(0, "buy", "order #0"), (2, "buy", "order #1"), (5, "buy", told), (6, "close", "order #2")]
    assert its.trade.account.order(1).status is OrderStatus.CANCELED
    assert [side for _, _, side, *_ in fills_of(its)] == ["buy", "sell"]


def test_flatten_sells_everything_at_once_and_says_so() -> None:
    its = engine(
        market([100, 100, 120, 110, 99, 90, 80]),
        Scripted({0: Signal.buy(amount=50, stop_loss=50)}),
        limits=Limits(drawdown=units("0.09"), flatten=True),
        maker=0,
        taker=0,
    )
    its.run()
    assert [(step, side, price) for step, _, side, _, price in fills_of(its)] == [(1, "buy", 100), (5, "sell", 90)]
    order = its.trade.account.order(2)
    assert (order.by, order.step) == ("risk", 4)
    assert "max_drawdown_pct" in order.reason
    assert its.trade.account.order(1).status is OrderStatus.CANCELED


def test_a_day_s_loss_ends_buying_until_the_next_day() -> None:
    closes = [100, 100, 94, 94, 94, 94, 94, 90]
    rows = candles(closes, interval="6h")
    script = {0: Signal.buy(amount=100), **{n: Signal.buy(amount=0.1) for n in range(3, 8)}}
    its = engine(market(rows), Scripted(script), cash=11_000, limits=Limits(daily_loss=units("0.05")), maker=0, taker=0)
    its.run()
    told = "not sent: risk: USDT 10,400.00 is 5.45 % below its day's start, max_daily_loss_pct is 5"
    # bars close at 06, 12, 18 and 24 h: the fourth is the first day's still
    assert outcomes(its) == [(0, "buy", "order #0"), (3, "buy", told)] + [(n, "buy", f"order #{n - 3}") for n in range(4, 8)]


class Fraught(Strategy):
    """Buys and sells by chance."""

    def gen_signal(self) -> dict[str, Signal]:
        coin = self.coins[self.rng.integers(len(self.coins))]
        if self.rng.random() < 0.1:
            return {coin: Signal.buy(value=self.rng.random() * 9000)}
        return {coin: Signal.close()} if self.rng.random() < 0.1 else {}


DRAWDOWN, DAILY = "0.03", "0.01"


def stops_seen_slowly(seed: int) -> list[tuple[int, bool]]:
    """Fly a fraught strategy and look at its equity at every step: the engine's stops must be those this finds."""
    bars = {coin: walk(1500, 10 * seed + n, interval="15m", keep=0.9) for n, coin in enumerate(("AAAUSDT", "BBBUSDT"))}
    its = engine(market(bars), Fraught(), limits=Limits(drawdown=units(DRAWDOWN), daily_loss=units(DAILY)))
    its.strategy.seed(seed)
    peak = opening = before = 0.0
    day, spared, deep = -1, -1, False
    expected, seen = [], []
    last = None
    while its.step():
        stop = its.trade.risk.stopped
        if stop is not last and stop is not None:
            seen.append((its.raw.latest.step, stop.today))
        last = stop
        equity = its.trade.account.equity
        today = (its.raw.latest.time - 1) // (1440 * MINUTE)
        if today != day:
            opening, day = (before or equity), today
        peak, before = max(peak, equity), equity
        if not deep and equity < peak * (1 - float(DRAWDOWN)):
            deep = True
            expected.append((its.raw.latest.step, False))
        elif not deep and day != spared and equity < opening * (1 - float(DAILY)):
            spared = day
            expected.append((its.raw.latest.step, True))
    assert seen == expected
    return seen


def test_falls_are_seen_at_the_step_a_slow_look_at_every_step_sees_them() -> None:
    kinds = [today for seed in range(12) for _, today in stops_seen_slowly(seed)]
    assert kinds.count(True) > 3
    assert kinds.count(False) > 2


def test_watching_for_losses_changes_nothing_until_they_come() -> None:
    bars = walk(1500, 3)
    free = engine(market(bars), Fraught())
    watched = engine(market(bars), Fraught(), limits=Limits(drawdown=units("0.99"), daily_loss=units("0.99")))
    free.run()
    watched.run()
    assert hashes(free) == hashes(watched)
    assert len(fills_of(free)) > 20


def test_limits_hold_however_the_run_is_cut() -> None:
    limits = Limits(drawdown=units("0.015"), daily_loss=units("0.005"), flatten=True, orders_per_minute=2, repeat_s=600)
    runs = []
    for chunk in (1, 7, 5000):
        its = engine(market(walk(3000, 8)), Fraught(), limits=limits)
        while its.run(chunk):
            pass
        runs.append((hashes(its), outcomes(its)))
    assert runs[0] == runs[1] == runs[2]
    assert any("max_drawdown_pct" in outcome for _, _, outcome in runs[0][1])
