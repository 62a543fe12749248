"""Reducing an open order: it keeps its place and what it has, gives back what it need no longer hold, and can only shrink."""

import pytest
from desk import D, coin
from reference import (
    BAD_RELATION,
    CANCELED,
    FILLED,
    LOT_SIZE,
    NEW,
    NO_ENTRY,
    NOT_LESS,
    NOTIONAL,
    PARTIALLY_FILLED,
    PENDING,
)


def traded(desk):
    desk.bar("100", "100", "100", "100")
    return desk


def test_gives_back_what_it_need_no_longer_hold(open_desk):
    desk = traded(open_desk(USDT="1000", AAA="10", maker="10", taker="20"))
    bid, ask, stop = desk.buy("5", limit="99"), desk.sell("5", limit="101"), desk.buy("2", stop="110")
    assert desk.amend(bid, "2") == desk.amend(ask, "3") == desk.amend(stop, "1") == 0
    assert desk.locked() == D("198.396") + D("110.22")  # 198 and the dearer fee, 110 and the taker's
    assert desk.free() == 1000 - desk.locked()
    assert (desk.locked("AAA"), desk.free("AAA")) == (3, 7)
    fills = desk.bar("100", "102", "98", "100")
    assert desk.amounts(fills) == [3, 2]
    assert desk.state(bid) == desk.state(ask) == (FILLED, 0)


def test_keeps_its_place(open_desk):
    desk = traded(open_desk(USDT="1000", share="0.5"))
    first, second = desk.buy("4", limit="99"), desk.buy("2", limit="99")
    assert desk.amend(first, "2") == 0
    fills = desk.bar("100", "100", "98", "100", volume="6")
    assert [(fill["order"], fill["amount"]) for fill in fills] == [(first, 2 * 10**8), (second, 10**8)]


def test_what_is_filled_stays(open_desk):
    desk = traded(open_desk(USDT="1000", share="0.5", maker="0", taker="0"))
    order = desk.buy("5", limit="99")
    desk.bar("100", "100", "98", "100", volume="4")
    assert desk.amend(order, "2") == desk.amend(order, "1") == NOT_LESS
    assert desk.amend(order, "2.00000001") == 0
    assert (desk.state(order)[0], desk.locked()) == (PARTIALLY_FILLED, D("0.00000099"))
    assert desk.amounts(desk.bar("100", "100", "98", "100")) == [D("0.00000001")]
    assert desk.state(order) == (FILLED, 0)
    assert (desk.free(), desk.locked()) == (D("801.99999901"), 0)


def test_only_a_smaller_amount_that_the_filters_let_through(open_desk):
    desk = traded(open_desk(coin(lot="0.01", least="10"), USDT="1000"))
    order = desk.buy("1", limit="50")
    for amount, code in (("1", NOT_LESS), ("1.01", NOT_LESS), ("0", NOT_LESS), ("0.5001", LOT_SIZE), ("0.19", NOTIONAL)):
        assert desk.amend(order, amount) == code
    assert (desk.locked(), desk.exchange.order(order).amount) == (D("50.05"), 10**8)
    assert desk.amend(order, "0.2") == 0


def test_its_worth_is_floored_before_it_is_measured(open_desk):
    desk = traded(open_desk(coin(least="10"), USDT="1000"))
    order = desk.buy("1", limit="50")
    assert desk.amend(order, "0.19999999") == NOTIONAL
    assert desk.amend(order, "0.2") == 0


@pytest.mark.parametrize("part", [False, True])
def test_what_has_ended_is_pending_or_one_of_two_stays_as_it_is(open_desk, part):
    desk = traded(open_desk(USDT="10000", AAA="10", share="0.5"))
    ended, market = desk.buy("1", limit="90"), desk.buy("2")
    entry = desk.buy_with_exits("1", limit="80", sl="70", target="110")
    limit, stop = desk.sell_pair("5", limit="110", stop="90")
    assert desk.cancel(ended)
    assert desk.amend(ended, "0.5") == desk.amend(entry + 1, "0.5") == NO_ENTRY
    assert desk.amend(market, "1") == desk.amend(limit, "1") == desk.amend(stop, "1") == BAD_RELATION
    assert [desk.state(order)[0] for order in (ended, market, entry + 1, limit)] == [CANCELED, NEW, PENDING, NEW]
    assert desk.amend(entry, "0.5") == 0
    if part:
        desk.bar("100", "111", "100", "100", volume="8")
        assert desk.state(market)[0] == FILLED
        assert desk.amend(market, "1") == NO_ENTRY
        assert desk.state(limit)[0] == PARTIALLY_FILLED
        assert desk.amend(limit, "3") == 0  # its other leg is gone
