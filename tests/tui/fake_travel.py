"""A made-up market whose time can be travelled in: back, to conditions of a few words, on branches that differ in fills."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from fake_world import MINUTE, START, World

from engine.host import protocol as p

WORDS = ("close", "closed", "equity", "fast", "filled", "lost", "signal", "slow")
EVENTS = {"filled": 35, "signal": 24, "closed": 70, "lost": 140, "won": 140}


@dataclass
class Future:
    """A branch: what it parts from, after which step, where it was left, how far it went, its parameters."""

    name: str
    parent: str
    step: int
    at: int
    head: int
    params: dict[str, str]


class TravelWorld(World):
    """The same market with a past that can be gone back in."""

    def __init__(self, **given: Any) -> None:
        self.now = Future("main", "", -1, 0, 0, {"fast": "50", "slow": "200", "size": "0.99"})
        super().__init__(**given)
        self.futures = [self.now]
        self.now.head = self.done
        self.breakpoints: list[p.BreakpointRow] = []
        self.notes: dict[int, str] = {}
        self.inputs: list[int] = []
        self.stopped_by = self.path = self.unsaved = ""
        self._all = (self.fills, self.signals)
        self._told: p.Travels | None = None
        self.broken = False

    def step(self, n: int = 1) -> None:
        """Move time by n bars, back where that is less than none."""
        self.done = max(1, self.done + n)
        self.stopped_by = ""
        super().step(0)
        self._follow()

    def _follow(self) -> None:
        self.now.at, self.now.head = self.done - 1, max(self.now.head, self.done)
        fills, signals = self._all
        happened = [row for row in fills if row.step < self.done]
        if self.now.parent:
            happened = [row for row in happened if row.step <= self.now.step or row.n % 3 != 2]
        self.fills = happened
        self.signals = [row for row in signals if row.step < self.done]

    def frame(self) -> p.Frame:
        """Return the world at the cursor, and how far its branch was flown."""
        self._follow()
        return msgspec.structs.replace(super().frame(), head=self.now.head - 1)

    def travels(self) -> p.Travels:
        """Return what is known of time."""
        kinds = {"fast": "int", "slow": "int", "size": "float"}
        return p.Travels(
            branch=self.now.name,
            branches=[p.BranchRow(its.name, its.parent, its.step, its.at, its.head - 1) for its in self.futures],
            breakpoints=list(self.breakpoints), stopped_by=self.stopped_by,
            bookmarks=[p.Bookmark(step, text) for step, text in sorted(self.notes.items())],
            inputs=list(self.inputs), strategy="SmaCross",
            params=[p.Param(name, kinds[name], value) for name, value in self.now.params.items()],
            path=self.path, unsaved=self.unsaved, unsaved_path="/left.toml" if self.unsaved else "",
        )  # fmt: skip

    def news(self) -> list[p.Report]:
        """Return what is known of time, where it has changed."""
        self._follow()
        told, self._told = self._told, self.travels()
        return [] if told == self._told else [self._told]

    def obey(self, command: p.Command) -> list[p.Report]:
        """Carry a command out; what moves back is told as such, and what is then so after it."""
        before, branch = self.done, self.now.name
        answers = self._travel(command)
        if answers is None:
            return super().obey(command)
        self.received.append(command)
        self._follow()
        if self.done < before or self.now.name != branch or isinstance(command, p.CompareBranches | p.Reload):
            answers = [p.Rewound(), *answers, p.Events(list(self.fills), list(self.signals), [])]
        return answers

    def _travel(self, command: p.Command) -> list[p.Report] | None:
        match command:
            case p.StepBack(n=n):
                self.playing = False
                self.step(-n)
                return []
            case p.Seek(id=number, to=to):
                return [self._seek(number, to)]
            case p.RunUntil():
                return [self._run(command)]
            case p.SetBreakpoints(id=number, breakpoints=rows):
                for row in rows:
                    if wrong := self._wrong(row.text):
                        return [p.Reply(number, False, wrong)]
                self.breakpoints = rows
                return [p.Reply(number, True, f"{len(rows)} breakpoints")]
            case p.Complete(id=number, text=text, cursor=cursor):
                start = cursor
                while start and text[start - 1].isalnum():
                    start -= 1
                begun = text[start:cursor]
                return [p.Completions(number, start, [word for word in WORDS if word.startswith(begun) and word != begun])]
            case p.AskWhy(id=number):
                return [self._why(number)]
            case p.SetBookmark(id=number, step=step, text=text):
                self.notes.pop(step, None)
                if text:
                    self.notes[step] = text
                return [p.Reply(number, True, f"a note on step {step:,}")]
            case p.SaveSession(id=number, path=path):
                if "nowhere" in path:
                    return [p.Reply(number, False, "there is no folder /nowhere\nmake it, or name another")]
                self.path = path
                return [p.Reply(number, True, f"saved in {path}")]
        return self._what_if(command)

    def _what_if(self, command: p.Command) -> list[p.Report] | None:
        match command:
            case p.SetParameters(id=number, values=values):
                for name, value in values.items():
                    if not value.replace(".", "").isdigit():
                        return [p.Reply(number, False, f"{value!r} is not a value of type {name}")]
                if self.done < self.now.head:
                    self._part("")
                self.now.params = {**self.now.params, **values}
                self.inputs.append(self.done - 1)
                return [p.Reply(number, True, f"set on {self.now.name}")]
            case p.Reload(id=number):
                if self.broken:
                    return [p.Reply(number, False, "sma.py, line 41: '(' was never closed")]
                self._part("")
                told = f"sma.py is read again and flown to here on {self.now.name}, beside main\nsignals: 2 added, 1 removed"
                return [p.Reply(number, True, told)]
            case p.BranchOff(id=number, name=name):
                self._part(name)
                return [p.Reply(number, True, f"{self.now.name} begins here")]
            case p.SwitchBranch(id=number, name=name):
                self.now = next(its for its in self.futures if its.name == name)
                self.done = self.now.at + 1
                return [p.Reply(number, True, f"on {name}, at step {self.done - 1:,}")]
            case p.RenameBranch(id=number, old=old, new=new):
                if not new or any(its.name == new for its in self.futures):
                    return [p.Reply(number, False, f"{new!r} cannot name a branch")]
                for its in self.futures:
                    its.name = new if its.name == old else its.name
                    its.parent = new if its.parent == old else its.parent
                return [p.Reply(number, True, f"{old} is {new} now")]
            case p.RemoveBranch(id=number, name=name):
                if name in ("main", self.now.name):
                    return [p.Reply(number, False, f"the branch {name!r} cannot be removed\nswitch to another first")]
                self.futures = [its for its in self.futures if its.name != name]
                return [p.Reply(number, True, f"{name} is removed")]
            case p.CompareBranches():
                return [self._compare(command)]
        return None

    def _part(self, name: str) -> None:
        name = name or f"branch {len(self.futures)}"
        self.now = Future(name, self.now.name, self.done - 1, self.done - 1, self.done, dict(self.now.params))
        self.futures.append(self.now)

    def _seek(self, number: int, to: str) -> p.Reply:
        if to.isdigit():
            self.step(min(int(to) + 1, self.steps) - self.done)
        elif to[:1] in "+-" and to[1:].isdigit():
            self.step(int(to))
        else:
            try:
                moment = int(datetime.fromisoformat(f"{to}+00:00").timestamp()) * 10**9
            except ValueError:
                return p.Reply(number, False, f"{to!r} is neither a step nor a time\nwrite 5000, or +100 bars")
            times = self.tapes[self.coin].time
            self.step(max(n for n, time in enumerate(times) if time + MINUTE <= moment or not n) + 1 - self.done)
        return p.Reply(number, True, f"at step {self.done - 1:,}")

    def _wrong(self, text: str) -> str:
        for word in text.replace("(", " ").replace(",", " ").split():
            if word.isalpha() and word not in (*WORDS, *EVENTS, "and"):
                return f"column {text.index(word) + 1}: there is no {word!r} (did you mean 'close'?)"
        return ""

    def _run(self, command: p.RunUntil) -> p.Reply:
        if wrong := self._wrong(command.text):
            return p.Reply(command.id, False, wrong)
        every = EVENTS.get(command.text, 100)
        step = (self.done - 1) // every * every if command.back else (self.done // every + 1) * every
        if not 1 <= step <= self.steps:
            return p.Reply(command.id, False, "not once before" if command.back else "never from here to the end")
        self.step(step - self.done)
        self.stopped_by = f"{command.coin or 'BTCUSDT'}: {command.text or 'a breakpoint'}"
        return p.Reply(command.id, True, f"step {self.done - 1:,}: {self.stopped_by}")

    def _why(self, number: int) -> p.WhyReport:
        step = self.done - 1
        bars = self.tapes["BTCUSDT"]
        close = bars.close[step]
        lines = [
            f"step {step:,}, SmaCross",
            "market",
            f"  BTCUSDT  o {bars.open[step]}  h {bars.high[step]}  l {bars.low[step]}  c {close}  v {bars.volume[step]}",
            "read",
            f"  BTCUSDT fast  {close - 12:,.2f}  (a bar before {close - 15:,.2f})",
            f"  BTCUSDT slow  {close - 40:,.2f}  (a bar before {close - 41:,.2f})",
            "  BTCUSDT position  0  (a bar before 0)",
            "signals",
            "  BTCUSDT buy: fast above slow",
            "    order #41",
            "orders",
            "  #41 BTCUSDT buy market 0.09399: placed",
            "    by the strategy: fast above slow; it can act on the next event at the earliest",
            "  #42 BTCUSDT buy limit 0.05 at 104,100: open",
            "    its price was not reached: the bar's low of 104,544.10 is 444.10 (0.43 %) above it",
            "account",
            "  equity  10,400.12 → 10,412.55 USDT",
            "  cash    499.10318274 USDT",
        ]
        return p.WhyReport(number, step, START + self.done * MINUTE, lines)

    def _compare(self, command: p.CompareBranches) -> p.BranchReport:
        until = max(its.head for its in self.futures) - 1
        parts = next(its.step for its in self.futures if its.name == command.other) + 40 if command.other != "main" else 440
        steps = list(range(0, until + 1, max(1, (until + 1) // 300)))
        one = [10_000 + 300 * math.sin(n / 90) + n / 5 for n in steps]
        other = [value if n < parts else value + (n - parts) * 0.6 for value, n in zip(one, steps, strict=True)]
        trips = [p.TripRow("BTCUSDT", 455 + n, 490 + n, 0.09399, 104_000.5, 104_200.25, 18.77 - n / 2) for n in (0, 70)]
        stats = [("return_pct", 4.13, 6.02), ("sharpe", 1.21, 1.48), ("trades", 7.0, 5.0), ("max_drawdown_pct", 2.5, 2.5)]
        return p.BranchReport(
            id=command.id, one=command.one, other=command.other, until=until, parts=parts,
            times=[START + (n + 1) * MINUTE for n in steps], equity_one=one, equity_other=other,
            only_one=trips, only_other=[p.TripRow("ETHUSDT", 460, 520, 1.5, 2_500.0, 2_490.0, -15.2)], stats=stats,
        )  # fmt: skip
