"""The choice of a mode, with what the config makes of it before anything happens."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from tui.mailbox import HostSpec
from tui.modes import MODES, SIMULATED, style_of, word_of
from tui.screens.modal import DeckModal
from tui.switching import Prospect, look_ahead
from tui.text import clean_lines
from tui.widgets.choice import Choice
from tui.widgets.facts import Fact, Facts
from tui.widgets.panel import Panel


class ModesScreen(DeckModal[tuple[str, HostSpec] | None]):
    """Dismissed with the mode and what is to be flown in it, or with None; what the config does not allow cannot be taken."""

    BINDINGS = [
        Binding("enter", "fly", "Fly", show=False),
        Binding("escape", "dismiss(None)", "Leave", show=False),
    ]
    AUTO_FOCUS = "#mode"

    def __init__(self, flown: str, ends: str, spec_for: Callable[[str], HostSpec]) -> None:
        super().__init__()
        self._flown = flown
        self._ends = ends
        self._spec_for = spec_for
        self._spec: HostSpec | None = None
        self._modes = tuple(mode for mode in MODES if mode != flown)

    def compose(self) -> ComposeResult:
        """Yield the modes, what each would be, and the way there."""
        tones = {mode: style_of(mode) for mode in self._modes}
        with Panel("modes"):
            yield Static(Content("Fly in another mode"), classes="panel--title")
            yield Choice(self._modes, self._modes[0], tones=tones, id="mode")
            with VerticalScroll(classes="panel--scroll", can_focus=False):
                yield Static(id="about", classes="panel--body")
                yield Facts()
                yield Static(id="said", classes="panel--body")
            with Horizontal(classes="panel--buttons"):
                yield Button("Fly (enter)", id="fly", variant="primary", compact=True)
                yield Button("Stay (escape)", id="stay", compact=True)
            yield Static(Content("← → or a first letter choose"), classes="panel--keys")

    def on_mount(self) -> None:
        """Look at the first of them."""
        self._look()

    @on(Choice.Changed, "#mode")
    def _look(self) -> None:
        self._spec = None
        self.query_one("#fly", Button).disabled = True
        mode = self.query_one("#mode", Choice).value
        self._tell(mode, Prospect([Fact("config", "reading it")]))
        self.run_worker(self._read(mode), exclusive=True)

    async def _read(self, mode: str) -> None:
        spec = self._spec_for(mode)
        prospect = await to_thread(look_ahead, mode, spec)
        self._tell(mode, prospect)
        if not prospect.wrong:
            self._spec = spec
            self.query_one("#fly", Button).disabled = False

    def _tell(self, mode: str, prospect: Prospect) -> None:
        about = Content(f"\n{word_of(mode)}").stylize("bold") + Content(f"  {MODES[mode].about}\n")
        self.query_one("#about", Static).update(about)
        self.query_one(Facts).show(prospect.facts)
        if prospect.wrong:
            said = Content("the config does not allow it\n").stylize("bold $down") + Content(clean_lines(prospect.wrong, 300))
        else:
            armed = "" if mode in SIMULATED else "\nTrading starts disarmed: A arms it, when you have seen how it fares."
            said = Content(f"\n{self._ends}{armed}")
        self.query_one("#said", Static).update(said)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "fly":
            self.action_fly()
        else:
            self.dismiss(None)

    def action_fly(self) -> None:
        """Take the mode, once the config has been read and allows it."""
        if self._spec is None:
            self.app.bell()
            return
        self.dismiss((self.query_one("#mode", Choice).value, self._spec))
