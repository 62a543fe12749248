"""The tables of two branches held against each other: statistics, and the round trips that only one has."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from engine.host.protocol import BranchReport, TripRow
from tui.session import Session
from tui.text import compact, exact, reading, signed
from tui.widgets.equity import ONE, OTHER
from tui.widgets.lines import Span
from tui.widgets.table import Column, Table


class Stat(NamedTuple):
    """A statistic of both branches."""

    name: str
    one: float
    other: float


class Stats(Table[Stat]):
    """One line a statistic: of one branch, of the other, and by how much the other is more."""

    def __init__(self, report: BranchReport, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names = (report.one, report.other)
        self.rows = [Stat(*row) for row in report.stats]

    def columns(self) -> tuple[Column, ...]:
        """Return the columns, under the branches' names."""
        return (
            Column("name", "statistic", 16, flex=True),
            Column("one", self._names[0], 10, "right"),
            Column("other", self._names[1], 10, "right"),
            Column("more", "difference", 10, "right"),
        )

    COLUMNS: ClassVar[tuple[Column, ...]] = (Column("name", "statistic", 16),)
    EMPTY: ClassVar[tuple[str, ...]] = ("no statistics yet",)

    def key(self, row: Stat) -> object:
        """Return the statistic's name."""
        return row.name

    def cell(self, row: Stat, name: str) -> Span:
        """Return a cell of a statistic's line; what differs stands out."""
        if name == "name":
            return (row.name.replace("_", " "), "" if row.one != row.other else "dim")
        if name == "more":
            more = row.other - row.one
            text = _told(more)
            return (f"+{text}" if more > 0 else text, "strong" if more and more == more else "faint")
        return (_told(row.one if name == "one" else row.other), ONE if name == "one" else OTHER)


def _told(value: float) -> str:
    if abs(value) >= 1e6:
        return compact(value)
    return f"{value:,.0f}" if value.is_integer() else reading(value)


class Trip(NamedTuple):
    """A round trip, and the branch that has it."""

    branch: str
    row: TripRow
    first: bool


class Trips(Table[Trip]):
    """One line a round trip that only one branch has, in the order of time."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("branch", "only on", 10, flex=True),
        Column("coin", "coin", 5),
        Column("entry", "bought at", 10, "right", drop=1),
        Column("exit", "sold at", 10, "right"),
        Column("amount", "amount", 11, "right", drop=3),
        Column("profit", "profit", 10, "right"),
    )
    EMPTY: ClassVar[tuple[str, ...]] = ("both have the same round trips",)

    def __init__(self, session: Session, report: BranchReport, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        trips = [Trip(report.one, row, True) for row in report.only_one]
        trips += [Trip(report.other, row, False) for row in report.only_other]
        self.rows = sorted(trips, key=lambda its: (its.row.exit_step, its.row.entry_step, not its.first))

    def key(self, row: Trip) -> object:
        """Return whose trip it is, and when."""
        return (row.branch, row.row.coin, row.row.entry_step, row.row.exit_step)

    def cell(self, row: Trip, name: str) -> Span:
        """Return a cell of a round trip's line."""
        trip = row.row
        match name:
            case "branch":
                return (row.branch, ONE if row.first else OTHER)
            case "coin":
                return (self.session.label(trip.coin), "")
            case "entry":
                return (f"{trip.entry_step:,}", "dim")
            case "exit":
                return (f"{trip.exit_step:,}", "dim")
            case "amount":
                return (exact(f"{trip.amount:.8f}"), "")
            case _:
                return (signed(trip.profit), "up" if trip.profit > 0 else "down" if trip.profit < 0 else "dim")
