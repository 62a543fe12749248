"""Sources: what each market stream tells, and when. By a stream's name `find` makes its source.

A stream tells an event at once, or gathers and tells at whole multiples of `every` ns of the market's time, as the exchange's
does. Klines are those of the recording's interval and longer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.model import INTERVALS, Timestamp
from engine.rehearsal.book import Side
from engine.rehearsal.calls import MILLISECOND
from engine.rehearsal.klines import Kline
from engine.rehearsal.market import CoinMarket, Market
from engine.rehearsal.payloads import streams as payloads
from engine.rehearsal.payloads import tickers
from engine.rehearsal.venue import MarketEvent

SECOND = 1000 * MILLISECOND
ZONES = {"": 0, "+08:00": 8 * INTERVALS["1h"]}
WINDOWS = {word: INTERVALS[word] for word in ("1h", "4h", "1d")}

Payload = dict[str, Any] | list[Any]
Make = Callable[[CoinMarket, Timestamp], dict[str, Any] | None]


class Source:
    """What one stream tells of some coins."""

    every: int = 0
    waits: bool = False
    """Whether there is something to tell when `every` comes round."""

    def take(self, event: MarketEvent) -> Iterable[Payload]:
        """Take in an event of one of the coins; return what is told of it at once."""
        raise NotImplementedError

    def tell(self, at: Timestamp) -> Payload | None:
        """Return what has gathered by a time; it waits no longer."""
        raise NotImplementedError


class Live(Source):
    """What is told of every event, where `make` has something to tell."""

    def __init__(self, make: Callable[[MarketEvent], dict[str, Any] | None]) -> None:
        self._make = make

    def take(self, event: MarketEvent) -> Iterable[Payload]:
        """Tell at once."""
        told = self._make(event)
        return () if told is None else (told,)


class Differences(Source):
    """What changed of the book, gathered."""

    def __init__(self, coin: CoinMarket, every: int, unit: int) -> None:
        self.every = every
        self._coin = coin
        self._unit = unit
        self._first, self._last = 0, 0
        self._bids: Side = {}
        self._asks: Side = {}

    def take(self, event: MarketEvent) -> Iterable[Payload]:
        """Gather the change."""
        change = event.change
        if change is not None:
            self._first = self._first or change.first_id
            self._last = change.last_id
            self._bids |= change.bids
            self._asks |= change.asks
            self.waits = True
        return ()

    def tell(self, at: Timestamp) -> Payload:
        """Tell what changed since the last time; a level that changed twice is told once."""
        told = payloads.depth_update(self._coin, self._first, self._last, self._bids, self._asks, at, self._unit)
        self._first, self._bids, self._asks, self.waits = 0, {}, {}, False
        return told


class Snapshots(Source):
    """What `make` tells of each coin that has changed, at the end of each `every`; `first` is one to begin with.

    They are told in one list where the stream is of `all_coins`.
    """

    def __init__(self, make: Make, every: int, *, all_coins: bool = False, first: CoinMarket | None = None) -> None:
        self.every = every
        self._make = make
        self._all = all_coins
        self._changed: dict[str, CoinMarket] = {}
        if first is not None:
            self._note(first)

    def _note(self, coin: CoinMarket) -> None:
        self._changed[coin.instrument.coin] = coin
        self.waits = True

    def take(self, event: MarketEvent) -> Iterable[Payload]:
        """Note that the coin has changed."""
        if event.trade is not None or event.change is not None:
            self._note(event.coin)
        return ()

    def tell(self, at: Timestamp) -> Payload | None:
        """Tell of what has changed."""
        told = [payload for coin in self._changed.values() if (payload := self._make(coin, at)) is not None]
        self._changed, self.waits = {}, False
        return (told if self._all else told[0]) if told else None


class Klines(Source):
    """A coin's klines of one interval: the one that forms every so often, and each at its end."""

    def __init__(self, coin: CoinMarket, word: str, zone: int, unit: int, now: Timestamp) -> None:
        self.every = SECOND if word == "1s" else 2 * SECOND
        self._coin = coin
        self._word = word
        self._zone = zone
        self._unit = unit
        self._begin = coin.begin_of(word, now, zone)
        self._closed = coin.closed_since(self._begin)

    def take(self, event: MarketEvent) -> Iterable[Payload]:
        """Tell a kline that has closed: at its end, or at the first event after a gap that hid its end."""
        bar = event.closed
        told = []
        begin = self._coin.begin_of(self._word, event.time if bar is None else bar.begin, self._zone)
        if begin > self._begin:
            if self._closed is not None:
                told.append(self._event(self._closed, True, event.time))
            self._begin, self._closed = begin, None
        if bar is None:
            self.waits = True
            return told
        self._closed = bar if self._closed is None else self._closed.then(bar)
        end = begin + INTERVALS[self._word]
        if bar.end >= end:
            told.append(self._event(self._closed, True, event.time))
            self._begin, self._closed, self.waits = end, None, False
        return told

    def tell(self, at: Timestamp) -> Payload | None:
        """Tell the kline that forms."""
        self.waits = False
        closed, forming = self._closed, self._coin.forming
        bar = closed if forming is None else forming if closed is None else closed.then(forming)
        return None if bar is None else self._event(bar, False, at)

    def _event(self, bar: Kline, closed: bool, at: Timestamp) -> Payload:
        whole = bar._replace(begin=self._begin, interval=INTERVALS[self._word])
        return payloads.kline(self._coin, whole, self._word, closed, at, self._unit)


