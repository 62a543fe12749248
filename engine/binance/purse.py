"""The purse: what of an account is the strategy's: how much it may spend in all, and what it may sell."""

from __future__ import annotations

from collections.abc import Collection

from engine.binance.lives import Lives
from engine.binance.mirror import Mirror
from engine.binance.own import OwnAccount
from engine.exact import DECIMALS, plain, to_decimal
from engine.exchange import kernel as k
from engine.trading.terms import Terms


class Purse:
    """Refuses what would spend more than the strategy's own cash, and sell more than its own position.

    What the account's holder has beside the strategy's own is never sold.
    """

    def __init__(self, account: OwnAccount, mirror: Mirror, lives: Lives) -> None:
        self._account = account
        self._mirror = mirror
        self._lives = lives

    def spendable(self, n: int) -> int:
        """Return what may be spent on a coin, in its quote asset's units."""
        return self._account.spendable(self._mirror.coins.item(n, k.QUOTE))

    def refuse(self, n: int, asked: Terms, amount: int, mark: int, instead: Collection[int] = ()) -> str:
        """Return by how much an order would spend or sell too much, "" where it may go; `instead` are those it replaces."""
        if asked.side == k.SELL:
            return self._refuse_sell(n, amount, instead)
        quote = self._mirror.coins.item(n, k.QUOTE)
        cost, own = self._mirror.cost(n, asked, amount, mark), self._account.unlocked(quote, instead)
        if own is None or cost <= own:
            return ""
        told = [_plain(units) for units in (cost, max(own, 0), cost - own)]
        asset = self._mirror.instruments[n].quote
        return f"cash: an order of {told[0]} {asset}; {told[1]} of the strategy's cash is left, {told[2]} too much"

    def _refuse_sell(self, n: int, amount: int, instead: Collection[int]) -> str:
        replaced = [self._mirror.order(order) for order in instead if not self.is_leaving(order)]
        own = self._unsold(n) + self.leaving(n, k.SELL) + self._unbooked(n)
        own += sum(row.lock for row in replaced if row.coin == n and row.side == k.SELL)
        if amount <= own:
            return ""
        base, own = self._mirror.instruments[n].base, max(own, 0)
        places = self._mirror.decimals[base]
        told = [_plain(units, places) for units in (amount, own, amount - own)]
        return f"own: a sell of {told[0]} {base}; {told[1]} is the strategy's and in no other sell, {told[2]} too much"

    def sellable(self, n: int) -> int:
        """Return what of a coin can be sold now, in base units: own, in no other sell, and free."""
        return max(min(self._unsold(n), self._free(n)), 0)

    def closable(self, n: int) -> int:
        """Return what of a coin can be sold once its sells are off, in base units: own, and free then as far as is told.

        Less may be there than is own, where fees or the holder have taken of it.
        """
        own = self._account.sellable(n)
        return min(own, self._free(n) + self._locked(n, k.SELL)) if self.is_told(n) else own

    def awaits(self, n: int, amount: int) -> bool:
        """Whether a sell must wait: until orders have ended that may still sell the same, or until balances tell of an end."""
        return amount > self._unsold(n) or (amount > self._free(n) and not self.is_told(n))

    def is_free(self, n: int, amount: int) -> bool:
        """Whether so much of a coin is free, or all that is own and in no other sell where that is less."""
        return self._free(n) >= min(amount, self._unsold(n))

    def is_told(self, n: int) -> bool:
        """Whether the balances tell of all that is known to have freed or brought in some of a coin."""
        return self._mirror.is_told(self._mirror.coins.item(n, k.BASE))

    def gone(self, n: int) -> int:
        """Return what of a coin's own position the account no longer has, whole lots; orders out are waited for."""
        mirror = self._mirror
        if any(mirror.order(order).coin == n for order in mirror.open_orders):
            return 0
        free, locked = mirror.balances[mirror.coins.item(n, k.BASE)].tolist()
        missing = max(self._account.held()[n] - int(free + locked), 0)
        return missing - missing % int(mirror.lot(n))

    def leaving(self, n: int, side: int) -> int:
        """Return what the coin's orders of a side lock that are being cancelled."""
        return self._locked(n, side, leaving=True)

    def is_leaving(self, order: int) -> bool:
        """Whether a cancel is out for an order, or for the other of its pair, with which it ends."""
        legs = [self._lives.of_number(its) for its in (order, self._mirror.order(order).sibling - 1)]
        return any(life is not None and life.cancels for life in legs)

    def _free(self, n: int) -> int:
        free: int = self._mirror.balances.item(self._mirror.coins.item(n, k.BASE), k.FREE)
        return free

    def _unsold(self, n: int) -> int:
        """Return what of the own position no sell has sold or may still sell, as long as a cancel of it has no answer too."""
        return self._mirror.position(n) - self._locked(n, k.SELL) - self._unbooked(n)

    def _locked(self, n: int, side: int, *, leaving: bool = False) -> int:
        """Return what the coin's open orders of a side lock, all of them or those that are being cancelled."""
        rows = [self._mirror.order(its) for its in self._mirror.open_orders if not leaving or self.is_leaving(its)]
        return sum(row.lock for row in rows if row.coin == n and row.side == side)

    def _unbooked(self, n: int) -> int:
        """Return what the coin's sells that have ended are said to have filled, the trades of which are not known yet."""
        coin = self._mirror.instruments[n].coin
        ended = [life for life in self._lives.unsettled if not life.is_open and life.coin == coin and life.side == k.SELL]
        return sum(max(life.filled - life.accounted, 0) for life in ended)


def _plain(units: int, places: int = DECIMALS) -> str:
    return f"{plain(to_decimal(units, places)):,f}"
