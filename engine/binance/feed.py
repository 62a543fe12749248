"""BinanceFeed: live market data as a raw timeline, warm from its first step, whole again after every cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from engine import seam
from engine.binance.barrier import Barrier
from engine.binance.client import Client
from engine.binance.events import KlineEvent, MarketEvent, QuoteEvent, TradeEvent, instant, read_frame
from engine.binance.inbox import Inbox
from engine.binance.instruments import instruments
from engine.binance.numbers import NotExact, units
from engine.binance.socket import BadFrame, Manners, SupervisedSocket, Wire
from engine.errors import ExchangeError, TickdeckError
from engine.market.push import PushFeed, UnitBar
from engine.model import INTERVALS, CoinName, Instrument, Timestamp
from engine.state import Raw

MICROSECOND, NS_PER_MS = 1_000, 1_000_000
NS_PER_SECOND = 10**9
LOOK_EVERY_S = 0.25


class Recorder(Protocol):
    """Who keeps what is received: frames and replies as they came, and notes of what happened to them."""

    def frame(self, socket: str, received: Timestamp, frame: bytes) -> None: ...
    def klines(self, coin: CoinName, interval: str, received: Timestamp, body: bytes, asked: Timestamp) -> None: ...
    def depth(self, coin: CoinName, received: Timestamp, body: bytes) -> None: ...
    def note(self, what: str, **facts: Any) -> None: ...


class Nobody:
    """Keeps nothing."""

    def frame(self, socket: str, received: Timestamp, frame: bytes) -> None:
        """Forget a frame."""

    def klines(self, coin: CoinName, interval: str, received: Timestamp, body: bytes, asked: Timestamp) -> None:
        """Forget a reply."""

    def depth(self, coin: CoinName, received: Timestamp, body: bytes) -> None:
        """Forget a reply."""

    def note(self, what: str, **facts: Any) -> None:
        """Forget a note."""


class CoinHealth(NamedTuple):
    """How a coin's data fares: seconds since the last, how late it was, its newest quotes, and whether that is too old."""

    coin: CoinName
    age_s: float
    lag_ms: float
    bid: int
    ask: int
    stale: bool


class Health(NamedTuple):
    """How the feed fares: its coins, the socket's reconnects, bad frames, bars that came late, holes nobody could fill.

    `failure` tells why what is received is no longer recorded, "" while it is or was never to be.
    """

    coins: list[CoinHealth]
    alive: bool
    reconnects: int
    bad: int
    late: int
    gaps: int
    weight: int
    weight_limit: int
    offset_ms: float
    messages: int
    failure: str


class Hole(NamedTuple):
    """Trades or bars that were never received, from one id or opening time to another, both included."""

    coin: CoinName
    kind: str
    first: int
    last: int


