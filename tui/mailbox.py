"""What the deck and an engine have between them, however the engine came to be there: a spec, reports and their mailbox."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from engine.host.protocol import Command, Frame, Reader, Report, pack


@dataclass(frozen=True, slots=True)
class HostSpec:
    """What the host is to fly; with neither config nor recording it is the bundled demo."""

    config: str | None = None
    overrides: dict[str, str] = field(default_factory=dict)
    recording: str | None = None
    at: str | None = None
    speed: float | None = None
    mode: str = ""
    """The mode, where orders go to an exchange: then the engine flies on without the deck."""


@dataclass(frozen=True, slots=True)
class HostGone:
    """The host has ended: how, and the last line it wrote to stderr."""

    how: str
    last: str


@dataclass(frozen=True, slots=True)
class Printed:
    """Lines that the host, or a strategy in it, printed."""

    lines: list[str]


@dataclass(frozen=True, slots=True)
class HostLost:
    """The host has ended and another is being started; what it says next begins with its hello."""

    how: str


Received = Report | HostGone | HostLost | Printed


class Link(Protocol):
    """What the deck needs of an engine, be it a process or a test's stand-in."""

    async def run(self) -> None:
        """Start the engine and carry reports until it ends; its end is a `HostGone`, never an exception."""

    async def changed(self) -> None:
        """Wait until there is something to take."""

    def take(self) -> tuple[list[Received], Frame | None]:
        """Return what came since the last call: everything reliable in order, and the latest frame only."""

    def send(self, command: Command) -> bool:
        """Send a command; False where there is no engine to send it to."""

    async def close(self) -> None:
        """End the engine, first asking, then by force."""

    async def leave(self) -> None:
        """Close the connection only: the engine flies on, and `close`, `end` and `kill` have nothing to end from then on."""

    def kill(self) -> None:
        """End the engine at once; may be called when no event loop runs any more."""

    def end(self, seconds: float) -> None:
        """Let the engine end in order, but wait no longer than so many seconds for it; may be called likewise."""


class Mailbox:
    """Reports that have come and nobody has taken yet, and the way for commands."""

    def __init__(self) -> None:
        self._reports: deque[Received] = deque()
        self._frame: Frame | None = None
        self._changed = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Take in reports until the stream ends; of frames the latest alone. Raises HostError for what is none."""
        reader = Reader(Report)
        while True:
            try:
                data = await stream.read(1 << 18)
            except ConnectionError:
                return
            if not data:
                return
            for report in reader.feed(data):
                if isinstance(report, Frame):
                    self._frame = report
                else:
                    self._reports.append(report)
            self._changed.set()

    def put(self, report: Received) -> None:
        """Add a report of the link's own."""
        self._reports.append(report)
        self._changed.set()

    async def changed(self) -> None:
        """Wait until there is something to take."""
        await self._changed.wait()

    def take(self) -> tuple[list[Received], Frame | None]:
        """Return what came since the last call."""
        self._changed.clear()
        reports, frame = list(self._reports), self._frame
        self._reports.clear()
        self._frame = None
        return reports, frame

    def send(self, command: Command) -> bool:
        """Send a command; False where the host is not connected."""
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(pack(command))
        return True
