"""Shapes: what the exchange sends, as far as it is read; the names are its own."""

from __future__ import annotations

from typing import Annotated

import msgspec

from engine.exact import INT64_MAX

Count = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
Level = tuple[str, str]


class Outer(msgspec.Struct):
    """What is around an event, its stream or an account's subscription; nothing where the event comes bare."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    event: msgspec.Raw = msgspec.Raw()
    e: str = ""


class Trade(msgspec.Struct):
    """A trade, of a stream."""

    s: str
    t: Count
    p: str
    q: str
    T: Count
    m: bool


class Quote(msgspec.Struct):
    """The best bid and ask."""

    s: str
    u: Count
    b: str
    B: str
    a: str
    A: str


class Depth(msgspec.Struct):
    """What changed in the book."""

    s: str
    E: Count
    U: Count
    u: Count
    b: list[Level]
    a: list[Level]


class Bar(msgspec.Struct):
    """A kline as far as it has come."""

    t: Count
    i: str
    o: str
    h: str
    l: str  # noqa: E741 - the exchange's word
    c: str
    v: str
    x: bool


class Kline(msgspec.Struct):
    """A kline, of a stream."""

    s: str
    E: Count
    k: Bar


class Book(msgspec.Struct):
    """The whole book, as asked for."""

    lastUpdateId: Count
    bids: list[Level]
    asks: list[Level]


class OldTrade(msgspec.Struct):
    """A trade, as asked for."""

    id: Count
    price: str
    qty: str
    time: Count
    isBuyerMaker: bool


class Account(msgspec.Struct):
    """An event of an account."""

    e: str
    E: Count


read_outer = msgspec.json.Decoder(Outer).decode
read_trade = msgspec.json.Decoder(Trade).decode
read_quote = msgspec.json.Decoder(Quote).decode
read_depth = msgspec.json.Decoder(Depth).decode
read_kline = msgspec.json.Decoder(Kline).decode
read_book = msgspec.json.Decoder(Book).decode
read_old_trades = msgspec.json.Decoder(list[OldTrade]).decode
read_old_klines = msgspec.json.Decoder(list[list[int | str]]).decode
read_account = msgspec.json.Decoder(Account).decode
