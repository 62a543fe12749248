"""Equity: what an account was worth and held at each step of a run, and what holding its coins would have come to.

Everything is made in blocks from the exchange's fills and the market's closes, after the run; a run pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.analysis.valuation import quote_way, worths_at
from engine.exact import UNIT
from engine.exchange import kernel as k
from engine.trading.account import Account
from engine.trading.valuation import Hop, closes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def equity_curve(account: Account, begin: int, end: int) -> Floats:
    """Return the account's worth at each step from `begin` up to `end`, in its currency.

    An asset counts nothing before its first price.
    """
    equity = np.zeros(end - begin)
    for asset, places, way in account.ways:
        held = _held(account, asset, begin, end)
        if held.any():
            equity += worths_at(account, held / 10**places, way, begin, end)
    return equity


def holding_curve(account: Account, coins: Sequence[int], end: int) -> Floats:
    """Return what 1 of the account's currency comes to by each step up to `end`, held in equal parts in these coins.

    They are bought at the first step's close; nothing is rebalanced and no fee taken. The part of a coin that has no price yet
    is cash until it has one.
    """
    total = np.zeros(end)
    for coin in coins:
        prices = worths_at(account, np.ones(end), (Hop(coin, False), *quote_way(account, coin)), 0, end)
        first = prices[(prices > 0).argmax()] if end else 0.0
        total += np.where(prices > 0, prices / first, 1.0) if first else 1.0
    return total / len(coins)


def invested(account: Account, coin: int, end: int) -> Flags:
    """Return at which steps up to `end` the account had a position of a coin that could be sold."""
    return is_invested(account, coin, sellable(account, coin, 0, end), 0)


def sellable(account: Account, coin: int, begin: int, end: int) -> Ints:
    """Return how many units of a coin's own position, whole lots, there were at each step from `begin` up to `end`."""
    exchange = account.exchange
    fills = exchange.fills[: exchange.n_fills]
    fills = fills[(fills[:, k.F_COIN] == coin) & (fills[:, k.F_STEP] < end)]
    positions = np.concatenate([[account.adopted.get(coin, 0)], fills[:, k.F_POSITION]])
    own = _standing(positions, fills[:, k.F_STEP], begin, end)
    # what was spent as another coin's quote is no longer there
    units = np.minimum(own, _held(account, exchange.coins.item(coin, k.BASE), begin, end))
    return np.asarray(units - units % exchange.lot(coin))


def is_invested(account: Account, coin: int, units: Ints, begin: int) -> Flags:
    """Return at which steps from `begin` on so many units were worth the minimum notional at the last price then."""
    exchange = account.exchange
    # floats of whole numbers, so that what is worth the minimum exactly is
    worth = units.astype(np.float64) * np.rint(closes(account.raw, coin, begin, begin + len(units)) * UNIT)
    return np.asarray((units > 0) & (worth >= exchange.instruments[coin].min_notional * exchange.scale(coin)))


def _held(account: Account, asset: int, begin: int, end: int) -> Ints:
    """Return what there was of an asset, by its number, at each step from `begin` up to `end`, in its units."""
    exchange = account.exchange
    steps = exchange.fills[: exchange.n_fills, k.F_STEP]
    # from what there is now back to what there was before each fill
    fills = exchange.fills[int(np.searchsorted(steps, begin, side="right")) : exchange.n_fills]
    buys = fills[:, k.F_SIDE] == k.BUY
    fee, fee_in = fills[:, k.F_FEE], fills[:, k.F_FEE_IN]
    bases, quotes = exchange.coins[fills[:, k.F_COIN]][:, [k.BASE, k.QUOTE]].T
    base = np.where(buys, fills[:, k.F_AMOUNT], -fills[:, k.F_AMOUNT]) - fee * (fee_in == k.IN_BASE)
    quote = np.where(buys, -fills[:, k.F_NOTIONAL], fills[:, k.F_NOTIONAL]) - fee * (fee_in == k.IN_QUOTE)
    bnb = -fee * ((fee_in == k.IN_BNB) & (asset == exchange.head[k.BNB]))
    changes = np.where(bases == asset, base, 0) + np.where(quotes == asset, quote, 0) + bnb
    amounts = account.totals()[asset] - np.concatenate([np.cumsum(changes[::-1])[::-1], [0]])
    return _standing(amounts, fills[:, k.F_STEP], begin, end)


def _standing(values: Ints, changes: Ints, begin: int, end: int) -> Ints:
    """Return what stood at each step from `begin` up to `end`: the first value, and from each step of a change on the next."""
    edges = np.concatenate([[begin], np.clip(changes, begin, end), [end]])
    return np.repeat(values, edges[1:] - edges[:-1])
