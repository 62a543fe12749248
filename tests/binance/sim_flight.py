"""The engine's side of the SIM: the real client, trade system and ledger over a network that is a world's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosedError

from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.hosts import Hosts
from engine.binance.journal import Journal
from engine.binance.ledger import Ledger
from engine.errors import ExchangeError, JournalError
from engine.exchange import FillRules
from engine.market import ReplayFeed
from tests.worlds import candles, market

if TYPE_CHECKING:
    from tests.binance.sim import World

HOSTS = Hosts("https://sim.invalid/api", "wss://sim.invalid", "wss://sim.invalid/ws-api/v3")
RAW: list[Any] = []


def raw() -> Any:
    """A market that stands still; the same for every run."""
    if not RAW:
        feed = ReplayFeed(market({"AAAUSDT": candles([100] * 5), "BBBUSDT": candles([20] * 5)}))
        for time in feed.times[:3].tolist():
            feed.advance(time)
        RAW.append(feed.latest)
    return RAW[0]


class Reply:
    """As much of an HTTP response as anybody looks at."""

    def __init__(self, body: str) -> None:
        self.body = body

    async def text(self) -> str:
        return self.body


class Library:
    """In the place of python-binance: requests that go through a world's network."""

    timestamp_offset = 0

    def __init__(self, world: World, flight: Flight) -> None:
        self.world, self.flight = world, flight

    async def _get(self, path: str, signed: bool = False, data: Any = None) -> Any:
        return await self.world.request(self.flight, "get", path, data or {}, self.timestamp_offset)

    async def _post(self, path: str, signed: bool, data: Any) -> Any:
        return await self.world.request(self.flight, "post", path, data, self.timestamp_offset)

    async def _put(self, path: str, signed: bool, data: Any) -> Any:
        return await self.world.request(self.flight, "put", path, data, self.timestamp_offset)

    async def _delete(self, path: str, signed: bool, data: Any) -> Any:
        return await self.world.request(self.flight, "delete", path, data, self.timestamp_offset)

    def _generate_ws_api_signature(self) -> str:
        return ""

    def _sign_ws_params(self, params: Any, sign: Any) -> Any:
        return params


class Connection:
    """A socket's end: what the exchange tells waits in it."""

    def __init__(self, world: World, flight: Flight) -> None:
        self.world, self.flight = world, flight
        self.frames: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.open = True

    async def send(self, message: str) -> None:
        asked = json.loads(message)
        self.frames.put_nowait(json.dumps({"id": asked["id"], "status": 200, "result": {}}).encode())
        if asked["id"] == "account":
            self.world.listeners.append(self)

    async def recv(self, decode: bool | None = None) -> bytes:
        frame = await self.frames.get()
        if isinstance(frame, Exception):
            raise frame
        return frame

    def cut(self) -> None:
        self.open = False
        if self in self.world.listeners:
            self.world.listeners.remove(self)
        self.frames.put_nowait(ConnectionClosedError(None, None))

    async def close(self) -> None:
        if self.open:
            self.cut()


class ShakyJournal(Journal):
    """A journal on a disk that fails now and then: before an entry is on it, or after."""

    world: World

    def append(self, entries: Any) -> int:
        if self.world.strikes("journal"):
            if self.world.dice.random() < 0.5:
                super().append(entries)
            raise JournalError("the disk is full")
        return super().append(entries)


class Flight:
    """The engine's side, from one start to the next crash."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.client = Client(HOSTS, clock=ExchangeClock(wall=world.wall, forward=lambda: world.loop.ns))
        self.client._library = Library(world, self)
        self.journal = world.journal(path)
        self.journal.world = world
        self.journal._db.execute("PRAGMA synchronous = OFF")
        given: dict[str, Any] = {"cash": {"USDT": 50_000}, "adopt": {"AAA": 3}, "rules": FillRules()} | world.given
        self.trade = world.system(self.client, self.journal, "sim001", **given)
        self.tasks: list[asyncio.Task[None]] = []
        self.dead = False
        self.told_to_wait = 0

    async def run(self) -> None:
        for _ in range(3):
            await self.sample()
        self.trade.open(raw())
        self.ledger = Ledger(self.trade)
        self.tasks = [asyncio.create_task(self.ledger.run()), asyncio.create_task(self.client._keep_sampling())]

    async def sample(self) -> None:
        while True:
            try:
                return await self.client.sample_clock()
            except ExchangeError:
                await asyncio.sleep(1.0)

    def kill(self) -> None:
        """End as a process does: in the middle of everything."""
        self.dead = True
        self.journal.close()
        for task in [*self.tasks, *self.trade.wire.tasks]:
            task.cancel()
