"""Following: orders that wait for another's end: the exits of an entry, and what a cancel under way makes room for.

The exchange attaches no exits to an order of this kind, and cancels take their time, so both are kept here. Exits are written
down with their entry, and what was sent for them when it is sent: each goes out once, restarts or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from engine import seam
from engine.binance.life import Life
from engine.exact import floor_to
from engine.exchange import kernel as k
from engine.trading.api import Author
from engine.trading.terms import Terms

if TYPE_CHECKING:
    from engine.binance.trading import BinanceTradeSystem

PATIENCE_NS = 5 * 10**9
"""How long balances are waited for that an end must change: then the exchange may judge."""


class Waiting(NamedTuple):
    """An order that waits until others have ended, and the balances tell of it; `until` when (ns of the forward clock)."""

    n: int
    asked: Terms
    amount: int
    by: Author
    reason: str
    others: list[Life]
    until: int


class Following:
    """Sends what waits as soon as it may go; `look` is asked whenever something has changed."""

    def __init__(self, trade: BinanceTradeSystem) -> None:
        self._trade = trade
        self._waiting: list[Waiting] = []
        self._since: dict[str, int] = {}

    def wait(self, n: int, asked: Terms, amount: int, by: Author, reason: str) -> None:
        """Let an order wait for the ends of the coin's orders that are being cancelled."""
        others = [life for life in self._trade.lives.unsettled if life.cancels and self._trade.mirror.index[life.coin] == n]
        self._waiting.append(Waiting(n, asked, amount, by, reason, others, seam.monotonic_ns() + PATIENCE_NS))

    def look(self) -> None:
        """Send what may go now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for its in waiting:
                self._try(its)
        if self._trade.lives.exits:
            for cid in list(self._trade.lives.exits):
                self._try_exits(self._trade.lives.by_cid[cid])

    def forget(self) -> None:
        """Send nothing of what waits for a cancel any more; exits stay."""
        self._waiting.clear()

    def _try(self, its: Waiting) -> None:
        late = seam.monotonic_ns() > its.until
        leaving = any(life.is_open and life.cancels for life in its.others)
        if not late and (leaving or not self._trade.is_affordable(its.n, its.asked, its.amount)):
            self._waiting.append(its)
            return
        amount = its.amount
        if its.asked.side == k.SELL:
            amount = floor_to(min(amount, self._trade.purse.sellable(its.n)), self._trade.mirror.lot(its.n))
        if amount:
            self._trade.send(its.n, its.asked, amount, its.by, its.reason)

    def _try_exits(self, entry: Life) -> None:
        trade, exits = self._trade, self._trade.lives.exits
        if not entry.complete:
            return
        n = trade.mirror.index[entry.coin]
        lot = trade.mirror.lot(n)
        received = floor_to(min(_received(entry, trade.mirror.instruments[n].base), trade.account.sellable(n)), lot)
        if not received:
            del exits[entry.cid]
            return
        since = self._since.setdefault(entry.cid, seam.monotonic_ns())
        amount = floor_to(min(received, trade.purse.sellable(n)), lot)
        if trade.kept_in(n) or not amount or (amount < received and seam.monotonic_ns() < since + PATIENCE_NS):
            return
        legs = [Terms(k.SELL, its.kind, its.price, its.stop, its.trail) for its in exits[entry.cid]]
        del self._since[entry.cid]
        trade.send_exits(entry, n, legs, amount)
        exits.pop(entry.cid, None)


def _received(entry: Life, base: str) -> int:
    """Return what an entry brought in, less the fees that were taken of it."""
    return sum(its.amount - (its.fee if its.fee_asset == base else 0) for its in entry.trades.values())
