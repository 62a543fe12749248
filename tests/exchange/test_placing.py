"""Placing and cancelling: filters in their order, locks, and refusals that leave no trace in the account."""

import pytest
from desk import D, coin
from reference import (
    BUY,
    CANCELED,
    INSUFFICIENT,
    LOT_SIZE,
    NEW,
    NO_PRICE,
    NOTIONAL,
    ONE,
    PERCENT_PRICE,
    PRICE_FILTER,
    REJECTED,
    SELL,
    STOP_LIMIT,
    TOO_MANY_ORDERS,
    TOO_MANY_STOPS,
    WOULD_TAKE,
    WOULD_TRIGGER,
)


def traded(desk):
    desk.bar("100", "100", "100", "100")
    return desk


STRICT = coin(tick="0.5", lot="0.01", least="10")


@pytest.mark.parametrize("how", ["limit", "maker", "stop"])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_price_off_the_tick_or_not_above_zero(open_desk, how, side):
    desk = traded(open_desk(STRICT, USDT="10000", AAA="100"))
    for price in ("90.25", "90.49999999", "0", "-90"):
        # What comes later in the order of the filters does not matter yet.
        assert desk.state(desk.place(side, "0.005", **{how: price})) == (REJECTED, PRICE_FILTER)
    assert (desk.locked(), desk.locked("AAA")) == (0, 0)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_amount_off_the_lot_or_not_above_zero(open_desk, side):
    desk = traded(open_desk(STRICT, USDT="10000", AAA="100"))
    for amount in ("0.005", "1.00000001", "0", "-1"):
        assert desk.state(desk.place(side, amount)) == (REJECTED, LOT_SIZE)
        assert desk.state(desk.place(side, amount, limit="90")) == (REJECTED, LOT_SIZE)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_least_notional_is_told_at_the_orders_own_price(open_desk, side):
    desk = traded(open_desk(STRICT, USDT="10000", AAA="100"))
    least = {"limit": ("50", "0.2", "0.19"), "maker": ("50", "0.2", "0.19"), "stop": ("125", "0.08", "0.07")}
    for how, (price, enough, short) in least.items():
        assert desk.state(desk.place(side, short, **{how: price})) == (REJECTED, NOTIONAL)
        assert desk.state(desk.place(side, enough, **{how: price}))[1] != NOTIONAL
    assert desk.state(desk.place(side, "0.1")) == (NEW, 0)  # market: at the last close
    assert desk.state(desk.place(side, "0.09")) == (REJECTED, NOTIONAL)


def test_a_market_without_a_price_is_told_before_a_notional_of_nothing(open_desk):
    desk = open_desk(STRICT, USDT="10000")
    assert desk.state(desk.buy("1")) == (REJECTED, NO_PRICE)
    assert desk.state(desk.buy("0.001")) == (REJECTED, LOT_SIZE)


def test_a_notional_is_floored_before_it_is_measured(open_desk):
    desk = traded(open_desk(coin(least="0.00000002"), USDT="1"))
    assert desk.state(desk.buy("0.00000003", limit="0.66")) == (REJECTED, NOTIONAL)
    assert desk.state(desk.buy("0.00000003", limit="0.67")) == (NEW, 0)


def test_a_limit_maker_must_stand_beside_the_market(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="100"))
    for side, takes, makes in ((BUY, ("100", "100.01"), "99.99"), (SELL, ("100", "99.99"), "100.01")):
        for price in takes:
            assert desk.state(desk.place(side, "1", maker=price)) == (REJECTED, WOULD_TAKE)
        assert desk.state(desk.place(side, "1", maker=makes)) == (NEW, 0)


