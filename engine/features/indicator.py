"""Indicator: every TA-Lib function that works on bars, over a block with its batch function, bar by bar with its handle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from engine.errors import StrategyError
from engine.features.base import NAN, Feature, FeatureBars, Floats, Stepper, join_label
from engine.features.talib_functions import (
    checked_params,
    checked_source,
    is_matype,
    lookback_of,
    ma_name,
    talib,
    talib_function,
)
from engine.state import FIELDS


class Indicator(Feature):
    """A TA-Lib function by its name and parameters: `Indicator(fn="RSI", timeperiod=14)`, labelled `rsi_14`.

    Parameters left out take TA-Lib's defaults; a moving average type (`matype`) may be given by name, such as "ema". `source`
    is the bar field that a function of one series reads (close by default), or a pair of fields for a function of two (such
    as CORREL; high and low by default). A function with several outputs has a label each: `macd_12_26_9.macd`, `.signal`,
    `.hist`. Values are in TA-Lib's units; candlestick patterns are -100, 0 or 100 (-200 and 200 where one is confirmed).
    Raises StrategyError for functions, parameters and sources there are not.
    """

    def __init__(self, fn: str, *, name: str | None = None, source: str | Sequence[str] | None = None, **params: Any) -> None:
        function = talib_function(fn)
        self.fn = fn
        self.params = checked_params(function, params)
        self.source = checked_source(function, source)
        fields = list(function.inputs)
        for place, field in zip(function.free, self.source, strict=True):
            fields[place] = field
        self._fields = tuple(fields)
        self._on_price = function.price_scale and "volume" not in self.source
        self._warmup = lookback_of(function, self.params)
        self._finish(name)

    @property
    def labels(self) -> Sequence[str]:
        """The feature's name, or `name.output` for each of several outputs."""
        outputs = talib_function(self.fn).outputs
        return (self.name,) if len(outputs) == 1 else tuple(f"{self.name}.{output}" for output in outputs)

    @property
    def warmup(self) -> int:
        """TA-Lib's lookback: how many first bars have no value."""
        return self._warmup

    @property
    def on_price(self) -> bool:
        """Whether TA-Lib says that the output has the scale of its input, and the input is a price."""
        return self._on_price

    @property
    def overlays(self) -> Sequence[str]:
        """The labels that are prices; SuperTrend's direction is not."""
        outputs = talib_function(self.fn).outputs
        return tuple(label for label, output in zip(self.labels, outputs, strict=True) if self.on_price and output != "trend")

    def block(self, bars: FeatureBars) -> Floats:
        """Return TA-Lib's batch result, NaN in the first `warmup` rows; raises StrategyError on a bar that is not finite."""
        inputs = [np.ascontiguousarray(getattr(bars, field), dtype=np.float64) for field in self._fields]
        for field, column in zip(self._fields, inputs, strict=True):
            # One NaN would poison a batch to its end; a sum is the quickest way to see that there is none.
            if not math.isfinite(column.sum()) and (bad := np.flatnonzero(~np.isfinite(column))).size:
                raise StrategyError(f"{self!r}: {field} is {column[bad[0]]} in row {bad[0]}; bars must be finite numbers")
        rows, width = len(bars), len(self.labels)
        if rows <= self._warmup:
            return np.full((rows, width), NAN)
        result = _batch(self.fn)(*inputs, **self.params)
        if width == 1:
            values: Floats = np.asarray(result, dtype=np.float64)
        else:
            values = np.array(result, dtype=np.float64).T
        values[: self._warmup] = NAN
        return values

    def stream(self) -> Stepper:
        """Return a fresh stepper around a TA-Lib streaming handle."""
        return IndicatorStepper(self.fn, self.params, self._fields, len(self.labels), self._warmup)

    def _derived_name(self) -> str:
        function = talib_function(self.fn)
        values = [
            ma_name(value) if is_matype(key) else value
            for key, value in self.params.items()
            if not is_matype(key) or value != function.params[key]
        ]
        if self.source != tuple(function.inputs[place] for place in function.free):
            values += self.source
        return join_label(self.fn.lower(), values)

    def _shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"fn": self.fn, **self.params}
        if len(self.source) == 1 and self.source != ("close",):
            shown["source"] = self.source[0]
        elif len(self.source) > 1:
            shown["source"] = self.source
        return shown


class IndicatorStepper:
    """Steps an indicator: gathers bars until TA-Lib can open a handle on them, then carries the handle forward."""

    def __init__(self, fn: str, params: dict[str, int | float], fields: tuple[str, ...], width: int, warmup: int) -> None:
        self._fn = fn
        self._params = params
        self._places = tuple(FIELDS.index(field) for field in fields)
        self._cold = (NAN,) * width
        self._warmup = warmup
        self._history: list[list[float]] = []
        self._handle: Any = None

    def update(self, open: float, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take one closed bar in; return a value per label, NaN while warming up; raises StrategyError on a bar not finite."""
        bar = (open, high, low, close, volume)
        row = [bar[place] for place in self._places]
        if not math.isfinite(sum(row)):
            raise StrategyError(f"{self._fn} got the bar {bar}; bars must be finite numbers")
        if self._handle is None:
            self._history.append(row)
            if len(self._history) > self._warmup:
                self._handle = self._open()
            if self._handle is None:
                return self._cold
            value = self._handle.value
        else:
            value = self._handle.update(*row)
        return tuple(map(float, value)) if isinstance(value, tuple) else (float(value),)

    def _open(self) -> Any:
        """Return a handle on the bars gathered, or None where they are still too few."""
        columns = np.array(self._history, dtype=np.float64).T.copy()
        try:
            handle = getattr(talib().stream, self._fn)(*columns, **self._params)
        except talib().InsufficientHistory:
            return None
        self._history.clear()
        return handle


@cache
def _batch(fn: str) -> Callable[..., Any]:
    return getattr(talib(), fn)  # type: ignore[no-any-return]
