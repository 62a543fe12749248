"""The server: one port on loopback where an exchange can be traded on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

from engine import seam
from engine.errors import UsageError
from engine.recordings import Recording
from engine.rehearsal import rest, streams, ws_api
from engine.rehearsal.faults import Faults, Scenario
from engine.rehearsal.lines import Lines
from engine.rehearsal.log import Entry
from engine.rehearsal.opening import open_exchange
from engine.rehearsal.outbox import Terms
from engine.rehearsal.settings import RehearsalSettings

HOST = "127.0.0.1"
LOOPBACK = (HOST, "::1", "localhost")


class Addresses(NamedTuple):
    """Where the exchange is, and what opens its first account; the secret is None where a private key signs."""

    rest: str
    ws: str
    ws_api: str
    api_key: str
    api_secret: str | None


class RehearsalServer:
    """An exchange on loopback, as it is set; on `recording` in place of the one it names if one is given.

    `scenario` says what goes wrong on purpose, `sink` gets every entry of the event log, `wall` is the clock that time goes by.
    Raises ConfigError or RecordingError, and UsageError for a host that is not this machine alone.
    """

    def __init__(
        self,
        settings: RehearsalSettings,
        recording: Recording | None = None,
        *,
        host: str = HOST,
        port: int = 0,
        scenario: Scenario | None = None,
        sink: Callable[[Entry], None] | None = None,
        wall: Callable[[], int] = seam.monotonic_ns,
    ) -> None:
        if host not in LOOPBACK:
            raise UsageError(f"{host!r} is not this machine alone", hint=f"a rehearsal is served on {HOST} and nowhere else")
        self.office, self.credentials = open_exchange(settings, recording, sink=sink, wall=wall)
        self.venue = self.office.venue
        held = settings.connections
        self.lines = Lines(self.venue.log, Terms(life_s=held.life_s, ping_s=held.ping_s, pong_s=held.pong_s))
        self._faults = Faults(scenario or Scenario(), self.office, self.lines)
        self._faults.begin()
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self.playing: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> Addresses:
        """Where it is, once it has started."""
        place = f"[{self._host}]" if ":" in self._host else self._host
        http, ws = f"http://{place}:{self._port}", f"ws://{place}:{self._port}"
        return Addresses(http, ws, ws + ws_api.PATH, self.credentials[0].api_key, self.credentials[0].api_secret)

    @property
    def connections(self) -> int:
        """How many connections clients hold, of either kind."""
        return len(self._runner.server.connections) if self._runner is not None and self._runner.server is not None else 0

    def inject(self, scenario: Scenario) -> None:
        """Let these faults happen from now on, in place of those that were to; raises ConfigError where they do not fit."""
        faults = Faults(scenario, self.office, self.lines)
        self._faults.end()
        self._faults = faults
        faults.begin()

    async def start(self) -> None:
        """Open the port and let the market play; raises UsageError where the port is taken."""
        app = web.Application()
        for door in (rest, ws_api, streams):
            app.add_routes(door.routes(self))
        # what goes through here is signed, and belongs in no log
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise UsageError(f"port {self._port} cannot be had: {error.strerror}", hint="--port 0 takes a free one") from None
        self._port = self._runner.addresses[0][1]
        self.playing = asyncio.create_task(self.venue.run())

    async def stop(self) -> None:
        """Tell those who are connected, close the port, and let the market stand; raises what it could not be played for."""
        self.lines.shut_down(self.venue.now)
        if self._runner is not None:
            await self._runner.cleanup()
        if self.playing is not None:
            self.playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.playing
