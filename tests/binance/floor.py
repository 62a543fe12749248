"""A rehearsal to fly against: its clock moved by hand, a client and a feed on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.feed import BinanceFeed
from engine.binance.hosts import rehearsal_hosts
from engine.binance.socket import Manners
from engine.recordings import Recording
from tests.rehearsal.hall import Hall, hall, until

QUICK = Manners(patience=2.0, silence=30.0, first_wait=0.02, longest_wait=0.2, overlap=0.05)


class HandClock(ExchangeClock):
    """The exchange's clock, known exactly."""

    def __init__(self, now: Callable[[], int]) -> None:
        super().__init__()
        self._exact = now

    @property
    def now(self) -> int:
        return self._exact()


class Floor:
    """A hall, and what flies against it."""

    def __init__(self, its: Hall) -> None:
        self.hall = its
        self.venue = its.venue
        self.client = Client(rehearsal_hosts(its.url), clock=HandClock(lambda: its.venue.now))

    @asynccontextmanager
    async def feed(self, coins: list[str], **given: Any) -> AsyncIterator[BinanceFeed]:
        """A feed that is open and runs, its socket subscribed."""
        feed = BinanceFeed(self.client, coins, **({"manners": QUICK} | given))
        await feed.learn()
        await feed.warm_up()
        task = asyncio.create_task(feed.run())
        try:
            await until(lambda: feed.health.alive)
            yield feed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def play(self, feed: BinanceFeed, ns: int, chunk: int = 60 * 10**9) -> None:
        """Let the market's time pass and the feed hear it."""
        for _ in range(ns // chunk):
            self.hall.wait(chunk)
            await self.heard(feed)

    async def heard(self, feed: BinanceFeed) -> None:
        """Wait until the feed has heard all that was sent."""
        before = -1
        while feed.socket.counters.messages != before:
            before = feed.socket.counters.messages
            await asyncio.sleep(0.01)
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
