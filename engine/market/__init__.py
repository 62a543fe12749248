"""Raw data in motion: feeds that lay bars on the axis of steps."""

from engine.market.push import PushFeed, UnitBar
from engine.market.replay import ReplayFeed

__all__ = ["PushFeed", "ReplayFeed", "UnitBar"]
