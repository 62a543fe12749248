"""Fees and turnover: what each fill cost beside its price, exact, and what it moved."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.analysis.valuation import in_currency, marks_at, quote_way, worths_at
from engine.exact import UNIT
from engine.exchange import kernel as k
from engine.trading.account import Account
from engine.trading.valuation import path, worth


def fees_in_quote(account: Account, since: int = 0) -> list[int]:
    """Return the fee of each fill from the one numbered `since` on, in its coin's quote asset, counting 1e-8.

    Those taken in base count at their fill's price, those in BNB at its last price by then.
    """
    exchange = account.exchange
    scales = exchange.coins[:, k.SCALE].tolist()
    columns = [k.F_COIN, k.F_STEP, k.F_PRICE, k.F_FEE, k.F_FEE_IN]
    fees = []
    for coin, step, price, fee, fee_in in zip(*exchange.fills[since : exchange.n_fills, columns].T.tolist(), strict=True):
        if fee_in == k.IN_BASE:
            fee = fee * price // scales[coin]
        elif fee_in == k.IN_BNB:
            way = path(exchange.instruments, "BNB", exchange.instruments[coin].quote)
            fee = worth(fee, exchange.decimals["BNB"], way, marks_at(account, step)) // UNIT
        fees.append(fee)
    return fees


def fees_paid(account: Account, since: int = 0) -> list[int]:
    """Return the fee of each fill from the one numbered `since` on, in the account's currency at its step, counting 1e-8."""
    coins, steps = account.exchange.fills[since : account.exchange.n_fills, [k.F_COIN, k.F_STEP]].T.tolist()
    fees = fees_in_quote(account, since)
    return [in_currency(account, coin, fee, step) for coin, fee, step in zip(coins, fees, steps, strict=True)]


def traded(account: Account, end: int) -> npt.NDArray[np.float64]:
    """Return what each fill moved, bought or sold, in the account's currency at its step, of a run of `end` steps."""
    exchange = account.exchange
    fills = exchange.fills[: exchange.n_fills]
    rates = np.ones(len(fills))
    for coin in range(len(exchange.instruments)):
        way = quote_way(account, coin)
        mine = fills[:, k.F_COIN] == coin
        if way and mine.any():
            rates[mine] = worths_at(account, np.ones(end), way, 0, end)[fills[mine, k.F_STEP]]
    return np.asarray(fills[:, k.F_NOTIONAL] / UNIT * rates)
