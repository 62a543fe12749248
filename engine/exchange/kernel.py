"""The exchange kernel: matching, balances and fees on bars, compiled, over plain int64 arrays.

Five arrays are the whole exchange, and every function takes them in this order:

    head      counters, rules, then the ids of the open orders, oldest first
    coins     a row a coin: assets, filters, unit, own position
    balances  a row an asset: free, locked
    orders    a row an order, by id; append-only but for the columns that tell how it fares
    fills     a row a fill, append-only

An order may be one of a pair, of which the first to act takes the other off the book; they share one lock. It may have
exits, the orders with the ids after its own: they are pending until it has ended, and sell what it brought in.

Prices count 1e-8 quote per base; amounts count 10**-d base, where the coin's SCALE is 10**d; quote counts 1e-8. Results that
would leave int64 come back as OVERFLOW before anything is changed, and FULL asks for longer arrays. The rules of a fill are
DESIGN's; `docs/fills.md` tells them to users. With NUMBA_DISABLE_JIT=1 the same code runs as plain Python with equal results.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numba
from numba import njit

from engine.paths import user_cache

# numba's own cache does not see a change in another module; a folder named by the source's hash does, and it can be written
# where the package cannot.
if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(user_cache() / "kernel" / hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16])

Array = Any
COLUMN = "Array(int64, 1, 'C', readonly=True)"

INT64_MAX = 2**63 - 1
OVERFLOW, FULL = -1, -100
UNIT = 100_000_000

# head
N_ORDERS, N_FILLS, N_OPEN, HASH_A, HASH_B, AMBIGUOUS, NOW = 0, 1, 2, 3, 4, 5, 6
MAKER_RATE, TAKER_RATE, FEE_MODE, SLIPPAGE, TOUCH, VOLUME_SHARE, BNB, BNB_SCALE = 7, 8, 9, 10, 11, 12, 13, 14
OPEN = 15
FEE_RECEIVED, FEE_QUOTE, FEE_BNB = 0, 1, 2

# coins
BASE, QUOTE, TICK, LOT, MIN_NOTIONAL, SCALE, PRICE_UP, PRICE_DOWN, MAX_ORDERS, MAX_STOPS, POSITION = range(11)
COIN_COLUMNS = 11

# balances
FREE, LOCKED = 0, 1

# orders: what was asked for, then how it fares
(COIN, SIDE, TYPE, AMOUNT, PRICE, STOP, TRAIL, TIF, PARENT, MARK, STEP, TIME) = range(12)
(FILLED, LOCK, STATUS, REFUSAL, ARRIVED, TRIGGERED, EXTREME, SIBLING, EXITS, RECEIVED, HOW) = range(12, 23)
ORDER_COLUMNS = 23
MARKET, LIMIT, LIMIT_MAKER, STOP_LOSS, STOP_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT = 0, 1, 2, 3, 4, 5, 6
GTC, IOC, FOK = 0, 1, 2
BUY, SELL = 1, -1
PENDING, NEW, PARTIALLY_FILLED, FILLED_UP, CANCELED, REJECTED, EXPIRED = -1, 0, 1, 2, 3, 4, 5
(NO_REFUSAL, PRICE_FILTER, LOT_SIZE, NOTIONAL, NO_PRICE, WOULD_TAKE, WOULD_TRIGGER, INSUFFICIENT, NO_VOLUME) = range(9)
(PERCENT_PRICE, TOO_MANY_ORDERS, TOO_MANY_STOPS, BAD_RELATION, NOT_AT_ONCE, NO_ENTRY, OTHER_LEG, NOT_LESS, RISK) = range(9, 18)
AT_OPEN, INSIDE, UNSURE = 1, 2, 3
"""How an order filled within its bar: at the open, inside it, or inside it after it may have seen the bar's worst already."""

# fills
(F_ORDER, F_STEP, F_TIME, F_COIN, F_SIDE, F_AMOUNT, F_PRICE, F_FEE, F_FEE_IN, F_MAKER, F_CASH, F_POSITION, F_NOTIONAL) = range(
    13
)
FILL_COLUMNS = 13
IN_QUOTE, IN_BASE, IN_BNB = 0, 1, 2
BASIS_POINT = 10_000


@njit("int64(int64, int64, int64, boolean)", cache=True)
def scaled(a: int, b: int, scale: int, up: bool) -> int:
    """Return a * b / scale for non-negative a and b, exact, rounded down or up; OVERFLOW where it does not fit."""
    a_high, a_low = a // scale, a % scale
    b_high, b_low = b // scale, b % scale
    if a_high > 0 and b > INT64_MAX // a_high:
        return OVERFLOW
    result = a_high * b
    cross = a_low * b_high
    if result > INT64_MAX - cross:
        return OVERFLOW
    result += cross
    low = a_low * b_low
    rest = low // scale
    if up and low % scale > 0:
        rest += 1
    if result > INT64_MAX - rest:
        return OVERFLOW
    return result + rest


@njit("void(int64[::1], int64)", cache=True)
def mix(head: Array, value: int) -> None:
    """Stir a value into the rolling hash of everything that happened, two lanes of 31 bits, products below 2**63."""
    part = value % 2147483647
    head[HASH_A] = (head[HASH_A] * 1000003 + part + 1) % 2147483647
    head[HASH_B] = (head[HASH_B] * 69069 + part + 12345) % 2147483629


@njit("boolean(int64)", cache=True)
def has_price(kind: int) -> bool:
    """Whether an order of this type has a limit price."""
    return kind == LIMIT or kind == LIMIT_MAKER or kind == STOP_LIMIT or kind == TAKE_PROFIT_LIMIT


@njit("boolean(int64)", cache=True)
def is_stop(kind: int) -> bool:
    """Whether an order of this type waits for the price to go against it."""
    return kind == STOP_LOSS or kind == STOP_LIMIT