def find(name: str, market: Market, unit: int, now: Timestamp) -> tuple[list[CoinMarket], Source] | None:
    """Return the source of a stream and the coins whose events it takes; None where there is no such stream."""
    if name.startswith("!"):
        every_coin = _of_all(name.removeprefix("!"), unit)
        return None if every_coin is None else (market.coins, every_coin)
    symbol, _, kind = name.partition("@")
    n = market.index.get(symbol.upper())
    if n is None or symbol != symbol.lower():
        return None
    source = _of_one(market.coins[n], kind, unit, now)
    return None if source is None else ([market.coins[n]], source)


def _of_one(coin: CoinMarket, kind: str, unit: int, now: Timestamp) -> Source | None:
    match kind.split("@"):
        case ["trade"]:
            return Live(lambda event: event.trade and payloads.trade(coin, event.trade, unit))
        case ["aggTrade"]:
            return Live(lambda event: event.trade and payloads.agg_trade(coin, event.trade, unit))
        case ["bookTicker"]:
            return Live(lambda event: event.change and payloads.book_ticker(coin))
        case ["depth", *speed] if every := _speed(speed):
            return Differences(coin, every, unit)
        case [("depth5" | "depth10" | "depth20") as levels, *speed] if every := _speed(speed):
            count = int(levels.removeprefix("depth"))
            return Snapshots(lambda coin, at: payloads.partial_depth(coin.book, count), every, first=coin)
        case [word] if make := _statistic(word, unit):
            return Snapshots(make, SECOND)
        case [word, *zone] if word.startswith("kline_") and "@".join(zone) in ZONES:
            interval = word.removeprefix("kline_")
            if interval in INTERVALS and not INTERVALS[interval] % coin.bars.interval:
                return Klines(coin, interval, ZONES["@".join(zone)], unit, now)
    return None


def _of_all(name: str, unit: int) -> Source | None:
    word, _, rest = name.partition("@")
    make = _statistic(word, unit)
    every = {"arr": SECOND, "arr@1000ms": SECOND, "arr@3000ms": 3 * SECOND}.get(rest)
    # all tickers of 24 hours in one stream are no longer told
    return None if make is None or every is None or word in ("ticker", "avgPrice") else Snapshots(make, every, all_coins=True)


def _statistic(word: str, unit: int) -> Make | None:
    if word == "miniTicker":
        return lambda coin, at: payloads.mini_ticker(coin, at, unit)
    if word == "avgPrice":
        return lambda coin, at: payloads.avg_price(coin, at, unit)
    if word == "ticker":
        return lambda coin, at: tickers.streamed("24hrTicker", tickers.ticker_24h(coin, at, unit), at, unit)
    window = word.removeprefix("ticker_")
    if window == word or window not in WINDOWS:
        return None
    length = WINDOWS[window]
    return lambda coin, at: tickers.streamed(f"{window}Ticker", tickers.ticker_window(coin, length, at, unit), at, unit)


def _speed(words: list[str]) -> int:
    return {"": SECOND, "1000ms": SECOND, "100ms": SECOND // 10}.get("@".join(words), 0)
