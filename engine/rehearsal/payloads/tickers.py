"""Tickers: what a window of time came to, as a request is told it; a stream tells the same under shorter names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.exact import UNIT
from engine.model import INTERVALS, Timestamp
from engine.rehearsal.klines import Kline
from engine.rehearsal.market import CoinMarket
from engine.rehearsal.payloads.numbers import text

Payload = dict[str, Any]
MINUTE = INTERVALS["1m"]
LETTERS = {
    "priceChange": "p",
    "priceChangePercent": "P",
    "weightedAvgPrice": "w",
    "prevClosePrice": "x",
    "lastPrice": "c",
    "lastQty": "Q",
    "bidPrice": "b",
    "bidQty": "B",
    "askPrice": "a",
    "askQty": "A",
    "openPrice": "o",
    "highPrice": "h",
    "lowPrice": "l",
    "volume": "v",
    "quoteVolume": "q",
    "openTime": "O",
    "closeTime": "C",
    "firstId": "F",
    "lastId": "L",
    "count": "n",
}
"""A stream's names for what a ticker tells, in the order it tells them."""


def ticker_24h(coin: CoinMarket, now: Timestamp, unit: int) -> Payload | None:
    """The last 24 hours, with the quotes; None where there was no bar in them."""
    day = coin.day(now)
    return None if day is None else _with_quotes(coin, day, now, unit)


def idle_24h(coin: CoinMarket, now: Timestamp, unit: int) -> Payload:
    """The same of a coin without a bar in them."""
    return _with_quotes(coin, _flat(coin), now, unit)


def idle_window(coin: CoinMarket, length: int, now: Timestamp, unit: int) -> Payload:
    """What ticker_window tells, of a coin without a bar."""
    return _window(coin, _flat(coin), (now - length) // MINUTE * MINUTE, now, unit)


def _flat(coin: CoinMarket) -> Kline:
    return Kline(0, 0, coin.last, coin.last, coin.last, coin.last, 0, 0)


def _with_quotes(coin: CoinMarket, day: Kline, now: Timestamp, unit: int) -> Payload:
    (bid, bid_amount), (ask, ask_amount) = coin.book.best
    last = coin.tape[-1].amount if coin.tape else 0
    return _window(coin, day, now - INTERVALS["1d"], now, unit) | {
        "prevClosePrice": text(coin.close_before(now - INTERVALS["1d"]) or day.open),
        "lastQty": text(last),
        "bidPrice": text(bid),
        "bidQty": text(bid_amount),
        "askPrice": text(ask),
        "askQty": text(ask_amount),
    }


def ticker_window(coin: CoinMarket, length: int, now: Timestamp, unit: int) -> Payload | None:
    """The last `length` ns and what is lacking to a whole minute before; None where there was no bar in them."""
    begin = (now - length) // MINUTE * MINUTE
    bar = coin.since(begin)
    return None if bar is None else _window(coin, bar, begin, now, unit)


def streamed(name: str, asked: Mapping[str, Any] | None, at: Timestamp, unit: int) -> Payload | None:
    """A ticker as an event called `name`."""
    if asked is None:
        return None
    told = {letter: asked[word] for word, letter in LETTERS.items() if word in asked}
    return {"e": name, "E": at // unit, "s": asked["symbol"], **told}


def _window(coin: CoinMarket, bar: Kline, begin: Timestamp, now: Timestamp, unit: int) -> Payload:
    change = bar.close - bar.open
    return {
        "symbol": coin.instrument.coin,
        "priceChange": text(change),
        "priceChangePercent": f"{change * 100 / bar.open if bar.open else 0:.3f}",
        "weightedAvgPrice": text(bar.quote_volume * UNIT // bar.volume if bar.volume else 0),
        "openPrice": text(bar.open),
        "highPrice": text(bar.high),
        "lowPrice": text(bar.low),
        "lastPrice": text(bar.close),
        "volume": text(bar.volume),
        "quoteVolume": text(bar.quote_volume),
        "openTime": begin // unit,
        "closeTime": now // unit,
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.trades,
    }
