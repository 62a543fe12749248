"""Round trips: what a strategy bought, sold, and made of it, from flat to flat."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.analysis.fees import fees_in_quote
from engine.analysis.valuation import in_currency
from engine.exact import UNIT
from engine.exchange import kernel as k
from engine.trading.account import Account

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class RoundTrip(NamedTuple):
    """A position of a coin, by its number, from flat to flat again: a trade.

    `amount` is what was sold of what had been bought, in the base asset's units; `cost` what that had cost and `profit` what it
    brought in beyond, in the account's currency at the exit's prices, counting 1e-8. `entry_price` and `exit_price` are what a
    unit cost and brought in, in the coin's quote. All are with fees. `mae` and `mfe` are the worst and the best that its
    running profit came to, as a fraction of its cost.
    """

    coin: int
    entry_step: int
    exit_step: int
    amount: int
    cost: int
    profit: int
    entry_price: float
    exit_price: float
    mae: float
    mfe: float


Standing = tuple[int, int, int]
"""How a coin's trade stood after a fill: profit taken, base held and what that had cost, in units; money is quote."""


class Span(NamedTuple):
    """A trade by the places of its first and last fill among the coin's, with what was sold, its cost and its profit."""

    first: int
    last: int
    amount: int
    cost: int
    profit: int


def round_trips(account: Account) -> list[RoundTrip]:
    """Return the closed round trips by their end: from flat to flat, first in, first out.

    Flat is what cannot be sold: less than a lot, or worth less than the minimum notional at the fill's price. What is left goes
    into the next round trip. What was adopted counts as bought at the coin's first close. A position still open is none.
    """
    exchange = account.exchange
    fills, fees = exchange.fills[: exchange.n_fills], np.array(fees_in_quote(account), np.int64)
    trips: list[RoundTrip] = []
    for coin in range(len(exchange.instruments)):
        mine, given = fills[:, k.F_COIN] == coin, _adopted(account, coin)
        costs = [0] * len(given) + fees[mine].tolist()
        trips += _of_coin(account, coin, np.concatenate([given, fills[mine]]), costs)
    return sorted(trips, key=lambda trip: trip.exit_step)


def _of_coin(account: Account, coin: int, fills: Ints, fees: list[int]) -> Iterator[RoundTrip]:
    """Yield a coin's round trips; `fees` are its fills', in quote."""
    standings, spans = _walk(fills, fees, partial(account.is_dust, coin))
    if not spans:
        return
    steps = fills[:, k.F_STEP].tolist()
    for span, low, high in zip(spans, *_excursions(account, coin, fills, standings, spans), strict=True):
        begin, end = steps[span.first], steps[span.last]
        cost, profit = (in_currency(account, coin, money, end) for money in (span.cost, span.profit))
        sold = (span.amount or math.nan) / account.exchange.scale(coin) * UNIT
        prices = span.cost / sold, (span.cost + span.profit) / sold
        yield RoundTrip(coin, begin, end, span.amount, cost, profit, *prices, low, high)


def _adopted(account: Account, coin: int) -> Ints:
    """Return what was adopted of a coin as a fill at its first close, or none."""
    amount = account.adopted.get(coin, 0)
    track = account.raw.events[coin]
    fills = np.zeros((1 if amount and track.last_row(account.raw.step) >= 0 else 0, k.FILL_COLUMNS), np.int64)
    for row in fills:
        price = int(track.bars.close[0])
        row[[k.F_ORDER, k.F_SIDE, k.F_FEE_IN]] = -1, k.BUY, k.IN_QUOTE
        row[[k.F_STEP, k.F_COIN, k.F_AMOUNT, k.F_PRICE, k.F_POSITION]] = track.step_of(0), coin, amount, price, amount
        row[k.F_NOTIONAL] = amount * price // account.exchange.scale(coin)
    return fills


def _walk(fills: Ints, fees: list[int], is_dust: Callable[[int, int], bool]) -> tuple[list[Standing], list[Span]]:
    """Go through a coin's fills; return how it stood after each, and its trades, ended by what is dust at a price."""
    standings, spans = [], []
    lots: deque[tuple[int, int]] = deque()
    first = -1
    taken = held = paid = sold = cost = 0
    in_base = fills[:, k.F_FEE] * (fills[:, k.F_FEE_IN] == k.IN_BASE)
    columns = [k.F_SIDE, k.F_AMOUNT, k.F_NOTIONAL, k.F_POSITION, k.F_PRICE]
    rows = zip(*fills[:, columns].T.tolist(), in_base.tolist(), fees, strict=True)
    for n, (side, amount, notional, position, price, kept, fee) in enumerate(rows):
        if side == k.BUY:
            first = n if first < 0 else first
            received, spent = (amount - kept, notional) if kept else (amount, notional + fee)
            if received:
                lots.append((received, spent))
                held, paid = held + received, paid + spent
            else:
                taken, cost = taken - spent, cost + spent
            standings.append((taken, held, paid))
            continue
        left, spent = amount, 0
        while left and lots:
            size, bought = lots.popleft()
            part = min(size, left)
            share = bought * part // size
            left, spent = left - part, spent + share
            if part < size:
                lots.appendleft((size - part, bought - share))
        own = amount - left
        # dust that a risen price made sellable is a round trip of its own
        first = n if own and first < 0 else first
        held, paid, sold, cost = held - own, paid - spent, sold + own, cost + spent
        # what was sold beyond the own lots was never bought, so it is no profit
        taken += (notional - fee) * own // amount - spent
        standings.append((taken, held, paid))
        if first >= 0 and is_dust(position, price):
            spans.append(Span(first, n, sold, cost, taken))
            first, taken, sold, cost = -1, 0, 0, 0
    return standings, spans


def _excursions(account: Account, coin: int, fills: Ints, standings: list[Standing], spans: list[Span]) -> list[list[float]]:
    """Return the worst and the best running profit of each trade of a coin, as a fraction of its cost.

    Only prices that the position surely saw count: its fills', all of a bar between them, all of a bar in which an order filled
    at the open, the close alone of one in which it filled inside.
    """
    exchange, track = account.exchange, account.raw.events[coin]
    bars, steps, prices = track.bars, fills[:, k.F_STEP], fills[:, k.F_PRICE]
    rows = steps if track.last_at is None else np.asarray(track.last_at)[steps]
    market = (exchange.orders[fills[:, k.F_ORDER], k.TYPE] == k.MARKET) & (fills[:, k.F_ORDER] >= 0)
    inside = rows[~market & (prices != bars.open[rows])]
    taken, held, paid = np.array(standings, np.float64).T
    held /= exchange.scale(coin)
    # the last fill of a bar is what the position is until the next
    stays = np.flatnonzero(np.diff(rows, append=rows[-1] + 1))
    ends = [span.last for span in spans]
    costs = np.array([span.cost or math.nan for span in spans], np.float64)
    edges = np.array([(span.first, span.last + 1) for span in spans]).ravel()
    found = []
    for extremes, extreme in ((bars.low, np.minimum), (bars.high, np.maximum)):
        seen = np.array(extremes[: rows[-1] + 1])
        seen[inside] = bars.close[inside]
        profit = taken + held * prices - paid
        profit[stays] = extreme(profit[stays], taken[stays] + held[stays] * extreme.reduceat(seen, rows[stays]) - paid[stays])
        profit[ends] = taken[ends]
        found.append((extreme(extreme.reduceat(np.append(profit, 0.0), edges)[::2], 0.0) / costs).tolist())
    return found
