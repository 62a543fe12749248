"""Player: moves an engine along its recording, at a pace or as fast as it goes, and obeys the deck."""

from __future__ import annotations

from collections.abc import Callable

from engine import seam
from engine.host.frames import Motion
from engine.host.protocol import (
    Arm,
    AskCommand,
    Command,
    Disarm,
    Halt,
    HandCommand,
    Message,
    Pause,
    Play,
    Rewound,
    RunToEnd,
    SetSpeed,
    Shutdown,
    Step,
    TravelCommand,
    Travels,
    Watch,
)
from engine.host.reporter import Reporter
from engine.host.travel import Travel
from engine.loop import Engine
from engine.session import Session

SLICE_S = 0.012
"""How long the engine runs before the host looks up: a command waits no longer than this."""
RATE_OVER_S = 1.0

Clock = Callable[[], float]


class Player(Reporter):
    """One session in motion, on an engine of its own unless one that was taken up again is given.

    `act` obeys a command, `advance` does the steps that are due; `frame` and `events` tell.
    """

    def __init__(self, session: Session, clock: Clock = seam.stopwatch, engine: Engine | None = None) -> None:
        self._given = engine
        super().__init__(session)
        self.travel = Travel(session, self.engine, self.note)
        self._travels: Travels | None = None
        self._asked = False
        self._later: list[Message] = []
        self.playing = False
        self.speed = 10.0
        self._clock = clock
        self._racing = False
        self._from = (0.0, 0)
        self._block = 64
        self._rate = 0.0
        self._rated = (clock(), 0)

    def _engine(self, session: Session) -> Engine:
        memory = session.config.replay.memory_mb << 20
        return self._given or Engine(session.feed, session.trade, session.strategy, session.begin, memory=memory)

    def opening(self) -> list[Message]:
        """Return what is flown, and what is known of its time."""
        return [*super().opening(), *self._changed()]

    @property
    def done(self) -> int:
        """Steps done."""
        done: int = self.session.feed.latest.step + 1
        return done

    @property
    def at_end(self) -> bool:
        """Whether there is no step left."""
        return self.done >= len(self.session.feed)

    # commands

    def act(self, command: Command) -> list[Message]:
        """Obey a command; returns what is to be answered at once, beside the frame."""
        self._asked = True
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
            case Shutdown() | Arm() | Disarm() | Halt():
                pass
            case _ if isinstance(command, HandCommand):
                self.travel.entered()
                return [self.hand.obey(command)]
            case _:
                return self._go(command)
        return []

    def _go(self, command: TravelCommand) -> list[Message]:
        if not isinstance(command, AskCommand):
            self._stop()
        answers = self.travel.obey(command)
        if self.travel.goal is not None:
            self._set_off(racing=True)
        moved, self.travel.moved = self.travel.moved, False
        if moved:
            self.rewind()
            answers = [Rewound(), *answers]
        self.look()
        return answers

    def _changed(self) -> list[Message]:
        """Return what is known of its time, where that is not what was told last."""
        if not self.session.config.replay.memory_mb:
            return []
        told, self._travels = self._travels, self.travel.state()
        return [] if told == self._travels else [self._travels]

    def _set_off(self, racing: bool) -> None:
        self.playing = not self.at_end
        self._racing = racing
        self._from = (self._clock(), self.done)
        if self.at_end:
            self._stop()

    def _stop(self) -> None:
        self.playing = False
        self._racing = False
        if (arrived := self.travel.arrived(self.at_end)) is not None:
            self._later.append(arrived)
            self._asked = True

    # motion

    def advance(self) -> float:
        """Do the steps that are due, for a slice of time at most; returns seconds until the next is due."""
        self.travel.look()
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
        """Run the engine, up to a breakpoint, and notice what it stumbled over."""
        before = self.done
        if self.travel.run(steps):
            self._stop()
            self._asked = True
        done = self.done - before
        if self.look():
            self._stop()
            # the step the strategy failed in is done; what it was asked for beyond that waits for the user
            return done
        if self.at_end:
            self._stop()
        return done

    def fly_to(self, step: int) -> None:
        """Run to a step before anybody looks."""
        self._run(step - self.done)

    def news(self) -> list[Message]:
        """Return answers that took their time, and what is known of its time, where that may have changed."""
        asked, self._asked = self._asked, False
        later, self._later = self._later, []
        return [*later, *(self._changed() if asked else [])]

    @property
    def motion(self) -> Motion:
        """How it moves now; the rate is measured over the last second or so."""
        now = self._clock()
        since, at = self._rated
        if now - since >= RATE_OVER_S / 4:
            self._rate = (self.done - at) / (now - since)
            self._rated = (now, self.done)
        return Motion(self.playing, self.speed, self._rate if self.playing else 0.0)
