"""The market of a rehearsal: a recording played tick by tick, with all that an exchange shows of it."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from engine.errors import ConfigError
from engine.market.path import Tick, path
from engine.model import INTERVALS, CoinName, Instrument, Timestamp
from engine.recordings import Recording
from engine.recordings.bars import grid_offset
from engine.rehearsal.book import Book, BookChange
from engine.rehearsal.klines import Kline, rows, whole

TAPE = 1000
TRADING, CANCEL_ONLY = "TRADING", "CANCEL_ONLY"
STATUSES = (TRADING, "HALT", "BREAK", CANCEL_ONLY)
"""What may be done with a coin: trade, nothing, nothing, cancel."""
NS_PER_DAY = INTERVALS["1d"]
AVERAGED = INTERVALS["5m"]


class Print(NamedTuple):
    """A trade on the tape; `sold` tells that the seller took."""

    id: int
    price: int
    amount: int
    time: Timestamp
    sold: bool


class BarClose(NamedTuple):
    """The end of a recorded bar."""

    time: Timestamp
    coin: int


class CoinMarket:
    """One coin as the exchange shows it: last price, quotes, book, tape and klines. Prices and amounts count 1e-8.

    `row` is the number of recorded bars that have closed, of the lap that is played; its times are moved by `shift` ns.
    `status` tells what may be done: where it is not TRADING, trades of the recording are `missed`, klines are as recorded.
    """

    def __init__(self, instrument: Instrument, recording: Recording, begin: Timestamp, shift: int, seed: int) -> None:
        self.instrument = instrument
        self.recording = recording
        self.bars = recording.bars(instrument.coin)
        self.shift = shift
        self.row = int(np.searchsorted(self.bars.time, begin))
        self.tape: deque[Print] = deque(maxlen=TAPE)
        self.book = Book(instrument.tick, instrument.lot, seed)
        self.change: BookChange | None = None
        self.trade_id = 0
        self.status = TRADING
        self.missed = False
        self.forming: Kline | None = None
        self._stand(int(self.bars.close[self.row - 1]) if self.row else 0)

    def _stand(self, price: int) -> None:
        """Set a last price without a trade; 0 where there is none yet."""
        tick = self.instrument.tick
        self.last, self.bid, self.ask = price, max(price - tick, 0), price
        self.change = self.book.move(self.bid, self.ask) if self.bid else None

    def take(self, tick: Tick) -> Print:
        """Take in a tick; `change` is then what it changed of the book."""
        self.trade_id += 1
        self.last, self.bid, self.ask = tick.price, tick.bid, tick.ask
        self.change = self.book.move(tick.bid, tick.ask)
        done = Print(self.trade_id, tick.price, tick.amount, tick.time, tick.sold)
        self.tape.append(done)
        if self.forming is None:
            begin = int(self.bars.time[self.row]) + self.shift
            flat = Kline(begin, self.bars.interval, tick.price, tick.price, tick.price, tick.price, 0, 0)
            self.forming = flat.with_trade(tick.price, tick.amount, done.id)
        else:
            self.forming = self.forming.with_trade(tick.price, tick.amount, done.id)
        return done

    def close_bar(self) -> Kline:
        """End the bar that forms and return it; of a bar without trades, the recorded one. `change` is as after a tick."""
        (recorded,) = rows(self.bars, self.row, self.row + 1, self.shift)
        formed = self.forming or recorded
        self.row += 1
        self.forming, self.change = None, None
        if not self.last:
            self._stand(formed.close)
        return formed

    def begin_of(self, interval: str, at: Timestamp, zone: int = 0) -> Timestamp:
        """Return when the kline of `interval` that holds this time begins; its days begin `zone` ns before those of UTC."""
        length = INTERVALS[interval]
        offset = grid_offset(length) - zone
        return (at - offset) // length * length + offset

    def klines(self, interval: str, start: Timestamp | None, end: Timestamp | None, limit: int, now: Timestamp) -> list[Kline]:
        """Return klines that begin within [start, end], oldest first: the first `limit` from a start on, else the last.

        The last of them may still form. Raises ConfigError for an interval the recording cannot give.
        """
        if INTERVALS[interval] % self.bars.interval:
            raise ConfigError(f"there are no {interval} klines of {self.instrument.coin}")
        bars = self.recording.bars(self.instrument.coin, interval)
        latest = self.begin_of(interval, now)
        closed = int(np.searchsorted(bars.time, latest - self.shift))
        low = 0 if start is None else int(np.searchsorted(bars.time, start - self.shift))
        high = closed if end is None else min(closed, int(np.searchsorted(bars.time, end - self.shift, side="right")))
        forming = self.kline_at(interval, latest)
        wanted = forming is not None and (end is None or latest <= end) and (start is None or latest >= start)
        if start is None:
            low = max(low, high - limit + wanted)
        found = rows(bars, low, min(max(high, low), low + limit), self.shift)
        if wanted and forming is not None and len(found) < limit:
            found.append(forming)
        return found

    def kline_at(self, interval: str, begin: Timestamp) -> Kline | None:
        """Return the kline that began at a time as far as it has come; None before its first trade."""
        bar = self.since(begin)
        return None if bar is None else bar._replace(begin=begin, interval=INTERVALS[interval])

    def day(self, now: Timestamp) -> Kline | None:
        """Return the last 24 hours as one kline, None where there are no bars in them."""
        return self.since(now - NS_PER_DAY)

    def since(self, begin: Timestamp) -> Kline | None:
        """Return all bars that begin from a time on as one kline, None where there are none."""
        closed, forming = self.closed_since(begin), self.forming
        if forming is None or forming.begin < begin:
            return closed
        return forming if closed is None else closed.then(forming)

    def closed_since(self, begin: Timestamp) -> Kline | None:
        """Return the closed bars that begin from a time on as one kline, None where there are none."""
        return whole(self.bars, self._row_at(begin), self.row, self.shift)

    def close_before(self, begin: Timestamp) -> int | None:
        """Return the close of the last bar that begins before a time, None where there is none."""
        row = min(self._row_at(begin), self.row)
        return int(self.bars.close[row - 1]) if row else None

    def average(self, now: Timestamp) -> int:
        """Return the mean price of the last five minutes' trades by their amounts, the last price where there were none."""
        amount = value = 0
        for done in takewhile(lambda its: its.time > now - AVERAGED, reversed(self.tape)):
            amount += done.amount
            value += done.price * done.amount
        return value // amount if amount else self.last

    def _row_at(self, begin: Timestamp) -> int:
        return int(np.searchsorted(self.bars.time, begin - self.shift))


