"""The life of an order at the exchange: what is known of it, merged from replies, stream events and queries in any order.

Each of them tells of one moment, may come late, twice or never. The amount filled decides which is newer: it only grows. A fill
counts once, by its trade id; a state that ends an order is never undone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

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


class Execution(NamedTuple):
    """A fill as the exchange told of it; units of 1e-8."""

    trade_id: int
    price: int
    amount: int
    quote: int
    fee: int
    fee_asset: str
    maker: bool
    time: Timestamp


class News(NamedTuple):
    """What something said of an order: its stage, how much had filled by then, the exchange's time of it, and its id there."""

    stage: Stage
    filled: int
    time: Timestamp
    order_id: int = 0
    stop: int = 0


@dataclass(slots=True)
class Life:
    """One order: what was meant, and how far it has come. `since` is when its stage began, ns of the exchange."""

    cid: str
    coin: CoinName
    side: int
    amount: int
    created: Timestamp
    stage: Stage = Stage.INTENT
    since: Timestamp = 0
    order_id: int = 0
    filled: int = 0
    told: Timestamp = 0
    cancel_sent: bool = False
    code: int = 0
    text: str = ""
    looked: int = 0
    trades: dict[int, Execution] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it may still fill."""
        return self.stage not in ENDED

    @property
    def word(self) -> str:
        """Its stage in a word; CANCEL_SENT while a cancel has no answer."""
        return "CANCEL_SENT" if self.cancel_sent and self.is_open else self.stage.value

    @property
    def accounted(self) -> int:
        """How much of what filled its trades account for."""
        return sum(its.amount for its in self.trades.values())

    @property
    def complete(self) -> bool:
        """Whether it has ended and every trade of it is known."""
        return self.stage in ENDED and self.accounted >= self.filled

    def sent(self, now: Timestamp) -> None:
        """Note that the request leaves."""
        self._enter(Stage.SENT, now)

    def lost(self, now: Timestamp, text: str = "") -> None:
        """Note that nobody knows what became of it."""
        if self.stage in OWN:
            self._enter(Stage.UNKNOWN, now)
            self.text = text

    def refused(self, now: Timestamp, code: int, text: str) -> None:
        """Note the exchange's definite no."""
        if self.stage in OWN:
            self._enter(Stage.REJECTED, now)
            self.code, self.text = code, text

    def proven_not_placed(self, now: Timestamp, text: str) -> None:
        """Note that evidence says it never reached the book."""
        if self.stage is Stage.UNKNOWN:
            self._enter(Stage.NOT_PLACED, now)
            self.text = text

    def hear(self, news: News) -> bool:
        """Merge what something said; return whether that was new."""
        self.order_id = self.order_id or news.order_id
        if news.filled < self.filled or (self.stage in ENDED and news.stage not in ENDED):
            return False
        grown = news.filled > self.filled
        self.filled = news.filled
        if self.stage in ENDED and not grown:
            return False
        if not grown and self.stage not in OWN and (news.time < self.told or _rank(news.stage) < _rank(self.stage)):
            return False
        changed = grown or news.stage is not self.stage
        self.told = max(self.told, news.time)
        # a definite end stays, however late its last fills are told of
        if self.stage not in ENDED or (self.stage is not Stage.FILLED and news.stage is Stage.FILLED):
            self._enter(news.stage, news.time)
        return changed

    def fill(self, execution: Execution) -> bool:
        """Take in a fill; False where it is known. What it brings is part of what has filled."""
        if execution.trade_id in self.trades:
            return False
        self.trades[execution.trade_id] = execution
        if self.accounted > self.filled:
            self.filled = self.accounted
            if self.stage not in ENDED:
                whole = self.filled >= self.amount
                self._enter(Stage.FILLED if whole else Stage.PARTIALLY_FILLED, execution.time)
        return True

    def _enter(self, stage: Stage, now: Timestamp) -> None:
        if stage is not self.stage:
            self.stage, self.since = stage, now


def _rank(stage: Stage) -> int:
    order = (Stage.PENDING_NEW, Stage.NEW, Stage.PARTIALLY_FILLED)
    return order.index(stage) if stage in order else 9 if stage in ENDED else -1
