"""The question before a flight with real orders is left: to fly on, or to end."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from engine.host.protocol import Frame, TradeInfo
from engine.model import OrderStatus
from tui.modes import ON_LOST, Policy
from tui.screens.modal import DeckModal
from tui.text import clean_lines
from tui.widgets.panel import Panel

UNKNOWN = Policy("the flight goes on", "orders are treated as the config's on_ui_lost says")


class LeaveScreen(DeckModal[str]):
    """Dismissed with "leave", "end", or "" where the deck stays."""

    BINDINGS = [
        Binding("l", "dismiss('leave')", "Leave it flying", show=False),
        Binding("e", "dismiss('end')", "End it", show=False),
        Binding("escape,n,q", "dismiss('')", "Stay", show=False),
        Binding("left,right,up,down", "app.focus_next", "Other button", show=False),
    ]
    AUTO_FOCUS = "#stay"

    def __init__(self, trade: TradeInfo | None, frame: Frame | None, then: str = "") -> None:
        super().__init__()
        self._trade = trade
        self._frame = frame
        self._then = then

    @property
    def body(self) -> str:
        """The two ways, and what becomes of orders on each."""
        lost = self._trade.on_ui_lost if self._trade is not None else ""
        policy = ON_LOST.get(lost, UNKNOWN)
        said = f'The config says on_ui_lost = "{lost}".' if lost else ""
        frame = self._frame
        orders = sum(order.status != OrderStatus.PENDING for order in frame.orders) if frame is not None else 0
        count = f"{orders:,} {'order is' if orders == 1 else 'orders are'} open. " if orders else ""
        disarmed = frame is not None and frame.trade is not None and frame.trade.disarmed
        held = frame is not None and any(not its.dust for its in frame.positions)
        on = f"it stays disarmed; {policy.orders}" if disarmed else f"{policy.trading} without a deck; {policy.orders}"
        if disarmed and not orders and not held:
            on = "it is disarmed, with no order and nothing to sell, so it ends by itself half a minute later"
        return (
            f"{count}{said}\n\n"
            f"Leave it flying: {on}. `tickdeck attach` comes back to it.\n\n"
            f"End it: the engine ends; {policy.orders}."
        ).strip()

    def compose(self) -> ComposeResult:
        """Yield the question and its answers."""
        with Panel("warn"):
            yield Static(Content(f"Leave the flight{self._then}"), classes="panel--title")
            yield Static(Content(clean_lines(self.body)), classes="panel--body")
            with Horizontal(classes="panel--buttons"):
                yield Button("Leave it flying (l)", id="leave", variant="primary", compact=True)
                yield Button("End it (e)", id="end", variant="error", compact=True)
                yield Button("Stay (escape)", id="stay", compact=True)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss("" if event.button.id == "stay" else event.button.id or "")
