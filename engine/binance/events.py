"""Market events as they come over the exchange's streams, checked and exact, or refused as a bad frame."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import msgspec

from engine.binance.numbers import NotExact, units
from engine.binance.socket import BadFrame
from engine.market.push import UnitBar
from engine.model import CoinName, Timestamp

NS_PER_MS = 1_000_000
DIGITS_OF_MS, DIGITS_OF_US = 13, 16


class KlineEvent(NamedTuple):
    """A bar of a coin as far as it has come; `closed` at its end. `at` is the exchange's time of the event, ns."""

    coin: CoinName
    interval: str
    bar: UnitBar
    closed: bool
    trades: int
    at: Timestamp

    @property
    def key(self) -> Hashable:
        """What a later event of it replaces; None where it must not be lost."""
        return None if self.closed else ("kline", self.coin, self.interval)


class TradeEvent(NamedTuple):
    """A trade; price and amount count 1e-8, `sold` tells that the seller took."""

    coin: CoinName
    id: int
    price: int
    amount: int
    sold: bool
    time: Timestamp
    at: Timestamp

    @property
    def key(self) -> Hashable:
        """None: trades are never lost."""
        return None


class QuoteEvent(NamedTuple):
    """The best bid and ask with their amounts; `id` is the order book's."""

    coin: CoinName
    id: int
    bid: int
    bid_amount: int
    ask: int
    ask_amount: int

    @property
    def key(self) -> Hashable:
        """A later quote replaces it."""
        return ("quote", self.coin)


class DepthEvent(NamedTuple):
    """Levels of the order book that changed, price to amount, 0 where one is gone; `first` and `last` are update ids."""

    coin: CoinName
    first: int
    last: int
    bids: dict[int, int]
    asks: dict[int, int]
    at: Timestamp

    @property
    def key(self) -> Hashable:
        """None: a difference is never lost."""
        return None


MarketEvent = KlineEvent | TradeEvent | QuoteEvent | DepthEvent


class _Bar(msgspec.Struct):
    t: int
    i: str
    o: str
    c: str
    h: str
    l: str  # noqa: E741 - the exchange's word
    v: str
    n: int
    x: bool


class _Data(msgspec.Struct):
    s: str
    e: str = ""
    E: int = 0
    k: _Bar | None = None
    t: int = -1
    p: str = ""
    q: str = ""
    T: int = 0
    m: bool = False
    u: int = -1
    U: int = -1
    b: str | list[tuple[str, str]] = ""
    a: str | list[tuple[str, str]] = ""
    B: str = ""
    A: str = ""


class _Frame(msgspec.Struct):
    stream: str
    data: msgspec.Raw


_frames = msgspec.json.Decoder(_Frame)
_datas = msgspec.json.Decoder(_Data)


def read_frame(frame: bytes) -> MarketEvent | None:
    """Return the event in a frame of a combined stream, None for one that tells nothing of a market.

    Raises BadFrame for what the exchange does not send: other words, numbers that are none, times that cannot be.
    """
    try:
        outer = _frames.decode(frame)
        data = _datas.decode(outer.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFrame(str(error)) from None
    coin, _, kind = outer.stream.partition("@")
    if coin != data.s.lower():
        return None
    try:
        return _event(kind, data)
    except NotExact as error:
        raise BadFrame(f"{outer.stream[:40]}: {error}") from None


def _event(kind: str, data: _Data) -> MarketEvent | None:
    """Return what a kind of stream tells; what was recorded of it is read the same way, by the stream's name."""
    if kind == "trade":
        price, amount = units(data.p), units(data.q)
        if data.t < 0 or not price or not amount:
            raise NotExact("a trade without id, price or amount")
        return TradeEvent(data.s, data.t, price, amount, data.m, instant(data.T), instant(data.E))
    if kind == "bookTicker" and isinstance(data.b, str) and isinstance(data.a, str):
        quote = QuoteEvent(data.s, data.u, units(data.b), units(data.B), units(data.a), units(data.A))
        if not 0 < quote.bid < quote.ask:
            raise NotExact("quotes that cross")
        return quote
    if kind.startswith("depth") and isinstance(data.b, list) and isinstance(data.a, list):
        return DepthEvent(data.s, data.U, data.u, levels(data.b), levels(data.a), instant(data.E))
    if kind.startswith("kline_") and data.k is not None:
        k = data.k
        bar = UnitBar(instant(k.t), units(k.o), units(k.h), units(k.l), units(k.c), units(k.v))
        if not 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
            raise NotExact("a bar's prices do not fit each other")
        return KlineEvent(data.s, k.i, bar, k.x, k.n, instant(data.E))
    return None


def levels(pairs: list[tuple[str, str]]) -> dict[int, int]:
    """Return levels of an order book as units, price to amount."""
    return {units(price): units(amount) for price, amount in pairs}


def instant(stamp: int) -> Timestamp:
    """Return a time of the exchange, milliseconds or microseconds by its digits, in ns; raises NotExact for what is neither."""
    digits = len(str(stamp))
    if digits == DIGITS_OF_MS:
        return stamp * NS_PER_MS
    if digits == DIGITS_OF_US:
        return stamp * 1000
    raise NotExact(f"{stamp} is no time")
