"""The transport bar: whether time runs, how fast, how far it is, and how far behind the screen is; or how live prices fare."""

from __future__ import annotations

from textual import events
from textual.message import Message

from engine.host.protocol import Frame, Hello
from tui.feedline import Piece
from tui.feedline import pieces as feed_pieces
from tui.session import Session
from tui.text import compact
from tui.tradeline import pieces as trade_pieces
from tui.widgets.lines import Line, Lines, Span
from tui.widgets.timebar import course, step_at, where

SHORTEST = 12
"""Cells that the bar keeps, whatever else there is to tell."""
RATE = 9


def speed_text(speed: float) -> str:
    """Return a speed as it is told: `100x`, or `max` for as fast as it goes."""
    return "max" if speed <= 0 else f"{speed:g}x"


class Transport(Lines):
    """Buttons, speed, a bar of the whole recording with its gaps, steps, measured rate and the screen's own lag."""

    class Sought(Message):
        """A place on the bar was clicked, or dragged to; and which step that is."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.session = session
        self._count = ""
        self._lag_ms = 0.0
        self._trouble = ""
        self._zones: list[tuple[int, int, str]] = []
        self._course = (0, 0)
        self._sought = -1

    def show(self, count: str, lag_ms: float, trouble: str) -> None:
        """Draw the bar; `count` is what has been typed for the next steps, `lag_ms` the screen's lag.

        `trouble` is "gone" or "stale" where what the last frame says of time is no longer so, with ", waits" behind it where
        another engine comes without being asked to, else "".
        """
        self._count = count
        self._lag_ms = lag_ms
        self._trouble = trouble
        self.redraw()

    def lines(self, width: int, height: int) -> list[Line]:
        """Return the one line there is; what does not fit goes, the least needed first."""
        hello, frame = self.session.hello, self.session.frame
        self._zones = []
        self._course = (0, 0)
        if hello is None or frame is None:
            return []
        if self._trouble or (frame.feed is None and frame.trade is None):
            pieces = self._told(hello, frame, width)
        elif frame.trade is not None:
            pieces = trade_pieces(frame.trade, frame.feed, self._lag_ms, width)
        else:
            pieces = feed_pieces(frame.feed, self._lag_ms, width) if frame.feed is not None else []
        spans: list[Span] = []
        x = 0
        for text, style, action in pieces:
            if action == "course":
                self._course = (self._course[0] or x, x + len(text))
            elif action:
                self._zones.append((x, x + len(text), action))
            spans.append((text, style))
            x += len(text)
        return [tuple(spans)]

    def _told(self, hello: Hello, frame: Frame, width: int) -> list[Piece]:
        left, right = self._pieces(hello, frame, width)
        if hello.mode != "replay":
            # live prices have no end to be on the way to
            return left
        size = sum(len(piece[0]) for piece in left + right)
        room = width - size - SHORTEST
        told = where(self.session, room) if not self._trouble else []
        if not frame.playing and not self._trouble and len(more := where(self.session, room + RATE)) > len(told):
            # at rest there is no rate to tell
            right, told = [piece for piece in right if "–/s" not in piece[0]], more
        right = right + told
        size = sum(len(piece[0]) for piece in left + right)
        if width - size < 6:
            return [*left, (" " * max(0, width - size), "", ""), *right]
        return [*left, (" ", "", ""), *course(hello, frame, self.session, width - size - 2), (" ", "", ""), *right]

    def _pieces(self, hello: Hello, frame: Frame, width: int) -> tuple[list[Piece], list[Piece]]:
        left = self._left(frame, width)
        last = f"{hello.steps - 1:,}"
        step = (f"{frame.step:,}" if frame.step >= 0 else "–").rjust(len(last))
        right: list[Piece] = [(f" {step} / {last} ", "", "")]
        if width >= 72:
            runs = frame.playing and not self._trouble
            right.append((f" {compact(frame.rate):>5}/s " if runs else "    –/s ", "dim", ""))
        if width >= 84:
            slow = self._lag_ms >= 250
            right.append(
                (f" lag {self._lag_ms:>3.0f} ms " if self._lag_ms < 1000 else " lag >1 s  ", "warn" if slow else "faint", "")
            )
        return left[:1] if width < 60 else left, right

    def _left(self, frame: Frame, width: int) -> list[Piece]:
        if self._trouble:
            style = "live" if self._trouble.startswith("gone") else "stale"
            if self._trouble in ("gone", "stale"):
                return [(f" × {self._trouble:<8}", style, "restart"), (" r restarts ", "dim", "restart")]
            return [(f" × {self._trouble} ", style, "")]
        state = (" ■ end     ", "dim") if frame.at_end else (" ▶ playing ", "up") if frame.playing else (" ‖ paused  ", "warn")
        if frame.step in self.session.stopped_at and not frame.playing and not frame.at_end:
            state = (" ◆ stopped ", "warn")
        left: list[Piece] = [(*state, "play")]
        if self._count:
            left.append((f" ×{self._count} ", "badge", ""))
        if width >= 96:
            left += [(" «10 ", "dim", "back_ten"), (" ‹1 ", "dim", "back")] if width >= 128 and self.session.travels else []
            left += [(" ›1 ", "dim", "step"), (" »10 ", "dim", "step_ten"), (" ⇥end ", "dim", "end")]
        return [*left, (" −", "dim", "slower"), (f"{speed_text(frame.speed):^7}", "accent", ""), ("+ ", "dim", "faster")]

    def on_click(self, event: events.Click) -> None:
        """Run the action of the button under the mouse."""
        for start, end, action in self._zones:
            if start <= event.x < end:
                self.post_message(self.Pressed(action))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go to the place under the mouse, and follow it from now on."""
        if self._course[0] <= event.x < self._course[1]:
            self.capture_mouse()
            self._seek(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse while its button is down."""
        if self.app.mouse_captured is self:
            self._seek(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Follow it no more."""
        self.release_mouse()
        self._sought = -1

    def _seek(self, x: int) -> None:
        start, end = self._course
        step = step_at(x - start, end - start, self.session)
        if step != self._sought:
            self._sought = step
            self.post_message(self.Sought(step))
