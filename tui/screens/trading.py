"""What the deck's keys do where orders are real."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.host.protocol import Arm, Disarm
from tui.screens.arm import ArmScreen

if TYPE_CHECKING:
    from tui.screens.deck import DeckScreen


class TradeKeys:
    """The methods `action_<id>` of the deck for actions that mind real orders."""

    def action_arm(self) -> None:
        """Disarm at once; or arm, after what is at risk has been read."""
        deck = cast("DeckScreen", self)
        hello, frame = deck.session.hello, deck.session.frame
        if hello is None or frame is None:
            return
        if hello.trade is None:
            deck.notify("orders are simulated here: there is nothing to arm", markup=False)
        elif frame.trade is not None and not frame.trade.disarmed:
            deck.send(Disarm(deck.deck_app.next_id()))
        elif frame.halted:
            text = "the strategy is halted, and there is no going on with it: mend it, end the flight (q), start again"
            deck.notify(text, severity="warning", markup=False)
        else:
            deck.app.push_screen(ArmScreen(deck.session, hello, hello.trade, deck.deck_app.next_id), self._arm)

    def _arm(self, command: Arm | None) -> None:
        if command is not None:
            cast("DeckScreen", self).send(command)

    def action_halt(self) -> None:
        """Open the kill switch."""
        cast("DeckScreen", self).deck_app.action_halt()

    def action_journal(self) -> None:
        """Show the journal."""
        deck = cast("DeckScreen", self)
        if deck.session.trade is None:
            deck.notify("orders are simulated here: there is no journal of them", markup=False)
        else:
            deck.show_tab("journal")
