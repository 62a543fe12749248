"""Targets: what a strategy's signal comes to, net of the orders that work already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import OrderError
from engine.exact import DECIMALS, INT64_MAX, floor_to, to_units
from engine.exchange import kernel as k
from engine.model import OrderType, Signal
from engine.trading.notes import ALREADY_WORKING, CANCELLED, NOTHING_TO_DO, ORDERED
from engine.trading.terms import terms

if TYPE_CHECKING:
    from engine.trading.system import TradeSystem


def resolve(trade: TradeSystem, n: int, signal: Signal) -> tuple[int, int]:
    """Return what becomes of a signal for the coin of number n, and the id of its order or -1.

    What sells for a person, be it an exit of an entry or an order by hand, protects a position and is no target's work: a buy
    leaves it, `sell` and `close` take it off. What would be refused takes off nothing but what would buy: who may not sell must
    not lose what sells for him.
    """
    exchange = trade.exchange
    side = k.BUY if signal.kind == "buy" else k.SELL
    working = _of_coin(trade, n, protecting=False)
    if signal.kind == "cancel":
        for order in working:
            trade.cancel(order)
        return (CANCELLED if working else NOTHING_TO_DO), -1
    if any(exchange.orders[order, k.SIDE] == side for order in working):
        return ALREADY_WORKING, -1
    its = exchange.instruments[n]
    asked = terms(
        its,
        side,
        price=signal.price,
        stop=signal.stop,
        type=OrderType.LIMIT_MAKER if signal.maker else None,
        stop_loss=signal.stop_loss,
        take_profit=signal.take_profit,
        trailing_stop_bps=signal.trailing_stop_bps,
    )
    amount = _amount(trade, n, side, signal, asked.price or asked.stop or trade.raw.mark_units(n))
    nothing = side == k.SELL and not amount
    going = working + (_of_coin(trade, n, protecting=True) if side == k.SELL else [])
    refused = trade.foresee(n, asked, amount, going) if going and not nothing else 0
    for order in working:
        if not refused or exchange.orders[order, k.SIDE] == k.BUY:
            trade.cancel(order)
    if refused:
        return refused, -1
    # an entry that was filled in part has sent its exits only now
    for order in _of_coin(trade, n, protecting=True) if side == k.SELL else ():
        trade.cancel(order)
    if nothing:
        return NOTHING_TO_DO, -1
    outcome, order = trade.send(n, asked, amount, "strategy", signal.reason, keep=False, instead=going)
    return outcome or ORDERED, order


def _of_coin(trade: TradeSystem, n: int, *, protecting: bool) -> list[int]:
    """Return the coin's open orders that protect what is held, or those that do not, oldest first; of a pair one is enough."""
    if not trade.exchange.head[k.N_OPEN]:
        return []
    orders = trade.exchange.orders
    found = [order for order in trade.exchange.open_orders if orders[order, k.COIN] == n]
    return [order for order in found if _protects(trade, order) == protecting]


def _protects(trade: TradeSystem, order: int) -> bool:
    row = trade.exchange.orders[order]
    return bool(row[k.PARENT] > 0 or (row[k.SIDE] == k.SELL and trade.notes.of(order)[0] == "hand"))


def _amount(trade: TradeSystem, n: int, side: int, signal: Signal, reference: int) -> int:
    """Return how much a signal asks for in base units, whole lots.

    A buy within the free cash, a sell within the position.
    """
    exchange = trade.exchange
    its = exchange.instruments[n]
    if signal.kind == "close":
        return trade.sellable(n)
    if (signal.value is None) == (signal.amount is None):
        if side == k.SELL and signal.value is None:
            return trade.sellable(n)
        raise OrderError("give either value or amount", hint="Signal.buy(value=100) or Signal.buy(amount=0.5)")
    if signal.amount is not None:
        places = exchange.decimals[its.base]
        units = to_units(_countable(signal.amount, places), f"amount of {its.coin}", places)
    else:
        value = trade.account.in_quote(to_units(_countable(float(signal.value or 0.0)), f"value of {its.coin}"), n)
        if side == k.BUY:
            value = min(value, trade.spendable(n))
        units = value * exchange.scale(n) // reference if reference else 0
    if units < 0:
        raise OrderError(f"{'amount' if signal.value is None else 'value'} is negative")
    units = floor_to(units, exchange.lot(n))
    return min(units, trade.sellable(n)) if side == k.SELL else units


def _countable(wish: float, places: int = DECIMALS) -> float:
    """Return a wish cut to what 64 bits can count, which nobody has; what is no finite number stays what it is."""
    return min(wish, INT64_MAX // 10**places) if wish < float("inf") else wish
