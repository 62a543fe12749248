"""How the exchange tells of itself: its limits and its symbols."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.rehearsal import filters
from engine.rehearsal.limits import Rule, Usage
from engine.rehearsal.market import CoinMarket
from engine.rehearsal.orders import KINDS

Payload = dict[str, Any]
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")


def info(time: int, rules: Iterable[Rule], coins: Iterable[CoinMarket], sets: bool = True) -> Payload:
    """The exchange: limits and symbols; `time` as it is to be told."""
    return {
        "timezone": "UTC",
        "serverTime": time,
        "rateLimits": [rate_limit(rule) for rule in rules],
        "exchangeFilters": [],
        "symbols": [symbol(coin, sets) for coin in coins],
    }


def symbol(coin: CoinMarket, sets: bool = True) -> Payload:
    """A symbol: what may be traded on it, and its filters."""
    its = coin.instrument
    return {
        "symbol": its.coin,
        "status": coin.status,
        "baseAsset": its.base,
        "baseAssetPrecision": 8,
        "quoteAsset": its.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": sorted(KINDS),
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters.told(its),
        "permissions": [],
        "permissionSets": [["SPOT"]] if sets else [],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": list(STP_MODES),
    }


def rate_limit(rule: Rule) -> Payload:
    """A limit."""
    return {"rateLimitType": rule.kind, "interval": rule.interval, "intervalNum": rule.num, "limit": rule.limit}


def usage(its: Usage) -> Payload:
    """A limit and how much of it is used."""
    return {**rate_limit(its.rule), "count": its.used}