@njit("boolean(int64, int64)", cache=True)
def waits_above(side: int, kind: int) -> bool:
    """Whether an order with a trigger is set off by a rise, else by a fall."""
    return (side == BUY) == is_stop(kind)


@njit("int64(int64, int64, int64, int64)", cache=True)
def trailed(extreme: int, trail: int, above: bool, tick: int) -> int:
    """Return a trailing order's trigger, `trail` basis points from the extreme, rounded away from it; OVERFLOW if too large."""
    delta = scaled(extreme, trail * BASIS_POINT, UNIT, True)
    if delta == OVERFLOW:
        return OVERFLOW
    if not above:
        price = extreme - delta
        return max(price - price % tick, tick)
    if extreme > INT64_MAX - delta:
        return OVERFLOW
    price = extreme + delta
    up = (tick - price % tick) % tick
    return price + up if price <= INT64_MAX - up else OVERFLOW


@njit("int64(int64[::1], int64[:, ::1], int64, int64, int64, int64, int64)", cache=True)
def lock_of(head: Array, coins: Array, coin: int, side: int, kind: int, amount: int, reference: int) -> int:
    """Return what an order for `amount` holds back: base for a sell; cost at the reference price, and fee, for a buy."""
    if side == SELL or amount == 0:
        return amount
    cost = scaled(amount, reference, coins[coin, SCALE], True)
    if cost == OVERFLOW or head[FEE_MODE] != FEE_QUOTE:
        return cost
    rate = head[TAKER_RATE]
    if has_price(kind) and head[MAKER_RATE] > rate:
        rate = head[MAKER_RATE]
    fee = scaled(cost, rate, UNIT, True)
    if fee == OVERFLOW or cost > INT64_MAX - fee:
        return OVERFLOW
    return cost + fee


@njit("int64(int64, int64, int64, int64)", cache=True)
def reference_of(kind: int, price: int, stop: int, mark: int) -> int:
    """Return the price an order is judged and locked at: its own, or the market's for a market order."""
    if kind == MARKET:
        return mark
    return price if has_price(kind) else stop


@njit("int64(int64[::1], int64[:, ::1], int64[:, ::1], int64, int64, int64, int64, int64, int64, int64, int64)", cache=True)
def filtered(
    head: Array,
    coins: Array,
    orders: Array,
    coin: int,
    side: int,
    kind: int,
    amount: int,
    price: int,
    stop: int,
    trail: int,
    mark: int,
) -> int:
    """Return why the exchange's filters would refuse an order now (0: they would not); OVERFLOW is -1."""
    tick = coins[coin, TICK]
    if has_price(kind) and (price <= 0 or price % tick != 0):
        return PRICE_FILTER
    if trail > 0 and mark <= 0:
        return NO_PRICE
    if kind >= STOP_LOSS and (stop <= 0 or stop % tick != 0):
        return PRICE_FILTER
    if amount <= 0 or amount % coins[coin, LOT] != 0:
        return LOT_SIZE
    if kind == MARKET and mark <= 0:
        return NO_PRICE
    notional = scaled(amount, reference_of(kind, price, stop, mark), coins[coin, SCALE], False)
    if notional == OVERFLOW:
        return OVERFLOW
    if notional < coins[coin, MIN_NOTIONAL]:
        return NOTIONAL
    if has_price(kind) and mark > 0 and coins[coin, PRICE_UP] > 0:
        most, least = scaled(mark, coins[coin, PRICE_UP], UNIT, False), scaled(mark, coins[coin, PRICE_DOWN], UNIT, True)
        if (most != OVERFLOW and price > most) or price < least or least == OVERFLOW:
            return PERCENT_PRICE
    if coins[coin, MAX_ORDERS] > 0 or coins[coin, MAX_STOPS] > 0:
        n, stops = 0, 0
        for k in range(head[N_OPEN]):
            row = orders[head[OPEN + k]]
            if row[COIN] == coin:
                n += 1
                if row[TYPE] >= STOP_LOSS and row[TRIGGERED] == 0:
                    stops += 1
        if coins[coin, MAX_ORDERS] > 0 and n >= coins[coin, MAX_ORDERS]:
            return TOO_MANY_ORDERS
        if kind >= STOP_LOSS and coins[coin, MAX_STOPS] > 0 and stops >= coins[coin, MAX_STOPS]:
            return TOO_MANY_STOPS
    if mark > 0:
        if kind == LIMIT_MAKER and ((side == BUY and price >= mark) or (side == SELL and price <= mark)):
            return WOULD_TAKE
        if kind >= STOP_LOSS and trail == 0:
            if (stop <= mark) if waits_above(side, kind) else (stop >= mark):
                return WOULD_TRIGGER
    return NO_REFUSAL


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, int64, int64, int64, int64)",
    cache=True,
)
def judge(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    coin: int,
    side: int,
    kind: int,
    amount: int,
    price: int,
    stop: int,
    trail: int,
    mark: int,
    spare: int,
) -> int:
    """Return why an order would be refused now (0: it would not), filters first, as the exchange does; OVERFLOW is -1.

    `spare` is what would be free beside the free balance.
    """
    refusal = filtered(head, coins, orders, coin, side, kind, amount, price, stop, trail, mark)
    if refusal != NO_REFUSAL:
        return refusal
    lock = lock_of(head, coins, coin, side, kind, amount, reference_of(kind, price, stop, mark))
    if lock == OVERFLOW:
        return OVERFLOW
    asset = coins[coin, QUOTE] if side == BUY else coins[coin, BASE]
    if lock - spare > balances[asset, FREE]:
        return INSUFFICIENT
    return NO_REFUSAL


