"""Input: what a person did at a step, as it is logged."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.model import Timestamp


class Input(NamedTuple):
    """A hand input.

    The step it came after, its place among that step's inputs, the market's time, what it was, its arguments.
    """

    step: int
    place: int
    time: Timestamp
    what: str
    arguments: tuple[Any, ...]
