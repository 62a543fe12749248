"""A socket that is kept alive: it subscribes on every connect, comes back however often it is cut, and rolls over in time.

The age of its data says whether it lives, never its state: a socket can be open and dead.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, WebSocketException

from engine import seam
from engine.binance.hosts import LOOPBACK
from engine.binance.inbox import Overflow

NS_PER_SECOND = 10**9
LARGEST_FRAME = 16 * 1024 * 1024
SHUTDOWN = b'"serverShutdown"'
LOOK_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a socket behaves, in seconds: how long to wait for a connection and its subscription, for data before it counts as
    dead, for the next try (doubled up to `longest_wait`, half of it by chance), and how long a connection may live.
    """

    patience: float = 5.0
    silence: float = 60.0
    first_wait: float = 0.2
    longest_wait: float = 4.0
    life: float = 23.0 * 3600
    overlap: float = 0.5
    """How long an old connection is still heard beside its successor; what both tell is dropped by whoever knows its ids."""
    settled: float = 30.0
    """A connection that lived this long was a good one: the next try comes at once."""


@dataclass(slots=True)
class Counters:
    """What became of a socket so far."""

    messages: int = 0
    bytes: int = 0
    bad: int = 0
    connects: int = 0
    cuts: deque[str] = field(default_factory=lambda: deque(maxlen=100))

    @property
    def reconnects(self) -> int:
        """How often it came back."""
        return max(self.connects - 1, 0)


class BadFrame(Exception):
    """A frame that is not what the exchange sends; it is counted and skipped."""


NO_CONNECTION = (OSError, TimeoutError, WebSocketException, BadFrame, Overflow)
"""What opening a connection and subscribing can fail with."""


class Wire(Protocol):
    """A connection as who subscribes sees it."""

    async def send(self, message: str) -> None: ...
    async def recv(self) -> str | bytes: ...


Hear = Callable[[bytes, int], None]
"""Takes a frame and when it came (ns of the wall); raises BadFrame for what it cannot read."""


class SupervisedSocket:
    """A stream of the exchange, run until cancelled.

    `subscribe` makes a new connection useful: it sends what is to be sent and returns when that was accepted; what else it
    receives it gives to `hear`. `changed` is called with True once a connection is subscribed, with False when it is lost.
    """

    def __init__(
        self,
        name: str,
        url: str,
        subscribe: Callable[[Wire], Awaitable[None]],
        hear: Hear,
        changed: Callable[[bool], None] = lambda alive: None,
        manners: Manners | None = None,
    ) -> None:
        self.name = name
        self.url = url
        self.counters = Counters()
        self._subscribe = subscribe
        self._hear = hear
        self._changed = changed
        self._manners = manners or Manners()
        self._heard_at = seam.monotonic_ns()
        self._failures = 0
        self._renewal = ""

    @property
    def age_s(self) -> float:
        """Seconds since anything good came."""
        return (seam.monotonic_ns() - self._heard_at) / NS_PER_SECOND

    def renew(self, why: str) -> None:
        """Make the connection anew at once, as after this machine slept: it may look well and be dead."""
        self._renewal = why

    async def run(self) -> None:
        """Keep a subscribed connection, for ever; a cut is followed by a try, a planned end by its successor's beginning."""
        successor: ClientConnection | None = None
        while True:
            try:
                connection = successor or await self._open()
            except NO_CONNECTION as error:
                await self._back_off(f"no connection: {str(error) or type(error).__name__}")
                continue
            successor, self._renewal = None, ""
            self._changed(True)
            began = seam.monotonic_ns()
            try:
                successor = await self._live(connection)
            finally:
                if successor is None:
                    self._changed(False)
                await _close(connection)
            if successor is None:
                lived = (seam.monotonic_ns() - began) / NS_PER_SECOND
                if lived >= self._manners.settled or self._renewal:
                    self._failures = 0
                await self._back_off(self.counters.cuts[-1])

    async def _open(self) -> ClientConnection:
        """Connect and subscribe."""
        connection = await connect(
            self.url,
            open_timeout=self._manners.patience,
            close_timeout=1.0,
            max_size=LARGEST_FRAME,
            ping_interval=None,
            compression=None,
            # as the system says, but for a rehearsal, which is on this machine
            proxy=None if urlsplit(self.url).hostname in LOOPBACK else True,
        )
        try:
            async with asyncio.timeout(self._manners.patience):
                await self._subscribe(connection)
        except BaseException:
            await _close(connection)
            raise
        self.counters.connects += 1
        self._heard_at = seam.monotonic_ns()
        return connection

    async def _live(self, connection: ClientConnection) -> ClientConnection | None:
        """Hear what comes until the connection ends; return its successor, subscribed already, where the end was planned."""
        clock = asyncio.get_running_loop().time
        due = asyncio.Event()
        later = asyncio.get_running_loop().call_later(self._manners.life * (0.9 + 0.1 * seam.chance()), due.set)
        reading = asyncio.create_task(self._read(connection, due))
        tries, try_at = 0, 0.0
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=LOOK_S)
                if self._renewal or self.age_s > self._manners.silence:
                    self.counters.cuts.append(self._renewal or f"nothing came for {self._manners.silence:g} s")
                    return None
                if due.is_set() and clock() >= try_at and not reading.done():
                    with contextlib.suppress(*NO_CONNECTION):
                        successor = await self._open()
                        await asyncio.wait({reading}, timeout=self._manners.overlap)
                        return successor
                    tries += 1
                    try_at = clock() + self._wait(tries)
            error = reading.exception()
            self.counters.cuts.append(str(error) if error is not None else "the exchange closed the connection")
            return None
        finally:
            later.cancel()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, connection: ClientConnection, due: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionClosedOK):
            while True:
                frame = await connection.recv(decode=False)
                if SHUTDOWN in frame:
                    due.set()
                self.take(frame)

    def take(self, frame: bytes) -> None:
        """Hear a frame: count it, and skip it where it is bad."""
        self.counters.messages += 1
        self.counters.bytes += len(frame)
        try:
            self._hear(frame, seam.wall_ns())
        except Overflow:
            raise
        # whatever else one frame does to who hears it, the next may be good
        except Exception:
            self.counters.bad += 1
        else:
            self._heard_at = seam.monotonic_ns()

    async def _back_off(self, why: str) -> None:
        if not self.counters.cuts or self.counters.cuts[-1] != why:
            self.counters.cuts.append(why)
        self._failures += 1
        await asyncio.sleep(self._wait(self._failures))

    def _wait(self, tries: int) -> float:
        """Return how long to wait after so many tries."""
        longest = min(self._manners.first_wait * 2.0 ** min(tries - 1, 30), self._manners.longest_wait)
        return longest * (0.5 + 0.5 * seam.chance())


async def _close(connection: ClientConnection) -> None:
    """Close a connection without waiting for a server that does not answer."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1.5):
            await connection.close()