@njit(
    "int64(int64[::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, int64, int64, int64, int64, int64, int64, int64, int64)",
    cache=True,
)
def enter(
    head: Array,
    orders: Array,
    coin: int,
    side: int,
    kind: int,
    amount: int,
    price: int,
    stop: int,
    trail: int,
    tif: int,
    parent: int,
    mark: int,
    step: int,
    time: int,
    refusal: int,
) -> int:
    """Write an order down, refused for now, and return its id; the caller has made room."""
    order = head[N_ORDERS]
    row = orders[order]
    row[COIN], row[SIDE], row[TYPE], row[AMOUNT] = coin, side, kind, amount
    row[PRICE], row[STOP], row[TRAIL], row[TIF] = price, stop, trail, tif
    row[PARENT], row[MARK], row[STEP], row[TIME] = parent, mark, step, time
    for column in range(FILLED, ORDER_COLUMNS):
        row[column] = 0
    row[STATUS], row[REFUSAL], row[EXTREME] = REJECTED, refusal, mark
    head[N_ORDERS] = order + 1
    for column in range(FILLED):
        mix(head, row[column])
    mix(head, refusal)
    return order


@njit("void(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64)", cache=True)
def rest(head: Array, coins: Array, balances: Array, orders: Array, order: int, lock: int) -> None:
    """Put an order on the book, and lock what it holds back; it must be free."""
    row = orders[order]
    asset = coins[row[COIN], QUOTE] if row[SIDE] == BUY else coins[row[COIN], BASE]
    balances[asset, FREE] -= lock
    balances[asset, LOCKED] += lock
    row[LOCK], row[STATUS] = lock, NEW
    head[OPEN + head[N_OPEN]] = order
    head[N_OPEN] += 1


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, int64, int64, int64, int64, int64, int64, boolean)",
    cache=True,
)
def place(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    coin: int,
    side: int,
    kind: int,
    amount: int,
    price: int,
    stop: int,
    trail: int,
    tif: int,
    mark: int,
    step: int,
    time: int,
    keep: bool,
) -> int:
    """Enter an order, refused or open, and return its id; FULL where there is no room for one more.

    One that is refused and not to be kept is not entered, and -1 less the refusal is returned.
    """
    if head[N_ORDERS] == len(orders) or OPEN + 3 * head[N_OPEN] + 1 > len(head):
        return FULL
    refusal = judge(head, coins, balances, orders, coin, side, kind, amount, price, stop, trail, mark, 0)
    if refusal == OVERFLOW:
        return OVERFLOW
    if refusal != NO_REFUSAL and not keep:
        return -1 - refusal
    order = enter(head, orders, coin, side, kind, amount, price, stop, trail, tif, 0, mark, step, time, refusal)
    if refusal == NO_REFUSAL:
        lock = lock_of(head, coins, coin, side, kind, amount, reference_of(kind, price, stop, mark))
        rest(head, coins, balances, orders, order, lock)
    return order


@njit("void(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64, int64)", cache=True)
def leave(head: Array, coins: Array, balances: Array, orders: Array, order: int, status: int, refusal: int) -> None:
    """Take an order off the book with its last status, and give back what it still holds."""
    row = orders[order]
    asset = coins[row[COIN], QUOTE] if row[SIDE] == BUY else coins[row[COIN], BASE]
    balances[asset, LOCKED] -= row[LOCK]
    balances[asset, FREE] += row[LOCK]
    row[LOCK], row[STATUS], row[REFUSAL] = 0, status, refusal
    n = head[N_OPEN]
    k = 0
    while head[OPEN + k] != order:
        k += 1
    for j in range(k, n - 1):
        head[OPEN + j] = head[OPEN + j + 1]
    head[N_OPEN] = n - 1
    mix(head, order)
    mix(head, status * 32 + refusal)


@njit("void(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64)", cache=True)
def send_exits(head: Array, coins: Array, balances: Array, orders: Array, order: int) -> None:
    """Put the exits of an order that has ended on the book for what it brought in, whole lots; without that, end them."""
    row = orders[order]
    coin = row[COIN]
    base = coins[coin, BASE]
    amount = min(row[RECEIVED], balances[base, FREE])
    amount -= amount % coins[coin, LOT]
    first = order + 1
    for exit in range(first, first + row[EXITS]):
        leg = orders[exit]
        if leg[STATUS] != PENDING:
            continue
        leg[AMOUNT], leg[MARK], leg[STEP] = amount, row[MARK], head[NOW]
        mix(head, exit)
        mix(head, amount)
        if amount == 0:
            leg[STATUS], leg[REFUSAL] = EXPIRED, NO_ENTRY
            continue
        if leg[TRAIL] > 0:
            leg[EXTREME] = row[MARK]
            leg[STOP] = trailed(row[MARK], leg[TRAIL], False, coins[coin, TICK])
        if exit > first and orders[first, STATUS] == NEW:
            leg[SIBLING], orders[first, SIBLING] = first + 1, exit + 1
            rest(head, coins, balances, orders, exit, 0)
        else:
            rest(head, coins, balances, orders, exit, amount)


@njit("void(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64, int64)", cache=True)
def finish(head: Array, coins: Array, balances: Array, orders: Array, order: int, status: int, refusal: int) -> None:
    """Take an order off the book, its other leg with it, and send its exits."""
    sibling = orders[order, SIBLING] - 1
    leave(head, coins, balances, orders, order, status, refusal)
    if sibling >= 0:
        orders[order, SIBLING], orders[sibling, SIBLING] = 0, 0
        leave(head, coins, balances, orders, sibling, status, refusal)
    if orders[order, EXITS] > 0:
        send_exits(head, coins, balances, orders, order)


