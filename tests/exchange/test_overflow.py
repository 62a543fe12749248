"""The ends of the 64-bit range: what just fits is exact, what does not is an error that leaves the account as it was."""

import pytest
from desk import coin
from reference import BUY, FILLED, INSUFFICIENT, LIMIT, MARKET, NEW, ONE, REJECTED, SELL, STOP, OutOfRange

from engine.errors import AmountOverflow
from engine.exchange import kernel

MOST = 2**63 - 1
FREE = {"maker": "0", "taker": "0"}
Overflow = (OutOfRange, AmountOverflow)


def account(exchange):
    return [(asset, exchange.free(asset), exchange.locked(asset)) for asset in ("AAA", "USDT")], exchange.position(0)


def place(exchange, side, kind, amount, price=0, stop=0, mark=ONE):
    return exchange.place(0, side, kind, amount, price, stop, mark, 0, 0)


def show(exchange, price, step=1):
    return exchange.on_bar(0, step, step, price, price, price, price, 1)


def the_fill(exchange):
    return exchange.fills[0] if isinstance(exchange.fills, list) else exchange.fill(0)


def open_exchange(open_desk, usdt, aaa, decimals=8, **rules):
    instrument = coin(tick="0.00000001", lot="0.00000001" if decimals == 8 else "1")
    exact = {"USDT": f"{usdt // ONE}.{usdt % ONE:08}", "AAA": f"{aaa // ONE}.{aaa % ONE:08}" if decimals == 8 else str(aaa)}
    return open_desk(instrument, decimals={"AAA": decimals}, **(FREE | rules), **exact).exchange


