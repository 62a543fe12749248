"""The rehearsal exchange under load: `python -m benchmarks.rehearsal streams` prints the figures of one case.

The server has a process and a core of its own; so has its client, which reads whatever comes.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from typing import Any, BinaryIO
from urllib.parse import urlsplit

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
TEXT, CLOSE = 1, 8


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
    """Return how many frames come until the server goes; on another core than its, where there is one.

    It reads no more of a frame than its length, so that the server is what is measured.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {max(os.sched_getaffinity(0))} or {0})
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 80)) as line:
        wanted = f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: Upgrade\r\n"
        wanted += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n"
        line.sendall(wanted.encode())
        with line.makefile("rb") as come:
            while come.readline().strip():
                pass
            return sum(kind == TEXT for kind in iter(lambda: _frame(come), CLOSE))


def _frame(come: BinaryIO) -> int:
    """Read a frame, and return what kind it is of; the end is a close."""
    first, length = come.read(2) or (CLOSE, 0)
    if length >= 126:
        length = int.from_bytes(come.read(2 if length == 126 else 8))
    come.read(length)
    return first & 15


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["listen", url]:
            print(listen(url))
        case ["streams"]:
            pin()
            print(json.dumps(streams()))
