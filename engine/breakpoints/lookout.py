"""Lookout: runs an engine to the next step at which a breakpoint stops, or takes it back to the last.

What the recording alone tells is found before anything runs; the rest is looked at in blocks once they are run, and a block
that went too far is taken back. So a condition costs a run little, and is exact to the step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.breakpoints.breakpoint import Breakpoint
from engine.breakpoints.evaluation import stops
from engine.breakpoints.language import parse
from engine.breakpoints.nodes import Truth, about, is_open
from engine.breakpoints.watch import Watch
from engine.breakpoints.words import Names
from engine.breakpoints.world import World
from engine.errors import UsageError
from engine.model import CoinName

if TYPE_CHECKING:
    from engine.loop import Engine

FIRST_BLOCK = 256
LONGEST_BLOCK = 1 << 14
SEARCH_BLOCK = 1 << 16


class Hit(NamedTuple):
    """A breakpoint that stopped, and of which coin; "" where its condition is of none."""

    breakpoint: Breakpoint
    coin: CoinName


class Stop(NamedTuple):
    """Where a run came to a halt, and by which breakpoints; by none where it got to where it was to go."""

    step: int
    hits: tuple[Hit, ...] = ()


class Condition(NamedTuple):
    """A breakpoint's condition of one coin, or of none."""

    hit: Hit
    truth: Truth


def names_of(engine: Engine) -> Names:
    """Return what a condition of this session can name beside the language's own words."""
    return Names(engine.raw.latest.coins, engine.strategy.stats.features.labels)


def conditions_of(breakpoints: Iterable[Breakpoint], names: Names) -> list[Condition]:
    """Return the conditions of those that are enabled, one a coin.

    Raises BreakpointError for a text that is no condition, UsageError for a coin there is not.
    """
    conditions = []
    for its in breakpoints:
        if not its.enabled:
            continue
        if its.coin and its.coin not in names.coins:
            raise UsageError(
                f"the breakpoint {its.label!r} is of {its.coin}, which is not in this session",
                hint=f"it has {', '.join(names.coins)}",
            )
        truth = parse(its.text, names)
        coins = (its.coin,) if its.coin else names.coins
        if is_open(truth):
            conditions += [Condition(Hit(its, coin), about(truth, coin)) for coin in coins]
        else:
            conditions.append(Condition(Hit(its, ""), truth))
    return conditions


