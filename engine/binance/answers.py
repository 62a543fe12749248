"""What the exchange answers over REST, as far as it is read; the rest of an answer is let go by."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.model import CoinName

Level = tuple[str, str]
"""A price and an amount of an order book."""


class ServerTime(msgspec.Struct):
    """What time it is there, in ms."""

    serverTime: int


class Refusal(msgspec.Struct):
    """Why something is refused, by its code."""

    code: int = 0


class RateLimit(msgspec.Struct):
    """How much of something is allowed in so many intervals."""

    rateLimitType: str
    interval: str
    intervalNum: int
    limit: int


class ExchangeInfo(msgspec.Struct):
    """What the exchange says of itself and of coins."""

    symbols: list[dict[str, Any]]
    rateLimits: list[RateLimit] = []


class Price(msgspec.Struct):
    """What a coin last traded at."""

    symbol: CoinName
    price: str


class Snapshot(msgspec.Struct):
    """An order book as of an update; prices and amounts as texts."""

    lastUpdateId: int
    bids: list[Level]
    asks: list[Level]


class OldTrade(msgspec.Struct):
    """A trade as it is told afterwards."""

    id: int
    price: str
    qty: str
    time: int
    isBuyerMaker: bool
