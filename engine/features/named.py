"""Features by plain names, each a thin cover of TA-Lib; every docstring says what is computed and in which unit.

`window` counts bars, the newest one included, and `source` is the field of the bars that is read. The first `warmup` values are
NaN. Values go with the bar they are read at: a window never looks past it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from engine.errors import StrategyError
from engine.features.base import Feature, FeatureBars, Floats, Stepper
from engine.features.indicator import Indicator

Source = Literal["open", "high", "low", "close", "volume"]


class TalibFeature(Feature):
    """A TA-Lib function under another name: `_fn` says which, `_arguments` what its parameters are called here."""

    _fn: ClassVar[str]
    _arguments: ClassVar[Mapping[str, str]] = {"window": "timeperiod"}

    def _finish(self, name: str | None) -> None:
        arguments = {theirs: getattr(self, ours) for ours, theirs in self._arguments.items()}
        self._indicator = self._made(self._fn, arguments)
        super()._finish(name)

    def _made(self, fn: str, arguments: Mapping[str, Any]) -> Indicator:
        try:
            return Indicator(fn, source=getattr(self, "source", None), **arguments)
        except StrategyError as error:
            given = ", ".join(f"{key}={value!r}" for key, value in self._shown().items())
            raise StrategyError(f"{type(self).__name__}({given}): {error.message}", hint=error.hint) from None

    @property
    def labels(self) -> Sequence[str]:
        """The feature's name, or `name.output` for each of several outputs."""
        return tuple(self.name + label.removeprefix(self._indicator.name) for label in self._indicator.labels)

    @property
    def warmup(self) -> int:
        """How many first bars have no value."""
        return self._indicator.warmup

    @property
    def on_price(self) -> bool:
        """Whether the values are prices, to be drawn over the candles."""
        return self._indicator.on_price

    def block(self, bars: FeatureBars) -> Floats:
        """Return the feature over all bars at once."""
        return self._indicator.block(bars)

    def stream(self) -> Stepper:
        """Return a fresh stepper."""
        return self._indicator.stream()


class MovingAverage(TalibFeature):
    """The mean of the last `window` values (TA-Lib's SMA), in the unit of `source`."""

    _fn = "SMA"
    window: int = 100
    source: Source = "close"


class ExponentialMovingAverage(TalibFeature):
    """The exponential average of weight 2 / (window + 1), begun with the mean of the first `window` values (TA-Lib's EMA).

    In the unit of `source`.
    """

    _fn = "EMA"
    window: int = 100
    source: Source = "close"


class RollingStd(TalibFeature):
    """The standard deviation of the last `window` values about their mean, over n and not n - 1 (TA-Lib's STDDEV).

    In the unit of `source`.
    """

    _fn = "STDDEV"
    window: int = 20
    source: Source = "close"


class RSI(TalibFeature):
    """Wilder's relative strength index over `window` changes, 0 to 100 (TA-Lib's RSI)."""

    _fn = "RSI"
    window: int = 14
    source: Source = "close"


class ATR(TalibFeature):
    """Wilder's average true range over `window` bars, in quote currency (TA-Lib's ATR)."""

    _fn = "ATR"
    window: int = 14


class ADX(TalibFeature):
    """Wilder's average directional index over `window` bars, 0 to 100: a trend's strength, not its direction (TA-Lib's ADX)."""

    _fn = "ADX"
    window: int = 14


class MACD(TalibFeature):
    """The fast less the slow exponential average (`.macd`), that one's average (`.signal`) and their difference (`.hist`).

    In the unit of `source` (TA-Lib's MACD).
    """

    _fn = "MACD"
    _arguments = {"fast": "fastperiod", "slow": "slowperiod", "signal": "signalperiod"}
    fast: int = 12
    slow: int = 26
    signal: int = 9
    source: Source = "close"


class BollingerBands(TalibFeature):
    """The moving average (`.middle`) and `width` standard deviations above (`.upper`) and below it (`.lower`).

    In the unit of `source` (TA-Lib's BBANDS).
    """

    _fn = "BBANDS"
    _arguments = {"window": "timeperiod", "width": "nbdevup"}
    window: int = 20
    width: float = 2.0
    source: Source = "close"

    def _made(self, fn: str, arguments: Mapping[str, Any]) -> Indicator:
        return super()._made(fn, {**arguments, "nbdevdn": self.width})


class RollingHigh(TalibFeature):
    """The highest high of the last `window` bars, the newest one included, in quote currency (TA-Lib's MAX)."""

    _fn = "MAX"
    window: int = 20
    source: Source = "high"


class RollingLow(TalibFeature):
    """The lowest low of the last `window` bars, the newest one included, in quote currency (TA-Lib's MIN)."""

    _fn = "MIN"
    window: int = 20
    source: Source = "low"


class RateOfChange(TalibFeature):
    """The change since `window` bars ago, in percent (TA-Lib's ROC): 1.5 is one and a half percent up."""

    _fn = "ROC"
    window: int = 10
    source: Source = "close"


class Returns(TalibFeature):
    """The change since `window` bars ago, as a fraction (TA-Lib's ROCP): 0.015 is one and a half percent up."""

    _fn = "ROCP"
    window: int = 1
    source: Source = "close"


class RollingZScore(TalibFeature):
    """How many standard deviations the newest value lies from the mean of the last `window`; a pure number.

    (x - mean) / deviation with TA-Lib's SMA and STDDEV: the newest value is part of both, and the deviation is over n, not
    n - 1. Where the window is flat the deviation is 0 and the score 0.0.
    """

    _fn = "SMA"
    window: int = 100
    source: Source = "close"

    def _finish(self, name: str | None) -> None:
        self._deviation = self._made("STDDEV", {"timeperiod": self.window})
        super()._finish(name)

    @property
    def on_price(self) -> bool:
        """A score is no price."""
        return False

    def block(self, bars: FeatureBars) -> Floats:
        """Return the score over all bars at once."""
        value: Floats = getattr(bars, self.source)
        mean, deviation = self._indicator.block(bars).ravel(), self._deviation.block(bars).ravel()
        score = np.zeros(len(value))
        np.divide(value - mean, deviation, out=score, where=deviation != 0)
        return score

    def stream(self) -> Stepper:
        """Return a fresh stepper."""
        return ZScoreStepper(self.source, self._indicator.stream(), self._deviation.stream())


class ZScoreStepper:
    """Steps a rolling z-score with one handle for the mean and one for the deviation."""

    def __init__(self, source: str, mean: Stepper, deviation: Stepper) -> None:
        self._source = source
        self._mean = mean
        self._deviation = deviation

    def update(self, open: float, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take one closed bar in; return the score, NaN while warming up."""
        bar = {"open": open, "high": high, "low": low, "close": close, "volume": volume}
        (mean,) = self._mean.update(**bar)
        (deviation,) = self._deviation.update(**bar)
        return ((bar[self._source] - mean) / deviation if deviation != 0 else 0.0,)