@njit("boolean(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64)", cache=True)
def act_alone(head: Array, coins: Array, balances: Array, orders: Array, order: int) -> bool:
    """Let an order that acts take its other leg off the book, and hold what it needs itself; False on overflow."""
    row = orders[order]
    sibling = row[SIBLING] - 1
    if sibling < 0:
        return True
    coin, side = row[COIN], row[SIDE]
    need = lock_of(head, coins, coin, side, row[TYPE], row[AMOUNT], reference_of(row[TYPE], row[PRICE], row[STOP], row[MARK]))
    if need == OVERFLOW:
        return False
    held = row[LOCK] + orders[sibling, LOCK]
    row[SIBLING], orders[sibling, SIBLING] = 0, 0
    orders[sibling, LOCK] = 0
    leave(head, coins, balances, orders, sibling, EXPIRED, OTHER_LEG)
    # a trailing leg may by now need more than was locked; a fill takes what is missing from the free balance
    row[LOCK] = min(need, held)
    asset = coins[coin, QUOTE] if side == BUY else coins[coin, BASE]
    balances[asset, LOCKED] -= held - row[LOCK]
    balances[asset, FREE] += held - row[LOCK]
    return True


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, int64, int64, int64, int64, int64, int64)",
    cache=True,
)
def place_pair(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    coin: int,
    side: int,
    amount: int,
    limit: int,
    kind: int,
    price: int,
    stop: int,
    trail: int,
    mark: int,
    step: int,
    time: int,
) -> int:
    """Enter a limit-maker order at `limit` and a stop of type `kind`, of which the first to act takes the other off the book.

    Return the first one's id; the second's is the next. Both are refused where one is. The caller has made room for two.
    """
    refusal = filtered(head, coins, orders, coin, side, LIMIT_MAKER, amount, limit, 0, 0, mark)
    if refusal == NO_REFUSAL:
        refusal = filtered(head, coins, orders, coin, side, kind, amount, price, stop, trail, mark)
    if refusal == NO_REFUSAL and (limit <= stop if side == SELL else limit >= stop):
        refusal = BAD_RELATION
    first_lock, lock = 0, 0
    if refusal == NO_REFUSAL:
        first_lock = lock_of(head, coins, coin, side, LIMIT_MAKER, amount, limit)
        lock = lock_of(head, coins, coin, side, kind, amount, reference_of(kind, price, stop, mark))
        if first_lock == OVERFLOW or lock == OVERFLOW:
            return OVERFLOW
        asset = coins[coin, QUOTE] if side == BUY else coins[coin, BASE]
        if max(first_lock, lock) > balances[asset, FREE]:
            refusal = INSUFFICIENT
    if refusal == OVERFLOW:
        return OVERFLOW
    first = enter(head, orders, coin, side, LIMIT_MAKER, amount, limit, 0, 0, GTC, 0, mark, step, time, refusal)
    second = enter(head, orders, coin, side, kind, amount, price, stop, trail, GTC, 0, mark, step, time, refusal)
    if refusal == NO_REFUSAL:
        orders[first, SIBLING], orders[second, SIBLING] = second + 1, first + 1
        rest(head, coins, balances, orders, first, first_lock)
        rest(head, coins, balances, orders, second, max(lock - first_lock, 0))
    return first


@njit("int64(int64[::1], int64[:, ::1], int64[:, ::1], int64, int64, int64, int64, int64)", cache=True)
def exit_refusal(head: Array, coins: Array, orders: Array, coin: int, reference: int, kind: int, price: int, stop: int) -> int:
    """Return why an exit would be refused beside a buy at `reference`: a stop must lie below it, a target above."""
    tick = coins[coin, TICK]
    if has_price(kind) and (price <= 0 or price % tick != 0):
        return PRICE_FILTER
    if kind >= STOP_LOSS and (stop <= 0 or stop % tick != 0):
        return PRICE_FILTER
    if is_stop(kind):
        return BAD_RELATION if stop >= reference else NO_REFUSAL
    return BAD_RELATION if reference_of(kind, price, stop, 0) <= reference else NO_REFUSAL


@njit("int64(int64[::1], int64[:, ::1], int64, int64, int64, int64, int64)", cache=True)
def attach(head: Array, orders: Array, entry: int, kind: int, price: int, stop: int, trail: int) -> int:
    """Enter a pending exit of the buy placed last, or of its last exit's entry, and return its id."""
    row = orders[entry]
    refusal = row[REFUSAL]
    exit = enter(
        head,
        orders,
        row[COIN],
        SELL,
        kind,
        row[AMOUNT],
        price,
        stop,
        trail,
        GTC,
        entry + 1,
        row[MARK],
        row[STEP],
        row[TIME],
        refusal,
    )
    if row[STATUS] != REJECTED:
        orders[exit, STATUS] = PENDING
        row[EXITS] += 1
    return exit


@njit("int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64, int64)", cache=True)
def amend(head: Array, coins: Array, balances: Array, orders: Array, order: int, amount: int, step: int) -> int:
    """Reduce an open order's amount, its place kept; return why that would be refused, 0 where it was done."""
    row = orders[order]
    coin, side, kind = row[COIN], row[SIDE], row[TYPE]
    if row[STATUS] != NEW and row[STATUS] != PARTIALLY_FILLED:
        return NO_ENTRY
    if row[SIBLING] > 0 or kind == MARKET:
        return BAD_RELATION
    if amount <= row[FILLED] or amount >= row[AMOUNT]:
        return NOT_LESS
    if amount % coins[coin, LOT] != 0:
        return LOT_SIZE
    reference = reference_of(kind, row[PRICE], row[STOP], row[MARK])
    if scaled(amount, reference, coins[coin, SCALE], False) < coins[coin, MIN_NOTIONAL]:
        return NOTIONAL
    lock = min(lock_of(head, coins, coin, side, kind, amount - row[FILLED], reference), row[LOCK])
    asset = coins[coin, QUOTE] if side == BUY else coins[coin, BASE]
    balances[asset, LOCKED] -= row[LOCK] - lock
    balances[asset, FREE] += row[LOCK] - lock
    row[LOCK], row[AMOUNT] = lock, amount
    mix(head, step)
    mix(head, order)
    mix(head, amount)
    return NO_REFUSAL


