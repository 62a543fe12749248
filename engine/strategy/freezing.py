"""Freezing: what a strategy and its features keep of their own, as bytes, and back into the same objects.

What is the engine's (the market, frames and their rows, the account) is kept as what it is and never copied.
"""

from __future__ import annotations

import ctypes
import io
import pickle
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from numpy.random import Generator

from engine.errors import StrategyError
from engine.features.frame import Row
from engine.strategy.statistics import Statistics
from engine.strategy.strategy import Strategy

HINT = "make it again when it is needed, or name it in `transient` where it is no state: transient = ({name!r},)"


def _engines(key: int) -> Any:
    """Stands in a pickle for an object that is not copied; thawing finds another in its place."""
    raise pickle.UnpicklingError(f"object {key} is known to the freezer alone")


def _row(frame: int, row: int) -> Any:
    """Stands in a pickle for a coin's row."""
    raise pickle.UnpicklingError(f"row {row} of frame {frame} is known to the freezer alone")


class Freezer:
    """Freezes and thaws one strategy with the features that compute from the state."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        # what stays what it is, by a number; kept so that no other object gets its id
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._known: tuple[Any, ...] = ()

    def freeze(self) -> bytes:
        """Return everything kept, as bytes; raises StrategyError naming the attribute that cannot be."""
        known = (self._strategy.flown, self._strategy.rng, self._strategy.stats.features)
        if known != self._known:
            self._known = known
            for its in self._live():
                self._number(its)
        try:
            return self._dump(self._kept())
        # an object of the author's own may fail in any way
        except Exception as error:
            raise self._named(error) from None

    def thaw(self, frozen: bytes) -> None:
        """Give strategy and features what they kept then."""
        strategy, statistics, features = self._load(frozen)
        own = vars(self._strategy)
        stays = {name: own[name] for name in self._strategy.transient if name in own}
        self._strategy.rng, state = strategy.pop("")
        if state is not None:
            self._strategy.rng.bit_generator.state = state
        own.clear()
        own.update(strategy, **stays)
        vars(self._strategy.stats).update(statistics)
        for feature, its in zip(self._strategy.stats.features.by_step, features, strict=True):
            vars(feature).clear()
            vars(feature).update(its)

    def sizes(self) -> dict[str, int]:
        """Return how many bytes each of the strategy's attributes takes, frozen alone; those of features by their names."""
        strategy, _, features = self._kept()
        sizes = {name or "rng": len(self._dump(value)) for name, value in strategy.items()}
        for feature, its in zip(self._strategy.stats.features.by_step, features, strict=True):
            sizes |= {f"{feature.name}.{name}": len(self._dump(value)) for name, value in its.items()}
        return sizes

    def _kept(self) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
        strategy, stats = self._strategy, self._strategy.stats
        rng: Any = strategy.rng
        # its state alone is ten times as quick to keep
        own = {"": (rng, rng.bit_generator.state if isinstance(rng, Generator) else None), **vars(strategy)}
        for name in strategy.transient:
            own.pop(name, None)
        more = {} if type(stats) is Statistics else {k: v for k, v in vars(stats).items() if k not in OURS}
        return own, more, [vars(feature) for feature in stats.features.by_step]

    def _live(self) -> Iterator[Any]:
        strategy = self._strategy
        if isinstance(strategy.rng, Generator):
            yield strategy.rng
        yield from (strategy, strategy.stats, strategy.timeline, strategy.stats.timeline, strategy.stats.features)
        yield from strategy.stats.features.features
        yield from strategy.stats.features.frames
        if strategy.flown:
            state = strategy.state
            yield from (state, state.raw, state.trade, state.features, *(state.raw[its.coin] for its in state.raw.decisions))

    def _number(self, its: Any) -> int:
        number = self._numbers.setdefault(id(its), len(self._objects))
        if number == len(self._objects):
            self._objects.append(its)
        return number

    def _dump(self, value: Any) -> bytes:
        file = io.BytesIO()
        _Pickler(file, self).dump(value)
        return file.getvalue()

    def _load(self, frozen: bytes) -> Any:
        return _Unpickler(io.BytesIO(frozen), self).load()

    def reduced(self, its: Any) -> Any:
        """Return how an object that is not plain is kept: the engine's, rows and local classes as what they are."""
        number = self._numbers.get(id(its))
        if number is None:
            if isinstance(its, Row):
                return _row, (self._number(its.frame), _place(its))
            # a class or function that its name does not lead to, made inside another or of a file loaded anew since
            if isinstance(its, type | FunctionType) and its.__name__ != "<lambda>" and not _is_found(its):
                number = self._number(its)
        return NotImplemented if number is None else (_engines, (number,))

    def object(self, number: int) -> Any:
        """Return what stays what it is."""
        return self._objects[number]

    def row(self, frame: int, row: int) -> Any:
        """Return a coin's row; that of NaN before its first."""
        its = self._objects[frame]
        return its.rows[row] if row >= 0 else its.missing

    def _named(self, error: Exception) -> StrategyError:
        """Return the error that names what cannot be frozen."""
        kind, (own, more, features) = type(self._strategy).__name__, self._kept()
        places = [(name, value, f"the attribute {name!r} of {kind}") for name, value in (own | more).items()]
        for feature, its in zip(self._strategy.stats.features.by_step, features, strict=True):
            places += [(name, value, f"the attribute {name!r} of the feature {feature.name}") for name, value in its.items()]
        for name, value, place in places:
            try:
                self._dump(value)
            except Exception as its_own:
                return StrategyError(f"{place} cannot be kept for a rewind: {its_own}", hint=HINT.format(name=name))
        return StrategyError(f"{kind} cannot be kept for a rewind: {error}")


OURS = frozenset(vars(Statistics()))


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, freezer: Freezer) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.reducer_override = freezer.reduced  # type: ignore[method-assign]


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, freezer: Freezer) -> None:
        super().__init__(file)
        self._freezer = freezer

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name in the pickle stands for."""
        if module == __name__:
            return {"_engines": self._freezer.object, "_row": self._freezer.row}[name]
        return super().find_class(module, name)


def _is_found(its: Any) -> bool:
    found: Any = sys.modules.get(its.__module__)
    for name in its.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is its


def _place(row: Row) -> int:
    """Return a row's number in its frame, -1 for that of NaN."""
    frame = row.frame
    if ctypes.addressof(row) == ctypes.addressof(frame.missing):
        return -1
    return (ctypes.addressof(row) - ctypes.addressof(frame.rows)) // (8 * frame.width)


def check_that_it_can_be_frozen(strategy: Strategy) -> None:
    """Raise StrategyError naming what could not be kept for a rewind."""
    Freezer(strategy).freeze()
