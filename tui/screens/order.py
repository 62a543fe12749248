"""The order form: a ticket typed by hand, judged while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from engine.host.protocol import BalanceRow, CoinInfo, HandCommand
from engine.model import Side, TimeInForce
from tui.screens.modal import DeckModal
from tui.session import Session
from tui.text import clean, clean_lines, exact, fixed
from tui.ticket import KINDS, Ticket, as_percent, basis_points
from tui.verdict import Verdict, free_balance, judge
from tui.widgets.choice import Choice
from tui.widgets.panel import Panel

_TYPED = {
    "amount": ("amount", "in base units"),
    "stop": ("trigger", ""),
    "trail": ("trail", "1.5% or 150 basis points"),
    "then": ("then limit", "none: at the market"),
    "price": ("price", ""),
    "stop_loss": ("stop loss", "none"),
    "exit_trail": ("or trailing", "none: 1.5% or 150 basis points"),
    "take_profit": ("take profit", "none"),
}
"""Label and placeholder of the fields that are typed, in their order; the time in force goes before the exits."""
_PRICES = ("stop", "then", "price", "stop_loss", "take_profit")


class OrderScreen(DeckModal[HandCommand | None]):
    """Dismissed with the command to place the order, or with None. Facts and verdict follow the market while it is open."""

    BINDINGS = [
        Binding("escape", "dismiss(None)", "Close", show=False),
        Binding("enter", "place", "Place", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Field before", show=False),
    ]
    AUTO_FOCUS = "#amount"
    TITLE = "Order by hand"
    KEYS = "enter places · tab next field · ← → choose · escape closes"

    def __init__(self, session: Session, ticket: Ticket, next_id: Callable[[], int]) -> None:
        super().__init__()
        self.session = session
        self.opened = ticket
        self._next_id = next_id
        self._verdict = Verdict()

    def compose(self) -> ComposeResult:
        """Yield the fields, the facts and the verdict."""
        with Panel():
            yield Static(Content(self.TITLE), classes="panel--title")
            with Grid(classes="form"):
                for name, label, field in self.form():
                    yield Label(label, id=f"{name}-label")
                    yield field
            yield Static(id="facts", classes="facts")
            yield Static(id="verdict", classes="verdict")
            yield Static(Content(self.KEYS), classes="panel--keys")

    def form(self) -> Iterator[tuple[str, str, Widget]]:
        """Yield the fields from top to bottom: name, label and widget."""
        ticket = self.opened
        tones = {"buy": "badge-up", "sell": "badge-down"}
        yield "coin", "coin", Choice(tuple(self.session.infos), ticket.coin, id="coin")
        yield "side", "side", Choice(("buy", "sell"), ticket.side.value, tones=tones, id="side")
        yield "type", "type", Choice(tuple(KINDS), ticket.kind, rows=2, id="type")
        for name in _TYPED:
            if name == "stop_loss":
                yield "tif", "in force", Choice(tuple(its.value for its in TimeInForce), ticket.tif, id="tif")
            yield self.typed(name)

    def typed(self, name: str) -> tuple[str, str, Widget]:
        """Return the name, label and widget of a field that is typed."""
        label, placeholder = _TYPED[name]
        text = getattr(self.opened, name)
        return name, label, Input(text, id=name, max_length=42, placeholder=placeholder)

    def on_mount(self) -> None:
        """Judge once a moment, as the market moves on."""
        self._changed()
        self.set_interval(0.5, self._judge)

    @property
    def ticket(self) -> Ticket:
        """The fields as they are."""
        typed = {name: self._text(name) for name in _TYPED}
        side, kind = Side(self._choice("side")), self._choice("type")
        return Ticket(coin=self._choice("coin"), side=side, kind=kind, tif=self._choice("tif"), **typed)

    def fields(self, ticket: Ticket) -> tuple[str, ...]:
        """Return the fields that apply beside coin, side, type and amount."""
        return ticket.fields

    def verdict(self, ticket: Ticket, info: CoinInfo, last: float, balances: list[BalanceRow]) -> Verdict:
        """Return what there is to say of the ticket."""
        return judge(ticket, info, last, balances)

    def command(self, ticket: Ticket) -> HandCommand | None:
        """Return what the ticket comes to."""
        return ticket.command(self._next_id())

    def outcome(self, ticket: Ticket) -> str:
        """Return what will become of the order, for the facts."""
        return ""

    def ready(self, ticket: Ticket) -> str:
        """Return what is said of an order that can be placed: whose it will be."""
        flown = self.session.hello.strategy if self.session.hello is not None else ""
        frame = self.session.frame
        behind = frame is not None and self.session.head > frame.step
        ready = "ready, on a new branch: steps lie ahead" if behind else "ready"
        return f"{ready}; {clean(flown, 30)} may sell what is bought" if flown and ticket.side is Side.BUY else ready

    def _choice(self, name: str) -> str:
        return self.query_one(f"#{name}", Choice).value

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value

    def _last(self, coin: str) -> float:
        frame = self.session.frame
        return next((row.price for row in frame.watch if row.coin == coin), 0.0) if frame else 0.0

    @on(Choice.Changed, "#type")
    def _type_changed(self) -> None:
        """Begin the prices it needs with the market's."""
        ticket = self.ticket
        last = self._last(ticket.coin)
        for name in ("price", "stop") if last > 0 else ():
            field = self.query_one(f"#{name}", Input)
            if name in KINDS[ticket.kind].fields and not field.value and not (ticket.kind == "oco" and name == "stop"):
                field.value = fixed(last, self.session.decimals(ticket.coin, last)).replace(",", "")

    @on(Choice.Changed, "#coin")
    def _coin_changed(self) -> None:
        for name in _PRICES:
            self.query_one(f"#{name}", Input).value = ""
        self._type_changed()

    @on(Choice.Changed)
    @on(Input.Changed)
    def _changed(self) -> None:
        shown = "coin", "side", "type", "amount", *self.fields(self.ticket)
        for field in self.query_one(Grid).children:
            field.display = (field.id or "").removesuffix("-label") in shown
        self._judge()

    def _judge(self) -> None:
        ticket = self.ticket
        info = self.session.infos.get(ticket.coin)
        frame = self.session.frame
        if info is None or frame is None:
            return
        last, balances = self._last(ticket.coin), frame.account.balances
        self._verdict = verdict = self.verdict(ticket, info, last, balances)
        asset = info.quote if ticket.side is Side.BUY else info.base
        free = exact(format(free_balance(balances, asset), "f"))
        price = fixed(last, self.session.decimals(info.coin, last)) if last > 0 else "none yet"
        worth = f"{exact(format(verdict.cost, '.8f'))} {info.quote}" if verdict.cost is not None else "–"
        trails = [basis_points(getattr(ticket, name)) for name in ("trail", "exit_trail") if name in self.fields(ticket)]
        worth += "".join(f", trailing by {as_percent(bps)}" for bps in trails if bps)
        facts = f"last price   {price} {info.quote}\nfree         {free} {asset}\nestimate     {worth}"
        if outcome := self.outcome(ticket):
            facts += f"\nthis         {'–' if verdict.wrong else outcome}"
        self.query_one("#facts", Static).update(Content(clean_lines(facts, 100)))
        missing = verdict.wrong.startswith("type ")
        text, tone = (verdict.wrong, "$dim" if missing else "$down") if verdict.wrong else (verdict.warning, "$warn")
        self.query_one("#verdict", Static).update(
            Content(clean(text, 200)).stylize(tone) if text else Content(self.ready(ticket)).stylize("$up")
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
            self.query_one(f"#{self._verdict.field}").focus()
            return
        self.dismiss(self.command(ticket))
