"""The panel for an error: what went wrong, where, and what to do about it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from engine.host.protocol import Failure
from tui.screens.modal import DeckModal
from tui.text import clean, clean_lines
from tui.widgets.panel import Panel


class ErrorScreen(DeckModal[str]):
    """Shows a failure; dismissed with "restart", "download" or "quit", or with "" where one can go on without what failed."""

    BINDINGS = [
        Binding("r", "leave('restart')", "Restart", show=False),
        Binding("d,D", "leave('download')", "Download", show=False),
        Binding("q,ctrl+c", "leave('quit')", "Quit", show=False),
        Binding("escape,enter,space", "close", "Close", show=False),
    ]

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure

    def compose(self) -> ComposeResult:
        """Yield title, message, hint and the keys that lead on."""
        failure = self.failure
        keys = "r tries again · q quits" if failure.fatal else "escape closes · the deck stays"
        with Panel("error"):
            yield Static(Content(clean(failure.title, 120)), classes="panel--title")
            with VerticalScroll(classes="panel--scroll"):
                yield Static(Content(clean_lines(failure.message)), classes="panel--body")
                if failure.hint:
                    yield Static(Content(clean_lines(failure.hint)), classes="panel--hint")
            if failure.wanted is not None:
                with Horizontal(classes="panel--buttons"):
                    yield Button("Download it (d)", id="download", variant="primary", compact=True)
            yield Static(Content(keys), classes="panel--keys")

    @on(Button.Pressed)
    def _pressed(self) -> None:
        self.action_leave("download")

    def action_leave(self, way: str) -> None:
        """Leave towards a restart, a download or the way out; a failure that is not fatal needs none."""
        if way == "quit" or (self.failure.fatal and (way != "download" or self.failure.wanted is not None)):
            self.dismiss(way)

    def action_close(self) -> None:
        """Go on, where that is possible."""
        if not self.failure.fatal:
            self.dismiss("")
