"""Valuation: what an asset is worth in another, by the prices of the session's own coins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import ConfigError
from engine.exact import DECIMALS, UNIT
from engine.model import Instrument
from engine.state import Raw

Floats = npt.NDArray[np.float64]
FINE = 2 * DECIMALS
"""Worth counts 1e-16: an amount's 1e-8 times a price's."""


class Hop(NamedTuple):
    """A coin whose price takes an amount on: from base to quote, or, where `back`, from quote to base."""

    coin: int
    back: bool


Path = tuple[Hop, ...]


def find_path(instruments: Sequence[Instrument], asset: str, currency: str) -> Path | None:
    """Return the shortest way from an asset to a currency, of several the one over the session's first coins; None for none."""
    ways: dict[str, Path] = {asset: ()}
    queue = deque([asset])
    while queue and currency not in ways:
        at = queue.popleft()
        for n, its in enumerate(instruments):
            for start, end, back in ((its.base, its.quote, False), (its.quote, its.base, True)):
                if start == at and end not in ways:
                    ways[end] = (*ways[at], Hop(n, back))
                    queue.append(end)
    return ways.get(currency)


def path(instruments: Sequence[Instrument], asset: str, currency: str) -> Path:
    """Return the way from an asset to a currency; raises ConfigError where the session's coins have none."""
    found = find_path(instruments, asset, currency)
    if found is None:
        raise ConfigError(
            f"{asset} cannot be valued in {currency}: no coins of this session lead from one to the other",
            hint=f"add a coin such as {asset}{currency}, or set [account] currency to what the coins are quoted in",
            key=("account",),
        )
    return found


def worth(amount: int, decimals: int, way: Path, mark: Callable[[int], int]) -> int:
    """Return what an amount, counting 10**-decimals, is worth at the end of its way, counting 1e-16, rounded down.

    `mark` gives a coin's price in units; over a coin without a price yet everything is worth nothing.
    """
    value: int = amount * 10 ** (FINE - decimals)
    for coin, back in way:
        price = mark(coin)
        up, down = (UNIT, price) if back else (price, UNIT)
        value = value * up // down if down else 0
    return value


def worths(amounts: Floats, way: Path, closes: Callable[[int], Floats]) -> Floats:
    """Return what amounts at many steps are worth, with a coin's closes at those steps (0 before its first)."""
    for coin, back in way:
        prices = closes(coin)
        amounts = amounts / np.where(prices > 0, prices, np.inf) if back else amounts * prices
    return amounts


def closes(raw: Raw, coin: int, begin: int, end: int) -> Floats:
    """Return a coin's last closes at the steps from `begin` up to `end`, in quote currency, 0 before its first."""
    track = raw.events[coin]
    if track.last_at is None:
        return np.asarray(track.bars.close[begin:end] / UNIT)
    rows = np.asarray(track.last_at[begin:end])
    return np.where(rows >= 0, track.bars.close[np.maximum(rows, 0)] / UNIT, 0.0)
