"""Past: a simulated account wound back, and on again: exchange, orders, signals, limits, and what is known of bars to come."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.exchange.tape import Moment, Tape
from engine.trading.local import LocalTradeSystem


class TradeMoment(NamedTuple):
    """An account at a moment: its exchange, what it knew of bars to come, its limits, and how long its logs were."""

    exchange: Moment
    meeting: tuple[Any, ...]
    risk: tuple[Any, ...]
    lengths: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes it takes, about."""
        return 600 + self.exchange.size + 16 * (len(self.meeting[2]) * 3 + sum(len(its) for its in self.risk[:3]))


class Past:
    """What an account came to where it was farthest: `keep` before it is wound back from there, `cut` to forget it."""

    def __init__(self, trade: LocalTradeSystem) -> None:
        self._trade = trade
        self._tape = Tape(trade.exchange)
        self._spools = (*trade.notes.logs(), *trade.signals.logs())

    def moment(self) -> TradeMoment:
        """Return the account as it is now."""
        trade = self._trade
        lengths = tuple(map(len, self._spools))
        return TradeMoment(self._tape.moment(), trade.meeting.moment, trade.risk.moment(), lengths)

    def is_at(self, moment: TradeMoment) -> bool:
        """Whether the exchange, by its rolling hash, and the signals are what they were at a moment."""
        head = moment.exchange.head
        lengths = tuple(map(len, self._spools))
        return lengths == moment.lengths and self._trade.exchange.head[: len(head) // 8].tobytes() == head

    def keep(self) -> None:
        """Remember what the account has come to."""
        self._tape.keep()
        for spool in self._spools:
            spool.keep()

    def wind(self, moment: TradeMoment) -> None:
        """Make the account what it was at a moment; the market is there already."""
        trade = self._trade
        self._tape.wind(moment.exchange)
        for spool, length in zip(self._spools, moment.lengths, strict=True):
            spool.wind(length)
        trade.meeting.wind(moment.meeting)
        trade.risk.wind(moment.risk)
        if trade.risk.watches:
            trade.meeting.wake(trade.raw.step + 1)
        trade.latest.due = 0
        trade.unwrite()

    def cut(self) -> None:
        """Forget what came after now: another future begins."""
        self._tape.cut()
        for spool in self._spools:
            spool.cut()
        self._trade.notes.cut()
