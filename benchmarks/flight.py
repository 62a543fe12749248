"""A flight's ways: how soon an order follows the bar it comes of, and a cancel its key, on loopback, each part its own process.

`python -m benchmarks.flight` prints the figures. The exchange notes when a bar that closes goes out and when requests arrive;
all processes of a machine share one clock that only goes forward.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

from benchmarks.live import memory_mb

QUIET_SPEED, QUIET_S = 300, 40.0
"""Five bars a second, an order at each."""
BUSY_SPEED, BUSY_S = 2500, 60.0
"""Ten coins' streams are then about 5,000 messages a second."""
API_KEY, API_SECRET = "b" * 64, "c" * 64
KEYS = f'[rehearsal]\napi_key = "{API_KEY}"\napi_secret = "{API_SECRET}"\n'
STRATEGY = '''
from engine import Signal, Strategy


class Flip(Strategy):
    """Buys and sells in turn, at every bar of the first coin."""

    def gen_signal(self):
        for coin, now in self.bars():
            return {coin: Signal.close() if now.position else Signal.buy(value=100)}
        return {}
'''


async def serve(speed: float, coins: int) -> None:
    """Serve an exchange; tells its address first, and at the end of its input what went out and came in, and when."""
    from aiohttp.web import WebSocketResponse

    from benchmarks.rehearsal import recording
    from engine.rehearsal.server import RehearsalServer
    from engine.rehearsal.settings import RehearsalSettings

    account = {"name": "main", "api_key": API_KEY, "api_secret": API_SECRET, "balances": {"USDT": 10**7}}
    limits = {"orders_per_10_seconds": 10**6, "orders_per_day": 10**6, "weight_per_minute": 10**6}
    names = [f"C{number:02d}USDT" for number in range(coins)]
    tables = {"recording": "bench", "speed": speed, "coins": names, "loop": True, "accounts": [account], "limits": limits}
    server = RehearsalServer(RehearsalSettings.from_dict(tables), recording())
    noted: list[tuple[str, int]] = []
    send, perform = WebSocketResponse.send_frame, server.office.perform

    async def noting_send(self: WebSocketResponse, message: bytes, *given: Any) -> None:
        if b'"x":true' in message:
            noted.append(("closed", time.monotonic_ns()))
        await send(self, message, *given)

    def noting_perform(call: Any) -> Any:
        noted.append((call.name, time.monotonic_ns()))
        return perform(call)

    WebSocketResponse.send_frame = noting_send  # type: ignore[method-assign]
    server.office.perform = noting_perform  # type: ignore[method-assign]
    await server.start()
    print(server.addresses.rest, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(noted), flush=True)
    await server.stop()


class Pilot:
    """A deck's link to a flight, without a deck."""

    def __init__(self, link: Any) -> None:
        self.link = link
        self.frame: Any = None
        self.replies: list[Any] = []

    async def listen(self) -> None:
        """Take in what comes."""
        from engine.host.protocol import Reply

        while True:
            await self.link.changed()
            reports, frame = self.link.take()
            self.frame = frame or self.frame
            self.replies += [its for its in reports if isinstance(its, Reply)]

    async def until(self, come: Callable[[], Any], seconds: float = 60.0) -> None:
        """Wait for something."""
        async with asyncio.timeout(seconds):
            while not come():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def armed(self) -> None:
        """Arm as soon as that can be."""
        from engine.host.protocol import Arm

        await self.until(lambda: self.frame is not None and self.frame.trade.reconciled)
        while not (self.replies and self.replies[-1].ok):
            self.link.send(Arm(1))
            await asyncio.sleep(0.2)

    @property
    def engine(self) -> int:
        """The process that flies."""
        supervisor = self.link._supervisor.pid
        for word in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
            if Path(f"/proc/{word}/cmdline").read_bytes().rstrip(b"\0").endswith(b"engine.host"):
                return int(word)
        raise RuntimeError("no engine flies")


@contextlib.asynccontextmanager
async def flown(folder: Path, speed: float, coins: list[str], streams: list[str], strategy: str) -> Any:
    """Give a flight that is armed, and what the exchange noted once it is over."""
    from tui.flightlink import FlightLink
    from tui.mailbox import HostSpec

    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "benchmarks.flight", "serve", str(speed), str(len(coins)))
    exchange = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 26)
    assert exchange.stdout is not None
    url = (await exchange.stdout.readline()).decode().strip()
    config = folder / "flight.toml"
    use = f'[strategy]\nuse = "{strategy}"\n' if strategy else ""
    config.write_text(
        f'mode = "rehearsal"\ncoins = {json.dumps(coins)}\n{use}[account]\ncash = {{ USDT = 1000000 }}\n'
        f'[binance]\nurl = "{url}"\nspeed = {speed}\nhistory = 20\nstreams = {json.dumps(streams)}\ncapture = false\n'
    )
    link = FlightLink(HostSpec(config=str(config), mode="rehearsal"))
    pilot = Pilot(link)
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(pilot.listen())]
    noted: list[Any] = []
    try:
        await pilot.armed()
        yield pilot, noted
    finally:
        await link.close()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        told, _ = await exchange.communicate(b"")
        noted += json.loads(told)


