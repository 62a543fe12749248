"""History: marks of the world along a replay, and how to get from any step to any other by way of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine import seam
from engine.errors import StrategyError, UsageError
from engine.history.inputs import Input
from engine.history.world import Mark, World

if TYPE_CHECKING:
    from engine.loop import Engine

MEMORY = 256 * 2**20
"""Bytes of marks kept at most."""
SPACING_S = 0.0006
"""Seconds of work between two marks."""
SHARE = 0.08
"""Of the run's time, at most so much goes into marks."""
HEAVY = 1 << 16
"""Bytes of a strategy's own state above which it is looked at which attribute takes them."""
LONGEST = 1 << 16


class History:
    """The marks of one engine's replay. `seek` goes anywhere; `warnings` tell what keeps it from being exact or quick.

    Marks lie as far apart as it takes SPACING_S to run; where they would take more than `memory` bytes, every other is dropped
    and they lie twice as far apart from then on. A mark follows every input, and is never dropped.
    """

    def __init__(self, engine: Engine, world: World, memory: int, clock: Callable[[], float] = seam.stopwatch) -> None:
        self.world = world
        self.warnings: list[str] = []
        self.applied = 0
        self._engine = engine
        self._memory = memory
        self._clock = clock
        self._marks: list[Mark] = []
        self._steps: list[int] = []
        self._size = 0
        self._spacing = SPACING_S
        self._piece = 64
        self._work = 0.0
        self._cost = 0.0
        self._blamed: set[str] = set()
        self.head = self._now
        self._add(world.mark(0, engine.halted))

    @property
    def _apart(self) -> float:
        """Seconds of work between two marks, so that they take their share of the run and no more."""
        return max(self._spacing, self._cost / SHARE)

    @property
    def _now(self) -> int:
        return self.world.feed.latest.step

    @property
    def size(self) -> int:
        """Bytes the marks take, about."""
        return self._size

    @property
    def marks(self) -> int:
        """How many marks there are."""
        return len(self._marks)

    # going

    def run(self, steps: int | None) -> int:
        """Do up to this many steps, all there are for None, and return how many were done; inputs logged are done again."""
        engine, begin, last = self._engine, self._now, len(self.world.feed) - 1
        end = last if steps is None else min(begin + max(steps, 0), last)
        flying = engine.halted is None
        while (step := self._now) < end:
            following = self._following(step)
            stop = min(end, step + self._piece, end if following is None else following.step, self._next_input(end))
            began = self._clock()
            engine.fly(stop - step)
            took = self._clock() - began
            done = self._now - step
            if done == self._piece:
                self._piece = max(1, min(int(done * self._apart / max(took, 1e-9)), 2 * done, LONGEST))
            self._work += took
            if following is not None and following.step == self._now:
                self._pass(following)
            elif self._work >= self._apart:
                self._mark()
            self.head = max(self.head, self._now)
            self._repeat_inputs()
            if flying and engine.halted is not None:
                break
        return self._now - begin

    def seek(self, step: int) -> None:
        """Go to a step, back or ahead, the inputs logged done on the way. Raises UsageError where there is no such step."""
        first, last = self._steps[0], len(self.world.feed) - 1
        if not first <= step <= last:
            raise UsageError(f"there is no step {step}", hint=f"this replay goes from step {first} to {last}")
        if step == self._now:
            return
        mark = self._marks[bisect_right(self._steps, step) - 1]
        if not mark.step <= self._now < step:
            self._go(mark)
        while self._now < step:
            self.run(step - self._now)

    def _go(self, mark: Mark) -> None:
        if self._now == self.head:
            self.world.keep()
        self.world.go(mark)
        self._engine.halted = mark.halted
        self.applied = mark.inputs
        self._work = 0.0
        self._repeat_inputs()

    def _pass(self, mark: Mark) -> None:
        """Come by a mark of before: the world must be what it was then."""
        self._work = 0.0
        if mark.inputs > self.applied:
            # what was done by hand there is in the mark
            self._go(mark)
        elif not self.world.is_at(mark):
            self._warn(
                f"{type(self.world.strategy).__name__} does not repeat itself: step {mark.step} came out otherwise than before",
                "`tickdeck verify` tells what differs; use self.rng, self.time and attributes of the strategy alone",
            )
            self.forget()

    def _following(self, step: int) -> Mark | None:
        n = bisect_right(self._steps, step)
        return self._marks[n] if n < len(self._marks) else None

    # inputs

    def _next_input(self, end: int) -> int:
        inputs = self._engine.inputs
        return max(inputs[self.applied].step, self._now + 1) if self.applied < len(inputs) else end

    def _repeat_inputs(self) -> None:
        """Do again what was done by hand at this step and is not done yet."""
        inputs, step = self._engine.inputs, self._now
        if self.applied == len(inputs) or inputs[self.applied].step != step:
            return
        while self.applied < len(inputs) and inputs[self.applied].step == step:
            if problem := self._engine.repeat(inputs[self.applied]):
                self._warn(f"step {step}: {inputs[self.applied].what} by hand cannot be done again: {problem}", "")
            self.applied += 1
        self._mark()

    def entered(self, done: Input) -> None:
        """Log what has just been done by hand; behind the farthest step it begins another future."""
        if self._now < self.head or self.applied < len(self._engine.inputs):
            self.forget()
        self._engine.inputs.append(done)
        self.applied += 1
        self._mark()

    def forget(self) -> None:
        """Forget everything after now: inputs and marks."""
        n = bisect_right(self._steps, self._now)
        self._size -= sum(mark.size for mark in self._marks[n:])
        del self._marks[n:], self._steps[n:]
        del self._engine.inputs[self.applied :]
        self.head = self._now
        self.world.cut()

    # marks

    def _mark(self) -> None:
        began = self._clock()
        try:
            mark = self.world.mark(self.applied, self._engine.halted)
        except StrategyError as error:
            # going back goes by the marks of before, and forward from there
            self._warn(error.message, error.hint)
            self._work = 0.0
            return
        self._add(mark)
        self._work = 0.0
        # up slowly and down at once: a machine that is busy elsewhere makes single ones long
        took = self._clock() - began
        self._cost = min(took, 1.25 * self._cost) if self._cost else took
        if len(mark.frozen) > HEAVY and self._cost > SHARE * SPACING_S:
            self._blame()

    def _add(self, mark: Mark) -> None:
        n = bisect_right(self._steps, mark.step)
        self._marks.insert(n, mark)
        self._steps.insert(n, mark.step)
        self._size += mark.size
        while self._size > self._memory and len(self._marks) > 8:
            before = len(self._marks)
            self._thin()
            if len(self._marks) == before:
                break

    def _thin(self) -> None:
        """Drop every other mark, but for those that follow an input."""
        marks = self._marks
        kept = [mark for n, mark in enumerate(marks) if n % 2 == 0 or mark.inputs != marks[n - 1].inputs]
        self._marks, self._steps = kept, [mark.step for mark in kept]
        self._size = sum(mark.size for mark in kept)
        self._spacing *= 2

    def _blame(self) -> None:
        """Name the attribute that takes so long to keep."""
        sizes = self.world.freezer.sizes()
        name = max(sizes, key=sizes.__getitem__)
        if name in self._blamed:
            return
        self._blamed.add(name)
        self._warn(
            f"the attribute {name!r} of {type(self.world.strategy).__name__} has grown to {sizes[name]:,} bytes by step "
            f"{self._now}; keeping it takes more than a tenth of the run, so going back will be slow",
            f'self.record(coin, "{name}", value) is for histories; transient = ("{name}",) leaves out what is no state',
        )

    def _warn(self, message: str, hint: str) -> None:
        text = f"{message}\n{hint}" if hint else message
        if text not in self.warnings:
            self.warnings.append(text)
