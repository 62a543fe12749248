"""Watch: notes, while a run goes by, what no log of it tells: free cash, and the steps at which orders ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.exchange import kernel as k
from engine.model import CoinName, Signal
from engine.state import Raw

if TYPE_CHECKING:
    from engine.loop import Engine

Ints = npt.NDArray[np.int64]


def was_placed(orders: Ints, order: int) -> bool:
    """Whether an order that has ended was more than an exit whose entry brought nothing in."""
    parent = orders.item(order, k.PARENT)
    beside = parent > 0 and orders.item(order, k.STEP) == orders.item(parent - 1, k.STEP)
    return not beside and orders.item(order, k.REFUSAL) != k.NO_ENTRY


class Watch:
    """What a watched run has shown, step by step. It costs the run something at each step that changes an order, no other."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._begin()

    def _begin(self) -> None:
        self._mark: tuple[int, int] | None = None
        self._open: set[int] = set()
        self._orders = 0
        self._cash: list[tuple[int, int]] = []
        self._ends: list[tuple[int, int, int]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what the trade system does from the cursor on, anew."""
        self._begin()
        trade = self.engine.trade
        update, signalled = trade.update, trade.trade
        self.catch_up()

        def watched_update(raw: Raw) -> None:
            self._note(raw.step - 1)  # what was done by hand since
            update(raw)
            self._note(raw.step)

        def watched_trade(coin: CoinName, signal: Signal) -> None:
            signalled(coin, signal)
            self._note(trade.raw.step)

        trade.update, trade.trade = watched_update, watched_trade  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            del trade.update, trade.trade

    def catch_up(self) -> None:
        """Take down what was done by hand at the cursor."""
        if self.engine.raw.latest.step >= 0:
            self._note(self.engine.raw.latest.step)

    def _note(self, step: int) -> None:
        """Take down what has changed, as of this step."""
        exchange = getattr(self.engine.trade, "exchange", None)
        if exchange is None:
            return
        head = exchange.head
        mark = (head.item(k.HASH_A), head.item(k.HASH_B))
        if mark == self._mark:
            return
        first, self._mark = self._mark is None, mark
        account = self.engine.trade.account
        self._cash.append((step, exchange.free(account.currency)))
        orders = exchange.orders
        now = set(exchange.open_orders)
        # exits wait beside the book until their entry has ended
        now |= {exit for order in now for exit in range(order + 1, order + 1 + orders.item(order, k.EXITS))}
        fresh = range(exchange.n_orders if first else self._orders, exchange.n_orders)
        for order in sorted((self._open | set(fresh)) - now):
            if was_placed(orders, order):
                self._ends.append((step, orders.item(order, k.COIN), orders.item(order, k.STATUS)))
        self._open, self._orders = now, exchange.n_orders

    def cash(self, begin: int, end: int) -> Ints:
        """Return the free cash, counting 1e-8, at the steps from `begin` up to `end`, as far as they were watched."""
        steps, cash = np.array(self._cash, np.int64).reshape(-1, 2).T
        at = np.searchsorted(steps, np.arange(begin, end), side="right") - 1
        return np.asarray(cash[np.maximum(at, 0)])

    def ended(self, n: int, status: int, begin: int, end: int) -> Ints:
        """Return the steps at which a coin's orders ended with a status, as far as they were watched."""
        ends = np.array(self._ends, np.int64).reshape(-1, 3)
        mine = (ends[:, 1] == n) & (ends[:, 2] == status) & (ends[:, 0] >= begin) & (ends[:, 0] < end)
        return np.asarray(ends[mine, 0])
