"""Nothing a strategy can reach tells what has not happened yet, and what it was shown stays what it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine import (
    MACD,
    RSI,
    Feature,
    Indicator,
    LocalTradeSystem,
    MovingAverage,
    PushFeed,
    RollingZScore,
    Signal,
    Strategy,
    UnitBar,
)
from engine.errors import StrategyError
from engine.loop import Engine
from engine.recordings import Bars
from engine.state import FIELDS
from tests.worlds import MINUTE, START, Spread, engine, instrument, market, walk

COINS = ("AAAUSDT", "BBBUSDT")


class Sees(Strategy):
    """Writes down all that it can see at each step, and trades a little so that there is an account to see."""

    def __init__(self) -> None:
        super().__init__()
        self.sights: list[Any] = []

    def features(self) -> list[Feature]:
        return [MovingAverage(window=5), RSI(window=4), MACD(), RollingZScore(window=6), Indicator(fn="ATR"), Spread(window=4)]

    def needs_update(self, timestamp: int) -> bool:
        return True

    def gen_signal(self) -> dict[str, Signal]:
        self.sights.append(list(self.sight()))
        if self.step % 7 == 0:
            return {coin: Signal.buy(value=300, price=self.now(coin).low) for coin, _ in self.bars()}
        return {coin: Signal.close() for coin, _ in self.bars()} if self.step % 7 == 4 else {}

    def sight(self) -> Iterator[Any]:
        state = self.state
        yield self.step, self.time, state.raw.step, state.raw.time, self.cash, self.equity
        for coin in self.coins:
            raw = state.raw[coin]
            yield len(raw), raw.time.tolist(), raw.names, {name: float(value) for name, value in raw.latest.items()}
            yield [raw[name].tolist() for name in FIELDS]
            yield [getattr(raw, name).tolist() for name in FIELDS]
            now = self.now(coin)
            yield [repr(now), *(repr(now.ago(n)) for n in range(4)), repr(now.ago(1).ago(1)), repr(now.ago(10**6))]
            yield state.raw.price(coin), str(state.trade.position(coin)), list(map(str, state.trade.orders(coin)))
            for label in (*self.stats.features.labels, *FIELDS, "position"):
                yield label, self.feature(coin, label), state.features.history(coin, label).tolist()
        yield [coin for coin, _ in self.bars()], [coin for coin, _ in state.raw.bars()], list(map(str, state.trade.fills))


def cut(bars: Bars, rows: int, other: Bars) -> Bars:
    """The first rows of some bars, then others' (as many): a market that turns out differently."""
    columns = {name: np.concatenate([bars.column(name)[:rows], other.column(name)[rows:]]) for name in ("time", *FIELDS)}
    return Bars(**columns, interval=bars.interval)


@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_what_comes_changes_nothing_of_what_was_seen(interval: str) -> None:
    one = {"AAAUSDT": walk(120, 1), "BBBUSDT": walk(120, 2, price=900)}
    for rows in (1, 41, 60):
        other = {coin: cut(bars, rows, walk(120, 90 + rows, price=300)) for coin, bars in one.items()}
        flown, turned = (engine(market(bars), Sees(), interval=interval) for bars in (one, other))
        flown.run()
        turned.run()
        assert repr(flown.strategy.sights[:rows]) == repr(turned.strategy.sights[:rows])
        assert repr(flown.strategy.sights[rows:]) != repr(turned.strategy.sights[rows:])


def test_a_run_that_ends_early_has_seen_the_same() -> None:
    bars = {"AAAUSDT": walk(100, 1, keep=0.7), "BBBUSDT": walk(100, 2, keep=0.7)}
    whole = engine(market(bars), Sees())
    whole.run()
    for rows in (1, 5, 30, 50):
        short = engine(market({coin: its[:rows] for coin, its in bars.items()}), Sees())
        short.run()
        end = min(int(its.time[rows - 1]) + MINUTE for its in bars.values())
        alike = int(whole.raw.times.searchsorted(end, side="right"))
        assert alike >= 1
        for n in range(alike):
            assert repr(short.strategy.sights[n]) == repr(whole.strategy.sights[n])


# views


class AtStep(Strategy):
    """Hands itself to a function at a step."""

    def __init__(self, step: int, look: Any) -> None:
        super().__init__()
        self._at, self._look = step, look

    def features(self) -> list[Feature]:
        return [MovingAverage(window=3, name="mean")]

    def gen_signal(self) -> dict[str, Signal]:
        if self.step == self._at:
            self._look(self)
        return {}


def at_step(step: int, look: Any, bars: Any = None) -> None:
    flown = engine(market(walk(40) if bars is None else bars), AtStep(step, look))
    flown.run()
    if flown.halted is not None:
        raise flown.halted.__cause__ or flown.halted


def test_views_are_as_long_as_what_has_happened_and_read_only() -> None:
    def look(its: Strategy) -> None:
        bars = its.state.raw["BTCUSDT"]
        columns = [bars.time, *(bars[name] for name in FIELDS), *(getattr(bars, name) for name in FIELDS)]
        columns += [its.state.features.history("BTCUSDT", name) for name in ("mean", "close", "position")]
        for column in columns:
            assert len(column) == 8
            assert not column.flags.writeable
            with pytest.raises(ValueError, match="read-only"):
                column[0] = 1

    at_step(7, look)


