"""Hand: orders by hand, obeyed through the engine, so that its input log has them, and answered."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from engine.errors import OrderError, TickdeckError
from engine.exchange import kernel as k
from engine.host.protocol import AmendOrder, CancelAll, CancelOrder, HandCommand, PlaceOco, PlaceOrder, ReplaceOrder, Reply
from engine.loop import Engine
from engine.model import Order, OrderStatus, OrderType, Side, TimeInForce
from engine.trading.system import TradeSystem

Note = Callable[[str, str], None]
"""Takes a line for the log: its level and its text."""


def change_of(trade: TradeSystem, number: int) -> str:
    """Return what of an order can be changed: "any", "less" of its amount, or "" nothing.

    Another order in its stead would neither trail, nor expire at once, nor bring its exits along.
    """
    view = trade.exchange.order(number)
    if view.status not in (k.NEW, k.PARTIALLY_FILLED) or view.kind == k.MARKET or view.sibling:
        return ""
    return "less" if view.trail or trade.brings_exits(number) or view.tif != k.GTC else "any"


class Hand:
    """Obeys what a person asks of orders at the cursor; `look` tells of those that ended without having been filled."""

    def __init__(self, engine: Engine, note: Note) -> None:
        self._engine = engine
        self._trade = engine.trade
        self._note = note
        self._open: list[int] = []

    def obey(self, command: HandCommand) -> Reply:
        """Carry a command out; a refusal tells why, in the words of the account."""
        if self._engine.raw.latest.step < 0:
            return Reply(command.id, False, "there is no market yet")
        try:
            match command:
                case PlaceOrder() | PlaceOco():
                    return self._placed(command)
                case AmendOrder(order_id=order):
                    self._engine.amend_order(order, _amount(command.amount))
                    text = f"order #{order} reduced to {self._plain(order)}; it keeps its place"
                case ReplaceOrder(order_id=order):
                    text = self._replace(command)
                case CancelOrder(order_id=order):
                    if not self._engine.cancel(order):
                        return Reply(command.id, False, f"order #{order} is no longer open")
                    text = f"order #{order} {self._trade.ends}"
                case CancelAll(coin=coin):
                    count = self._cancel_all(coin)
                    if not count:
                        return Reply(command.id, True, "there are no open orders")
                    text = f"1 order {self._trade.ends}" if count == 1 else f"{count} orders {self._trade.ends}"
        except TickdeckError as error:
            return Reply(command.id, False, str(error))
        self._note("info", f"by hand: {text}")
        return Reply(command.id, True, text)

    def rewind(self) -> None:
        """Forget what has not been ordered yet."""
        self._open = [order for order in self._open if order < self._trade.exchange.n_orders]

    def look(self) -> None:
        """Log which orders by hand have ended without a fill since the last look, and why."""
        waiting, self._open = self._open, []
        for number in waiting:
            order = self._trade.account.order(number)
            if order.status.is_open:
                self._open.append(number)
            elif self._trade.exchange.order(number).refusal not in (k.NO_REFUSAL, k.NO_ENTRY, k.OTHER_LEG):
                self._note("warning", f"order #{number} by hand: {order.refusal}")

    def _placed(self, command: PlaceOrder | PlaceOco) -> Reply:
        first = self._trade.exchange.n_orders
        amount = _amount(command.amount)
        kind = command.type if isinstance(command, PlaceOrder) else OrderType.LIMIT_MAKER
        if command.side not in list(Side) or kind not in list(OrderType):
            raise OrderError(f"there is no {command.side} {kind} order")
        signed = amount if command.side == Side.BUY else amount.copy_negate()
        if isinstance(command, PlaceOco):
            self._place_pair(command, signed)
        else:
            self._place(command, signed)
        if self._trade.exchange.n_orders == first:
            text = f"{command.side} {amount:f} {command.coin} waits for the orders that are being cancelled"
            self._note("info", f"by hand: {text}")
            return Reply(command.id, True, text)
        order = self._trade.account.order(first)
        what = self._what(order)
        if order.status is OrderStatus.REJECTED:
            self._note("warning", f"order #{first} by hand: {what}: {order.refusal}")
            return Reply(command.id, False, f"{what} refused: {order.refusal}")
        orders = list(range(first, self._trade.exchange.n_orders))
        self._open += orders
        named = f"order #{first}" if order.pair is None else f"orders #{first} and #{order.pair}"
        self._note("info", f"{named} by hand: {what}, {_kind(order)}")
        exits = ", its exits when it has filled" if order.pair is None and len(orders) > 1 else ""
        return Reply(command.id, True, f"{named}: {what}; {self._trade.acts}{exits}")

    def _place(self, command: PlaceOrder, signed: Decimal) -> None:
        if command.tif not in list(TimeInForce):
            raise OrderError(f"there is no time in force {command.tif}")
        self._engine.place_order(
            command.coin,
            signed,
            _price(command.price, "price"),
            type=OrderType(command.type),
            stop=_price(command.stop, "stop"),
            trail_bps=command.trail_bps,
            tif=TimeInForce(command.tif),
            stop_loss=_price(command.stop_loss, "stop loss"),
            take_profit=_price(command.take_profit, "take profit"),
            trailing_stop_bps=command.trailing_stop_bps,
        )

    def _place_pair(self, command: PlaceOco, signed: Decimal) -> None:
        self._engine.place_oco(
            command.coin,
            signed,
            _decimal(command.price, "price"),
            _price(command.stop, "stop"),
            stop_limit=_price(command.stop_limit, "limit"),
            trail_bps=command.trail_bps,
        )

    def _replace(self, command: ReplaceOrder) -> str:
        exchange, number = self._trade.exchange, command.order_id
        if not 0 <= number < exchange.n_orders:
            raise OrderError(f"there is no order #{number}")
        if change_of(self._trade, number) == "less":
            raise OrderError(f"order #{number} can only be reduced", hint="cancel it and place another")
        old = self._trade.account.order(number)
        amount = _amount(command.amount) - old.filled
        if amount <= 0:
            raise OrderError(f"order #{number} has filled {old.filled.normalize():f} already")
        price, stop = _price(command.price, "price"), _price(command.stop, "stop")
        # once triggered it is a limit order
        kind = OrderType.LIMIT if exchange.order(number).triggered and stop is None else old.type
        self._engine.replace_order(number, amount, price, stop=stop, type=kind)
        new = exchange.n_orders - 1
        self._open.append(new)
        return f"order #{new} in place of #{number}: {self._what(self._trade.account.order(new))}"

    def _cancel_all(self, coin: str | None) -> int:
        """Cancel until none is left that was not asked to end, as a cancelled entry may send its exits; return how many."""
        account = self._trade.account
        seen: set[int] = set()
        asked: set[int] = set()
        while orders := [order.id for order in account.orders(coin) if order.id not in asked]:
            seen.update(orders)
            asked.add(orders[0])
            self._engine.cancel(orders[0])
        return len(seen)

    def _what(self, order: Order) -> str:
        return f"{order.side} {self._plain(order.id)} {order.coin}"

    def _plain(self, number: int) -> str:
        """Return an order's amount as text, without what is nothing."""
        text = format(self._trade.account.order(number).amount, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text


def _kind(order: Order) -> str:
    if order.pair is not None:
        return "a pair"
    return f"trailing by {order.trail_bps / 100:g} %" if order.trail_bps else order.type.replace("_", " ")


def _amount(text: str) -> Decimal:
    amount = _decimal(text, "amount")
    if amount <= 0:
        raise OrderError("the amount must be more than 0")
    return amount


def _price(text: str | None, what: str) -> Decimal | None:
    return _decimal(text, what) if text else None


def _decimal(text: str, what: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise OrderError(f"{what} {text!r} is not a number") from None
    if not value.is_finite():
        raise OrderError(f"{what} {text!r} is not a finite number")
    if value.adjusted() > 18:
        # nothing can be worked out with what has a million digits
        raise OrderError(f"{what} {text!r} does not fit 64 bits")
    return value
