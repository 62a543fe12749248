"""The exchange kernel: matching, balances and fees on bars, compiled, over plain int64 arrays.

Five arrays are the whole exchange, and every function takes them in this order:

    head      counters, rules, then the ids of the open orders, oldest first
    coins     a row a coin: assets, filters, unit, own position
    balances  a row an asset: free, locked
    orders    a row an order, by id; append-only but for the columns that tell how it fares
    fills     a row a fill, append-only

Prices count 1e-8 quote per base; amounts count 10**-d base, where the coin's SCALE is 10**d; quote counts 1e-8. Results that
would leave int64 come back as OVERFLOW before anything is changed. The rules of a fill are DESIGN's; `docs/fills.md` tells them
to users. With NUMBA_DISABLE_JIT=1 the same code runs as plain Python with equal results.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numba
from numba import njit, types

from engine.paths import user_cache

# numba's own cache does not see a change in another module; a folder named by the source's hash does, and it can be written
# where the package cannot.
if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(user_cache() / "kernel" / hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16])

Array = Any

INT64_MAX = 2**63 - 1
OVERFLOW = -1
UNIT = 100_000_000

# head
N_ORDERS, N_FILLS, N_OPEN, HASH_A, HASH_B = 0, 1, 2, 3, 4
MAKER_RATE, TAKER_RATE, FEE_IN_QUOTE, SLIPPAGE, TOUCH, VOLUME_SHARE = 5, 6, 7, 8, 9, 10
OPEN = 11

# coins
BASE, QUOTE, TICK, LOT, MIN_NOTIONAL, SCALE, POSITION = 0, 1, 2, 3, 4, 5, 6
COIN_COLUMNS = 7

# balances
FREE, LOCKED = 0, 1

# orders
COIN, SIDE, TYPE, AMOUNT, PRICE, STOP, MARK, STEP, TIME, FILLED, LOCK, STATUS, REFUSAL, ARRIVED = range(14)
ORDER_COLUMNS = 14
MARKET, LIMIT, LIMIT_MAKER, STOP_LOSS = 0, 1, 2, 3
BUY, SELL = 1, -1
NEW, PARTIALLY_FILLED, FILLED_UP, CANCELED, REJECTED, EXPIRED = 0, 1, 2, 3, 4, 5
(NO_REFUSAL, PRICE_FILTER, LOT_SIZE, NOTIONAL, NO_PRICE, WOULD_TAKE, WOULD_TRIGGER, INSUFFICIENT, NO_VOLUME) = range(9)

# fills
(F_ORDER, F_STEP, F_TIME, F_COIN, F_SIDE, F_AMOUNT, F_PRICE, F_FEE, F_FEE_IS_BASE, F_MAKER, F_CASH, F_POSITION, F_NOTIONAL) = (
    range(13)
)
FILL_COLUMNS = 13


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


@njit("int64(int64[::1], int64[:, ::1], int64, int64, int64, int64, int64)", cache=True)
def lock_of(head: Array, coins: Array, coin: int, side: int, kind: int, amount: int, reference: int) -> int:
    """Return what an order for `amount` holds back: base for a sell; cost at the reference price, and fee, for a buy."""
    if side == SELL or amount == 0:
        return amount
    cost = scaled(amount, reference, coins[coin, SCALE], True)
    if cost == OVERFLOW or head[FEE_IN_QUOTE] == 0:
        return cost
    rate = head[TAKER_RATE]
    if (kind == LIMIT or kind == LIMIT_MAKER) and head[MAKER_RATE] > rate:
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
    if kind == STOP_LOSS:
        return stop
    return price


@njit("int64(int64[::1], int64[:, ::1], int64[:, ::1], int64, int64, int64, int64, int64, int64, int64)", cache=True)
def judge(
    head: Array, coins: Array, balances: Array, coin: int, side: int, kind: int, amount: int, price: int, stop: int, mark: int
) -> int:
    """Return why an order would be refused now (0: it would not), filters first, as the exchange does; OVERFLOW is -1."""
    reference = reference_of(kind, price, stop, mark)
    if kind != MARKET and (reference <= 0 or reference % coins[coin, TICK] != 0):
        return PRICE_FILTER
    if amount <= 0 or amount % coins[coin, LOT] != 0:
        return LOT_SIZE
    if kind == MARKET and mark <= 0:
        return NO_PRICE
    notional = scaled(amount, reference, coins[coin, SCALE], False)
    if notional == OVERFLOW:
        return OVERFLOW
    if notional < coins[coin, MIN_NOTIONAL]:
        return NOTIONAL
    if mark > 0:
        if kind == LIMIT_MAKER and ((side == BUY and price >= mark) or (side == SELL and price <= mark)):
            return WOULD_TAKE
        if kind == STOP_LOSS and ((side == BUY and stop <= mark) or (side == SELL and stop >= mark)):
            return WOULD_TRIGGER
    lock = lock_of(head, coins, coin, side, kind, amount, reference)
    if lock == OVERFLOW:
        return OVERFLOW
    asset = coins[coin, QUOTE] if side == BUY else coins[coin, BASE]
    if lock > balances[asset, FREE]:
        return INSUFFICIENT
    return NO_REFUSAL


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64, int64, int64, int64, int64, int64, int64, int64, int64)",
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
    mark: int,
    step: int,
    time: int,
) -> int:
    """Enter an order, refused or open, and return its id; the caller has made room for one more."""
    refusal = judge(head, coins, balances, coin, side, kind, amount, price, stop, mark)
    if refusal == OVERFLOW:
        return OVERFLOW
    order = head[N_ORDERS]
    row = orders[order]
    row[COIN], row[SIDE], row[TYPE], row[AMOUNT] = coin, side, kind, amount
    row[PRICE], row[STOP], row[MARK] = price, stop, mark
    row[STEP], row[TIME] = step, time
    row[FILLED], row[LOCK], row[ARRIVED] = 0, 0, 0
    row[STATUS], row[REFUSAL] = REJECTED, refusal
    head[N_ORDERS] = order + 1
    if refusal == NO_REFUSAL:
        lock = lock_of(head, coins, coin, side, kind, amount, reference_of(kind, price, stop, mark))
        asset = coins[coin, QUOTE] if side == BUY else coins[coin, BASE]
        balances[asset, FREE] -= lock
        balances[asset, LOCKED] += lock
        row[LOCK], row[STATUS] = lock, NEW
        head[OPEN + head[N_OPEN]] = order
        head[N_OPEN] += 1
    for column in range(FILLED):
        mix(head, row[column])
    mix(head, refusal)
    return order


@njit("void(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64, int64)", cache=True)
def finish(head: Array, coins: Array, balances: Array, orders: Array, order: int, status: int, refusal: int) -> None:
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
    mix(head, status * 16 + refusal)


@njit("boolean(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64)", cache=True)
def cancel(head: Array, coins: Array, balances: Array, orders: Array, order: int, step: int) -> bool:
    """Cancel an order at a step; False where it was no longer open."""
    if orders[order, STATUS] > PARTIALLY_FILLED:
        return False
    mix(head, step)
    finish(head, coins, balances, orders, order, CANCELED, NO_REFUSAL)
    return True


@njit("boolean(int64[:, ::1], int64, int64)", cache=True)
def goes_before(orders: Array, a: int, b: int) -> bool:
    """Whether order a is served before b within one bar: stops, market orders, limits; sells first; best price; oldest."""
    kind_a, kind_b = orders[a, TYPE], orders[b, TYPE]
    class_a = 0 if kind_a == STOP_LOSS else (1 if kind_a == MARKET else 2)
    class_b = 0 if kind_b == STOP_LOSS else (1 if kind_b == MARKET else 2)
    if class_a != class_b:
        return class_a < class_b
    if class_a == 1:
        return a < b
    side = orders[a, SIDE]
    if side != orders[b, SIDE]:
        return side == SELL
    price_a = orders[a, STOP] if class_a == 0 else orders[a, PRICE]
    price_b = orders[b, STOP] if class_a == 0 else orders[b, PRICE]
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


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64, int64, int64, int64, int64, boolean)",
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
) -> int:
    """Execute `amount` of an order at a price: 1 done, 0 the account cannot pay (the rest is taken off), OVERFLOW."""
    row = orders[order]
    coin, side = row[COIN], row[SIDE]
    base, quote = coins[coin, BASE], coins[coin, QUOTE]
    rate = head[MAKER_RATE] if maker else head[TAKER_RATE]
    notional = scaled(amount, price, coins[coin, SCALE], False)
    if notional == OVERFLOW:
        return OVERFLOW
    fee_is_base = side == BUY and head[FEE_IN_QUOTE] == 0
    fee = scaled(amount if fee_is_base else notional, rate, UNIT, True)
    rest = row[AMOUNT] - row[FILLED] - amount
    if side == BUY:
        reference = reference_of(row[TYPE], row[PRICE], row[STOP], row[MARK])
        lock = lock_of(head, coins, coin, side, row[TYPE], rest, reference)
        if not fee_is_base and notional > INT64_MAX - fee:
            return OVERFLOW
        cost = notional if fee_is_base else notional + fee
        received = amount - fee if fee_is_base else amount
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
    else:
        received = notional - fee
        if balances[quote, FREE] > INT64_MAX - received - balances[quote, LOCKED]:
            return OVERFLOW
        balances[base, LOCKED] -= amount
        balances[quote, FREE] += received
        coins[coin, POSITION] -= amount
        row[LOCK] -= amount
    row[FILLED] += amount
    n = head[N_FILLS]
    out = fills[n]
    out[F_ORDER], out[F_STEP], out[F_TIME], out[F_COIN], out[F_SIDE] = order, step, time, coin, side
    out[F_AMOUNT], out[F_PRICE], out[F_FEE], out[F_FEE_IS_BASE] = amount, price, fee, 1 if fee_is_base else 0
    out[F_MAKER], out[F_CASH], out[F_POSITION] = 1 if maker else 0, balances[quote, FREE], coins[coin, POSITION]
    out[F_NOTIONAL] = notional
    head[N_FILLS] = n + 1
    for column in range(FILL_COLUMNS):
        mix(head, out[column])
    if rest == 0:
        finish(head, coins, balances, orders, order, FILLED_UP, NO_REFUSAL)
    else:
        row[STATUS] = PARTIALLY_FILLED
    return 1


@njit(
    "int64(int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1],"
    " int64, int64, int64, int64, int64, int64, int64)",
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
) -> int:
    """Let one bar of a coin act on the coin's orders placed before this step; return the number of fills, or OVERFLOW.

    `time` is stamped on the fills; `queue` is scratch with room for every open order; fills has room for as many.
    """
    if volume == 0:
        return 0
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
    capped = head[VOLUME_SHARE] > 0
    pool = INT64_MAX
    if capped:
        pool = scaled(volume, head[VOLUME_SHARE], UNIT, False) // (UNIT // coins[coin, SCALE])
        pool -= pool % coins[coin, LOT]
    tick = coins[coin, TICK]
    before = head[N_FILLS]
    for k in range(waiting):
        order = queue[k]
        row = orders[order]
        side, kind = row[SIDE], row[TYPE]
        rests = kind == LIMIT or kind == LIMIT_MAKER
        maker = rests
        if kind == STOP_LOSS:
            if (side == BUY and high < row[STOP]) or (side == SELL and low > row[STOP]):
                continue
            price = max(row[STOP], open_) if side == BUY else min(row[STOP], open_)
        elif kind == MARKET:
            price = open_
        else:
            limit = row[PRICE]
            if row[ARRIVED] == 0:
                row[ARRIVED] = 1
                if (side == BUY and open_ <= limit) or (side == SELL and open_ >= limit):
                    if kind == LIMIT_MAKER:
                        finish(head, coins, balances, orders, order, REJECTED, WOULD_TAKE)
                        continue
                    maker = False
            if side == BUY:
                if low > limit or (low == limit and head[TOUCH] == 0):
                    continue
                price = min(limit, open_)
            else:
                if high < limit or (high == limit and head[TOUCH] == 0):
                    continue
                price = max(limit, open_)
        if not rests:
            price = slipped(price, side, head[SLIPPAGE], tick)
            if price == OVERFLOW:
                return OVERFLOW
        amount = min(row[AMOUNT] - row[FILLED], pool)
        if amount > 0:
            done = fill(head, coins, balances, orders, fills, order, step, time, amount, price, maker)
            if done == OVERFLOW:
                return OVERFLOW
            if done == 0:
                continue
            if capped:
                pool -= amount
        if not rests and row[STATUS] <= PARTIALLY_FILLED:
            finish(head, coins, balances, orders, order, EXPIRED, NO_VOLUME)
    return head[N_FILLS] - before


_COLUMN = types.Array(types.int64, 1, "C", readonly=True)


@njit(
    types.int64(
        types.int64[::1],
        types.int64[:, ::1],
        types.int64[:, ::1],
        types.int64,
        _COLUMN,
        _COLUMN,
        _COLUMN,
        types.int64,
        types.int64,
    ),
    cache=True,
)
def scan(
    head: Array,
    coins: Array,
    orders: Array,
    coin: int,
    high: Array,
    low: Array,
    volume: Array,
    start: int,
    stop: int,
) -> int:
    """Return the first row in [start, stop) at which a bar could change any of the coin's open orders, else `stop`.

    It changes nothing. Rows before the one it names can be skipped with the same outcome.
    """
    buy_below, sell_above, buy_stop, sell_stop = -1, INT64_MAX, INT64_MAX, -1
    touch = head[TOUCH]
    any_open = False
    at_once = False
    for k in range(head[N_OPEN]):
        row = orders[head[OPEN + k]]
        if row[COIN] != coin:
            continue
        any_open = True
        if row[TYPE] == MARKET or (row[TYPE] != STOP_LOSS and row[ARRIVED] == 0):
            at_once = True
        elif row[TYPE] == STOP_LOSS:
            if row[SIDE] == BUY:
                buy_stop = min(buy_stop, row[STOP])
            else:
                sell_stop = max(sell_stop, row[STOP])
        elif row[SIDE] == BUY:
            buy_below = max(buy_below, min(row[PRICE], INT64_MAX - 1) + touch)
        else:
            sell_above = min(sell_above, row[PRICE] - touch)
    if not any_open:
        return stop
    for k in range(start, stop):
        if volume[k] > 0 and (
            at_once or low[k] < buy_below or high[k] > sell_above or high[k] >= buy_stop or low[k] <= sell_stop
        ):
            return k
    return stop
