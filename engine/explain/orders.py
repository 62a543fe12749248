"""Orders: what became of each at a step, and why the one did not fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from engine.exact import UNIT
from engine.exchange import OrderView
from engine.exchange import kernel as k
from engine.explain.refusals import by_how_much, money
from engine.explain.tracing import Sent
from engine.explain.why import OrderWhy
from engine.model import CoinName, Order, OrderStatus
from engine.trading.account import Account
from engine.trading.terms import Terms

ENDED = {
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELED: "cancelled",
    OrderStatus.REJECTED: "rejected",
    OrderStatus.EXPIRED: "expired",
}


HOW = {
    k.AT_OPEN: "at the bar's open",
    k.INSIDE: "inside the bar, when the market came to its price",
    k.UNSURE: "inside the bar, when the market came to its price; it may have seen the bar's worst before",
}


class Candle(NamedTuple):
    """The bar an order met, in units; amounts count 1e-8."""

    open: int
    high: int
    low: int
    volume: int


def fates(
    account: Account,
    before: Sequence[Order],
    n_orders: int,
    filled: Set[int],
    sent: Sequence[Sent],
    said: Mapping[CoinName, str],
) -> list[OrderWhy]:
    """Return what became of the orders open before the step, and of those that came at it, of number `n_orders` and on.

    `filled` are those that filled at it, `said` is what withdraws those of a coin.
    """
    told = [_fate(account, order, order.id in filled, said.get(order.coin, "by hand")) for order in before]
    told += [_arrival(account, account.order(n), sent) for n in range(n_orders, account.exchange.n_orders)]
    return told


def _arrival(account: Account, order: Order, sent: Sequence[Sent]) -> OrderWhy:
    """Return what became of an order that came at the step."""
    if order.status is OrderStatus.REJECTED:
        seen = next((its for its in sent if its.order == order.id), None) or _as_sent(account, order)
        code = account.exchange.order(order.id).refusal
        detail = by_how_much(account, seen._replace(code=code)) if code != k.RISK else ""
        return OrderWhy(order, "rejected", order.refusal.rstrip(".") + (f": {detail}" if detail else ""))
    if order.status is OrderStatus.PENDING:
        return OrderWhy(order, "waits", f"it is sent when its entry #{order.entry} has ended")
    if order.status in ENDED:
        return OrderWhy(order, ENDED[order.status], order.refusal or _reason(order))
    return OrderWhy(order, "placed", f"{_reason(order)}; it can act on the next event at the earliest")


def _as_sent(account: Account, order: Order) -> Sent:
    """Return how a refused order that was not seen on its way was sent: by hand, at the end of the step."""
    exchange, view = account.exchange, account.exchange.order(order.id)
    asset = exchange.coins.item(view.coin, k.QUOTE if view.side == k.BUY else k.BASE)
    free = exchange.balances.item(asset, k.FREE)
    later = [its for its in exchange.open_orders if its > order.id]
    for its in later:
        row = exchange.order(its)
        if exchange.coins.item(row.coin, k.QUOTE if row.side == k.BUY else k.BASE) == asset:
            free += row.lock
    asked = Terms(view.side, view.kind, view.price, view.stop, view.trail, view.tif)
    n_open = exchange.n_open - len(later)
    return Sent(view.coin, asked, view.amount, free, n_open, order.by, view.refusal, order.id)


def _reason(order: Order) -> str:
    by = {"hand": "by hand", "risk": "by a limit of [risk]"}.get(order.by, "by the strategy")
    return f"{by}: {order.reason}" if order.reason and order.reason != by else by


def _fate(account: Account, was: Order, filled: bool, by: str) -> OrderWhy:
    """Return what became of an order that was open; it is withdrawn `by` what is told."""
    order, view = account.order(was.id), account.exchange.order(was.id)
    if order.status is OrderStatus.FILLED:
        return OrderWhy(order, "filled", HOW.get(view.how, ""))
    if order.status is OrderStatus.CANCELED:
        return OrderWhy(order, "cancelled", f"withdrawn {by}")
    if order.status in ENDED:
        return OrderWhy(order, ENDED[order.status], _end(account, order, view))
    candle = _candle(account, view)
    if filled and candle is not None:
        share = account.exchange.head.item(k.VOLUME_SHARE) * candle.volume // UNIT
        why = f"the rest waits: of the bar's volume of {money(candle.volume)} no more than {money(share)} may be taken"
        return OrderWhy(order, "filled in part", why)
    return OrderWhy(order, "waits", _waits(account, order, view, candle))


def _end(account: Account, order: Order, view: OrderView) -> str:
    """Return why an order ended without its last fill."""
    exchange, candle = account.exchange, _candle(account, view)
    its = exchange.instruments[view.coin]
    if candle is not None and view.refusal == k.WOULD_TAKE:
        return f"{order.refusal} The bar opened at {money(candle.open)}, its limit is {money(view.price)}"
    if candle is None or view.refusal != k.INSUFFICIENT or view.side == k.SELL:
        return order.refusal
    price = view.price or int(k.slipped(candle.open, view.side, exchange.head[k.SLIPPAGE], its.tick))
    cost = -(-(view.amount - view.filled) * price // exchange.scale(view.coin))
    if exchange.head[k.FEE_MODE] == k.FEE_QUOTE:
        cost += -(-cost * exchange.head.item(k.TAKER_RATE) // UNIT)
    free = exchange.free(its.quote)
    short = f", {money(cost - free)} too little" if cost > free else ""
    return f"{order.refusal} At {money(price)} it costs {money(cost)} {its.quote} and {money(free)} is free{short}"


def _candle(account: Account, view: OrderView) -> Candle | None:
    """Return the bar that closed at the cursor; None where there was none."""
    track = account.raw.events[view.coin]
    row = track.row(account.raw.step)
    if row < 0:
        return None
    bars = track.bars
    volume = int(bars.volume[row]) * 10 ** (8 - bars.volume_decimals)
    return Candle(int(bars.open[row]), int(bars.high[row]), int(bars.low[row]), volume)


def _waits(account: Account, order: Order, view: OrderView, candle: Candle | None) -> str:
    """Return why an open order did nothing at the step."""
    exchange = account.exchange
    if candle is None:
        return f"no bar of {order.coin} closed at this step"
    if not candle.volume:
        return "the bar had no volume"
    if view.step >= account.raw.step:
        return f"its entry #{order.entry} was filled inside this bar, and it can act on the next event at the earliest"
    waiting = view.kind >= k.STOP_LOSS and not view.triggered
    if waiting:
        return _far(candle, view.stop, above=bool(k.waits_above(view.side, view.kind)), what="trigger", touch=True)
    if k.has_price(view.kind):
        touch = bool(exchange.head[k.TOUCH])
        above = view.side == k.SELL
        reached = candle.high > view.price if above else candle.low < view.price
        if not reached and not (touch and view.price in (candle.high, candle.low)):
            return _far(candle, view.price, above=above, what="limit", touch=touch)
    if exchange.head[k.VOLUME_SHARE]:
        share = exchange.head.item(k.VOLUME_SHARE) * candle.volume // UNIT
        return f"of the bar's volume of {money(candle.volume)} no more than {money(share)} may be taken, and that was used up"
    return "nothing in this bar made it act"


def _far(candle: Candle, at: int, *, above: bool, what: str, touch: bool) -> str:
    """Return how far the bar stayed away from a price."""
    extreme, word = (candle.high, "highest") if above else (candle.low, "lowest")
    if extreme == at and not touch:
        return f"the {word} price was its {what} of {money(at)}: it fills where the market goes through it"
    gap = abs(at - extreme)
    way = "below" if above else "above"
    return f"the {word} price was {money(extreme)}, {money(gap)} ({100 * gap / at:.2f} %) {way} its {what} of {money(at)}"
