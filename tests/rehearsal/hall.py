"""A rehearsal on loopback whose clock is moved by hand, and a client that listens to it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web

from engine.recordings import Recording
from engine.rehearsal import streams
from engine.rehearsal.clock import Clock
from engine.rehearsal.lines import Lines
from engine.rehearsal.log import EventLog
from engine.rehearsal.market import Market
from engine.rehearsal.outbox import Terms
from engine.rehearsal.venue import Venue

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

    def __init__(self, server: Any, url: str, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.venue: Venue = server.venue
        self.lines: Lines = server.lines
        self.url = url
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
async def hall(recording: Recording, **terms: Any) -> AsyncIterator[Hall]:
    """A rehearsal of a recording from its start on."""
    played = Market(recording)
    log = EventLog(lambda: venue.now)
    venue = Venue(played, Clock(played.begin, 0), log)
    server = SimpleNamespace(venue=venue, lines=Lines(log, Terms(**terms)))
    app = web.Application()
    app.add_routes(streams.routes(server))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Hall(server, f"http://127.0.0.1:{runner.addresses[0][1]}", http)
    finally:
        await runner.cleanup()


async def until(come: Callable[[], bool]) -> None:
    """Wait for something to come about."""
    async with asyncio.timeout(10):
        while not come():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
