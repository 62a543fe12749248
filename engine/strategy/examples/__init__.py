"""Strategies to read, run and start from."""

from engine.strategy.examples.momentum_rotation import MomentumRotation
from engine.strategy.examples.rsi_reversion import RsiReversion
from engine.strategy.examples.sma_cross import SmaCross

__all__ = ["MomentumRotation", "RsiReversion", "SmaCross"]
