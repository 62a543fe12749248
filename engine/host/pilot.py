"""Pilot: flies live prices as they come, and obeys the deck."""

from __future__ import annotations

from engine.host.frames import Motion
from engine.host.protocol import (
    Arm,
    Command,
    Disarm,
    Halt,
    HandCommand,
    Message,
    Pause,
    Play,
    Reply,
    RunToEnd,
    SetSpeed,
    Shutdown,
    Step,
    Watch,
)
from engine.host.reporter import Reporter
from engine.model import Timestamp
from engine.session import Session
from engine.trading.local import LocalTradeSystem

LOOK_S = 0.02
"""How often what came is taken in."""


class Pilot(Reporter):
    """One session on live prices; time cannot be moved here, so commands that would do nothing."""

    playing = True

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        # there may be no history: until the first bar closes there is an account to be shown, and features without a value
        session.strategy.stats.features.bind(session.feed.latest)
        if isinstance(session.trade, LocalTradeSystem):
            session.trade.meet(session.feed.latest)
        self._told = ""
        self.advance()

    @property
    def at_end(self) -> bool:
        """Whether there is nothing more to come: never."""
        return False

    def now(self) -> Timestamp:
        """Return the exchange's time."""
        return int(self.session.feed.client.clock.now)

    @property
    def motion(self) -> Motion:
        """How it moves: with the market."""
        return Motion(True, 0.0, 0.0)

    def act(self, command: Command) -> list[Message]:
        """Obey a command; returns what is to be answered at once."""
        match command:
            case Watch(coin=coin, bars=bars):
                self.frames.watch(coin, bars)
            case Play() | Pause() | Step() | RunToEnd() | SetSpeed() | Shutdown() | Arm() | Disarm() | Halt():
                pass
            case _ if isinstance(command, HandCommand):
                return [self.hand.obey(command)]
            case _:
                return [
                    Reply(getattr(command, "id", 0), False, "live prices only go forward; replay the recording of this flight")
                ]
        return []

    def advance(self) -> float:
        """Take in what came and do the steps it makes; returns seconds until the next look."""
        waiting = self.session.feed.pump()
        if waiting:
            waiting -= self.engine.run()
            self.look()
        news = self.session.feed.news
        while news:
            self.note(*news.popleft())
        failure = self.session.feed.health.failure
        if failure != self._told:
            self._told = failure
            self.note("error", f"no longer recorded: {failure}")
        return 0.0 if waiting else LOOK_S
