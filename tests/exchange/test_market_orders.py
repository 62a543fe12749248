"""Market orders on bars: filled at the next open, whole or not at all for want of cash, and gone after one bar."""

import pytest
from desk import D
from reference import EXPIRED, FILLED, INSUFFICIENT, NEW, NO_PRICE, NO_VOLUME, REJECTED


def test_fills_at_the_next_open_not_at_the_close_that_was_seen(open_desk):
    desk = open_desk(USDT="10000")
    desk.bar("100", "101", "99", "100.50")
    order = desk.buy("2")
    assert desk.locked() == D("201.201")  # 2 * 100.50 and its fee
    fills = desk.bar("102", "110", "90", "95")
    assert desk.prices(fills) == [102]
    assert desk.fees(fills) == [D("0.204")]
    assert desk.state(order) == (FILLED, 0)
    assert (desk.free(), desk.locked()) == (D("9795.796"), 0)
    assert (desk.free("AAA"), desk.position()) == (2, 2)


def test_does_not_meet_a_bar_of_the_step_it_was_placed_at(open_desk):
    desk = open_desk(USDT="10000")
    desk.bar("100", "101", "99", "100")
    order = desk.buy("1")
    assert desk.same_step(0, "90", "120", "80", "100") == []
    assert desk.state(order) == (NEW, 0)
    assert desk.prices(desk.bar("103", "104", "95", "100")) == [103]


def test_waits_for_a_bar_with_volume(open_desk):
    desk = open_desk(USDT="10000")
    desk.bar("100", "100", "100", "100")
    order = desk.buy("1")
    assert desk.bar("90", "90", "90", "90", volume="0") == []
    assert desk.state(order) == (NEW, 0)
    assert desk.locked() == D("100.1")
    assert desk.prices(desk.bar("104", "105", "103", "104", volume="0.00000001")) == [104]


@pytest.mark.parametrize(
    ("open_", "bought", "sold"),
    [
        ("100.00", "100.05", "99.95"),
        ("100.01", "100.07", "99.95"),  # 0.050005 of slippage: 100.060005 goes up to the tick, 99.959995 down
        ("100.10", "100.16", "100.04"),
        ("0.01", "0.02", "0.01"),  # a sale leaves at least one tick
    ],
)
def test_slippage_goes_against_the_order_and_outward_to_the_tick(open_desk, open_, bought, sold):
    desk = open_desk(USDT="10000", AAA="10", slippage="5")
    desk.bar("100", "100", "100", "100")
    desk.buy("1")
    desk.sell("1")
    # What slips is not held back by the bar: the order pays more than anyone did.
    assert desk.prices(desk.bar(open_, open_, open_, open_)) == [D(bought), D(sold)]


def test_without_slippage_an_open_between_ticks_is_used_as_it_is(open_desk):
    desk = open_desk(USDT="10000", AAA="10")
    desk.bar("100", "100", "100", "100")
    desk.buy("1")
    desk.sell("1")
    assert desk.prices(desk.bar("100.12345678", "101", "100", "100")) == [D("100.12345678")] * 2


def test_slippage_is_rounded_up_before_the_tick(open_desk):
    from desk import coin

    desk = open_desk(coin(tick="0.00000001"), USDT="10000", AAA="10", slippage="1")
    desk.bar("1", "1", "1", "1")
    desk.buy("1")
    desk.sell("1")
    fills = desk.bar("1.00000001", "2", "1", "1")  # 10000.0001 units of slippage
    assert desk.prices(fills) == [D("1.00010002"), D("0.99990000")]


def test_total_slippage_still_sells_for_a_tick(open_desk):
    desk = open_desk(AAA="10", slippage="10000")
    desk.bar("100", "100", "100", "100")
    desk.sell("10")
    assert desk.prices(desk.bar("100", "100", "100", "100")) == [D("0.01")]
    assert desk.free() == D("0.0999")


def test_a_gap_beyond_the_cash_is_rejected_not_clipped(open_desk):
    desk = open_desk(USDT="100.10")
    desk.bar("100", "100", "100", "100")
    order = desk.buy("1")
    assert (desk.free(), desk.locked()) == (0, D("100.1"))
    assert desk.bar("100.01", "200", "50", "100") == []  # would cost 100.11001
    assert desk.state(order) == (REJECTED, INSUFFICIENT)
    assert (desk.free(), desk.locked(), desk.free("AAA"), desk.position()) == (D("100.1"), 0, 0, 0)


