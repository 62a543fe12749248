"""tickdeck's engine: everything but the screen.

The public names are loaded when they are first used, so that whoever needs few of them waits for few.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "engine.errors": (
        "AmountOverflow",
        "ConfigError",
        "HostError",
        "OrderError",
        "RecordingError",
        "StrategyError",
        "TickdeckError",
        "UsageError",
    ),
    "engine.model": (
        "Bar",
        "CoinName",
        "Fill",
        "Instrument",
        "Order",
        "OrderStatus",
        "OrderType",
        "Position",
        "Side",
        "Signal",
        "TimeInForce",
        "Timestamp",
    ),
    "engine.config": ("SessionConfig", "load_config"),
    "engine.timeline": ("Timeline",),
    "engine.state": ("State",),
    "engine.recordings": ("Recording", "open_recording"),
    "engine.market": ("PushFeed", "ReplayFeed", "UnitBar"),
    "engine.exchange": ("FillRules",),
    "engine.trading.api": ("TradeSystemAPI",),
    "engine.trading.local": ("LocalTradeSystem",),
    "engine.features": (
        "ADX",
        "ATR",
        "MACD",
        "RSI",
        "BollingerBands",
        "ExponentialMovingAverage",
        "Feature",
        "FeatureStore",
        "Indicator",
        "MovingAverage",
        "RateOfChange",
        "Returns",
        "RollingHigh",
        "RollingLow",
        "RollingStd",
        "RollingZScore",
    ),
    "engine.strategy": ("Statistics", "Strategy"),
    "engine.loop": ("Engine", "backtest", "main"),
    "engine.result": ("Result",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from engine.config import SessionConfig, load_config
    from engine.errors import (
        AmountOverflow,
        ConfigError,
        HostError,
        OrderError,
        RecordingError,
        StrategyError,
        TickdeckError,
        UsageError,
    )
    from engine.exchange import FillRules
    from engine.features import (
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
        RateOfChange,
        Returns,
        RollingHigh,
        RollingLow,
        RollingStd,
        RollingZScore,
    )
    from engine.loop import Engine, backtest, main
    from engine.market import PushFeed, ReplayFeed, UnitBar
    from engine.model import (
        Bar,
        CoinName,
        Fill,
        Instrument,
        Order,
        OrderStatus,
        OrderType,
        Position,
        Side,
        Signal,
        TimeInForce,
        Timestamp,
    )
    from engine.recordings import Recording, open_recording
    from engine.result import Result
    from engine.state import State
    from engine.strategy import Statistics, Strategy
    from engine.timeline import Timeline
    from engine.trading.api import TradeSystemAPI
    from engine.trading.local import LocalTradeSystem

__all__ = [
    "ADX",
    "ATR",
    "MACD",
    "RSI",
    "AmountOverflow",
    "Bar",
    "BollingerBands",
    "CoinName",
    "ConfigError",
    "Engine",
    "ExponentialMovingAverage",
    "Feature",
    "FeatureStore",
    "Fill",
    "FillRules",
    "HostError",
    "Indicator",
    "Instrument",
    "LocalTradeSystem",
    "MovingAverage",
    "Order",
    "OrderError",
    "OrderStatus",
    "OrderType",
    "Position",
    "PushFeed",
    "RateOfChange",
    "Recording",
    "RecordingError",
    "ReplayFeed",
    "Result",
    "Returns",
    "RollingHigh",
    "RollingLow",
    "RollingStd",
    "RollingZScore",
    "SessionConfig",
    "Side",
    "Signal",
    "State",
    "Statistics",
    "Strategy",
    "StrategyError",
    "TickdeckError",
    "TimeInForce",
    "Timeline",
    "Timestamp",
    "TradeSystemAPI",
    "UnitBar",
    "UsageError",
    "backtest",
    "load_config",
    "main",
    "open_recording",
]


def __getattr__(name: str) -> Any:
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'engine' has no attribute {name!r}") from None
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
