"""Operations that tell of the market."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

from engine.errors import ConfigError, RecordingError
from engine.model import INTERVALS
from engine.rehearsal.calls import Call, operation
from engine.rehearsal.errors import error
from engine.rehearsal.market import CoinMarket, Print
from engine.rehearsal.operations.orders import within
from engine.rehearsal.params import Params
from engine.rehearsal.payloads import prices, streams, tickers

MOST_LEVELS = 5000
MOST_ROWS = 1000
MINI = (
    *("symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume"),
    *("openTime", "closeTime", "firstId", "lastId", "count"),
)
"""What a ticker of type MINI tells."""
WINDOW = re.compile(r"([0-9]{1,2})([mhd])\Z")
LONGEST = {"m": 59, "h": 23, "d": 7}
BOOK_WEIGHTS = ((100, 5), (500, 25), (1000, 50))


def _depth_weight(params: Params) -> int:
    text = params.texts.get("limit", "100")
    levels = int(text) if text.isdecimal() else 0
    return next((weight for most, weight in BOOK_WEIGHTS if levels <= most), 250)


def _ticker_weight(params: Params) -> int:
    if "symbol" in params:
        return 2
    count = params.texts.get("symbols", "").count(",") + 1 if "symbols" in params else MOST_ROWS
    return 2 if count <= 20 else 40 if count <= 100 else 80


def _window_weight(params: Params) -> int:
    return min(4 * (params.texts.get("symbols", "").count(",") + 1), 200)


def _few(params: Params) -> int:
    return 2 if "symbol" in params else 4


@operation("symbol limit symbolStatus", weight=_depth_weight)
def depth(call: Call) -> Any:
    """Tell the book."""
    book = call.venue.market.coins[call.coin()].book
    return streams.partial_depth(book, call.params.limit(MOST_LEVELS, 100))


@operation("symbol limit", weight=25)
def trades(call: Call) -> Any:
    """Tell the latest trades."""
    tape, limit = call.venue.market.coins[call.coin()].tape, call.params.limit(MOST_ROWS)
    return [prices.trade(done, call.unit) for done in islice(tape, max(len(tape) - limit, 0), None)]


@operation("symbol limit fromId", weight=25)
def historical_trades(call: Call) -> Any:
    """Tell trades from one on; the tape goes back a thousand."""
    return [prices.trade(done, call.unit) for done in _tape(call)]


@operation("symbol fromId startTime endTime limit", weight=4)
def agg_trades(call: Call) -> Any:
    """Tell takers' trades, each at one price."""
    if "fromId" in call.params and ("startTime" in call.params or "endTime" in call.params):
        raise error(-1128)
    return [prices.agg_trade(done, call.unit) for done in _tape(call)]


@operation("symbol interval startTime endTime timeZone limit", weight=2)
def klines(call: Call) -> Any:
    """Tell klines, the latest unless it is said from when on."""
    coin, params = call.venue.market.coins[call.coin()], call.params
    interval = params.need("interval")
    if interval not in INTERVALS:
        raise error(-1120)
    # klines of another day than UTC's would be other klines
    params.choice("timeZone", ("0", "00:00", "0:00", "+0", "+00:00"))
    begin, end, limit = call.moment("startTime"), call.moment("endTime"), params.limit(MOST_ROWS)
    try:
        found = coin.klines(interval, begin, end, limit, call.now)
    except (ConfigError, RecordingError):
        raise error(-1120) from None
    return [prices.kline(bar, call.unit) for bar in found]


@operation("symbol", weight=2)
def average_price(call: Call) -> Any:
    """Tell the mean price of the last five minutes."""
    return prices.average(call.venue.market.coins[call.coin()], call.now, call.unit)


@operation("symbol symbols type symbolStatus", weight=_ticker_weight)
def ticker_day(call: Call) -> Any:
    """Tell what coins did in the last 24 hours."""
    now, unit = call.now, call.unit
    return _each(call, _sized(call, lambda coin: tickers.ticker_24h(coin, now, unit) or tickers.idle_24h(coin, now, unit)))


@operation("symbol symbols windowSize type symbolStatus", weight=_window_weight)
def ticker_window(call: Call) -> Any:
    """Tell what coins did in a window up to now."""
    now, unit = call.now, call.unit
    if "symbol" not in call.params and "symbols" not in call.params:
        raise error(-1102, "symbol", "symbols")
    size = WINDOW.match(call.params.get("windowSize") or "1d")
    if size is None or not 1 <= int(size[1]) <= LONGEST[size[2]]:
        raise error(-1130, "windowSize")
    length = int(size[1]) * INTERVALS[f"1{size[2]}"]

    def tell(coin: CoinMarket) -> Any:
        return tickers.ticker_window(coin, length, now, unit) or tickers.idle_window(coin, length, now, unit)

    return _each(call, _sized(call, tell))


@operation("symbol symbols symbolStatus", weight=_few)
def ticker_price(call: Call) -> Any:
    """Tell the last prices."""
    return _each(call, prices.price)


@operation("symbol symbols symbolStatus", weight=_few)
def ticker_book(call: Call) -> Any:
    """Tell the best of either side."""
    return _each(call, prices.book_ticker)


def _each(call: Call, tell: Callable[[CoinMarket], Any]) -> Any:
    """Return what is told of the one symbol asked for, or of each of several, or of all."""
    if "symbol" in call.params and "symbols" in call.params:
        raise error(-1128)
    told = [tell(coin) for coin in call.coins()]
    return told[0] if "symbol" in call.params else told


def _sized(call: Call, tell: Callable[[CoinMarket], Any]) -> Callable[[CoinMarket], Any]:
    """Return how a ticker is told in full or in short."""
    size = call.params.choice("type", ("FULL", "MINI"), -1139)
    return (lambda coin: {name: value for name, value in tell(coin).items() if name in MINI}) if size == "MINI" else tell


def _tape(call: Call) -> list[Print]:
    since = call.params.whole("fromId")
    tape = call.venue.market.coins[call.coin()].tape
    found = [done for done in tape if since is None or done.id >= since]
    return within(call, found, lambda done: done.time, from_start=since is not None)
