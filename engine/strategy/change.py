"""Change: other parameters for a strategy in flight; what it has seen stays what it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import StrategyError, UsageError
from engine.features.base import Feature
from engine.features.store import FeatureStore
from engine.params import validate, values_of
from engine.strategy.blame import place_of_error
from engine.strategy.positions import Positions
from engine.strategy.strategy import Strategy


def change(strategy: Strategy, params: Mapping[str, Any], before: Callable[[], None] = lambda: None) -> None:
    """Give a strategy other parameters from the next step on; `before` is called when nothing stands against it any more.

    Features that follow from them are computed anew: rows from the next on have the new values, those up to the cursor keep
    what they had under the same label. What `__init__` made of the parameters stays. Raises StrategyError for parameters there
    are not, UsageError where other features would have to warm up in flight.
    """
    values = validate(type(strategy), {**values_of(strategy), **params})
    old = values_of(strategy)
    own = strategy.features()
    store = strategy.stats.features
    _set(strategy, values)
    try:
        wanted = [*strategy.features(), *(its for its in store.features if its not in own)]
        features = [next((its for its in store.features if its == new), new) for new in wanted]
        renewed = None if features == store.features else _renewed(strategy, features)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _set(strategy, old)
        if isinstance(error, UsageError | StrategyError):
            raise
        raise StrategyError(f"{type(strategy).__name__} cannot take these parameters: {place_of_error(error)}") from error
    _set(strategy, old)
    before()
    _set(strategy, values)
    if renewed is not None:
        strategy._see(strategy.state if strategy.flown else None, *renewed)


def _set(strategy: Strategy, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(strategy, name, value)


def _renewed(strategy: Strategy, features: list[Feature]) -> tuple[FeatureStore, Positions | None]:
    """Return a store of other features that has the old one's rows up to the cursor, and what was held at them."""
    store, old = FeatureStore(features), strategy.stats.features
    if not strategy.flown:
        return store, None
    raw = strategy.state.raw
    if raw.growing:
        raise UsageError("these parameters change features, which cannot warm up in flight", hint="change them on the ground")
    store.bind(raw)
    for frame, before, track in zip(store.frames, old.frames, raw.decisions, strict=True):
        rows = track.rows_by(raw.step + 1)
        for label in frame.labels:
            if label in before.labels:
                frame.column(label)[:rows] = before.column(label)[:rows]
    positions = Positions(raw, store.frames)
    positions.adopt(strategy._held)
    return store, positions
