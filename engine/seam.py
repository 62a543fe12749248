"""The seam: the one place where the engine asks what time it is, or leaves anything to chance.

Everything else is a function of what it is given, so that a run can be run again. A test holds that nothing beside this module
reads a clock or makes random numbers.
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, date, datetime

monotonic_ns = time.monotonic_ns
"""A clock that only goes forward, in ns from no particular moment: for waiting and for ages."""

wall_ns = time.time_ns
"""The time of day, ns since 1970 UTC; it may jump."""

stopwatch = time.perf_counter
"""The finest clock there is, in seconds: for measuring."""

Dice = random.Random
"""Random numbers that follow from a seed."""

chance = random.SystemRandom().random
"""A number from 0 to below 1 that follows from nothing: to spread retries, never to decide."""

token = secrets.token_hex
"""A word nobody can guess, of so many bytes."""


def now_utc() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


def today() -> date:
    """Return the day it is in UTC."""
    return now_utc().date()
