"""How much a client may ask: weights and orders counted in windows of time, and what one who asks more is told."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A limit as exchangeInfo tells it: so many of a `kind` in `num` times an `interval`."""

    kind: str
    interval: str
    num: int
    limit: int


class Usage(NamedTuple):
    """A limit and how much of it is used in the window that runs."""

    rule: Rule
    used: int
