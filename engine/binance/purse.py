"""The purse: what of an account is the strategy's: how much it may spend in all, and what it may sell."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from engine.binance.lives import Lives
from engine.binance.mirror import Mirror
from engine.exact import DECIMALS, plain, to_decimal
from engine.exchange import kernel as k
from engine.exchange.exchange import FillView
from engine.trading.terms import Terms


class Purse:
    """Caps what a strategy's open buys lock and its positions have cost, by quote asset, in units of 1e-8; no `cash` is no cap.

    Lots are sold first in, first out; those that were adopted cost nothing. What the account's holder has beside the strategy's
    own is never sold.
    """

    def __init__(self, cash: Mapping[str, int] | None, mirror: Mirror, lives: Lives, adopted: Mapping[int, int]) -> None:
        self._cash = cash
        self._mirror = mirror
        self._lives = lives
        self._seen = 0
        self._lots: list[deque[tuple[int, int]]] = [deque() for _ in mirror.instruments]
        for n, amount in adopted.items():
            self._lots[n].append((amount, 0))

    def spendable(self, n: int) -> int:
        """Return what may be spent on a coin yet: what is free, within the cap."""
        quote = self._mirror.instruments[n].quote
        free = self._mirror.free(quote)
        return free if self._cash is None else max(min(free, self._cash.get(quote, 0) - self.spent(quote)), 0)

    def refuse(self, n: int, asked: Terms, amount: int, mark: int, instead: int = -1) -> str:
        """Return by how much an order would spend or sell too much, "" where it may go; `instead` is the order it replaces."""
        if asked.side == k.SELL:
            return self._refuse_sell(n, amount, instead)
        if self._cash is None:
            return ""
        quote = self._mirror.instruments[n].quote
        cost, cap = self._mirror.cost(n, asked, amount, mark), self._cash.get(quote, 0)
        spent = self.spent(quote, instead)
        if spent + cost <= cap:
            return ""
        over = f"{_plain(spent + cost - cap)} {quote} too much"
        return f"cash: an order of {_plain(cost)} {quote} beside {_plain(spent)} spent; cash is {_plain(cap)}, {over}"

    def _refuse_sell(self, n: int, amount: int, instead: int) -> str:
        own = self._unsold(n, beside_leaving=False) + (self._mirror.order(instead).lock if instead >= 0 else 0)
        if amount <= own:
            return ""
        base, own = self._mirror.instruments[n].base, max(own, 0)
        places = self._mirror.decimals[base]
        told = [_plain(units, places) for units in (amount, own, amount - own)]
        return f"own: a sell of {told[0]} {base}; {told[1]} is the strategy's and in no other sell, {told[2]} too much"

    def spent(self, quote: str, instead: int = -1) -> int:
        """Return what open buys lock and positions have cost."""
        mirror = self._mirror
        self._catch_up()
        mine = [n for n, its in enumerate(mirror.instruments) if its.quote == quote]
        held = sum(cost for n in mine for _, cost in self._lots[n])
        rows = [mirror.order(order) for order in mirror.open_orders if order != instead]
        return held + sum(row.lock for row in rows if row.side == k.BUY and row.coin in mine)

    def sellable(self, n: int) -> int:
        """Return what of a coin can be sold now, in base units: own, in no other sell, and free."""
        mirror = self._mirror
        free: int = mirror.balances.item(mirror.coins.item(n, k.BASE), k.FREE)
        return max(min(self._unsold(n, beside_leaving=True), free), 0)

    def leaving(self, n: int, side: int) -> int:
        """Return what the coin's orders of a side lock that are being cancelled."""
        return self._locked(n, side, leaving=True) - self._locked(n, side, leaving=False)

    def is_leaving(self, order: int) -> bool:
        """Whether a cancel is out for an order, or for the other of its pair, with which it ends."""
        legs = [self._lives.of_number(its) for its in (order, self._mirror.order(order).sibling - 1)]
        return any(life is not None and life.cancels for life in legs)

    def _unsold(self, n: int, *, beside_leaving: bool) -> int:
        """Return what of the own position no sell locks, one that is being cancelled counted in or not."""
        return self._mirror.position(n) - self._locked(n, k.SELL, leaving=beside_leaving)

    def _locked(self, n: int, side: int, *, leaving: bool) -> int:
        rows = [(order, self._mirror.order(order)) for order in self._mirror.open_orders]
        mine = [(order, row.lock) for order, row in rows if row.coin == n and row.side == side]
        return sum(lock for order, lock in mine if leaving or not self.is_leaving(order))

    def _catch_up(self) -> None:
        """Take in the fills since the last time."""
        for number in range(self._seen, self._mirror.n_fills):
            self._take(self._mirror.fill(number))
        self._seen = self._mirror.n_fills

    def _take(self, fill: FillView) -> None:
        lots = self._lots[fill.coin]
        if fill.side == k.BUY:
            received = fill.amount - (fill.fee if fill.fee_in == k.IN_BASE else 0)
            lots.append((received, fill.notional + (fill.fee if fill.fee_in == k.IN_QUOTE else 0)))
            return
        left = fill.amount
        while left > 0 and lots:
            amount, cost = lots.popleft()
            if amount > left:
                lots.appendleft((amount - left, cost - cost * left // amount))
            left -= amount


def _plain(units: int, places: int = DECIMALS) -> str:
    return f"{plain(to_decimal(units, places)):,f}"
