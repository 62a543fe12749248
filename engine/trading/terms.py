"""Terms: what a user asks of an order, in the exchange's numbers."""

from __future__ import annotations

from typing import NamedTuple

from engine.errors import OrderError
from engine.exact import floor_to, to_units
from engine.exchange import TIMES_IN_FORCE, TYPES, Exit
from engine.exchange import kernel as k
from engine.model import Instrument, OrderType, TimeInForce
from engine.trading.api import Number

NEEDS = {
    OrderType.MARKET: "no price and no stop",
    OrderType.LIMIT: "a price and no stop",
    OrderType.LIMIT_MAKER: "a price and no stop",
    OrderType.STOP: "a stop and no price",
    OrderType.STOP_LIMIT: "a stop and a price",
    OrderType.TAKE_PROFIT: "a stop and no price",
    OrderType.TAKE_PROFIT_LIMIT: "a stop and a price",
}


class Terms(NamedTuple):
    """Side and type as the kernel codes them, price and stop in units, trail in basis points, and what is to follow a buy."""

    side: int
    kind: int
    price: int = 0
    stop: int = 0
    trail: int = 0
    tif: int = k.GTC
    exits: tuple[Exit, ...] = ()


NOTHING = (None,) * 7
AT_MARKET = {side: Terms(side, k.MARKET) for side in (k.BUY, k.SELL)}


def terms(
    its: Instrument,
    side: int,
    *,
    price: Number | None = None,
    stop: Number | None = None,
    type: OrderType | None = None,
    trail_bps: int | None = None,
    tif: TimeInForce = TimeInForce.GTC,
    stop_loss: Number | None = None,
    take_profit: Number | None = None,
    trailing_stop_bps: int | None = None,
) -> Terms:
    """Return the terms of an order; raises OrderError for what no order can be.

    Prices go to the tick that asks for no more than was asked for: limits and targets away from the market, triggers too.
    """
    given = (price, stop, type, trail_bps, stop_loss, take_profit, trailing_stop_bps)
    if given == NOTHING and tif is TimeInForce.GTC:
        return AT_MARKET[side]
    kind = _kind(its, price, stop, type, trail_bps)
    if tif is not TimeInForce.GTC and (not k.has_price(kind) or kind == k.LIMIT_MAKER):
        raise OrderError(f"only a limit order can be {tif}", hint="give it a price")
    buys = side == k.BUY
    above = kind >= k.STOP_LOSS and bool(k.waits_above(side, kind))
    return Terms(
        side,
        kind,
        0 if price is None else _to_tick(its, price, "price", up=not buys),
        0 if stop is None else _to_tick(its, stop, "stop", up=above),
        0 if trail_bps is None else _trail(its, trail_bps),
        TIMES_IN_FORCE.index(tif),
        _exits(its, buys, stop_loss, take_profit, trailing_stop_bps),
    )


def _kind(its: Instrument, price: Number | None, stop: Number | None, type: OrderType | None, trail_bps: int | None) -> int:
    if stop is not None and trail_bps is not None:
        raise OrderError(f"the stop of a trailing order of {its.coin} follows the market; leave its stop out")
    if stop is not None or trail_bps is not None:
        profits = type in (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
        kind = (k.TAKE_PROFIT if profits else k.STOP_LOSS) + (price is not None)
    elif price is None:
        kind = k.MARKET
    else:
        kind = k.LIMIT_MAKER if type is OrderType.LIMIT_MAKER else k.LIMIT
    if type is not None and type is not TYPES[kind]:
        raise OrderError(f"a {type} order of {its.coin} needs {NEEDS[type]}")
    return kind


def _to_tick(its: Instrument, value: Number, what: str, *, up: bool) -> int:
    units = to_units(value, f"{what} of {its.coin}", up=up)
    return -floor_to(-units - its.tick + 1, its.tick) if up else floor_to(units, its.tick)


def _trail(its: Instrument, trail_bps: int) -> int:
    if isinstance(trail_bps, bool) or trail_bps != int(trail_bps) or not 0 < trail_bps <= k.UNIT // k.BASIS_POINT:
        raise OrderError(
            f"an order of {its.coin} trails by {trail_bps!r}", hint="give whole basis points from 1 to 10000: 150 is 1.5 %"
        )
    return int(trail_bps)


def _exits(
    its: Instrument, buys: bool, stop_loss: Number | None, take_profit: Number | None, trailing_stop_bps: int | None
) -> tuple[Exit, ...]:
    """Return the exits of a buy, the stop first."""
    if not buys and not (stop_loss is None and take_profit is None and trailing_stop_bps is None):
        raise OrderError(f"a sell of {its.coin} opens nothing that a stop loss or a target could close")
    if stop_loss is not None and trailing_stop_bps is not None:
        raise OrderError(f"the buy of {its.coin} has two stops", hint="give stop_loss or trailing_stop_bps")
    exits = []
    if trailing_stop_bps is not None:
        exits.append(Exit(k.STOP_LOSS, trail=_trail(its, trailing_stop_bps)))
    if stop_loss is not None:
        exits.append(Exit(k.STOP_LOSS, stop=_to_tick(its, stop_loss, "stop loss", up=False)))
    if take_profit is not None:
        exits.append(Exit(k.LIMIT, price=_to_tick(its, take_profit, "take profit", up=True)))
    return tuple(exits)
