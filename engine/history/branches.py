"""Branches: the futures of one replay, each an input log that parts from another's at a step; kept, switched and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.analysis.books import Books
from engine.analysis.statistics import statistics
from engine.analysis.trips import RoundTrip
from engine.errors import UsageError
from engine.history.inputs import Input
from engine.history.world import Mark, World

if TYPE_CHECKING:
    from engine.history.history import History


@dataclass
class Branch:
    """A future by its name: its parent, the step after which it parts, its input log, where it was left, how far it went.

    The first has no parent and parts at -1. `world` has the strategy it is flown with, `start` is its beginning.
    """

    name: str
    parent: str
    step: int
    world: World
    start: Mark
    inputs: list[Input] = field(default_factory=list)
    at: int = -1
    head: int = -1


class Account(NamedTuple):
    """What one branch came to by a step: its equity at each step, its fills as exact numbers, its trades and statistics."""

    equity: npt.NDArray[np.float64]
    fills: list[tuple[int, ...]]
    trades: list[RoundTrip]
    stats: dict[str, float]


class Comparison(NamedTuple):
    """Two branches side by side up to a step: `parts` is the first step at which they differ, -1 where they do not.

    `only` are the round trips that one has and the other has not, `stats` each statistic of both.
    """

    names: tuple[str, str]
    until: int
    equity: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    parts: int
    only: tuple[list[RoundTrip], list[RoundTrip]]
    stats: dict[str, tuple[float, float]]


class Branches:
    """The branches of one history, the first named main; `now` is the one that is flown."""

    def __init__(self, history: History, start: Mark) -> None:
        self._history = history
        self.now = Branch("main", "", -1, history.world, start)
        self._all = {"main": self.now}

    @property
    def all(self) -> tuple[Branch, ...]:
        """All of them, parents before children."""
        self._store()
        return tuple(self._all.values())

    def part(self, name: str = "") -> Branch:
        """Begin another future here; what lay ahead stays on the branch it was on. Raises UsageError for a name taken."""
        self._store()
        branch = self._born(name, self.now.world, self.now.start, self._history.now)
        self._history.forget()
        return branch

    def _born(self, name: str, world: World, start: Mark, step: int) -> Branch:
        name = name.strip() or next(its for n in count(1) if (its := f"branch {n}") not in self._all)
        if name in self._all:
            raise UsageError(f"there is a branch {name!r} already", hint=f"there are {', '.join(self._all)}")
        self.now = self._all[name] = Branch(name, self.now.name, step, world, start)
        return self.now

    def add(self, name: str, parent: str, step: int, inputs: list[Input], at: int, head: int) -> None:
        """Add one that was saved."""
        self._all[name] = Branch(name, parent, step, self.now.world, self.now.start, inputs, at, head)

    def rename(self, old: str, new: str) -> None:
        """Give a branch another name."""
        branch = self._get(old)
        if not new.strip() or (new in self._all and new != old):
            raise UsageError(f"{new!r} cannot name a branch", hint=f"there are {', '.join(self._all)}")
        for its in self._all.values():
            its.parent = new if its.parent == old else its.parent
        branch.name = new
        self._all = {its.name: its for its in self._all.values()}

    def remove(self, name: str) -> None:
        """Forget a branch that is not flown; its children part from its parent."""
        branch = self._get(name)
        if branch is self.now or not branch.parent:
            raise UsageError(f"the branch {name!r} cannot be removed", hint="switch to another first; the first one stays")
        del self._all[name]
        for its in self._all.values():
            if its.parent == name:
                its.parent, its.step = branch.parent, min(its.step, branch.step)

    def switch(self, name: str, step: int | None = None) -> None:
        """Fly another branch, at a step or where it was left: from where the two part, everything is done again."""
        branch, history = self._get(name), self._history
        self._store()
        if branch is not self.now:
            if branch.world is self.now.world:
                history.rejoin(branch.inputs)
            else:
                history.restart(branch.world, branch.start, branch.inputs)
            self.now = branch
        history.seek(branch.at if step is None else step)

    def reload(self, world: World, start: Mark, name: str = "") -> Branch:
        """Begin the replay again in another world, up to where it is now, with the same inputs: a branch from the beginning."""
        history = self._history
        self._store()
        inputs = history.inputs[: history.applied]
        at = history.now
        branch = self._born(name, world, start, start.step)
        history.restart(world, start, inputs)
        history.seek(at)
        return branch

    def compare(self, one: str, other: str, until: int | None = None) -> Comparison:
        """Fly two branches to a step, by default as far as the longer one went, and tell what differs; come back after."""
        back, at = self.now.name, self._history.now
        both = self._get(one), self._get(other)
        self._store()
        end = max(its.head for its in both) if until is None else until
        try:
            a, b = (self._account(its.name, end) for its in both)
        finally:
            self.switch(back, at)
        return Comparison(
            (one, other),
            end,
            (a.equity, b.equity),
            _parting(a, b),
            ([trip for trip in a.trades if trip not in b.trades], [trip for trip in b.trades if trip not in a.trades]),
            {name: (value, b.stats[name]) for name, value in a.stats.items()},
        )

    def _account(self, name: str, end: int) -> Account:
        self.switch(name, end)
        exchange = self.now.world.trade.exchange
        books = Books(self.now.world.trade.account, self.now.world.feed.times[: end + 1])
        fills = [tuple(row) for row in exchange.fills[: exchange.n_fills].tolist()]
        return Account(books.equity, fills, books.trips, statistics(books))

    def _store(self) -> None:
        """Note of the branch that is flown where it is."""
        history = self._history
        self.now.inputs, self.now.at, self.now.head = list(history.inputs), history.now, history.head

    def _get(self, name: str) -> Branch:
        try:
            return self._all[name]
        except KeyError:
            raise UsageError(f"there is no branch {name!r}", hint=f"there are {', '.join(self._all)}") from None


def _parting(one: Account, other: Account) -> int:
    """Return the first step at which two accounts differ in a fill or in worth, -1 where they do not."""
    differ = np.flatnonzero(one.equity != other.equity)
    steps = [int(differ[0])] if len(differ) else []
    for mine, its in zip(one.fills, other.fills, strict=False):
        if mine != its:
            steps.append(min(mine[1], its[1]))
            break
    else:
        longer = max(one.fills, other.fills, key=len)
        if len(one.fills) != len(other.fills):
            steps.append(longer[min(len(one.fills), len(other.fills))][1])
    return min(steps, default=-1)
