"""The rehearsal exchange under load: `python -m benchmarks.rehearsal streams` prints the figures of one case.

The server has a process and a core of its own; so has its client, which reads whatever comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from typing import Any

import aiohttp

from benchmarks.market import COLUMNS, MINUTE_NS, SEED, make_coin, times
from benchmarks.measure import pin

COINS = 10
BARS = 3000
WHOLE = 100_000_000
KINDS = ("trade", "aggTrade", "bookTicker", "depth@100ms", "kline_1m", "miniTicker", "ticker")
SPEED = 1400
"""Market seconds a second: ten coins' streams are then somewhat more than 5,000 messages."""
SECONDS = 5.0
FIRST_S = 0.5


def recording() -> Any:
    """Ten coins in memory."""
    from engine.model import Instrument
    from engine.recordings import Bars, Recording

    series, instruments = {}, {}
    for number in range(COINS):
        name = f"C{number:02d}USDT"
        columns = (make_coin(BARS, SEED + number) * WHOLE).round().astype(int)
        series[name] = Bars(time=times(BARS), **dict(zip(COLUMNS, columns, strict=True)), interval=MINUTE_NS)
        instruments[name] = Instrument(coin=name, base=name.removesuffix("USDT"), quote="USDT", tick=1_000_000, lot=100_000)
    return Recording.from_bars(series, instruments, name="bench", synthetic=True, source="benchmarks")


def streams(speed: float = SPEED, seconds: float = SECONDS) -> dict[str, Any]:
    """Tell one client all that ten coins do: messages a second, how much of a core that takes, the most that ever waited."""
    return asyncio.run(_streams(speed, seconds))


async def _streams(speed: float, seconds: float) -> dict[str, Any]:
    from engine.rehearsal.server import RehearsalServer
    from engine.rehearsal.settings import RehearsalSettings

    server = RehearsalServer(RehearsalSettings.from_dict({"recording": "bench", "speed": speed}), recording())
    await server.start()
    names = [f"c{number:02d}usdt@{kind}" for number in range(COINS) for kind in KINDS]
    url = f"{server.addresses.ws}/stream?streams={'/'.join(names)}"
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.rehearsal", "listen", url, stdout=asyncio.subprocess.PIPE
    )
    while not server.lines.open:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    (line,) = server.lines.open
    await asyncio.sleep(FIRST_S)
    most, began = 0, time.perf_counter()
    sent, used = line.outbox.sent, time.process_time()
    while time.perf_counter() - began < seconds:
        await asyncio.sleep(0.001)
        most = max(most, len(line.outbox))
    wall = time.perf_counter() - began
    figures = {
        "messages_s": (line.outbox.sent - sent) / wall,
        "core": (time.process_time() - used) / wall,
        "most_waiting": most,
    }
    await server.stop()
    told, _ = await client.communicate()
    return figures | {"lost": line.outbox.sent - int(told)}


def listen(url: str) -> int:
    """Return how many frames come until the server goes; on another core than its, where there is one."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {max(os.sched_getaffinity(0))} or {0})
    return asyncio.run(_listen(url))


async def _listen(url: str) -> int:
    count = 0
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        with contextlib.suppress(aiohttp.ClientError):
            async for _ in socket:
                count += 1
    return count


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["listen", url]:
            print(listen(url))
        case ["streams"]:
            pin()
            print(json.dumps(streams()))
