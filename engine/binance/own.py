"""What of a real account is the strategy's own: the cash it was given, and what its fills have made of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from engine.binance.mirror import Mirror
from engine.exchange import kernel as k
from engine.state import Raw
from engine.trading.account import Account
from engine.trading.notes import Notes


class OwnAccount(Account):
    """An account within an account: equity, cash and all that is reckoned by them know nothing of what the holder has beside.

    `given` is what the strategy has at first, by asset in its units, with what it adopts; all there is where that is None.
    Balances are the whole account's.
    """

    def __init__(self, mirror: Mirror, raw: Raw, currency: str, notes: Notes, given: Mapping[str, int] | None) -> None:
        super().__init__(mirror, raw, currency, notes, lambda: None)
        self._given = given
        self._mirror = mirror
        self._known: tuple[int, list[int]] = (-1, [])

    @property
    def cash(self) -> float:
        """Free cash in the account's currency."""
        return self.spendable(self._cash) / k.UNIT

    def spendable(self, asset: int) -> int:
        """Return what of an asset may be spent: own, in no open buy, and free."""
        free: int = self._mirror.balances.item(asset, k.FREE)
        own = self.unlocked(asset)
        return free if own is None else max(min(free, own), 0)

    def unlocked(self, asset: int, instead: Collection[int] = ()) -> int | None:
        """Return what of an asset is own and in no open buy but those that are replaced; None where all there is is own."""
        if self._given is None:
            return None
        mirror = self._mirror
        rows = mirror.orders[[order for order in mirror.open_orders if order not in instead]]
        buys = rows[(rows[:, k.SIDE] == k.BUY) & (mirror.coins[rows[:, k.COIN], k.QUOTE] == asset)]
        return self.totals()[asset] - int(buys[:, k.LOCK].sum())

    def totals(self) -> list[int]:
        """Return what there is of each asset that is own, in its units."""
        if self._given is None:
            return super().totals()
        version, totals = self._known
        if version != self._mirror.version:
            self._known = self._mirror.version, (totals := self._reckon(self._given))
        return totals

    def _reckon(self, given: Mapping[str, int]) -> list[int]:
        mirror = self._mirror
        totals = np.array([given.get(asset, 0) for asset in mirror.assets], dtype=np.int64)
        fills = mirror.fills[: mirror.n_fills]
        signs = np.where(fills[:, k.F_SIDE] == k.BUY, 1, -1)
        bases, quotes = mirror.coins[fills[:, k.F_COIN]][:, [k.BASE, k.QUOTE]].T
        np.add.at(totals, bases, signs * fills[:, k.F_AMOUNT])
        np.add.at(totals, quotes, -signs * fills[:, k.F_NOTIONAL])
        bnb = mirror.assets.get("BNB", -1)
        paid_in = np.choose(fills[:, k.F_FEE_IN], [quotes, bases, np.full_like(bases, bnb)])
        known = paid_in >= 0
        np.subtract.at(totals, paid_in[known], fills[known, k.F_FEE])
        return [int(units) for units in totals]
