"""The mirror: a real account in the simulated exchange's arrays, moved by what the exchange tells instead of by matching.

So all that reads an account, judges an order by its filters or makes orders of signals is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.binance.life import Execution, Stage
from engine.exchange import Exchange, FillRules
from engine.exchange import kernel as k
from engine.model import Instrument, Timestamp
from engine.trading.terms import Terms

STATUS = {
    Stage.INTENT: k.NEW,
    Stage.SENT: k.NEW,
    Stage.UNKNOWN: k.NEW,
    Stage.PENDING_NEW: k.NEW,
    Stage.NEW: k.NEW,
    Stage.PARTIALLY_FILLED: k.PARTIALLY_FILLED,
    Stage.FILLED: k.FILLED_UP,
    Stage.CANCELED: k.CANCELED,
    Stage.REJECTED: k.REJECTED,
    Stage.NOT_PLACED: k.REJECTED,
    Stage.EXPIRED: k.EXPIRED,
    Stage.EXPIRED_IN_MATCH: k.EXPIRED,
}


class Mirror(Exchange):
    """The arrays of an account elsewhere; balances are those the exchange tells, locks it holds itself.

    What an order that is on its way will hold back is held back here too, until the exchange tells of it.
    """

    def __init__(self, instruments: Sequence[Instrument], rules: FillRules) -> None:
        super().__init__(instruments, {}, rules)
        self._reserved: dict[int, tuple[int, int]] = {}

    def enter(self, n: int, asked: Terms, amount: int, mark: int, step: int, time: Timestamp) -> int:
        """Enter an order that is about to be sent, open; hold back what it will lock, and return its id."""
        self._room(1)
        numbers = (n, asked.side, asked.kind, amount, asked.price, asked.stop, asked.trail, asked.tif, 0, mark, step, time, 0)
        order: int = k.enter(self.head, self.orders, *map(int, numbers))
        row = self.orders[order]
        row[k.STATUS] = k.NEW
        self.head[k.OPEN + self.n_open] = order
        self.head[k.N_OPEN] += 1
        asset = self.coins.item(n, k.QUOTE if asked.side == k.BUY else k.BASE)
        reference = k.reference_of(asked.kind, asked.price, asked.stop, mark)
        lock = max(int(k.lock_of(self.head, self.coins, n, asked.side, asked.kind, amount, reference)), 0)
        self._reserved[order] = (asset, lock)
        self.balances[asset, k.FREE] -= lock
        return order

    def release(self, order: int) -> None:
        """Hold nothing back for an order any more: the exchange does, or it is not there."""
        asset, lock = self._reserved.pop(order, (0, 0))
        self.balances[asset, k.FREE] += lock

    def set_balance(self, asset: str, free: int, locked: int) -> None:
        """Set what the exchange says there is of an asset, less what is held back for orders on their way."""
        number = self.assets.get(asset)
        if number is not None:
            held = sum(lock for its, lock in self._reserved.values() if its == number)
            self.balances[number] = free - held, locked

    def set_stage(self, order: int, stage: Stage, amount: int, stop: int = 0) -> None:
        """Set how an order stands; one that has ended leaves the book."""
        row = self.orders[order]
        row[k.STATUS], row[k.AMOUNT] = STATUS[stage], amount
        if stop:
            row[k.STOP] = stop
        if row[k.STATUS] > k.PARTIALLY_FILLED:
            self.release(order)
            n = self.n_open
            opened = self.head[k.OPEN : k.OPEN + n]
            kept = opened[opened != order]
            self.head[k.OPEN : k.OPEN + len(kept)] = kept
            self.head[k.N_OPEN] = len(kept)

    def book(self, order: int, its: Execution, step: int) -> None:
        """Write a fill down: the order's amount filled and the own position grow by it."""
        row = self.orders[order]
        n, side = int(row[k.COIN]), int(row[k.SIDE])
        instrument = self.instruments[n]
        fee_in = {instrument.quote: k.IN_QUOTE, instrument.base: k.IN_BASE}.get(its.fee_asset, k.IN_BNB)
        received = its.amount - (its.fee if fee_in == k.IN_BASE else 0)
        self.coins[n, k.POSITION] += received if side == k.BUY else -its.amount
        row[k.FILLED] += its.amount
        self._room_to_fill()
        number = self.n_fills
        if number >= len(self.fills):
            self.fills = np.concatenate([self.fills, np.zeros_like(self.fills)])
        cash = self.balances.item(self.coins.item(n, k.QUOTE), k.FREE)
        values = (order, step, its.time, n, side, its.amount, its.price, its.fee, fee_in, int(its.maker), cash)
        self.fills[number] = (*values, self.coins.item(n, k.POSITION), its.quote)
        self.head[k.N_FILLS] += 1

    def begin_with(self, positions: Mapping[int, int]) -> None:
        """Set the own positions that were there before this session, by coin, in units."""
        for n, units in positions.items():
            self.coins[n, k.POSITION] = units