@njit("boolean(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64)", cache=True)
def cancel(head: Array, coins: Array, balances: Array, orders: Array, order: int, step: int) -> bool:
    """Cancel an order at a step, its other leg or its pending exits with it; False where it was no longer open."""
    if orders[order, STATUS] > PARTIALLY_FILLED:
        return False
    mix(head, step)
    head[NOW] = step
    if orders[order, STATUS] == PENDING:
        orders[order, STATUS] = CANCELED
        mix(head, order)
        return True
    finish(head, coins, balances, orders, order, CANCELED, NO_REFUSAL)
    return True


@njit("boolean(int64[:, ::1], int64)", cache=True)
def waits(orders: Array, order: int) -> bool:
    """Whether an order waits for its trigger."""
    return orders[order, TYPE] >= STOP_LOSS and orders[order, TRIGGERED] == 0


@njit("int64(int64[:, ::1], int64)", cache=True)
def turn_of(orders: Array, order: int) -> int:
    """Return when an order is served within one bar: 0 stops that wait, 1 market orders, 2 all others."""
    if waits(orders, order) and is_stop(orders[order, TYPE]):
        return 0
    return 1 if orders[order, TYPE] == MARKET else 2


@njit("int64(int64[:, ::1], int64)", cache=True)
def acts_at(orders: Array, order: int) -> int:
    """Return the price at which an order would act: its trigger while it waits for it, else its limit."""
    return orders[order, STOP] if waits(orders, order) else orders[order, PRICE]


@njit("boolean(int64[:, ::1], int64, int64)", cache=True)
def goes_before(orders: Array, a: int, b: int) -> bool:
    """Whether order a is served before b within one bar: stops, market orders, others; sells first; best price; oldest."""
    class_a, class_b = turn_of(orders, a), turn_of(orders, b)
    if class_a != class_b:
        return class_a < class_b
    if class_a == 1:
        return a < b
    side = orders[a, SIDE]
    if side != orders[b, SIDE]:
        return side == SELL
    price_a, price_b = acts_at(orders, a), acts_at(orders, b)
    if price_a == price_b:
        return a < b
    # a stop nearer to where the price comes from, a limit that offers more: for sells high stops and low limits
    high_first = (class_a == 0) == (side == SELL)
    return (price_a > price_b) == high_first


@njit("int64(int64, int64, int64, int64)", cache=True)
def slipped(price: int, side: int, rate: int, tick: int) -> int:
    """Return a taker's price after slippage, rounded to the tick against the order; OVERFLOW where it does not fit."""
    if rate == 0:
        return price
    slip = scaled(price, rate, UNIT, True)
    if slip == OVERFLOW:
        return OVERFLOW
    if side == SELL:
        price -= slip
        return max(price - price % tick, tick)
    if price > INT64_MAX - slip:
        return OVERFLOW
    price += slip
    up = (tick - price % tick) % tick
    return price + up if price <= INT64_MAX - up else OVERFLOW


@njit("int64(int64[::1], int64[:, ::1], int64[:, ::1], int64, int64, int64)", cache=True)
def fee_in_bnb(head: Array, coins: Array, balances: Array, coin: int, fee: int, bnb_price: int) -> int:
    """Return a fee of so much quote in BNB's units, rounded up; -1 where it cannot be paid so."""
    if head[FEE_MODE] != FEE_BNB or head[BNB] < 0 or bnb_price <= 0 or coins[coin, BASE] == head[BNB]:
        return -1
    if coins[coin, QUOTE] == head[BNB] or bnb_price > INT64_MAX // 10:
        return -1
    # a long division, digit by digit: the product of fee and scale need not fit
    amount, remainder, scale = fee // bnb_price, fee % bnb_price, head[BNB_SCALE]
    while scale > 1:
        if amount > INT64_MAX // 10 - 1:
            return -1
        remainder *= 10
        amount = amount * 10 + remainder // bnb_price
        remainder %= bnb_price
        scale //= 10
    amount += 1 if remainder > 0 else 0
    return amount if amount <= balances[head[BNB], FREE] else -1


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, boolean, int64)",
    cache=True,
)
def fill(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    fills: Array,
    order: int,
    step: int,
    time: int,
    amount: int,
    price: int,
    maker: bool,
    bnb_price: int,
) -> int:
    """Execute `amount` of an order at a price: 1 done, 0 the account cannot pay (the rest is taken off), OVERFLOW.

    `bnb_price` is what a BNB is worth in the coin's quote, 0 where nobody knows.
    """
    row = orders[order]
    coin, side = row[COIN], row[SIDE]
    base, quote = coins[coin, BASE], coins[coin, QUOTE]
    rate = head[MAKER_RATE] if maker else head[TAKER_RATE]
    notional = scaled(amount, price, coins[coin, SCALE], False)
    if notional == OVERFLOW:
        return OVERFLOW
    fee = scaled(notional, rate, UNIT, True)
    in_bnb = fee_in_bnb(head, coins, balances, coin, fee, bnb_price)
    fee_in = IN_BNB if in_bnb >= 0 else (IN_BASE if side == BUY and head[FEE_MODE] != FEE_QUOTE else IN_QUOTE)
    if fee_in == IN_BASE:
        fee = scaled(amount, rate, UNIT, True)
    left = row[AMOUNT] - row[FILLED] - amount
    if side == BUY:
        reference = reference_of(row[TYPE], row[PRICE], row[STOP], row[MARK])
        lock = lock_of(head, coins, coin, side, row[TYPE], left, reference)
        if lock == OVERFLOW or (fee_in == IN_QUOTE and notional > INT64_MAX - fee):
            return OVERFLOW
        lock = min(lock, row[LOCK])
        cost = notional + fee if fee_in == IN_QUOTE else notional
        received = amount - fee if fee_in == IN_BASE else amount
        shortfall = cost - (row[LOCK] - lock)
        if shortfall > balances[quote, FREE]:
            status = EXPIRED if row[FILLED] > 0 else REJECTED
            finish(head, coins, balances, orders, order, status, INSUFFICIENT)
            return 0
        if balances[base, FREE] > INT64_MAX - received - balances[base, LOCKED] or coins[coin, POSITION] > INT64_MAX - received:
            return OVERFLOW
        balances[quote, LOCKED] += lock - row[LOCK]
        balances[quote, FREE] -= shortfall
        balances[base, FREE] += received
        coins[coin, POSITION] += received
        row[LOCK] = lock
        row[RECEIVED] += received
    else:
        received = notional - fee if fee_in == IN_QUOTE else notional
        if balances[quote, FREE] > INT64_MAX - received - balances[quote, LOCKED]:
            return OVERFLOW
        balances[base, LOCKED] -= amount
        balances[quote, FREE] += received
        coins[coin, POSITION] -= amount
        row[LOCK] -= amount
    if fee_in == IN_BNB:
        fee = in_bnb
        balances[head[BNB], FREE] -= fee
    row[FILLED] += amount
    n = head[N_FILLS]
    out = fills[n]
    out[F_ORDER], out[F_STEP], out[F_TIME], out[F_COIN], out[F_SIDE] = order, step, time, coin, side
    out[F_AMOUNT], out[F_PRICE], out[F_FEE], out[F_FEE_IN] = amount, price, fee, fee_in
    out[F_MAKER], out[F_CASH], out[F_POSITION] = 1 if maker else 0, balances[quote, FREE], coins[coin, POSITION]
    out[F_NOTIONAL] = notional
    head[N_FILLS] = n + 1
    for column in range(FILL_COLUMNS):
        mix(head, out[column])
    if row[EXITS] > 0:
        row[MARK] = price
    if left == 0:
        finish(head, coins, balances, orders, order, FILLED_UP, NO_REFUSAL)
    else:
        row[STATUS] = PARTIALLY_FILLED
    return 1


