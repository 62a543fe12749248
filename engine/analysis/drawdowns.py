"""Drawdowns: how far and how long a curve of worth was below its high."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Drawdowns(NamedTuple):
    """Every fall below a high, oldest first: its depth as a fraction of the high, and its length.

    Lengths are in ns, from the high until it was reached again, or to the end.
    """

    depth: Floats
    length: Ints


def drawdowns(worth: Floats, times: Ints) -> Drawdowns:
    """Return the drawdowns of a worth at each step.

    M. Magdon-Ismail and A. Atiya, Maximum Drawdown, Risk 17 (2004).
    """
    if not len(worth):
        return Drawdowns(np.empty(0), np.empty(0, np.int64))
    highs = np.maximum.accumulate(worth)
    at_high = np.flatnonzero(worth >= highs)
    ends = np.append(at_high[1:], len(worth) - 1)
    below = ends - at_high > 1
    below[-1] = ends[-1] > at_high[-1]
    begins, ends = at_high[below], ends[below]
    falls = np.divide(highs - worth, highs, out=np.zeros(len(worth)), where=highs > 0)
    depth = np.maximum.reduceat(falls, begins) if len(begins) else np.empty(0)
    return Drawdowns(depth, times[ends] - times[begins])
