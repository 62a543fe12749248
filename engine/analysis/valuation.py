"""Valuation in hindsight: what money of a coin's quote asset was worth in the account's currency at any step of a run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from engine.exact import DECIMALS, UNIT
from engine.exchange import kernel as k
from engine.trading.account import Account
from engine.trading.valuation import Path, closes, worth, worths

Floats = npt.NDArray[np.float64]


def quote_way(account: Account, coin: int) -> Path:
    """Return the way from a coin's quote asset to the account's currency, empty where they are one."""
    return account.ways[account.exchange.coins.item(coin, k.QUOTE)][2]


def marks_at(account: Account, step: int) -> Callable[[int], int]:
    """Return what tells a coin's last price at a step, in units, 0 before its first."""

    def mark(coin: int) -> int:
        track = account.raw.events[coin]
        row = track.last_row(step)
        return int(track.bars.close[row]) if row >= 0 else 0

    return mark


def in_currency(account: Account, coin: int, units: int, step: int) -> int:
    """Return an amount of a coin's quote asset in the account's currency at a step's last prices, both counting 1e-8."""
    way = quote_way(account, coin)
    return worth(units, DECIMALS, way, marks_at(account, step)) // UNIT if way else units


def worths_at(account: Account, amounts: Floats, way: Path, begin: int, end: int) -> Floats:
    """Return what amounts at the steps from `begin` up to `end` were worth at the end of their way, at the last prices then."""
    return worths(amounts, way, lambda coin: closes(account.raw, coin, begin, end))