@njit("boolean(int64[::1], int64[:, ::1], int64, int64, int64, int64)", cache=True)
def could_act(head: Array, orders: Array, order: int, open_: int, high: int, low: int) -> bool:
    """Whether a bar reaches the price at which a pair's limit leg would fill."""
    limit = orders[order, PRICE]
    if orders[order, SIDE] == BUY:
        return open_ <= limit or low < limit or (low == limit and head[TOUCH] == 1)
    return open_ >= limit or high > limit or (high == limit and head[TOUCH] == 1)


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, int64, int64, int64, boolean, int64, int64)",
    cache=True,
)
def meet(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    fills: Array,
    order: int,
    step: int,
    time: int,
    open_: int,
    high: int,
    low: int,
    bid: int,
    ask: int,
    jump: bool,
    pool: int,
    bnb_price: int,
) -> int:
    """Let a bar or a tick act on one order, with `pool` of its volume left to take; return what is left, or OVERFLOW.

    A taker gets `bid` or `ask`; within a bar nobody knows them, and both are the open. `jump` is whether the market may have
    come to `open_` without trading on its way: then an order that rests beyond it fills there.
    """
    row = orders[order]
    side, kind, limit = row[SIDE], row[TYPE], row[PRICE]
    tick = coins[row[COIN], TICK]
    offer = ask if side == BUY else bid
    fresh = row[ARRIVED] == 0
    price, maker, how = 0, False, AT_OPEN
    if kind >= STOP_LOSS and row[TRIGGERED] == 0:
        stop, above = row[STOP], waits_above(side, kind)
        if row[TRAIL] > 0:
            row[ARRIVED] = 1
        if (above and high < stop) or (not above and low > stop):
            return pool
        beyond = (above and open_ >= stop) or (not above and open_ <= stop)
        sibling = row[SIBLING] - 1
        if sibling >= 0 and not beyond:
            limit_there = orders[sibling, PRICE]
            if (side == BUY and open_ <= limit_there) or (side == SELL and open_ >= limit_there):
                return pool
            if could_act(head, orders, sibling, open_, high, low):
                head[AMBIGUOUS] += 1
        if not act_alone(head, coins, balances, orders, order):
            return OVERFLOW
        row[ARRIVED], row[TRIGGERED] = 1, 1
        mix(head, order)
        mix(head, step)
        at = offer if beyond else stop
        if not beyond:
            how = UNSURE if above else INSIDE
        fresh = beyond
        if not has_price(kind):
            price = slipped(at, side, head[SLIPPAGE], tick)
        elif not beyond and (limit >= at if side == BUY else limit <= at):
            price = slipped(at, side, head[SLIPPAGE], tick)
            if price != OVERFLOW:
                price = min(price, limit) if side == BUY else max(price, limit)
        elif not beyond:
            if row[TIF] != GTC:
                finish(head, coins, balances, orders, order, EXPIRED, NOT_AT_ONCE)
            return pool
    else:
        row[ARRIVED] = 1
        if kind == MARKET:
            price = slipped(offer, side, head[SLIPPAGE], tick)
    if price == OVERFLOW:
        return OVERFLOW
    if price == 0:
        at = offer if fresh else open_
        offered = at <= limit if side == BUY else at >= limit
        maker = not (fresh and offered)
        if fresh and offered and kind == LIMIT_MAKER:
            finish(head, coins, balances, orders, order, REJECTED, WOULD_TAKE)
            return pool
        if row[TIF] != GTC:
            if not offered:
                finish(head, coins, balances, orders, order, EXPIRED, NOT_AT_ONCE)
                return pool
        elif fresh and offered and bid < ask:
            pass
        elif side == BUY:
            if low > limit or (low == limit and head[TOUCH] == 0):
                return pool
        elif high < limit or (high == limit and head[TOUCH] == 0):
            return pool
        price = limit
        if fresh or jump:
            price = min(limit, at) if side == BUY else max(limit, at)
        how = AT_OPEN if offered else INSIDE
    amount = min(row[AMOUNT] - row[FILLED], pool)
    if row[TIF] == FOK and amount < row[AMOUNT] - row[FILLED]:
        finish(head, coins, balances, orders, order, EXPIRED, NOT_AT_ONCE)
        return pool
    if amount > 0:
        row[HOW] = how
        if not act_alone(head, coins, balances, orders, order):
            return OVERFLOW
        done = fill(head, coins, balances, orders, fills, order, step, time, amount, price, maker, bnb_price)
        if done == OVERFLOW:
            return OVERFLOW
        if done == 0:
            return pool
        if head[VOLUME_SHARE] > 0:
            pool -= amount
    if row[STATUS] <= PARTIALLY_FILLED:
        if not has_price(kind):
            finish(head, coins, balances, orders, order, EXPIRED, NO_VOLUME)
        elif row[TIF] != GTC:
            finish(head, coins, balances, orders, order, EXPIRED, NOT_AT_ONCE)
    return pool


