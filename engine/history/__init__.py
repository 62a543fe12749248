"""History: a replay's past kept at marks, so that the whole world can go back, on again, and another way."""

from engine.history.history import MEMORY, History
from engine.history.inputs import Input

__all__ = ["MEMORY", "History", "Input"]
