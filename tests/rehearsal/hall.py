"""A rehearsal on loopback whose clock is moved by hand, and a client that listens to it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from engine.recordings import Recording
from engine.recordings.bars import stamp
from engine.rehearsal.server import RehearsalServer
from engine.rehearsal.settings import RehearsalSettings

MARKS = itertools.count()
MS = 1_000_000
SECOND = 1000 * MS


class Ear:
    """A client's connection to the hall."""

    def __init__(self, hall: Hall, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.hall = hall
        self.socket = socket

    async def ask(self, **request: Any) -> Any:
        """Send a request; return the next frame."""
        await self.socket.send_str(json.dumps(request))
        return await self.next()

    async def next(self) -> Any:
        """The next frame."""
        return json.loads(await self.socket.receive_str(timeout=10))

    async def all(self) -> list[Any]:
        """Every frame that has been sent until now."""
        mark = f"mark {next(MARKS)}"
        for line in self.hall.lines.open:
            line.outbox.put("mark", json.dumps(mark).encode())
        told = []
        while (frame := await self.next()) != mark:
            told.append(frame)
        return [frame for frame in told if not str(frame).startswith("mark ")]


class Hall:
    """The server with its parts, and clients to it."""

    def __init__(self, server: RehearsalServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.venue = server.venue
        self.lines = server.lines
        self.url = server.addresses.rest
        self.http = http

    @asynccontextmanager
    async def listen(self, path: str, **options: Any) -> AsyncIterator[Ear]:
        """A connection to a path."""
        before = set(self.lines.open)
        async with self.http.ws_connect(self.url + path, **options) as socket:
            await until(lambda: bool(self.lines.open - before))
            yield Ear(self, socket)

    def wait(self, ns: int) -> None:
        """Let the market's time pass."""
        self.venue.clock.move_to(self.venue.now + ns)
        self.venue.catch_up()


@asynccontextmanager
async def hall(recording: Recording, connections: dict[str, float] | None = None, **settings: Any) -> AsyncIterator[Hall]:
    """A rehearsal of a recording from its start on, or as it is set."""
    tables = {"recording": recording.name, "begin": stamp(recording.start), "speed": 0, "connections": connections or {}}
    server = RehearsalServer(RehearsalSettings.from_dict(tables | settings), recording)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Hall(server, http)
    finally:
        await server.stop()


async def until(come: Callable[[], bool]) -> None:
    """Wait for something to come about."""
    async with asyncio.timeout(10):
        while not come():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