@njit("boolean(int64[::1], int64[:, ::1], int64[:, ::1], int64, int64, int64)", cache=True)
def trail(head: Array, coins: Array, orders: Array, order: int, high: int, low: int) -> bool:
    """Let a trailing order that waits follow a closed bar; False on overflow."""
    row = orders[order]
    above = waits_above(row[SIDE], row[TYPE])
    if (above and low < row[EXTREME]) or (not above and high > row[EXTREME]):
        extreme = low if above else high
        stop = trailed(extreme, row[TRAIL], above, coins[row[COIN], TICK])
        if stop == OVERFLOW:
            return False
        row[EXTREME], row[STOP] = extreme, stop
    return True


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, int64, int64)",
    cache=True,
)
def meet_as_exit(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    fills: Array,
    exit: int,
    time: int,
    open_: int,
    high: int,
    low: int,
    pool: int,
    bnb_price: int,
) -> int:
    """Let the bar of the entry act on its exit: all of it after an entry at the open, else on a stop alone; as meet does."""
    row = orders[exit]
    how, entry = orders[row[PARENT] - 1, HOW], row[MARK]
    if how == AT_OPEN:
        step = row[STEP]
        return meet(
            head, coins, balances, orders, fills, exit, step, time, open_, high, low, open_, open_, True, pool, bnb_price
        )
    if not is_stop(row[TYPE]):
        row[ARRIVED] = 1
        return pool
    if low <= row[STOP] and how == UNSURE:
        head[AMBIGUOUS] += 1
    step, low = row[STEP], min(low, entry)
    return meet(head, coins, balances, orders, fills, exit, step, time, entry, entry, low, entry, entry, True, pool, bnb_price)


@njit("int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[::1], int64, int64)", cache=True)
def line_up(head: Array, coins: Array, orders: Array, queue: Array, coin: int, step: int) -> int:
    """Put the coin's orders placed before this step in `queue`, in the order they are served; return how many."""
    waiting = 0
    for k in range(head[N_OPEN]):
        order = head[OPEN + k]
        if orders[order, COIN] == coin and orders[order, STEP] < step:
            j = waiting
            while j > 0 and goes_before(orders, order, queue[j - 1]):
                queue[j] = queue[j - 1]
                j -= 1
            queue[j] = order
            waiting += 1
    return waiting


@njit("int64(int64[::1], int64[:, ::1], int64, int64)", cache=True)
def pool_of(head: Array, coins: Array, coin: int, volume: int) -> int:
    """Return how much of a volume, counting 1e-8, orders may take, whole lots in the coin's units."""
    if head[VOLUME_SHARE] == 0:
        return INT64_MAX
    pool = scaled(volume, head[VOLUME_SHARE], UNIT, False) // (UNIT // coins[coin, SCALE])
    return pool - pool % coins[coin, LOT]


