"""Features of a user's own: labels, equality, blocks, steppers, and the errors of a class that is not finished."""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest

from engine.errors import StrategyError
from engine.features.base import Feature, snake_case

RNG = np.random.default_rng(11)
ROWS = 500


class Bars:
    """Seeded bars as a feature's block sees them."""

    def __init__(self, rows: int = ROWS) -> None:
        self.time = np.arange(rows) * 60 * 10**9
        self.open, self.high, self.low, self.close, self.volume = RNG.uniform(90, 110, (5, rows))
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def until(self, rows: int) -> SimpleNamespaceBars:
        return SimpleNamespaceBars(self, rows)

    def stepped(self) -> list[tuple[float, ...]]:
        return list(zip(*(getattr(self, name).tolist() for name in ("open", "high", "low", "close", "volume")), strict=True))


class SimpleNamespaceBars(SimpleNamespace):
    """The first rows of other bars."""

    def __init__(self, bars: Bars, rows: int) -> None:
        names = ("time", "open", "high", "low", "close", "volume")
        super().__init__(**{name: getattr(bars, name)[:rows] for name in names})

    def __len__(self) -> int:
        return len(self.close)


class Stretch(Feature):
    """The close over the lowest low of the window, in quote currency."""

    window: int = 20
    factor: float = 1.0
    side: Literal["low", "high"] = "low"

    @property
    def lookback(self) -> int:
        return self.window

    @property
    def warmup(self) -> int:
        return self.window - 1

    def block(self, bars: Any) -> Any:
        extreme = getattr(bars, self.side)
        lowest = np.array([extreme[max(0, row - self.window + 1) : row + 1].min() for row in range(len(bars))])
        return (bars.close - lowest) * self.factor


class TwoColumns(Stretch):
    @property
    def labels(self) -> tuple[str, ...]:
        return (f"{self.name}.a", f"{self.name}.b")

    def block(self, bars: Any) -> Any:
        one = super().block(bars)
        return np.column_stack([one, -one])


class Spread(Feature):
    """A feature that only knows the state."""

    power: int = 1

    def compute(self, state: Any) -> Any:
        for coin, bars in state.raw.bars():
            state.features[coin, self.name] = float(bars.high[-1] - bars.low[-1]) ** self.power
        return state


def test_the_label_is_the_class_and_its_numbers() -> None:
    assert Stretch().name == "stretch_20_1"
    assert Stretch(window=5, factor=2.5).name == "stretch_5_2.5"
    assert Stretch(side="high").name == "stretch_20_1_high"
    assert Stretch(name="gap").labels == ("gap",)
    assert TwoColumns(window=3).labels == ("two_columns_3_1.a", "two_columns_3_1.b")


def test_texts_flags_and_nothing_are_in_the_label_where_they_differ_from_the_default() -> None:
    class Many(Spread):
        windows: tuple[int, ...] = (5, 10)
        cap: float | None = None
        strict: bool = False

    assert Many().name == "many_1_5_10"
    assert Many(windows=[3], cap=1.5, strict=True).name == "many_1_3_1.5_true"


@pytest.mark.parametrize(
    ("name", "label"),
    [("RollingZScore", "rolling_z_score"), ("RSI", "rsi"), ("MyRSIFast", "my_rsi_fast"), ("Sma200Cross", "sma200_cross")],
)
def test_class_names_become_snake_case(name: str, label: str) -> None:
    assert snake_case(name) == label


def test_a_class_may_fix_its_own_name() -> None:
    class Fixed(Spread):
        name = "spread"

    assert Fixed(power=2).name == "spread"
    assert Fixed(name="other").name == "other"


@pytest.mark.parametrize("name", ["", " x", "a\x1b[31m", "a\nb", "x" * 81, 5, "a\u202eb"])
def test_a_name_that_cannot_stand_on_a_screen_is_refused(name: Any) -> None:
    with pytest.raises(StrategyError, match="cannot name a feature"):
        Stretch(name=name)


def test_features_are_equal_by_class_parameters_and_name() -> None:
    assert Stretch(window=5) == Stretch(window=5)
    assert hash(Stretch(window=5)) == hash(Stretch(window=5))
    assert Stretch(window=5) != Stretch(window=6)
    assert Stretch() != TwoColumns()
    assert Stretch() != Stretch(name="gap")
    assert repr(Stretch(window=5)) == "Stretch(window=5, factor=1.0, side='low')"
    assert repr(Spread(name="x")) == "Spread(power=1, name='x')"
    assert pickle.loads(pickle.dumps(Stretch(window=5))) == Stretch(window=5)


def test_wrong_parameters_name_the_nearest() -> None:
    with pytest.raises(StrategyError, match=r"Stretch: no parameter 'windw' \(did you mean 'window'\?\)"):
        Stretch(windw=3)
    with pytest.raises(StrategyError, match=r"Stretch: no parameter 'nme' \(did you mean 'name'\?\)") as caught:
        Stretch(nme="x")
    assert caught.value.hint.endswith(", name")
    with pytest.raises(StrategyError, match=r"window should be int, not 3\.5"):
        Stretch(window=3.5)


