"""The life of an order at the exchange: what is known of it, merged from replies, stream events and queries in any order.

Each of them tells of one moment, may come late, twice or never. The amount filled decides which is newer: it only grows. A fill
counts once, by its trade id; a state by which the exchange ends an order is never undone. What was only concluded here gives
way to the exchange's word.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from engine.binance.numbers import NotExact
from engine.model import CoinName, Timestamp


class Stage(StrEnum):
    """Where an order stands: the exchange's words, and those for what it has not said yet."""

    INTENT = "INTENT"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    NOT_PLACED = "NOT_PLACED"


OWN = frozenset((Stage.INTENT, Stage.SENT, Stage.UNKNOWN))
ENDED = frozenset((Stage.FILLED, Stage.CANCELED, Stage.REJECTED, Stage.EXPIRED, Stage.EXPIRED_IN_MATCH, Stage.NOT_PLACED))
UNSENT = frozenset((Stage.REJECTED, Stage.NOT_PLACED))
"""What ended without ever having been at the exchange, as far as that can be proven."""
ORDER = (Stage.INTENT, Stage.SENT, Stage.UNKNOWN, Stage.PENDING_NEW, Stage.NEW, Stage.PARTIALLY_FILLED)
"""In which an order goes through what does not end it."""


class Execution(NamedTuple):
    """A fill as the exchange told of it; units of 1e-8.

    One in the reply to an order is not `final`: it says neither what was paid to the last digit nor who was the maker.
    """

    trade_id: int
    price: int
    amount: int
    quote: int
    fee: int
    fee_asset: str
    maker: bool
    time: Timestamp
    final: bool = True


class News(NamedTuple):
    """What something said of an order: its stage, how much had filled by then, the exchange's time of it, and its id there.

    `amount` is what it is for in all and `stop` its trigger, 0 where that was not told; `text` what goes with it. `coin` and
    `side` tell what it is an order of.
    """

    stage: Stage
    filled: int
    time: Timestamp
    order_id: int = 0
    stop: int = 0
    amount: int = 0
    text: str = ""
    coin: CoinName = ""
    side: int = 0


@dataclass(slots=True)
class Life:
    """One order: what was meant, and how far it has come. `since` is when its stage began, ns of the exchange.

    `concluded` tells that it has ended by what is known here alone; `left` is when its request went out. `unsure` counts the
    fills that are known from a reply alone. `amended` tells that it was asked to be reduced, `unwanted` that its end was.
    """

    cid: str
    coin: CoinName
    side: int
    amount: int
    created: Timestamp
    stage: Stage = Stage.INTENT
    since: Timestamp = 0
    left: Timestamp = 0
    order_id: int = 0
    filled: int = 0
    accounted: int = 0
    unsure: int = 0
    told: Timestamp = 0
    stop: int = 0
    cancels: int = 0
    amended: bool = False
    unwanted: bool = False
    concluded: bool = False
    code: int = 0
    text: str = ""
    trades: dict[int, Execution] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.stage not in ENDED

    @property
    def complete(self) -> bool:
        """Whether it has ended and every trade of it is known."""
        return self.stage in ENDED and self.accounted >= self.filled

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be known of it."""
        return self.complete and not self.unsure

    @property
    def word(self) -> str:
        """Its stage in a word; CANCEL_SENT while a cancel has no answer."""
        return "CANCEL_SENT" if self.cancels and self.is_open else self.stage.value

    # what happens here

    def sent(self, now: Timestamp) -> None:
        """Note that the request leaves."""
        self.left = now
        if self.stage is Stage.INTENT:
            self._enter(Stage.SENT, now)

    def lost(self, now: Timestamp, text: str = "") -> None:
        """Note that nobody knows what became of it."""
        if self.stage in OWN:
            self._enter(Stage.UNKNOWN, now)
            self.text = text

    def conclude(self, stage: Stage, now: Timestamp, text: str, code: int = 0) -> bool:
        """Note that it has ended by what is known here: refused, never placed, or no longer known; False where it had."""
        if self.stage in ENDED or (stage is not Stage.EXPIRED and self.stage not in OWN):
            return False
        self._enter(stage, now)
        self.code, self.text, self.concluded = code, text, True
        # no more of it will ever be told
        self.filled = self.accounted
        return True

    # what the exchange says

    def can_be(self, news: News) -> bool:
        """Whether what something said can be of this order: a client id alone is a name that another order may have, too.

        By its id at the exchange an order is known for certain; until that has been told, by what was meant.
        """
        if news.coin and (news.coin, news.side) != (self.coin, self.side):
            return False
        if self.order_id and news.order_id:
            return news.order_id == self.order_id
        return self.amended or news.amount in (0, self.amount)

    def hear(self, news: News) -> bool:
        """Merge what something said; return whether that was new. Raises NotExact for more filled than was ordered."""
        if news.filled > self.amount:
            raise NotExact(f"{news.filled} filled of {self.amount}")
        first = not self.order_id or self.concluded
        self.order_id = self.order_id or news.order_id
        changed = self._hear_terms(news)
        if news.filled < self.filled or not (first or self._advances(news)):
            return changed
        changed = changed or first or news.filled > self.filled or news.stage is not self.stage
        self.filled = news.filled
        # the exchange may end one order in one way; that all of it filled is then the last word
        if first or self.stage not in ENDED or news.stage is Stage.FILLED:
            self._enter(news.stage, news.time)
            self.concluded, self.code, self.text = False, 0, news.text
        return changed

    def _advances(self, news: News) -> bool:
        if self.stage in ENDED:
            return news.stage in ENDED and news.filled > self.filled
        if news.stage in ENDED or news.stage is Stage.UNKNOWN:
            return True
        return news.filled > self.filled or ORDER.index(news.stage) > ORDER.index(self.stage)

    def _hear_terms(self, news: News) -> bool:
        """Take in amount and trigger: one can only be reduced, the other is as it was told last."""
        before = self.amount, self.stop
        if news.amount:
            self.amount = min(self.amount, max(news.amount, self.accounted))
        if news.stop and news.time >= self.told:
            self.stop = news.stop
        self.told = max(self.told, news.time)
        return (self.amount, self.stop) != before

    def fill(self, its: Execution) -> bool:
        """Take in a fill; False where nothing of it is new. Raises NotExact where more would fill than was ordered."""
        known = self.trades.get(its.trade_id)
        if known is not None and (known.final or not its.final):
            return False
        accounted = self.accounted + its.amount - (known.amount if known is not None else 0)
        if accounted > self.amount:
            raise NotExact(f"{accounted} filled of {self.amount}")
        self.unsure += (not its.final) - (known is not None and not known.final)
        self.trades[its.trade_id], self.accounted = its, accounted
        if accounted > self.filled:
            self.filled = accounted
            if self.is_open:
                self._enter(Stage.FILLED if accounted == self.amount else Stage.PARTIALLY_FILLED, its.time)
        return True

    def _enter(self, stage: Stage, now: Timestamp) -> None:
        if stage is not self.stage:
            self.stage, self.since = stage, now