class Lookout:
    """Breakpoints on an engine's run. It is of one past: make another after a seek of your own, or after an input.

    Raises BreakpointError for a condition that cannot be read, UsageError on live prices, which cannot be run ahead.
    """

    def __init__(self, engine: Engine, breakpoints: Iterable[Breakpoint]) -> None:
        if engine.raw.latest.growing:
            raise UsageError("live prices cannot be run to a condition", hint="replay the recording of the flight")
        self.engine = engine
        self._watch = Watch(engine)
        self._world = World(engine, self._watch)
        conditions = conditions_of(breakpoints, names_of(engine))
        self._foreseen = [its for its in conditions if self._world.foreseen(its.truth)]
        self._others = [its for its in conditions if not self._world.foreseen(its.truth)]
        self._watched = any(self._world.watched(its.truth) for its in conditions)
        # the next step at which a foreseen condition stops, looked for from where
        self._ahead = (-1, -1)

    @property
    def step(self) -> int:
        """The step the engine stands at."""
        return self.engine.raw.latest.step

    @property
    def last(self) -> int:
        """The recording's last step."""
        times = self.engine.raw.latest.times
        return 0 if times is None else len(times) - 1

    def forward(self, until: int | None = None) -> Stop:
        """Run to the next step at which a breakpoint stops, at most to the step `until`; all there are for None.

        A strategy that fails ends it, too.
        """
        until = self.last if until is None else min(until, self.last)
        if not self._watched:
            return self._forward(until)
        with self._watch.watching():
            return self._forward(until)

    def _forward(self, until: int) -> Stop:
        engine, block = self.engine, FIRST_BLOCK
        flying = engine.halted is None
        while self.step < until:
            begin = self.step + 1
            # the first step lays the features out
            target = min(until, self._next_foreseen(begin)) if begin else 0
            if self._others:
                target = min(target, self.step + block)
                block = min(2 * block, LONGEST_BLOCK)
            engine.run(target - self.step)
            if self.step < begin:
                break
            stop = self._first(begin, self.step + 1)
            if stop.hits:
                if stop.step < self.step:
                    engine.seek(stop.step)
                    self._world.forget(stop.step)
                return stop
            if self.step < target or (flying and engine.halted is not None):
                break
        return Stop(self.step)

    def _next_foreseen(self, begin: int) -> int:
        """Return the next step from `begin` on at which the recording alone stops the run, or how far none does."""
        since, found = self._ahead
        if since <= begin <= found and since >= 0:
            return found
        # parameters changed by hand farther on change the features there
        changes = (its.step for its in self.engine.inputs if its.what == "set_parameters" and its.step >= begin)
        found = min(changes, default=self.last) + 1
        for first in range(begin, found, SEARCH_BLOCK) if self._foreseen else ():
            end = min(first + SEARCH_BLOCK, found)
            hits = _any_of(self._foreseen, self._world, first, end)
            if hits.any():
                found = first + int(hits.argmax())
                break
        self._ahead = begin, found
        return found

    def _first(self, begin: int, end: int) -> Stop:
        """Return the first step from `begin` up to `end` at which a breakpoint stops, all of which has been run."""
        if self._watched:
            self._watch.catch_up()
        others = _any_of(self._others, self._world, begin, end)
        # a foreseen one is never run past
        last = _any_of(self._foreseen, self._world, end - 1, end)
        if others.any():
            return self._at(begin + int(others.argmax()))
        return self._at(end - 1) if last.any() else Stop(end - 1)

    def _at(self, step: int) -> Stop:
        conditions = (*self._foreseen, *self._others)
        return Stop(step, tuple(its.hit for its in conditions if stops(its.truth, self._world, step, step + 1)[0]))

    def back(self, floor: int = 0) -> Stop:
        """Go back to the last step before this one, from `floor` on, at which a breakpoint stops; stay where there is none."""
        here, end, block = self.step, max(self.step, 0), FIRST_BLOCK
        while end > floor:
            begin = max(end - block, floor)
            block = min(2 * block, SEARCH_BLOCK if not self._watched else LONGEST_BLOCK)
            if self._watched:
                self.engine.seek(begin - 1)
                with self._watch.watching():
                    self.engine.run(end - begin)
                    self._watch.catch_up()
                    stop = self._last(begin, end)
            else:
                stop = self._last(begin, end)
            if stop is not None:
                self.engine.seek(stop.step)
                self._world.forget(stop.step)
                return stop
            end = begin
        if self.step != here:
            self.engine.seek(here)
        return Stop(here)

    def _last(self, begin: int, end: int) -> Stop | None:
        hits = _any_of((*self._foreseen, *self._others), self._world, begin, end)
        return self._at(end - 1 - int(hits[::-1].argmax())) if hits.any() else None


def _any_of(conditions: Sequence[Condition], world: World, begin: int, end: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return at which steps from `begin` up to `end` any of the conditions stops."""
    flags = np.zeros(end - begin, np.bool_)
    for its in conditions:
        flags |= stops(its.truth, world, begin, end)
    return flags


def run_until(engine: Engine, breakpoints: Iterable[Breakpoint], until: int | None = None) -> Stop:
    """Run to the next step at which a breakpoint stops, at most to the step `until`; all there are for None."""
    return Lookout(engine, breakpoints).forward(until)


def run_back(engine: Engine, breakpoints: Iterable[Breakpoint], floor: int = 0) -> Stop:
    """Go back to the last step before this one at which a breakpoint stops: a signal, a fill, a time a condition came true.

    So the previous trade of a coin is `run_back(engine, [Breakpoint("filled", coin=coin)])`. It stays where there is none.
    """
    return Lookout(engine, breakpoints).back(floor)
