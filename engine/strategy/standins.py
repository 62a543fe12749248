"""Stand-ins: what is flown in place of a strategy that is not asked."""

from __future__ import annotations

from typing import Any

from engine.model import CoinName, Timestamp
from engine.strategy.strategy import Strategy


class Grounded:
    """Stands in for a strategy that was halted: it sees nothing and wants nothing."""

    def __init__(self) -> None:
        self.stats = self

    def time_pass(self, latest: object) -> None:
        """See nothing."""

    def feature_calc(self) -> None:
        """Compute nothing."""

    def needs_update(self, timestamp: Timestamp) -> bool:
        """Want nothing."""
        return False

    def gen_signal(self) -> dict[CoinName, Any]:
        """Say nothing."""
        return {}


class Warming(Grounded):
    """Stands in for a strategy before its time: it sees everything and wants nothing."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__()
        self.time_pass = strategy.time_pass  # type: ignore[method-assign, assignment]
        self.stats = strategy.stats  # type: ignore[assignment]