@njit("boolean(int64[::1], int64[:, ::1], int64[:, ::1], int64, int64, int64, int64)", cache=True)
def trail_all(head: Array, coins: Array, orders: Array, coin: int, step: int, high: int, low: int) -> bool:
    """Let the coin's trailing orders placed before this step follow the market; False on overflow."""
    for k in range(head[N_OPEN]):
        order = head[OPEN + k]
        if orders[order, TRAIL] > 0 and orders[order, COIN] == coin and orders[order, STEP] < step and waits(orders, order):
            if not trail(head, coins, orders, order, high, low):
                return False
    return True


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1],"
    " int64, int64, int64, int64, int64, int64, int64, int64)",
    cache=True,
)
def on_bar(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    fills: Array,
    queue: Array,
    coin: int,
    step: int,
    time: int,
    open_: int,
    high: int,
    low: int,
    volume: int,
    bnb_price: int,
) -> int:
    """Let one bar of a coin act on the coin's orders placed before this step; return the number of fills, OVERFLOW, or FULL.

    `time` is stamped on the fills. There has to be room in `queue`, which is scratch, and in head for three times the open
    orders, in fills for as many more.
    """
    most = 3 * head[N_OPEN]
    if OPEN + most > min(len(head), len(queue)) or head[N_FILLS] + most > len(fills):
        return FULL
    if volume == 0:
        return 0
    head[NOW] = step
    waiting = line_up(head, coins, orders, queue, coin, step)
    pool = pool_of(head, coins, coin, volume)
    before, ambiguous = head[N_FILLS], head[AMBIGUOUS]
    for k in range(waiting):
        order = queue[k]
        # another leg may have taken it off the book
        if orders[order, STATUS] > PARTIALLY_FILLED:
            continue
        pool = meet(
            head, coins, balances, orders, fills, order, step, time, open_, high, low, open_, open_, True, pool, bnb_price
        )
        if pool == OVERFLOW:
            return OVERFLOW
        for exit in range(order + 1, order + 1 + orders[order, EXITS]):
            if orders[exit, STATUS] == NEW and orders[exit, ARRIVED] == 0:
                pool = meet_as_exit(head, coins, balances, orders, fills, exit, time, open_, high, low, pool, bnb_price)
                if pool == OVERFLOW:
                    return OVERFLOW
    if not trail_all(head, coins, orders, coin, step, high, low):
        return OVERFLOW
    head[AMBIGUOUS] = min(head[AMBIGUOUS], ambiguous + 1)
    return head[N_FILLS] - before


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1],"
    " int64, int64, int64, int64, int64, int64, boolean, int64, int64, int64)",
    cache=True,
)
def on_tick(
    head: Array,
    coins: Array,
    balances: Array,
    orders: Array,
    fills: Array,
    queue: Array,
    coin: int,
    step: int,
    time: int,
    since: int,
    price: int,
    volume: int,
    jump: bool,
    bid: int,
    ask: int,
    bnb_price: int,
) -> int:
    """Let one trade and the quotes after it act on the coin's orders placed before this step; return as on_bar does.

    The market came from `since` to `price` trading all the way, unless `jump` says that nobody knows. A price of 0 is a change
    of quotes alone: it sets off no triggers.
    """
    head[NOW] = step
    waiting = line_up(head, coins, orders, queue, coin, step)
    pool = pool_of(head, coins, coin, volume) if price > 0 else INT64_MAX
    before = head[N_FILLS]
    low, high = (price, price) if price > 0 else (ask, bid)
    for k in range(waiting):
        order = queue[k]
        if orders[order, STATUS] > PARTIALLY_FILLED or (price == 0 and waits(orders, order)):
            continue
        left = meet(head, coins, balances, orders, fills, order, step, time, since, high, low, bid, ask, jump, pool, bnb_price)
        if left == OVERFLOW:
            return OVERFLOW
        # quotes alone are of no volume that could be used up
        if price > 0:
            pool = left
    if price > 0 and not trail_all(head, coins, orders, coin, step, high, low):
        return OVERFLOW
    return head[N_FILLS] - before


@njit(f"int64(int64[::1], int64[:, ::1], int64[:, ::1], int64, {COLUMN}, {COLUMN}, {COLUMN}, int64, int64)", cache=True)
def follow(
    head: Array, coins: Array, orders: Array, coin: int, high: Array, low: Array, volume: Array, start: int, stop: int
) -> int:
    """Let the coin's trailing orders follow bars [start, stop) that could not set them off; OVERFLOW, or 0."""
    for k in range(head[N_OPEN]):
        order = head[OPEN + k]
        if orders[order, TRAIL] > 0 and orders[order, COIN] == coin and orders[order, ARRIVED] == 1 and waits(orders, order):
            above = waits_above(orders[order, SIDE], orders[order, TYPE])
            extreme = orders[order, EXTREME]
            for row in range(start, stop):
                if volume[row] > 0:
                    extreme = min(extreme, low[row]) if above else max(extreme, high[row])
            if not trail(head, coins, orders, order, extreme, extreme):
                return OVERFLOW
    return 0


@njit(f"int64(int64[:, ::1], int64[:, ::1], int64, {COLUMN}, {COLUMN}, {COLUMN}, int64, int64)", cache=True)
def trigger_row(coins: Array, orders: Array, order: int, high: Array, low: Array, volume: Array, start: int, stop: int) -> int:
    """Return the first row in [start, stop) whose bar sets off a trailing order that follows those before it, else `stop`."""
    row = orders[order]
    above = waits_above(row[SIDE], row[TYPE])
    extreme, trigger = row[EXTREME], row[STOP]
    for k in range(start, stop):
        if volume[k] == 0:
            continue
        if (above and high[k] >= trigger) or (not above and low[k] <= trigger):
            return k
        if (above and low[k] < extreme) or (not above and high[k] > extreme):
            extreme = low[k] if above else high[k]
            trigger = trailed(extreme, row[TRAIL], above, coins[row[COIN], TICK])
            if trigger == OVERFLOW:
                return k
    return stop


@njit(f"int64(int64[::1], int64[:, ::1], int64[:, ::1], int64, {COLUMN}, {COLUMN}, {COLUMN}, int64, int64)", cache=True)
def scan(
    head: Array, coins: Array, orders: Array, coin: int, high: Array, low: Array, volume: Array, start: int, stop: int
) -> int:
    """Return the first row in [start, stop) at which a bar could change any of the coin's open orders, else `stop`.

    It changes nothing. Rows before the one it names can be skipped with the same outcome, once trailing orders have followed
    them.
    """
    buy_below, sell_above, falls_to, rises_to = -1, INT64_MAX, -1, INT64_MAX
    touch = head[TOUCH]
    any_open = False
    at_once = False
    for k in range(head[N_OPEN]):
        order = head[OPEN + k]
        row = orders[order]
        if row[COIN] != coin:
            continue
        any_open = True
        if waits(orders, order):
            if row[ARRIVED] == 0 and row[TRAIL] > 0:
                at_once = True
            elif row[TRAIL] > 0:
                stop = trigger_row(coins, orders, order, high, low, volume, start, stop)
            elif waits_above(row[SIDE], row[TYPE]):
                rises_to = min(rises_to, row[STOP])
            else:
                falls_to = max(falls_to, row[STOP])
        elif row[TYPE] == MARKET or row[ARRIVED] == 0:
            at_once = True
        elif row[SIDE] == BUY:
            buy_below = max(buy_below, min(row[PRICE], INT64_MAX - 1) + touch)
        else:
            sell_above = min(sell_above, row[PRICE] - touch)
    if not any_open:
        return stop
    for k in range(start, stop):
        if volume[k] > 0 and (
            at_once or low[k] < buy_below or high[k] > sell_above or high[k] >= rises_to or low[k] <= falls_to
        ):
            return k
    return stop
