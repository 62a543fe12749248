"""A small market in which every order type has its moment, and what is to become of each: the same for every client.

It stands at 100, falls to 94, rises to 112 and stands at 110. Beside each order is what the exchange's rules make of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from engine.recordings import Recording
from engine.recordings.bars import stamp
from tests.rehearsal.hall import Hall, hall
from tests.worlds import MINUTE, START, Candle, market

STILL, FALL, RISE = 30, (100, 100, 94, 95), (95, 112, 95, 110)
BARS: list[Candle] = [100] * STILL + [FALL, RISE] + [110] * 5
OPENS = 20
"""The bar at which the exchange opens; those before are history."""
FEE = Decimal("0.001")
BALANCES = {"USDT": Decimal(10_000), "BTC": Decimal(20), "ETH": Decimal(0)}
ACCOUNT = {"balances": {asset: str(amount) for asset, amount in BALANCES.items() if amount}}


class Case(NamedTuple):
    """An order; its status and filled amount at once, once the market has fallen and once it has risen; and at what price."""

    order: dict[str, str]
    at_once: tuple[str, str]
    after_fall: tuple[str, str]
    at_end: tuple[str, str]
    price: str | None


def order(side: str, type: str, amount: str = "1", **more: str) -> dict[str, str]:
    """The parameters of an order, in the exchange's words."""
    return {"side": side, "type": type} | ({"quantity": amount} if amount else {}) | more


NEW, FILLED, EXPIRED = ("NEW", "0"), ("FILLED", "1"), ("EXPIRED", "0")
GTC = {"timeInForce": "GTC"}
CASES = {
    "market buy": Case(order("BUY", "MARKET"), FILLED, FILLED, FILLED, "100"),
    "market sell": Case(order("SELL", "MARKET"), FILLED, FILLED, FILLED, "99.99"),
    "market buy for quote": Case(order("BUY", "MARKET", "", quoteOrderQty="150"), *[("FILLED", "1.5")] * 3, "100"),
    "limit buy": Case(order("BUY", "LIMIT", price="97", **GTC), NEW, FILLED, FILLED, "97"),
    "limit sell": Case(order("SELL", "LIMIT", price="105", **GTC), NEW, NEW, FILLED, "105"),
    "limit buy that takes": Case(order("BUY", "LIMIT", price="103", **GTC), FILLED, FILLED, FILLED, "100"),
    "limit buy now or never": Case(order("BUY", "LIMIT", price="97", timeInForce="IOC"), EXPIRED, EXPIRED, EXPIRED, None),
    "limit buy at once": Case(order("BUY", "LIMIT", price="103", timeInForce="IOC"), FILLED, FILLED, FILLED, "100"),
    "limit buy all or nothing": Case(order("BUY", "LIMIT", price="97", timeInForce="FOK"), EXPIRED, EXPIRED, EXPIRED, None),
    "limit buy all": Case(order("BUY", "LIMIT", price="103", timeInForce="FOK"), FILLED, FILLED, FILLED, "100"),
    "iceberg": Case(order("BUY", "LIMIT", price="97", icebergQty="0.2", **GTC), NEW, FILLED, FILLED, "97"),
    "limit maker": Case(order("SELL", "LIMIT_MAKER", price="105"), NEW, NEW, FILLED, "105"),
    "stop loss": Case(order("SELL", "STOP_LOSS", stopPrice="97"), NEW, FILLED, FILLED, "97"),
    "stop loss buy": Case(order("BUY", "STOP_LOSS", stopPrice="105"), NEW, NEW, FILLED, "105"),
    "stop loss limit": Case(order("SELL", "STOP_LOSS_LIMIT", stopPrice="97", price="96", **GTC), NEW, FILLED, FILLED, "97"),
    "take profit": Case(order("SELL", "TAKE_PROFIT", stopPrice="105"), NEW, NEW, FILLED, "105"),
    "take profit limit": Case(order("SELL", "TAKE_PROFIT_LIMIT", stopPrice="104", price="105", **GTC), NEW, NEW, FILLED, "105"),
    "trailing stop": Case(order("SELL", "STOP_LOSS", trailingDelta="500"), NEW, FILLED, FILLED, "95"),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])


def recording() -> Recording:
    """The market, of two coins."""
    return market({"BTCUSDT": BARS, "ETHUSDT": BARS})


@asynccontextmanager
async def day(**settings: Any) -> AsyncIterator[Hall]:
    """The market at the moment the exchange opens, its first trades made; one account, or as it is set."""
    begin = stamp(START + OPENS * MINUTE)
    async with hall(recording(), begin=begin, **{"accounts": [ACCOUNT]} | settings) as its:
        its.wait(0)
        yield its


def fall(its: Hall) -> None:
    """Let the market go on to the end of the bar in which it falls."""
    its.wait(START + (STILL + 1) * MINUTE - its.venue.now - 1)


def rise(its: Hall) -> None:
    """Let the market go on to where it stands at 110."""
    its.wait(START + (STILL + 3) * MINUTE - its.venue.now)


def balances(case: Case) -> dict[str, Decimal]:
    """What the account has at the end, told from the case alone: the fee is of what was received."""
    left = dict(BALANCES)
    if case.price is not None:
        amount = Decimal(case.at_end[1])
        quote = amount * Decimal(case.price)
        if case.order["side"] == "BUY":
            left["USDT"] -= quote
            left["BTC"] += amount * (1 - FEE)
        else:
            left["USDT"] += quote * (1 - FEE)
            left["BTC"] -= amount
    return left
