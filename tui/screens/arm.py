"""Arming: the last thing to read before real orders go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from engine.host.protocol import Arm, Hello, TradeInfo
from tui.modes import MODES, ON_LOST
from tui.screens.modal import DeckModal
from tui.session import Session
from tui.text import clean, exact
from tui.widgets.facts import Fact, Facts
from tui.widgets.panel import Panel

_LIMIT = "risk: "


class ArmScreen(DeckModal[Arm | None]):
    """Dismissed with the command to arm, or with None; where the mode asks for it, the amount at risk must be typed first."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Leave", show=False),
        Binding("pagedown", "scroll(6)", "Page down", show=False),
        Binding("pageup", "scroll(-6)", "Page up", show=False),
    ]

    AUTO_FOCUS = "#typed, #no"

    def __init__(self, session: Session, hello: Hello, trade: TradeInfo, next_id: Callable[[], int]) -> None:
        super().__init__()
        self._session = session
        self._hello = hello
        self._trade = trade
        self._next_id = next_id

    def compose(self) -> ComposeResult:
        """Yield what is armed, what is risked, and what is asked."""
        trade = self._trade
        with Panel("danger"):
            yield Static(Content("Arm: let orders out"), classes="panel--title")
            with VerticalScroll(classes="panel--scroll", can_focus=False):
                yield Facts(self._facts())
            if trade.typed:
                with Grid(classes="form"):
                    yield Label("at risk")
                    yield Input(id="typed", placeholder="type the amount that stands above")
            yield Static("", id="verdict", classes="verdict short")
            with Horizontal(classes="panel--buttons"):
                yield Button("Arm (enter)" if trade.typed else "Arm (y)", id="yes", variant="error", compact=True)
                yield Button("No (escape)", id="no", compact=True)

    def _facts(self) -> Iterator[Fact]:
        hello, trade, frame = self._hello, self._trade, self._session.frame
        about = f": {MODES[hello.mode].about}" if hello.mode in MODES else ""
        yield Fact("orders go to", f"{trade.environment}{about}", "strong")
        yield Fact("account", trade.account)
        yield Fact("coins", ", ".join(its.coin for its in hello.coins))
        yield Fact("strategy", " ".join([hello.strategy, *(f"{its.name}={its.value}" for its in hello.params)]))
        yield Fact("at risk", f"{self._amount} at most" if trade.at_risk else "no limit: all that the account has", "strong")
        for rule in hello.fill_rules:
            if rule.startswith(_LIMIT):
                yield Fact("limit", rule.removeprefix(_LIMIT))
        yield Fact("without deck", str(ON_LOST.get(trade.on_ui_lost, trade.on_ui_lost)))
        if frame is not None and frame.trade is not None and frame.trade.disarmed:
            yield Fact("disarmed", frame.trade.disarmed)
        for warning in trade.warnings:
            yield Fact("warning", warning, "warn")

    @property
    def _amount(self) -> str:
        return f"{exact(self._trade.at_risk)} {clean(self._hello.currency, 20)}"

    def _typed(self) -> str:
        return self.query_one("#typed", Input).value.strip() if self._trade.typed else ""

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_arm()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.action_arm()
        else:
            self.dismiss(None)

    def key_y(self, event: events.Key) -> None:
        """Arm, where nothing has to be typed; the deck under it is not to take the key as well."""
        if not self._trade.typed:
            event.stop()
            self.action_arm()

    def action_arm(self) -> None:
        """Arm, where the amount at risk is what was typed."""
        typed = self._typed()
        if self._trade.typed and not _same(typed, self._trade.at_risk, self._hello.currency):
            what = f"{clean(typed, 40)} is not the amount at risk" if typed else "type the amount at risk"
            self.query_one("#verdict", Static).update(Content(f"{what}: {self._amount}").stylize("$down"))
            self.app.bell()
            self.query_one("#typed").focus()
            return
        self.dismiss(Arm(self._next_id(), _number(typed, self._hello.currency) if typed else ""))

    def action_scroll(self, rows: int) -> None:
        """Scroll what there is to read."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)


def _number(typed: str, currency: str) -> str:
    """Return an amount without its thousands' commas and its currency."""
    return typed.replace(",", "").removesuffix(currency).strip()


def _same(typed: str, amount: str, currency: str) -> bool:
    try:
        return Decimal(_number(typed, currency)) == Decimal(amount)
    except InvalidOperation:
        return False