async def quiet(folder: Path) -> list[float]:
    """How many ms after a bar closed the order that comes of it arrived, of each."""
    strategy = folder / "flip.py"
    strategy.write_text(STRATEGY)
    async with flown(folder, QUIET_SPEED, ["C00USDT"], ["kline"], f"{strategy}:Flip") as (_, noted):
        await asyncio.sleep(QUIET_S)
    took, closed = [], 0
    for what, at in noted:
        if what == "closed":
            closed = at
        elif what == "POST /api/v3/order" and closed:
            took.append((at - closed) / 1e6)
            closed = 0
    return took


async def busy(folder: Path) -> dict[str, Any]:
    """How many ms after its key a cancel arrived while thousands of messages came; what the engine held meanwhile."""
    from engine.host.protocol import CancelOrder, PlaceOrder

    coins = [f"C{number:02d}USDT" for number in range(10)]
    pressed, held, files = [], [], []
    async with flown(folder, BUSY_SPEED, coins, ["kline", "trade", "bookTicker"], "") as (pilot, noted):
        began, first = time.monotonic(), pilot.frame.feed.messages
        engine = pilot.engine
        while time.monotonic() - began < BUSY_S:
            pilot.link.send(PlaceOrder(2, coins[0], "buy", "limit", "1", "1"))
            await pilot.until(lambda: [row.stage for row in pilot.frame.orders] == ["NEW"])
            pressed.append(time.monotonic_ns())
            pilot.link.send(CancelOrder(3, pilot.frame.orders[0].id))
            await pilot.until(lambda: not pilot.frame.orders)
            held.append(memory_mb(engine))
            files.append(len(os.listdir(f"/proc/{engine}/fd")))
        rate = (pilot.frame.feed.messages - first) / (time.monotonic() - began)
        unknown, holes = pilot.frame.trade.unknown, pilot.frame.feed.gaps
    arrived = [at for what, at in noted if what == "DELETE /api/v3/order"]
    third = len(held) // 3
    return {
        "rate": rate,
        "cancel": [(at - since) / 1e6 for since, at in zip(pressed, arrived, strict=True)],
        "grown_mb": median(held[-third:]) - median(held[third : 2 * third]),
        "host_mb": median(held),
        "files": max(files) - min(files),
        "unknown": unknown,
        "holes": holes,
    }


def fly() -> dict[str, Any]:
    """Fly both ways; return the figures."""
    with tempfile.TemporaryDirectory(prefix="td-") as made:
        folder = Path(made)
        homes = {"XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_RUNTIME_DIR": "run"}
        for word in homes.values():
            (folder / word).mkdir(mode=0o700)
        keys = folder / "config" / "tickdeck" / "keys.toml"
        keys.parent.mkdir(mode=0o700)
        keys.touch(mode=0o600)
        keys.write_text(KEYS)
        with patch.dict(os.environ, {name: str(folder / word) for name, word in homes.items()}):
            orders = asyncio.run(quiet(folder))
            under_load = asyncio.run(busy(folder))
    cancels = under_load.pop("cancel")
    return under_load | {
        "orders": len(orders),
        "order_ms": median(orders),
        "order_p99_ms": quantiles(orders, n=100)[98],
        "cancels": len(cancels),
        "cancel_ms": median(cancels),
        "cancel_p99_ms": quantiles(cancels, n=100)[98],
        "cancel_max_ms": max(cancels),
    }


def flight_rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str, str, bool | None]]:
    """Return the table's rows on flights; see benchmarks.rows."""
    order = f"p50 {figures['order_ms']:.1f} ms, p99 {figures['order_p99_ms']:.1f} ms"
    cancel = f"p99 {figures['cancel_p99_ms']:.0f} ms, median {figures['cancel_ms']:.1f} ms"
    load = f"{figures['rate']:,.0f} messages/s"
    grown = figures["grown_mb"]
    return [
        (
            "a flight: bar in, order out",
            order,
            f"{figures['orders']} orders",
            "",
            "≤ 2, 10 ms",
            figures["order_ms"] <= 2 and figures["order_p99_ms"] <= 10,
        ),
        ("  cancel key to the wire", cancel, load, "", "≤ 50 ms", figures["cancel_p99_ms"] <= 50),
        ("  the engine's memory grows by", f"{grown:,.1f} MB of {figures['host_mb']:,.0f} MB", "", "", "≤ 5 MB", grown <= 5),
    ]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", speed, coins]:
            asyncio.run(serve(float(speed), int(coins)))
        case _:
            print(json.dumps(fly()))
