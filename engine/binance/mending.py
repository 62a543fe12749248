"""Mending: what the streams owe is asked for over REST, and what nobody has is told of as a hole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from operator import methodcaller
from typing import Any

import msgspec

from engine import seam
from engine.binance.answers import Level
from engine.binance.client import Client
from engine.binance.coin import Hole, LiveCoin
from engine.binance.events import instant, levels
from engine.binance.numbers import NotExact, units
from engine.binance.recorder import Keeping
from engine.errors import ExchangeError
from engine.market.push import UnitBar
from engine.model import INTERVALS, CoinName, Timestamp

LOOK_EVERY_S = 0.25
AGAIN_S = 1.0
NS_PER_SECOND = 10**9
PATIENCE = 10
"""How often trades are asked for that the exchange does not have yet."""


class Mending:
    """Keeps coins whole while their streams run: bars that closed unheard, trades between ids, books torn or never joined.

    `take` gets every bar that was asked for and is news, after `catch_up` took in what was heard before it. `holes` are what is
    missing for good; each is told to `tell`. Bars are asked for again and again until `patience_s`: steps wait for them.
    """

    def __init__(
        self,
        client: Client,
        coins: Mapping[CoinName, LiveCoin],
        interval: str,
        keeping: Keeping,
        catch_up: Callable[[], None],
        take: Callable[[CoinName, UnitBar], None],
        tell: Callable[[Hole], None],
        *,
        patience_s: float,
        books: bool = False,
    ) -> None:
        self.holes: list[Hole] = []
        self._client = client
        self._coins = coins
        self._interval = interval
        self._keeping = keeping
        self._catch_up = catch_up
        self._take = take
        self._tell = tell
        self._patience_s = patience_s
        self._books = books
        self._since: dict[CoinName, int] = {}
        self._suspects: set[CoinName] = set()
        self._tries: dict[CoinName, int] = {}

    def suspect(self) -> None:
        """Look at every coin: a new connection does not tell what it missed."""
        self._suspects |= set(self._coins)

    async def run(self) -> None:
        """Mend until cancelled. No coin waits for another, nor its bars for its trades, of which there may be very many."""
        async with asyncio.TaskGroup() as group:
            for coin in self._coins.values():
                group.create_task(self._again(self._bars, coin))
                group.create_task(self._again(self._trades, coin))
                if self._books:
                    group.create_task(self._again(self._book, coin))

    async def _again(self, mend: Callable[[LiveCoin], Awaitable[bool]], coin: LiveCoin) -> None:
        """Mend again and again; after a while, where the exchange could not give all that was asked for."""
        while True:
            try:
                done = await mend(coin)
            except ExchangeError:
                done = False
            await asyncio.sleep(LOOK_EVERY_S if done else AGAIN_S)

    def give_up(self) -> None:
        """Tell of everything that is still owed: nobody will ask for it any more."""
        for coin in self._coins.values():
            self._admit([*coin.missing, *coin.forgive()])
            coin.missing.clear()

    def _admit(self, holes: Iterable[Hole]) -> None:
        for hole in holes:
            self.holes.append(hole)
            self._keeping.note("gap", **hole._asdict())
            self._tell(hole)

    # bars and books

    async def history(self, coin: CoinName, start: Timestamp, now: Timestamp) -> list[UnitBar]:
        """Return a coin's bars from a time on that have closed by now."""
        found: list[UnitBar] = []
        async for page in self._client.klines(coin, self._interval, start, now):
            body = msgspec.json.encode(page)
            self._keeping.keep(methodcaller("klines", coin, self._interval, seam.wall_ns(), body, now))
            found += [bar for bar in map(_bar, page) if bar.time + INTERVALS[self._interval] <= now]
        return found

    async def _bars(self, coin: LiveCoin) -> bool:
        if self._is_owed_too_long(coin):
            self._admit(coin.forgive())
        if coin.name in self._suspects or coin.owes is not None:
            now = self._client.clock.now
            bars = await self.history(coin.name, coin.whole + INTERVALS[self._interval], now)
            self._suspects.discard(coin.name)
            self._catch_up()
            fresh, holes = coin.fill(bars)
            for bar in fresh:
                self._take(coin.name, bar)
            self._admit(holes)
        return coin.owes is None

    def _is_owed_too_long(self, coin: LiveCoin) -> bool:
        if coin.owes is None:
            self._since.pop(coin.name, None)
            return False
        since = self._since.setdefault(coin.name, seam.monotonic_ns())
        return (seam.monotonic_ns() - since) / NS_PER_SECOND > self._patience_s

    # books and trades

    async def _book(self, coin: LiveCoin) -> bool:
        torn, coin.book.torn = coin.book.torn, []
        self._admit(Hole(coin.name, "depth", first, last) for first, last in torn)
        if not coin.book.wants:
            return True
        snapshot = await self._client.depth(coin.name)
        self._keeping.keep(methodcaller("depth", coin.name, seam.wall_ns(), msgspec.json.encode(snapshot)))
        return coin.book.join(snapshot.lastUpdateId, _side(snapshot.bids), _side(snapshot.asks))

    async def _trades(self, coin: LiveCoin) -> bool:
        while coin.missing:
            hole = coin.missing[0]
            rest = await self._fill(hole)
            coin.missing[:1] = [rest] if rest is not None else []
            if rest == hole:
                return False
        return True

    async def _fill(self, hole: Hole) -> Hole | None:
        """Ask for the trades of a hole; return what is left of it, None where nothing more is to be had."""
        try:
            trades = await self._client.trades(hole.coin, hole.first)
        except ExchangeError as error:
            if not error.refused:
                raise
            self._admit([hole])
            return None
        ids = sorted(its.id for its in trades if its.id >= hole.first)
        if not ids:
            return self._wait_for(hole)
        self._tries.pop(hole.coin, None)
        inside = [its for its in trades if hole.first <= its.id <= hole.last]
        if inside:
            self._keeping.keep(methodcaller("trades", hole.coin, seam.wall_ns(), msgspec.json.encode(inside)))
        # what is not there though something later is, is nowhere
        at = hole.first
        for id in [*(id for id in ids if id <= hole.last), *([hole.last + 1] if ids[-1] > hole.last else [])]:
            if id > at:
                self._admit([hole._replace(first=at, last=id - 1)])
            at = id + 1
        return hole._replace(first=at) if at <= hole.last else None

    def _wait_for(self, hole: Hole) -> Hole | None:
        """Give the exchange's databases some time: the trades may not be in them yet."""
        self._tries[hole.coin] = tries = self._tries.get(hole.coin, 0) + 1
        if tries < PATIENCE:
            return hole
        del self._tries[hole.coin]
        self._admit([hole])
        return None


def _bar(row: list[Any]) -> UnitBar:
    try:
        return UnitBar(instant(int(row[0])), *(units(str(text)) for text in row[1:6]))
    except (NotExact, ValueError, IndexError, TypeError) as error:
        raise ExchangeError(f"klines: the exchange's answer cannot be read: {error}") from None


def _side(told: list[Level]) -> dict[int, int]:
    try:
        return levels(told)
    except NotExact as error:
        raise ExchangeError(f"depth: the exchange's answer cannot be read: {error}") from None
