"""What `scan` skips cannot matter: visiting only the rows it names leaves the same world as visiting every bar."""

import random

import numpy as np
import pair
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import BUY, LIMIT, LIMIT_MAKER, MARKET, SELL, STOP, STOP_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT

from engine.exchange import Exchange, Exit, FillRules
from engine.model import Instrument

ROWS = 40
INSTRUMENTS = tuple(Instrument(coin=f"{base}USDT", base=base, quote="USDT") for base in ("AAA", "BBB"))
COINS = range(len(INSTRUMENTS))
BALANCES = {"USDT": 10**13, "AAA": 10**11, "BBB": 10**11}


def columns(rng):
    """Columns of bars, read-only as a recording's are, that drift up and down a ladder of prices, some without volume."""
    level, rows = 100, []
    for _ in range(ROWS):
        open_, close = level + rng.choice((0, 0, 0, -1, 1, -4, 4)), level + rng.randrange(-2, 3)
        ends = (open_, close, open_ + rng.randrange(-1, 2))
        rows.append((open_, max(ends), min(ends), close, rng.choice((0, 1000, 10**9))))
        level = min(max(close, 94), 106)
    bars = np.array(rows, np.int64).T.copy()
    bars.setflags(write=False)
    return bars


def open_exchange(rng, rules):
    exchange = Exchange(INSTRUMENTS, BALANCES, rules)
    for _ in range(rng.randrange(1, 6)):
        kind = rng.choice((MARKET, LIMIT, LIMIT, LIMIT, LIMIT_MAKER, STOP, STOP))
        side, at = rng.choice((BUY, SELL)), 100
        while at == 100:
            at = rng.randrange(88, 113)
        price, stop = (at, 0) if kind in (LIMIT, LIMIT_MAKER) else (0, at if kind == STOP else 0)
        mark = 100 if kind == MARKET else rng.choice((0, 100))
        exchange.place(rng.choice(COINS), side, kind, rng.randrange(1, 10**6), price, stop, mark, 0, 0)
    return exchange


def world(exchange):
    return (
        pair.account(exchange, BALANCES, len(INSTRUMENTS)),
        [exchange.order(n) for n in range(exchange.n_orders)],
        [exchange.fill(n) for n in range(exchange.n_fills)],
        exchange.open_orders,
        exchange.log_hash,
    )


def scan(exchange, coin, bars, row):
    _, high, low, _, volume = bars[coin]
    return exchange.scan(coin, high, low, volume, row, ROWS)


def advance(exchange, coin, bars, row):
    return exchange.on_bar(coin, row + 1, row + 1, *bars[coin][:, row].tolist())


def reached(exchange, coin, bars, row, touch):
    """Whether a bar reaches one of the coin's open orders, told order by order."""
    _, high, low, _, volume = bars[coin][:, row].tolist()
    if volume == 0:
        return False
    for order in (exchange.order(n) for n in exchange.open_orders):
        if order.coin != coin:
            continue
        if order.kind == MARKET or (order.kind != STOP and not order.arrived):
            return True
        if order.kind == STOP:
            met = high >= order.stop if order.side == BUY else low <= order.stop
        elif order.side == BUY:
            met = low < order.price or (touch and low == order.price)
        else:
            met = high > order.price or (touch and high == order.price)
        if met:
            return True
    return False


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), touch=st.booleans(), share=st.sampled_from((0, 50_000_000)))
def test_skipping_to_scanned_rows_changes_nothing(seed, touch, share):
    rules = FillRules(limit_touch=touch, max_volume_share=share)
    every = open_exchange(random.Random(seed), rules)
    some = open_exchange(random.Random(seed), rules)
    assert world(every) == world(some)
    rng = random.Random(seed + 1)
    bars = [columns(rng) for _ in COINS]
    named = [scan(some, coin, bars, 0) for coin in COINS]
    for row in range(ROWS):
        for coin in COINS:
            before = world(every)
            advance(every, coin, bars, row)
            if row < named[coin]:
                assert world(every) == before
            else:
                assert row == named[coin]
                assert reached(some, coin, bars, row, touch)
                advance(some, coin, bars, row)
                named[coin] = scan(some, coin, bars, row + 1)
    assert world(every) == world(some)


