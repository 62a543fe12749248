"""The title line: what is flown, on what, how it stands, and whether to believe the screen."""

from __future__ import annotations

from tui.session import Session
from tui.text import clean, fixed, moment, percent
from tui.widgets.lines import Line, Lines, Span


class TitleLine(Lines):
    """Mode, recording and strategy on the left; market time, equity and return on the right. What is long gives way."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self._stale = ""

    def show(self, stale: str) -> None:
        """Draw the line; `stale` says since when nothing came from the host, "" while all is well."""
        self._stale = stale
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the one line there is."""
        right = self._right(width >= 100)
        size = sum(len(text) for text, _ in right)
        while right and size > width - 20:
            size -= len(right.pop(0)[0])
        left: list[Span] = []
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
            left.append((text, style))
            room -= len(text)
        return [(*left, (" " * (width - size - sum(len(text) for text, _ in left)), ""), *right)]

    def _left(self) -> list[tuple[str, str, bool]]:
        hello, frame = self.session.hello, self.session.frame
        if hello is None:
            return [(" tickdeck", "strong", True)]
        parts = [(f" {hello.mode.upper()} ", "badge-live" if hello.mode == "live" else "badge", True), (" ", "", True)]
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
        parts += [(f"{hello.recording}  ", "", False), (hello.strategy, "strong", False)]
        parts += [(f" {param.name}={param.value}", "dim", False) for param in hello.params]
        return parts

    def _right(self, wide: bool) -> list[Span]:
        frame, hello = self.session.frame, self.session.hello
        if frame is None or hello is None:
            return []
        account = frame.account
        tone = "up" if account.return_pct > 0 else "down" if account.return_pct < 0 else "dim"
        return [
            (f"  {moment(frame.time, '%Y-%m-%d %H:%M' if wide else '%m-%d %H:%M')} UTC", ""),
            ("  equity" if wide else "", "dim"),
            (f"  {fixed(account.equity, 2)}", "strong"),
            (f" {percent(account.return_pct)} ", tone),
        ]
