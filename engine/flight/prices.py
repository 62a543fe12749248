"""Live prices: made ready for a session, kept up while it lasts, recorded, and put away after it."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from engine import seam
from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.feed import BinanceFeed
from engine.binance.hosts import hosts_of
from engine.binance.keys import Keys
from engine.config import BinanceConfig, SessionConfig
from engine.errors import RecordingError
from engine.model import INTERVALS, Timestamp
from engine.paths import user_data
from engine.recordings.capture import CaptureWriter
from engine.recordings.find import FOLDER, destination

Tell = Callable[[str], None]
MOST_BARS = 300_000
"""Bars of history that orders could meet, of a coin: more are longer on their way than anybody waits."""
MOST_HISTORY = 20_000
"""Decision bars that a strategy which flew before is flown over again."""
NS_PER_DAY = INTERVALS["1d"]


@asynccontextmanager
async def prices(
    settings: SessionConfig, tell: Tell, keys: Keys | None = None, began: Timestamp = 0
) -> AsyncIterator[BinanceFeed]:
    """Yield a config's live prices, running, with the history before them, back to when the strategy `began` if it can be."""
    live = settings.binance
    base, history = _history(settings)
    async with AsyncExitStack() as after:
        client = Client(hosts_of(live, settings.mode), clock=ExchangeClock(float(live.speed)), keys=keys)
        tell(f"connecting to {client.hosts.rest}")
        await client.open()
        after.push_async_callback(client.close)
        if began:
            ago = (client.clock.now - began) // INTERVALS[settings.interval or "1m"]
            history = min(history + ago, MOST_HISTORY)
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
        after.push_async_callback(put_away, writer, feed)
        tell(f"fetching {history:,} bars of {feed.interval}, so that features are warm")
        await feed.warm_up()
        begin = f"{datetime.fromtimestamp(feed.begin / 1e9, UTC):%Y-%m-%dT%H:%M:%S.%f}"
        feed.news.append(("info", f'the strategy is asked from now on; a replay of this flight has begin = "{begin}"'))
        feed.news.append(("info", f"recorded in {writer.folder}" if writer is not None else "not recorded, as it is set"))
        running = asyncio.create_task(feed.run())
        after.push_async_callback(end, running)
        # first of all what was received is made safe: who ends a flight may not wait for the rest
        after.push_async_callback(put_away, writer, feed)
        yield feed


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
    writer = writer_of(capture_folder(settings), feed, settings.binance, digest)
    feed.record_to(writer)
    return writer


async def put_away(writer: CaptureWriter | None, feed: BinanceFeed) -> None:
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


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def writer_of(folder: Path, feed: BinanceFeed, live: BinanceConfig, digest: str = "") -> CaptureWriter:
    played = live.url is not None
    return CaptureWriter(folder, feed.instruments, source=feed.client.hosts.rest, config=digest, synthetic=played)


def capture_folder(settings: SessionConfig) -> Path:
    """Return the recording a flight goes into: the one the config names, or one of its own, named by mode and time."""
    if settings.binance.into is not None:
        return destination(settings.binance.into)
    return user_data() / FOLDER / f"{settings.mode}-{seam.now_utc():%Y%m%dT%H%M%SZ}"
