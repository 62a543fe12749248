"""History: marks of the world along a replay, and how to get from any step to any other by way of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING

from engine import seam
from engine.errors import StrategyError, UsageError
from engine.history.branches import Branches
from engine.history.inputs import Input
from engine.history.world import Mark, World
from engine.params import values_of

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
        # what the strategy began with, for another that takes its place
        self.values = values_of(world.strategy)
        self.rng = deepcopy(world.strategy.rng)
        self._far = (self.now, 0)
        start = world.mark(0, engine.halted)
        self._add(start)
        self.branches = Branches(self, start)

    @property
    def _apart(self) -> float:
        """Seconds of work between two marks, so that they take their share of the run and no more."""
        return max(self._spacing, self._cost / SHARE)

    @property
    def size(self) -> int:
        """Bytes the marks take, about."""
        return self._size

    @property
    def marks(self) -> int:
        """How many marks there are."""
        return len(self._marks)

    @property
    def inputs(self) -> list[Input]:
        """The input log of the branch that is flown; of it, `applied` have been done."""
        return self._engine.inputs

    @property
    def now(self) -> int:
        """The step it is at."""
        return self.world.feed.latest.step

    @property
    def head(self) -> int:
        """The farthest step flown on this branch."""
        return self._far[0]

    @property
    def _is_farthest(self) -> bool:
        return (self.now, self.applied) >= self._far

    # going

    def run(self, steps: int | None) -> int:
        """Do up to this many steps, all there are for None, and return how many were done; inputs logged are done again."""
        engine, begin, last = self._engine, self.now, len(self.world.feed) - 1
        end = last if steps is None else min(begin + max(steps, 0), last)
        flying = engine.halted is None
        while (step := self.now) < end and (engine.halted is None or not flying):
            following = self._following(step)
            stop = min(end, step + self._piece, end if following is None else following.step, self._next_input(end))
            began = self._clock()
            try:
                engine.fly(stop - step)
            finally:
                self._far = max(self._far, (self.now, self.applied))
            took, done = self._clock() - began, self.now - step
            if done == self._piece:
                self._piece = max(1, min(int(done * self._apart / max(took, 1e-9)), 2 * done, LONGEST))
            self._work += took
            if following is not None and following.step == self.now:
                self._pass(following)
            elif self._work >= self._apart:
                self._mark()
            self._repeat_inputs()
        return self.now - begin

    def seek(self, step: int) -> None:
        """Go to a step, back or ahead, the inputs logged done on the way. Raises UsageError where there is no such step."""
        first, last = self._steps[0], len(self.world.feed) - 1
        if not first <= step <= last:
            raise UsageError(f"there is no step {step}", hint=f"this replay goes from step {first} to {last}")
        mark = self._marks[bisect_right(self._steps, step) - 1]
        if not mark.step <= self.now <= step:
            self._go(mark)
        while self.now < step:
            self.run(step - self.now)

    def _go(self, mark: Mark, keep: bool = True) -> None:
        if keep and self._is_farthest:
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
            self._go(mark, keep=False)
        elif not self.world.is_at(mark):
            self._warn(
                f"{type(self.world.strategy).__name__} does not repeat itself: step {mark.step} came out otherwise than before",
                "`tickdeck verify` tells what differs; use self.rng, self.time and attributes of the strategy alone",
            )
            self._drop_marks(self.now - 1)
            self._mark()

    def _following(self, step: int) -> Mark | None:
        n = bisect_right(self._steps, step)
        return self._marks[n] if n < len(self._marks) else None

    # inputs

    def _next_input(self, end: int) -> int:
        inputs = self.inputs
        return max(inputs[self.applied].step, self.now + 1) if self.applied < len(inputs) else end

    def _repeat_inputs(self) -> None:
        """Do again what was done by hand at this step and is not done yet."""
        inputs, step = self.inputs, self.now
        if self.applied == len(inputs) or inputs[self.applied].step != step:
            return
        while self.applied < len(inputs) and inputs[self.applied].step == step:
            if problem := self._engine.repeat(inputs[self.applied]):
                self._warn(f"step {step}: {inputs[self.applied].what} by hand cannot be done again: {problem}", "")
            self.applied += 1
        self._far = max(self._far, (step, self.applied))
        self._mark()

    def entered(self, done: Input) -> None:
        """Log what has just been done by hand; behind the farthest step it begins a branch."""
        if not self._is_farthest or self.applied < len(self.inputs):
            self.branches.part()
        self.inputs.append(done)
        self.applied += 1
        self._far = (self.now, self.applied)
        self._mark()

    # futures

    def forget(self) -> None:
        """Forget everything after now: inputs and marks."""
        del self.inputs[self.applied :]
        self._drop_marks(self.now)

    def rejoin(self, inputs: list[Input]) -> None:
        """Take another input log, and go to where it does not differ from the present one yet."""
        same = next((n for n, (a, b) in enumerate(zip(self.inputs, inputs, strict=False)) if a != b), None)
        if same is None:
            same = min(len(self.inputs), len(inputs))
        parts = min((log[same].step for log in (self.inputs, inputs) if same < len(log)), default=None)
        if parts is not None:
            while (mark := self._marks[-1]).step > parts or mark.inputs > same:
                self._drop_last()
            self.inputs[:] = inputs
            self._go(mark)
            self._drop_marks(self.now)
        self.inputs[:] = inputs

    def restart(self, world: World, start: Mark, inputs: list[Input]) -> None:
        """Begin again, in this world."""
        self.world = self._engine.begin_again(world)
        self._marks, self._steps, self._size, self.applied = [], [], 0, 0
        self.inputs.clear()
        world.go(start)
        self._engine.halted = start.halted
        self._drop_marks(start.step)
        self._add(start)
        self.inputs[:] = inputs
        self._repeat_inputs()

    def _drop_marks(self, step: int) -> None:
        """Drop the marks after a step, and what the world came to: this is the farthest."""
        while self._steps and self._steps[-1] > step:
            self._drop_last()
        self._far = (self.now, self.applied)
        self.world.cut()

    def _drop_last(self) -> None:
        self._steps.pop()
        self._size -= self._marks.pop().size

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
            f"{self.now}; keeping it takes more than a tenth of the run, so going back will be slow",
            f'self.record(coin, "{name}", value) is for histories; transient = ("{name}",) leaves out what is no state',
        )

    def _warn(self, message: str, hint: str) -> None:
        text = f"{message}\n{hint}" if hint else message
        if text not in self.warnings:
            self.warnings.append(text)
