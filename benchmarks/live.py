"""Ten live coins on the deck at 5,000 messages a second: how old the prices on the screen are, and whether it keeps up.

`python -m benchmarks.live` prints the figures. An exchange that does nothing but talk, the engine and the deck have a process
each; a trade's price is the time it was sent at, so that a price on the screen tells how old it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

COINS = tuple(f"C{number:02d}USDT" for number in range(10))
RATE = 5000
SECONDS = 60.0
SETTLE_S = 5.0
"""What the start-up may disturb is not measured."""
MS_OF_PRICES = 10**8
TICK_S = 0.01
MINUTE_MS = 60_000


def now_ms() -> int:
    """The time of day, ms."""
    return time.time_ns() // 10**6


def price_of(ms: int) -> str:
    """A price that is a time of sending: a hundredth is a millisecond."""
    return f"{ms % MS_OF_PRICES // 100}.{ms % 100:02d}"


def age_of(price: float, at_ms: int) -> int:
    """How many ms before `at_ms` a price was sent."""
    return (at_ms - round(price * 100)) % MS_OF_PRICES


def frames(n: int, count: int) -> list[str]:
    """The next messages after the first `n`: of ten, three trades and seven quotes, of all coins in turn."""
    at = now_ms()
    price = price_of(at)
    made = []
    for number in range(n, n + count):
        coin = COINS[number // 10 % len(COINS)]
        stream, id = coin.lower(), number // 10
        if number % 10 < 3:
            told = (
                f'"e":"trade","E":{at},"s":"{coin}","t":{id // 10 * 3 + number % 10},"p":"{price}","q":"0.5","T":{at},"m":true'
            )
            made.append(f'{{"stream":"{stream}@trade","data":{{{told}}}}}')
        else:
            told = f'"u":{number},"s":"{coin}","b":"100.01","B":"31.2","a":"100.02","A":"40.6"'
            made.append(f'{{"stream":"{stream}@bookTicker","data":{{{told}}}}}')
    return made


def klines(at: int, closed: int) -> list[str]:
    """What is told of every coin's bar that forms, and of those that closed at `closed`."""
    bar = '"i":"1m","o":"1000.0","c":"1000.5","h":"1001.0","l":"999.0","v":"12.5","n":9'
    begin = at // MINUTE_MS * MINUTE_MS
    told = [(begin - MINUTE_MS, "true")] * (closed == begin) + [(begin, "false")]
    return [
        f'{{"stream":"{coin.lower()}@kline_1m","data":{{"e":"kline","E":{at},"s":"{coin}",'
        f'"k":{{"t":{opened},"s":"{coin}",{bar},"x":{over}}}}}}}'
        for coin in COINS
        for opened, over in told
    ]