def test_a_product_is_exact_or_said_to_be_too_large():
    ends = [end + near for end in (0, 10**4, ONE, 2**32, MOST // ONE, MOST // 2, MOST) for near in (-2, -1, 0, 1, 2)]
    numbers = [number for number in ends if 0 <= number <= MOST]
    numbers += [MOST * ONE // number + near for number in (ONE + 1, ONE - 1, 3 * ONE, 10**12) for near in (-1, 0, 1)]
    for a in (number for number in numbers if number <= MOST):
        for b in (number for number in numbers if number <= MOST):
            for scale in (1, 10**4, ONE):
                for up in (False, True):
                    exact = -(-a * b // scale) if up else a * b // scale
                    assert kernel.scaled(a, b, scale, up) == (exact if exact <= MOST else kernel.OVERFLOW)


def test_the_largest_order_there_is_can_be_placed_and_paid(open_desk):
    exchange = open_exchange(open_desk, MOST, 0)
    order = place(exchange, BUY, LIMIT, MOST, ONE)
    assert (exchange.free("USDT"), exchange.locked("USDT")) == (0, MOST)
    assert show(exchange, ONE - 1) == 1
    # MOST * 0.99999999 is 9223371944621055438.87: floored, and the rest comes back.
    assert exchange.free("USDT") == MOST - 9223371944621055438
    assert (exchange.free("AAA"), exchange.position(0), exchange.order(order).status) == (MOST, MOST, FILLED)


@pytest.mark.parametrize(
    ("side", "kind", "price", "stop", "mark"),
    [
        (BUY, LIMIT, ONE + 1, 0, ONE),
        (SELL, LIMIT, ONE + 1, 0, ONE),
        (BUY, STOP, 0, ONE + 1, ONE),
        (BUY, MARKET, 0, 0, ONE + 1),
        (SELL, MARKET, 0, 0, ONE + 1),
    ],
)
def test_a_notional_too_large_cannot_be_placed(open_desk, side, kind, price, stop, mark):
    exchange = open_exchange(open_desk, MOST, MOST)
    before = account(exchange)
    with pytest.raises(Overflow):
        place(exchange, side, kind, MOST, price, stop, mark)
    assert (account(exchange), exchange.n_orders) == (before, 0)
    assert place(exchange, side, MARKET, MOST, mark=ONE) == 0


def test_a_fee_that_leaves_the_range_cannot_be_locked(open_desk):
    exchange = open_exchange(open_desk, MOST, 0, taker="1")
    with pytest.raises(Overflow):
        place(exchange, BUY, MARKET, MOST)
    assert exchange.n_orders == 0
    with pytest.raises(Overflow):
        place(exchange, BUY, MARKET, 9222449791875588249)
    # One unit less, and it and its fee of 922244979187558.8248, rounded up, are the whole range.
    assert exchange.order(place(exchange, BUY, MARKET, 9222449791875588248)).status == NEW
    assert exchange.locked("USDT") == 9222449791875588248 + 922244979187559 == MOST
    assert show(exchange, ONE) == 1
    assert (exchange.free("USDT"), exchange.locked("USDT")) == (0, 0)


@pytest.mark.parametrize(("limit", "stop", "stop_limit"), [(ONE, ONE + 2, 0), (ONE + 1, ONE + 3, ONE // 2)])
def test_a_pair_needs_room_for_either_leg(open_desk, limit, stop, stop_limit):
    exchange = open_exchange(open_desk, MOST, 0, taker="1")
    amount = 9222449791875588248 if limit == ONE else 9222449791875588247  # at ONE and with its fee it just fits
    with pytest.raises(Overflow):
        exchange.place_pair(0, BUY, amount, limit, stop, stop - 1, 0, 0, stop_limit=stop_limit)
    assert (exchange.n_orders, exchange.locked("USDT")) == (0, 0)


def test_a_lock_that_fits_but_is_not_there_is_refused(open_desk):
    exchange = open_exchange(open_desk, MOST - 1, MOST - 1)
    for side in (BUY, SELL):
        order = exchange.order(place(exchange, side, MARKET, MOST))
        assert (order.status, order.refusal) == (REJECTED, INSUFFICIENT)


def test_a_coarse_unit_reaches_further_in_amount_not_in_cash(open_desk):
    exchange = open_exchange(open_desk, MOST, 10**18, decimals=0)
    with pytest.raises(Overflow):
        place(exchange, SELL, MARKET, 92233720369)  # whole coins at 1.00: 9223372036900000000
    order = place(exchange, SELL, MARKET, 10**18, mark=9)
    assert exchange.order(order).status == NEW
    assert exchange.locked("AAA") == 10**18


def test_a_sale_may_fill_the_account_to_the_brim(open_desk):
    for cash, fits in ((MOST - ONE, True), (MOST - ONE + 1, False)):
        exchange = open_exchange(open_desk, cash, ONE)
        order = place(exchange, SELL, MARKET, ONE)
        before = account(exchange)
        if fits:
            assert show(exchange, ONE) == 1
            assert exchange.free("USDT") == MOST
        else:
            with pytest.raises(Overflow):
                show(exchange, ONE)
            assert account(exchange) == before
            assert (exchange.order(order).status, exchange.order(order).filled, exchange.n_fills) == (NEW, 0, 0)
            assert show(exchange, ONE - 1, step=2) == 1  # a unit less fits
            assert exchange.free("USDT") == MOST


def test_locked_cash_counts_toward_the_brim(open_desk):
    exchange = open_exchange(open_desk, MOST - ONE + 1, ONE)
    bid = place(exchange, BUY, LIMIT, 10 * ONE, ONE // 2)
    place(exchange, SELL, MARKET, ONE)
    with pytest.raises(Overflow):  # or cancelling the bid could not give its lock back
        show(exchange, ONE)
    assert exchange.cancel(bid, 1)
    assert exchange.free("USDT") == MOST - ONE + 1


def test_a_purchase_may_fill_the_account_to_the_brim(open_desk):
    for held, fits in ((MOST - 5, True), (MOST - 4, False)):
        exchange = open_exchange(open_desk, ONE, held)
        place(exchange, BUY, MARKET, 5)
        before = account(exchange)
        if fits:
            assert show(exchange, ONE) == 1
            assert (exchange.free("AAA"), exchange.position(0)) == (MOST, 5)
        else:
            with pytest.raises(Overflow):
                show(exchange, ONE)
            assert account(exchange) == before


def test_what_is_locked_of_an_asset_counts_when_more_of_it_is_bought(open_desk):
    exchange = open_exchange(open_desk, ONE, MOST - 4)
    ask = place(exchange, SELL, LIMIT, MOST // 2, 2 * ONE)
    place(exchange, BUY, MARKET, 5)
    with pytest.raises(Overflow):
        show(exchange, ONE)
    assert exchange.cancel(ask, 1)
    assert exchange.free("AAA") == MOST - 4


def test_a_purchase_that_cannot_be_paid_is_refused_before_it_could_overflow(open_desk):
    exchange = open_exchange(open_desk, 5, MOST)
    order = place(exchange, BUY, MARKET, 5)
    assert show(exchange, 2 * ONE) == 0
    assert (exchange.order(order).status, exchange.order(order).refusal) == (REJECTED, INSUFFICIENT)


def test_a_gap_that_leaves_the_range_is_an_error_not_a_bargain(open_desk):
    for side in (BUY, SELL):
        exchange = open_exchange(open_desk, MOST, MOST)
        order = place(exchange, side, MARKET, MOST)
        before = account(exchange)
        for price in (ONE + 1, 2 * ONE, 3 * ONE, MOST):
            with pytest.raises(Overflow):
                show(exchange, price)
        assert (account(exchange), exchange.order(order).status, exchange.n_fills) == (before, NEW, 0)


def test_a_fee_that_takes_the_cost_out_of_range(open_desk):
    exchange = open_exchange(open_desk, MOST, 0, taker="1")
    order = place(exchange, BUY, MARKET, 9222449791875588249, mark=ONE // 2)
    with pytest.raises(Overflow):  # the notional still fits
        show(exchange, ONE)
    assert (exchange.order(order).status, exchange.free("AAA")) == (NEW, 0)
    assert show(exchange, ONE - 1, step=2) == 1


def test_slippage_beyond_the_range(open_desk):
    exchange = open_exchange(open_desk, MOST, 1, slippage="100")
    place(exchange, BUY, MARKET, 1)
    with pytest.raises(Overflow):
        show(exchange, MOST // 101 * 100 + 200)
    assert show(exchange, MOST // 102 * 100) == 1


@pytest.mark.parametrize(("price", "slippage", "tick"), [(4611686018427387903, "10000", 7), (9132051521638391888, "100", 1)])
def test_slippage_up_to_the_last_price_there_is(open_desk, price, slippage, tick):
    exchange = open_desk(coin(tick=f"0.0000000{tick}"), USDT="1000", slippage=slippage, **FREE).exchange
    place(exchange, BUY, MARKET, 1)
    with pytest.raises(Overflow):
        show(exchange, price + 1)
    assert show(exchange, price, step=2) == 1
    assert the_fill(exchange).price == MOST


def test_the_tick_above_the_last_price_there_is(open_desk):
    # With a millionth of slippage 9223372036853813491 still fits; the tick above it, 9223372036900000000, does not.
    price = 9223362813491000000
    exchange = open_desk(coin(tick="1"), USDT="10", AAA="1", slippage="0.01", **FREE).exchange
    buy = place(exchange, BUY, MARKET, 1)
    with pytest.raises(Overflow):
        show(exchange, price)
    exchange.cancel(buy, 1)
    place(exchange, SELL, MARKET, 1)
    assert show(exchange, price, step=2) == 1


@pytest.mark.parametrize(("mark", "trail", "tick"), [(4611686018427387903, 10_000, 7), (9132051521638391888, 100, 1)])
def test_a_trailing_trigger_at_the_last_price_there_is(open_desk, mark, trail, tick):
    for more in (0, 1):
        exchange = open_desk(coin(tick=f"0.0000000{tick}"), USDT="1000", **FREE).exchange
        if more:
            with pytest.raises(Overflow):
                exchange.place(0, BUY, STOP, 1, 0, 0, mark + more, 0, 0, trail=trail)
        else:
            order = exchange.order(exchange.place(0, BUY, STOP, 1, 0, 0, mark, 0, 0, trail=trail))
            assert (order.stop, order.status) == (MOST, NEW)


def test_a_bnb_of_which_ten_cannot_be_counted_pays_nothing(open_desk):
    for worth, fee_in in ((MOST // 10, 2), (MOST // 10 + 1, 1)):
        exchange = open_desk(USDT="100", BNB="1", fee_asset="bnb").exchange
        place(exchange, BUY, MARKET, ONE)
        assert exchange.on_bar(0, 1, 1, ONE, ONE, ONE, ONE, 1, worth) == 1
        assert (the_fill(exchange).fee_in, the_fill(exchange).fee) == (fee_in, 1 if fee_in == 2 else 100_000)


def test_earlier_orders_of_the_bar_stay_done(open_desk):
    exchange = open_exchange(open_desk, MOST - ONE, 2 * ONE)
    first, second = place(exchange, SELL, MARKET, ONE), place(exchange, SELL, MARKET, ONE)
    with pytest.raises(Overflow):
        show(exchange, ONE)
    assert [exchange.order(order).status for order in (first, second)] == [FILLED, NEW]
    assert (exchange.free("USDT"), exchange.locked("AAA"), exchange.n_fills) == (MOST, ONE, 1)
