"""Player: moves an engine along its recording, at a pace or as fast as it goes, and obeys the deck."""

from __future__ import annotations

from collections.abc import Callable

from engine import seam
from engine.host.frames import FrameMaker, Motion
from engine.host.hand import Hand
from engine.host.hello import hello
from engine.host.protocol import (
    Command,
    Events,
    Failure,
    FillRow,
    LogLine,
    Message,
    Pause,
    Play,
    RunToEnd,
    SetSpeed,
    Shutdown,
    SignalRow,
    Step,
    Watch,
)
from engine.loop import Engine
from engine.session import Session

SLICE_S = 0.012
"""How long the engine runs before the host looks up: a command waits no longer than this."""
RATE_OVER_S = 1.0
NEWEST = 200
"""How many fills or signals are told at once; of more, the newest."""

Clock = Callable[[], float]


class Player:
    """One session in motion. `act` obeys a command, `advance` does the steps that are due, `frame` and `events` tell."""

    def __init__(self, session: Session, clock: Clock = seam.stopwatch) -> None:
        self.session = session
        self.engine = Engine(session.feed, session.trade, session.strategy, session.begin)
        self.frames = FrameMaker(session, self.engine)
        self.playing = False
        self.speed = 10.0
        self._clock = clock
        self._racing = False
        self._from = (0.0, 0)
        self._block = 64
        self._rate = 0.0
        self._rated = (clock(), 0)
        self._told_fills = 0
        self._told_signals = 0
        self._log: list[LogLine] = []
        self._hand = Hand(self.engine, self._note)
        self._grounded = False
        self._told_stops = 0

    def hello(self) -> Message:
        """Return what is flown."""
        return hello(self.session)

    @property
    def done(self) -> int:
        """Steps done."""
        return self.session.feed.latest.step + 1

    @property
    def at_end(self) -> bool:
        """Whether there is no step left."""
        return self.done >= len(self.session.feed)

    # commands

    def act(self, command: Command) -> list[Message]:
        """Obey a command; returns what is to be answered at once, beside the frame."""
        match command:
            case Play():
                self._set_off(racing=False)
            case RunToEnd():
                self._set_off(racing=True)
            case Pause():
                self._stop()
            case Step(n=n):
                self._stop()
                self._run(max(0, min(n, len(self.session.feed))))
            case SetSpeed(speed=speed):
                self.speed = max(0.0, speed)
                self._from = (self._clock(), self.done)
            case Watch(coin=coin, bars=bars):
                self.frames.watch(coin, bars)
            case Shutdown():
                pass
            case _:
                return [self._hand.obey(command)]
        return []

    def _set_off(self, racing: bool) -> None:
        self.playing = not self.at_end
        self._racing = racing
        self._from = (self._clock(), self.done)

    def _stop(self) -> None:
        self.playing = False
        self._racing = False

    # motion

    def advance(self) -> float:
        """Do the steps that are due, for a slice of time at most; returns seconds until the next is due."""
        if not self.playing:
            return 1.0
        if self._racing or not self.speed:
            self._race()
            return 0.0
        began, start = self._from
        elapsed = self._clock() - began
        due = start + int(elapsed * self.speed) - self.done
        if due > 0:
            self._race(due)
        return max(0.0, (self.done - start + 1) / self.speed - (self._clock() - began))

    def _race(self, most: int | None = None) -> None:
        until = self._clock() + SLICE_S
        while self.playing and (most is None or most > 0):
            block = self._block if most is None else min(self._block, most)
            began = self._clock()
            done = self._run(block)
            now = self._clock()
            if most is not None:
                most -= done
            if now >= until:
                break
            # a block is a third of a slice, whatever the strategy costs
            if done == self._block:
                self._block = min(8192, max(1, int(block * SLICE_S / 3 / max(now - began, 1e-6))), 2 * block)
        if self._block > 1 and self._clock() > until + SLICE_S:
            self._block = max(1, self._block // 4)

    def _run(self, steps: int) -> int:
        """Run the engine and notice what it stumbled over."""
        done = self.engine.run(steps)
        self._hand.look()
        self._tell_stops()
        if self.engine.halted is not None and not self._grounded:
            self._grounded = True
            self._stop()
            self._note("error", self.engine.halted.message)
            # the step the strategy failed in is done; what it was asked for beyond that waits for the user
            return done
        if self.at_end:
            self._stop()
        return done

    def _tell_stops(self) -> None:
        """Log why buying has stopped, at the time it did."""
        if self.done:
            for stop in self.session.trade.risk.stops[self._told_stops :]:
                until = "nothing more is bought this UTC day" if stop.today else "nothing more is bought"
                self._log.append(LogLine(stop.time, "error", f"{stop.reason}; {until}"))
            self._told_stops = len(self.session.trade.risk.stops)

    def fly_to(self, step: int) -> None:
        """Run to a step before anybody looks."""
        self._run(step - self.done)

    # reports

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
        now = self._clock()
        since, at = self._rated
        if now - since >= RATE_OVER_S / 4:
            self._rate = (self.done - at) / (now - since)
            self._rated = (now, self.done)
        return self.frames.make(Motion(self.playing, self.speed, self._rate if self.playing else 0.0))

    def events(self) -> Events | None:
        """Return what happened since the last call, or None."""
        fills, signals = self._new_fills(), self._new_signals()
        log, self._log = self._log, []
        return Events(fills, signals, log) if fills or signals or log else None

    def _note(self, level: str, text: str) -> None:
        self._log.append(LogLine(max(self.session.feed.latest.time, 0), level, text))

    def _new_fills(self) -> list[FillRow]:
        account = self.session.trade.account
        total = account.exchange.n_fills
        begin, self._told_fills = max(self._told_fills, total - NEWEST), total
        rows = []
        for n in range(begin, total):
            fill = account.fill(n)
            rows.append(
                FillRow(
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
            )
        return rows

    def _new_signals(self) -> list[SignalRow]:
        signals = self.session.trade.signals
        total = len(signals)
        begin, self._told_signals = max(self._told_signals, total - NEWEST), total
        coins, times = self.session.feed.latest.coins, self.session.feed.times
        rows = []
        for n in range(begin, total):
            note = signals[n]
            rows.append(SignalRow(n, note.step, int(times[note.step]), coins[note.coin], note.kind, note.reason, note.outcome))
        return rows
