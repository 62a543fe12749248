"""What the market streams tell, key by key as the exchange's; times in units of `unit` ns."""

from __future__ import annotations

from typing import Any

from engine.model import Timestamp
from engine.rehearsal.book import Book, Side
from engine.rehearsal.klines import Kline
from engine.rehearsal.market import CoinMarket, Print
from engine.rehearsal.payloads import prices
from engine.rehearsal.payloads.numbers import text

Payload = dict[str, Any]


def trade(coin: CoinMarket, done: Print, unit: int) -> Payload:
    """A trade; `m` tells that the buyer was there first."""
    deal = {"p": text(done.price), "q": text(done.amount), "T": done.time // unit, "m": done.sold, "M": True}
    return {"e": "trade", "E": done.time // unit, "s": coin.instrument.coin, "t": done.id, **deal}


def agg_trade(coin: CoinMarket, done: Print, unit: int) -> Payload:
    """A taker's trade at one price, as a request is told it."""
    return {"e": "aggTrade", "E": done.time // unit, "s": coin.instrument.coin, **prices.agg_trade(done, unit)}


def kline(coin: CoinMarket, bar: Kline, word: str, closed: bool, at: Timestamp, unit: int) -> Payload:
    """A kline as far as it has come."""
    return {
        "e": "kline",
        "E": at // unit,
        "s": coin.instrument.coin,
        "k": {
            "t": bar.begin // unit,
            "T": bar.end // unit - 1,
            "s": coin.instrument.coin,
            "i": word,
            "f": bar.first_id,
            "L": bar.last_id,
            "o": text(bar.open),
            "c": text(bar.close),
            "h": text(bar.high),
            "l": text(bar.low),
            "v": text(bar.volume),
            "n": bar.trades,
            "x": closed,
            "q": text(bar.quote_volume),
            "V": text(bar.volume // 2),
            "Q": text(bar.quote_volume // 2),
            "B": "0",
        },
    }


def book_ticker(coin: CoinMarket) -> Payload:
    """The best of either side."""
    (bid, bid_amount), (ask, ask_amount) = coin.book.best
    return {
        "u": coin.book.id,
        "s": coin.instrument.coin,
        "b": text(bid),
        "B": text(bid_amount),
        "a": text(ask),
        "A": text(ask_amount),
    }


def depth_update(coin: CoinMarket, first: int, last: int, bids: Side, asks: Side, at: Timestamp, unit: int) -> Payload:
    """What changed of the book, from one of its ids to another."""
    return {
        "e": "depthUpdate",
        "E": at // unit,
        "s": coin.instrument.coin,
        "U": first,
        "u": last,
        "b": levels(bids, len(bids)),
        "a": levels(asks, len(asks)),
    }


def partial_depth(book: Book, count: int) -> Payload:
    """The best levels of the book."""
    return {"lastUpdateId": book.id, "bids": levels(book.bids, count), "asks": levels(book.asks, count)}


def levels(side: Side, count: int) -> list[tuple[str, str]]:
    """Return the first levels of a side as pairs of texts."""
    return [(text(price), text(amount)) for price, amount in list(side.items())[:count]]


def mini_ticker(coin: CoinMarket, at: Timestamp, unit: int) -> Payload | None:
    """The last 24 hours in short; None where there was no bar in them."""
    day = coin.day(at)
    return day and {
        "e": "24hrMiniTicker",
        "E": at // unit,
        "s": coin.instrument.coin,
        "c": text(day.close),
        "o": text(day.open),
        "h": text(day.high),
        "l": text(day.low),
        "v": text(day.volume),
        "q": text(day.quote_volume),
    }


def avg_price(coin: CoinMarket, at: Timestamp, unit: int) -> Payload:
    """The average price of the last five minutes."""
    last = coin.tape[-1].time if coin.tape else at
    price = text(coin.average(at))
    return {"e": "avgPrice", "E": at // unit, "s": coin.instrument.coin, "i": "5m", "w": price, "T": last // unit}
