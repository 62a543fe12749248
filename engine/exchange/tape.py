"""Tape: an exchange wound back, and on again to what it had come to.

Orders and fills are written once, one behind the other, and what has ended stays as it is. So all that a moment needs is small:
the counters, the balances, and the orders that could still change. The rest lies in the arrays already.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.exchange import kernel as k
from engine.exchange.exchange import Exchange


class Moment(NamedTuple):
    """An exchange at a moment: its head, coins and balances, and the orders that could change then, packed."""

    head: bytes
    coins: bytes
    balances: bytes
    live: tuple[int, ...]
    rows: bytes

    @property
    def size(self) -> int:
        """Bytes it takes, about."""
        return 200 + len(self.head) + len(self.coins) + len(self.balances) + len(self.rows) + 8 * len(self.live)


class Tape:
    """What an exchange came to where it was farthest.

    `keep` before it is wound back from there; `wind` to any moment of its past, or on again; `cut` makes where it is now the
    farthest.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._rows: npt.NDArray[np.int64] = np.empty((0, k.ORDER_COLUMNS), np.int64)
        self._n = 0
        self._live: list[int] = []

    def moment(self) -> Moment:
        """Return the exchange as it is now."""
        its = self._exchange
        live = self._now_live()
        rows = its.orders[live].tobytes() if live else b""
        return Moment(its.head[: k.OPEN + its.n_open].tobytes(), its.coins.tobytes(), its.balances.tobytes(), tuple(live), rows)

    def keep(self) -> None:
        """Remember the orders as they are now: this is the farthest."""
        orders, n = self._exchange.orders, self._exchange.n_orders
        if n > len(self._rows):
            grown = np.empty((max(64, 2 * n), k.ORDER_COLUMNS), np.int64)
            grown[: self._n] = self._rows[: self._n]
            self._rows = grown
        self._rows[self._live] = orders[self._live]
        self._rows[self._n : n] = orders[self._n : n]
        self._n, self._live = n, self._now_live()

    def cut(self) -> None:
        """Forget what came of the orders otherwise."""
        self._n, self._live = 0, []
        self.keep()

    def wind(self, moment: Moment) -> None:
        """Make the exchange what it was at a moment."""
        its = self._exchange
        if live := [order for order in self._now_live() if order < self._n]:
            its.orders[live] = self._rows[live]
        head = np.frombuffer(moment.head, np.int64)
        its.head[: len(head)] = head
        its.coins.reshape(-1)[:] = np.frombuffer(moment.coins, np.int64)
        its.balances.reshape(-1)[:] = np.frombuffer(moment.balances, np.int64)
        if moment.live:
            its.orders[list(moment.live)] = np.frombuffer(moment.rows, np.int64).reshape(-1, k.ORDER_COLUMNS)

    def _now_live(self) -> list[int]:
        """Return the orders that can still change: those open, and the exits that wait for one of them."""
        its = self._exchange
        if not its.n_open:
            return []
        live = its.open_orders
        for order in tuple(live):
            live.extend(range(order + 1, order + 1 + its.orders.item(order, k.EXITS)))
        return live
