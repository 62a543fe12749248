"""The download form: what of the exchange's history is to become a recording, and how far that is."""

from __future__ import annotations

import re
from datetime import date

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Label, Static
from textual.worker import Worker

from engine.errors import DownloadError, UsageError
from engine.host.protocol import Wanted
from engine.model import INTERVALS
from tui.downloading import Far, Wish, download, parse_day
from tui.screens.modal import DeckModal
from tui.text import clean, clean_lines
from tui.widgets.choice import Choice
from tui.widgets.panel import Panel

_COIN = re.compile(r"[A-Z0-9]{2,20}([/_-][A-Z0-9]{2,12})?", re.ASCII)
_BAR = 30


class DownloadScreen(DeckModal[str | None]):
    """Downloads; dismissed with the folder of the recording there is now, or with None. Escape stops a download first."""

    BINDINGS = [
        Binding("escape", "leave", "Close", show=False),
        Binding("enter", "start", "Download", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Field before", show=False),
    ]

    def __init__(self, wanted: Wanted | None, today: date) -> None:
        super().__init__()
        self._wanted = wanted or Wanted("", [])
        self._today = today
        self._far: Far | None = None
        self._work: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Yield the fields, the command they come to, and how far it is."""
        intervals = tuple(name for name, length in INTERVALS.items() if length <= INTERVALS["1d"])
        coins = " ".join(clean(coin, 40) for coin in self._wanted.coins) or "BTCUSDT"
        with Panel():
            yield Static(Content("Download a recording"), classes="panel--title")
            fields = (
                ("coins", _typed("coins", coins, "such as BTCUSDT ETHUSDT")),
                ("from", _typed("first", self._month(3), "2025-01, or 2025-01-31")),
                ("to", _typed("last", self._month(1), "yesterday")),
                ("interval", Choice(intervals, "1m", rows=2, id="interval")),
                ("name", _typed("into", clean(self._wanted.name, 200), "of the recording to make or extend")),
            )
            with Grid(classes="form"):
                for label, field in fields:
                    yield Label(label)
                    yield field
            yield Static(id="facts", classes="facts")
            yield Static(id="verdict", classes="verdict")
            with Horizontal(classes="panel--buttons"):
                yield Button("Download (enter)", id="start", variant="primary", compact=True)
                yield Button("Close (escape)", id="leave", compact=True)

    def _month(self, before: int) -> str:
        months = 12 * self._today.year + self._today.month - 1 - before
        return f"{months // 12:04}-{months % 12 + 1:02}"

    def on_mount(self) -> None:
        """Begin with the name, where there is none yet."""
        self.query_one("#coins" if self._wanted.name else "#into", Input).focus()
        self._judge()
        self.set_interval(0.1, self._show_far)

    @property
    def wish(self) -> Wish:
        """The fields as they are."""
        coins = self._text("coins").upper().replace(",", " ").split()
        interval = self.query_one("#interval", Choice).value
        return Wish(tuple(coins), self._text("first"), self._text("last"), interval, self._text("into"))

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _wrong(self) -> tuple[str, str]:
        """Return what keeps the wish from being carried out, and the field it is about."""
        wish = self.wish
        if not wish.coins:
            return "type a coin, such as BTCUSDT", "coins"
        for coin in wish.coins:
            if not _COIN.fullmatch(coin):
                return f"{clean(coin, 40)} is no coin, such as BTCUSDT or BTC/USDT", "coins"
        name = "first"
        try:
            first = parse_day("from", wish.first)
            name = "last"
            last = parse_day("to", wish.last, end=True) if wish.last else self._today
        except UsageError as error:
            return f"{error.message}: {error.hint}", name
        if first >= self._today:
            return f"{first} has not passed yet", "first"
        if first > last:
            return "it ends before it begins", "last"
        return ("", "") if wish.into else ("type a name for the recording", "into")

    @on(Input.Changed)
    @on(Choice.Changed)
    def _judge(self) -> None:
        wrong, _ = self._wrong()
        self._say(wrong or "ready", "$dim" if wrong.startswith("type ") else "$down" if wrong else "$up")
        self.query_one("#facts", Static).update(Content("" if wrong else clean(str(self.wish), 400)))

    def _say(self, text: str, tone: str) -> None:
        self.query_one("#verdict", Static).update(Content(clean_lines(text, 400)).stylize(tone))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_start()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "start":
            self.action_start()
        else:
            self.action_leave()

    def action_start(self) -> None:
        """Begin to download, where nothing is wrong and none is under way."""
        wrong, field = self._wrong()
        if self._work is not None:
            return
        if wrong:
            self.app.bell()
            self.query_one(f"#{field}").focus()
            return
        self._far = Far("looking for what is there", 0, 0, 0)
        self._allow(False)
        self._work = self.run_worker(self._download(), group="download", exclusive=True)

    async def _download(self) -> None:
        try:
            done = await download(self.wish, self._take)
        except DownloadError as error:
            self._stopped(f"{error.message}\n{error.hint}".strip(), "$down")
        else:
            self.dismiss(done.path)

    def _take(self, far: Far) -> None:
        self._far = far

    def _show_far(self) -> None:
        far = self._far
        if far is None:
            return
        done = min(_BAR, _BAR * far.done // far.of) if far.of else 0
        size = f"   {far.bytes / 1e6:,.1f} MB" if far.bytes else ""
        count = f"   {far.done:,} of {far.of:,} files" if far.of else ""
        self._say(f"{'━' * done}{'─' * (_BAR - done)}{count}{size}\n{clean(far.file, 60)}", "$accent")

    def action_leave(self) -> None:
        """Stop the download under way, or close."""
        if self._work is None:
            self.dismiss(None)
            return
        self._work.cancel()
        self._stopped("stopped; nothing was imported, what was fetched is kept", "$warn")

    def _stopped(self, text: str, tone: str) -> None:
        self._work = self._far = None
        self._allow(True)
        self._say(text, tone)

    def _allow(self, typing: bool) -> None:
        """Let the fields be typed into, or not while they are being carried out."""
        for field in (*self.query(Input), *self.query(Choice), self.query_one("#start", Button)):
            field.disabled = not typing
        leave = self.query_one("#leave", Button)
        leave.label = "Close (escape)" if typing else "Stop (escape)"
        (self.query_one("#into", Input) if typing else leave).focus()


def _typed(name: str, text: str, placeholder: str) -> Input:
    return Input(text, id=name, placeholder=placeholder, select_on_focus=False)
