"""Statistics: the numbers a strategy keeps about the market, its features, and the timeline it records on."""

from __future__ import annotations

from collections.abc import Iterable

from engine.features.base import Feature
from engine.features.store import FeatureStore
from engine.state import State
from engine.timeline import Timeline


class Statistics:
    """A strategy's features on a timeline: `feature_calc()` brings them up to the state the strategy was last given.

    `feature_configs` are the features to compute; `timeline` takes what the strategy records.
    """

    def __init__(self, timeline: Timeline | None = None, feature_configs: Iterable[Feature] = ()) -> None:
        self.timeline = Timeline() if timeline is None else timeline
        self.features = FeatureStore(feature_configs)
        self.state: State | None = None
        self.done = False

    def bind(self, state: State) -> None:
        """Compute features on this state's market from now on."""
        self.features.bind(state.raw)
        self.state = self.features.compute(state)
        self.done = self.features.complete

    def feature_calc(self) -> None:
        """Compute every feature at the cursor."""
        if not self.done and self.state is not None:
            self.state = self.features.compute(self.state)