def test_the_engine_s_own_numbers_cannot_be_written_by_a_strategy() -> None:
    def look(its: Strategy) -> None:
        now = its.now("BTCUSDT")
        for write in (
            lambda: setattr(now, "close", 1.0),
            lambda: setattr(now, "position", 1.0),
            lambda: setattr(now, "something", 1.0),
            lambda: setattr(its.state.raw["BTCUSDT"], "close", 1.0),
            lambda: its.state.features.__setitem__(("BTCUSDT", "close"), 1.0),
            lambda: its.state.features.__setitem__(("BTCUSDT", "position"), 1.0),
        ):
            with pytest.raises((AttributeError, StrategyError)):
                write()

    at_step(7, look)


def test_rows_go_back_only() -> None:
    def look(its: Strategy) -> None:
        now = its.now("BTCUSDT")
        for n in (-1, -5):
            with pytest.raises(StrategyError, match="would look ahead"):
                now.ago(n)
        assert now.ago(0).time == now.time
        assert now.ago(7).time == START
        assert now.ago(8).time == 0
        assert np.isnan(now.ago(8).close)
        assert now.ago(3).ago(2).time == now.ago(5).time

    at_step(7, look)


def test_before_its_first_bar_a_coin_has_a_row_of_nothing_and_nothing_ago() -> None:
    bars = {"AAAUSDT": walk(40, 1), "BBBUSDT": walk(20, 2, start=START + 20 * MINUTE)}

    def look(its: Strategy) -> None:
        now = its.now("BBBUSDT")
        for row in (now, now.ago(0), now.ago(1), now.ago(5)):
            assert np.isnan(row.close)
            assert np.isnan(row.mean)
            assert row.time == 0
            assert not row.position
        assert np.isnan(its.feature("BBBUSDT", "mean"))
        assert its.state.features.history("BBBUSDT", "mean").tolist() == []
        assert its.state.raw["BBBUSDT"].close.tolist() == []
        assert its.state.raw["BBBUSDT"].latest == {}
        assert np.isnan(its.state.raw.price("BBBUSDT"))

    at_step(7, look, bars)


# what was shown


class Keeps(Strategy):
    """Keeps every row it was ever shown, beside what it said then."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[tuple[Any, dict[str, float]]] = []

    def features(self) -> list[Feature]:
        return [MovingAverage(window=3, name="mean"), Spread(window=2, name="spread")]

    def gen_signal(self) -> dict[str, Signal]:
        signals = {}
        for coin, now in self.bars():
            self._kept.append((now, values_of(now)))
            kind = self.step % 9
            if kind == 1:
                signals[coin] = Signal.buy(value=500)
            elif kind == 6:
                signals[coin] = Signal.close()
        return signals


def values_of(row: Any) -> dict[str, float]:
    return {name: getattr(row, name) for name in row.frame.names}


def pushed(rows: int) -> Engine:
    """An engine on growing data, all of it waiting to be taken in."""
    its = [instrument(coin) for coin in COINS]
    feed = PushFeed(its, MINUTE)
    columns = {coin: walk(rows, seed) for seed, coin in enumerate(COINS)}
    for n in range(rows):
        bars = {
            coin: UnitBar(*(int(bars.column(name)[n]) for name in ("time", *FIELDS)))
            for coin, bars in columns.items()
            if n % 5 or coin == "AAAUSDT"
        }
        feed.push(START + (n + 1) * MINUTE, bars)
    strategy = Keeps()
    return Engine(feed, LocalTradeSystem(strategy=strategy), strategy)


@pytest.mark.parametrize("growing", [False, True], ids=["replayed", "growing"])
def test_a_row_kept_stays_the_row_it_was(growing: bool) -> None:
    flown = pushed(1200) if growing else engine(market({coin: walk(1200, n) for n, coin in enumerate(COINS)}), Keeps())
    assert flown.run() == 1200
    assert flown.halted is None
    kept = flown.strategy._kept
    assert len(kept) > 2000
    assert len({values["position"] for _, values in kept}) > 50
    for row, values in kept:
        np.testing.assert_equal(values_of(row), values)


@pytest.mark.parametrize("growing", [False, True], ids=["replayed", "growing"])
def test_ago_of_a_row_kept_is_what_came_before_it(growing: bool) -> None:
    flown = pushed(600) if growing else engine(market({coin: walk(600, n) for n, coin in enumerate(COINS)}), Keeps())
    flown.run()
    for coin in COINS:
        mine = [(row, values) for row, values in flown.strategy._kept if row.frame.coin == coin]
        for n in (0, 1, 2, 255, 256, 257, 300, len(mine) - 1):
            row, _ = mine[n]
            for back in (0, 1, 5, 200):
                if back <= n:
                    np.testing.assert_equal(values_of(row.ago(back)), mine[n - back][1])
                else:
                    assert np.isnan(row.ago(back).close)


def test_positions_are_in_every_row_what_the_account_held_then() -> None:
    class Checks(Keeps):
        def gen_signal(self) -> dict[str, Signal]:
            for coin, now in self.bars():
                held = self.state.trade.position(coin)
                worth = float(held.sellable) * now.close
                assert now.position == (float(held.sellable) if worth >= 5 - 1e-9 else 0.0), (self.step, coin)
            return super().gen_signal()

    flown = engine(market({coin: walk(900, n, keep=0.8) for n, coin in enumerate(COINS)}), Checks())
    flown.run()
    assert flown.halted is None, flown.halted
    assert flown.trade.exchange.n_fills > 100