def test_a_class_must_define_compute_or_block() -> None:
    class Nothing(Feature):
        window: int = 3

    with pytest.raises(StrategyError, match=r"test_feature_base\.py:\d+ Nothing defines neither compute\(state\) nor block"):
        Nothing()


def test_a_block_must_declare_how_far_it_looks_back() -> None:
    class Rootless(Feature):
        def block(self, bars: Any) -> Any:
            return bars.close

    with pytest.raises(StrategyError, match="Rootless has a block") as caught:
        Rootless()
    assert "lookback" in caught.value.hint

    class Steps(Rootless):
        def stream(self) -> Any:
            return SimpleNamespace(update=lambda open, high, low, close, volume: (close,))

    assert Steps().stream().update(1, 2, 3, 4, 5) == (4,)


@pytest.mark.parametrize("lookback", [0, -1, 2.0, True, "3"])
def test_a_lookback_is_a_whole_number_of_bars(lookback: Any) -> None:
    cls = type("Odd", (Stretch,), {"lookback": lookback})
    with pytest.raises(StrategyError, match="lookback"):
        cls()


@pytest.mark.parametrize("window", [1, 2, 3, 20, 600])
@pytest.mark.parametrize("cls", [Stretch, TwoColumns])
def test_a_block_feature_has_the_same_bits_bar_by_bar(cls: type[Stretch], window: int) -> None:
    bars, feature = Bars(), cls(window=window, factor=0.3)
    whole = feature.columns(bars)
    stepper = feature.stream()
    steps = np.array([stepper.update(*bar) for bar in bars.stepped()])
    assert whole.shape == (ROWS, len(feature.labels))
    assert (whole.view(np.int64) == steps.view(np.int64)).all()
    assert np.isnan(whole[: window - 1]).all()
    assert not np.isnan(whole[window - 1 :]).any()


def test_two_steppers_of_a_feature_do_not_know_each_other() -> None:
    feature = Stretch(window=2)
    one, other = feature.stream(), feature.stream()
    one.update(1, 2, 1, 2, 0)
    other.update(9, 9, 9, 9, 0)
    assert one.update(2, 3, 2, 3, 0) == (2.0,)
    assert other.update(9, 9, 9, 9, 0) == (0.0,)


def test_computing_by_hand_sets_the_value_at_the_cursor() -> None:
    bars, feature = Bars(), TwoColumns(window=7)
    whole = feature.columns(bars)
    for rows in (1, 6, 7, 100):
        raw = SimpleNamespace(bars=lambda rows=rows: iter([("BTCUSDT", bars.until(rows))]))
        state = SimpleNamespace(raw=raw, features={})
        assert feature.compute(state) is state  # type: ignore[arg-type]
        values = [state.features["BTCUSDT", label] for label in feature.labels]
        assert np.array_equal(values, whole[rows - 1], equal_nan=True)


def test_a_feature_of_the_state_has_no_block() -> None:
    bars = Bars(3)
    state = SimpleNamespace(raw=SimpleNamespace(bars=lambda: iter([("BTCUSDT", bars)])), features={})
    Spread(power=2).compute(state)
    assert state.features == {("BTCUSDT", "spread_2"): (bars.high[-1] - bars.low[-1]) ** 2}
    assert not Spread.is_block()
    assert Stretch.is_block()
    with pytest.raises(StrategyError, match=r"it has no block\(\)"):
        Spread().block(bars)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda bars: bars.close[1:], r"shape \(499,\) for 500 bars and 1 labels"),
        (lambda bars: np.zeros((len(bars), 2)), "shape"),
        (lambda bars: 3.0, r"shape \(\)"),
        (lambda bars: ["x"] * len(bars), "failed"),
        (lambda bars: None, r"shape \(\)|failed"),
    ],
)
def test_a_block_of_a_wrong_shape_is_refused(result: Any, words: str) -> None:
    cls = type("Crooked", (Stretch,), {"block": lambda self, bars: result(bars)})
    with pytest.raises(StrategyError, match=words):
        cls().columns(Bars())


def test_integers_and_read_only_arrays_are_taken_as_they_are() -> None:
    def block(self: Any, bars: Any) -> Any:
        values = np.arange(len(bars))
        values.flags.writeable = False
        return values

    columns = type("Counted", (Stretch,), {"block": block})(window=3).columns(Bars())
    assert columns.dtype == np.float64
    assert columns[:4, 0].tolist()[2:] == [2.0, 3.0]
    assert np.isnan(columns[:2]).all()


def test_a_stepped_block_cannot_read_times() -> None:
    class Clocked(Stretch):
        def block(self, bars: Any) -> Any:
            return bars.time / 1e9

    assert Clocked().columns(Bars()).shape == (ROWS, 1)
    stepper = Clocked(window=1).stream()
    with pytest.raises(StrategyError, match=r"Clocked reads bars\.time"):
        stepper.update(1, 2, 3, 4, 5)


def test_overlays_are_the_labels_on_the_price_scale() -> None:
    class Line(TwoColumns):
        on_price = True

    assert Stretch().overlays == ()
    assert Line(name="x").overlays == ("x.a", "x.b")
