"""The features with plain names mean what their docstrings say."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import engine.features
from engine.errors import StrategyError
from engine.features import (
    ADX,
    ATR,
    MACD,
    RSI,
    BollingerBands,
    ExponentialMovingAverage,
    Feature,
    Indicator,
    MovingAverage,
    RateOfChange,
    Returns,
    RollingHigh,
    RollingLow,
    RollingStd,
    RollingZScore,
)
from engine.features.named import TalibFeature

ROWS = 600
NAMED = sorted(
    (kind for name in engine.features.__all__ if isinstance(kind := getattr(engine.features, name), type)
     and issubclass(kind, TalibFeature)),
    key=lambda kind: kind.__name__,
)  # fmt: skip


class Bars:
    """Seeded bars, with a stretch where nothing moves."""

    def __init__(self) -> None:
        rng = np.random.default_rng(8)
        self.close = (50_000 * np.exp(np.cumsum(rng.normal(0, 0.001, ROWS)))).round(2)
        self.close[300:380] = self.close[300]
        self.open = np.r_[50_000.0, self.close[:-1]]
        self.high = np.maximum(self.open, self.close) + rng.integers(0, 500, ROWS) / 100
        self.low = np.minimum(self.open, self.close) - rng.integers(0, 500, ROWS) / 100
        self.volume = rng.uniform(0, 9, ROWS).round(5)
        self.time = np.arange(ROWS) * 60 * 10**9

    def __len__(self) -> int:
        return ROWS

    def stepped(self) -> list[list[float]]:
        return np.array([self.open, self.high, self.low, self.close, self.volume]).T.tolist()


BARS = Bars()


def windows(values: Any, n: int) -> Any:
    return np.lib.stride_tricks.sliding_window_view(values, n)


def late(values: Any) -> Any:
    """A column with NaN before its first value."""
    return np.r_[np.full(ROWS - len(values), np.nan), values]


def ema(values: Any, n: int) -> Any:
    mean = values[:n].mean()
    result = [mean]
    for value in values[n:]:
        mean = mean + (value - mean) * 2 / (n + 1)
        result.append(mean)
    return np.array(result)


def wilder(values: Any, n: int) -> Any:
    mean = values[:n].mean()
    result = [mean]
    for value in values[n:]:
        mean = (mean * (n - 1) + value) / n
        result.append(mean)
    return np.array(result)


def true_range() -> Any:
    before = BARS.close[:-1]
    return np.maximum(BARS.high[1:], before) - np.minimum(BARS.low[1:], before)


def relative_strength(n: int) -> Any:
    change = np.diff(BARS.close)
    up, down = wilder(np.maximum(change, 0), n), wilder(np.maximum(-change, 0), n)
    return 100 * up / (up + down)


def z_score(n: int) -> Any:
    seen = windows(BARS.close, n)
    mean, deviation = seen.mean(axis=1), seen.std(axis=1)
    flat = (seen == seen[:, :1]).all(axis=1)
    return np.where(flat, 0.0, (BARS.close[n - 1 :] - mean) / np.where(flat, 1, deviation))


def convergence() -> Any:
    # TA-Lib begins the fast average so late that both have their first value at the same bar.
    slow = ema(BARS.close, 26)
    fast = ema(BARS.close[26 - 12 :], 12)
    macd = fast - slow
    signal = ema(macd, 9)
    return np.column_stack([late(macd[8:]), late(signal), late(macd[8:] - signal)])


def bands(n: int, width: float) -> Any:
    mean, deviation = windows(BARS.close, n).mean(axis=1), windows(BARS.close, n).std(axis=1)
    return np.column_stack([late(mean + width * deviation), late(mean), late(mean - width * deviation)])


ORACLES: list[tuple[Feature, str, Any]] = [
    (MovingAverage(window=30), "moving_average_30", late(windows(BARS.close, 30).mean(axis=1))),
    (MovingAverage(window=5, source="volume"), "moving_average_5_volume", late(windows(BARS.volume, 5).mean(axis=1))),
    (ExponentialMovingAverage(window=30), "exponential_moving_average_30", late(ema(BARS.close, 30))),
    (RollingStd(window=20), "rolling_std_20", late(windows(BARS.close, 20).std(axis=1))),
    (RollingZScore(window=40), "rolling_z_score_40", late(z_score(40))),
    (RSI(window=14), "rsi_14", late(relative_strength(14))),
    (ATR(window=14), "atr_14", late(wilder(true_range(), 14))),
    (MACD(), "macd_12_26_9", convergence()),
    (BollingerBands(window=20, width=2.5), "bollinger_bands_20_2.5", bands(20, 2.5)),
    (RollingHigh(window=20), "rolling_high_20", late(windows(BARS.high, 20).max(axis=1))),
    (RollingLow(window=20), "rolling_low_20", late(windows(BARS.low, 20).min(axis=1))),
    (RateOfChange(window=10), "rate_of_change_10", late((BARS.close[10:] / BARS.close[:-10] - 1) * 100)),
    (Returns(), "returns_1", late(BARS.close[1:] / BARS.close[:-1] - 1)),
]


@pytest.mark.parametrize(("feature", "name", "expected"), ORACLES, ids=[name for _, name, _ in ORACLES])
def test_a_named_feature_is_what_it_says(feature: Feature, name: str, expected: Any) -> None:
    assert feature.name == name
    values = feature.columns(BARS)
    np.testing.assert_allclose(values, expected.reshape(ROWS, -1), rtol=1e-7, atol=1e-7, equal_nan=True)
    assert np.isnan(values[: feature.warmup]).all()
    assert not np.isnan(values[feature.warmup :]).any()


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_a_named_feature_has_the_same_bits_bar_by_bar(kind: type[TalibFeature]) -> None:
    feature = kind()
    stepper = feature.stream()
    steps = np.array([stepper.update(*bar) for bar in BARS.stepped()])
    assert np.array_equal(feature.columns(BARS).view(np.int64), steps.view(np.int64))
    assert pickle.loads(pickle.dumps(feature)) == feature
    assert feature.__doc__


def test_there_is_a_dozen_of_them() -> None:
    assert len(NAMED) >= 12


def test_a_trend_without_a_turn_is_as_strong_as_can_be() -> None:
    class Rise(Bars):
        def __init__(self) -> None:
            self.open = np.arange(1.0, ROWS + 1)
            self.close = self.high = self.open + 1
            self.low = self.open - 1
            self.volume = np.ones(ROWS)

    assert ADX().columns(Rise())[-1, 0] == pytest.approx(100)


def test_a_flat_window_scores_zero() -> None:
    values = RollingZScore(window=20).columns(BARS)[:, 0]
    assert (values[319:380] == 0).all()
    assert (values[381:390] != 0).all()


def test_several_outputs_and_what_is_drawn() -> None:
    assert MACD(name="m").labels == ("m.macd", "m.signal", "m.hist")
    assert BollingerBands(name="b").overlays == ("b.upper", "b.middle", "b.lower")
    assert MovingAverage().on_price
    assert RollingHigh().on_price
    assert not any(kind().on_price for kind in (RSI, ATR, ADX, MACD, RollingZScore, RollingStd, RateOfChange, Returns))


def test_bollinger_bands_are_as_wide_above_as_below() -> None:
    ours, theirs = BollingerBands(width=3), Indicator("BBANDS", nbdevup=3.0, nbdevdn=3.0)
    assert np.array_equal(ours.columns(BARS).view(np.int64), theirs.columns(BARS).view(np.int64))


def test_a_window_out_of_range_is_told_in_the_features_own_words() -> None:
    with pytest.raises(StrategyError, match=r"RollingZScore\(window=1, source='close'\): TA-Lib refuses STDDEV"):
        RollingZScore(window=1)
    with pytest.raises(StrategyError, match=r"MovingAverage\(window=0"):
        MovingAverage(window=0)
    with pytest.raises(StrategyError, match=r"source should be open \| high \| low \| close \| volume, not 'clos'"):
        MovingAverage(source="clos")
    with pytest.raises(StrategyError, match=r"no parameter 'timeperiod'"):
        RSI(timeperiod=14)
