"""Frames: what the exchange sent, read into exact rows; what cannot be read is kept as it came, with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from engine.exact import DECIMALS, INT64_MAX, UNIT
from engine.model import INTERVALS, CoinName, Timestamp
from engine.recordings.bars import grid_offset
from engine.recordings.capture import control
from engine.recordings.capture.segments import Record, What
from engine.recordings.capture.shapes import (
    Count,
    Level,
    read_account,
    read_book,
    read_depth,
    read_kline,
    read_old_klines,
    read_old_trades,
    read_outer,
    read_quote,
    read_trade,
)
from engine.recordings.capture.sheets import Sheet
from engine.recordings.times import EARLIEST, LATEST

Key = tuple[str, CoinName, str]
"""A kind of events, the coin they are of and, of klines, the interval; empty where there is none."""

BID, ASK, NEITHER = 1, -1, 0
"""The side of a level; NEITHER stands in the one row of a change of the book that changed no level."""

_PLAIN = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?", re.ASCII)
_MS, _US = 10**3, 10**6


class Unreadable(Exception):
    """A frame that is none of those kept in columns, or not what the exchange sends; the text says why."""


ACCOUNT = {
    "executionReport",
    "outboundAccountPosition",
    "balanceUpdate",
    "listStatus",
    "eventStreamTerminated",
    "externalLockUpdate",
}
"""Events of an account, where a frame has one without a wrapper around it."""
PLAIN = {"trade": "trade", "depthUpdate": "depth", "kline": "kline"}
"""Events of a market, likewise, and the streams they are of."""


class ClosedBar(NamedTuple):
    """A bar that is over, as a capture heard of it."""

    time: Timestamp
    open: int
    high: int
    low: int
    close: int
    volume: int


class Frames:
    """Puts records into sheets, each record into exactly one, and remembers closed bars and control events.

    `coins` has the decimals of each coin's amounts. What is of another coin is not read.
    """

    def __init__(self, coins: Mapping[CoinName, int]) -> None:
        self.coins = coins
        self.sheets: dict[Key, Sheet] = {}
        self.bars: dict[tuple[CoinName, str], list[ClosedBar]] = {}
        self.told: list[tuple[Timestamp, control.Control]] = []
        self.records = 0

    def take(self, record: Record) -> None:
        """Put a record where it belongs."""
        self.records += 1
        received, what, name, body = record
        try:
            if what == What.FRAME:
                self._frame(body, received)
            elif what == What.REPLY:
                self._reply(name, body, received)
            elif what == What.CONTROL:
                event, text = control.decode(body), body.decode()
                self.told.append((received, event))
                self._sheet("control").add((received,), name, text)
            else:
                raise Unreadable(f"a record of kind {what}, which this tickdeck does not know")
        except (Unreadable, msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._sheet("other").add((received,), name, str(error), body)

    def _sheet(self, kind: str, coin: CoinName = "", interval: str = "") -> Sheet:
        """Return a sheet to put a record into, which is counted."""
        sheet = self.sheets.get((kind, coin, interval))
        if sheet is None:
            sheet = self.sheets[kind, coin, interval] = Sheet(kind)
        sheet.records += 1
        return sheet

    def _frame(self, body: bytes, received: Timestamp) -> None:
        outer = read_outer(body)
        data: bytes
        if outer.stream:
            stream, data = outer.stream.partition("@")[2], outer.data
        elif outer.event or outer.e in ACCOUNT:
            return self._account(bytes(outer.event) or body, received)
        else:
            stream, data = PLAIN.get(outer.e, "bookTicker" if not outer.e else ""), body
        if stream == "bookTicker":
            self._quote(data, received)
        elif stream == "trade":
            self._trade(data, received)
        elif stream in ("depth", "depth@100ms", "depth@1000ms"):
            self._depth(data, received)
        elif stream.startswith("kline"):
            self._kline(data, received)
        else:
            raise Unreadable("no stream that is kept in columns")

    def _reply(self, name: str, body: bytes, received: Timestamp) -> None:
        match name.split(" "):
            case ["depth", coin]:
                decimals = self._decimals(coin)
                book = read_book(body)
                rows = _levels(book.lastUpdateId, book.lastUpdateId, 1, book.bids, book.asks, decimals, 0, received)
                self._sheet("depth", coin).numbers.extend(rows)
            case ["trades", coin]:
                decimals = self._decimals(coin)
                rows = []
                for old in read_old_trades(body):
                    rows += _deal(old.id, old.price, old.qty, old.isBuyerMaker, old.time, decimals, received)
                self._sheet("trades", coin).numbers.extend(rows)
            case ["klines", coin, interval, asked] if asked.isdecimal():
                self._old_klines(coin, interval, int(asked), body, received)
            case _:
                raise Unreadable("no reply that is kept in columns")

    def _quote(self, data: bytes, received: Timestamp) -> None:
        quote = read_quote(data)
        decimals = self._decimals(quote.s)
        bid, ask = units(quote.b, DECIMALS), units(quote.a, DECIMALS)
        row = quote.u, bid, units(quote.B, decimals), ask, units(quote.A, decimals), received
        self._sheet("quotes", quote.s).numbers.extend(row)

    def _trade(self, data: bytes, received: Timestamp) -> None:
        trade = read_trade(data)
        row = _deal(trade.t, trade.p, trade.q, trade.m, trade.T, self._decimals(trade.s), received)
        self._sheet("trades", trade.s).numbers.extend(row)

    def _depth(self, data: bytes, received: Timestamp) -> None:
        depth = read_depth(data)
        rows = _levels(depth.U, depth.u, 0, depth.b, depth.a, self._decimals(depth.s), instant(depth.E), received)
        self._sheet("depth", depth.s).numbers.extend(rows)

    def _kline(self, data: bytes, received: Timestamp) -> None:
        kline = read_kline(data)
        k = kline.k
        bar = _bar(instant(k.t), k.o, k.h, k.l, k.c, k.v, k.i, self._decimals(kline.s))
        self._add_klines(kline.s, k.i, [(bar, k.x, bytes(data).decode())], instant(kline.E), received)

    def _old_klines(self, coin: CoinName, interval: str, asked: Timestamp, body: bytes, received: Timestamp) -> None:
        decimals = self._decimals(coin)
        found = []
        for row in read_old_klines(body):
            time, open_, high, low, close, volume = msgspec.convert(row[:6], tuple[Count, str, str, str, str, str])
            bar = _bar(instant(time), open_, high, low, close, volume, interval, decimals)
            found.append((bar, bar.time + INTERVALS[interval] <= asked, msgspec.json.encode(row).decode()))
        self._add_klines(coin, interval, found, asked, received)

    def _add_klines(
        self, coin: CoinName, interval: str, found: list[tuple[ClosedBar, bool, str]], told: Timestamp, received: Timestamp
    ) -> None:
        sheet = self._sheet("klines", coin, interval)
        for bar, closed, text in found:
            sheet.add((*bar, closed, told, received), text)
            if closed:
                self.bars.setdefault((coin, interval), []).append(bar)

    def _account(self, data: bytes, received: Timestamp) -> None:
        event = read_account(data)
        time, text = instant(event.E), data.decode()
        self._sheet("account").add((time, received), event.e, text)

    def _decimals(self, coin: CoinName) -> int:
        decimals = self.coins.get(coin)
        if decimals is None:
            raise Unreadable("a coin that is not captured")
        return decimals


def amount_decimals(lot: int) -> int:
    """Return the decimals a coin's amounts are counted in: 8, or none where its lot is whole, since they are large then."""
    return 0 if lot % UNIT == 0 else DECIMALS


