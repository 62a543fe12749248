"""A rehearsal to fly against: its clock moved by hand, a client and a feed on it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from engine import seam
from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.feed import BinanceFeed
from engine.binance.hosts import rehearsal_hosts
from engine.binance.socket import Manners
from engine.recordings import Recording
from engine.rehearsal.outbox import Fate, Frame
from tests.rehearsal.hall import Hall, hall, until

MARKS = itertools.count()
QUICK = Manners(patience=2.0, silence=30.0, first_wait=0.02, longest_wait=0.2, overlap=0.05)


class HandClock(ExchangeClock):
    """The exchange's clock, known exactly, on a machine that can be put to sleep."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.asleep = 0
        super().__init__(wall=lambda: seam.wall_ns() + self.asleep)
        self._exact = now

    @property
    def now(self) -> int:
        return self._exact()


class Notebook:
    """A recorder that keeps all it is given."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.replies: list[tuple[str, bytes]] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def frame(self, socket: str, received: int, frame: bytes) -> None:
        self.frames.append(frame)

    def klines(self, coin: str, interval: str, received: int, body: bytes, asked: int) -> None:
        self.replies.append((f"klines {coin}", body))

    def trades(self, coin: str, received: int, body: bytes) -> None:
        self.replies.append((f"trades {coin}", body))

    def depth(self, coin: str, received: int, body: bytes) -> None:
        self.replies.append((f"depth {coin}", body))

    def note(self, what: str, **facts: Any) -> None:
        self.notes.append((what, facts))

    def told(self, what: str) -> list[dict[str, Any]]:
        """The notes of a kind."""
        return [facts for name, facts in self.notes if name == what]


class Floor:
    """A hall, and what flies against it."""

    def __init__(self, its: Hall) -> None:
        self.hall = its
        self.venue = its.venue
        self.book = Notebook()
        self.clock = HandClock(lambda: its.venue.now)
        self.client = Client(rehearsal_hosts(its.url), clock=self.clock)

    @asynccontextmanager
    async def feed(self, coins: list[str], **given: Any) -> AsyncIterator[BinanceFeed]:
        """A feed that is open and runs, its socket subscribed, and all it asks for at its start answered."""
        feed = BinanceFeed(self.client, coins, **({"manners": QUICK} | given))
        feed.record_to(self.book)
        await feed.learn()
        await feed.warm_up()
        task = asyncio.create_task(feed.run())
        try:
            await until(lambda: feed.health.alive and not feed._mending._suspects)
            yield feed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def drop(self, lost: Callable[[Frame], bool]) -> None:
        """Lose the frames that are so, from now on."""
        self.hall.lines.terms.judge = lambda frame: Fate(copies=0 if lost(frame) else 1)

    def cut(self, code: int = 1006) -> None:
        """End every connection."""
        for line in list(self.hall.lines.open):
            line.outbox.close(code, "")

    async def play(self, feed: BinanceFeed, ns: int, chunk: int = 60 * 10**9) -> None:
        """Let the market's time pass and the feed hear it."""
        for _ in range(ns // chunk):
            self.hall.wait(chunk)
            await self.heard(feed)

    async def heard(self, feed: BinanceFeed) -> None:
        """Wait until the feed has heard all that was sent."""
        mark = json.dumps({"stream": f"mark {next(MARKS)}", "data": {"s": ""}}).encode()
        for line in self.hall.lines.open:
            line.outbox.put("mark", mark)
        await until(lambda: self.book.frames.count(mark) == len(self.hall.lines.open))
        feed.pump()


@asynccontextmanager
async def floor(recording: Recording, **settings: Any) -> AsyncIterator[Floor]:
    """A rehearsal of a recording, with a client that is connected."""
    async with hall(recording, **settings) as its:
        made = Floor(its)
        await made.client.open()
        try:
            yield made
        finally:
            await made.client.close()
