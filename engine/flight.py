"""A flight: a session on live prices, made ready, kept up while it lasts, and put away after it."""

from __future__ import annotations

import asyncio
import hashlib
import math
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from engine import seam
from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.feed import BinanceFeed, Health
from engine.binance.hosts import ENVIRONMENTS, Hosts, rehearsal_hosts
from engine.config import BinanceConfig, SessionConfig
from engine.errors import RecordingError
from engine.model import INTERVALS, CoinName
from engine.paths import user_data
from engine.recordings.capture import CaptureWriter, Metrics
from engine.recordings.find import FOLDER, destination
from engine.session import Session, assemble

Tell = Callable[[str], None]
SHOW_EVERY_S = 0.5
MOST_BARS = 300_000
"""Bars of history that orders could meet, of a coin: more are longer on their way than anybody waits."""
NS_PER_DAY, NS_PER_SECOND = INTERVALS["1d"], INTERVALS["1s"]


def hosts_of(settings: BinanceConfig) -> Hosts:
    """Return where a config's prices come from."""
    return ENVIRONMENTS[settings.environment] if settings.url is None else rehearsal_hosts(settings.url)


@asynccontextmanager
async def fly(settings: SessionConfig, tell: Tell = lambda text: None) -> AsyncIterator[Session]:
    """Yield the session of a config on live prices, its history waiting to be flown over; what comes is recorded meanwhile.

    Raises ExchangeError where there is no way to the exchange, ConfigError and RecordingError for what is wrong here.
    """
    live = settings.binance
    base, history = _history(settings)
    async with AsyncExitStack() as after:
        client = Client(hosts_of(live), clock=ExchangeClock(float(live.speed)))
        tell(f"connecting to {client.hosts.rest}")
        await client.open()
        after.push_async_callback(client.close)
        feed = BinanceFeed(
            client,
            settings.coins or (),
            interval=base,
            decision=settings.interval,
            history=history,
            # the grace is of this machine's time, whatever the exchange's does
            grace_ms=int(live.bar_grace_ms * live.speed),
            stale_s=live.stale_s,
            streams=tuple(dict.fromkeys(("kline", *live.streams))),
        )
        await feed.learn()
        writer = _recorder(settings, feed) if live.capture else None
        after.push_async_callback(_put_away, writer, feed)
        tell(f"fetching {history:,} bars of {feed.interval}, so that features are warm")
        await feed.warm_up()
        begin = f"{datetime.fromtimestamp(feed.begin / 1e9, UTC):%Y-%m-%dT%H:%M:%S.%f}"
        feed.news.append(("info", f'the strategy is asked from now on; a replay of this flight has begin = "{begin}"'))
        feed.news.append(("info", f"recorded in {writer.folder}" if writer is not None else "not recorded, as it is set"))
        session = assemble(settings, None, feed)
        running = asyncio.create_task(feed.run())
        after.push_async_callback(_end, running)
        # first of all what was received is made safe: who ends a flight may not wait for the rest
        after.push_async_callback(_put_away, writer, feed)
        yield session


def _history(settings: SessionConfig) -> tuple[str, int]:
    """Return the interval of the bars that orders meet, and how many decision bars of before there are to be.

    A day of them at least, which what a coin did in it is told by; no more than MOST_BARS of the shorter ones come to.
    """
    decision = settings.interval or "1m"
    base = min(decision, "1m", key=INTERVALS.__getitem__)
    longest = MOST_BARS * INTERVALS[base] // INTERVALS[decision]
    return base, min(max(settings.binance.history, NS_PER_DAY // INTERVALS[decision]), longest)


def _recorder(settings: SessionConfig, feed: BinanceFeed) -> CaptureWriter:
    digest = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()
    writer = _writer(capture_folder(settings), feed, settings.binance, digest)
    feed.record_to(writer)
    return writer


async def _put_away(writer: CaptureWriter | None, feed: BinanceFeed) -> None:
    """Close a capture, and have it sealed by a process of its own; what could not be written was told of before."""
    if writer is None or writer.closed:
        return
    feed.own_up()
    with suppress(RecordingError):
        await asyncio.to_thread(writer.close)
    # let go of by the shell, so that it outlives who started it
    command = [sys.executable, "-P", "-m", "engine.recordings.capture", str(writer.folder)]
    shell = ["/bin/sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh", *command]
    process = await asyncio.create_subprocess_exec(*shell, start_new_session=True)
    await process.wait()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _writer(folder: Path, feed: BinanceFeed, live: BinanceConfig, digest: str = "") -> CaptureWriter:
    played = live.url is not None
    return CaptureWriter(folder, feed.instruments, source=feed.client.hosts.rest, config=digest, synthetic=played)


def capture_folder(settings: SessionConfig) -> Path:
    """Return the recording a flight goes into: the one the config names, or one of its own, named by mode and time."""
    if settings.binance.into is not None:
        return destination(settings.binance.into)
    return user_data() / FOLDER / f"{settings.mode}-{seam.now_utc():%Y%m%dT%H%M%SZ}"


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
        writer = await asyncio.to_thread(_writer, into, feed, live)
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
                await _end(running)
                feed.own_up()
        finally:
            with suppress(RecordingError):
                await asyncio.to_thread(writer.close)
        seconds = (seam.monotonic_ns() - began) / NS_PER_SECOND
        return Recorded(into, seconds, feed.health, writer.metrics, feed.health.failure)
