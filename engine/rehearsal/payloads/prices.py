"""How tape, klines and prices are told where they are asked for; times in units of `unit` ns."""

from __future__ import annotations

from typing import Any

from engine.exact import UNIT
from engine.model import Timestamp
from engine.rehearsal.klines import Kline
from engine.rehearsal.market import CoinMarket, Print
from engine.rehearsal.payloads.numbers import text

Payload = dict[str, Any]


def trade(done: Print, unit: int) -> Payload:
    """A trade on the tape."""
    return {
        "id": done.id,
        "price": text(done.price),
        "qty": text(done.amount),
        "quoteQty": text(done.price * done.amount // UNIT),
        "time": done.time // unit,
        "isBuyerMaker": done.sold,
        "isBestMatch": True,
    }


def agg_trade(done: Print, unit: int) -> Payload:
    """A taker's trade at one price, which here is always one trade."""
    return {
        "a": done.id,
        "p": text(done.price),
        "q": text(done.amount),
        "f": done.id,
        "l": done.id,
        "T": done.time // unit,
        "m": done.sold,
        "M": True,
    }


def kline(bar: Kline, unit: int) -> list[Any]:
    """A kline as a row."""
    return [
        bar.begin // unit,
        text(bar.open),
        text(bar.high),
        text(bar.low),
        text(bar.close),
        text(bar.volume),
        bar.end // unit - 1,
        text(bar.quote_volume),
        bar.trades,
        text(bar.volume // 2),
        text(bar.quote_volume // 2),
        "0",
    ]


def price(coin: CoinMarket) -> Payload:
    """The last price."""
    return {"symbol": coin.instrument.coin, "price": text(coin.last)}


def book_ticker(coin: CoinMarket) -> Payload:
    """The best of either side, zeros where nobody has traded yet."""
    (bid, bid_amount), (ask, ask_amount) = coin.book.best
    return {
        "symbol": coin.instrument.coin,
        "bidPrice": text(bid),
        "bidQty": text(bid_amount),
        "askPrice": text(ask),
        "askQty": text(ask_amount),
    }


def average(coin: CoinMarket, now: Timestamp, unit: int) -> Payload:
    """The mean price of the last five minutes."""
    last = coin.tape[-1].time if coin.tape else now
    return {"mins": 5, "price": text(coin.average(now)), "closeTime": last // unit}
