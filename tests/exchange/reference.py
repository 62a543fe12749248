"""A slow, obvious exchange: the fill rules on bars once more, in exact integers, as an oracle for the compiled kernel.

Nothing here is shared with the engine. What an account holds of an asset, free and locked together, must fit 64 bits, or a
cancel could not give it back. Locked money is never stored: it is always the sum over the open orders. An order is
judged whole before anything changes, so an overflow leaves the account as the orders before it left it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BUY, SELL = 1, -1
MARKET, LIMIT, LIMIT_MAKER, STOP = range(4)
NEW, PARTIALLY_FILLED, FILLED, CANCELED, REJECTED, EXPIRED = range(6)
(NO_REFUSAL, PRICE_FILTER, LOT_SIZE, NOTIONAL, NO_PRICE, WOULD_TAKE, WOULD_TRIGGER, INSUFFICIENT, NO_VOLUME) = range(9)
ONE = 10**8
LARGEST = 2**63 - 1
BOTTOMLESS = 2**100


class OutOfRange(Exception):
    """A result does not fit a signed 64-bit integer."""


def fit(number: int) -> int:
    if not -LARGEST - 1 <= number <= LARGEST:
        raise OutOfRange(number)
    return number


def floor_div(a: int, b: int) -> int:
    return a // b


def ceil_div(a: int, b: int) -> int:
    return -(-a // b)


@dataclass(frozen=True)
class Rules:
    maker: int = 100_000
    taker: int = 100_000
    fee_asset: str = "quote"
    slippage: int = 0
    limit_touch: bool = False
    max_volume_share: int = 0


@dataclass
class Order:
    id: int
    coin: int
    side: int
    type: int
    amount: int
    price: int
    stop: int
    mark: int
    step: int
    time: int
    filled: int = 0
    status: int = NEW
    refusal: int = NO_REFUSAL
    lock: int = 0
    arrived: bool = False

    @property
    def open(self) -> bool:
        return self.status in (NEW, PARTIALLY_FILLED)

    @property
    def rest(self) -> int:
        return self.amount - self.filled


@dataclass(frozen=True)
class Fill:
    order: int
    step: int
    time: int
    coin: int
    side: int
    amount: int
    price: int
    fee: int
    fee_in: int
    maker: bool
    cash: int
    position: int
    notional: int


@dataclass(frozen=True)
class Bar:
    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass
class Coin:
    base: str
    quote: str
    tick: int
    lot: int
    min_notional: int
    decimals: int
    position: int = 0
    orders: list[Order] = field(default_factory=list)


class Reference:
    """The exchange by the book; `balances` are counts of each asset's unit."""

    def __init__(
        self, instruments: Iterable[Any], balances: Mapping[str, int], rules: Rules, decimals: Mapping[str, int] | None = None
    ) -> None:
        decimals = decimals or {}
        self.rules = rules
        self.coins = []
        for i in instruments:
            d = decimals.get(i.base, 8)
            self.coins.append(Coin(i.base, i.quote, i.tick, i.lot // 10 ** (8 - d), i.min_notional, d))
        self.balance = {asset: 0 for c in self.coins for asset in (c.base, c.quote)}
        self.balance.update(balances)
        self.orders: list[Order] = []
        self.fills: list[Fill] = []

    # The account

    def free(self, asset: str) -> int:
        return self.balance[asset]

    def locked(self, asset: str) -> int:
        return sum(o.lock for o in self.orders if o.open and self.locks_in(o) == asset)

    def locks_in(self, order: Order) -> str:
        coin = self.coins[order.coin]
        return coin.quote if order.side == BUY else coin.base

    def position(self, coin: int) -> int:
        return self.coins[coin].position

    def order(self, oid: int) -> Order:
        return self.orders[oid]

    @property
    def n_orders(self) -> int:
        return len(self.orders)

    @property
    def n_fills(self) -> int:
        return len(self.fills)

    # Arithmetic

    def notional(self, coin: Coin, amount: int, price: int) -> int:
        return fit(floor_div(amount * price, 10**coin.decimals))

    def ceil_notional(self, coin: Coin, amount: int, price: int) -> int:
        return fit(ceil_div(amount * price, 10**coin.decimals))

    def fee(self, of: int, rate: int) -> int:
        return fit(ceil_div(of * rate, ONE))

    def reference_price(self, order: Order) -> int:
        if order.type in (LIMIT, LIMIT_MAKER):
            return order.price
        return order.stop if order.type == STOP else order.mark

    def lock_for(self, order: Order, amount: int) -> int:
        if order.side == SELL or amount == 0:
            return amount
        cost = self.ceil_notional(self.coins[order.coin], amount, self.reference_price(order))
        if self.rules.fee_asset != "quote":
            return cost
        rate = self.rules.taker if order.type in (MARKET, STOP) else max(self.rules.maker, self.rules.taker)
        return fit(cost + self.fee(cost, rate))

    # Orders

    def place(
        self, coin: int, side: int, type: int, amount: int, price: int, stop: int, mark: int, step: int, time: int
    ) -> int:
        order = Order(len(self.orders), coin, side, type, amount, price, stop, mark, step, time)
        order.refusal = self.judge(order)
        if order.refusal:
            order.status = REJECTED
        else:
            order.lock = self.lock_for(order, amount)
            self.balance[self.locks_in(order)] -= order.lock
        self.orders.append(order)
        self.coins[coin].orders.append(order)
        return order.id

    def judge(self, order: Order) -> int:
        coin, mark, buys = self.coins[order.coin], order.mark, order.side == BUY
        if order.type != MARKET:
            asked = order.stop if order.type == STOP else order.price
            if asked <= 0 or asked % coin.tick != 0:
                return PRICE_FILTER
        if order.amount <= 0 or order.amount % coin.lot != 0:
            return LOT_SIZE
        if order.type == MARKET and mark == 0:
            return NO_PRICE
        if self.notional(coin, order.amount, self.reference_price(order)) < coin.min_notional:
            return NOTIONAL
        if order.type == LIMIT_MAKER and mark > 0 and (order.price >= mark if buys else order.price <= mark):
            return WOULD_TAKE
        if order.type == STOP and mark > 0 and (order.stop <= mark if buys else order.stop >= mark):
            return WOULD_TRIGGER
        if self.lock_for(order, order.amount) > self.free(self.locks_in(order)):
            return INSUFFICIENT
        return NO_REFUSAL

    def cancel(self, oid: int, step: int) -> bool:
        if not 0 <= oid < len(self.orders) or not self.orders[oid].open:
            return False
        self.finish(self.orders[oid], CANCELED, NO_REFUSAL)
        return True

    def finish(self, order: Order, status: int, refusal: int) -> None:
        self.balance[self.locks_in(order)] += order.lock
        order.lock = 0
        order.status, order.refusal = status, refusal

    # Bars

    def on_bar(self, coin: int, step: int, time: int, open: int, high: int, low: int, close: int, volume: int) -> int:
        if volume == 0:
            return 0
        before = len(self.fills)
        bar = Bar(open, high, low, close, volume)
        acting = [o for o in self.coins[coin].orders if o.open and o.step < step]
        pool = self.pool(self.coins[coin], volume)
        for order in self.in_turn(acting):
            pool -= self.meet(order, bar, pool, step, time)
        return len(self.fills) - before

    def pool(self, coin: Coin, volume: int) -> int:
        if self.rules.max_volume_share == 0:
            return BOTTOMLESS
        share = floor_div(volume * self.rules.max_volume_share, ONE)
        units = floor_div(share, 10 ** (8 - coin.decimals))
        return units - units % coin.lot

    def in_turn(self, orders: list[Order]) -> list[Order]:
        def of(side: int, *types: int) -> list[Order]:
            return [o for o in orders if o.side == side and o.type in types]

        return [
            *sorted(of(SELL, STOP), key=lambda o: (-o.stop, o.id)),
            *sorted(of(BUY, STOP), key=lambda o: (o.stop, o.id)),
            *sorted((o for o in orders if o.type == MARKET), key=lambda o: o.id),
            *sorted(of(SELL, LIMIT, LIMIT_MAKER), key=lambda o: (o.price, o.id)),
            *sorted(of(BUY, LIMIT, LIMIT_MAKER), key=lambda o: (-o.price, o.id)),
        ]

    def meet(self, order: Order, bar: Bar, pool: int, step: int, time: int) -> int:
        """Show the bar to the order; return what it took from the pool."""
        if order.type == STOP and not (bar.high >= order.stop if order.side == BUY else bar.low <= order.stop):
            return 0
        first, order.arrived = not order.arrived, True
        if order.type in (MARKET, STOP):
            take, price = min(order.rest, pool), self.slipped(order, bar)
            if take and not self.trade(order, take, price, False, step, time):
                return 0
            if order.rest:
                self.finish(order, EXPIRED, NO_VOLUME)
            return take
        meets = bar.open <= order.price if order.side == BUY else bar.open >= order.price
        if order.type == LIMIT_MAKER and first and meets:
            self.finish(order, REJECTED, WOULD_TAKE)
            return 0
        take = min(order.rest, pool)
        if take == 0 or not self.reached(order, bar):
            return 0
        price = min(order.price, bar.open) if order.side == BUY else max(order.price, bar.open)
        return take if self.trade(order, take, price, not (first and meets), step, time) else 0

    def reached(self, order: Order, bar: Bar) -> bool:
        if order.side == BUY:
            return bar.low < order.price or (self.rules.limit_touch and bar.low == order.price)
        return bar.high > order.price or (self.rules.limit_touch and bar.high == order.price)

    def slipped(self, order: Order, bar: Bar) -> int:
        price = bar.open
        if order.type == STOP:
            price = max(order.stop, bar.open) if order.side == BUY else min(order.stop, bar.open)
        if self.rules.slippage == 0:
            return price
        tick, slip = self.coins[order.coin].tick, ceil_div(price * self.rules.slippage, ONE)
        if order.side == BUY:
            return fit(ceil_div(price + slip, tick) * tick)
        return max(floor_div(price - slip, tick) * tick, tick)

    def trade(self, order: Order, amount: int, price: int, maker: bool, step: int, time: int) -> bool:
        """Fill `amount` at `price` if the account can pay for it; whether it did."""
        coin = self.coins[order.coin]
        rate = self.rules.maker if maker else self.rules.taker
        worth = self.notional(coin, amount, price)
        in_base = order.side == BUY and self.rules.fee_asset == "received"
        fee = self.fee(amount if in_base else worth, rate)
        lock = self.lock_for(order, order.rest - amount)
        if order.side == BUY:
            cost = worth if in_base else fit(worth + fee)
            received = amount - fee if in_base else amount
            cash = self.free(coin.quote) + order.lock - cost - lock
            if cash < 0:
                self.finish(order, EXPIRED if order.filled else REJECTED, INSUFFICIENT)
                return False
            base, position = self.free(coin.base) + received, coin.position + received
        else:
            cash = self.free(coin.quote) + worth - fee
            base, position = self.free(coin.base) + order.lock - amount - lock, coin.position - amount
        kept = lock - order.lock
        fit(cash + self.locked(coin.quote) + (kept if order.side == BUY else 0))
        fit(base + self.locked(coin.base) + (kept if order.side == SELL else 0))
        fit(position)
        self.balance[coin.quote], self.balance[coin.base] = cash, base
        coin.position = position
        order.lock = lock
        order.filled += amount
        order.status = PARTIALLY_FILLED if order.rest else FILLED
        self.fills.append(
            Fill(order.id, step, time, order.coin, order.side, amount, price, fee, int(in_base), maker, cash, position, worth)
        )
        return True
