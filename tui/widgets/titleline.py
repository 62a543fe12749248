"""The title line: what is flown, on what, how it stands, and whether to believe the screen."""

from __future__ import annotations

from pathlib import PurePath

from textual import events

from tui.modes import style_of, word_of
from tui.session import Session
from tui.text import clean, fixed, moment, percent
from tui.widgets.lines import Line, Lines, Span

ACTIONS = {"ARMED": "arm", "DISARMED": "arm"}


class TitleLine(Lines):
    """Mode, whether real orders go out, recording and strategy on the left; market time, equity and return on the right.

    What is long gives way. A click on the mode chooses another, one on what is armed or not changes that.
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self._stale = ""
        self._gone = False
        self._zones: list[tuple[int, int, str]] = []

    def show(self, stale: str, gone: bool = False) -> None:
        """Draw the line; `stale` says since when nothing came from the host, "" while all is well, `gone` that nothing will."""
        self._stale = stale
        self._gone = gone
        self.set_class(self.session.mode == "live", "-live")
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the one line there is."""
        right = self._right(width >= 100)
        size = sum(len(text) for text, _ in right)
        while right and size > width - 20:
            size -= len(right.pop(0)[0])
        left: list[Span] = []
        self._zones = []
        room = width - size - 1
        for text, style, needed in self._left():
            text = clean(text)
            if len(text) > room:
                if needed:
                    left.append((text[: max(0, room)], style))
                    room = 0
                elif room > 12:
                    left.append((text[: room - 1] + "…", style))
                    room = 0
                break
            if text.strip() in ACTIONS or not left:
                x = sum(len(text) for text, _ in left)
                self._zones.append((x, x + len(text), ACTIONS.get(text.strip(), "switch")))
            left.append((text, style))
            room -= len(text)
        return [(*left, (" " * (width - size - sum(len(text) for text, _ in left)), ""), *right)]

    def _left(self) -> list[tuple[str, str, bool]]:
        hello, frame = self.session.hello, self.session.frame
        if hello is None:
            mode = self.session.mode
            badge = [(f" {word_of(mode)} ", style_of(mode), True)] if mode else []
            return [*badge, (" tickdeck", "strong", True)]
        parts = [(f" {word_of(hello.mode)} ", style_of(hello.mode), True), (" ", "", True)]
        reason = ""
        if self._gone:
            parts += [(" GONE ", "badge-live", True), (" ", "", True)]
        elif frame is not None and frame.trade is not None:
            armed = not frame.trade.disarmed
            parts += [(" ARMED " if armed else " DISARMED ", "badge-warn" if armed else "tag", True), (" ", "", True)]
            reason = frame.trade.disarmed
        if self._stale:
            parts += [(f" STALE {self._stale} ", "badge-stale", True), (" ", "", True)]
        if frame is not None and frame.halted:
            parts += [(" HALTED ", "badge-warn", True), (" ", "", True)]
        if frame is not None and frame.stopped:
            word = " STOPPED TODAY " if frame.stopped_today else " STOPPED "
            parts += [(word, "badge-live", True), (" ", "", True)]
        if hello.synthetic:
            parts += [(" SYNTHETIC ", "tag", True), (" ", "", True)]
        if not hello.spot:
            parts += [(" NOT SPOT ", "badge-warn", True), (" ", "", True)]
        if reason:
            parts.append((f"{reason}  ", "dim", False))
        if self.session.travels is not None and self.session.travels.path:
            parts.append((f"{PurePath(self.session.travels.path).name}  ", "accent", False))
        parts += [(f"{hello.recording}  ", "", False), (hello.strategy, "strong", False)]
        parts += [(f" {param.name}={param.value}", "dim", False) for param in self.session.params]
        return parts

    def _right(self, wide: bool) -> list[Span]:
        frame, hello = self.session.frame, self.session.hello
        if frame is None or hello is None:
            return []
        account = frame.account
        tone = "up" if account.return_pct > 0 else "down" if account.return_pct < 0 else "dim"
        return [
            # before the first bar it is no time yet
            ("" if frame.step < 0 else f"  {moment(frame.time, '%Y-%m-%d %H:%M' if wide else '%m-%d %H:%M')} UTC", ""),
            ("  equity" if wide else "", "dim"),
            (f"  {fixed(account.equity, 2)}", "strong"),
            (f" {percent(account.return_pct)} ", tone),
        ]

    def on_click(self, event: events.Click) -> None:
        """Run the action of what is under the mouse."""
        for start, end, action in self._zones:
            if start <= event.x < end:
                self.post_message(self.Pressed(action))
