"""The kill switch: one question with two ways, at hand whatever is on the screen."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from engine.host.protocol import Halt
from tui.screens.modal import DeckModal
from tui.session import Session
from tui.text import clean, exact
from tui.widgets.panel import Panel

_NAMED = 4
"""Positions told by name."""


class HaltScreen(DeckModal[Halt | None]):
    """Dismissed with what is to be sent, or with None where things stay as they are."""

    BINDINGS = [
        Binding("h", "answer(False)", "Halt", show=False),
        Binding("f", "answer(True)", "Halt and flatten", show=False),
        Binding("escape,n,q", "dismiss(None)", "Leave", show=False),
        Binding("left,right,up,down", "app.focus_next", "Other button", show=False),
    ]
    AUTO_FOCUS = "#halt"

    def __init__(self, session: Session, next_id: Callable[[], int]) -> None:
        super().__init__()
        self._session = session
        self._next_id = next_id

    def compose(self) -> ComposeResult:
        """Yield what would be halted, and the two ways."""
        with Panel("danger"):
            yield Static(Content("Kill switch"), classes="panel--title")
            yield Static(Content(self._question()), classes="panel--body")
            with Horizontal(classes="panel--buttons"):
                yield Button("Halt (h)", id="halt", variant="error", compact=True)
                yield Button("Halt and flatten (f)", id="flatten", variant="error", compact=True)
                yield Button("Neither (escape)", id="no", compact=True)
            keys = "enter takes the one lit · `tickdeck halt` halts from any shell"
            yield Static(Content(keys), classes="panel--keys")

    def _question(self) -> str:
        session, frame = self._session, self._session.frame
        trade = session.trade
        where = f"{clean(trade.environment, 60)}, account {clean(trade.account, 40)}" if trade is not None else ""
        orders = len(frame.orders) if frame is not None else 0
        held = [its for its in frame.positions if not its.dust] if frame is not None else []
        told = [f"{exact(its.amount)} {session.label(its.coin)}" for its in held[:_NAMED]]
        more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
        return (
            f"{where}\n\n"
            f"Halt: new orders are kept in, and every order from here is canceled ({orders:,} open).\n\n"
            f"Halt and flatten: then what the strategy holds is sold at the market too "
            f"({clean(', '.join(told), 200) or 'nothing now'}{more})."
        )

    def action_answer(self, flatten: bool) -> None:
        """Halt, one way or the other."""
        self.dismiss(Halt(self._next_id(), flatten))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        else:
            self.action_answer(event.button.id == "flatten")
