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
"""How long balances are waited for that an end must change: then they are asked for, and for exits the exchange may judge."""
LONGEST_NS = 120 * 10**9
"""How long an order waits at most."""


class Waiting(NamedTuple):
    """An order that waits until others have ended, and the balances tell of it; `since` when (ns of the forward clock)."""

    n: int
    asked: Terms
    amount: int
    by: Author
    reason: str
    others: list[Life]
    since: int


class Following:
    """Sends what waits as soon as it may go; `look` is asked whenever something has changed."""

    def __init__(self, trade: BinanceTradeSystem) -> None:
        self._trade = trade
        self._waiting: list[Waiting] = []
        self._since: dict[str, int] = {}

    def must_wait(self, n: int, asked: Terms, amount: int, code: int) -> bool:
        """Whether an order that is judged by a code now can go once others that are being cancelled have ended."""
        if code not in (k.NO_REFUSAL, k.INSUFFICIENT):
            return False
        if asked.side == k.SELL:
            return self._trade.purse.awaits(n, amount)
        spare = self._trade.purse.leaving(n, asked.side)
        return bool(code and spare) and self._trade.is_affordable(n, asked, amount, spare)

    def wait(self, n: int, asked: Terms, amount: int, by: Author, reason: str) -> None:
        """Let an order wait for the ends of the coin's orders that are being cancelled, and for what they have filled."""
        lives, coin = self._trade.lives, self._trade.mirror.instruments[n].coin
        others = [
            life
            for life in lives.unsettled
            if life.coin == coin and (not life.is_open or self._trade.purse.is_leaving(lives.numbers[life.cid]))
        ]
        self._waiting.append(Waiting(n, asked, amount, by, reason, others, seam.monotonic_ns()))

    def waits(self, n: int, side: int) -> bool:
        """Whether an order of a coin and a side waits."""
        return any(its.n == n and its.asked.side == side for its in self._waiting)

    def look(self) -> None:
        """Send what may go now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for its in waiting:
                self._try(its)
        if self._trade.lives.exits:
            for cid in list(self._trade.lives.exits):
                self._try_exits(self._trade.lives.by_cid[cid])

    def _try(self, its: Waiting) -> None:
        trade, waited = self._trade, seam.monotonic_ns() - its.since
        # once it is disarmed it is refused, as all that is sent then
        if not trade.disarmed and (why := self._delay(its, waited)):
            if waited > LONGEST_NS:
                trade.turn_down(its.n, its.asked, its.amount, its.by, its.reason, f"it waited for {waited // 10**9} s: {why}")
                return
            self._waiting.append(its)
            if waited > PATIENCE_NS:
                trade.ask_account()
            return
        amount = its.amount
        if its.asked.side == k.SELL:
            amount = floor_to(min(amount, trade.purse.sellable(its.n)), trade.mirror.lot(its.n))
        # where nothing is left to sell, it is told why
        trade.send(its.n, its.asked, amount or its.amount, its.by, its.reason)

    def _delay(self, its: Waiting, waited: int) -> str:
        """Return what an order waits for still, "" for nothing."""
        trade = self._trade
        for life in its.others:
            if not life.complete:
                number = trade.lives.numbers[life.cid]
                return f"order #{number} {'works still' if life.is_open else 'has fills that are not known'}"
        if its.asked.side == k.SELL:
            # of several ends in one millisecond the balances may tell one by one
            told = trade.purse.is_free(its.n, its.amount) or (waited > 2 * PATIENCE_NS and trade.purse.is_told(its.n))
        else:
            told = waited > PATIENCE_NS or trade.is_affordable(its.n, its.asked, its.amount)
        return trade.held_up(its.n) if told else "the balances do not tell of what was freed"

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
