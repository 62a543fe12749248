"""The base of every screen that lies over the deck."""

from __future__ import annotations

from typing import TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

from tui.actions import BY_ID

Answer = TypeVar("Answer")


class DeckModal(ModalScreen[Answer]):
    """A screen over the deck, from which the kill switch is at hand as well."""

    BINDINGS = [Binding(BY_ID["halt"].keys, "app.halt", "Halt", show=False, id="halt")]

    def follow(self) -> None:
        """Show anew what is known of a replay's time, where the screen shows any of it."""