def add_the_rest(exchange, rng):
    """Put trailing and triggered limit orders, pairs and orders with exits beside the plain ones."""
    for _ in range(rng.randrange(1, 5)):
        coin, side, amount = rng.choice(COINS), rng.choice((BUY, SELL)), rng.randrange(1, 10**6)
        kind = rng.choice((STOP_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT, STOP, STOP))
        form = rng.randrange(4)
        if form == 0:
            exchange.place(coin, side, kind, amount, rng.randrange(92, 108), 0, 100, 0, 0, trail=rng.randrange(100, 900))
        elif form == 1:
            above = (side == BUY) == (kind in (STOP, STOP_LIMIT))
            stop = rng.randrange(101, 112) if above else rng.randrange(88, 100)
            exchange.place(coin, side, kind, amount, rng.randrange(92, 108), stop, 100, 0, 0, tif=rng.randrange(3))
        elif form == 2:
            up, down = rng.randrange(101, 110), rng.randrange(90, 100)
            limit, stop = (up, down) if side == SELL else (down, up)
            exchange.place_pair(coin, side, amount, limit, stop, 100, 0, 0, stop_limit=rng.choice((0, stop)))
        else:
            exits = [Exit(STOP, 0, 0, rng.randrange(100, 900)), Exit(LIMIT, rng.randrange(101, 112))]
            exchange.place_with_exits(coin, LIMIT, amount, rng.randrange(92, 101), 0, exits[rng.randrange(2) :], 100, 0, 0)


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), touch=st.booleans(), share=st.sampled_from((0, 50_000_000)))
def test_skipping_changes_nothing_once_trailing_orders_have_followed(seed, touch, share):
    rules = FillRules(limit_touch=touch, max_volume_share=share)
    every, some = (open_exchange(random.Random(seed), rules) for _ in range(2))
    for exchange in (every, some):
        add_the_rest(exchange, random.Random(seed + 2))
    rng = random.Random(seed + 1)
    bars = [columns(rng) for _ in COINS]
    named = [scan(some, coin, bars, 0) for coin in COINS]
    followed = [0 for _ in COINS]

    def follow(coin, row):
        _, high, low, _, volume = bars[coin]
        some.follow(coin, high, low, volume, followed[coin], row)
        followed[coin] = row

    for row in range(ROWS):
        for coin in COINS:
            advance(every, coin, bars, row)
            if row >= named[coin]:
                follow(coin, row)
                advance(some, coin, bars, row)
                followed[coin] = row + 1
                named[coin] = scan(some, coin, bars, row + 1)
            if row % 7 == 0:  # followed at any time, not only when it must act
                follow(coin, row + 1)
    for coin in COINS:
        follow(coin, ROWS)
    assert world(every) == world(some)


def test_looks_without_touching_anything():
    rng = random.Random(7)
    exchange, bars = open_exchange(rng, FillRules()), [columns(rng) for _ in COINS]
    before = world(exchange)
    for coin in COINS:
        scan(exchange, coin, bars, 0)
    assert world(exchange) == before


def resting(side, kind, at, touch=False):
    """An exchange where one order of the first coin has arrived and waits."""
    exchange = Exchange(INSTRUMENTS, BALANCES, FillRules(limit_touch=touch))
    price, stop = (0, at) if kind in (STOP, TAKE_PROFIT) else (at, 0)
    exchange.place(0, side, kind, 10, price, stop, 100, 0, 0)
    exchange.on_bar(0, 1, 1, 100, 100, 100, 100, 1)
    assert exchange.open_orders == [0]
    return exchange


def named(exchange, *rows, coin=0):
    high, low, volume = np.array(rows, np.int64).T.copy()
    return exchange.scan(coin, high, low, volume, 0, len(rows))


