"""Feature: a number, or a few, computed from a coin's closed bars, in one go over a recording or bar by bar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import StrategyError
from engine.params import bind, parameters, place_of, values_of
from engine.state import FIELDS

if TYPE_CHECKING:
    from engine.state import State

Floats = npt.NDArray[np.float64]
NAN = float("nan")


class FeatureBars(Protocol):
    """What `block` sees: columns of equal length, oldest bar first, contiguous.

    Float64 prices in quote currency and volume in base units; `time` is the bars' opening in int64 ns UTC.
    """

    @property
    def time(self) -> npt.NDArray[np.int64]: ...
    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...
    @property
    def volume(self) -> Floats: ...
    def __len__(self) -> int: ...


class Stepper(Protocol):
    """A feature carried forward one closed bar at a time, O(1) a bar where the feature allows it."""

    def update(self, open: float, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take one closed bar in; return a value per label, NaN while warming up, the same bits as `block`."""
        ...


class Feature:
    """Base of every feature; its annotated class attributes are its parameters, given by keyword.

    Override `compute(state)`, which works in every mode, or `block(bars)`, which is fast over a whole recording:

        class Stretch(Feature):
            window: int = 20

            @property
            def lookback(self):
                return self.window

            def block(self, bars):
                return bars.close - moving_mean(bars.close, self.window)

    `name=` replaces the label derived from class and parameters (`stretch_20`). Raises StrategyError for unknown parameters,
    values of a wrong type, and a class that defines neither `compute` nor `block`.
    """

    _reserved: ClassVar[frozenset[str]] = frozenset({"name", "labels", "warmup", "lookback", "on_price", "overlays"})

    name: str = ""

    def __init__(self, *, name: str | None = None, **params: Any) -> None:
        bind(self, params)
        self._finish(name)

    @property
    def labels(self) -> Sequence[str]:
        """The names of the feature's columns; one, its own name, unless overridden."""
        return (self.name,)

    @property
    def warmup(self) -> int:
        """How many of a coin's first bars have no value yet; the column is NaN there."""
        return 0

    @property
    def lookback(self) -> int | None:
        """How many bars, the newest one included, a value of `block` depends on; to be declared beside `block`."""
        return None

    @property
    def on_price(self) -> bool:
        """Whether the values are prices, to be drawn over the candles."""
        return False

    @property
    def overlays(self) -> Sequence[str]:
        """The labels to be drawn over the candles: all of them where `on_price`, else none."""
        return tuple(self.labels) if self.on_price else ()

    def block(self, bars: FeatureBars) -> Any:
        """Return the feature over all `bars` at once: float64 of shape (n,), or (n, number of labels).

        The value of a row may depend on that row and the `lookback - 1` before it only.
        """
        raise StrategyError(f"{place_of(type(self))} computes from the state, it has no block()")

    def compute(self, state: State) -> State:
        """Set `state.features[coin, label]` for each coin with a new bar, and return the state."""
        labels = tuple(self.labels)
        for coin, bars in state.raw.bars():
            row = self.columns(bars)[-1]
            for label, value in zip(labels, row.tolist(), strict=True):
                state.features[coin, label] = value
        return state

    def stream(self) -> Stepper:
        """Return a fresh stepper, at no bar yet; unless overridden it keeps `lookback` bars and runs `block` on them."""
        return BlockStepper(self)

    def columns(self, bars: FeatureBars) -> Floats:
        """Return what `block` gives over `bars` as float64 of shape (n, number of labels), NaN in the first `warmup` rows.

        Raises StrategyError where it has another shape or is not made of numbers.
        """
        values = self.values(bars)
        cold = values[: self.warmup]
        if not np.isnan(cold).all():
            values = values.copy()
            values[: self.warmup] = NAN
        return values

    def values(self, bars: FeatureBars) -> Floats:
        """Return what `columns` returns, with whatever `block` made of the first `warmup` rows."""
        rows, width = len(bars), len(self.labels)
        try:
            values = np.asarray(self.block(bars), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise StrategyError(f"{place_of(type(self))}: block() failed: {error}") from error
        if values.shape == (rows,) and width == 1:
            return values.reshape(rows, 1)
        if values.shape != (rows, width):
            raise StrategyError(
                f"{place_of(type(self))}: block() returned shape {values.shape} for {rows} bars and {width} labels",
                hint=f"return an array of shape ({rows},)" if width == 1 else f"return an array of shape ({rows}, {width})",
            )
        return values

    @classmethod
    def is_block(cls) -> bool:
        """Whether the class computes blocks, and so can be run over a recording at once."""
        return cls.block is not Feature.block

    def _finish(self, name: str | None) -> None:
        """Check that the class can compute, and settle the name; the last thing an `__init__` does."""
        cls = type(self)
        if cls.compute is Feature.compute and not cls.is_block():
            raise StrategyError(
                f"{place_of(cls)} defines neither compute(state) nor block(bars)",
                hint="define compute(self, state), or block(self, bars) with a lookback",
            )
        if cls.is_block() and cls.stream is Feature.stream:
            checked_lookback(self)
        if name is None:
            name = cls.name or self._derived_name()
        self.name = checked_label(name, cls.__name__)

    def _derived_name(self) -> str:
        defaults = parameters(type(self))
        return join_label(
            snake_case(type(self).__name__),
            [value for key, value in values_of(self).items() if is_number(value) or value != defaults[key].default],
        )

    def _shown(self) -> dict[str, Any]:
        """The arguments that make this feature, for repr and equality."""
        return values_of(self)

    def __repr__(self) -> str:
        given = [f"{key}={value!r}" for key, value in self._shown().items()]
        if self.name != self._derived_name():
            given.append(f"name={self.name!r}")
        return f"{type(self).__name__}({', '.join(given)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class BlockStepper:
    """Steps a block feature by running its `block` on the last `lookback` bars, for each new bar anew."""

    def __init__(self, feature: Feature) -> None:
        lookback = checked_lookback(feature)
        self._feature = feature
        self._lookback = lookback
        # Bars are written twice as far as they are kept, so that the newest ones are contiguous without a move every bar.
        self._table = np.empty((len(FIELDS), 2 * lookback))
        self._end = 0
        self._cold = feature.warmup

    def update(self, open: float, high: float, low: float, close: float, volume: float) -> tuple[float, ...]:
        """Take one closed bar in; return a value per label, NaN while warming up."""
        if self._end == self._table.shape[1]:
            keep = self._lookback - 1
            self._table[:, :keep] = self._table[:, self._end - keep :]
            self._end = keep
        self._table[:, self._end] = (open, high, low, close, volume)
        self._end += 1
        if self._cold:
            self._cold -= 1
            return (NAN,) * len(self._feature.labels)
        window = BarWindow(self._table[:, max(0, self._end - self._lookback) : self._end], type(self._feature))
        return tuple(self._feature.values(window)[-1].tolist())


class BarWindow:
    """The bars a `BlockStepper` remembers, as `block` sees them; without times, which a stepper is not given."""

    def __init__(self, table: Floats, owner: type[Feature]) -> None:
        self.open, self.high, self.low, self.close, self.volume = table
        self._owner = owner

    def __len__(self) -> int:
        return len(self.close)

    @property
    def time(self) -> npt.NDArray[np.int64]:
        """Raises StrategyError: going bar by bar, a block feature knows no times."""
        raise StrategyError(
            f"{place_of(self._owner)} reads bars.time, which block features do not have bar by bar",
            hint="compute it in compute(state) instead, where bars.time is there in every mode",
        )


def snake_case(name: str) -> str:
    """Return `RollingZScore` as `rolling_z_score`; runs of capitals such as RSI stay one word."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def is_number(value: Any) -> bool:
    """Whether the value is a number, or a tuple or list of them."""
    if isinstance(value, tuple | list):
        return all(is_number(item) for item in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def join_label(word: str, values: Sequence[Any]) -> str:
    """Return a derived label: the word and the parameters' values, such as `macd_12_26_9`."""
    return "_".join([word, *filter(None, map(label_part, values))])


def label_part(value: Any) -> str:
    """Return a parameter's value as it stands in a label: whole numbers without a point, None as nothing."""
    if isinstance(value, tuple | list):
        return "_".join(label_part(item) for item in value)
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return re.sub(r"\W+", "_", str(value.value if isinstance(value, Enum) else value)).lower()


def checked_label(name: Any, owner: str) -> str:
    """Return a feature's name; raises StrategyError unless it is printable text of at most 80 characters without blank ends."""
    if not isinstance(name, str) or not name.isprintable() or name != name.strip() or not 0 < len(name) <= 80:
        raise StrategyError(f"{owner}: {name!r} cannot name a feature", hint="use a short word such as fast")
    return name


def checked_lookback(feature: Feature) -> int:
    """Return a feature's lookback; raises StrategyError unless it is a whole number of at least 1."""
    lookback = feature.lookback
    if not isinstance(lookback, int) or isinstance(lookback, bool) or lookback < 1:
        raise StrategyError(
            f"{place_of(type(feature))} has a block() but the lookback {lookback!r}, so it cannot go bar by bar",
            hint="set lookback to the number of bars, the newest one included, that a value depends on",
        )
    return lookback
