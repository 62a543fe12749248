"""Travel: what a deck asks of a replay's time: back, to a step, to a condition, another branch, why."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from engine.breakpoints import Breakpoint, completions
from engine.breakpoints.lookout import Lookout, Stop, conditions_of, names_of, run_back
from engine.errors import TickdeckError, UsageError
from engine.explain import explain
from engine.host.archive import Archive, Note
from engine.host.comparing import report
from engine.host.protocol import (
    AskWhy,
    Bookmark,
    BranchOff,
    BranchRow,
    BreakpointRow,
    CompareBranches,
    Complete,
    Completions,
    Message,
    Param,
    Reload,
    RemoveBranch,
    RenameBranch,
    Reply,
    RunUntil,
    SaveSession,
    Seek,
    SetBookmark,
    SetBreakpoints,
    SetParameters,
    StepBack,
    SwitchBranch,
    TravelCommand,
    Travels,
    WhyReport,
)
from engine.params import coerce_text, parameters, values_of
from engine.strategy.loader import load_strategy

if TYPE_CHECKING:
    from engine.loop import Engine
    from engine.session import Session

SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Travel:
    """Obeys what is asked of a replay's time; its `archive` keeps what belongs to it.

    `moved` is set where fills and signals told before may no longer be what happened.
    """

    def __init__(self, session: Session, engine: Engine, note: Note) -> None:
        self._session = session
        self._engine = engine
        self._note = note
        self.moved = False
        self.archive = Archive(session, engine, note)
        self.stopped_by = ""
        self.goal: RunUntil | None = None
        """The condition that is run to."""
        self._lookout: Lookout | None = None
        self._warned = 0

    # commands

    def obey(self, command: TravelCommand) -> list[Message]:
        """Carry a command out; returns its answers. Where it cannot be, a reply tells why."""
        try:
            return self._obey(command)
        except TickdeckError as error:
            return [Reply(getattr(command, "id", 0), False, str(error))]

    def _obey(self, command: TravelCommand) -> list[Message]:
        match command:
            case StepBack(n=n):
                self.go(max(self.step - max(n, 0), 0))
            case Seek(id=number, to=to):
                self.go(self.target(to))
                return [Reply(number, True, f"at step {self.step:,}")]
            case RunUntil(back=True):
                return [self._run_back(command)]
            case RunUntil():
                self._lookout = Lookout(self._engine, self._wanted(command))
                self.goal, self.stopped_by = command, ""
            case SetBreakpoints(id=number, breakpoints=rows):
                return [self._set_breakpoints(number, rows)]
            case Complete(id=number, text=text, cursor=cursor):
                found = completions(text, cursor, names_of(self._engine))
                return [Completions(number, found.start, list(found.words[:12]))]
            case AskWhy(id=number, step=step):
                why = explain(self._engine, self.step if step < 0 else step)
                # it went elsewhere and came back
                self._lookout = None
                return [WhyReport(number, why.step, why.time, list(why.lines()))]
            case SetBookmark(id=number, step=step, text=text):
                self.archive.bookmarks.pop(step, None)
                if text.strip():
                    self.archive.bookmarks[step] = text.strip()[:200]
                return [Reply(number, True, f"{'a note is kept on' if text.strip() else 'no note any more on'} step {step:,}")]
            case SaveSession(id=number, path=path):
                return [Reply(number, True, f"saved in {self.archive.save(path)}")]
            case SetParameters(id=number, values=values):
                return [Reply(number, True, self._set_parameters(values))]
            case Reload(id=number):
                return [Reply(number, True, self._reload())]
            case _:
                return self._branch(command)
        return []

    @property
    def step(self) -> int:
        """The step it is at."""
        return int(self._engine.raw.latest.step)

    def go(self, step: int) -> None:
        """Go to a step; raises UsageError where there is none."""
        back = step < self.step
        self._engine.seek(step)
        self._forget(moved=back)

    def target(self, to: str) -> int:
        """Return the step that a person's text means; raises UsageError where it means none."""
        text = to.strip().replace(",", "").replace(" ", "T", 1) if to.strip()[:1].isdigit() else to.strip()
        feed = self._session.feed
        last = len(feed.times) - 1
        sign = {"+": 1, "-": -1}.get(text[:1], 0)
        if sign and text[1:].isdecimal():
            return min(max(self.step + sign * int(text[1:]), 0), last)
        if sign and text[1:-1].isdecimal() and text[-1:] in SPANS:
            span = timedelta(**{SPANS[text[-1]]: int(text[1:-1])})
            moment = int(self._engine.raw.latest.time) + sign * int(span.total_seconds()) * 10**9
        else:
            return min(max(int(feed.step_of(text)), 0), last)
        return min(max(int(np.searchsorted(feed.times, moment, side="right")) - 1, 0), last)

    def _wanted(self, command: RunUntil) -> list[Breakpoint]:
        wanted = [Breakpoint(command.text, coin=command.coin)] if command.text else self._enabled
        if not wanted:
            raise UsageError("there is no breakpoint to stop at", hint="set one, or run to a condition")
        return wanted

    def _run_back(self, command: RunUntil) -> Message:
        before = self.step
        stop = run_back(self._engine, self._wanted(command))
        self._forget(moved=stop.step < before)
        if not stop.hits:
            return Reply(command.id, False, "not once before")
        self.stopped_by = _named(stop)
        return Reply(command.id, True, f"step {stop.step:,}: {self.stopped_by}")

    def arrived(self, at_end: bool) -> Message | None:
        """Return what became of the run to a condition that has ended; None where there was none."""
        goal, self.goal = self.goal, None
        if goal is None:
            return None
        self._lookout = None
        if self.stopped_by:
            return Reply(goal.id, True, f"step {self.step:,}: {self.stopped_by}")
        return Reply(goal.id, False, "never from here to the end" if at_end else "stopped before it came true")

    # breakpoints

    @property
    def _enabled(self) -> list[Breakpoint]:
        return [its for its in self.archive.breakpoints if its.enabled]

    def _set_breakpoints(self, number: int, rows: list[BreakpointRow]) -> Message:
        wanted = [Breakpoint(row.text, row.name, row.coin, row.enabled) for row in rows]
        # those that are off are read too: a mistake is told when it is made
        conditions_of([Breakpoint(its.text, its.name, its.coin) for its in wanted], names_of(self._engine))
        self.archive.breakpoints = wanted
        self._lookout = None
        return Reply(number, True, f"{len(self._enabled)} of {len(wanted)} breakpoints are on" if wanted else "no breakpoints")

    def run(self, steps: int) -> bool:
        """Do so many steps, up to the first at which a breakpoint stops; return whether one did."""
        if not self._enabled and self.goal is None:
            self._engine.run(steps)
            self.stopped_by = ""
            return False
        if self._lookout is None:
            self._lookout = Lookout(self._engine, self._enabled if self.goal is None else self._wanted(self.goal))
        edge = self._at_edge
        stop = self._lookout.forward(self.step + steps)
        if edge:
            self._stay()
        self.stopped_by = _named(stop)
        if stop.hits and self.goal is None:
            self._note("info", f"stopped at step {stop.step:,} by {self.stopped_by}")
        return bool(stop.hits)

    @property
    def _at_edge(self) -> bool:
        return bool(self._session.config.replay.memory_mb) and self.step >= self._engine.history.head

    def _stay(self) -> None:
        """Take a stop at the edge for the edge: what a look-out flew beyond it, nobody has seen."""
        if self._session.config.replay.memory_mb and self.step < self._engine.history.head:
            self._engine.history.forget()

    def entered(self) -> None:
        """Know that something was done by hand: what lay ahead is no more."""
        self._lookout = None

    def _forget(self, *, moved: bool) -> None:
        self._lookout = None
        self.stopped_by = ""
        self.moved = self.moved or moved

    # branches

    def _branch(self, command: TravelCommand) -> list[Message]:
        branches = self._engine.history.branches
        match command:
            case BranchOff(id=number, name=name):
                self._engine.branch(name)
                text = f"{branches.now.name} begins here"
            case SwitchBranch(id=number, name=name):
                branches.switch(name)
                self._forget(moved=True)
                text = f"on {name}, at step {self.step:,}"
            case RenameBranch(id=number, old=old, new=new):
                branches.rename(old, new)
                text = f"{old} is {new} now"
            case RemoveBranch(id=number, name=name):
                branches.remove(name)
                text = f"{name} is removed"
            case CompareBranches(id=number, one=one, other=other):
                told = report(number, branches.compare(one, other), self._session)
                self._forget(moved=True)
                return [told]
            case _:
                raise UsageError(f"{type(command).__name__} is no command of a replay's time")
        return [Reply(number, True, text)]

    # what if

    def _set_parameters(self, values: dict[str, str]) -> str:
        known = parameters(type(self._engine.strategy))
        params = {name: coerce_text(text, known[name].type) if name in known else text for name, text in values.items()}
        behind = self.step < self._engine.history.head
        self._engine.set_parameters(**params)
        self.entered()
        told = ", ".join(f"{name} = {text}" for name, text in values.items())
        return f"{told} from the next step on{f', on {self._engine.history.branches.now.name}' if behind else ''}"

    def _reload(self) -> str:
        chosen = self._session.config.strategy
        if chosen is None:
            raise UsageError("there is no strategy to read again", hint="[strategy] use names one")
        before, signals, fills = self._engine.history.branches.now.name, self._signals(), self._fills()
        self._engine.reload(load_strategy(chosen.use, self._session.config.beside))
        self._forget(moved=True)
        now = self._engine.history.branches.now.name
        changes = f"{_changes('signals', signals, self._signals())}; {_changes('fills', fills, self._fills())}"
        return f"{chosen.use} is read again and flown to here on {now}, beside {before}\n{changes}"

    def _signals(self) -> Counter[tuple[object, ...]]:
        return Counter((its.step, its.coin, its.kind) for its in self._session.trade.signals)

    def _fills(self) -> Counter[tuple[object, ...]]:
        account = self._session.trade.account
        return Counter((its.step, its.coin, its.side, its.amount, its.price) for its in account.fills)

    def look(self) -> None:
        """Save what was done by hand since the last look, and tell of what keeps going back from being exact."""
        self.archive.look()
        if self._session.config.replay.memory_mb:
            warnings = self._engine.history.warnings
            for text in warnings[self._warned :]:
                self._note("warning", text)
            self._warned = len(warnings)

    def state(self) -> Travels:
        """Return what there is to know."""
        engine, branches = self._engine, self._engine.history.branches
        strategy = engine.strategy
        values = values_of(strategy)
        return Travels(
            branch=branches.now.name,
            branches=[BranchRow(its.name, its.parent, its.step, its.at, its.head) for its in branches.all],
            breakpoints=[BreakpointRow(its.text, its.name, its.coin, its.enabled) for its in self.archive.breakpoints],
            stopped_by=self.stopped_by,
            bookmarks=[Bookmark(step, text) for step, text in sorted(self.archive.bookmarks.items())],
            inputs=sorted({its.step for its in engine.inputs})[-1000:],
            strategy=type(strategy).__name__ if self._session.config.strategy is not None else "",
            params=[Param(name, its.type_name, str(values[name])) for name, its in parameters(type(strategy)).items()],
            path=self.archive.path,
            unsaved=self.archive.unsaved[0],
            unsaved_path=self.archive.unsaved[1],
        )


def _changes(what: str, before: Counter[tuple[object, ...]], after: Counter[tuple[object, ...]]) -> str:
    """Return how many of something are new and how many are no more."""
    added, removed = (after - before).total(), (before - after).total()
    return f"{what}: {added:,} added, {removed:,} removed" if added or removed else f"{what}: as before"


def _named(stop: Stop) -> str:
    """Return what stopped a run, in words."""
    return "; ".join(f"{hit.coin}: {hit.breakpoint.label}".removeprefix(": ") for hit in stop.hits)
