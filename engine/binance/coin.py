"""A live coin: the latest of everything the streams tell of it, and what of it they still owe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine import seam
from engine.binance.depth import OrderBook
from engine.binance.events import DepthEvent, KlineEvent, MarketEvent, QuoteEvent, TradeEvent
from engine.binance.instruments import TRADING
from engine.market.push import UnitBar
from engine.model import CoinName, Timestamp

NS_PER_SECOND = 10**9


class Hole(NamedTuple):
    """Events of a kind that a coin had and nobody received: from one id or opening time to another, both included."""

    coin: CoinName
    kind: str
    first: int
    last: int


class CoinHealth(NamedTuple):
    """How a coin's data fares: how old it is and how late it came, its best quotes, and whether it is too old.

    `status` is what may be done with the coin, in the exchange's word.
    """

    coin: CoinName
    age_s: float
    lag_ms: float
    bid: int
    ask: int
    stale: bool
    status: str = TRADING


class LiveCoin:
    """What has been heard of one coin. `hear` takes an event in, `fill` bars that were asked for.

    Bars are of `interval` ns; every bar up to the one that opened at `whole` is there. `missing` are trades between two ids
    that came.
    """

    def __init__(self, name: CoinName, interval: int) -> None:
        self.name = name
        self.book = OrderBook()
        self.forming: UnitBar | None = None
        self.whole: Timestamp = 0
        self.missing: list[Hole] = []
        self._interval = interval
        self._beyond: set[Timestamp] = set()
        self._opened: Timestamp = 0
        self._heard = seam.monotonic_ns()
        self._late_s = 0.0
        self._trade: TradeEvent | None = None
        self._quote: QuoteEvent | None = None

    @property
    def price(self) -> int:
        """What it last traded at, in units; 0 before anything came."""
        if self._trade is not None:
            return self._trade.price
        return self.forming.close if self.forming is not None else 0

    @property
    def owes(self) -> Timestamp | None:
        """The opening of the oldest bar that is over and was not told; None where there is none."""
        oldest = self.whole + self._interval
        return oldest if oldest < self._opened else None

    @property
    def owed(self) -> list[Hole]:
        """The bars that are over and were not told."""
        times = range(self.whole + self._interval, self._opened, self._interval)
        return _runs(self.name, [time for time in times if time not in self._beyond], self._interval)

    def hear(self, event: MarketEvent, late_s: float) -> UnitBar | None:
        """Take in an event that came so late; return the bar that it closed, if that is news."""
        self._heard = seam.monotonic_ns()
        match event:
            case QuoteEvent():
                if self._quote is None or event.id >= self._quote.id:
                    self._quote = event
                return None
            case TradeEvent():
                self._follow(event)
            case DepthEvent():
                self.book.hear(event)
            case KlineEvent():
                self._late_s = late_s
                return self._bar(event)
        self._late_s = late_s
        return None

    def _follow(self, event: TradeEvent) -> None:
        last = self._trade
        if last is not None and event.id <= last.id and event.time <= last.time:
            return
        if last is not None and event.id > last.id + 1:
            self.missing.append(Hole(self.name, "trades", last.id + 1, event.id - 1))
        self._trade = event

    def _bar(self, event: KlineEvent) -> UnitBar | None:
        bar = event.bar
        if event.closed:
            self._opened = max(self._opened, bar.time + self._interval)
            if self.forming is not None and self.forming.time <= bar.time:
                self.forming = None
            return bar if self._know(bar.time) else None
        if bar.time >= self._opened:
            self._opened, self.forming = bar.time, bar
        return None

    def _know(self, opened: Timestamp) -> bool:
        """Know of a bar that is over; False where it was known, or is not waited for any more."""
        if opened <= self.whole or opened in self._beyond:
            return False
        self._beyond.add(opened)
        self._close_up()
        return True

    def _close_up(self) -> None:
        while self.whole + self._interval in self._beyond:
            self.whole += self._interval
            self._beyond.discard(self.whole)

    def begin_at(self, opened: Timestamp) -> None:
        """Go on after the bar of history that opened then."""
        self.whole = opened

    def fill(self, bars: Sequence[UnitBar]) -> tuple[list[UnitBar], list[Hole]]:
        """Take in all bars the exchange has from the one after `whole` on; return those that are news, and which it has not."""
        fresh = [bar for bar in bars if bar.time > self.whole and bar.time not in self._beyond]
        times = {bar.time for bar in bars}
        # by the time an answer is here the stream may have gone on
        newest = max({self.whole, *times})
        there = range(self.whole + self._interval, newest + 1, self._interval)
        holes = _runs(self.name, [time for time in there if time not in times | self._beyond], self._interval)
        self._pass(newest)
        return fresh, holes

    def forgive(self) -> list[Hole]:
        """Wait no longer for the bars that are owed; return them."""
        owed = self.owed
        self._pass(max(self._opened - self._interval, self.whole))
        return owed

    def _pass(self, opened: Timestamp) -> None:
        self.whole = opened
        self._beyond = {time for time in self._beyond if time > opened}
        self._close_up()

    def lose(self) -> None:
        """Know that the connection was lost: the next that comes need not follow on."""
        self.book.tear()
        self._quote = None

    def age(self, ns: int) -> None:
        """Know that everything is older by so long than this machine's forward clock tells, as it slept."""
        self._heard -= ns

    def health(self, stale_s: float, status: str = TRADING) -> CoinHealth:
        """Tell how its data fares, which is stale where it is older than so long, beside what may be done with the coin."""
        since = (seam.monotonic_ns() - self._heard) / NS_PER_SECOND
        age = since + max(self._late_s, 0.0)
        quote = self._quote
        bid, ask = (
            (quote.bid, quote.ask) if quote is not None else (self.book.bid, self.book.ask) if self.book.whole else (0, 0)
        )
        return CoinHealth(self.name, age, 1000.0 * self._late_s, bid, ask, age > stale_s, status)


def _runs(coin: CoinName, times: list[Timestamp], interval: int) -> list[Hole]:
    """Return opening times of bars, oldest first, as holes."""
    holes: list[Hole] = []
    for time in times:
        if holes and holes[-1].last + interval == time:
            holes[-1] = holes[-1]._replace(last=time)
        else:
            holes.append(Hole(coin, "klines", time, time))
    return holes
