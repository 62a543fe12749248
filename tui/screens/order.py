"""The order form: a ticket typed by hand, judged while it is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from engine.host.protocol import PlaceOrder
from engine.model import OrderType, Side
from tui.session import Session
from tui.text import clean, clean_lines, exact, fixed
from tui.ticket import TYPES, Ticket, Verdict, free_balance, judge
from tui.widgets.choice import Choice

_TYPE_WORDS = {"maker": OrderType.LIMIT_MAKER, **{kind.value: kind for kind in TYPES if kind is not OrderType.LIMIT_MAKER}}

_AT_MARKET = "the next bar's open"


class OrderScreen(ModalScreen[PlaceOrder | None]):
    """Dismissed with the command to place the order, or with None. Facts and verdict follow the market while it is open."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Close", show=False),
        Binding("enter", "place", "Place", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Field before", show=False),
    ]
    AUTO_FOCUS = "#amount"

    def __init__(self, session: Session, side: str, next_id: Callable[[], int]) -> None:
        super().__init__()
        self.session = session
        self._side = side
        self._next_id = next_id
        self._verdict = Verdict()

    def compose(self) -> ComposeResult:
        """Yield the fields, the facts and the verdict."""
        tones = {"buy": "badge-up", "sell": "badge-down"}
        with Vertical(classes="panel"):
            yield Static(Content("Order by hand"), classes="panel--title")
            yield from _row("coin", Choice(tuple(self.session.infos), self.session.coin, id="coin"))
            yield from _row("side", Choice(("buy", "sell"), self._side, tones=tones, id="side"))
            yield from _row("type", Choice(("market", "limit", "maker", "stop"), "market", id="type"))
            yield from _row("amount", Input(id="amount", max_length=42, select_on_focus=False, placeholder="in base units"))
            yield from _row(
                "price", Input(id="price", max_length=42, select_on_focus=False, disabled=True, placeholder=_AT_MARKET)
            )
            yield Static(id="facts", classes="facts")
            yield Static(id="verdict", classes="verdict")
            yield Static(Content("enter places · tab next field · ← → choose · escape closes"), classes="panel--keys")

    def on_mount(self) -> None:
        """Judge once a moment, as the market moves on."""
        self._judge()
        self.set_interval(0.5, self._judge)

    @property
    def ticket(self) -> Ticket:
        """The fields as they are."""
        return Ticket(
            coin=self._choice("coin"),
            side=Side(self._choice("side")),
            type=_TYPE_WORDS[self._choice("type")],
            amount=self.query_one("#amount", Input).value,
            price=self.query_one("#price", Input).value,
        )

    def _choice(self, name: str) -> str:
        return self.query_one(f"#{name}", Choice).value

    def _last(self, coin: str) -> float:
        frame = self.session.frame
        return next((row.price for row in frame.watch if row.coin == coin), 0.0) if frame else 0.0

    @on(Choice.Changed, "#type")
    def _type_changed(self) -> None:
        price = self.query_one("#price", Input)
        ticket = self.ticket
        price.disabled = not ticket.needs_price
        price.placeholder = "" if ticket.needs_price else _AT_MARKET
        if not ticket.needs_price:
            price.value = ""
        last = self._last(ticket.coin)
        if ticket.needs_price and not price.value and last > 0:
            price.value = fixed(last, self.session.decimals(ticket.coin, last)).replace(",", "")

    @on(Choice.Changed, "#coin")
    def _coin_changed(self) -> None:
        self.query_one("#price", Input).value = ""

    @on(Choice.Changed)
    @on(Input.Changed)
    def _changed(self) -> None:
        self._judge()

    def _judge(self) -> None:
        ticket = self.ticket
        info = self.session.infos.get(ticket.coin)
        frame = self.session.frame
        if info is None or frame is None:
            return
        last = self._last(ticket.coin)
        self._verdict = verdict = judge(ticket, info, last, frame.account.balances)
        asset = info.quote if ticket.side is Side.BUY else info.base
        free = exact(format(free_balance(frame.account.balances, asset), "f"))
        price = fixed(last, self.session.decimals(info.coin, last)) if last > 0 else "none yet"
        worth = f"{exact(format(verdict.cost, '.8f'))} {info.quote}" if verdict.cost is not None else "–"
        facts = f"last price  {price} {info.quote}\nfree        {free} {asset}\nestimate    {worth}"
        self.query_one("#facts", Static).update(Content(clean_lines(facts, 100)))
        missing = verdict.wrong.startswith("type ")
        text, tone = (verdict.wrong, "$dim" if missing else "$down") if verdict.wrong else (verdict.warning, "$warn")
        self.query_one("#verdict", Static).update(
            Content(clean(text, 200)).stylize(tone) if text else Content("ready to place").stylize("$up")
        )

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_place()

    def action_place(self) -> None:
        """Send the order, where nothing is wrong with it."""
        self._judge()
        ticket = self.ticket
        if self._verdict.wrong or ticket.coin not in self.session.infos:
            self.app.bell()
            self.query_one("#amount" if "amount" in self._verdict.wrong else "#price", Input).focus()
            return
        price = ticket.price.strip() if ticket.needs_price else None
        stop = ticket.type is OrderType.STOP
        command = PlaceOrder(
            id=self._next_id(),
            coin=ticket.coin,
            side=ticket.side.value,
            type=ticket.type.value,
            amount=ticket.amount.strip(),
            price=None if stop else price,
            stop=price if stop else None,
        )
        self.dismiss(command)


def _row(label: str, field: Choice | Input) -> ComposeResult:
    with Horizontal(classes="row"):
        yield Label(label, classes="label")
        yield field
