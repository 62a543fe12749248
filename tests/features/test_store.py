"""FeatureStore: in one go over a recording or bar by bar as they come, for several coins, the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import (
    ADX,
    ATR,
    MACD,
    RSI,
    BollingerBands,
    ExponentialMovingAverage,
    Feature,
    FeatureStore,
    Indicator,
    MovingAverage,
    PushFeed,
    RateOfChange,
    ReplayFeed,
    Returns,
    RollingHigh,
    RollingLow,
    RollingStd,
    RollingZScore,
    Signal,
    State,
    Statistics,
    Strategy,
    UnitBar,
)
from engine.errors import StrategyError
from engine.features.base import Floats
from engine.loop import Engine
from engine.recordings import Bars
from engine.state import FIELDS
from engine.trading.local import LocalTradeSystem
from tests.worlds import MINUTE, START, engine, instrument, market, walk

BARS = {
    "AAAUSDT": walk(700, 1),
    "BBBUSDT": walk(700, 2, price=2000, keep=0.5),
    "CCCUSDT": walk(90, 3, start=START + 600 * MINUTE),
}


class Middle(Feature):
    """A block of a user's own, stepped by the default stepper."""

    window: int = 5

    @property
    def lookback(self) -> int:
        return self.window

    @property
    def warmup(self) -> int:
        return self.window - 1

    def block(self, bars: Any) -> Floats:
        out = np.full(len(bars), np.nan)
        for n in range(self.window - 1, len(bars)):
            out[n] = np.median(bars.close[n - self.window + 1 : n + 1])
        return out


class Body(Feature):
    """Two columns of a user's own, from the state."""

    warmup = 2

    @property
    def labels(self) -> tuple[str, ...]:
        return (f"{self.name}.size", f"{self.name}.count")

    def compute(self, state: State) -> State:
        for coin, bars in state.raw.bars():
            state.features[coin, self.labels[0]] = bars.close[-1] - bars.open[-1]
            state.features[coin, self.labels[1]] = float(len(bars.close))
        return state


def mix() -> list[Feature]:
    return [
        MovingAverage(window=20),
        ExponentialMovingAverage(window=9),
        RSI(window=14),
        MACD(),
        BollingerBands(window=11, width=1.5),
        ATR(window=5),
        ADX(window=6),
        RollingStd(window=8),
        RollingHigh(window=13),
        RollingLow(window=4),
        RateOfChange(window=3),
        Returns(),
        RollingZScore(window=30),
        Indicator(fn="CDLENGULFING"),
        Indicator(fn="STOCH"),
        Indicator(fn="OBV"),
        Middle(window=7),
        Body(name="body"),
    ]


def replayed() -> tuple[FeatureStore, ReplayFeed]:
    feed = ReplayFeed(market(BARS))
    store = FeatureStore(mix())
    state = State(feed.latest)
    for timestamp in feed.timestamps:
        feed.advance(timestamp)
        state = store.compute(state)
    return store, feed


def rows_by_time(bars: dict[str, Bars]) -> dict[int, dict[str, UnitBar]]:
    """What closes at each time."""
    steps: dict[int, dict[str, UnitBar]] = {}
    for coin, its in bars.items():
        for n in range(len(its)):
            bar = UnitBar(*(int(its.column(name)[n]) for name in ("time", *FIELDS)))
            steps.setdefault(bar.time + MINUTE, {})[coin] = bar
    return dict(sorted(steps.items()))


def growing(upto: int | None = None) -> PushFeed:
    feed = PushFeed([instrument(coin) for coin in BARS], MINUTE)
    for timestamp, bars in list(rows_by_time(BARS).items())[:upto]:
        feed.push(timestamp, bars)
    return feed


def streamed(skip: int = 0, every: int = 1) -> tuple[FeatureStore, PushFeed]:
    """Features over growing data, first computed after `skip` steps and then at each `every`-th only."""
    feed = growing()
    store = FeatureStore(mix())
    state = State(feed.latest)
    for n, timestamp in enumerate(list(feed.timestamps)):
        feed.advance(timestamp)
        if n >= skip and n % every == 0:
            state = store.compute(state)
    store.compute(state)
    return store, feed


def columns(store: FeatureStore, rows: dict[str, int], labels: list[str]) -> dict[tuple[str, str], bytes]:
    return {
        (frame.coin, label): frame.column(label)[: rows[frame.coin]].tobytes()
        for frame in store.frames
        for label in ("time", *FIELDS, *labels)
    }


