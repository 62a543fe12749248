"""The owner's workflow, typed as `interface.md` has it, with real classes; it and the engine come to the same."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_type_hints

import numpy as np
import pytest

import engine
from engine import (
    CoinName,
    Feature,
    FeatureStore,
    Indicator,
    LocalTradeSystem,
    MovingAverage,
    OrderStatus,
    ReplayFeed,
    Signal,
    State,
    Statistics,
    Strategy,
    Timeline,
    Timestamp,
    TradeSystemAPI,
)
from engine.loop import Engine
from engine.statehash import state_hash
from tests.worlds import market, walk


class Stretch(Feature):
    """How far the close is from its own average, in quote currency."""

    window: int = 20

    @property
    def warmup(self) -> int:
        return self.window - 1

    def compute(self, state: State) -> State:
        for coin, bars in state.raw.bars():  # coins with a new bar
            state.features[coin, self.name] = bars.close[-1] - bars.close[-self.window :].mean()
        return state


class Feature1(MovingAverage):
    """The owner's window-based feature."""


class Feature2(Feature):
    """The owner's feature driven by a parameter."""

    param: float = 1.0

    def compute(self, state: State) -> State:
        for coin, bars in state.raw.bars():
            state.features[coin, self.name] = self.param * (bars.high[-1] - bars.low[-1])
        return state


class Cross(Strategy):
    """Reads the features its Statistics were given."""

    def gen_signal(self) -> dict[CoinName, Signal]:
        signals = {}
        for coin, now in self.bars():
            if now.close > now.feature1_10 + now.feature2_0_5 and not now.position:
                signals[coin] = Signal.buy(value=0.4 * self.equity, reason="above")
            elif now.stretch_20 < 0 and now.position:
                signals[coin] = Signal.close(reason="below")
        return signals


COINS = {"BTCUSDT": walk(400, 1, price=300), "ETHUSDT": walk(400, 2, keep=0.7)}


def configs() -> list[Feature]:
    return [Feature1(window=10), Feature2(param=0.5, name="feature2_0_5"), Stretch(window=20)]


class Run:
    """The owner's `backtest()` with real classes."""

    def __init__(self) -> None:
        # Initialize timelines
        raw_data = ReplayFeed(market(COINS))
        self.trade_timeline = Timeline()
        self.strategy_timeline = Timeline()

        # Setup strategy and trade system
        strategy = Cross(
            stats=Statistics(
                timeline=self.strategy_timeline,
                feature_configs=configs(),
            )
        )
        trade = LocalTradeSystem(timeline=self.trade_timeline, strategy=strategy)

        # Main backtesting loop
        for timestamp in raw_data.timestamps:
            raw_data.advance(timestamp)
            trade.update(raw_data.latest)
            strategy.time_pass(trade.latest)
            strategy.stats.feature_calc()
            if strategy.needs_update(timestamp):
                signals = strategy.gen_signal()

                # Execute trades based on signals
                for coin, signal in signals.items():
                    trade.trade(coin, signal)
        self.raw_data, self.strategy, self.trade = raw_data, strategy, trade


@pytest.fixture(scope="module")
def run() -> Run:
    return Run()


def test_the_loop_as_the_owner_wrote_it_does_what_the_engine_does(run: Run) -> None:
    strategy = Cross(stats=Statistics(feature_configs=configs()))
    trade = LocalTradeSystem(strategy=strategy)
    flown = Engine(ReplayFeed(market(COINS)), trade, strategy)
    flown.run()
    assert flown.halted is None
    assert trade.exchange.n_fills > 30
    assert list(map(str, run.trade.latest.trade.fills)) == list(map(str, trade.latest.trade.fills))
    assert state_hash(run.trade, run.strategy) == state_hash(trade, strategy)


def test_without_asking_whether_it_needs_to_it_does_the_same(run: Run) -> None:
    """The loop of interface.md has no needs_update."""
    raw_data = ReplayFeed(market(COINS))
    strategy = Cross(Statistics(Timeline(), configs()))
    trade = LocalTradeSystem(Timeline(), strategy)
    for timestamp in raw_data.timestamps:
        raw_data.advance(timestamp)
        trade.update(raw_data.latest)
        strategy.time_pass(trade.latest)
        strategy.stats.feature_calc()
        for coin, signal in strategy.gen_signal().items():
            trade.trade(coin, signal)
    assert state_hash(trade, strategy) == state_hash(run.trade, run.strategy)


def test_the_trade_timeline_holds_the_fills(run: Run) -> None:
    fills = run.trade.latest.trade.fills
    timeline = run.trade_timeline
    assert timeline.price.tolist() == [float(fill.price) for fill in fills]
    assert len(timeline) == len(fills)
    assert timeline.time.tolist() == [fill.time for fill in fills]
    assert timeline["amount"].tolist() == [float(fill.amount) for fill in fills]
    assert timeline.side.tolist() == [1.0 if fill.side == "buy" else -1.0 for fill in fills]
    assert timeline.cash.tolist() == [float(fill.cash) for fill in fills]
    assert timeline.position.tolist() == [float(fill.position) for fill in fills]
    assert timeline.fee.tolist() == [float(fill.fee) for fill in fills]
    assert timeline.coin.tolist() == [float(list(COINS).index(fill.coin)) for fill in fills]
    assert timeline.latest["step"] == fills[-1].step
    assert run.strategy.timeline is run.strategy_timeline


