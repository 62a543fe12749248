"""The mirror: a real account in the tables of the simulated exchange, moved by what the exchange tells instead of by matching.

So all that reads an account, judges an order by its filters or makes orders of signals is the same for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.binance.life import Execution, Stage
from engine.exact import DECIMALS
from engine.exchange import FillRules, Tables
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


class Hold(NamedTuple):
    """What is held back of an asset for an order; `until` the balances tell of a time, and when in `turn` that began."""

    asset: int
    amount: int
    until: Timestamp = -1
    turn: int = 0


class Mirror(Tables):
    """The arrays of an account elsewhere; balances are those the exchange tells, locks it holds itself.

    What an order that is on its way will hold back is held back here too, until the exchange's balances tell of it.
    """

    def __init__(self, instruments: Sequence[Instrument], rules: FillRules) -> None:
        super().__init__(instruments, {}, rules)
        # fees may be taken in it though nothing of it is traded
        self.decimals.setdefault("BNB", DECIMALS)
        self.turn = 0
        self.version = 0
        """Grows with every fill that is booked or corrected."""
        self._holds: dict[int, Hold] = {}
        self._balances: dict[int, tuple[Timestamp, int]] = {}
        self._moved: dict[int, Timestamp] = {}
        """When an order moved its base asset last, as far as is known."""
        self._untold: dict[int, Hold] = {}
        """Those of these that the balances do not tell of yet; they hold nothing back."""

    def set_rates(self, maker: int, taker: int) -> None:
        """Set the account's fees, 1e-8 of what is traded."""
        self.head[k.MAKER_RATE], self.head[k.TAKER_RATE] = maker, taker

    # orders

    def cost(self, n: int, asked: Terms, amount: int, mark: int) -> int:
        """Return what an order locks, of the quote asset for a buy and of the base asset for a sell."""
        reference = k.reference_of(asked.kind, asked.price, asked.stop, mark)
        return max(int(k.lock_of(self.head, self.coins, n, asked.side, asked.kind, amount, reference)), 0)

    def enter(self, n: int, asked: Terms, amount: int, mark: int, step: int, time: Timestamp, entry: int = -1) -> int:
        """Enter an order that is about to be sent, open; hold back what it will lock, and return its id.

        `entry` is the order it is to close.
        """
        self._room(1)
        numbers = (n, asked.side, asked.kind, amount, asked.price, asked.stop, asked.trail, asked.tif, entry + 1)
        order: int = k.enter(self.head, self.orders, *map(int, (*numbers, mark, step, time, 0)))
        row = self.orders[order]
        row[k.STATUS], row[k.LOCK] = k.NEW, self.cost(n, asked, amount, mark)
        self.head[k.OPEN + self.n_open] = order
        self.head[k.N_OPEN] += 1
        self._hold(order, Hold(self.coins.item(n, k.QUOTE if asked.side == k.BUY else k.BASE), int(row[k.LOCK])))
        return order

    def pair(self, first: int, second: int) -> None:
        """Make two orders a pair, which hold back the same."""
        self.orders[first, k.SIBLING], self.orders[second, k.SIBLING] = second + 1, first + 1
        self.release(second)
        self.orders[second, k.LOCK] = 0

    def reopen(self, order: int) -> None:
        """Put an order back into the book that had left it."""
        self._room(0)
        opened = sorted({*self.open_orders, order})
        self.head[k.OPEN : k.OPEN + len(opened)] = opened
        self.head[k.N_OPEN] = len(opened)

    def _pass_lock(self, order: int) -> None:
        """Let the other of a pair, where it goes on, hold back what is left of it when the one that did for both has ended."""
        row = self.order(order)
        if not row.sibling or not row.lock:
            return
        other = self.order(row.sibling - 1)
        if other.status <= k.PARTIALLY_FILLED:
            asked = Terms(other.side, other.kind, other.price, other.stop)
            self.orders[row.sibling - 1, k.LOCK] = self.cost(other.coin, asked, other.amount - other.filled, other.mark)

    def set_stage(self, order: int, stage: Stage, amount: int, stop: int = 0) -> None:
        """Set how an order stands; one that has ended leaves the book."""
        row = self.orders[order]
        was_open, is_open = row[k.STATUS] <= k.PARTIALLY_FILLED, STATUS[stage] <= k.PARTIALLY_FILLED
        if not is_open:
            self._pass_lock(order)
        self._shrink(order, amount - int(row[k.FILLED]) if is_open else 0)
        row[k.STATUS], row[k.AMOUNT] = STATUS[stage], amount
        if stop:
            row[k.STOP] = stop
        if was_open and not is_open:
            kept = [its for its in self.open_orders if its != order]
            self.head[k.OPEN : k.OPEN + len(kept)] = kept
            self.head[k.N_OPEN] = len(kept)
        elif is_open and not was_open:
            self.reopen(order)

    def _shrink(self, order: int, left: int) -> None:
        """Lock as much less for an order as there is less of it left to fill."""
        row = self.orders[order]
        before = int(row[k.AMOUNT]) - int(row[k.FILLED])
        row[k.LOCK] = int(row[k.LOCK]) * left // before if before > 0 else 0

    # balances

    def _hold(self, order: int, hold: Hold) -> None:
        self._holds[order] = hold
        self.balances[hold.asset, k.FREE] -= hold.amount

    def release(self, order: int) -> None:
        """Hold nothing back for an order any more: the exchange does, or it is not there."""
        hold = self._holds.pop(order, None)
        if hold is not None:
            self.balances[hold.asset, k.FREE] += hold.amount

    def accept(self, order: int, time: Timestamp) -> None:
        """Hold back for an order that the exchange has, as of a time, until its balances tell of it."""
        hold = self._holds.get(order)
        if hold is None or hold.until >= 0:
            return
        told, _ = self._balances.get(hold.asset, (-1, 0))
        if told >= time:
            self.release(order)
        else:
            self._holds[order] = hold._replace(until=time, turn=self.turn)

    def move(self, order: int, time: Timestamp) -> None:
        """Note that an order has brought in, sold or freed some of its base asset as of a time; balances are to tell of it."""
        asset = self.coins.item(self.orders.item(order, k.COIN), k.BASE)
        known, _ = self._balances.get(asset, (-1, 0))
        # what was told before of the same millisecond may have been told of something else in it
        if time >= known and time > self._moved.get(order, -1):
            self._moved[order], self._untold[order] = time, Hold(asset, 0, time, self.turn)

    def is_told(self, asset: int) -> bool:
        """Whether the balance of an asset tells of all that is known to have moved it."""
        return all(its.asset != asset for its in self._untold.values())

    def set_balances(self, told: Mapping[str, tuple[int, int]], time: Timestamp, asked: int = -1) -> None:
        """Set what the exchange says there is of assets as of a time, less what is held back for orders on their way.

        `asked` is the turn in which that was asked for: what the stream has said since then is newer, unless its time is older.
        What is told later of an earlier time is nothing new.
        """
        self.turn += 1
        for asset, amounts in told.items():
            number = self.assets.get(asset)
            if number is None:
                continue
            known, turn = self._balances.get(number, (-1, 0))
            if time < known or (time == known and 0 <= asked < turn):
                continue
            self._balances[number] = time, self.turn
            for order, its in list(self._untold.items()):
                if its.asset == number and (its.until <= time or its.turn < asked):
                    del self._untold[order]
            for order, hold in list(self._holds.items()):
                if hold.asset == number and (0 <= hold.until <= time or (hold.until >= 0 and hold.turn <= asked)):
                    del self._holds[order]
            held = sum(hold.amount for hold in self._holds.values() if hold.asset == number)
            self.balances[number] = amounts[0] - held, amounts[1]

    def forget_times(self) -> None:
        """Take whatever balances are told next for the newest."""
        self._balances.clear()

    # fills

    def book(self, order: int, its: Execution, step: int) -> int:
        """Write a fill down, by which the amount filled and the own position grow; return its number."""
        row = self.orders[order]
        n, side = int(row[k.COIN]), int(row[k.SIDE])
        self.coins[n, k.POSITION] += self._moves(n, side, its)
        self._shrink(order, int(row[k.AMOUNT]) - int(row[k.FILLED]) - its.amount)
        row[k.FILLED] += its.amount
        self._room_to_fill()
        number = self.n_fills
        if number >= len(self.fills):
            self.fills = np.concatenate([self.fills, np.zeros_like(self.fills)])
        cash = self.balances.item(self.coins.item(n, k.QUOTE), k.FREE)
        values = (order, step, its.time, n, side, its.amount, its.price, its.fee, self._fee_in(n, its), int(its.maker), cash)
        self.fills[number] = (*values, self.coins.item(n, k.POSITION), its.quote)
        self.head[k.N_FILLS] += 1
        self.version += 1
        return number

    def correct(self, number: int, before: Execution, its: Execution) -> None:
        """Write a fill down as it was told for certain."""
        row = self.fills[number]
        n, side = int(row[k.F_COIN]), int(row[k.F_SIDE])
        self.coins[n, k.POSITION] += self._moves(n, side, its) - self._moves(n, side, before)
        self.orders[int(row[k.F_ORDER]), k.FILLED] += its.amount - before.amount
        row[k.F_AMOUNT], row[k.F_PRICE], row[k.F_FEE], row[k.F_NOTIONAL] = its.amount, its.price, its.fee, its.quote
        row[k.F_FEE_IN], row[k.F_MAKER] = self._fee_in(n, its), int(its.maker)
        self.version += 1

    def _fee_in(self, n: int, its: Execution) -> int:
        instrument = self.instruments[n]
        return {instrument.quote: k.IN_QUOTE, instrument.base: k.IN_BASE}.get(its.fee_asset, k.IN_BNB)

    def _moves(self, n: int, side: int, its: Execution) -> int:
        """Return by how much a fill changes the own position."""
        fee = its.fee if self._fee_in(n, its) == k.IN_BASE else 0
        return (its.amount if side == k.BUY else -its.amount) - fee