LENGTHS = {coin: len(its) for coin, its in BARS.items()}


def test_in_one_go_and_bar_by_bar_have_the_same_bits() -> None:
    block, _ = replayed()
    stream, _ = streamed()
    labels = list(block.labels)
    assert labels == list(stream.labels)
    assert len(labels) == len(set(labels)) == 24
    one, other = columns(block, LENGTHS, labels), columns(stream, LENGTHS, labels)
    assert [key for key in one if one[key] != other[key]] == []
    for coin in BARS:
        values = block.frames[list(BARS).index(coin)].column("rsi_14")[: LENGTHS[coin]]
        assert np.isfinite(values[14:]).all()


def test_the_account_s_steps_do_not_matter_to_a_feature_that_comes_late() -> None:
    """Computed for the first time in the midst of the data, or at some steps only, no bar is missing."""
    by_bars = [label for label in FeatureStore(mix()).labels if not label.startswith("body")]
    wanted = columns(replayed()[0], LENGTHS, by_bars)
    for skip, every in ((300, 1), (0, 3), (500, 7)):
        assert columns(streamed(skip, every)[0], LENGTHS, by_bars) == wanted


def test_asked_twice_at_a_step_it_does_not_take_the_bar_twice() -> None:
    feed = growing(200)
    store = FeatureStore(mix())
    state = State(feed.latest)
    for timestamp in list(feed.timestamps):
        feed.advance(timestamp)
        for _ in range(3):
            state = store.compute(state)
    rows = {coin: feed.latest.decisions[n].rows for n, coin in enumerate(BARS)}
    assert columns(store, rows, list(store.labels)) == columns(replayed()[0], rows, list(store.labels))


