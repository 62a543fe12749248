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
MARKET, LIMIT, LIMIT_MAKER, STOP, STOP_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT = range(7)
PRICED = (LIMIT, LIMIT_MAKER, STOP_LIMIT, TAKE_PROFIT_LIMIT)
TRIGGERED = (STOP, STOP_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT)
STOPS = (STOP, STOP_LIMIT)
GTC, IOC, FOK = range(3)
PENDING, NEW, PARTIALLY_FILLED, FILLED, CANCELED, REJECTED, EXPIRED = range(-1, 6)
(NO_REFUSAL, PRICE_FILTER, LOT_SIZE, NOTIONAL, NO_PRICE, WOULD_TAKE, WOULD_TRIGGER, INSUFFICIENT, NO_VOLUME) = range(9)
(PERCENT_PRICE, TOO_MANY_ORDERS, TOO_MANY_STOPS, BAD_RELATION, NOT_AT_ONCE, NO_ENTRY, OTHER_LEG, NOT_LESS) = range(9, 17)
AT_OPEN, INSIDE, UNSURE = 1, 2, 3
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
    trail: int = 0
    tif: int = GTC
    entry: Order | None = None
    exits: list[Order] = field(default_factory=list)
    other: Order | None = None
    filled: int = 0
    received: int = 0
    status: int = NEW
    refusal: int = NO_REFUSAL
    lock: int = 0
    arrived: bool = False
    triggered: bool = False
    extreme: int = 0
    how: int = 0

    @property
    def open(self) -> bool:
        return self.status in (NEW, PARTIALLY_FILLED)

    @property
    def rest(self) -> int:
        return self.amount - self.filled

    @property
    def waits(self) -> bool:
        return self.type in TRIGGERED and not self.triggered

    @property
    def rises(self) -> bool:
        """Whether a rise sets it off: buys stop out above and take profit below, sells the other way round."""
        return self.type in STOPS if self.side == BUY else self.type not in STOPS

    @property
    def sibling(self) -> int:
        return self.other.id + 1 if self.other else 0

    @property
    def parent(self) -> int:
        return self.entry.id + 1 if self.entry else 0


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
    """What the market did: a bar, or a tick, which knows the quotes and whether the market jumped to where it began."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    quotes: tuple[int, int] | None = None
    jumped: bool = True


@dataclass
class Coin:
    base: str
    quote: str
    tick: int
    lot: int
    min_notional: int
    decimals: int
    price_up: int
    price_down: int
    max_orders: int
    max_stops: int
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
            self.coins.append(
                Coin(
                    i.base,
                    i.quote,
                    i.tick,
                    i.lot // 10 ** (8 - d),
                    i.min_notional,
                    d,
                    i.price_up,
                    i.price_down,
                    i.max_orders,
                    i.max_stops,
                )
            )
        self.balance = {asset: 0 for c in self.coins for asset in (c.base, c.quote)}
        self.balance.update(balances)
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.bnb_decimals = decimals.get("BNB", 8)
        self.bnb_price = 0
        self.ambiguous_bars = 0
        self.doubt = False

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
        if order.type == MARKET:
            return order.mark
        return order.price if order.type in PRICED else order.stop

    def lock_for(self, order: Order, amount: int) -> int:
        if order.side == SELL or amount == 0:
            return amount
        cost = self.ceil_notional(self.coins[order.coin], amount, self.reference_price(order))
        if self.rules.fee_asset != "quote":
            return cost
        rate = max(self.rules.maker, self.rules.taker) if order.type in PRICED else self.rules.taker
        return fit(cost + self.fee(cost, rate))

    # Orders

    def place(
        self,
        coin: int,
        side: int,
        type: int,
        amount: int,
        price: int,
        stop: int,
        mark: int,
        step: int,
        time: int,
        *,
        trail: int = 0,
        tif: int = GTC,
    ) -> int:
        order = self.draft(coin, side, type, amount, price, stop, mark, step, time, trail, tif)
        self.enter([order], self.judge(order), [self.lock_for(order, amount)] if not self.judge(order) else [])
        return order.id

    def place_pair(
        self,
        coin: int,
        side: int,
        amount: int,
        limit: int,
        stop: int,
        mark: int,
        step: int,
        time: int,
        *,
        stop_limit: int = 0,
        trail: int = 0,
    ) -> tuple[int, int]:
        """Place both legs or none; together they hold what the dearer needs."""
        first = self.draft(coin, side, LIMIT_MAKER, amount, limit, 0, mark, step, time)
        kind = STOP_LIMIT if stop_limit else STOP
        second = self.draft(coin, side, kind, amount, stop_limit, stop, mark, step, time, trail)
        refusal = self.filtered(first) or self.filtered(second)
        if not refusal and not (first.price > second.stop if side == SELL else first.price < second.stop):
            refusal = BAD_RELATION
        locks = []
        if not refusal:
            one, two = self.lock_for(first, amount), self.lock_for(second, amount)
            locks = [one, max(one, two) - one]
            if sum(locks) > self.free(self.locks_in(first)):
                refusal = INSUFFICIENT
        second.id += 1
        self.enter([first, second], refusal, locks)
        if not refusal:
            first.other, second.other = second, first
        return first.id, second.id

    def place_with_exits(
        self,
        coin: int,
        type: int,
        amount: int,
        price: int,
        stop: int,
        exits: Iterable[tuple[int, int, int, int]],
        mark: int,
        step: int,
        time: int,
        *,
        trail: int = 0,
        tif: int = GTC,
    ) -> int:
        entry = self.draft(coin, BUY, type, amount, price, stop, mark, step, time, trail, tif)
        at = self.reference_price(entry)
        refusals = [self.exit_refusal(coin, at, *its[:3], its[3]) for its in exits]
        refusal = max(refusals, default=NO_REFUSAL) or self.judge(entry)
        self.enter([entry], refusal, [] if refusal else [self.lock_for(entry, amount)])
        for kind, limit, trigger, delta in exits:
            trigger = self.behind(coin, at, delta, False) if delta else trigger
            leg = Order(len(self.orders), coin, SELL, kind, amount, limit, trigger, mark, step, time, delta, GTC, entry)
            leg.extreme = mark
            leg.status, leg.refusal = (REJECTED, refusal) if refusal else (PENDING, NO_REFUSAL)
            if not refusal:
                entry.exits.append(leg)
            self.orders.append(leg)
            self.coins[coin].orders.append(leg)
        return entry.id

    def exit_refusal(self, coin: int, at: int, kind: int, price: int, stop: int, trail: int) -> int:
        stop = self.behind(coin, at, trail, False) if trail else stop
        tick = self.coins[coin].tick
        asked = [price] * (kind in PRICED) + [stop] * (kind in TRIGGERED)
        if any(p <= 0 or p % tick for p in asked):
            return PRICE_FILTER
        right = stop < at if kind in STOPS else (price if kind in PRICED else stop) > at
        return NO_REFUSAL if right else BAD_RELATION

    def draft(
        self,
        coin: int,
        side: int,
        type: int,
        amount: int,
        price: int,
        stop: int,
        mark: int,
        step: int,
        time: int,
        trail: int = 0,
        tif: int = GTC,
    ) -> Order:
        order = Order(len(self.orders), coin, side, type, amount, price, stop, mark, step, time, trail, tif, extreme=mark)
        if trail:
            order.stop = self.behind(coin, mark, trail, order.rises)
        return order

    def behind(self, coin: int, extreme: int, trail: int, above: bool) -> int:
        """The trigger `trail` basis points from the extreme, on the next tick beyond."""
        tick, delta = self.coins[coin].tick, ceil_div(extreme * trail, 10_000)
        if above:
            return fit(ceil_div(extreme + delta, tick) * tick)
        return max(floor_div(extreme - delta, tick) * tick, tick)

    def enter(self, orders: list[Order], refusal: int, locks: list[int]) -> None:
        for number, order in enumerate(orders):
            if refusal:
                order.status, order.refusal = REJECTED, refusal
            else:
                order.lock = locks[number]
                self.balance[self.locks_in(order)] -= order.lock
            self.orders.append(order)
            self.coins[order.coin].orders.append(order)

    def judge(self, order: Order) -> int:
        refusal = self.filtered(order)
        if not refusal and self.lock_for(order, order.amount) > self.free(self.locks_in(order)):
            return INSUFFICIENT
        return refusal

    def filtered(self, order: Order) -> int:
        coin, mark, buys = self.coins[order.coin], order.mark, order.side == BUY
        if order.type in PRICED and (order.price <= 0 or order.price % coin.tick):
            return PRICE_FILTER
        if order.trail and mark <= 0:
            return NO_PRICE
        if order.type in TRIGGERED and (order.stop <= 0 or order.stop % coin.tick):
            return PRICE_FILTER
        if order.amount <= 0 or order.amount % coin.lot != 0:
            return LOT_SIZE
        if order.type == MARKET and mark == 0:
            return NO_PRICE
        if self.notional(coin, order.amount, self.reference_price(order)) < coin.min_notional:
            return NOTIONAL
        banded = order.type in PRICED and mark > 0 and coin.price_up
        if banded and not mark * coin.price_down <= order.price * ONE <= mark * coin.price_up:
            return PERCENT_PRICE
        working = [o for o in coin.orders if o.open]
        if coin.max_orders and len(working) >= coin.max_orders:
            return TOO_MANY_ORDERS
        if coin.max_stops and order.type in TRIGGERED and sum(o.waits for o in working) >= coin.max_stops:
            return TOO_MANY_STOPS
        if order.type == LIMIT_MAKER and mark > 0 and (order.price >= mark if buys else order.price <= mark):
            return WOULD_TAKE
        passed = order.stop <= mark if order.rises else order.stop >= mark
        if order.type in TRIGGERED and not order.trail and mark > 0 and passed:
            return WOULD_TRIGGER
        return NO_REFUSAL

    def cancel(self, oid: int, step: int) -> bool:
        if not 0 <= oid < len(self.orders):
            return False
        order = self.orders[oid]
        if order.status == PENDING:
            order.status = CANCELED
            return True
        if not order.open:
            return False
        self.finish(order, CANCELED, NO_REFUSAL, step)
        return True

    def amend(self, oid: int, amount: int, step: int) -> int:
        order = self.orders[oid]
        if not order.open:
            return NO_ENTRY
        if order.other or order.type == MARKET:
            return BAD_RELATION
        if not order.filled < amount < order.amount:
            return NOT_LESS
        coin = self.coins[order.coin]
        if amount % coin.lot:
            return LOT_SIZE
        if self.notional(coin, amount, self.reference_price(order)) < coin.min_notional:
            return NOTIONAL
        self.hold(order, min(order.lock, self.lock_for(order, amount - order.filled)))
        order.amount = amount
        return NO_REFUSAL

    def hold(self, order: Order, lock: int) -> None:
        self.balance[self.locks_in(order)] += order.lock - lock
        order.lock = lock

    def finish(self, order: Order, status: int, refusal: int, step: int) -> None:
        other, order.other = order.other, None
        for its in (order, other) if other else (order,):
            its.other = None
            self.hold(its, 0)
            its.status, its.refusal = status, refusal
        self.send_exits(order, step)

    def drop_other(self, order: Order) -> None:
        """The first leg of a pair to act ends the other, whose money it takes over as far as it needs it."""
        if order.other:
            need = self.lock_for(order, order.amount)
            other, order.other = order.other, None
            other.other = None
            held, other.lock = order.lock + other.lock, 0
            order.lock = held
            self.hold(order, min(need, held))
            other.status, other.refusal = EXPIRED, OTHER_LEG

    def send_exits(self, entry: Order, step: int) -> None:
        coin = self.coins[entry.coin]
        amount = min(entry.received, self.free(coin.base)) if entry.exits else 0
        amount -= amount % coin.lot
        sent: list[Order] = []
        for leg in entry.exits:
            if leg.status != PENDING:
                continue
            leg.amount, leg.mark, leg.step = amount, entry.mark, step
            if not amount:
                leg.status, leg.refusal = EXPIRED, NO_ENTRY
                continue
            if leg.trail:
                leg.extreme, leg.stop = entry.mark, self.behind(entry.coin, entry.mark, leg.trail, False)
            leg.status = NEW
            leg.lock = 0 if sent else amount
            self.balance[coin.base] -= leg.lock
            sent.append(leg)
        if len(sent) == 2:
            sent[0].other, sent[1].other = sent[1], sent[0]

    # Bars

    def on_bar(
        self, coin: int, step: int, time: int, open: int, high: int, low: int, close: int, volume: int, bnb_price: int = 0
    ) -> int:
        if volume == 0:
            return 0
        before, self.doubt, self.bnb_price = len(self.fills), False, bnb_price
        bar = Bar(open, high, low, close, volume)
        acting = [o for o in self.coins[coin].orders if o.open and o.step < step]
        pool = self.pool(self.coins[coin], volume)
        for order in self.in_turn(acting):
            if order.open:
                pool -= self.meet(order, bar, pool, step, time)
                for leg in order.exits:
                    if leg.status == NEW and leg.step == step:
                        pool -= self.meet_after_entry(leg, order, bar, pool, step, time)
        for order in self.coins[coin].orders:
            if order.open and order.waits and order.trail and order.step < step:
                order.extreme = min(order.extreme, low) if order.rises else max(order.extreme, high)
                order.stop = self.behind(coin, order.extreme, order.trail, order.rises)
        self.ambiguous_bars += self.doubt
        return len(self.fills) - before

    def on_tick(
        self,
        coin: int,
        step: int,
        time: int,
        bid: int,
        ask: int,
        *,
        price: int = 0,
        volume: int = 0,
        since: int = 0,
        jump: bool = False,
        bnb_price: int = 0,
    ) -> int:
        """Show a trade and the quotes after it, or the quotes alone, to the orders that were there before."""
        before, self.doubt, self.bnb_price = len(self.fills), False, bnb_price
        acting = [o for o in self.coins[coin].orders if o.open and o.step < step]
        if price:
            seen = Bar(since or price, price, price, price, volume, (bid, ask), jump)
            pool = self.pool(self.coins[coin], volume)
        else:
            # what is bid reaches sells and what is asked reaches buys; triggers look at trades alone
            seen = Bar(0, bid, ask, 0, 0, (bid, ask), False)
            pool = BOTTOMLESS
            acting = [o for o in acting if not o.waits]
        for order in self.in_turn(acting):
            if order.open:
                pool -= self.meet(order, seen, pool, step, time)
        for order in self.coins[coin].orders if price else []:
            if order.open and order.waits and order.trail and order.step < step:
                order.extreme = min(order.extreme, price) if order.rises else max(order.extreme, price)
                order.stop = self.behind(coin, order.extreme, order.trail, order.rises)
        return len(self.fills) - before

    def meet_after_entry(self, leg: Order, entry: Order, bar: Bar, pool: int, step: int, time: int) -> int:
        """Entered at the open, the whole bar acts on the exits; entered later, on the stop alone, from the entry's price on."""
        if entry.how == AT_OPEN:
            return self.meet(leg, bar, pool, step, time)
        if leg.type not in STOPS:
            leg.arrived = True
            return 0
        self.doubt |= entry.how == UNSURE and bar.low <= leg.stop
        at = entry.mark
        return self.meet(leg, Bar(at, at, min(at, bar.low), bar.close, bar.volume), pool, step, time)

    def pool(self, coin: Coin, volume: int) -> int:
        if self.rules.max_volume_share == 0:
            return BOTTOMLESS
        share = floor_div(volume * self.rules.max_volume_share, ONE)
        units = floor_div(share, 10 ** (8 - coin.decimals))
        return units - units % coin.lot

    def in_turn(self, orders: list[Order]) -> list[Order]:
        stops = [o for o in orders if o.waits and o.type in STOPS]
        markets = [o for o in orders if o.type == MARKET]
        others = [o for o in orders if o not in stops and o not in markets]

        def at(order: Order) -> int:
            return order.stop if order.waits else order.price

        return [
            *sorted((o for o in stops if o.side == SELL), key=lambda o: (-o.stop, o.id)),
            *sorted((o for o in stops if o.side == BUY), key=lambda o: (o.stop, o.id)),
            *sorted(markets, key=lambda o: o.id),
            *sorted((o for o in others if o.side == SELL), key=lambda o: (at(o), o.id)),
            *sorted((o for o in others if o.side == BUY), key=lambda o: (-at(o), o.id)),
        ]

    def meet(self, order: Order, bar: Bar, pool: int, step: int, time: int) -> int:
        """Show the bar to the order; return what it took from the pool."""
        market_from = self.taken_at(order, bar) if order.type == MARKET else None
        first, how = not order.arrived, AT_OPEN
        if order.waits:
            order.arrived |= bool(order.trail)
            if not (bar.high >= order.stop if order.rises else bar.low <= order.stop):
                return 0
            at_open = bar.open >= order.stop if order.rises else bar.open <= order.stop
            if order.other and not at_open:
                if self.offered(order.other, bar):
                    return 0
                self.doubt |= self.reached(order.other, bar)
            self.drop_other(order)
            order.triggered = order.arrived = True
            first = at_open
            if not at_open:
                how = UNSURE if order.rises else INSIDE
            if order.type not in PRICED:
                market_from = self.taken_at(order, bar) if at_open else order.stop
            elif not at_open:
                if order.price < order.stop if order.side == BUY else order.price > order.stop:
                    if order.tif != GTC:
                        self.finish(order, EXPIRED, NOT_AT_ONCE, step)
                    return 0
                market_from = order.stop
        order.arrived = True
        maker = False
        if market_from is not None:
            price = self.slipped(order, market_from)
            if order.type in PRICED:
                price = min(price, order.price) if order.side == BUY else max(price, order.price)
        else:
            at = self.taken_at(order, bar) if first else bar.open
            offered = at <= order.price if order.side == BUY else at >= order.price
            maker = not (first and offered)
            takes_a_quote = not maker and bar.quotes is not None
            how = AT_OPEN if offered else INSIDE
            if order.type == LIMIT_MAKER and not maker:
                self.finish(order, REJECTED, WOULD_TAKE, step)
                return 0
            if order.tif != GTC and not offered:
                self.finish(order, EXPIRED, NOT_AT_ONCE, step)
                return 0
            if order.tif == GTC and not takes_a_quote and not self.reached(order, bar):
                return 0
            price = order.price
            if first or bar.jumped:
                price = min(price, at) if order.side == BUY else max(price, at)
        take = min(order.rest, pool)
        if order.tif == FOK and take < order.rest:
            self.finish(order, EXPIRED, NOT_AT_ONCE, step)
            return 0
        if take:
            order.how = how
            self.drop_other(order)
            if not self.trade(order, take, price, maker, step, time):
                return 0
        if order.open and order.type not in PRICED:
            self.finish(order, EXPIRED, NO_VOLUME, step)
        elif order.open and order.tif != GTC:
            self.finish(order, EXPIRED, NOT_AT_ONCE, step)
        return take

    def taken_at(self, order: Order, bar: Bar) -> int:
        """What a taker gets: the quote where it is known, else the open."""
        return bar.open if bar.quotes is None else bar.quotes[order.side == BUY]

    def offered(self, order: Order, bar: Bar) -> bool:
        return bar.open <= order.price if order.side == BUY else bar.open >= order.price

    def reached(self, order: Order, bar: Bar) -> bool:
        if order.side == BUY:
            return bar.low < order.price or (self.rules.limit_touch and bar.low == order.price)
        return bar.high > order.price or (self.rules.limit_touch and bar.high == order.price)

    def slipped(self, order: Order, price: int) -> int:
        if self.rules.slippage == 0:
            return price
        tick, slip = self.coins[order.coin].tick, ceil_div(price * self.rules.slippage, ONE)
        if order.side == BUY:
            return fit(ceil_div(price + slip, tick) * tick)
        return max(floor_div(price - slip, tick) * tick, tick)

    def bnb_fee(self, coin: Coin, fee: int) -> int | None:
        """The fee in BNB where the account is to pay so, ten times its price can be counted and there is enough."""
        if not 0 < self.bnb_price <= LARGEST // 10:
            return None
        if self.rules.fee_asset != "bnb" or "BNB" not in self.balance or "BNB" in (coin.base, coin.quote):
            return None
        amount = ceil_div(fee * 10**self.bnb_decimals, self.bnb_price)
        return amount if amount <= self.free("BNB") else None

    def trade(self, order: Order, amount: int, price: int, maker: bool, step: int, time: int) -> bool:
        """Fill `amount` at `price` if the account can pay for it; whether it did."""
        coin = self.coins[order.coin]
        rate = self.rules.maker if maker else self.rules.taker
        worth = self.notional(coin, amount, price)
        fee = self.fee(worth, rate)
        in_bnb = self.bnb_fee(coin, fee)
        in_base = in_bnb is None and order.side == BUY and self.rules.fee_asset != "quote"
        fee_in = 2 if in_bnb is not None else int(in_base)
        fee = self.fee(amount, rate) if in_base else fee
        charged = 0 if in_bnb is not None else fee
        lock = min(self.lock_for(order, order.rest - amount), order.lock)
        if order.side == BUY:
            cost = worth if in_base else fit(worth + charged)
            received = amount - fee if in_base else amount
            cash = self.free(coin.quote) + order.lock - cost - lock
            if cash < 0:
                self.finish(order, EXPIRED if order.filled else REJECTED, INSUFFICIENT, step)
                return False
            base, position = self.free(coin.base) + received, coin.position + received
        else:
            cash = self.free(coin.quote) + worth - charged
            base, position = self.free(coin.base) + order.lock - amount - lock, coin.position - amount
        kept = lock - order.lock
        fit(cash + self.locked(coin.quote) + (kept if order.side == BUY else 0))
        fit(base + self.locked(coin.base) + (kept if order.side == SELL else 0))
        fit(position)
        self.balance[coin.quote], self.balance[coin.base] = cash, base
        coin.position = position
        if in_bnb is not None:
            self.balance["BNB"] -= in_bnb
            fee = in_bnb
        order.lock = lock
        order.received += received if order.side == BUY else 0
        order.filled += amount
        order.status = PARTIALLY_FILLED
        order.mark = price if order.exits else order.mark
        self.fills.append(
            Fill(order.id, step, time, order.coin, order.side, amount, price, fee, fee_in, maker, cash, position, worth)
        )
        if not order.rest:
            self.finish(order, FILLED, NO_REFUSAL, step)
        return True
