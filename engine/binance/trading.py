"""BinanceTradeSystem: trades on a real account. What is wanted is judged and written down here, and sent by the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from engine.binance.client import Client
from engine.binance.halting import halt
from engine.binance.journal import Journal
from engine.binance.life import Life, Stage
from engine.binance.lives import Lives
from engine.binance.mirror import Mirror
from engine.binance.safety import Safety
from engine.binance.status import JournalLine, words
from engine.binance.wire import Wire
from engine.errors import JournalError, OrderError
from engine.exact import floor_to
from engine.exchange import REFUSALS, FillRules
from engine.exchange import kernel as k
from engine.exchange.exchange import Exit
from engine.state import Raw
from engine.timeline import Timeline
from engine.trading.account import Account
from engine.trading.api import Author
from engine.trading.notes import REFUSED
from engine.trading.risk import Limits
from engine.trading.system import TradeSystem
from engine.trading.terms import Terms

NS_PER_SECOND = 10**9
BORNE_S = 5.0
"""How long the account may be out of reach before trading is disarmed."""


class BinanceTradeSystem(TradeSystem):
    """One strategy's trading on a real account. It begins disarmed: `arm` lets orders out, `disarm` keeps new ones in.

    `tag` names the strategy among all that trade on the account, and is part of each order's client id. `rules` are the
    account's fees. A cancel always goes. What an order came to is told by replies, the account's stream and queries alike.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        tag: str,
        *,
        timeline: Timeline | None = None,
        strategy: Any = None,
        currency: str = "USDT",
        rules: FillRules | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(timeline, strategy, currency, limits)
        self.client = client
        self.disarmed = "trading has not been armed"
        self.account_trouble: Callable[[float], str] = lambda borne_s: "the account has not been asked about yet"
        self._journal = journal
        self._tag = tag
        self._rules = rules or FillRules()
        self._exits: dict[str, tuple[Exit, ...]] = {}

    def open(self, raw: Raw) -> None:
        """Take up the account where the journal left it; the exchange is asked about it next."""
        mirror = Mirror(raw.instruments, self._rules)
        self.lives = Lives(self._tag, self._journal, mirror, self.notes, lambda: self.client.clock.now, lambda: raw.step)
        self.wire = Wire(self.client, self.lives)
        self.mirror = mirror
        self.safety = Safety(self.client, self.lives, lambda borne_s: self.account_trouble(borne_s))
        self._adopt_account(raw, mirror, Account(mirror, raw, self.currency, self.notes, lambda: None))
        self.lives.recover()
        self.lives.changed = self._follow_up

    # armed or not

    def arm(self) -> None:
        """Let orders out; raises OrderError telling why that cannot be now."""
        why = self.safety.trouble()
        if why:
            raise OrderError(f"trading cannot be armed: {why}")
        self.disarmed = ""

    def disarm(self, why: str) -> None:
        """Keep new orders in; the first reason stays until it is armed again."""
        self.disarmed = self.disarmed or why

    def vigil(self, feed_trouble: str) -> None:
        """Disarm where something is wrong: with the market's stream as is told, the clock, the budget, an order, the account."""
        self.safety.feed = feed_trouble
        if not self.disarmed:
            self.disarm(self.safety.trouble(BORNE_S))

    async def halt(self, flatten: bool) -> str:
        """Disarm, withdraw every own order and, to `flatten`, sell every own position; return what came of it."""
        return await halt(self, flatten)

    # how it fares

    def stage_of(self, order: int) -> tuple[str, float]:
        """Return how an order stands in a word, and for how many seconds; "" for one that was refused here."""
        life = self.lives.of_number(order)
        if life is None:
            return "", 0.0
        return life.word, max(self.client.clock.now - life.since, 0) / NS_PER_SECOND

    def journal_since(self, seq: int, limit: int = 1000) -> list[JournalLine]:
        """Return what the journal says after an entry, in words."""
        numbers = self.lives.numbers
        entries = self._journal.since(seq, limit)
        return [JournalLine(its.seq, its.time, its.what, numbers.get(its.cid, -1), words(its)) for its in entries]

    def kept_in(self, n: int) -> str:
        """Return why an order of a coin may not go out, "" where it may."""
        if self.disarmed:
            return f"disarmed: {self.disarmed}"
        unknown = self.lives.unknown(self.mirror.instruments[n].coin)
        if unknown:
            age = (self.client.clock.now - unknown[0].since) / NS_PER_SECOND
            return f"order #{self.lives.numbers[unknown[0].cid]} of this coin is UNKNOWN for {age:.0f} s"
        return ""

    # the market

    def update(self, raw_latest: Raw) -> None:
        """Take note of the market; what the exchange did is told by itself."""
        if self.lives.moved:
            self.lives.moved = False
            self.latest.due = raw_latest.step
        if self.risk.watches:
            stop = self.risk.look(True)
            if stop is not None:
                self._stop(stop.reason)

    # orders

    def _place(self, n: int, asked: Terms, amount: int, by: Author, reason: str, *, keep: bool) -> tuple[int, int]:
        side, kind, price, stop, trail, _, exits = asked
        mark = self.raw.mark_units(n)
        why = self.kept_in(n)
        if not why:
            code = self.mirror.judge(n, side, kind, amount, price, stop, mark, trail=trail)
            if code and not keep:
                return code, -1
            why = REFUSALS[code]
        life = None if why else self._intend(n, asked, amount, by, reason)
        if life is None:
            why = why or self.kept_in(n)
            if keep:
                self._enter_refused(n, asked, amount, by, reason, why)
            return REFUSED + self.notes.reason_number(why), -1
        self.wire.place(life, asked, amount)
        if exits:
            self._exits[life.cid] = exits
        return 0, self.lives.numbers[life.cid]

    def send_anyway(self, n: int, asked: Terms, amount: int, reason: str) -> tuple[int, int]:
        """Send what the kill switch asks for, armed or not; return its refusal code and its id, -1 where it is not sent."""
        life = self._intend(n, asked, amount, "kill", reason)
        if life is None:
            return REFUSED + self.notes.reason_number(self.disarmed), -1
        self.wire.place(life, asked, amount)
        return 0, self.lives.numbers[life.cid]

    def _intend(self, n: int, asked: Terms, amount: int, by: Author, reason: str) -> Life | None:
        """Write down that an order is meant; None where that cannot be, and so it is not sent."""
        try:
            return self.lives.intend(n, asked, amount, self.raw.mark_units(n), by, reason)
        except JournalError as error:
            self.disarm(error.message)
            return None

    def _place_pair(self, n: int, limit: Terms, stop: Terms, amount: int, by: Author, reason: str) -> None:
        why = self.kept_in(n)
        legs = [] if why else [self._intend(n, asked, amount, by, reason) for asked in (limit, stop)]
        first, second = legs if legs else (None, None)
        if first is None or second is None:
            for asked in (limit, stop):
                self._enter_refused(n, asked, amount, by, reason, why or self.kept_in(n))
            return
        # both legs hold back the same
        self.mirror.release(self.lives.numbers[second.cid])
        self.wire.place_pair(first, second, (limit, stop), amount)

    def _follow_up(self, life: Life) -> None:
        """Send the exits of an entry that has ended, for what it brought in: the exchange attaches none to an order."""
        if life.is_open or life.cid not in self._exits:
            return
        exits = self._exits.pop(life.cid)
        n = self.mirror.index[life.coin]
        amount = floor_to(min(life.accounted, self.account.sellable(n)), self.mirror.lot(n))
        if not amount:
            return
        legs = [Terms(k.SELL, its.kind, its.price, its.stop, its.trail) for its in exits]
        reason = f"exit of #{self.lives.numbers[life.cid]}"
        if len(legs) == 2:
            limit = legs[1]._replace(kind=k.LIMIT_MAKER)
            self._place_pair(n, limit, legs[0], amount, "strategy", reason)
        else:
            self.send(n, legs[0], amount, "strategy", reason)

    def _amend(self, order: int, amount: int) -> str:
        life = self.lives.of_number(order)
        if life is None or life.stage is Stage.UNKNOWN:
            return "nobody knows whether it is there"
        row = self.mirror.order(order)
        if not row.filled < amount < row.amount:
            return REFUSALS[k.NOT_LESS]
        self.wire.amend(life, floor_to(amount, self.mirror.lot(row.coin)))
        return ""

    def _cancel(self, order: int) -> bool:
        life = self.lives.of_number(order)
        if life is None or not life.is_open:
            return False
        self.wire.cancel(life)
        return True


def tag_of(word: str) -> str:
    """Return the six letters that stand for a strategy in its orders' client ids."""
    return hashlib.sha256(word.encode()).hexdigest()[:6]
