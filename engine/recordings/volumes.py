"""Volumes of different coins and files in units that fit: exact in each, as fine as leaves room for the sum of a year."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.exact import DECIMALS, INT64_MAX
from engine.model import INTERVALS
from engine.recordings.bars import COLUMNS, Bars, Column

YEAR = 365 * INTERVALS["1d"]


def rescaled(bars: Bars, decimals: int) -> Bars | None:
    """Return the bars with volumes of so many decimals, None where they do not fit or have more than that."""
    if decimals == bars.volume_decimals:
        return bars
    factor = 10 ** abs(decimals - bars.volume_decimals)
    if decimals > bars.volume_decimals:
        return _with(bars, bars.volume * factor, decimals) if _largest(bars) <= INT64_MAX // factor else None
    return None if np.any(bars.volume % factor) else _with(bars, bars.volume // factor, decimals)


def common(series: Sequence[Bars]) -> int:
    """Return the most decimals in which every volume of all the series fits."""
    fits = (
        d
        for d in range(DECIMALS, 0, -1)
        if all(_largest(bars) * 10**d <= INT64_MAX * 10**bars.volume_decimals for bars in series)
    )
    return next(fits, 0)


def settled(bars: Bars) -> Bars:
    """Return the bars with their volumes in the finest unit, 1e-8 to 1, that leaves room for the sum of a year of such bars.

    Where that unit is too coarse for them to stay exact, the room goes before the digits do.
    """
    total = float(bars.volume.sum(dtype=np.float64)) / 10**bars.volume_decimals
    yearly = total * max(1.0, YEAR / (bars.interval * max(1, len(bars))))
    roomy = next((d for d in range(DECIMALS, 0, -1) if yearly * 10**d < INT64_MAX), 0)
    return next((its for d in range(roomy, DECIMALS + 1) if (its := rescaled(bars, d)) is not None), bars)


def _largest(bars: Bars) -> int:
    return int(bars.volume.max(initial=0))


def _with(bars: Bars, volume: Column, decimals: int) -> Bars:
    columns = {name: bars.column(name) for name in COLUMNS} | {"volume": volume}
    return Bars(**columns, interval=bars.interval, volume_decimals=decimals)