async def serve(rate: int) -> None:
    """Talk to whoever subscribes, so many messages a second; tells its port first, and at the end of its input what it sent."""
    from aiohttp import web

    sent = 0

    async def stream(request: web.Request) -> web.WebSocketResponse:
        nonlocal sent
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        asked = await socket.receive_json()
        await socket.send_json({"id": asked["id"], "result": None})
        began, minute, told = time.monotonic(), now_ms() // MINUTE_MS, 0.0
        with contextlib.suppress(ConnectionError):
            while not socket.closed:
                due = int((time.monotonic() - began) * rate) - sent
                batch = frames(sent, due)
                sent += due
                if time.monotonic() - told > 2 or now_ms() // MINUTE_MS != minute:
                    closed = now_ms() // MINUTE_MS * MINUTE_MS if now_ms() // MINUTE_MS != minute else 0
                    minute, told = now_ms() // MINUTE_MS, time.monotonic()
                    batch += klines(now_ms(), closed)
                for text in batch:
                    await socket.send_str(text)
                await asyncio.sleep(TICK_S)
        return socket

    async def tell(request: web.Request) -> web.Response:
        match request.path.rpartition("/")[2]:
            case "time":
                return web.json_response({"serverTime": now_ms()})
            case "exchangeInfo":
                return web.json_response({"symbols": [symbol(coin) for coin in COINS], "rateLimits": []})
            case "klines":
                query = request.query
                begin = -(-int(query["startTime"]) // MINUTE_MS) * MINUTE_MS
                end = min(int(query["endTime"]), now_ms(), begin + 999 * MINUTE_MS)
                row = ["1000.0", "1001.0", "999.0", "1000.5", "12.5"]
                return web.json_response(
                    [[opened, *row, opened + MINUTE_MS - 1] for opened in range(begin, end + 1, MINUTE_MS)]
                )
            case _:
                return web.json_response([])

    app = web.Application()
    app.add_routes([web.get("/stream", stream), web.get("/api/v3/{what:.*}", tell)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(sent, flush=True)


def symbol(coin: str) -> dict[str, Any]:
    """A coin as an exchangeInfo has it."""
    filters = [{"filterType": "PRICE_FILTER", "tickSize": "0.01"}, {"filterType": "LOT_SIZE", "stepSize": "0.001"}]
    return {
        "symbol": coin,
        "status": "TRADING",
        "baseAsset": coin.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "filters": [*filters, {"filterType": "NOTIONAL", "minNotional": "5"}],
    }


def memory_mb(pid: int) -> float:
    """What a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


async def _flown(folder: Path, rate: int, seconds: float) -> dict[str, Any]:
    from tui.app import DeckApp
    from tui.link import EngineLink, HostSpec
    from tui.settings import Settings

    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "benchmarks.live", "serve", str(rate))
    exchange = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert exchange.stdout is not None
    port = int(await exchange.stdout.readline())
    config = folder / "live.toml"
    config.write_text(
        f'mode = "paper"\ncoins = {json.dumps(COINS)}\n[strategy]\nuse = "engine.strategy.examples:SmaCross"\n'
        f'[binance]\nurl = "http://127.0.0.1:{port}"\ninto = "{folder / "flown"}"\n'
    )
    links: list[EngineLink] = []

    def connect(spec: HostSpec) -> EngineLink:
        links.append(EngineLink(spec))
        return links[-1]

    app = DeckApp(connect, HostSpec(config=str(config)), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        figures = await _watched(app, links, pilot, seconds)
    told, _ = await exchange.communicate(b"")
    return figures | {"sent": int(told)}


async def _watched(app: Any, links: list[Any], pilot: Any, seconds: float) -> dict[str, Any]:
    """Look at the deck: how old its prices are just before others take their place, and how soon it obeys a key."""
    deck = app.deck
    show = deck.apply
    ages: list[int] = []
    measuring = False

    def apply(frame: Any) -> None:
        at, before = now_ms(), deck.session.frame
        if measuring and before is not None:
            ages.extend(age_of(row.price, at) for row in before.watch)
        show(frame)

    deck.apply = apply
    await _until(lambda: deck.session.frame is not None and deck.session.frame.feed.messages > 0, 0.05)
    await asyncio.sleep(SETTLE_S)
    measuring = True
    (link,) = links
    keys: list[float] = []
    held: list[float] = []
    began, first = time.monotonic(), deck.session.frame.feed.messages
    while time.monotonic() - began < seconds:
        coin, pressed = deck.session.coin, time.monotonic()
        pressing = asyncio.create_task(pilot.press("tab"))
        await _until(lambda coin=coin: deck.session.coin != coin, 0.001)
        keys.append(1000 * (time.monotonic() - pressed))
        await pressing
        held.append(memory_mb(link._process.pid))
        await asyncio.sleep(0.5)
    lasted = time.monotonic() - began
    feed = deck.session.frame.feed
    ages.sort()
    third = max(len(held) // 3, 1)
    return {
        "messages_s": (feed.messages - first) / lasted,
        "age_ms": median(ages),
        "age_p99_ms": quantiles(ages, n=100)[98],
        "key_ms": median(keys),
        "key_max_ms": max(keys),
        "host_mb": median(held),
        "grown_mb": median(held[-third:]) - median(held[:third]),
        "holes": feed.gaps,
        "reconnects": feed.reconnects,
        "bad": feed.bad,
        "unrecorded": feed.failure,
    }


async def _until(true: Callable[[], bool], pause: float) -> None:
    while True:
        if true():
            return
        await asyncio.sleep(pause)


def fly(rate: int = RATE, seconds: float = SECONDS) -> dict[str, Any]:
    """Fly on what an exchange says so many times a second, for so long; return how it went."""
    from engine.recordings.capture import seal

    with tempfile.TemporaryDirectory(prefix="tickdeck-bench-") as made:
        folder = Path(made)
        figures = asyncio.run(_flown(folder, rate, seconds))
        deadline = time.monotonic() + 60
        while list((folder / "flown" / "capture").glob("*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        seal(folder / "flown")
        return figures | _recorded(folder / "flown")


def _recorded(folder: Path) -> dict[str, int]:
    """How many trades were recorded, and how many ids there are from each coin's first to its last."""
    import pyarrow.parquet as pq

    trades = ids = 0
    for coin in COINS:
        its = [id for file in sorted(folder.glob(f"{coin}.trades.*.parquet")) for id in pq.read_table(file)["id"].to_pylist()]
        trades += len(its)
        ids += its[-1] - its[0] + 1
    return {"trades": trades, "trade_ids": ids}


def live_rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str, str, bool | None]]:
    """Return the table's rows on live prices; see benchmarks.rows."""
    age, rate, grown = figures["age_p99_ms"], figures["messages_s"], figures["grown_mb"]
    shown = f"p99 {age:,.0f} ms, median {figures['age_ms']:,.0f} ms", f"{rate:,.0f} messages/s, {len(COINS)} coins, recorded"
    whole = not (figures["holes"] or figures["reconnects"] or figures["bad"] or figures["unrecorded"])
    lost = f"{figures['holes']} holes, {figures['reconnects']} reconnects, {figures['bad']} bad frames"
    key = f"{figures['key_ms']:,.0f} ms, at most {figures['key_max_ms']:,.0f} ms"
    return [
        ("live prices on the screen: age", *shown, "", "≤ 200 ms", age <= 200 and rate >= 0.95 * RATE),
        ("  lost", lost, "", "", "0", whole),
        ("  a key is obeyed after", key, "", "", "≤ 200 ms", figures["key_max_ms"] <= 200),
        ("  the engine's memory grows by", f"{grown:,.1f} MB of {figures['host_mb']:,.0f} MB", "", "", "≤ 5 MB", grown <= 5),
    ]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", rate]:
            asyncio.run(serve(int(rate)))
        case _:
            print(json.dumps(fly()))
