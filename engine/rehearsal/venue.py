"""The venue: market, clock and desks together, and the one place where time moves on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from engine.market.path import Tick
from engine.model import Instrument, Timestamp
from engine.rehearsal.book import BookChange
from engine.rehearsal.clock import Clock
from engine.rehearsal.desk import Desk
from engine.rehearsal.klines import Kline
from engine.rehearsal.log import EventLog
from engine.rehearsal.market import TRADING, BarClose, CoinMarket, Market, Print

LONGEST_SLEEP_S = 0.05
IN_A_ROW = 20
"""Events before others get a turn: what they make is less than an outbox sends in one."""


class MarketEvent(NamedTuple):
    """What happened to a coin: a trade with the change of its book, or the end of a bar."""

    coin: CoinMarket
    time: Timestamp
    trade: Print | None = None
    change: BookChange | None = None
    closed: Kline | None = None


class Venue:
    """An exchange in motion: `catch_up` plays the market up to the clock, and lets it act on every desk's orders.

    Each of `listeners` gets every market event in order; each of `timers` is told how far the market's time has come, before
    what happens then. Whoever answers a request catches up first.
    """

    def __init__(self, market: Market, clock: Clock, log: EventLog) -> None:
        self.market = market
        self.clock = clock
        self.log = log
        self.desks: dict[str, Desk] = {}
        self.listeners: list[Callable[[MarketEvent], None]] = []
        self.timers: list[Callable[[Timestamp], None]] = []

    @property
    def now(self) -> Timestamp:
        """The exchange's time in ns."""
        return self.clock.now

    @property
    def at_end(self) -> bool:
        """Whether the recording has been played."""
        return self.market.due is None

    def catch_up(self) -> Timestamp:
        """Play the market up to now, and return when that is."""
        now = self.clock.now
        for event in self.market.play(now):
            self._take(event)
        self._pass(now)
        return now

    def step(self, events: int = 1) -> None:
        """Play so many events whatever the clock says, and move it to the last of them."""
        for _ in range(events):
            due = self.market.due
            if due is None:
                return
            self.clock.move_to(due)
            self._take(next(self.market.play(due)))

    async def run(self) -> None:
        """Catch up whenever something is due, until cancelled, and let what is told go out as it is told."""
        while True:
            now = self.clock.now
            for n, event in enumerate(self.market.play(now), 1):
                self._take(event)
                if n % IN_A_ROW == 0:
                    await asyncio.sleep(0)
            self._pass(now)
            due = self.market.due
            wait = LONGEST_SLEEP_S if due is None else self.clock.wall_seconds_to(due)
            await asyncio.sleep(min(wait, LONGEST_SLEEP_S))

    def change_filters(self, coin: int, instrument: Instrument) -> None:
        """Trade a coin by other filters from now on; the price step must stay. Open orders stay as they are."""
        self.market.coins[coin].instrument = instrument
        for desk in self.desks.values():
            desk.exchange.change_filters(coin, instrument)

    def _take(self, event: Tick | BarClose) -> None:
        self._pass(event.time)
        coin = self.market.coins[event.coin]
        if isinstance(event, Tick):
            if coin.status != TRADING:
                coin.missed = True
                return
            if coin.missed:
                event, coin.missed = event._replace(since=event.price, gap=True), False
            trade = coin.take(event)
            for desk in self.desks.values():
                desk.on_tick(event)
            told = MarketEvent(coin, event.time, trade, coin.change)
        else:
            closed = coin.close_bar()
            told = MarketEvent(coin, event.time, change=coin.change, closed=closed)
        for listener in self.listeners:
            listener(told)

    def _pass(self, at: Timestamp) -> None:
        for timer in self.timers:
            timer(at)
