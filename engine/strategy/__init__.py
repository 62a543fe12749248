"""What a user writes, and the numbers it keeps."""

from engine.strategy.statistics import Statistics
from engine.strategy.strategy import Strategy

__all__ = ["Statistics", "Strategy"]
