"""Following: orders that wait for another's end: the exits of an entry, and what a cancel under way makes room for.

The exchange attaches no exits to an order of this kind, and cancels take their time, so both are kept here. Exits are written
down with their entry, and what was sent for them when it is sent: restarts or not, they are owed until they have been sent for
all that their entry brought in and that is still held, and nothing is sent again that is not proven never to have been placed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from engine import seam
from engine.binance.life import UNSENT, Life
from engine.binance.mirror import Mirror
from engine.exact import floor_to, plain, to_decimal
from engine.exchange import kernel as k
from engine.trading.api import Author
from engine.trading.terms import AT_MARKET, Terms

if TYPE_CHECKING:
    from engine.binance.trading import BinanceTradeSystem

PATIENCE_NS = 5 * 10**9
"""How long balances are waited for that an end must change: then they are asked for, and for exits the exchange may judge."""
LONGEST_NS = 120 * 10**9
"""How long an order waits at most."""
PAUSE_NS, LONGEST_PAUSE_NS = 5 * 10**9, 300 * 10**9
"""After how long exits that were refused are tried again: twice as long each time."""
NOT_TAKEN, TRIGGERS = -2010, "trigger immediately"


class Waiting(NamedTuple):
    """An order that waits until others have ended, and the balances tell of it; `since` when (ns of the forward clock)."""

    n: int
    asked: Terms
    amount: int
    by: Author
    reason: str
    others: list[Life]
    since: int


@dataclass(slots=True)
class Owed:
    """How exits that are owed fare: since when and until when they wait (ns of the forward clock), and how often refused."""

    since: int
    until: int = 0
    pause: int = PAUSE_NS
    refused: int = 0
    said: str = ""


class Following:
    """Sends what waits as soon as it may go; `look` is asked whenever something has changed."""

    def __init__(self, trade: BinanceTradeSystem) -> None:
        self._trade = trade
        self._waiting: list[Waiting] = []
        self._owed: dict[str, Owed] = {}

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

    # exits

    def _try_exits(self, entry: Life) -> None:
        """Send what is owed of an entry's exits, as far as it is free; what keeps them back is said once."""
        trade, n = self._trade, self._trade.mirror.index[entry.coin]
        if not entry.complete:
            return
        rest = self._rest(entry, n)
        if not rest:
            del trade.lives.exits[entry.cid]
            return
        now = seam.monotonic_ns()
        owed = self._owed.setdefault(entry.cid, Owed(now))
        at_market = self._is_passed(entry, n)
        self._look_at_refusals(entry, owed, now, at_market)
        if trade.kept_in(n) or trade.client.budget.keeps_orders(urgent=True):
            owed.since = now
            return
        rest = self._still_held(entry, n, rest)
        if not rest or now < owed.until or any(its.n == n and its.asked.side == k.SELL for its in self._waiting):
            return
        amount = floor_to(min(rest, trade.purse.sellable(n)), trade.mirror.lot(n))
        if amount < rest and now < owed.since + PATIENCE_NS:
            return
        if amount < rest:
            self._say(entry, owed, f"has no exits for {self._told(n, rest - amount)}: it is not free; they follow when it is")
        if trade.account.is_dust(n, amount, trade.raw.mark_units(n)):
            return
        if at_market:
            self._say(entry, owed, f"is sold at market: the market has gone past its exits; {self._told(n, amount)}")
        owed.since, owed.until = now, now + PAUSE_NS
        legs = [Terms(k.SELL, its.kind, its.price, its.stop, its.trail) for its in trade.lives.exits[entry.cid]]
        trade.send_exits(entry, n, [AT_MARKET[k.SELL]] if at_market else legs, amount)

    def _rest(self, entry: Life, n: int) -> int:
        """Return for how much of what an entry brought in exits have still to be sent, whole lots."""
        lives, mirror = self._trade.lives, self._trade.mirror
        sent: dict[int, int] = {}
        for life in lives.closing[entry.cid]:
            if life.stage not in UNSENT:
                sent[_first(mirror, lives.numbers[life.cid])] = lives.meant[life.cid].amount
        received = _received(entry, mirror.instruments[n].base)
        return floor_to(max(received - sum(sent.values()) - lives.forgone[entry.cid], 0), mirror.lot(n))

    def _still_held(self, entry: Life, n: int, rest: int) -> int:
        """Return how much of that is still held and in no exit; for what was sold otherwise none are to follow any more."""
        mirror = self._trade.mirror
        in_exits: dict[int, int] = {}
        for order in mirror.open_orders:
            row = mirror.order(order)
            if row.coin == n and row.parent:
                first, left = _first(mirror, order), row.amount - row.filled
                # one leg may be told of before the other
                in_exits[first] = min(in_exits.get(first, left), left)
        held = min(floor_to(max(mirror.position(n) - sum(in_exits.values()), 0), mirror.lot(n)), rest)
        if held < rest:
            told = self._told(n, rest - held)
            self._trade.lives.tell_exits(entry, f"needs no exits for {told}: it is no longer held", rest - held)
        return held

    def _is_passed(self, entry: Life, n: int) -> bool:
        """Whether exits were refused last as the market has gone past one of them: what it stands for is due then."""
        lives, mark = self._trade.lives, self._trade.raw.mark_units(n)
        last = lives.closing[entry.cid][-1] if lives.closing[entry.cid] else None
        if last is None or last.stage not in UNSENT or last.code != NOT_TAKEN:
            return False
        exits = lives.exits[entry.cid]
        return TRIGGERS in last.text or any(mark <= its.stop or 0 < its.price <= mark for its in exits)

    def _look_at_refusals(self, entry: Life, owed: Owed, now: int, at_market: bool) -> None:
        """Let exits that were refused pause, longer each time, but go at once where the market has gone past them."""
        refused = [life for life in self._trade.lives.closing[entry.cid] if life.stage in UNSENT]
        if len(refused) <= owed.refused:
            return
        last, owed.refused = refused[-1], len(refused)
        again = owed.pause
        owed.pause = min(2 * again, LONGEST_PAUSE_NS)
        if at_market and self._trade.lives.meant[last.cid].asked.kind != k.MARKET:
            again = 0
        owed.until = now + again
        why = f"{last.code} {last.text}" if last.code else last.text
        self._say(entry, owed, f"has no exits: {why}" + (f"; tried again in {again // 10**9} s" if again else ""))

    def _say(self, entry: Life, owed: Owed, text: str) -> None:
        if text != owed.said:
            owed.said = text
            self._trade.lives.tell_exits(entry, text)

    def _told(self, n: int, units: int) -> str:
        base = self._trade.mirror.instruments[n].base
        return f"{plain(to_decimal(units, self._trade.mirror.decimals[base])):f} {base}"


def _first(mirror: Mirror, order: int) -> int:
    """Return the first of an order and the other of its pair, which are for the same."""
    sibling = mirror.order(order).sibling - 1
    return min(order, sibling) if sibling >= 0 else order


def _received(entry: Life, base: str) -> int:
    """Return what an entry brought in, less the fees that were taken of it."""
    return sum(its.amount - (its.fee if its.fee_asset == base else 0) for its in entry.trades.values())
