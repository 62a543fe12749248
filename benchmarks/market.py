"""A year of made-up one-minute bars, the same for every engine that is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

YEAR = 525_600
MINUTE_NS = 60_000_000_000
START_NS = 1_704_067_200_000_000_000
"""2024-01-01 UTC."""

COLUMNS = ("open", "high", "low", "close", "volume")
FIRST_PRICE = 60_000.0
SEED = 20_240_103
"""With this seed the first averages cross after bar 200, where backtesting.py begins, so that all engines start alike."""


def make_coin(bars: int, seed: int) -> NDArray[np.float64]:
    """Return an array (5, bars) of open, high, low, close in quote currency, to the cent, and volume in base units.

    A geometric random walk with minute volatility 0.06 % that opens a few cents away from the last close, so that a fill at the
    wrong price shows in the equity. No volume is zero.
    """
    rng = np.random.default_rng(seed)
    close = FIRST_PRICE * np.exp(np.cumsum(rng.normal(0.0, 0.0006, bars)))
    gap = rng.normal(0.0, 2e-5, bars)
    opening = np.concatenate(([FIRST_PRICE], close[:-1])) * (1.0 + gap)
    reach = np.abs(rng.normal(0.0, 0.0003, (2, bars)))
    high = np.maximum(opening, close) * (1.0 + reach[0])
    low = np.minimum(opening, close) * (1.0 - reach[1])
    prices = np.round(np.stack((opening, high, low, close)), 2)
    volume = np.round(rng.exponential(20.0, bars) + 0.001, 3)
    return np.concatenate((prices, volume[None, :]))


def write_market(path: Path, coins: int, bars: int = YEAR) -> list[str]:
    """Write `coins` coins into an npz file, one array of make_coin each, and return their names."""
    names = [f"C{number:02d}USDT" for number in range(coins)]
    np.savez(path, **{name: make_coin(bars, SEED + number) for number, name in enumerate(names)})
    return names


def times(bars: int) -> NDArray[np.int64]:
    """Return the opening times in nanoseconds."""
    return START_NS + MINUTE_NS * np.arange(bars, dtype=np.int64)