class Reader(Strategy):
    """Writes down every row."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._rows: list[str] = []

    def gen_signal(self) -> dict[str, Signal]:
        self._rows += [f"{self.step} {coin} {now!r}" for coin, now in self.bars()]
        return {coin: Signal.buy(value=100) for coin, _ in self.bars()} if self.step % 50 == 0 else {}


def test_a_strategy_reads_the_same_rows_replayed_and_growing() -> None:
    old = Reader(stats=Statistics(feature_configs=mix()))
    new = Reader(stats=Statistics(feature_configs=mix()))
    whole = engine(market(BARS), old)
    grown = Engine(growing(), LocalTradeSystem(strategy=new), new)
    assert whole.run() == grown.run()
    assert (whole.halted, grown.halted) == (None, None)
    assert old._rows == new._rows
    assert "position=0.0 " not in old._rows[-1]


def test_values_are_a_coin_s_own() -> None:
    """What is computed of several coins together is what is computed of each alone."""
    store, _ = replayed()
    for n, (coin, its) in enumerate(BARS.items()):
        feed = ReplayFeed(market({coin: its}))
        alone = FeatureStore(mix())
        state = State(feed.latest)
        for timestamp in feed.timestamps:
            feed.advance(timestamp)
            state = alone.compute(state)
        for label in store.labels:
            np.testing.assert_array_equal(alone.frames[0].column(label)[: len(its)], store.frames[n].column(label)[: len(its)])


# warming up


def test_nothing_is_told_while_warming_up_whatever_is_computed() -> None:
    class Hasty(Feature):
        warmup = 3
        lookback = 1

        def block(self, bars: Any) -> Floats:
            return bars.close

    flown = engine(market(BARS), Strategy(stats=Statistics(feature_configs=[Hasty(), Body(name="body")])))
    flown.run()
    for frame, its in zip(flown.strategy.stats.features.frames, BARS.values(), strict=True):
        closes = its.close / 10**8
        hasty = frame.column("hasty")[: len(its)]
        assert np.isnan(hasty[:3]).all()
        np.testing.assert_array_equal(hasty[3:], closes[3:])
        count = frame.column("body.count")[: len(its)]
        assert np.isnan(count[:2]).all()
        np.testing.assert_array_equal(count[2:], np.arange(3.0, len(its) + 1))


class Eager(Feature):
    """Tells the close from the first bar on, though it says it is warm only later."""

    warmup = 3

    def block(self, bars: Any) -> Floats:
        return bars.close

    def stream(self) -> Any:
        class Closes:
            def update(self, open: float, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
                return (close,)

        return Closes()


def test_a_stepper_that_tells_too_early_is_not_listened_to() -> None:
    feed = growing(50)
    store = FeatureStore([Eager()])
    state = State(feed.latest)
    for timestamp in list(feed.timestamps):
        feed.advance(timestamp)
        state = store.compute(state)
    frame = store.frames[0]
    assert np.isnan(frame.column("eager")[:3]).all()
    np.testing.assert_array_equal(frame.column("eager")[3:40], frame.column("close")[3:40])


def test_with_fewer_bars_than_it_needs_a_feature_has_no_value() -> None:
    flown = engine(market(walk(9)), Strategy(stats=Statistics(feature_configs=[MovingAverage(window=20), MACD()])))
    flown.run()
    frame = flown.strategy.stats.features.frames[0]
    for label in frame.labels:
        assert np.isnan(frame.column(label)).all()


# names


def test_labels_that_clash_are_refused_with_a_way_out() -> None:
    with pytest.raises(StrategyError, match="another feature has a 'fast' already") as caught:
        FeatureStore([MovingAverage(window=3, name="fast"), RSI(name="fast")])
    assert "name=" in caught.value.hint
    for taken in ("time", "open", "high", "low", "close", "volume", "position", "ago", "frame"):
        with pytest.raises(StrategyError, match=f"every row has a '{taken}' already"):
            FeatureStore([MovingAverage(window=3, name=taken)])


def test_the_same_feature_twice_is_one() -> None:
    store = FeatureStore([MovingAverage(window=3), RSI(), MovingAverage(window=3)])
    store.add([RSI(window=14)])
    assert store.labels == ("moving_average_3", "rsi_14")


def test_values_are_got_and_set_by_coin_and_label() -> None:
    flown = engine(market(BARS), Strategy(stats=Statistics(feature_configs=[MovingAverage(window=3, name="mean"), Body()])))
    flown.run(30)
    features = flown.strategy.state.features
    closes = flown.raw.latest["AAAUSDT"].close
    assert features["AAAUSDT", "mean"] == pytest.approx(closes[-3:].mean(), rel=1e-12)
    assert features["AAAUSDT", "close"] == closes[-1]
    assert features["AAAUSDT", "body.count"] == 30.0
    assert np.isnan(features["CCCUSDT", "mean"])
    features["AAAUSDT", "body.size"] = 4.5
    assert features["AAAUSDT", "body.size"] == 4.5
    features["CCCUSDT", "body.size"] = 4.5
    assert np.isnan(features["CCCUSDT", "body.size"]), "it has no bar to hold a value"


@pytest.mark.parametrize(
    ("key", "told", "hint"),
    [
        (("AAAUSDT", "maen"), "AAAUSDT has no feature 'maen'", "did you mean 'mean'"),
        (("AAAUSDT", "zzz"), "AAAUSDT has no feature 'zzz'", "it has time, open"),
        (("AAAUSD", "mean"), "AAAUSD is not in this session; it has AAAUSDT, BBBUSDT", ""),
    ],
)
def test_a_wrong_name_is_told_with_the_right_one(key: tuple[str, str], told: str, hint: str) -> None:
    flown = engine(market(BARS), Strategy(stats=Statistics(feature_configs=[MovingAverage(window=3, name="mean")])))
    flown.run(5)
    features = flown.strategy.state.features

    def put() -> None:
        features[key] = 1.0

    for act in (lambda: features[key], put, lambda: features.history(*key)):
        with pytest.raises(StrategyError) as caught:
            act()
        assert told in caught.value.message
        assert hint in caught.value.hint


def test_what_is_no_feature_cannot_be_set() -> None:
    flown = engine(market(BARS), Strategy())
    flown.run(5)
    for name in ("close", "time", "position"):
        with pytest.raises(StrategyError, match="is not a feature"):
            flown.strategy.state.features["AAAUSDT", name] = 1.0
    assert flown.raw.latest["AAAUSDT"].close[-1] == BARS["AAAUSDT"].close[4] / 10**8


def test_a_block_may_read_times_where_they_are_there() -> None:
    class Hour(Feature):
        lookback = 1

        def block(self, bars: Any) -> Floats:
            return (bars.time // (60 * MINUTE) % 24).astype(float)

    flown = engine(market(walk(200)), Strategy(stats=Statistics(feature_configs=[Hour()])))
    flown.run()
    assert flown.halted is None
    assert flown.strategy.feature("BTCUSDT", "hour") == 3.0