def test_a_stop_must_lie_ahead_of_the_market(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="100"))
    for side, at_once, ahead in ((BUY, ("100", "99.99"), "100.01"), (SELL, ("100", "100.01"), "99.99")):
        for price in at_once:
            assert desk.state(desk.place(side, "1", stop=price)) == (REJECTED, WOULD_TRIGGER)
        assert desk.state(desk.place(side, "1", stop=ahead)) == (NEW, 0)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_limit_lies_within_the_markets_band(open_desk, side):
    banded = coin(tick="0.01", price_up=ONE + ONE // 10, price_down=ONE - ONE // 10)
    desk = traded(open_desk(banded, USDT="10000", AAA="100"))
    for price, code in (("110", 0), ("110.01", PERCENT_PRICE), ("90", 0), ("89.99", PERCENT_PRICE)):
        assert desk.state(desk.place(side, "1", limit=price))[1] == code
    desk.bar("100.03", "100.03", "100.03", "100.03")  # from 90.027 to 110.033: the cent within
    for price, code in (("110.03", 0), ("110.04", PERCENT_PRICE), ("90.03", 0), ("90.02", PERCENT_PRICE)):
        assert desk.state(desk.place(side, "1", limit=price))[1] == code
    assert desk.state(desk.place(side, "1", stop="200" if side == BUY else "10")) == (NEW, 0)  # a trigger may lie anywhere


def test_a_band_to_the_unit_and_with_one_end(open_desk):
    desk = open_desk(coin(tick="0.00000001", price_up=ONE + 1, price_down=ONE - 1), USDT="10000")
    assert desk.state(desk.buy("1", limit="3")) == (NEW, 0)  # there is no market yet
    desk.bar("0.5", "0.5", "0.5", "0.5")  # the band ends half a unit above and below
    for price, code in (("0.5", 0), ("0.50000001", PERCENT_PRICE), ("0.49999999", PERCENT_PRICE)):
        assert desk.state(desk.buy("1", limit=price))[1] == code
    desk = traded(open_desk(coin(price_up=ONE + ONE // 10), USDT="10000"))
    for price, code in (("0.01", 0), ("110", 0), ("110.01", PERCENT_PRICE)):
        assert desk.state(desk.buy("1", limit=price))[1] == code


def test_so_many_orders_may_be_open_and_so_many_wait_for_a_trigger(open_desk):
    desk = traded(open_desk(coin(max_orders=3, max_stops=2), coin("BBB"), USDT="10000", AAA="10", BBB="10"))
    desk.bar("100", "100", "100", "100", coin=1)
    assert desk.state(desk.sell("1", stop="95", coin=1)) == (NEW, 0)  # another coin's, which counts for that coin alone
    assert desk.state(desk.sell("1", stop="95")) == desk.state(desk.sell("1", stop="94")) == (NEW, 0)
    assert desk.state(desk.sell("1", stop="93")) == (REJECTED, TOO_MANY_STOPS)
    last = desk.sell("1", limit="110")
    assert desk.state(last) == (NEW, 0)
    assert desk.state(desk.buy("1")) == (REJECTED, TOO_MANY_ORDERS)
    assert desk.state(desk.sell("1", stop="93")) == (REJECTED, TOO_MANY_ORDERS)
    assert desk.cancel(last)
    assert desk.state(desk.buy("1")) == (NEW, 0)


def test_one_order_or_one_trigger_at_a_time(open_desk):
    desk = traded(open_desk(coin(max_orders=1), AAA="10"))
    assert [desk.state(desk.sell("1", limit="110"))[1] for _ in range(2)] == [0, TOO_MANY_ORDERS]
    desk = traded(open_desk(coin(max_stops=1), AAA="10"))
    assert [desk.state(desk.sell("1", kind=STOP_LIMIT, stop="95", limit="105"))[1] for _ in range(2)] == [0, TOO_MANY_STOPS]
    assert [desk.state(desk.sell("1", limit="110"))[1] for _ in range(2)] == [0, 0]
    desk.bar("100", "100", "94", "100")  # set off, it rests as a limit order
    assert desk.state(desk.sell("1", stop="95")) == (NEW, 0)


def test_before_the_first_price_nothing_would_take_or_trigger(open_desk):
    desk = open_desk(USDT="10000", AAA="100")
    for side in (BUY, SELL):
        assert desk.state(desk.place(side, "1", maker="100")) == (NEW, 0)
        assert desk.state(desk.place(side, "1", stop="100")) == (NEW, 0)
        assert desk.state(desk.place(side, "1", limit="100")) == (NEW, 0)


def test_the_lock_may_take_everything_but_no_more(open_desk):
    for cash, code in (("100.1", 0), ("100.09999999", INSUFFICIENT)):
        desk = traded(open_desk(USDT=cash))
        assert desk.state(desk.buy("1", limit="100"))[1] == code
    for held, code in (("1", 0), ("0.99999999", INSUFFICIENT)):
        desk = traded(open_desk(AAA=held))
        assert desk.state(desk.sell("1", limit="100"))[1] == code


def test_the_lock_is_rounded_up(open_desk):
    desk = traded(open_desk(USDT="1", maker="0", taker="0"))
    desk.buy("0.00000001", limit="0.01")
    assert desk.locked() == D("0.00000001")


def test_a_refused_order_has_an_id_and_no_lock(open_desk):
    desk = traded(open_desk(USDT="10"))
    assert [desk.buy("1", limit="100"), desk.buy("1", limit="5"), desk.sell("1")] == [0, 1, 2]
    assert [desk.state(n)[0] for n in range(3)] == [REJECTED, NEW, REJECTED]
    assert (desk.free(), desk.locked()) == (D("4.995"), D("5.005"))
    assert not desk.cancel(0)
    assert desk.bar("1", "1", "1", "1")[0]["order"] == 1


def test_cancelling_gives_back_exactly_the_lock_and_only_once(open_desk):
    desk = traded(open_desk(USDT="1000", AAA="3"))
    bid, ask = desk.buy("1.23456789", limit="77.77"), desk.sell("3", stop="66.66")
    kept = desk.locked()
    assert desk.cancel(ask)
    assert (desk.free("AAA"), desk.locked("AAA"), desk.locked()) == (3, 0, kept)
    assert desk.cancel(bid)
    assert (desk.free(), desk.locked()) == (1000, 0)
    assert desk.state(bid) == desk.state(ask) == (CANCELED, 0)
    assert not desk.cancel(bid)
    assert desk.free() == 1000
    assert desk.bar("10", "100", "10", "50") == []


def test_what_was_never_placed_or_is_done_cannot_be_cancelled(open_desk):
    desk = traded(open_desk(USDT="1000"))
    for unknown in (-1, 0, 1, 10**6):
        assert not desk.cancel(unknown)
    done = desk.buy("1")
    desk.bar("100", "100", "100", "100")
    assert not desk.cancel(done)
    assert (desk.free(), desk.locked()) == (D("899.9"), 0)
