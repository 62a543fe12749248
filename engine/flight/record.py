"""Recording live data without flying on it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from engine import seam
from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.feed import BinanceFeed, Health
from engine.binance.hosts import hosts_of
from engine.config import BinanceConfig
from engine.errors import RecordingError
from engine.flight.prices import Tell, end, writer_of
from engine.model import CoinName
from engine.recordings.capture import Metrics

SHOW_EVERY_S = 0.5
NS_PER_SECOND = 10**9


class Recorded(NamedTuple):
    """What a recording of live data came to; `failure` tells why it stopped of itself, "" where it did not."""

    folder: Path
    seconds: float
    health: Health
    metrics: Metrics
    failure: str


async def record(
    coins: Sequence[CoinName],
    into: Path,
    live: BinanceConfig,
    *,
    interval: str = "1m",
    stop: asyncio.Event,
    show: Callable[[Health, Metrics], None] = lambda health, metrics: None,
    tell: Tell = lambda text: None,
) -> Recorded:
    """Record what coins' streams say until `stop` is set or the disk takes no more; what came of it is to be sealed then.

    `show` is told twice a second how it fares. Raises ExchangeError where there is no way to the exchange, ConfigError for
    coins it does not have, RecordingError where the folder cannot be recorded into.
    """
    async with AsyncExitStack() as after:
        client = Client(hosts_of(live), clock=ExchangeClock(float(live.speed)))
        tell(f"connecting to {client.hosts.rest}")
        await client.open()
        after.push_async_callback(client.close)
        feed = BinanceFeed(
            client,
            coins,
            interval=interval,
            history=0,
            stale_s=live.stale_s,
            # no step waits for what is missing
            patience_s=math.inf,
            streams=tuple(dict.fromkeys(("kline", *live.streams))),
        )
        await feed.learn()
        writer = await asyncio.to_thread(writer_of, into, feed, live)
        began = seam.monotonic_ns()
        feed.record_to(writer)
        try:
            await feed.warm_up()
            running = asyncio.create_task(feed.run())
            try:
                while not stop.is_set() and not feed.health.failure:
                    feed.drain()
                    show(feed.health, writer.metrics)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SHOW_EVERY_S):
                            await stop.wait()
            finally:
                await end(running)
                feed.own_up()
        finally:
            with suppress(RecordingError):
                await asyncio.to_thread(writer.close)
        seconds = (seam.monotonic_ns() - began) / NS_PER_SECOND
        return Recorded(into, seconds, feed.health, writer.metrics, feed.health.failure)