def test_a_gap_is_paid_to_the_last_unit_of_free_cash(open_desk):
    for cash, status in (("100.11001", FILLED), ("100.11000999", REJECTED)):
        desk = open_desk(USDT=cash)
        desk.bar("100", "100", "100", "100")
        order = desk.buy("1")
        desk.bar("100.01", "200", "50", "100")
        assert desk.state(order)[0] == status
    assert desk.free() == D("100.11000999")


def test_a_gap_down_gives_back_what_was_locked_too_much(open_desk):
    desk = open_desk(USDT="100.10")
    desk.bar("100", "100", "100", "100")
    desk.buy("1")
    fills = desk.bar("80", "200", "50", "100")
    assert (desk.free(), desk.locked()) == (D("20.02"), 0)
    assert fills[0]["cash"] == 20_02000000


def test_the_rest_expires_when_the_bars_volume_is_used_up(open_desk):
    desk = open_desk(USDT="10000", share="0.25")
    desk.bar("100", "100", "100", "100")
    order = desk.buy("5")
    fills = desk.bar("101", "101", "101", "101", volume="12")
    assert desk.amounts(fills) == [3]
    assert desk.state(order) == (EXPIRED, NO_VOLUME)
    assert desk.filled(order) == 3
    assert (desk.free(), desk.locked()) == (D("9696.697"), 0)
    # The row tells the cash as it was at the fill, while the rest still held its lock of 2 * 100.1.
    assert fills[0]["cash"] == 949649700000
    assert desk.bar("101", "101", "101", "101") == []


def test_expires_whole_when_earlier_orders_took_all_the_volume(open_desk):
    desk = open_desk(USDT="10000", share="0.5")
    desk.bar("100", "100", "100", "100")
    first, second = desk.buy("3"), desk.buy("1")
    assert desk.amounts(desk.bar("100", "100", "100", "100", volume="6")) == [3]
    assert desk.state(first) == (FILLED, 0)
    assert desk.state(second) == (EXPIRED, NO_VOLUME)
    assert desk.filled(second) == 0
    assert desk.locked() == 0


def test_an_order_refused_for_cash_leaves_the_volume_to_the_next(open_desk):
    desk = open_desk(USDT="300.30", share="0.5")
    desk.bar("100", "100", "100", "100")
    dear, modest = desk.buy("2"), desk.buy("1")
    fills = desk.bar("150", "150", "150", "150", volume="4")  # 2 would cost 300.30, but 100.10 of it is locked by the other
    assert desk.state(dear) == (REJECTED, INSUFFICIENT)
    assert desk.state(modest) == (FILLED, 0)
    assert desk.amounts(fills) == [1]
    assert desk.free() == D("150.15")


def test_volume_share_is_floored_to_the_lot(open_desk):
    from desk import coin

    desk = open_desk(coin(lot="0.1"), USDT="10000", share="0.1")
    desk.bar("100", "100", "100", "100")
    order = desk.buy("5")
    assert desk.amounts(desk.bar("100", "100", "100", "100", volume="7.99")) == [D("0.7")]
    assert desk.state(order) == (EXPIRED, NO_VOLUME)


def test_there_is_no_market_before_the_first_price(open_desk):
    desk = open_desk(USDT="10000", AAA="1")
    for order in (desk.buy("1"), desk.sell("1")):
        assert desk.state(order) == (REJECTED, NO_PRICE)
    assert (desk.locked(), desk.locked("AAA")) == (0, 0)


def test_sells_the_lock_and_receives_cash_less_the_fee(open_desk):
    desk = open_desk(USDT="5", AAA="2")
    desk.bar("100", "100", "100", "100")
    desk.sell("1.5")
    assert (desk.free("AAA"), desk.locked("AAA")) == (D("0.5"), D("1.5"))
    desk.bar("90", "100", "10", "100")
    assert (desk.free("AAA"), desk.locked("AAA")) == (D("0.5"), 0)
    assert desk.free() == D("139.865")  # 5 + 135 - 0.135
    assert desk.position() == D("-1.5")  # what was sold was not bought here
