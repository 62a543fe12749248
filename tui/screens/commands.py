"""What the deck's keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.command import CommandPalette

from engine.host.protocol import (
    SPEEDS,
    CancelAll,
    CancelOrder,
    Command,
    ExternalRow,
    HandCommand,
    OrderRow,
    Pause,
    Play,
    RunToEnd,
    SetSpeed,
    Step,
)
from engine.model import OrderStatus, Side
from tui.mailbox import HostLost
from tui.screens.change import ChangeScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.order import OrderScreen
from tui.theme import THEMES
from tui.ticket import Ticket

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen

MOST_DIGITS = 6


class DeckKeys:
    """The methods `action_<id>` of the deck, one for each of the registry's actions."""

    def _deck(self) -> DeckScreen:
        return cast("DeckScreen", self)

    def send(self, command: Command) -> bool:
        """Send a command, or say that there is no engine for it."""
        deck = self._deck()
        if deck.deck_app.send(command):
            return True
        deck.notify("there is no engine to ask: r restarts it", severity="error", markup=False)
        return False

    # Time

    def _move_time(self, command: Command) -> bool:
        """Send what moves time, where it can be moved."""
        deck = self._deck()
        if deck.session.live:
            deck.notify("live prices come as they come; time moves on a replay", markup=False)
            return False
        return self.send(command)

    def on_key(self, event: events.Key) -> None:
        """Collect the digits of a number of bars to step."""
        deck = self._deck()
        digit = event.character or ""
        if digit.isdecimal() and digit.isascii() and (deck.count or digit != "0"):
            event.stop()
            deck.count = (deck.count + digit)[-MOST_DIGITS:]
            deck.show_transport()

    def _step(self, bars: int) -> None:
        deck = self._deck()
        count, deck.count = int(deck.count or bars), ""
        deck.show_transport()
        if deck.session.frame is not None and deck.session.frame.at_end:
            deck.notify("this is the end of the recording", markup=False)
            return
        self._move_time(Step(count))

    def action_step(self) -> None:
        """Step one bar, or as many as typed."""
        self._step(1)

    def action_step_ten(self) -> None:
        """Step ten bars, or as many as typed."""
        self._step(10)

    def action_step_hundred(self) -> None:
        """Step a hundred bars, or as many as typed."""
        self._step(100)

    def action_play(self) -> None:
        """Let time run, or stop it."""
        deck = self._deck()
        frame = deck.session.frame
        if frame is not None and frame.at_end:
            deck.notify("this is the end of the recording", markup=False)
        elif frame is not None:
            self._move_time(Pause() if frame.playing else Play())

    def action_end(self) -> None:
        """Run to the end as fast as it goes."""
        self._move_time(RunToEnd())

    def action_faster(self) -> None:
        """Take the next higher speed."""
        self._change_speed(1)

    def action_slower(self) -> None:
        """Take the next lower speed."""
        self._change_speed(-1)

    def _change_speed(self, by: int) -> None:
        deck = self._deck()
        if deck.session.frame is None:
            return
        speed = deck.speed if deck.speed is not None else deck.session.frame.speed
        ladder = sorted(SPEEDS, key=_ladder)
        if by > 0:
            new = next((s for s in ladder if _ladder(s) > _ladder(speed)), ladder[-1])
        else:
            new = next((s for s in reversed(ladder) if _ladder(s) < _ladder(speed)), ladder[0])
        if self._move_time(SetSpeed(new)):
            deck.speed = new

    # Orders

    def action_buy(self) -> None:
        """Open the order form to buy."""
        self._order("buy")

    def action_sell(self) -> None:
        """Open the order form to sell."""
        self._order("sell")

    def _order(self, side: str) -> None:
        deck = self._deck()
        if deck.session.hello is None or deck.session.frame is None:
            return
        ticket = Ticket(deck.session.coin, Side(side), "market", "")
        deck.app.push_screen(OrderScreen(deck.session, ticket, deck.deck_app.next_id), self._placed)

    def _placed(self, command: HandCommand | None) -> None:
        if command is not None:
            self.send(command)

    def _pointed(self) -> OrderRow | None:
        """Return the order pointed at, in sight; where there is none, show the orders or say so."""
        deck = self._deck()
        order = deck.orders.current
        if order is None:
            text = "point at an order first: o, then up and down" if deck.orders.rows else "there is no open order"
            deck.notify(text, severity="warning", markup=False)
        elif "orders" not in deck.board.plan.regions:
            deck.show_tab("orders")
            return None
        if isinstance(order, ExternalRow):
            deck.notify("this order is not from here: it is left alone", severity="warning", markup=False)
            return None
        return order

    def action_change(self) -> None:
        """Open the form on the order pointed at."""
        deck = self._deck()
        order = self._pointed()
        if order is not None and order.change:
            deck.app.push_screen(ChangeScreen(deck.session, order, deck.deck_app.next_id), self._placed)
        elif order is not None:
            why = (
                "it waits for its entry"
                if order.status == OrderStatus.PENDING
                else "it is one of a pair"
                if order.pair is not None
                else "it is a market order"
            )
            deck.notify(f"#{order.id} cannot be changed: {why}; c cancels it", severity="warning", markup=False)

    def action_cancel(self) -> None:
        """Cancel the order pointed at."""
        order = self._pointed()
        if order is not None:
            self.send(CancelOrder(self._deck().deck_app.next_id(), order.id))

    def action_cancel_all(self) -> None:
        """Cancel every open order, after asking."""
        deck = self._deck()
        count = deck.orders.open
        if not count:
            deck.notify("there is no open order", severity="warning", markup=False)
            return
        what = "the open order" if count == 1 else f"all {count:,} open orders"
        question = ConfirmScreen("Cancel all", f"Cancel {what}, of every coin?", "cancel them")
        deck.app.push_screen(question, self._cancel_all)

    def _cancel_all(self, yes: bool | None) -> None:
        if yes:
            self.send(CancelAll(self._deck().deck_app.next_id()))

    # Lists

    def _move(self, by: int, *, pages: bool = False) -> None:
        deck = self._deck()
        table = deck.tables.get((deck.focused.id or "") if deck.focused else "", deck.watchlist)
        table.move(by * (max(1, table.size.height - 2) if pages else 1))

    def action_up(self) -> None:
        """Move a row up in the list that has the keys."""
        self._move(-1)

    def action_down(self) -> None:
        """Move a row down in the list that has the keys."""
        self._move(1)

    def action_page_up(self) -> None:
        """Move a page up."""
        self._move(-1, pages=True)

    def action_page_down(self) -> None:
        """Move a page down."""
        self._move(1, pages=True)

    def action_choose(self) -> None:
        """Show the coin of the row pointed at on the chart; a fill, signal or order of a replay goes to its step as well."""
        deck = self._deck()
        table = deck.tables.get((deck.focused.id or "") if deck.focused else "")
        row = table.current if table is not None else None
        if deck.explain_row(row):
            return
        coin = getattr(row, "coin", "")
        if coin in deck.session.infos:
            deck.watch_coin(coin)

    def action_next_coin(self) -> None:
        """Show the next coin."""
        self._turn(1)

    def action_previous_coin(self) -> None:
        """Show the coin before."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        deck = self._deck()
        coins = list(deck.session.infos)
        if coins:
            deck.watch_coin(coins[(coins.index(deck.session.coin) + by) % len(coins)])

    # Panels

    def action_watch(self) -> None:
        """Give the keys to the watchlist and forget a typed number."""
        deck = self._deck()
        deck.count = ""
        deck.show_transport()
        if "watch" in deck.board.plan.regions:
            deck.watchlist.focus()

    def action_orders(self) -> None:
        """Show the open orders."""
        self._deck().show_tab("orders")

    def action_fills(self) -> None:
        """Show the fills."""
        self._deck().show_tab("fills")

    def action_signals(self) -> None:
        """Show the signals at full width."""
        self._deck().show_tab("signals")

    def action_features(self) -> None:
        """Show the features."""
        self._deck().show_tab("features")

    def action_positions(self) -> None:
        """Show positions and account."""
        self._deck().show_tab("positions")

    def action_log(self) -> None:
        """Show the log."""
        self._deck().show_tab("log")

    # Deck

    def action_help(self) -> None:
        """Show every key."""
        deck = self._deck()
        deck.app.push_screen(HelpScreen(deck.deck_app.settings.keys))

    def action_palette(self) -> None:
        """Open the command palette."""
        self._deck().app.push_screen(CommandPalette())

    def action_download(self) -> None:
        """Open the form that downloads a recording."""
        self._deck().deck_app.download()

    def action_theme(self) -> None:
        """Take the next theme."""
        app = self._deck().app
        names = [theme.name for theme in THEMES]
        app.theme = names[(names.index(app.theme) + 1) % len(names)] if app.theme in names else names[0]

    def action_switch(self) -> None:
        """Choose another mode to fly in."""
        self._deck().deck_app.switch()

    def action_restart(self) -> None:
        """Start the engine again after it has gone, or where it does not answer."""
        deck = self._deck()
        if isinstance(deck.gone, HostLost) or (deck.stale and deck.session.trade is not None):
            deck.notify("its supervisor starts another engine where this one does not come back", markup=False)
        elif deck.gone or deck.stale:
            deck.deck_app.restart()
        else:
            deck.notify("the engine is running", markup=False)

    async def action_quit(self) -> None:
        """End the engine and leave."""
        await self._deck().app.action_quit()


def _ladder(speed: float) -> float:
    return float("inf") if speed <= 0 else speed