def units(text: str, decimals: int) -> int:
    """Return a plain decimal text as a count of 10**-decimals; raises Unreadable for what is none, or does not fit exactly."""
    digits = text[:-9] + text[-8:]
    # As the exchange writes most of them: all 8 decimals.
    if decimals == DECIMALS and text[-9:-8] == "." and 8 < len(digits) <= 18 and digits.isascii() and digits.isdigit():
        return int(digits)
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise Unreadable("a number that is none")
    part = (match[2] or "").rstrip("0")
    count = int(match[1] + part.ljust(decimals, "0"))
    if len(part) > decimals or count > INT64_MAX:
        raise Unreadable(f"a number that does not fit 64 bits in units of 1e-{decimals}")
    return count


def instant(time: int) -> Timestamp:
    """Return a time in ms or us since 1970, as its size tells, as ns; raises Unreadable for what is neither."""
    if EARLIEST * _MS <= time < LATEST * _MS:
        return time * 1_000_000
    if EARLIEST * _US <= time < LATEST * _US:
        return time * 1_000
    raise Unreadable("a time that is of no market")


def _deal(id: int, price: str, amount: str, maker: bool, time: int, decimals: int, received: Timestamp) -> tuple[int, ...]:
    cost, size = units(price, DECIMALS), units(amount, decimals)
    if not cost or not size:
        raise Unreadable("a trade without a price or an amount")
    return id, cost, size, maker, instant(time), received


def _levels(
    first: int,
    last: int,
    snapshot: int,
    bids: Iterable[Level],
    asks: Iterable[Level],
    decimals: int,
    time: Timestamp,
    received: Timestamp,
) -> list[int]:
    rows: list[int] = []
    for side, levels in ((BID, bids), (ASK, asks)):
        for price, amount in levels:
            rows += (first, last, snapshot, side, units(price, DECIMALS), units(amount, decimals), time, received)
    return rows or [first, last, snapshot, NEITHER, 0, 0, time, received]


def _bar(time: Timestamp, open_: str, high: str, low: str, close: str, volume: str, interval: str, decimals: int) -> ClosedBar:
    prices = [units(price, DECIMALS) for price in (open_, high, low, close)]
    bar = ClosedBar._make((time, *prices, units(volume, decimals)))
    length = INTERVALS.get(interval)
    if length is None or (time - grid_offset(length)) % length:
        raise Unreadable("a kline of no interval that is kept, or off its grid")
    if not 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise Unreadable("a kline whose prices do not fit each other")
    return bar
