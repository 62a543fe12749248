"""A flight: a session on live prices, made ready, kept up while it lasts, and put away after it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from engine import seam
from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.feed import BinanceFeed
from engine.binance.hosts import ENVIRONMENTS, Hosts, rehearsal_hosts
from engine.config import BinanceConfig, SessionConfig
from engine.errors import RecordingError
from engine.paths import user_data
from engine.recordings.capture import CaptureWriter, seal
from engine.recordings.find import FOLDER, destination
from engine.session import Session, assemble

Tell = Callable[[str], None]


def hosts_of(settings: BinanceConfig) -> Hosts:
    """Return where a config's prices come from."""
    return ENVIRONMENTS[settings.environment] if settings.url is None else rehearsal_hosts(settings.url)


@asynccontextmanager
async def fly(settings: SessionConfig, tell: Tell = lambda text: None) -> AsyncIterator[Session]:
    """Yield the session of a config on live prices, its history waiting to be flown over; what comes is recorded meanwhile.

    Raises ExchangeError where there is no way to the exchange, ConfigError and RecordingError for what is wrong here.
    """
    live = settings.binance
    client = Client(hosts_of(live), clock=ExchangeClock(float(live.speed)))
    tell(f"connecting to {client.hosts.rest}")
    await client.open()
    try:
        feed = BinanceFeed(
            client,
            settings.coins or (),
            decision=settings.interval,
            history=live.history,
            grace_ms=live.bar_grace_ms,
            stale_s=live.stale_s,
            streams=tuple(dict.fromkeys(("kline", *live.streams))),
        )
        await feed.learn()
        async with _recorded(settings, feed):
            tell("fetching history, so that features are warm")
            await feed.warm_up()
            session = assemble(settings, None, feed)
            running = asyncio.create_task(feed.run())
            try:
                yield session
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    finally:
        await client.close()


@asynccontextmanager
async def _recorded(settings: SessionConfig, feed: BinanceFeed) -> AsyncIterator[None]:
    """Record what a feed receives, where the config asks for it, and seal it afterwards."""
    if not settings.binance.capture:
        yield
        return
    digest = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()
    played = settings.binance.url is not None
    writer = CaptureWriter(
        capture_folder(settings), feed.instruments, source=feed.client.hosts.rest, config=digest, synthetic=played
    )
    feed.record_to(writer)
    try:
        yield
    finally:
        # what could not be written was told of while it flew
        with suppress(RecordingError):
            await asyncio.to_thread(writer.close)
        with suppress(RecordingError):
            await asyncio.to_thread(seal, writer.folder)


def capture_folder(settings: SessionConfig) -> Path:
    """Return the recording a flight goes into: the one the config names, or one of its own, named by mode and time."""
    if settings.binance.into is not None:
        return destination(settings.binance.into)
    return user_data() / FOLDER / f"{settings.mode}-{seam.now_utc():%Y%m%dT%H%M%SZ}"
