"""The panel of a screen that lies over the deck: framed in the colour of the mode, with its word in the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Vertical
from textual.content import Content

from tui.modes import style_of, word_of

if TYPE_CHECKING:
    from tui.app import DeckApp


class Panel(Vertical):
    """A frame around what a screen shows; what is flown in cannot be missed, whatever covers the title line."""

    def __init__(self, classes: str = "", mode: str = "") -> None:
        super().__init__(classes=f"panel {classes}")
        self._mode = mode

    def on_mount(self) -> None:
        """Put the mode into the frame."""
        mode = self._mode or cast("DeckApp", self.app).deck.session.mode
        if mode:
            self.border_title = Content(word_of(mode))
            self.add_class(style_of(mode))
