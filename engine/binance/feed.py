"""BinanceFeed: live market data as a raw timeline, warm from its first step, whole again after every cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from operator import methodcaller
from typing import NamedTuple

from engine.binance.barrier import Barrier, LiveStep
from engine.binance.client import Client
from engine.binance.coin import CoinHealth, Hole, LiveCoin
from engine.binance.events import QuoteEvent
from engine.binance.listing import Listing
from engine.binance.mending import Mending
from engine.binance.recorder import Keeping, Recorder
from engine.binance.socket import Manners
from engine.binance.stream import MarketStream
from engine.errors import ExchangeError
from engine.market.push import PushFeed, UnitBar
from engine.model import INTERVALS, CoinName, Instrument, Timestamp
from engine.recordings.bars import stamp
from engine.state import Raw

MICROSECOND, NS_PER_MS, NS_PER_SECOND = 1_000, 1_000_000, 10**9
LOOK_EVERY_S = 0.25


class Health(NamedTuple):
    """How the feed fares: its coins, the socket's reconnects, bad frames, bars that came late, holes nobody could fill.

    `waits_for` tells what requests wait for, "" for nothing; `failure` why what is received is no longer recorded, "" while it
    is or was never to be.
    """

    coins: list[CoinHealth]
    alive: bool
    reconnects: int
    bad: int
    late: int
    gaps: int
    weight: int
    weight_limit: int
    waits_for: str
    offset_ms: float
    messages: int
    failure: str


class BinanceFeed:
    """The raw timeline of live coins: `learn` of them, `warm_up`, keep it running with `run`, go on over `upcoming` as ever.

    Orders meet the bars of `interval`, the strategy sees those of `decision`. `history` bars of the decision interval are there
    from the start; `begin` is the time right after the last of them. A coin whose data is older than `stale_s` is stale; where
    that is so of all that the socket hears, it is made anew.

    A bar counts from when the exchange says that it is over, and then is whole, whenever the socket connected: there is no
    partial first bar to drop. Steps wait up to `patience_s` for bars before them that were lost on their way and are asked for;
    then those are missing.
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
        patience_s: float = 30.0,
        streams: Sequence[str] = ("kline", "trade", "bookTicker"),
        manners: Manners | None = None,
    ) -> None:
        self.client = client
        self.coins = tuple(coins)
        self.interval = decision or interval
        self.begin: Timestamp = 0
        self.news: deque[tuple[str, str]] = deque(maxlen=1000)
        """What there is to know of the feed, oldest first: a level ("info" or "warning") and a sentence each."""
        self._base = interval
        self._history = history * INTERVALS[self.interval] // INTERVALS[interval]
        self._stale_s = stale_s
        self._keeping = Keeping()
        self._listing = Listing(client, self.coins, self._tell)
        self._barrier = Barrier(self.coins, INTERVALS[interval], grace_ms)
        self._feed: PushFeed | None = None
        self._live = {coin: LiveCoin(coin, INTERVALS[interval]) for coin in self.coins}
        self._closed: deque[tuple[CoinName, UnitBar]] = deque()
        self._mending = Mending(
            client,
            self._live,
            interval,
            self._keeping,
            self._hear_all,
            lambda coin, bar: self._closed.append((coin, bar)),
            self._miss,
            patience_s=patience_s,
            books="depth" in streams,
        )
        manners = manners or Manners(silence=stale_s)
        self._stream = MarketStream(client.hosts.streams, self.coins, streams, interval, self._keeping, self._changed, manners)
        self.socket = self._stream.socket
        self._jumped, self._slept, self._asked = client.clock.jumped, client.clock.slept_ns, 0
        self._broken: BaseException | None = None

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
        """Learn the coins' filters; raises ConfigError for one that the exchange does not have."""
        await self._listing.learn()
        self._feed = PushFeed(self.instruments, INTERVALS[self._base], INTERVALS[self.interval])

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """The coins with the filters they have now."""
        return self._listing.instruments

    @property
    def statuses(self) -> Mapping[CoinName, str]:
        """What may be done with each coin now, in the exchange's word: always the same mapping."""
        return self._listing.statuses

    def record_to(self, recorder: Recorder) -> None:
        """Have everything recorded that is received from now on."""
        self._keeping.begin(recorder)

    def keep_account(self, frame: bytes, received: Timestamp) -> None:
        """Have an event of the account recorded with the rest."""
        self._keeping.keep(methodcaller("frame", "account", received, frame))

    async def warm_up(self) -> None:
        """Bring history in, up to the last bar that has closed; then steps wait for it all."""
        now = self.client.clock.now
        length = INTERVALS[self._base]
        start = (now // length - self._history) * length
        found = await asyncio.gather(*(self._mending.history(coin, start, now) for coin in self.coins))
        by_time: dict[Timestamp, dict[CoinName, UnitBar]] = {}
        for coin, bars in zip(self.coins, found, strict=True):
            for bar in bars:
                by_time.setdefault(bar.time + length, {})[coin] = bar
        for time in sorted(by_time):
            self._pushed.push(time, by_time[time])
        last = max(by_time, default=now // length * length)
        self._barrier.begin_at(last)
        for its in self._live.values():
            its.begin_at(last - length)
        self.begin = last + MICROSECOND

    # running

    async def run(self) -> None:
        """Keep the socket alive and its coins whole, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self.socket.run(), self._mending.run(), self._listing.run()):
                    group.create_task(work)
        except Exception as error:
            self._broken = error
            raise

    @property
    def came(self) -> asyncio.Event:
        """Set when something came, until it is pumped."""
        return self._stream.inbox.came

    async def wait(self, seconds: float = LOOK_EVERY_S) -> None:
        """Return when something came, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stream.inbox.wait()

    def pump(self) -> int:
        """Take in what came, and queue the steps it makes; return how many wait."""
        for step in self.drain():
            for coin, bars in step.late.items():
                self._keeping.note("late", coin=coin, opened=[bar.time for bar in bars], interval=self._base)
            self._pushed.push(step.time, step.bars, step.late)
        return len(self._pushed.timestamps)

    def drain(self) -> list[LiveStep]:
        """Take in what came, and return the steps it makes; where nobody flies over them they are forgotten."""
        if self._broken is not None:
            raise self._broken
        self._hear_all()
        self._look_at_clock()
        now = self.client.clock.now
        while self._closed:
            self._barrier.put(*self._closed.popleft(), now)
        owed = min((coin.owes for coin in self._live.values() if coin.owes is not None), default=None)
        return self._barrier.ready(now, owed)

    def _hear_all(self) -> None:
        events = self._stream.inbox.take()
        clock = self.client.clock
        clock.hear(max((event.at for event in events if not isinstance(event, QuoteEvent)), default=0))
        now, speed = clock.now, clock.speed
        for event in events:
            late = 0.0 if isinstance(event, QuoteEvent) else (now - event.at) / NS_PER_SECOND / speed
            bar = self._live[event.coin].hear(event, late)
            if bar is not None:
                self._closed.append((event.coin, bar))

    def _look_at_clock(self) -> None:
        """Notice that this machine slept or its clock was set: all is old then, and a connection that looks well may not be."""
        clock = self.client.clock
        clock.look()
        if clock.jumped != self._jumped:
            slept = clock.slept_ns - self._slept
            self._jumped, self._slept = clock.jumped, clock.slept_ns
            for coin in self._live.values():
                coin.age(slept)
            ahead = f"slept, or its clock was set ahead, by {slept / NS_PER_SECOND:,.0f} s"
            self.socket.renew(f"this machine {ahead if slept else 'set its clock back'}")
        if clock.known and clock.asked != self._asked:
            self._asked = clock.asked
            self._keeping.note("clock", offset=-clock.skew_ns, uncertain=clock.uncertain_ns)

    def _tell(self, level: str, text: str) -> None:
        self.news.append((level, text))

    def _miss(self, hole: Hole) -> None:
        which = f"{stamp(hole.first)} to {stamp(hole.last)}" if hole.kind == "klines" else f"{hole.first} to {hole.last}"
        self._tell("warning", f"{hole.coin}: {hole.kind} {which} are missing")

    def own_up(self) -> None:
        """Tell of all that is still owed as missing: nobody will ask for it any more."""
        self._mending.give_up()

    def _changed(self, alive: bool, why: str) -> None:
        """Know that the stream is connected, perhaps anew, or lost."""
        if alive:
            self._mending.suspect()
            if self.socket.counters.connects > 1:
                self._tell("info", "connected to the exchange again")
        else:
            self._tell("warning", f"lost the connection to the exchange: {why}")
            for coin in self._live.values():
                coin.lose()

    # how it fares

    def forming(self, coin: CoinName) -> UnitBar | None:
        """Return the decision bar that forms of a coin, as far as it has come."""
        return self._pushed.forming(coin, self._live[coin].forming)

    def price(self, coin: CoinName) -> int:
        """Return what a coin last traded at, in units; 0 before anything came."""
        return self._live[coin].price

    @property
    def health(self) -> Health:
        """How the feed fares now."""
        budget, counters = self.client.budget, self.socket.counters
        return Health(
            coins=[coin.health(self._stale_s, self._listing.statuses[coin.name]) for coin in self._live.values()],
            alive=self._stream.alive,
            reconnects=counters.reconnects,
            bad=counters.bad,
            late=self._barrier.late,
            gaps=len(self._mending.holes),
            weight=budget.used,
            weight_limit=budget.limit,
            waits_for=budget.waits_for,
            offset_ms=self.client.clock.skew_ns / NS_PER_MS,
            messages=counters.messages,
            failure=self._keeping.failure,
        )
