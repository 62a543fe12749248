"""Every key of the deck, from the registry of actions."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.actions import ACTIONS, key_names
from tui.screens.modal import DeckModal
from tui.settings import settings_path
from tui.text import clean, fit
from tui.widgets.panel import Panel

_MOUSE = (
    ("a row", "points at it; once more shows its coin"),
    ("a tab", "shows it"),
    ("the chart", "tells the bar under the mouse"),
    ("the bar below", "its buttons work"),
    ("the wheel", "scrolls a list"),
)


class HelpScreen(DeckModal[None]):
    """Lists keys and actions by group; any of its keys closes it, up and down scroll."""

    BINDINGS = [
        Binding("escape,q,question_mark,f1,enter", "dismiss", "Close", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "scroll(12)", "Page down", show=False),
        Binding("pageup", "scroll(-12)", "Page up", show=False),
    ]

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Yield the list and, under it, where keys are changed."""
        with Panel("help"):
            yield Static(Content("Keys"), classes="panel--title")
            with VerticalScroll(classes="panel--scroll", can_focus=False):
                yield Static(self._list(), classes="panel--body")
            yield Static(
                Content(f"escape closes · to change keys: {clean(str(settings_path()), 200)}, table [keys]"),
                classes="panel--keys",
            )

    def _list(self) -> Content:
        parts: list[Content] = []
        group = ""
        for action in ACTIONS:
            if action.group != group:
                group = action.group
                parts.append(Content(("\n" if parts else "") + group + "\n").stylize("bold $accent"))
            keys = "  ".join(key_names(action, self._keymap))
            parts.append(Content(f"  {fit(keys, 14)} "))
            parts.append(Content(fit(action.title, 19)).stylize("bold"))
            parts.append(Content(f" {action.about}\n").stylize("$dim"))
        parts.append(Content("\nMouse\n").stylize("bold $accent"))
        for what, does in _MOUSE:
            parts += [Content(f"  {fit(what, 14)} "), Content(f"{does}\n").stylize("$dim")]
        return Content("").join(parts)

    def action_scroll(self, rows: int) -> None:
        """Scroll the list."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)
