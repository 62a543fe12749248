"""The cross worked out by a plain loop, once for each rule by which an engine fills: what its money must come to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CASH = 1_000_000_000
FEE = 0.001
SHARE = 0.99
FAST, SLOW = 50, 200
TICK = 0.01


class Rule(NamedTuple):
    """How an engine fills what is decided at a close: at the next open or at that very close, how many units, what a sell gets.

    `sized_late` takes the units from the price of the fill, not from the close; `fee_aside` keeps the fee back first; a sell
    gets `below` less than the price.
    """

    next_open: bool = True
    sized_late: bool = False
    fee_aside: bool = False
    below: float = 0.0


def reference(bars: NDArray[np.float64], rule: Rule) -> tuple[float, int]:
    """Return the final equity and the number of fills, in floats: whole units for 99 % of the cash, 10 bps a fill."""
    opening, _, _, close, _ = bars
    above = _average(close, FAST) - _average(close, SLOW)
    cash, held, fills = float(CASH), 0, 0
    for row in range(SLOW - 1, bars.shape[1] - rule.next_open):
        price = opening[row + 1] if rule.next_open else close[row]
        if above[row] > 0 and not held:
            per_unit = (price if rule.sized_late else close[row]) * (1 + FEE * rule.fee_aside)
            held = int(SHARE * cash / per_unit)
            cash -= held * price * (1 + FEE)
            fills += 1
        elif above[row] < 0 and held:
            cash += held * (price - rule.below) * (1 - FEE)
            held = 0
            fills += 1
    return cash + held * close[-1], fills


def _average(close: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The mean of the last so many closes, exact to the cent that prices have, NaN before there are so many."""
    cents = np.concatenate(([0], np.cumsum(np.rint(close * 100).astype(np.int64))))
    means = np.full(len(close), np.nan)
    means[window - 1 :] = (cents[window:] - cents[:-window]) / (100 * window)
    return means