def test_names_the_first_row_that_reaches_the_order():
    quiet = (101, 99, 1)
    for touch, row in ((False, 3), (True, 2)):
        assert named(resting(BUY, LIMIT, 95, touch), quiet, (200, 96, 1), (101, 95, 1), (101, 94, 1)) == row
        assert named(resting(SELL, LIMIT, 105, touch), quiet, (104, 2, 1), (105, 99, 1), (106, 99, 1)) == row
        assert named(resting(BUY, STOP, 105, touch), quiet, (104, 2, 1), (105, 99, 1), (106, 99, 1)) == 2
        assert named(resting(SELL, STOP, 95, touch), quiet, (200, 96, 1), (101, 95, 1), (101, 94, 1)) == 2


def test_names_the_first_row_that_reaches_a_take_profit():
    assert named(resting(SELL, TAKE_PROFIT, 105), (101, 99, 1), (104, 2, 1), (105, 99, 1)) == 2
    assert named(resting(BUY, TAKE_PROFIT, 95), (101, 99, 1), (200, 96, 1), (101, 95, 1)) == 2


def test_names_the_first_row_that_reaches_a_trailing_order_where_it_is_by_then():
    # from 1000 on; what is without volume is not followed, and a coarse tick takes it further away
    rises, falls = [(1000, 950, 1), (1200, 1000, 0), (1100, 905, 1)], [(1050, 1000, 1), (1000, 800, 0), (1095, 900, 1)]
    for tick, down, up in ((1, (1000, 990, 1), (990, 950, 1)), (100, (1000, 900, 1), (1000, 950, 1))):
        for side, before, row in ((SELL, rises, down), (BUY, falls, up)):
            exchange = Exchange([Instrument(coin="AAAUSDT", base="AAA", quote="USDT", tick=tick)], BALANCES)
            exchange.place(0, side, STOP, 10, 0, 0, 1000, 0, 0, trail=1000)
            exchange.on_bar(0, 1, 1, 1000, 1000, 1000, 1000, 1)
            high, low, volume = row
            almost = (high, low + 1, volume) if side == SELL else (high - 1, low, volume)
            assert named(exchange, *before, almost, row) == 4


def test_passes_over_bars_without_volume_and_other_coins_bars():
    waiting = resting(BUY, LIMIT, 95)
    assert named(waiting, (100, 90, 0), (100, 90, 0), (100, 90, 1)) == 2
    assert named(waiting, (100, 90, 1), (100, 90, 1), coin=1) == 2
    assert named(Exchange(INSTRUMENTS, BALANCES), (100, 90, 1), (100, 90, 1)) == 2


def test_an_order_that_has_not_met_the_market_needs_the_first_bar_with_volume():
    for kind, price in ((MARKET, 0), (LIMIT, 50), (LIMIT_MAKER, 50)):
        exchange = Exchange(INSTRUMENTS, BALANCES, FillRules())
        exchange.place(0, BUY, kind, 10, price, 0, 100, 0, 0)
        assert named(exchange, (100, 90, 0), (100, 90, 1), (100, 90, 1)) == 1


def test_a_trailing_order_follows_no_bar_before_the_first_it_met():
    exchange = Exchange(INSTRUMENTS, BALANCES, FillRules())
    order = exchange.place(0, SELL, STOP, 10, 0, 0, 1000, 0, 0, trail=1000)
    high, low, volume = np.array([(2000, 1000, 1)], np.int64).T.copy()
    exchange.follow(0, high, low, volume, 0, 1)  # of before it was placed
    assert exchange.order(order).stop == 900
    assert named(exchange, (1000, 1000, 0), (1000, 1000, 1)) == 1
    exchange.on_bar(0, 1, 1, 1000, 1000, 1000, 1000, 1)
    exchange.follow(0, high, low, volume, 0, 1)
    assert exchange.order(order).stop == 1800


def test_the_highest_price_there_is_does_not_wrap():
    exchange = Exchange(INSTRUMENTS, BALANCES, FillRules(limit_touch=True, max_volume_share=1))
    exchange.place(0, BUY, LIMIT, 1, 2**63 - 1, 0, 100, 0, 0)
    exchange.on_bar(0, 1, 1, 100, 100, 100, 100, 1)  # too little volume to share: it has met the market and waits
    assert exchange.order(0).arrived == 1
    assert named(exchange, (100, 90, 0), (100, 90, 1)) == 1
