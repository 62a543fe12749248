"""The branches as a tree: futures of one replay, to switch to, rename, remove and compare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.host.protocol import (
    BranchOff,
    BranchReport,
    BranchRow,
    CompareBranches,
    RemoveBranch,
    RenameBranch,
    SwitchBranch,
    TravelCommand,
)
from tui.screens.ask import AskScreen
from tui.screens.modal import DeckModal
from tui.text import clean
from tui.travel import Answer
from tui.widgets.lines import Span
from tui.widgets.panel import Panel
from tui.widgets.table import Column, Table

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen


class Leaf(NamedTuple):
    """A branch, how it hangs in the tree, and whether it is the one that is flown."""

    row: BranchRow
    tree: str
    now: bool


def tree_of(rows: list[BranchRow], now: str) -> list[Leaf]:
    """Return the branches, children under their parents, with the strokes of the tree."""
    leaves: list[Leaf] = []

    def add(row: BranchRow, tree: str, below: str) -> None:
        leaves.append(Leaf(row, tree, row.name == now))
        children = [its for its in rows if its.parent == row.name and its is not row]
        for n, child in enumerate(children):
            last = n == len(children) - 1
            add(child, below + ("└ " if last else "├ "), below + ("  " if last else "│ "))

    for row in rows:
        if not row.parent:
            add(row, "", "")
    return leaves


class Tree(Table[Leaf]):
    """One line a branch."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("now", "", 1),
        Column("name", "branch", 16, flex=True),
        Column("step", "parts at", 10, "right", drop=1),
        Column("at", "stands at", 10, "right"),
        Column("head", "flown to", 10, "right", drop=2),
    )

    def key(self, row: Leaf) -> object:
        """Return the branch's name."""
        return row.row.name

    def cell(self, row: Leaf, name: str) -> Span:
        """Return a cell of a branch's line."""
        its = row.row
        match name:
            case "now":
                return ("●" if row.now else "", "accent strong")
            case "name":
                return (row.tree + its.name, "strong" if row.now else "")
            case "step":
                return ("" if not its.parent else f"{its.step:,}" if its.step >= 0 else "the start", "dim")
            case "at":
                return (f"{its.at + 1:,}", "")
            case _:
                return (f"{its.head + 1:,}", "dim")


class NameScreen(AskScreen):
    """Asks for a branch's name: another for `old`, or that of a new one where `old` is ""."""

    AUTO_FOCUS = "#name"

    def __init__(self, deck: DeckScreen, old: str) -> None:
        super().__init__(deck)
        self._old = old

    def heading(self) -> str:
        """Return what is named."""
        return f"Rename {clean(self._old, 60)}" if self._old else "A new branch from here"

    def form(self) -> Iterator[tuple[str, Widget]]:
        """Yield the name."""
        yield "name", Input(self._old, id="name", max_length=40, placeholder="" if self._old else "its number, if left empty")

    def command(self, number: int) -> TravelCommand | None:
        """Return the branch's new name, or the new branch."""
        name = self.text_of("name")
        return RenameBranch(number, self._old, name) if self._old else BranchOff(number, name)


class BranchesScreen(DeckModal[BranchReport | None]):
    """Dismissed with the report of a comparison, or with None; every change holds at once."""

    BINDINGS = [
        Binding("escape,q,T", "dismiss(None)", "Close", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("enter", "switch", "Fly it", show=False),
        Binding("n,plus", "add", "New", show=False),
        Binding("r,e", "rename", "Rename", show=False),
        Binding("delete,d", "remove", "Remove", show=False),
        Binding("c", "compare", "Compare", show=False),
    ]
    AUTO_FOCUS = "#tree"

    def __init__(self, deck: DeckScreen) -> None:
        super().__init__()
        self.deck = deck

    def compose(self) -> ComposeResult:
        """Yield the tree and its keys."""
        with Panel("list"):
            yield Static(Content("Branches"), classes="panel--title")
            yield Tree(id="tree")
            keys = "enter flies · c compares with ● · n new · r renames · d removes · escape closes"
            yield Static(Content(keys), classes="panel--keys")

    def on_mount(self) -> None:
        """Show the tree, and point at the branch that is flown."""
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.follow()
        tree = self.query_one(Tree)
        tree.point(next((n for n, leaf in enumerate(tree.rows) if leaf.now), 0))

    def follow(self) -> None:
        """Show the branches anew."""
        travels = self.deck.session.travels
        if travels is not None:
            self.query_one(Tree).show(tree_of(travels.branches, travels.branch))

    def action_move(self, by: int) -> None:
        """Point at another."""
        self.query_one(Tree).move(by)

    def _ask(self, command: TravelCommand) -> None:
        self.deck.ask(command, self.deck.toast)

    @property
    def _number(self) -> int:
        return self.deck.deck_app.next_id()

    @property
    def _pointed(self) -> Leaf | None:
        return self.query_one(Tree).current

    def action_switch(self) -> None:
        """Fly the branch pointed at."""
        leaf = self._pointed
        if leaf is not None and not leaf.now:
            self._ask(SwitchBranch(self._number, leaf.row.name))
        self.dismiss(None)

    def action_add(self) -> None:
        """Begin another future here."""
        self.app.push_screen(NameScreen(self.deck, ""))

    def action_rename(self) -> None:
        """Give the branch pointed at another name."""
        leaf = self._pointed
        if leaf is not None:
            self.app.push_screen(NameScreen(self.deck, leaf.row.name))

    def action_remove(self) -> None:
        """Forget the branch pointed at; the engine says where that cannot be."""
        leaf = self._pointed
        if leaf is not None:
            self._ask(RemoveBranch(self._number, leaf.row.name))

    def action_compare(self) -> None:
        """Hold the branch pointed at against the one flown; where that is the same, the one it parts from against it."""
        leaf, travels = self._pointed, self.deck.session.travels
        if leaf is None or travels is None:
            return
        one, other = (leaf.row.parent, leaf.row.name) if leaf.now else (travels.branch, leaf.row.name)
        if not one:
            self.deck.notify("point at another branch to compare it with this one", markup=False)
            return
        self.deck.ask(CompareBranches(self._number, one, other), self._compared)

    def _compared(self, answer: Answer) -> None:
        if isinstance(answer, BranchReport) and self.is_attached:
            self.dismiss(answer)
        else:
            self.deck.toast(answer)

    @on(Table.Chosen)
    def _chosen(self) -> None:
        self.action_switch()
