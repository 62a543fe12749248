"""Reporter: what the deck is told of a session in motion: frames, what happened since the last look, and what went wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque

from engine.host.frames import FrameMaker, Motion
from engine.host.hand import Hand
from engine.host.hello import hello
from engine.host.protocol import Command, Events, Failure, FillRow, LogLine, Message, SignalRow
from engine.loop import Engine
from engine.model import Timestamp
from engine.session import Session

NEWEST = 200
"""How many fills or signals are told at once; of more, the newest."""


class Reporter(ABC):
    """Base of whatever moves a session: it tells of it. `look` after every run of steps; then `events` and `frame` have it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.engine = engine = self._engine(session)
        self.frames = FrameMaker(session, engine)
        self.hand = Hand(engine, self.note)
        self._told_fills = 0
        self._told_signals = 0
        self._told_stops = 0
        self._grounded = False
        self._log: list[LogLine] = []
        self._logged: deque[LogLine] = deque(maxlen=NEWEST)

    def _engine(self, session: Session) -> Engine:
        return Engine(session.feed, session.trade, session.strategy, session.begin)

    @property
    @abstractmethod
    def motion(self) -> Motion:
        """How it moves now."""

    @property
    @abstractmethod
    def at_end(self) -> bool:
        """Whether there is no step left."""

    @abstractmethod
    def act(self, command: Command) -> list[Message]:
        """Obey a command; returns what is to be answered at once, beside the frame."""

    @abstractmethod
    def advance(self) -> float:
        """Do what is due, for a slice of time at most; returns seconds until the next is due."""

    def hello(self) -> Message:
        """Return what is flown."""
        return hello(self.session)

    def opening(self) -> list[Message]:
        """Return what a deck is told first."""
        return [self.hello()]

    def news(self) -> list[Message]:
        """Return what else there is to tell since the last call."""
        return []

    def rewind(self) -> None:
        """Know that time was gone back in: what was told of fills and signals may no longer be what happened."""
        self.frames.rewind()
        self.hand.rewind()
        self._told_fills = self._told_signals = 0
        self._told_stops = len(self.session.trade.risk.stops)
        self._grounded = self.engine.halted is not None

    def look(self) -> bool:
        """Notice what the engine stumbled over since the last look; return whether the strategy has just been halted."""
        self.hand.look()
        self._tell_stops()
        if self.engine.halted is None or self._grounded:
            return False
        self._grounded = True
        self.note("error", self.engine.halted.message)
        return True

    def note(self, level: str, text: str) -> None:
        """Log a line at the market's time."""
        self._log.append(LogLine(self.now(), level, text))

    def now(self) -> Timestamp:
        """Return the market's time."""
        return max(int(self.session.feed.latest.time), 0)

    def _tell_stops(self) -> None:
        """Log why buying has stopped, at the time it did."""
        if self.session.feed.latest.step >= 0:
            stops = self.session.trade.risk.stops
            for stop in stops[self._told_stops :]:
                until = "nothing more is bought this UTC day" if stop.today else "nothing more is bought"
                self._log.append(LogLine(stop.time, "error", f"{stop.reason}; {until}"))
            self._told_stops = len(stops)

    @property
    def failure(self) -> Failure | None:
        """The strategy's failure, to be told once when it happens."""
        error = self.engine.halted
        if error is None:
            return None
        return Failure(
            error.title, error.message, error.hint or "the strategy stands still; the market and your orders go on", False
        )

    def frame(self) -> Message:
        """Return the frame of this moment."""
        return self.frames.make(self.motion, self.at_end)

    def events(self) -> Events | None:
        """Return what happened since the last call, or None."""
        fills, signals = self._new_fills(), self._new_signals()
        log, self._log = self._log, []
        self._logged.extend(log)
        return Events(fills, signals, log) if fills or signals or log else None

    def _new_fills(self) -> list[FillRow]:
        total = self.session.trade.account.exchange.n_fills
        begin, self._told_fills = max(self._told_fills, total - NEWEST), total
        return [self._fill_row(n) for n in range(begin, total)]

    def _fill_row(self, n: int) -> FillRow:
        fill = self.session.trade.account.fill(n)
        return FillRow(
            n=n,
            step=fill.step,
            time=fill.time,
            coin=fill.coin,
            side=fill.side.value,
            amount=format(fill.amount, "f"),
            price=format(fill.price, "f"),
            fee=format(fill.fee, "f"),
            fee_asset=fill.fee_asset,
            order_id=fill.order_id,
            cash=format(fill.cash, "f"),
            position=format(fill.position, "f"),
        )

    def _new_signals(self) -> list[SignalRow]:
        total = len(self.session.trade.signals)
        begin, self._told_signals = max(self._told_signals, total - NEWEST), total
        return [self._signal_row(n) for n in range(begin, total)]

    def _signal_row(self, n: int) -> SignalRow:
        note, feed = self.session.trade.signals[n], self.session.feed
        coin = feed.latest.coins[note.coin]
        return SignalRow(n, note.step, int(feed.times[note.step]), coin, note.kind, note.reason, note.outcome)