class Market:
    """A recording played from a time on, as ticks and closing bars in the order of time.

    `shift` ns are added to every time; where it is to `loop`, the recording begins anew at its end, its times going on.
    `instruments` stand in for the recording's own.
    """

    def __init__(
        self,
        recording: Recording,
        coins: Sequence[CoinName] | None = None,
        *,
        begin: Timestamp | None = None,
        shift: int = 0,
        seed: int = 0,
        loop: bool = False,
        instruments: Mapping[CoinName, Instrument] | None = None,
    ) -> None:
        names = tuple(coins or recording.coins)
        if missing := [coin for coin in names if coin not in recording.coins]:
            raise ConfigError(f"{recording.name} has no {', '.join(missing)}", hint=f"it has {', '.join(recording.coins)}")
        self.recording = recording
        self.begin = recording.start if begin is None else begin
        known = {**recording.instruments, **(instruments or {})}
        self.coins = [CoinMarket(known[coin], recording, self.begin, shift, seed) for coin in names]
        self.index: dict[CoinName, int] = {coin: n for n, coin in enumerate(names)}
        self._seed = seed
        self._events = self._laps(shift, loop)
        self._next: Tick | BarClose | None = None

    @property
    def due(self) -> Timestamp | None:
        """The time of the next event, None at the end."""
        event = self._peek()
        return None if event is None else event.time

    def play(self, until: Timestamp) -> Iterator[Tick | BarClose]:
        """Yield the events up to and including a time, oldest first; the coin has not taken in an event when it is yielded."""
        while (event := self._peek()) is not None and event.time <= until:
            self._next = None
            yield event

    def _peek(self) -> Tick | BarClose | None:
        """Return the next event, looked for when it is asked for: a new lap begins once the last event has been taken in."""
        if self._next is None:
            self._next = next(self._events, None)
        return self._next

    def _laps(self, shift: int, loop: bool) -> Iterator[Tick | BarClose]:
        yield from self._lap(shift)
        length = self.recording.end - self.recording.start
        while loop:
            shift += length
            for coin in self.coins:
                coin.row, coin.shift = 0, shift
            yield from self._lap(shift)

    def _lap(self, shift: int) -> Iterator[Tick | BarClose]:
        # a bar that closes at a time is closed before anything opens at it
        return heapq.merge(
            *(self._of(n, shift) for n in range(len(self.coins))), key=lambda it: (it.time, isinstance(it, Tick), it.coin)
        )

    def _of(self, n: int, shift: int) -> Iterator[Tick | BarClose]:
        coin = self.coins[n]
        bars = coin.bars
        for row in range(coin.row, len(bars)):
            last = int(bars.close[row - 1]) if row else 0
            for tick in path(bars, row, coin=n, tick=coin.instrument.tick, last=last, seed=self._seed):
                yield tick._replace(time=tick.time + shift)
            yield BarClose(int(bars.time[row]) + bars.interval + shift, n)
