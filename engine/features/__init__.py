"""Features: numbers computed from closed bars, for strategies and the screen."""

from engine.features.base import Feature, FeatureBars, Stepper
from engine.features.indicator import Indicator
from engine.features.named import (
    ADX,
    ATR,
    MACD,
    RSI,
    BollingerBands,
    ExponentialMovingAverage,
    MovingAverage,
    RateOfChange,
    Returns,
    RollingHigh,
    RollingLow,
    RollingStd,
    RollingZScore,
)
from engine.features.store import FeatureStore

__all__ = [
    "ADX",
    "ATR",
    "MACD",
    "RSI",
    "BollingerBands",
    "ExponentialMovingAverage",
    "Feature",
    "FeatureBars",
    "FeatureStore",
    "Indicator",
    "MovingAverage",
    "RateOfChange",
    "Returns",
    "RollingHigh",
    "RollingLow",
    "RollingStd",
    "RollingZScore",
    "Stepper",
]
