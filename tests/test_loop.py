"""What a step is: distinct event times, stages in their order, orders that wait for the next event, hand input in its place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine import Feature, MovingAverage, OrderStatus, Signal, Statistics, Strategy, backtest
from engine.errors import AmountOverflow, ConfigError, OrderError
from engine.exchange import kernel as k
from engine.loop import Input
from engine.market import ReplayFeed
from engine.recordings import Bars
from tests.worlds import MINUTE, START, Scripted, candles, engine, fills_of, market, walk

TWO = {
    "AAAUSDT": candles([10, 11, 12], at=[0, 1, 3]),
    "BBBUSDT": candles([20, 21, 22, 23], at=[1, 2, 3, 7]),
}


class Watcher(Strategy):
    """Writes down what it sees at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def gen_signal(self) -> dict[str, Signal]:
        coins = [coin for coin, _ in self.bars()]
        self.seen.append((self.step, (self.time - START) // MINUTE, coins, [self.state.raw.price(coin) for coin in self.coins]))
        return {}


class EveryStep(Watcher):
    def needs_update(self, timestamp: int) -> bool:
        return True


# what a step is


def test_a_step_is_a_distinct_closing_time_with_all_coins_events() -> None:
    flown = engine(market(TWO), Watcher())
    assert flown.run() == 5
    assert flown.strategy.seen == [
        (0, 1, ["AAAUSDT"], [10.0, pytest.approx(float("nan"), nan_ok=True)]),
        (1, 2, ["AAAUSDT", "BBBUSDT"], [11.0, 20.0]),
        (2, 3, ["BBBUSDT"], [11.0, 21.0]),
        (3, 4, ["AAAUSDT", "BBBUSDT"], [12.0, 22.0]),
        (4, 8, ["BBBUSDT"], [12.0, 23.0]),
    ]
    assert not flown.step()
    assert flown.run() == 0


def test_coins_come_in_the_session_s_order() -> None:
    flown = engine(market(TWO), Watcher(), coins=["BBBUSDT", "AAAUSDT"])
    flown.run()
    assert [coins for _, _, coins, _ in flown.strategy.seen][1] == ["BBBUSDT", "AAAUSDT"]


def test_fills_of_one_step_happen_in_the_session_s_order_whatever_the_order_of_entry() -> None:
    bars = {"AAAUSDT": candles([10, 10, 10]), "BBBUSDT": candles([10, 10, 10])}
    for coins in (["AAAUSDT", "BBBUSDT"], ["BBBUSDT", "AAAUSDT"]):
        flown = engine(market(bars), coins=coins)
        flown.run(1)
        flown.place_order(coins[1], 2)
        flown.place_order(coins[0], 1)
        flown.run()
        assert [coin for _, coin, *_ in fills_of(flown)] == coins


def test_a_coin_of_which_no_bar_closed_is_not_there_for_the_exchange_either() -> None:
    bars = {"AAAUSDT": candles([10, (9, 9, 9, 9)], at=[0, 5]), "BBBUSDT": candles([20] * 6)}
    flown = engine(market(bars), EveryStep(), cash=1000)
    flown.run(1)
    flown.place_order("AAAUSDT", 50)
    for _ in range(4):
        flown.step()
        assert flown.trade.query_order("AAAUSDT") is OrderStatus.NEW
        assert flown.strategy.state.raw.price("AAAUSDT") == 10.0
    flown.step()
    assert fills_of(flown) == [(5, "AAAUSDT", "buy", Decimal(50), Decimal(9))]


def test_what_is_held_is_valued_at_the_last_price_however_old() -> None:
    bars = {"AAAUSDT": candles([10, 10], at=[0, 1]), "BBBUSDT": candles([20] * 6)}
    flown = engine(market(bars), maker=0, taker=0, cash=1000)
    flown.run(1)
    flown.place_order("AAAUSDT", 50)
    flown.run()
    assert flown.trade.account.equity == 1000.0
    assert flown.trade.account.position("AAAUSDT").mark == 10.0


def test_a_gap_makes_no_step_and_no_bar() -> None:
    flown = engine(market(candles([10, 11, 12], at=[0, 500, 501])), Watcher())
    assert flown.run() == 3
    assert [minute for _, minute, *_ in flown.strategy.seen] == [1, 501, 502]


def test_a_bar_without_volume_is_an_event_that_fills_nothing() -> None:
    flown = engine(market([10, (11, 11, 11, 11, 0), 12]), Scripted({0: Signal.buy(amount=1)}))
    flown.run()
    assert fills_of(flown) == [(2, "BTCUSDT", "buy", Decimal(1), Decimal(12))]


# when an order can act


@pytest.mark.parametrize(
    ("signal", "filled"),
    [
        (Signal.buy(amount=1), (1, 104)),
        (Signal.buy(amount=1, price=95), (2, 95)),
        (Signal.buy(amount=1, price=110), (1, 104)),
        (Signal.buy(amount=1, stop=109), (2, 109)),
    ],
    ids=["market", "limit", "limit beyond the market", "stop"],
)
def test_an_order_meets_the_next_event_at_the_earliest(signal: Signal, filled: tuple[int, int]) -> None:
    bars = [(100, 120, 80, 100), (104, 105, 99, 104), (104, 111, 90, 100)]
    flown = engine(market(bars), Scripted({0: signal}))
    flown.run()
    ((step, _, _, _, price),) = fills_of(flown)
    assert (step, price) == filled


def test_an_order_of_the_last_step_waits_for_ever() -> None:
    flown = engine(market([10, 10]), Scripted({1: Signal.buy(amount=1)}))
    flown.run()
    assert fills_of(flown) == []
    assert flown.trade.query_order("BTCUSDT") is OrderStatus.NEW


def test_the_strategy_sees_the_fill_at_the_step_it_happened() -> None:
    class Books(Scripted):
        def gen_signal(self) -> dict[str, Signal]:
            ((_, now),) = self.bars()
            self.books = [*getattr(self, "books", []), (now.position, self.cash, self.equity)]
            return super().gen_signal()

    flown = engine(market([10, 11, 12, 13]), Books({0: Signal.buy(amount=100)}), cash=2000, maker=0, taker=0)
    flown.run()
    assert flown.strategy.books == [
        (0.0, 2000.0, 2000.0),
        (100.0, 900.0, 2000.0),
        (100.0, 900.0, 2100.0),
        (100.0, 900.0, 2200.0),
    ]


def test_resting_orders_are_met_though_most_bars_are_passed_over() -> None:
    """A limit far from the market fills at exactly the bar that trades through it, however long that takes."""
    for wait in (1, 63, 64, 65, 127, 200, 5000):
        rows = [100] * wait + [(100, 100, 89, 95), 100]
        flown = engine(market(rows), Scripted({0: Signal.buy(amount=1, price=90)}))
        flown.run()
        assert fills_of(flown) == [(wait, "BTCUSDT", "buy", Decimal(1), Decimal(90))]


# the decision bar


def test_a_longer_decision_bar_is_seen_when_it_has_closed_and_orders_meet_the_recorded_ones() -> None:
    class Five(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def features(self) -> list[Feature]:
            return [MovingAverage(window=2, name="mean")]

        def gen_signal(self) -> dict[str, Signal]:
            ((coin, now),) = self.bars()
            self.seen.append((self.step, now.open, now.high, now.low, now.close, now.volume, now.mean))
            closes = self.state.raw[coin].close
            assert len(closes) == len(self.seen)
            return {coin: Signal.buy(amount=1)} if len(self.seen) == 1 else {}

    rows = [(n, n + 2, n - 1, n + 1, 10) for n in range(100, 117)]
    flown = engine(market(rows), Five(), interval="5m")
    assert flown.run() == 17
    assert flown.strategy.seen == [
        (4, 100.0, 106.0, 99.0, 105.0, 50.0, pytest.approx(float("nan"), nan_ok=True)),
        (9, 105.0, 111.0, 104.0, 110.0, 50.0, 107.5),
        (14, 110.0, 116.0, 109.0, 115.0, 50.0, 112.5),
    ]
    assert fills_of(flown) == [(5, "BTCUSDT", "buy", Decimal(1), Decimal(105))]


def test_a_decision_bar_whose_end_is_missing_counts_at_the_next_event() -> None:
    class Counter(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def gen_signal(self) -> dict[str, Signal]:
            self.seen += [(self.step, now.close, len(self.state.raw[coin].close)) for coin, now in self.bars()]
            return {}

    # bars of minutes 0..2, then none until minute 7; the five minutes 0..4 have closed by then, 5..9 have not
    flown = engine(market(candles([1, 2, 3, 4, 5, 6], at=[0, 1, 2, 7, 9, 10])), Counter(), interval="5m")
    flown.run()
    assert flown.strategy.seen == [(3, 3.0, 1), (4, 5.0, 2)]


def test_the_decision_bars_of_gappy_coins_are_the_resampled_ones_each_seen_once_and_never_early() -> None:
    class Collector(Strategy):
        def __init__(self) -> None:
            super().__init__()
            self.seen: dict[str, list[Any]] = {coin: [] for coin in bars}

        def gen_signal(self) -> dict[str, Signal]:
            for coin, now in self.bars():
                self.seen[coin].append((now.time, now.open, now.high, now.low, now.close, now.volume))
                assert now.time + 15 * MINUTE <= self.time
            return {}

    bars = {"AAAUSDT": walk(600, 1, keep=0.3), "BBBUSDT": walk(600, 2, keep=0.05), "CCCUSDT": walk(600, 3)}
    flown = engine(market(bars), Collector(), interval="15m")
    flown.run()
    end = flown.raw.latest.time
    for coin, its in bars.items():
        assert flown.strategy.seen[coin] == [row for row in slowly_resampled(its, 15) if row[0] + 15 * MINUTE <= end]


def slowly_resampled(bars: Bars, minutes: int) -> list[tuple[float, ...]]:
    """Bars joined by a walk over them."""
    joined: dict[int, list[float]] = {}
    columns = [column.tolist() for column in (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume)]
    for time, *ohlcv in zip(*columns, strict=True):
        open_, high, low, close, volume = ohlcv
        start = time // (minutes * MINUTE) * minutes * MINUTE
        its = joined.setdefault(start, [open_, high, low, close, 0])
        joined[start] = [its[0], max(its[1], high), min(its[2], low), close, its[4] + volume]
    return [(start, *(value / 10**8 for value in its)) for start, its in joined.items()]


def test_an_interval_that_the_recording_cannot_make_is_refused() -> None:
    five = market(candles([1, 2], interval="5m"))
    with pytest.raises(ConfigError, match="1m"):
        ReplayFeed(five, interval="1m")
    with pytest.raises(ConfigError, match="has no XRPUSDT"):
        ReplayFeed(five, ["XRPUSDT"])


# by hand


def test_hand_input_is_logged_after_the_step_it_followed_in_its_order() -> None:
    flown = engine(market(walk(20)))
    flown.run(3)
    flown.place_order("BTCUSDT", Decimal("0.5"), 50)
    flown.place_order("BTCUSDT", 0.25)
    assert flown.cancel(0)
    assert not flown.cancel(0), "what changes nothing is not logged"
    flown.run(2)
    flown.place_order("BTCUSDT", -0.1, stop=20.0)
    assert [its[:4] for its in flown.inputs] == [
        (2, 0, START + 3 * MINUTE, "place_order"),
        (2, 1, START + 3 * MINUTE, "place_order"),
        (2, 2, START + 3 * MINUTE, "cancel"),
        (4, 0, START + 5 * MINUTE, "place_order"),
    ]
    assert flown.inputs[0] == Input(2, 0, START + 3 * MINUTE, "place_order", ("BTCUSDT", Decimal("0.5"), 50, {}))
    assert [order.by for order in map(flown.trade.account.order, range(3))] == ["hand"] * 3


def test_the_input_log_played_again_gives_the_same_run() -> None:
    from engine.statehash import state_hash

    bars = market(walk(300, 5))
    first = engine(bars)
    for n in range(0, 300, 7):
        first.run(7)
        first.place_order("BTCUSDT", 1 if n % 2 else -0.5, None if n % 3 else 99)
        if n % 5 == 0:
            first.cancel(first.trade.exchange.n_orders - 1)
    again = engine(bars)
    for entry in first.inputs:
        again.run(entry.step - again.raw.latest.step)
        if entry.what == "cancel":
            again.cancel(*entry.arguments)
        else:
            coin, amount, price, terms = entry.arguments
            again.place_order(coin, amount, price, **terms)
    again.run()
    assert len(fills_of(first)) > 10
    assert state_hash(again.trade, again.strategy) == state_hash(first.trade, first.strategy)
    assert again.inputs == first.inputs


def test_what_no_order_can_be_is_refused_and_not_logged() -> None:
    flown = engine(market(walk(20)))
    with pytest.raises(OrderError, match="no market yet"):
        flown.place_order("BTCUSDT", 1)
    flown.run(1)
    for coin, amount, price in (("XRPUSDT", 1, None), ("BTCUSDT", float("nan"), None), ("BTCUSDT", 1, float("inf"))):
        with pytest.raises(OrderError):
            flown.place_order(coin, amount, price)
    with pytest.raises(OrderError, match="no order #7"):
        flown.cancel(7)
    with pytest.raises(AmountOverflow):
        flown.place_order("BTCUSDT", 1e30)
    assert flown.inputs == []
    assert flown.trade.exchange.n_orders == 0


def test_steps_are_counted_and_never_more_than_asked_for() -> None:
    flown = engine(market(walk(50)))
    assert flown.run(0) == 0
    assert flown.run(-3) == 0
    assert flown.step()
    assert flown.run(9) == 9
    assert flown.raw.latest.step == 9
    assert flown.run(1000) == 40
    assert flown.trade.exchange.head[k.N_OPEN] == 0


def test_a_session_without_a_strategy_flies() -> None:
    flown = engine(market(walk(50)))
    assert flown.run() == 50
    assert flown.halted is None
    assert flown.trade.account.equity == 10_000.0


def test_features_advance_though_the_strategy_is_not_asked() -> None:
    class Seldom(Strategy):
        asked = 0

        def features(self) -> list[Feature]:
            return [Count()]

        def needs_update(self, timestamp: int) -> bool:
            return (timestamp - START) // MINUTE % 10 == 0

        def gen_signal(self) -> dict[str, Signal]:
            self.asked += 1
            return {}

    flown = engine(market(walk(35)), Seldom())
    flown.run()
    assert flown.strategy.asked == 3
    counts = flown.strategy.state.features.history("BTCUSDT", "count")
    np.testing.assert_array_equal(counts, np.arange(1.0, 36.0))


class Count(Feature):
    """How many bars there are."""

    def compute(self, state: Any) -> Any:
        for coin, bars in state.raw.bars():
            state.features[coin, self.name] = len(bars.close)
        return state


# a beginning


class Asked(Strategy):
    """Notes when it was asked, and what it saw."""

    def features(self) -> list[Feature]:
        return [MovingAverage(window=5, name="mean")]

    def gen_signal(self) -> dict[str, Signal]:
        self.seen = [*getattr(self, "seen", []), *((self.step, now.mean, now.position) for _, now in self.bars())]
        return {self.coins[0]: Signal.buy(amount=1)} if self.step % 7 == 0 else {}


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_before_its_beginning_a_strategy_is_not_asked_and_its_features_warm_up(chunk: int) -> None:
    whole, late = Asked(), Asked()
    engine(market(walk(60)), whole).run()
    flown = engine(market(walk(60)), late)
    flown.begin = START + 21 * MINUTE
    while flown.run(chunk):
        pass
    assert [step for step, *_ in late.seen] == list(range(20, 60))
    assert [mean for _, mean, _ in late.seen] == [mean for step, mean, _ in whole.seen if step >= 20]
    assert [fill.step for fill in flown.trade.account.fills] == [22, 29, 36, 43, 50, 57]


def test_the_beginning_is_a_time_of_the_config() -> None:
    result = backtest({"recording": "recordings/demo", "begin": "2025-03-20", "strategy": {"use": f"{__file__}:Asked"}})
    first = result.session.feed.times.searchsorted(1_742_428_800 * 10**9)  # 2025-03-20
    assert result.session.strategy.seen[0][0] == first
    with pytest.raises(ConfigError, match="should be a time such as"):
        backtest({"recording": "recordings/demo", "begin": "soon"})


def test_an_authors_own_stages_are_called_at_every_step() -> None:
    calls = []

    class Watchful(Strategy):
        def time_pass(self, latest: Any) -> None:
            calls.append(latest.raw.step)
            super().time_pass(latest)

    class Counting(Statistics):
        def feature_calc(self) -> None:
            calls.append(-1)
            super().feature_calc()

    engine(market([100] * 6), Watchful()).run()
    assert calls == [0, 1, 2, 3, 4, 5]
    calls.clear()
    engine(market([100] * 6), Strategy(stats=Counting())).run()
    assert calls == [-1] * 6
