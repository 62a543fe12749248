"""The path inside a bar: it makes the bar again, and orders fill on it as the bar's own rules say, where these are sure."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from engine.exchange import Exchange, FillRules
from engine.exchange import kernel as k
from engine.market.path import Tick, path, turns
from engine.recordings import Bars, import_files, open_recording
from tests.worlds import candles, instrument, units, walk

CENT = units("0.01")


def made(ticks: list[Tick]) -> tuple[int, int, int, int, int]:
    prices = [tick.price for tick in ticks]
    return prices[0], max(prices), min(prices), prices[-1], sum(tick.amount for tick in ticks)


@pytest.mark.parametrize("seed", range(3))
def test_the_trades_of_a_path_make_its_bar_again(seed: int) -> None:
    bars = walk(2000, 9)
    for row in range(len(bars)):
        ticks = path(bars, row, seed=seed, tick=CENT)
        whole = tuple(int(bars.column(name)[row]) for name in ("open", "high", "low", "close", "volume"))
        assert made(ticks) == whole if whole[-1] else ticks == []
        times = [tick.time for tick in ticks]
        assert times == sorted(set(times))
        begin = int(bars.time[row])
        assert all(begin <= time < begin + bars.interval and time % 10**6 == 0 for time in times)
        assert all(tick.amount > 0 for tick in ticks)


@pytest.mark.parametrize(
    ("bar", "way"),
    [
        ((100, 110, 95, 102), [100, 95, 110, 102]),
        ((100, 104, 90, 102), [100, 104, 90, 102]),
        ((100, 110, 90, 90), [100, 110, 90]),
        ((100, 110, 100, 105), [100, 110, 105]),
        ((100, 100, 100, 100), [100]),
        ((100, 110, 100, 110), [100, 110]),
        ((100, 105, 95, 98), [100, 105, 95, 98]),
    ],
)
def test_the_way_goes_over_the_nearer_extreme_first(bar: tuple[int, ...], way: list[int]) -> None:
    assert turns(*bar) == way


def test_quotes_stand_a_tick_apart_with_the_trade_on_the_side_it_took() -> None:
    bars = candles([(100, 110, 95, 102, 5)])
    ticks = path(bars, 0, tick=CENT, last=units(101))
    assert [tick.sold for tick in ticks] == [True, True, False, True]
    for tick in ticks:
        assert tick.ask - tick.bid == CENT
        assert tick.price == (tick.bid if tick.sold else tick.ask)
    assert [(tick.since, tick.gap) for tick in ticks] == [
        (units(100), True),
        (units(100), False),
        (units(95), False),
        (units(110), False),
    ]


def test_another_seed_is_another_path_and_the_same_seed_the_same() -> None:
    bars = walk(50, 2)
    one, same, other = ([path(bars, row, seed=seed) for row in range(50)] for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert [[tick.price for tick in ticks] for ticks in one] == [[tick.price for tick in ticks] for ticks in other]


def test_a_volume_of_few_units_still_makes_the_bar() -> None:
    bars = candles([(100, 110, 95, 102, "0.00000002")])
    assert made(path(bars, 0)) == (units(100), units(110), units(95), units(102), 2)


# the bar's own rules


def fills_by_bar(exchange: Exchange, bars: Bars, row: int, step: int) -> list[Any]:
    before = exchange.n_fills
    ohlcv = (int(bars.column(name)[row]) for name in ("open", "high", "low", "close", "volume"))
    exchange.on_bar(0, step, int(bars.time[row]), *ohlcv)
    return [exchange.fill(n) for n in range(before, exchange.n_fills)]


def fills_by_path(exchange: Exchange, bars: Bars, row: int, step: int, seed: int) -> list[Any]:
    before = exchange.n_fills
    last = int(bars.close[row - 1]) if row else 0
    for n, tick in enumerate(path(bars, row, tick=CENT, last=last, seed=seed)):
        quotes = {"price": tick.price, "volume": tick.amount, "since": tick.since, "jump": tick.gap}
        exchange.on_tick(0, step + n, tick.time, tick.bid, tick.ask, **quotes)
    return [exchange.fill(n) for n in range(before, exchange.n_fills)]


def orders_near(dice: random.Random, mark: int) -> list[tuple[int, int, int, int]]:
    """Orders of every kind around a price: side, type, price, stop."""
    orders = []
    for _ in range(dice.randrange(1, 4)):
        side, kind = dice.choice((k.BUY, k.SELL)), dice.choice((k.MARKET, k.LIMIT, k.LIMIT, k.STOP_LOSS, k.TAKE_PROFIT))
        away = dice.randrange(1, 4000) * CENT
        above = (side == k.SELL) == (kind in (k.LIMIT, k.TAKE_PROFIT))
        level = mark + away if above else mark - away
        orders.append((side, kind, level if kind == k.LIMIT else 0, level if kind >= k.STOP_LOSS else 0))
    return orders


@pytest.mark.parametrize("limit_touch", [False, True])
def test_on_real_bars_the_path_fills_what_the_bar_s_rules_fill(data: Path, tmp_path: Path, limit_touch: bool) -> None:
    """The same orders, in the same bar, at the same price; takers of a quote pay a tick at most for the spread."""
    import_files([data / "klines" / "spot-1m-2025-05_08" / "BTC_USDT-1m.csv.gz"], tmp_path / "btc")
    bars = open_recording(tmp_path / "btc").bars("BTCUSDT")
    dice = random.Random(4)
    filled = 0
    for row in sorted(dice.sample(range(1, len(bars)), 4000)):
        mark = int(bars.close[row - 1])
        plans = orders_near(dice, mark)
        runs = []
        for way in (fills_by_bar, fills_by_path):
            rules = FillRules(maker=0, taker=0, limit_touch=limit_touch)
            exchange = Exchange([instrument("BTCUSDT")], {"USDT": units(10**8), "BTC": units(1000)}, rules)
            for side, kind, price, stop in plans:
                exchange.place(0, side, kind, units(1), price, stop, mark, 0, 0)
            step = (bars, row, 1) if way is fills_by_bar else (bars, row, 1, row)
            runs.append({fill.order: fill for fill in way(exchange, *step)})
        by_bar, by_path = runs
        assert set(by_bar) == set(by_path), (row, plans)
        filled += len(by_bar)
        for number, fill in by_bar.items():
            side, kind, *_ = plans[number]
            paid = side * (by_path[number].price - fill.price)
            spread = CENT if kind in (k.MARKET, k.STOP_LOSS, k.TAKE_PROFIT) else 0
            assert 0 <= paid <= spread, (row, plans[number], fill, by_path[number])
    assert filled > 3000
