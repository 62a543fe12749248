"""BinanceTradeSystem: trades on a real account. What is wanted is judged and written down here, and sent by the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from engine.analysis.equity import equity_curve
from engine.binance import stops
from engine.binance.client import Client
from engine.binance.following import Following
from engine.binance.halting import halt
from engine.binance.journal import Journal
from engine.binance.life import Life, Stage
from engine.binance.lives import Lives, Meant
from engine.binance.mirror import Mirror
from engine.binance.own import OwnAccount
from engine.binance.purse import Purse
from engine.binance.safety import Safety
from engine.binance.status import JournalLine, words
from engine.binance.wire import Wire
from engine.errors import JournalError, OrderError
from engine.exact import floor_to, to_units
from engine.exchange import REFUSALS, FillRules
from engine.exchange import kernel as k
from engine.model import Timestamp
from engine.state import Raw
from engine.timeline import Timeline
from engine.trading.api import Author
from engine.trading.notes import ALREADY_WORKING, CANCELLED, REFUSED
from engine.trading.risk import Limits, Stop
from engine.trading.system import TradeSystem
from engine.trading.terms import Terms

NS_PER_SECOND = 10**9
BORNE_S = 5.0
"""How long the account may be out of reach before trading is disarmed."""
NOT_ASKED = "the account has not been asked about yet"
Amounts = Mapping[str, Decimal | int | str]


class BinanceTradeSystem(TradeSystem):
    """One strategy's trading on a real account. It begins disarmed: `arm` lets orders out, `disarm` keeps new ones in.

    `tag` names the strategy among all that trade on the account, and is part of each order's client id. `rules` are the
    account's fees until the exchange tells them. `cash` is what of the account the strategy may spend, by quote asset, with
    what it makes of it; `adopt` is what of it is the strategy's position from the start. A cancel always goes. What an order
    came to is told by replies, the account's stream and queries alike.
    """

    acts = "it is on its way"
    ends = "asked to be cancelled"

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
        cash: Amounts | None = None,
        adopt: Amounts | None = None,
    ) -> None:
        super().__init__(timeline, strategy, currency, limits)
        self.client = client
        self.disarmed = "trading has not been armed"
        self.warming = False
        """Whether history is flown over, which what is held now was not held in: nothing is judged by it."""
        self.account_trouble: Callable[[float], str] = lambda borne_s: NOT_ASKED
        self.ask_account: Callable[[], None] = lambda: None
        """Has the account asked for soon, where something of it is waited for that should have been told."""
        self._journal = journal
        self._tag = tag
        self._rules = rules or FillRules()
        self._cash = None if cash is None else _counted(cash, "cash")
        self._adopt = _counted(adopt or {}, "adopted")

    def open(self, raw: Raw) -> None:
        """Take up the account where the journal left it; the exchange is asked about it next."""
        self.mirror = mirror = Mirror(raw.instruments, self._rules)
        now = lambda: self.client.clock.now  # noqa: E731
        self.lives = Lives(self._tag, self._journal, mirror, self.notes, now, lambda: raw.step, self.disarm)
        self.wire = Wire(self.client, self.lives, self._barred, self.disarm)
        self.safety = Safety(self.client, self.lives, lambda borne_s: self.account_trouble(borne_s))
        self.following = Following(self)
        account = OwnAccount(mirror, raw, self.currency, self.notes, self._cash)
        account.adopt(self._adopt)
        self.purse = Purse(account, mirror, self.lives)
        self._adopt_account(raw, mirror, account)
        self.lives.recover()
        stops.recall(self._journal, self._tag, self.risk)
        self.lives.changed = self._changed

    # armed or not

    def arm(self) -> None:
        """Let orders out; raises OrderError telling why that cannot be now."""
        why = self.safety.trouble()
        if not why:
            try:
                self._journal.write("arm", tag=self._tag)
            except JournalError as error:
                why = error.message
        if why:
            raise OrderError(f"trading cannot be armed: {why}")
        self.disarmed = ""
        self.following.look()

    def disarm(self, why: str) -> None:
        """Keep new orders in; the first reason stays until it is armed again."""
        if why and not self.disarmed:
            self.disarmed = why
            self.write_down("disarm", why)

    def write_down(self, what: str, text: str) -> None:
        """Have the journal tell of what is about no order, where it takes that."""
        with suppress(JournalError):
            self._journal.write(what, tag=self._tag, text=text)

    def vigil(self, feed_trouble: str) -> None:
        """Disarm where something is wrong: the market's stream as is told, the clock, the budget, an order, the account.

        What waits to be sent is sent as soon as it may, and what was asked to end is asked again.
        """
        self.safety.feed = feed_trouble
        if not self.disarmed:
            self.disarm(self.safety.trouble(BORNE_S))
        self.wire.press()
        self.following.look()

    async def halt(self, flatten: bool) -> str:
        """Disarm, withdraw every own order and, to `flatten`, sell every own position; return what came of it."""
        return await halt(self, flatten)

    def kept_in(self, n: int) -> str:
        """Return why an order of a coin may not go out, "" where it may."""
        if self.disarmed:
            return f"disarmed: {self.disarmed}"
        coin = self.mirror.instruments[n].coin
        for life in self.lives.unknown:
            if life.coin == coin:
                age = (self.client.clock.now - life.since) / NS_PER_SECOND
                return f"order #{self.lives.numbers[life.cid]} of this coin is UNKNOWN for {age:.0f} s"
        return self.safety.trouble() or self.safety.closed(coin)

    def held_up(self, n: int) -> str:
        """Return why an order of a coin may not go out right now: it is kept in, or there is no room for it."""
        return self.kept_in(n) or self.client.budget.keeps_orders()

    def _barred(self, life: Life) -> str:
        """Return why an order that has been written down may not leave after all."""
        its = self.lives.meant[life.cid]
        kept = "" if its.by == "kill" else self.kept_in(its.n)
        return kept or self.client.budget.keeps_orders(urgent=its.urgent)

    # how it fares

    def stage_of(self, order: int) -> tuple[str, float]:
        """Return how an order stands in a word, and for how many seconds; "" for one that was refused here."""
        life = self.lives.of_number(order)
        if life is None:
            return "", 0.0
        # of a rehearsal's faster time as of this machine's
        return life.word, max(self.client.clock.now - life.since, 0) / NS_PER_SECOND / self.client.clock.speed

    @property
    def journal_path(self) -> Path:
        """Where the journal is."""
        return self._journal.path

    def journal_since(self, seq: int, limit: int = 1000) -> list[JournalLine]:
        """Return what the journal says after an entry, in words."""
        numbers = self.lives.numbers
        entries = self._journal.since(seq, limit)
        return [JournalLine(its.seq, its.time, its.what, numbers.get(its.cid, -1), words(its)) for its in entries]

    def date_back(self, times: Sequence[Timestamp]) -> None:
        """Let orders and fills of earlier flights have happened at the steps of their times, now that those have been flown."""
        mirror = self.mirror
        steps = np.asarray(times, dtype=np.int64)
        for rows, time, step in (
            (mirror.fills[: mirror.n_fills], k.F_TIME, k.F_STEP),
            (mirror.orders[: mirror.n_orders], k.TIME, k.STEP),
        ):
            rows[:, step] = np.clip(np.searchsorted(steps, rows[:, time]), 0, max(len(steps) - 1, 0))
        # what was told late was booked late
        np.maximum.accumulate(mirror.fills[: mirror.n_fills, k.F_STEP], out=mirror.fills[: mirror.n_fills, k.F_STEP])
        self.risk.losses.catch_up(steps, equity_curve(self.account, 0, len(steps)))
        self.warming = False
        if self.risk.stopped is not None:
            # what would buy may have been left by a flight that ended as it stopped
            for order in [its for its in mirror.open_orders if mirror.orders[its, k.SIDE] == k.BUY]:
                self.cancel(order)

    def brings_exits(self, order: int) -> bool:
        life = self.lives.of_number(order)
        return life is not None and bool(self.lives.meant[life.cid].asked.exits)

    def spendable(self, n: int) -> int:
        return self.purse.spendable(n)

    def sellable(self, n: int) -> int:
        return floor_to(self.purse.closable(n), self.mirror.lot(n))

    # the market

    def update(self, raw_latest: Raw) -> None:
        """Take note of the market; what the exchange did is told by itself."""
        if self.lives.moved:
            self.lives.moved = False
            self.latest.due = raw_latest.step
        if self.risk.watches and not self.warming:
            stop = self.risk.look(True)
            if stop is not None:
                self._keep(stop)
                self._stop(stop.reason)

    def _keep(self, stop: Stop) -> None:
        try:
            stops.keep(self._journal, self._tag, self.risk, stop)
        except JournalError as error:
            self.disarm(error.message)

    def _changed(self, life: Life) -> None:
        if life.stage is Stage.UNKNOWN:
            self.disarm(f"order #{self.lives.numbers[life.cid]} of {life.coin} became UNKNOWN")
        self.following.look()

    # orders

    def is_affordable(self, n: int, asked: Terms, amount: int, spare: int = 0) -> bool:
        """Whether there is enough free for an order, and what `spare` adds to it."""
        return self._judge(n, asked, amount, spare) != k.INSUFFICIENT

    def _judge(self, n: int, asked: Terms, amount: int, spare: int = 0) -> int:
        its, mark = asked, self.raw.mark_units(n)
        return self.mirror.judge(n, its.side, its.kind, amount, its.price, its.stop, mark, trail=its.trail, spare=spare)

    def _refuse(self, n: int, asked: Terms, amount: int, instead: Collection[int] = ()) -> str:
        """Return why an order may not be sent at all: held up, more than may be spent, or not the strategy's to sell."""
        return self.held_up(n) or self.purse.refuse(n, asked, amount, self.raw.mark_units(n), instead)

    def _place(self, n: int, asked: Terms, amount: int, by: Author, reason: str, *, keep: bool) -> tuple[int, int]:
        why = self._refuse(n, asked, amount)
        code = 0 if why else self._judge(n, asked, amount)
        if not why and self.following.must_wait(n, asked, amount, code):
            if not keep and self.following.waits(n, asked.side):
                return ALREADY_WORKING, -1
            self.following.wait(n, asked, amount, by, reason)
            return CANCELLED, -1
        if code:
            if not keep:
                return code, -1
            why = REFUSALS[code]
        lives = () if why else self._intend(Meant(n, asked, amount, self.raw.mark_units(n), by, reason))
        if not lives:
            why = why or self.kept_in(n)
            if keep:
                self._enter_refused(n, asked, amount, by, reason, why)
            return REFUSED + self.notes.reason_number(why), -1
        self.wire.place(lives[0], asked, amount)
        return 0, self.lives.numbers[lives[0].cid]

    def turn_down(self, n: int, asked: Terms, amount: int, by: Author, reason: str, why: str) -> None:
        """Enter an order that has waited in vain as refused."""
        self._enter_refused(n, asked, amount, by, reason, why)

    def send_anyway(self, n: int, asked: Terms, amount: int, reason: str) -> tuple[int, int]:
        """Send what the kill switch asks for, armed or not; return its refusal code and its id, -1 where it is not sent."""
        lives = self._intend(Meant(n, asked, amount, self.raw.mark_units(n), "kill", reason))
        if not lives:
            return REFUSED + self.notes.reason_number(self.disarmed), -1
        self.wire.place(lives[0], asked, amount)
        return 0, self.lives.numbers[lives[0].cid]

    def send_exits(self, entry: Life, n: int, legs: Sequence[Terms], amount: int) -> None:
        """Send the exits of an entry that has ended, two as a pair."""
        reason, mark = f"exit of #{self.lives.numbers[entry.cid]}", self.raw.mark_units(n)
        if len(legs) == 2:
            legs = [legs[1]._replace(kind=k.LIMIT_MAKER), legs[0]]
        lives = self._intend(*(Meant(n, its, amount, mark, "strategy", reason, entry.cid) for its in legs))
        if len(lives) == 2:
            self.wire.place_pair(lives[0], lives[1], (legs[0], legs[1]), amount)
        elif lives:
            self.wire.place(lives[0], legs[0], amount)

    def _intend(self, *orders: Meant) -> list[Life]:
        """Write down that orders are meant; none where that cannot be, and so they are not sent."""
        try:
            return self.lives.intend(*orders)
        except JournalError as error:
            self.disarm(error.message)
            return []

    def _place_pair(self, n: int, limit: Terms, stop: Terms, amount: int, by: Author, reason: str) -> None:
        mark = self.raw.mark_units(n)
        why = self._refuse(n, limit, amount) or self._refuse(n, stop, amount)
        lives = [] if why else self._intend(*(Meant(n, its, amount, mark, by, reason) for its in (limit, stop)))
        if not lives:
            for asked in (limit, stop):
                self._enter_refused(n, asked, amount, by, reason, why or self.kept_in(n))
            return
        self.wire.place_pair(lives[0], lives[1], (limit, stop), amount)

    def _replace(self, order: int, n: int, asked: Terms, amount: int, by: Author, reason: str) -> None:
        old, why = self.lives.of_number(order), self._refuse(n, asked, amount, (order,))
        if old is None or old.stage is Stage.UNKNOWN:
            why = "nobody knows whether it is there"
        elif old.filled:
            why = "it has filled in part; cancel it and place another"
        meant = Meant(n, asked, amount, self.raw.mark_units(n), by, reason)
        lives = [] if why else self._intend(meant)
        if old is None or not lives:
            raise OrderError(f"order #{order} stays as it is: {why or self.disarmed}")
        self.risk.sent(n, asked, amount)
        self.wire.replace(old, lives[0], asked, amount)

    def _amend(self, order: int, amount: int) -> str:
        life = self.lives.of_number(order)
        if life is None or life.stage is Stage.UNKNOWN:
            return "nobody knows whether it is there"
        row = self.mirror.order(order)
        if not row.filled < amount < row.amount:
            return REFUSALS[k.NOT_LESS]
        try:
            self.wire.amend(life, floor_to(amount, self.mirror.lot(row.coin)))
        except JournalError as error:
            self.disarm(error.message)
            return error.message
        return ""

    def _cancel(self, order: int) -> bool:
        life = self.lives.of_number(order)
        if life is None or not life.is_open:
            return False
        # one request is out for it, or for the other of its pair, with which it ends
        if not self.purse.is_leaving(order):
            self.wire.cancel(life)
        return True


def tag_of(word: str) -> str:
    """Return the six letters that stand for a strategy in its orders' client ids."""
    return hashlib.sha256(word.encode()).hexdigest()[:6]


def _counted(amounts: Amounts, what: str) -> dict[str, int]:
    return {asset: to_units(amount, f"{what} {asset}") for asset, amount in amounts.items()}
