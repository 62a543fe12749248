"""Records: an account's orders, pairs, trades and balances, as they stand and as they stood at any time before."""

from __future__ import annotations

import copy
from bisect import bisect_right

from engine.model import Timestamp
from engine.rehearsal.errors import error
from engine.rehearsal.orders import Amendment, Order, OrderList, Trade

Balances = dict[str, tuple[int, int]]
"""Free and locked by asset, in its units."""


class Records:
    """What the exchange keeps of an account. A look `at` an earlier time is what a replica that lags behind would show."""

    def __init__(self, balances: Balances) -> None:
        self.orders: dict[int, Order] = {}
        self.open: dict[int, Order] = {}
        self.lists: dict[int, OrderList] = {}
        self.trades: list[Trade] = []
        self.amendments: list[Amendment] = []
        self._clients: dict[str, int] = {}
        self._versions: dict[int, list[tuple[Timestamp, Order]]] = {}
        self._ledger: list[tuple[Timestamp, Balances]] = [(-1, balances)]

    # writing

    def enter(self, order: Order, client_id: str) -> None:
        """Keep a new order under a client id."""
        self.orders[order.id] = self.open[order.id] = order
        self._versions[order.id] = []
        self.name(order, client_id)

    def name(self, order: Order, client_id: str) -> None:
        """Give an order a client id in place of the one it has."""
        if order.client_id:
            self._clients.pop(order.client_id, None)
        order.client_id = client_id
        self._clients[client_id] = order.id

    def keep(self, order: Order, now: Timestamp) -> Order:
        """Keep an order as it stands now, and return that copy."""
        seen = copy.copy(order)
        self._versions[order.id].append((now, seen))
        return seen

    def keep_balances(self, balances: Balances, now: Timestamp) -> Balances:
        """Keep the balances as they stand now, and return those that changed."""
        before = self._ledger[-1][1]
        changed = {asset: amounts for asset, amounts in balances.items() if before[asset] != amounts}
        if changed:
            self._ledger.append((now, balances))
        return changed

    # reading

    def is_working(self, client_id: str) -> bool:
        """Whether an open order has this client id."""
        id = self._clients.get(client_id)
        return id is not None and self.orders[id].is_open

    def find(self, coin: int, id: int | None, client_id: str | None, at: Timestamp | None = None) -> Order:
        """Return a coin's order by its id or client id, which must agree; raises ApiError where there is none."""
        number = id if id is not None else self._clients.get(client_id or "")
        order = self.orders.get(number) if number is not None else None
        seen = None if order is None or order.asked.coin != coin else self._as_of(order, at)
        if seen is None:
            raise error(-2013)
        if id is not None and client_id and self._clients.get(client_id) != id:
            raise error(-2039)
        return seen

    def open_orders(self, coin: int | None = None, at: Timestamp | None = None) -> list[Order]:
        """Return the open orders, of a coin or of all, oldest first."""
        if at is None:
            return [order for order in self.open.values() if coin is None or order.asked.coin == coin]
        return [order for order in self.all_orders(coin, at) if order.is_open]

    def all_orders(self, coin: int | None = None, at: Timestamp | None = None) -> list[Order]:
        """Return every order, of a coin or of all, oldest first."""
        mine = (self._as_of(order, at) for order in self.orders.values() if coin is None or order.asked.coin == coin)
        return [order for order in mine if order is not None]

    def balances(self, at: Timestamp | None = None) -> Balances:
        """Return free and locked of each asset."""
        return self._entry(at)[1]

    def balances_time(self, at: Timestamp | None = None) -> Timestamp:
        """Return when the balances last changed, -1 where they never did."""
        return self._entry(at)[0]

    def _entry(self, at: Timestamp | None) -> tuple[Timestamp, Balances]:
        if at is None:
            return self._ledger[-1]
        return self._ledger[max(bisect_right(self._ledger, at, key=lambda entry: entry[0]) - 1, 0)]

    def _as_of(self, order: Order, at: Timestamp | None) -> Order | None:
        if at is None:
            return order
        versions = self._versions[order.id]
        n = bisect_right(versions, at, key=lambda version: version[0])
        return versions[n - 1][1] if n else None