class BinanceFeed:
    """The raw timeline of live coins: `learn` of them, `warm_up`, keep it running with `run`, go on over `upcoming` as ever.

    Orders meet the bars of `interval`, the strategy sees those of `decision`. `history` bars of the decision interval are there
    from the start; `begin` is the time right after the last of them. A coin without data for `stale_s` is stale.
    """

    def __init__(
        self,
        client: Client,
        coins: Sequence[CoinName],
        *,
        interval: str = "1m",
        decision: str | None = None,
        history: int = 1000,
        grace_ms: int = 1000,
        stale_s: float = 15.0,
        streams: Sequence[str] = ("kline", "trade", "bookTicker"),
        manners: Manners | None = None,
    ) -> None:
        self.client = client
        self.coins = tuple(coins)
        self.interval = decision or interval
        self.instruments: tuple[Instrument, ...] = ()
        self.begin: Timestamp = 0
        self.holes: list[Hole] = []
        self.inbox: Inbox[MarketEvent] = Inbox()
        self._base = interval
        self._history = history * INTERVALS[self.interval] // INTERVALS[interval]
        self._stale_s = stale_s
        self._names = [its for coin in self.coins for its in _streams(coin.lower(), streams, interval)]
        self._recorder: Recorder = Nobody()
        self._failure = ""
        self._barrier = Barrier(self.coins, INTERVALS[interval], grace_ms)
        self._feed: PushFeed | None = None
        self._alive = False
        self._fresh = False
        self._books = "depth" in streams
        now = seam.monotonic_ns()
        self._heard: dict[CoinName, int] = dict.fromkeys(self.coins, now)
        self._lags: dict[CoinName, float] = dict.fromkeys(self.coins, 0.0)
        self._prices: dict[CoinName, int] = {}
        self._quotes: dict[CoinName, QuoteEvent] = {}
        self._forming: dict[CoinName, UnitBar] = {}
        self._trade_ids: dict[CoinName, int] = {}
        self.socket = SupervisedSocket(
            "market", f"{client.hosts.streams}/stream", self._subscribe, self._hear, self._changed, manners
        )

    # the raw timeline

    @property
    def latest(self) -> Raw:
        """What is known at the cursor; the feed must be open."""
        return self._pushed.latest

    @property
    def _pushed(self) -> PushFeed:
        if self._feed is None:
            raise ExchangeError("the feed is not open yet")
        return self._feed

    def upcoming(self, steps: int | None) -> Sequence[Timestamp]:
        """Return the times of the steps that wait, at most so many."""
        return self._pushed.upcoming(steps)

    def advance(self, timestamp: Timestamp) -> None:
        """Take in the next step that waits."""
        self._pushed.advance(timestamp)

    @property
    def times(self) -> list[Timestamp]:
        """The times of the steps done, ns."""
        return self._pushed.times

    def __len__(self) -> int:
        return len(self._pushed.times)

    # opening

    async def learn(self) -> None:
        """Learn the coins' filters."""
        info = await self.client.exchange_info(list(self.coins))
        self.instruments = tuple(instruments(info, self.coins))
        self._feed = PushFeed(self.instruments, INTERVALS[self._base], INTERVALS[self.interval])

    def record_to(self, recorder: Recorder) -> None:
        """Have everything recorded that is received from now on."""
        self._recorder = recorder

    async def warm_up(self) -> None:
        """Bring history in, up to the last bar that has closed; then steps wait for it all."""
        now = self.client.clock.now
        length = INTERVALS[self._base]
        start = (now // length - self._history) * length
        bars = await asyncio.gather(*(self._closed(coin, start, now) for coin in self.coins))
        by_time: dict[Timestamp, dict[CoinName, UnitBar]] = {}
        for coin, found in zip(self.coins, bars, strict=True):
            for bar in found:
                by_time.setdefault(bar.time + length, {})[coin] = bar
        for time in sorted(by_time):
            self._pushed.push(time, by_time[time])
        last = max(by_time, default=now // length * length)
        self._barrier.begin_at(last)
        self.begin = last + MICROSECOND

    async def _closed(self, coin: CoinName, start: Timestamp, now: Timestamp) -> list[UnitBar]:
        """Return a coin's bars from a time on that have closed by now."""
        rows = await self.client.klines(coin, self._base, start, now)
        self._record(lambda to: to.klines(coin, self._base, seam.wall_ns(), msgspec.json.encode(rows), now))
        return [bar for bar in map(_bar, rows) if bar.time + INTERVALS[self._base] <= now]

    # running

    async def run(self) -> None:
        """Keep the socket alive and the holes filled, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.socket.run())
            group.create_task(self._mend())

    async def wait(self, seconds: float = LOOK_EVERY_S) -> None:
        """Return when something came, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.inbox.wait()

    def pump(self) -> int:
        """Take in what came, and queue the steps it makes; return how many wait."""
        now = self.client.clock.now
        for event in self.inbox.take():
            self._take(event, now)
        for step in self._barrier.ready(now):
            for coin, bars in step.late.items():
                self._note("late", coin=coin, opened=[bar.time for bar in bars], interval=self._base)
            self._pushed.push(step.time, step.bars, step.late)
        return len(self._pushed.timestamps)

    def drain(self) -> None:
        """Take in what came without making steps of it, where nobody flies over them."""
        now = self.client.clock.now
        for event in self.inbox.take():
            self._take(event, now)
        self._barrier.ready(now)

    def _take(self, event: MarketEvent, now: Timestamp) -> None:
        self._heard[event.coin] = seam.monotonic_ns()
        match event:
            case KlineEvent(closed=True):
                self._lag(event.coin, now, event.at)
                self._forming.pop(event.coin, None)
                self._barrier.put(event.coin, event.bar, now)
            case KlineEvent():
                self._lag(event.coin, now, event.at)
                self._forming[event.coin] = event.bar
            case TradeEvent():
                self._lag(event.coin, now, event.at)
                self._prices[event.coin] = event.price
                self._follow_trades(event)
            case QuoteEvent():
                self._quotes[event.coin] = event
            case _:
                pass

    def _lag(self, coin: CoinName, now: Timestamp, at: Timestamp) -> None:
        self._lags[coin] = (now - at) / NS_PER_MS

    def _follow_trades(self, event: TradeEvent) -> None:
        last = self._trade_ids.get(event.coin)
        if last is not None and event.id > last + 1:
            self._hole(Hole(event.coin, "trades", last + 1, event.id - 1))
        if last is None or event.id > last:
            self._trade_ids[event.coin] = event.id

    def _hole(self, hole: Hole) -> None:
        self.holes.append(hole)
        self._note("gap", coin=hole.coin, kind=hole.kind, first=hole.first, last=hole.last)

    # what is recorded

    def _record(self, keep: Callable[[Recorder], None]) -> None:
        """Give the recorder something; where it cannot take it, fly on without and tell why."""
        try:
            keep(self._recorder)
        except TickdeckError as error:
            self._recorder, self._failure = Nobody(), error.message

    def _note(self, what: str, **facts: Any) -> None:
        self._record(lambda to: to.note(what, **facts))

    # the socket

    async def _subscribe(self, wire: Wire) -> None:
        await wire.send(json.dumps({"method": "SUBSCRIBE", "params": self._names, "id": 1}))
        while True:
            frame = await wire.recv()
            data = frame.encode() if isinstance(frame, str) else frame
            answer = _answer(data)
            if answer is None:
                self.socket.take(data)
            elif "error" in answer:
                raise BadFrame(f"the exchange refused the subscription: {answer['error']}"[:200])
            else:
                return

    def _hear(self, frame: bytes, received: int) -> None:
        self._record(lambda to: to.frame(self.socket.name, received, frame))
        event = read_frame(frame)
        if event is not None:
            self.inbox.put(event, event.key)

    def _changed(self, alive: bool) -> None:
        if alive:
            self._note("connect", socket=self.socket.name)
        elif self._alive:
            cuts = self.socket.counters.cuts
            self._note("disconnect", socket=self.socket.name, reason=cuts[-1] if cuts else "")
        self._alive = alive
        if alive:
            self._fresh = True

    async def _mend(self) -> None:
        """After every connect ask for what the stream alone does not tell: the bars that closed meanwhile, the whole book."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._fresh:
                continue
            self._fresh = False
            try:
                for coin in self.coins:
                    await self._backfill(coin)
                    if self._books:
                        book = msgspec.json.encode(await self.client.depth(coin))
                        self._record(partial(_keep_book, coin, book))
            except ExchangeError:
                self._fresh = True
                await asyncio.sleep(1.0)

    async def _backfill(self, coin: CoinName) -> None:
        known = self._barrier.last_known(coin) or self.begin - MICROSECOND - INTERVALS[self._base]
        now = self.client.clock.now
        for bar in await self._closed(coin, known + 1, now):
            self._barrier.put(coin, bar, now)

    # how it fares

    def forming(self, coin: CoinName) -> UnitBar | None:
        """Return the bar that forms of a coin, as far as it has come."""
        return self._forming.get(coin)

    def price(self, coin: CoinName) -> int:
        """Return what a coin last traded at, in units; 0 before anything came."""
        forming = self._forming.get(coin)
        return self._prices.get(coin) or (forming.close if forming is not None else 0)

    @property
    def health(self) -> Health:
        """How the feed fares now."""
        now = seam.monotonic_ns()
        budget, counters = self.client.budget, self.socket.counters
        rows = []
        for coin in self.coins:
            age = (now - self._heard[coin]) / NS_PER_SECOND
            quote = self._quotes.get(coin)
            bid, ask = (quote.bid, quote.ask) if quote is not None else (0, 0)
            rows.append(CoinHealth(coin, age, self._lags[coin], bid, ask, age > self._stale_s))
        return Health(
            coins=rows,
            alive=self._alive,
            reconnects=counters.reconnects,
            bad=counters.bad,
            late=self._barrier.late,
            gaps=len(self.holes),
            weight=budget.used,
            weight_limit=budget.limit,
            offset_ms=self.client.clock.skew_ns / NS_PER_MS,
            messages=counters.messages,
            failure=self._failure,
        )


def _keep_book(coin: CoinName, book: bytes, to: Recorder) -> None:
    to.depth(coin, seam.wall_ns(), book)


def _streams(coin: str, kinds: Sequence[str], interval: str) -> list[str]:
    words = {"kline": f"kline_{interval}", "depth": "depth@100ms"}
    return [f"{coin}@{words.get(kind, kind)}" for kind in kinds]


def _bar(row: Sequence[Any]) -> UnitBar:
    try:
        return UnitBar(instant(int(row[0])), *(units(str(text)) for text in row[1:6]))
    except (NotExact, ValueError, IndexError, TypeError) as error:
        raise ExchangeError(f"klines: the exchange's answer cannot be read: {error}") from None


def _answer(frame: bytes) -> dict[str, Any] | None:
    """Return a frame that answers a request, None for one that does not."""
    if b'"id"' not in frame[:64] and b'"result"' not in frame[:64] and b'"error"' not in frame[:64]:
        return None
    try:
        said = json.loads(frame)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "id" in said and "stream" not in said else None
