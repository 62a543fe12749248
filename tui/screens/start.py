"""The start-up screen: what the engine is doing until it is ready."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.binding import Binding

from tui.screens.modal import DeckModal
from tui.widgets.lines import Line, Lines
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from tui.app import DeckApp

_FACES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SHOWN = 6


class Preparing(Lines):
    """The last things the host said it is doing; the one under way turns."""

    def __init__(self, progress: Sequence[str]) -> None:
        super().__init__(id="preparing")
        self._progress = progress
        self._turn = 0
        self._timer = None

    def on_mount(self) -> None:
        """Start to turn."""
        self.set_interval(0.125, self._tick)

    def _tick(self) -> None:
        self._turn += 1
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the last lines of progress, the one under way last."""
        done = list(self._progress)[-_SHOWN:] or ["starting the engine"]
        lines: list[Line] = [((" ✓ ", "up"), (text, "dim")) for text in done[:-1]]
        return [*lines, ((f" {_FACES[self._turn % len(_FACES)]} ", "accent"), (done[-1], ""))]


class StartScreen(DeckModal[None]):
    """Lies over the empty deck until the host is ready."""

    BINDINGS = [Binding("q,escape,ctrl+c", "app.quit", "Quit", show=False)]

    def __init__(self, progress: Sequence[str], mode: str = "") -> None:
        super().__init__()
        self._progress = progress
        self._mode = mode

    def on_screen_resume(self) -> None:
        """Go, where the host came while another screen lay over this."""
        if self.is_current and cast("DeckApp", self.app).deck.session.hello is not None:
            self.dismiss()

    def compose(self) -> ComposeResult:
        """Yield the name and the progress under it."""
        with Panel("start", self._mode):
            yield Title()
            yield Preparing(self._progress)


class Title(Lines):
    """The name of the thing."""

    def lines(self, width: int, height: int) -> list[Line]:
        """Return name and purpose."""
        return [((" tickdeck", "accent strong"), ("   a flight deck for crypto strategies", "dim"))]
