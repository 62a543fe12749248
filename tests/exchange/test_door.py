"""The exchange's Python door: what cannot be meant is refused before it reaches compiled code, and everything is logged."""

import numpy as np
import pytest

from engine.errors import AmountOverflow, ConfigError, OrderError
from engine.exchange import REFUSALS, STATUSES, TYPES, Exchange, Exit, FillRules
from engine.exchange import kernel as k
from engine.model import Instrument, OrderStatus, OrderType

ONE = 10**8
AAA = Instrument(coin="AAAUSDT", base="AAA", quote="USDT", lot=100)
PLACE = (0, 1, 1, 1000, 90 * ONE, 0, 100 * ONE, 3, 4)  # coin, side, kind, amount, price, stop, mark, step, time


def opened(**rules):
    return Exchange([AAA], {"USDT": 1000 * ONE, "AAA": ONE}, FillRules(**rules))


@pytest.mark.parametrize("place", range(len(PLACE)))
@pytest.mark.parametrize("wrong", [1.0, 1.7, "1", None])
def test_only_integers_are_numbers(place, wrong):
    exchange = opened()
    with pytest.raises((TypeError, OrderError)):
        exchange.place(*PLACE[:place], wrong, *PLACE[place + 1 :])
    assert (exchange.n_orders, exchange.locked("USDT")) == (0, 0)


def test_numpy_integers_are_numbers_too():
    exchange = opened()
    for kind in (np.int64, np.int32):
        order = exchange.place(*(kind(n) for n in (0, 1, 1, 1000, 2 * 10**9, 0, 10**9, 3, 4)))
        view = exchange.order(order)
        assert view[:6] == (0, 1, 1, 1000, 2 * 10**9, 0)
        assert (view.mark, view.step, view.time, view.filled) == (10**9, 3, 4, 0)


@pytest.mark.parametrize(("place", "unknown"), [(0, -1), (0, 1), (1, 0), (1, 2), (2, -1), (2, len(TYPES))])
def test_unknown_coins_sides_and_types_are_errors(place, unknown):
    exchange = opened()
    with pytest.raises(OrderError):
        exchange.place(*PLACE[:place], unknown, *PLACE[place + 1 :])
    assert exchange.n_orders == 0


@pytest.mark.parametrize("place", [3, 4, 6])
def test_integers_beyond_64_bits_overflow(place):
    exchange = opened()
    with pytest.raises(AmountOverflow):
        exchange.place(*PLACE[:place], 2**63, *PLACE[place + 1 :])
    assert exchange.n_orders == 0


def test_judging_an_amount_beyond_64_bits_overflows():
    with pytest.raises(AmountOverflow):
        opened().judge(*PLACE[:3], 2**63, *PLACE[4:7])


@pytest.mark.parametrize("name", ["maker", "taker", "slippage", "max_volume_share"])
def test_rates_lie_between_nothing_and_all(name):
    for rate in (-1, ONE + 1):
        with pytest.raises(ConfigError):
            opened(**{name: rate})
    opened(**{name: ONE})


def test_a_unit_must_suit_lot_and_quote():
    with pytest.raises(ConfigError, match="AAAUSDT"):
        Exchange([AAA], {}, decimals={"AAA": 5})  # a lot of 0.000001 is finer than 0.00001
    with pytest.raises(ConfigError, match="USDT"):
        Exchange([AAA], {}, decimals={"USDT": 2})
    exchange = Exchange([AAA], {}, decimals={"AAA": 6})
    assert (exchange.lot(0), exchange.scale(0)) == (1, 10**6)