def test_both_kinds_of_features_have_their_values(run: Run) -> None:
    features = run.strategy.state.features
    for coin, bars in COINS.items():
        closes = bars.close / 10**8
        stretch, mean, spread = (features.history(coin, name) for name in ("stretch_20", "feature1_10", "feature2_0_5"))
        assert np.isnan(stretch[:19]).all()
        assert np.isnan(mean[:9]).all()
        for n in (19, 100, len(closes) - 1):
            assert stretch[n] == closes[n] - closes[n - 19 : n + 1].mean()
            assert mean[n] == pytest.approx(closes[n - 9 : n + 1].mean(), rel=1e-12)
            assert spread[n] == 0.5 * (bars.high[n] / 10**8 - bars.low[n] / 10**8)


def test_the_owner_s_main() -> None:
    timeline = Timeline()
    stats = Statistics(timeline=timeline, feature_configs=[MovingAverage(window=100), Indicator(fn="RSI")])
    strategy = Strategy(stats=stats, timeline=timeline)
    assert strategy.stats is stats
    assert strategy.timeline is stats.timeline is timeline
    assert strategy.needs_update(0) in (True, False)
    assert strategy.gen_signal() == {}


def test_the_feature_store_stands_alone() -> None:
    store = FeatureStore(features=[MovingAverage(window=3), Stretch(window=4)])
    raw_data = ReplayFeed(market(COINS))
    state = State(raw=raw_data.latest)
    for timestamp in raw_data.timestamps[:30]:
        raw_data.advance(timestamp)
        state = store.compute(state)
        assert isinstance(state, State)
    closes = raw_data.latest["BTCUSDT"].close
    assert state.features["BTCUSDT", "moving_average_3"] == pytest.approx(closes[-3:].mean(), rel=1e-12)
    assert state.features["BTCUSDT", "stretch_4"] == closes[-1] - closes[-4:].mean()


def test_orders_as_the_owner_places_them() -> None:
    raw_data = ReplayFeed(market(COINS))
    trade = LocalTradeSystem(timeline=Timeline(), strategy=Strategy())
    steps: Iterator[Timestamp] = iter(raw_data.timestamps)

    def on() -> None:
        raw_data.advance(next(steps))
        trade.update(raw_data.latest)

    on()
    assert trade.query_order("BTCUSDT") is OrderStatus.NONE
    assert trade.place_order("BTCUSDT", 1.5, None) is None
    assert trade.query_order("BTCUSDT") is OrderStatus.NEW
    on()
    assert trade.query_order("BTCUSDT") is OrderStatus.FILLED
    assert trade.place_order("BTCUSDT", -0.5, 10_000.0) is None
    assert trade.place_order("BTCUSDT", -0.25, 11_000.0) is None
    assert trade.query_order("BTCUSDT") is OrderStatus.NEW
    assert trade.query_order("ETHUSDT") is OrderStatus.NONE
    assert trade.cancel_order("BTCUSDT") is None
    assert trade.query_order("BTCUSDT") is OrderStatus.CANCELED
    assert trade.latest.trade.orders() == []
    assert trade.latest.trade.position("BTCUSDT").amount == Decimal("1.4985")
    trade.place_order("BTCUSDT", 10**6, None)
    assert trade.query_order("BTCUSDT") is OrderStatus.REJECTED


def parameters_of(function: Any) -> list[str]:
    return [name for name, its in inspect.signature(function).parameters.items() if its.kind is not its.KEYWORD_ONLY]


def test_the_owner_s_names_have_the_owner_s_signatures() -> None:
    assert parameters_of(Feature.compute) == ["self", "state"]
    assert parameters_of(FeatureStore.compute) == ["self", "state"]
    assert parameters_of(FeatureStore) == ["features"]
    assert parameters_of(Strategy)[:2] == ["stats", "timeline"]
    assert parameters_of(Strategy.needs_update) == ["self", "timestamp"]
    assert parameters_of(Strategy.gen_signal) == ["self"]
    assert parameters_of(Strategy.time_pass) == ["self", "latest"]
    assert parameters_of(Statistics) == ["timeline", "feature_configs"]
    assert parameters_of(Statistics.feature_calc) == ["self"]
    assert parameters_of(State)[:3] == ["raw", "trade", "features"]
    assert parameters_of(LocalTradeSystem)[:2] == ["timeline", "strategy"]
    for system in (TradeSystemAPI, LocalTradeSystem):
        assert parameters_of(system.place_order) == ["self", "coin", "amount", "price"]
        assert parameters_of(system.cancel_order) == ["self", "coin"]
        assert parameters_of(system.query_order) == ["self", "coin"]
        assert parameters_of(system.trade) == ["self", "coin", "signal"]
        assert parameters_of(system.update) == ["self", "raw_latest"]
        hints = get_type_hints(system.query_order)
        assert hints["return"] is OrderStatus
        assert get_type_hints(system.place_order)["return"] is type(None)
    assert issubclass(LocalTradeSystem, TradeSystemAPI)


def test_everything_named_is_importable_from_engine() -> None:
    for name in engine.__all__:
        assert getattr(engine, name) is not None
    assert set(engine.__all__) <= set(dir(engine))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = engine.Nonsense
