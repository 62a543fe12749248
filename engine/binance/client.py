"""The client: what tickdeck asks of the exchange over REST, within the budget and by one clock; errors say what to do."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from engine import seam
from engine.binance.budget import RateBudget
from engine.binance.clock import ExchangeClock
from engine.binance.hosts import Hosts
from engine.binance.library import AsyncClient, BinanceAPIException, BinanceRequestException
from engine.errors import ExchangeError
from engine.model import CoinName, Timestamp

NS_PER_MS = 1_000_000
PATIENCE_S = 12.0
"""Longer than the exchange's own 10 s, so that its word that it gave up can still arrive."""
SAMPLE_EVERY_S = 240.0
FIRST_SAMPLES = 5
MOST_KLINES = 1000
TOO_LATE, TOO_MANY = -1021, -1003


class Client:
    """A connection to one environment. `open` it before use and `close` it after; without keys it sees public data alone.

    Raises ExchangeError for whatever the exchange or the way to it says no with.
    """

    def __init__(self, hosts: Hosts, budget: RateBudget | None = None, clock: ExchangeClock | None = None) -> None:
        self.hosts = hosts
        self.budget = budget or RateBudget()
        self.clock = clock or ExchangeClock()
        self._library: Any = None
        self._sampling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and ask what time it is there until that is known well."""
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._heard)
        library = AsyncClient(requests_params={"timeout": PATIENCE_S}, session_params={"trace_configs": [trace]})
        library.API_URL = self.hosts.rest
        library.REQUEST_RECVWINDOW = 5000
        self._library = library
        try:
            for _ in range(FIRST_SAMPLES):
                await self.sample_clock()
        except BaseException:
            await self.close()
            raise
        self._sampling = asyncio.create_task(self._keep_sampling())

    async def close(self) -> None:
        """End the connection."""
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)
        if self._library is not None:
            await self._library.close_connection()

    async def _heard(self, session: Any, context: Any, ended: aiohttp.TraceRequestEndParams) -> None:
        self.budget.hear(ended.response.status, ended.response.headers)

    # the clock

    async def sample_clock(self) -> None:
        """Ask the exchange what time it is."""
        asked = seam.monotonic_ns()
        said = await self._ask("time", 1)
        self.clock.sample(asked, int(said["serverTime"]) * NS_PER_MS, seam.monotonic_ns())

    async def _keep_sampling(self) -> None:
        since = seam.monotonic_ns()
        while True:
            await asyncio.sleep(1.0)
            due = (seam.monotonic_ns() - since) / 1e9 >= SAMPLE_EVERY_S
            if due or not self.clock.known:
                try:
                    await self.sample_clock()
                    since = seam.monotonic_ns()
                except ExchangeError:
                    continue

    # what is asked

    async def exchange_info(self, coins: list[CoinName]) -> dict[str, Any]:
        """Return what the exchange says of coins: filters, limits, whether they are traded."""
        words = ",".join(f'"{coin}"' for coin in coins)
        info: dict[str, Any] = await self._ask("exchangeInfo", 20, symbols=f"[{words}]")
        for limit in info.get("rateLimits", []):
            if limit["rateLimitType"] == "REQUEST_WEIGHT" and limit["interval"] == "MINUTE":
                self.budget.limit = int(limit["limit"]) // int(limit["intervalNum"])
        return info

    async def klines(self, coin: CoinName, interval: str, start: Timestamp, end: Timestamp) -> list[list[Any]]:
        """Return the closed and the forming klines that open within [start, end], ns, oldest first."""
        found: list[list[Any]] = []
        at = start
        while at <= end:
            times = {"startTime": at // NS_PER_MS, "endTime": end // NS_PER_MS}
            part = await self._ask("klines", 2, symbol=coin, interval=interval, limit=MOST_KLINES, **times)
            found += part
            if len(part) < MOST_KLINES:
                break
            at = (int(part[-1][0]) + 1) * NS_PER_MS
        return found

    async def depth(self, coin: CoinName) -> dict[str, Any]:
        """Return a snapshot of a coin's order book."""
        book: dict[str, Any] = await self._ask("depth", 50, symbol=coin, limit=1000)
        return book

    async def trades(self, coin: CoinName, first_id: int) -> list[dict[str, Any]]:
        """Return up to 1,000 trades from an id on."""
        trades: list[dict[str, Any]] = await self._ask("historicalTrades", 25, symbol=coin, fromId=first_id, limit=1000)
        return trades

    async def day(self, coin: CoinName) -> dict[str, Any]:
        """Return a coin's statistics of the last 24 hours."""
        ticker: dict[str, Any] = await self._ask("ticker/24hr", 2, symbol=coin)
        return ticker

    async def _ask(self, path: str, weight: int, **params: Any) -> Any:
        await self.budget.pass_weight(weight)
        try:
            return await self._library._get(path, data=params)
        except BinanceAPIException as error:
            raise told(error.status_code, error.code, str(error.message), path) from None
        except BinanceRequestException:
            raise ExchangeError(f"{path}: the exchange's answer cannot be read") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
            raise ExchangeError(f"{path}: {why}", hint=f"is {self.hosts.rest} to be reached from here?") from None


def told(status: int, code: int, message: str, path: str) -> ExchangeError:
    """Return the exchange's refusal as an error that says what to do about it."""
    hints = {
        TOO_LATE: "this machine's clock is off by more than the exchange allows; it is asked again what time it is",
        TOO_MANY: "the exchange asks to wait; tickdeck does",
    }
    if code == 0:
        message = "an answer that is none of the exchange's"
    return ExchangeError(f"{path}: HTTP {status}, {code} {message}"[:300], hint=hints.get(code, ""))