def test_codes_have_their_words():
    assert TYPES[:4] == (OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP)
    assert TYPES[4:] == (OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    assert STATUSES[:3] == (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
    assert STATUSES[3:6] == (OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)
    assert STATUSES[k.PENDING] == OrderStatus.PENDING
    words = ["", "PRICE_FILTER", "LOT_SIZE", "NOTIONAL", "no price", "-2010", "-2010 Order would", "-2010 Account", "volume"]
    words += [
        "PERCENT_PRICE",
        "MAX_NUM_ORDERS",
        "MAX_NUM_ALGO_ORDERS",
        "-2010 The relationship",
        "at once",
        "entry",
        "pair",
        "-2038",
        "risk",
    ]
    assert len(REFUSALS) == len(words)
    assert all(word in text for word, text in zip(words, REFUSALS, strict=True))


def test_a_judgement_counts_what_a_cancel_would_free():
    exchange = opened(taker=0, maker=0)
    exchange.place(0, 1, 1, 9 * ONE, 100 * ONE, 0, 100 * ONE, 3, 4)
    asked = (0, 1, 1, 2 * ONE, 100 * ONE, 0, 100 * ONE)
    insufficient = REFUSALS.index("-2010 Account has insufficient balance for requested action.")
    assert [exchange.judge(*asked, spare=spare) for spare in (0, 100 * ONE - 1, 100 * ONE)] == [insufficient, insufficient, 0]
    assert (exchange.n_orders, exchange.free("USDT")) == (1, 100 * ONE)


def test_an_order_that_is_not_to_be_kept_is_told_by_its_refusal():
    exchange = opened()
    refused = (*PLACE[:3], 1001, *PLACE[4:])
    lot_size = REFUSALS.index("-1013 Filter failure: LOT_SIZE")
    assert (exchange.place(*refused, keep=False), exchange.n_orders) == (-1 - lot_size, 0)
    assert (exchange.place(*PLACE, keep=False), exchange.n_orders) == (0, 1)
    assert (exchange.place(*refused), exchange.order(1).refusal) == (1, lot_size)


def stirred(*values):
    """The log's hash by its formula: two lanes, each multiplied on, modulo the two largest primes below 2**31."""
    a = b = 0
    for value in values:
        part = value % 2147483647
        a, b = (a * 1000003 + part + 1) % 2147483647, (b * 69069 + part + 12345) % 2147483629
    return f"{a:08x}{b:08x}"


def test_the_log_hash_is_the_same_in_every_release():
    coin, side, kind, amount, price, stop, mark, step, time = PLACE
    placed = (coin, side, kind, amount, price, stop, 0, 0, 0, mark, step, time, 0)
    assert log_after(("place", *PLACE)) == stirred(*placed)
    far = (*PLACE[:4], 2**62, *PLACE[5:])  # refused: it costs more than there is
    assert log_after(("place", *PLACE), ("place", *far)) == stirred(*placed, *placed[:4], 2**62, *placed[5:12], 7)
    assert log_after(("place", *PLACE), ("cancel", 0, 9)) == stirred(*placed, 9, 0, 3 * 32)


def test_the_log_tells_a_life_in_its_order():
    exchange = opened(maker=0, taker=0)
    exits = (Exit(k.STOP_LOSS, stop=90 * ONE), Exit(k.LIMIT, price=110 * ONE))
    entry = exchange.place_with_exits(0, k.MARKET, 2 * 10**7, 0, 0, exits, 100 * ONE, 3, 4)
    life = [0, 1, 0, 2 * 10**7, 0, 0, 0, 0, 0, 100 * ONE, 3, 4, 0]
    life += [0, -1, 3, 2 * 10**7, 0, 90 * ONE, 0, 0, entry + 1, 100 * ONE, 3, 4, 0]
    life += [0, -1, 1, 2 * 10**7, 110 * ONE, 0, 0, 0, entry + 1, 100 * ONE, 3, 4, 0]
    assert exchange.log_hash == stirred(*life)
    assert exchange.cancel(2, 3)
    life += [3, 2]
    assert exchange.log_hash == stirred(*life)
    exchange.on_bar(0, 5, 6, 100 * ONE, 101 * ONE, 99 * ONE, 100 * ONE, ONE)
    life += exchange.fill(0)
    life += [0, 2 * 32, 1, 2 * 10**7]  # the entry has ended, its stop is sent
    assert exchange.log_hash == stirred(*life)
    assert exchange.amend(1, 10**7, 7) == 0
    life += [7, 1, 10**7]
    assert exchange.log_hash == stirred(*life)
    exchange.on_bar(0, 8, 9, 100 * ONE, 101 * ONE, 89 * ONE, 100 * ONE, ONE)
    life += [1, 8, *exchange.fill(1), 1, 2 * 32]  # set off, filled, ended
    assert exchange.log_hash == stirred(*life)
    broke = exchange.place(0, 1, 0, 10**7, 0, 0, 100 * ONE, 9, 9)
    exchange.on_bar(0, 10, 10, 10**6 * ONE, 10**6 * ONE, ONE, ONE, ONE)
    life += [0, 1, 0, 10**7, 0, 0, 0, 0, 0, 100 * ONE, 9, 9, 0, broke, 4 * 32 + 7]
    assert exchange.log_hash == stirred(*life)


def log_after(*actions, **rules):
    exchange = opened(**rules)
    for name, *args in actions:
        getattr(exchange, name)(*args)
    return exchange.log_hash


def test_the_log_hash_tells_every_history_from_every_other():
    bar = ("on_bar", 0, 4, 5, 95 * ONE, 99 * ONE, 80 * ONE, 90 * ONE, ONE)
    histories = [(), (("place", *PLACE),)]
    for changed, value in ((1, -1), (2, 2), (3, 1100), (4, 91 * ONE), (6, 101 * ONE), (7, 2), (8, 5)):
        histories.append((("place", *PLACE[:changed], value, *PLACE[changed + 1 :]),))
    histories += [
        (("place", *PLACE), ("cancel", 0, 3)),
        (("place", *PLACE), ("cancel", 0, 4)),
        (("place", *PLACE), bar),
        (("place", *PLACE), ("on_bar", 0, 5, *bar[3:])),
        (("place", *PLACE), ("on_bar", 0, 4, 6, *bar[4:])),
        (("place", *PLACE), ("on_bar", 0, 4, 5, 89 * ONE, *bar[5:])),
        (("place", *PLACE), ("place", *PLACE)),
        (("place", *PLACE[:3], 1001, *PLACE[4:]),),  # a refusal is history too
    ]
    hashes = [log_after(*history) for history in histories]
    assert len(set(hashes)) == len(hashes)
    assert hashes == [log_after(*history) for history in histories]
    # The same bar fills part of the order, or all of it at another fee.
    dealt = (("place", *PLACE), bar)
    assert len({log_after(*dealt, **rules) for rules in ({}, {"maker": 500_000}, {"max_volume_share": 100})}) == 3


def test_the_log_hash_tells_how_an_order_ended():
    ends = []
    for cash, share in ((1100, 0), (2000, 1)):  # the gap is too dear for one, the other gets no volume
        exchange = Exchange([AAA], {"USDT": cash}, FillRules(taker=0, max_volume_share=share))
        order = exchange.place(0, 1, 0, 1000, 0, 0, ONE, 1, 1)
        assert exchange.on_bar(0, 2, 2, 2 * ONE, 2 * ONE, 2 * ONE, 2 * ONE, ONE) == 0
        ends.append((STATUSES[exchange.order(order).status], exchange.log_hash))
    assert [status for status, _ in ends] == [OrderStatus.REJECTED, OrderStatus.EXPIRED]
    assert ends[0][1] != ends[1][1]


def test_what_changes_nothing_is_not_logged():
    quiet = ("on_bar", 0, 4, 5, 95 * ONE, 99 * ONE, 91 * ONE, 95 * ONE, ONE)
    assert log_after(("place", *PLACE), quiet, ("cancel", 7, 4), ("judge", *PLACE[:7])) == log_after(("place", *PLACE))
