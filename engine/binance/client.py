"""The client: what tickdeck asks of the exchange over REST, within the budget and by one clock; errors say what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec

from engine import seam
from engine.binance.answers import ExchangeInfo, OldTrade, Price, Refusal, ServerTime, Snapshot
from engine.binance.budget import ORDERS_S, TOLD_TO_WAIT, RateBudget
from engine.binance.clock import ExchangeClock
from engine.binance.hosts import LOOPBACK, Hosts
from engine.binance.keys import Keys
from engine.binance.library import AsyncClient, BinanceAPIException
from engine.errors import ExchangeError
from engine.model import CoinName, Timestamp

NS_PER_MS = 1_000_000
PATIENCE_S = 12.0
"""Longer than the exchange's own 10 s, so that its word that it gave up can still arrive."""
SAMPLE_EVERY_S = 240.0
FIRST_SAMPLES = 5
MOST_ROWS = 1000
TOO_LATE, TOO_MANY = -1021, -1003
TOO_MUCH = 429
NOT_HIS = "an answer that is none of the exchange's"

Shape = TypeVar("Shape")


class Client:
    """A connection to one environment. `open` it before use and `close` it after; without keys it sees public data alone.

    Raises ExchangeError for whatever the exchange or the way to it says no with.
    """

    def __init__(
        self,
        hosts: Hosts,
        budget: RateBudget | None = None,
        clock: ExchangeClock | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.hosts = hosts
        self.keys = keys
        self.budget = budget or RateBudget()
        self.clock = clock or ExchangeClock()
        self.rehearses = urlsplit(hosts.rest).hostname in LOOPBACK
        """Whether the exchange is a rehearsal's: on this machine, and anew with all its accounts each time it is opened."""
        self._library: Any = None
        self._sampling: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and ask what time it is there until that is known well."""
        trace = aiohttp.TraceConfig()
        trace.on_request_end.append(self._heard)
        keys = self.keys
        library = AsyncClient(
            keys.api_key.reveal() if keys is not None else None,
            keys.secret.reveal() if keys is not None and keys.secret is not None else None,
            requests_params={"timeout": PATIENCE_S},
            # a rehearsal is no proxy's business
            session_params={"trace_configs": [trace], "trust_env": not self.rehearses},
            private_key=keys.private_key.reveal() if keys is not None and keys.private_key is not None else None,
        )
        library.API_URL = self.hosts.rest
        library.MARGIN_API_URL = f"{self.hosts.rest.removesuffix('/api')}/sapi"
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
        reply = ended.response
        # of what there is too much only the body tells
        code = await _code(reply) if reply.status == TOO_MUCH else 0
        self.budget.hear(reply.status, reply.headers, code)

    # the clock

    async def sample_clock(self) -> None:
        """Ask the exchange what time it is."""
        await self.budget.pass_weight(1)
        self.clock.look()
        jumped, asked = self.clock.jumped, seam.monotonic_ns()
        said = await self._ask("time", 0, ServerTime)
        answered = seam.monotonic_ns()
        self.clock.look()
        # what was said before this machine slept says nothing of the time after it
        if self.clock.jumped == jumped:
            self.clock.sample(asked, said.serverTime * NS_PER_MS, answered)

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

    async def exchange_info(self, coins: list[CoinName]) -> ExchangeInfo:
        """Return what the exchange says of coins: filters, limits, whether they are traded."""
        words = ",".join(f'"{coin}"' for coin in coins)
        info = await self._ask("exchangeInfo", 20, ExchangeInfo, symbols=f"[{words}]")
        for its in info.rateLimits:
            if (its.rateLimitType, its.interval) == ("REQUEST_WEIGHT", "MINUTE") and its.intervalNum > 0:
                self.budget.limit = its.limit // its.intervalNum
            if (its.rateLimitType, its.interval, its.intervalNum) == ("ORDERS", "SECOND", ORDERS_S):
                self.budget.orders_limit = its.limit
        return info

    async def names(self) -> list[CoinName]:
        """Return every coin the exchange has a price of."""
        return [its.symbol for its in await self._ask("ticker/price", 4, list[Price])]

    async def klines(self, coin: CoinName, interval: str, start: Timestamp, end: Timestamp) -> AsyncIterator[list[list[Any]]]:
        """Give the closed and the forming klines that open within [start, end], ns, oldest first, up to 1,000 at a time."""
        at = start
        while at <= end:
            times: dict[str, Any] = {"startTime": at // NS_PER_MS, "endTime": end // NS_PER_MS}
            page = await self._ask("klines", 2, list[list[Any]], symbol=coin, interval=interval, limit=MOST_ROWS, **times)
            yield page
            if len(page) < MOST_ROWS:
                break
            with self._refusals("klines"):
                at, before = (int(page[-1][0]) + 1) * NS_PER_MS, at
                if at <= before:
                    raise ExchangeError(f"klines: {NOT_HIS}")

    async def depth(self, coin: CoinName) -> Snapshot:
        """Return a snapshot of a coin's order book."""
        return await self._ask("depth", 50, Snapshot, symbol=coin, limit=1000)

    async def trades(self, coin: CoinName, first_id: int) -> list[OldTrade]:
        """Return up to 1,000 trades from an id on."""
        asked: dict[str, Any] = {"symbol": coin, "fromId": first_id, "limit": MOST_ROWS}
        return await self._ask("historicalTrades", 25, list[OldTrade], patient=True, **asked)

    # what is signed

    async def signed(self, method: str, path: str, weight: int, *, urgent: bool = False, **params: Any) -> Any:
        """Send a signed request once and return the body of its answer; an `urgent` one may use the reserve.

        What goes wrong is raised as the library has it: it means different things for different requests.
        """
        await self.budget.pass_weight(weight, urgent)
        self._library.timestamp_offset = self.clock.now // NS_PER_MS - seam.wall_ns() // NS_PER_MS
        send = {
            "get": self._library._get,
            "post": self._library._post,
            "delete": self._library._delete,
            "put": self._library._put,
        }
        return await send[method](path, True, data=params)

    async def query(self, path: str, weight: int, **params: Any) -> Any:
        """Return the answer to a signed question; raises ExchangeError."""
        with self._refusals(path):
            return await self.signed("get", path, weight, **params)

    async def wallet(self, path: str, weight: int, **params: Any) -> Any:
        """Return the answer to a signed question to the exchange's wallet; raises ExchangeError."""
        with self._refusals(path):
            await self.budget.pass_weight(weight)
            self._library.timestamp_offset = self.clock.now // NS_PER_MS - seam.wall_ns() // NS_PER_MS
            return await self._library._request_margin_api("get", path, True, data=params)

    def sign_for_socket(self) -> dict[str, Any]:
        """Return the parameters that subscribe a connection to the account's events."""
        stamp = {"timestamp": self.clock.now // NS_PER_MS}
        signed: dict[str, Any] = self._library._sign_ws_params(stamp, self._library._generate_ws_api_signature)
        return signed

    async def _ask(self, path: str, weight: int, shape: type[Shape], *, patient: bool = False, **params: Any) -> Shape:
        """Return the answer to a question, which has this shape; what is `patient` leaves others the way."""
        await self.budget.pass_weight(weight, patient=patient)
        with self._refusals(path):
            return msgspec.convert(await self._library._get(path, data=params), shape)

    @contextmanager
    def _refusals(self, path: str) -> Iterator[None]:
        """Turn what goes wrong with a question into an ExchangeError."""
        try:
            yield
        except ExchangeError:
            raise
        except BinanceAPIException as error:
            if error.code == TOO_LATE:
                self.clock.forget()
            raise told(error.status_code, error.code, str(error.message), path) from None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ExchangeError(f"{path}: {_why(error)}", hint=f"is {self.hosts.rest} to be reached from here?") from None
        # the library itself stumbles over some answers
        except Exception:
            raise ExchangeError(f"{path}: {NOT_HIS}") from None


async def _code(reply: aiohttp.ClientResponse) -> int:
    """Return the code of a refusal, 0 where it tells none."""
    try:
        return msgspec.json.decode(await reply.read(), type=Refusal).code
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError):
        return 0


def _why(error: Exception) -> str:
    """Return what was wrong with the way to the exchange, in words."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE_S:g} s"
    return str(error) or type(error).__name__


def told(status: int, code: int, message: str, path: str) -> ExchangeError:
    """Return the exchange's refusal as an error that says what to do about it."""
    hints = {
        TOO_LATE: "this machine's clock is off by more than the exchange allows; it is asked again what time it is",
        TOO_MANY: "the exchange asks to wait; tickdeck does",
    }
    said = f"{code} {message}" if code else NOT_HIS
    error = ExchangeError(f"{path}: HTTP {status}, {said}"[:300], hint=hints.get(code, ""))
    error.refused = 400 <= status < 500 and status not in TOLD_TO_WAIT and code != TOO_LATE
    return error
