"""Orders over REST: `python -m benchmarks.orders` prints how many round trips the rehearsal exchange makes on one core.

The server has a process and a core of its own. So has its client, which signs orders, sends each when a reply is there, and
looks at no more of a reply than whether the order filled.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from benchmarks.measure import pin
from benchmarks.rehearsal import recording

SECONDS = 3.0
CONNECTIONS = 8
COIN = "C00USDT"
MANY = 10**6


def orders(seconds: float = SECONDS) -> dict[str, Any]:
    """Place orders that fill at once: round trips, the seconds of the clock and of the server's CPU they took."""
    return asyncio.run(_orders(seconds))


async def _orders(seconds: float) -> dict[str, Any]:
    from engine.rehearsal.server import RehearsalServer
    from engine.rehearsal.settings import RehearsalSettings

    account = {"balances": {"USDT": MANY, "C00": MANY}}
    limits = {"orders_per_10_seconds": MANY, "orders_per_day": MANY}
    tables = {"recording": "bench", "check_timestamps": False, "accounts": [account], "limits": limits}
    server = RehearsalServer(RehearsalSettings.from_dict(tables), recording())
    await server.start()
    _, _, _, key, secret = server.addresses
    command = [sys.executable, "-m", "benchmarks.orders", server.addresses.rest, key, str(secret), str(seconds)]
    began, used = time.perf_counter(), time.process_time()
    client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await client.communicate()
    figures = {
        "orders": int(told),
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - used,
        "fills": len(server.venue.log.of("fill")),
    }
    await server.stop()
    return figures


def send(url: str, key: str, secret: str, seconds: float) -> int:
    """Return how many orders were answered in so many seconds, sent on several connections from a core of their own."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {max(os.sched_getaffinity(0))} or {0})
    return asyncio.run(_send(url, key, secret, seconds))


async def _send(url: str, key: str, secret: str, seconds: float) -> int:
    until, numbers = time.perf_counter() + seconds, itertools.count()
    counts = await asyncio.gather(*(_line(url, key, secret, until, numbers) for _ in range(CONNECTIONS)))
    return sum(counts)


async def _line(url: str, key: str, secret: str, until: float, numbers: Iterator[int]) -> int:
    address = urlsplit(url)
    come, go = await asyncio.open_connection(address.hostname, address.port)
    done = 0
    while time.perf_counter() < until:
        go.write(_request(address.netloc, key, secret, next(numbers)))
        head = await come.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        if b'"FILLED"' not in await come.readexactly(length):
            raise SystemExit(f"an order was not filled: {head!r}")
        done += 1
    go.close()
    return done


def _request(host: str, key: str, secret: str, n: int) -> bytes:
    """Return a signed order, a buy and a sell in turns."""
    asked = f"symbol={COIN}&side={('BUY', 'SELL')[n % 2]}&type=MARKET&quantity=0.1&newClientOrderId=bench-{n}&timestamp={n}"
    body = f"{asked}&signature={hmac.new(secret.encode(), asked.encode(), hashlib.sha256).hexdigest()}"
    head = f"POST /api/v3/order HTTP/1.1\r\nHost: {host}\r\nX-MBX-APIKEY: {key}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}".encode()


if __name__ == "__main__":
    match sys.argv[1:]:
        case [url, key, secret, seconds]:
            print(send(url, key, secret, float(seconds)))
        case _:
            pin()
            print(json.dumps(orders()))
