"""Limit and limit-maker orders on bars: filled when the market trades through them, never better than it offered."""

import pytest
from desk import D
from reference import BUY, CANCELED, EXPIRED, FILLED, INSUFFICIENT, NEW, PARTIALLY_FILLED, REJECTED, SELL, WOULD_TAKE

FLAT = ("100", "100", "100", "100")


def traded(desk):
    """The desk after a first bar, so that there is a mark of 100."""
    desk.bar(*FLAT)
    return desk


def test_a_touch_does_not_fill(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    bid, ask = desk.buy("1", limit="99"), desk.sell("1", limit="101")
    assert desk.bar("100", "101", "99", "100") == []
    assert desk.state(bid) == desk.state(ask) == (NEW, 0)


def test_a_touch_fills_where_it_is_asked_for(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10", touch=True))
    desk.buy("1", limit="99")
    desk.sell("1", limit="101")
    assert desk.bar("100", "100.99999999", "99.00000001", "100") == []
    assert desk.prices(desk.bar("100", "101", "99", "100")) == [101, 99]


def test_trading_through_fills_at_the_limit_not_at_the_extreme(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", limit="99")
    desk.sell("1", limit="101")
    assert desk.prices(desk.bar("100", "101.00000001", "98.99999999", "100")) == [101, 99]


def test_through_by_far_is_still_the_limit(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", limit="99")
    desk.sell("1", limit="101")
    assert desk.prices(desk.bar("100", "150", "50", "100")) == [101, 99]


@pytest.mark.parametrize(("side", "limit", "open_"), [(BUY, "99", "95"), (SELL, "101", "105")])
def test_a_bar_that_opens_beyond_fills_at_its_open(open_desk, side, limit, open_):
    desk = traded(open_desk(USDT="10000", AAA="10", maker="2", taker="20"))
    desk.place(side, "1", limit=limit)
    desk.bar(*FLAT)
    fills = desk.bar(open_, "110", "90", "100")
    assert desk.prices(fills) == [D(open_)]
    assert fills[0]["maker"] == 1  # it rested when the market came to it
    assert desk.fees(fills) == [D(open_) * D("0.0002")]


@pytest.mark.parametrize(("side", "limit"), [(BUY, "101"), (SELL, "99")])
def test_meeting_the_market_on_arrival_takes(open_desk, side, limit):
    desk = traded(open_desk(USDT="10000", AAA="10", maker="2", taker="20"))
    desk.place(side, "1", limit=limit)
    fills = desk.bar("100", "101", "99", "100")
    assert desk.prices(fills) == [100]
    assert fills[0]["maker"] == 0
    assert desk.fees(fills) == [D("0.2")]


@pytest.mark.parametrize(("side", "limit"), [(BUY, "99"), (SELL, "101")])
def test_reached_within_the_first_bar_makes(open_desk, side, limit):
    desk = traded(open_desk(USDT="10000", AAA="10", maker="2", taker="20"))
    desk.place(side, "1", limit=limit)
    fills = desk.bar("100", "110", "90", "100")
    assert fills[0]["maker"] == 1
    assert desk.fees(fills) == [D(limit) * D("0.0002")]


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("touch", [False, True])
def test_opening_exactly_at_the_price_on_arrival(open_desk, side, touch):
    desk = traded(open_desk(USDT="10000", AAA="10", touch=touch))
    order = desk.place(side, "1", limit="100")
    fills = desk.bar("100", "100", "100", "100")
    if touch:
        assert (desk.prices(fills), fills[0]["maker"]) == ([100], 0)
    else:
        # Nobody traded through it; the arrival is over all the same, and the next bar finds it resting.
        assert (fills, desk.state(order)) == ([], (NEW, 0))
        fills = desk.bar("100", "101", "99", "100")
        assert (desk.prices(fills), fills[0]["maker"]) == ([100], 1)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_opening_at_the_price_and_trading_through_takes(open_desk, side):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    desk.place(side, "1", limit="100")
    fills = desk.bar("100", "101", "99", "100")
    assert (desk.prices(fills), fills[0]["maker"]) == ([100], 0)


def test_a_bar_without_volume_is_no_arrival(open_desk):
    desk = traded(open_desk(USDT="10000"))
    desk.buy("1", limit="101")
    assert desk.bar("90", "90", "90", "90", volume="0") == []
    fills = desk.bar("100", "100", "100", "100")
    assert (desk.prices(fills), fills[0]["maker"]) == ([100], 0)


def test_a_bar_of_the_same_step_is_no_arrival(open_desk):
    desk = traded(open_desk(USDT="10000"))
    order = desk.buy("1", maker="99")
    assert desk.same_step(0, "98", "98", "98", "98") == []
    assert desk.state(order) == (NEW, 0)
    assert desk.prices(desk.bar("100", "100", "98", "100")) == [99]


def test_arrival_is_over_even_when_no_volume_was_left(open_desk):
    desk = traded(open_desk(USDT="10000", share="0.5"))
    desk.buy("2")
    desk.buy("1", limit="101")
    assert len(desk.bar("100", "100", "100", "100", volume="4")) == 1  # the market order takes all that is shared
    fills = desk.bar("100", "100", "100", "100", volume="4")
    assert (desk.prices(fills), fills[0]["maker"]) == ([100], 1)


@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("open_", ["100", "beyond"])
def test_a_limit_maker_that_would_take_on_arrival_is_rejected(open_desk, side, open_):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    limit, beyond = ("99", "98.5") if side == BUY else ("101", "101.5")
    order = desk.place(side, "1", maker=limit)
    assert desk.bar(limit if open_ == "100" else beyond, "110", "90", "100") == []
    assert desk.state(order) == (REJECTED, WOULD_TAKE)
    assert (desk.free(), desk.locked(), desk.free("AAA"), desk.locked("AAA")) == (10000, 0, 10, 0)


@pytest.mark.parametrize(("side", "limit", "beyond"), [(BUY, "99", "97"), (SELL, "101", "103")])
def test_a_limit_maker_that_rested_fills_as_a_limit(open_desk, side, limit, beyond):
    desk = traded(open_desk(USDT="10000", AAA="10", maker="2", taker="20"))
    order = desk.place(side, "1", maker=limit)
    assert desk.bar(*FLAT) == []
    fills = desk.bar(beyond, "110", "90", "100")
    assert (desk.prices(fills), fills[0]["maker"]) == ([D(beyond)], 1)
    assert desk.state(order) == (FILLED, 0)


@pytest.mark.parametrize(("side", "limit"), [(BUY, "99"), (SELL, "101")])
def test_a_limit_maker_reached_within_its_first_bar_makes(open_desk, side, limit):
    desk = traded(open_desk(USDT="10000", AAA="10", maker="2", taker="20"))
    desk.place(side, "1", maker=limit)
    fills = desk.bar("100", "110", "90", "100")
    assert (desk.prices(fills), fills[0]["maker"]) == ([D(limit)], 1)


def test_the_rest_of_a_limit_waits_with_the_lock_it_needs(open_desk):
    desk = traded(open_desk(USDT="10000", share="0.5", maker="10", taker="20"))
    order = desk.buy("5", limit="99")
    assert desk.locked() == D("495.99")  # 495 and the dearer fee
    fills = desk.bar("100", "100", "98", "100", volume="4")
    assert desk.amounts(fills) == [2]
    assert desk.state(order) == (PARTIALLY_FILLED, 0)
    assert desk.locked() == D("297.594")  # 3 * 99 * 1.002
    assert desk.free() == D("10000") - D("198.198") - D("297.594")
    assert desk.amounts(desk.bar("100", "100", "98", "100", volume="40")) == [3]
    assert (desk.state(order), desk.locked()) == ((FILLED, 0), 0)
    assert desk.free() == D("10000") - D("495.495")


def test_a_partly_filled_limit_gives_back_the_rest_when_cancelled(open_desk):
    desk = traded(open_desk(USDT="1000", AAA="7", share="0.5"))
    bid, ask = desk.buy("5", limit="99"), desk.sell("7", limit="110")
    desk.bar("100", "100", "98", "100", volume="4")
    assert desk.cancel(bid)
    assert desk.state(bid) == (CANCELED, 0)
    assert (desk.free(), desk.locked()) == (D("801.802"), 0)
    assert (desk.free("AAA"), desk.locked("AAA")) == (2, 7)
    assert desk.cancel(ask)
    assert (desk.free("AAA"), desk.locked("AAA")) == (9, 0)
    assert desk.bar("100", "200", "10", "100") == []


def test_a_better_price_gives_back_what_was_locked_too_much(open_desk):
    desk = traded(open_desk(USDT="99.099"))
    desk.buy("1", limit="99")
    assert desk.free() == 0
    desk.bar("90", "100", "90", "100")
    assert (desk.free(), desk.locked()) == (D("9.009"), 0)


def test_a_limit_does_not_slip(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10", slippage="50"))
    desk.buy("1", limit="99")
    desk.sell("1", limit="101")
    assert desk.prices(desk.bar("100", "102", "98", "100")) == [101, 99]


def test_a_limit_buy_is_always_paid_by_its_own_lock(open_desk):
    desk = traded(open_desk(USDT="99.1980", maker="20", taker="10"))
    desk.buy("1", limit="99")
    assert desk.free() == 0
    assert len(desk.bar("100", "100", "98", "100")) == 1
    assert (desk.free(), desk.locked()) == (0, 0)


def test_rounded_up_fees_of_many_small_fills_are_the_accounts_to_pay(open_desk):
    # 2000 units at a price of 1 lock a fee of 2; in two parts they cost 1 for 999 and 2 for 1001.
    for cash, status, refusal, filled in (("2002", REJECTED, INSUFFICIENT, 0), ("2003", PARTIALLY_FILLED, 0, 999)):
        desk = traded(open_desk(USDT=str(D(cash).scaleb(-8)), share="1"))
        order = desk.buy("0.00002", limit="1")
        desk.bar("1.5", "2", "0.5", "1", volume="0.00000999")
        assert desk.state(order) == (status, refusal)
        assert desk.filled(order) == D(filled).scaleb(-8)
    assert (desk.free(), desk.locked()) == (0, D("0.00001003"))


def test_a_partly_filled_order_short_of_cash_keeps_its_fills_and_expires(open_desk):
    desk = traded(open_desk(USDT="0.00002002", share="1"))
    order = desk.buy("0.00002", limit="1")
    desk.bar("1.5", "2", "0.5", "1", volume="0.00001")  # 1000 and 1, as locked
    assert desk.state(order) == (PARTIALLY_FILLED, 0)
    assert desk.bar("1.5", "2", "0.5", "1", volume="0.00000999") == []  # 999 and 1, and 1 and 1 to come: one too many
    assert desk.state(order) == (EXPIRED, INSUFFICIENT)
    assert desk.filled(order) == desk.free("AAA") == D("0.00001")
    assert (desk.free(), desk.locked()) == (D("0.00001001"), 0)
