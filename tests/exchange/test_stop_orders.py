"""Stop orders on bars: triggered when the bar reaches them, filled at the stop or at a worse open, as takers."""

import pytest
from desk import D
from reference import BUY, EXPIRED, FILLED, INSUFFICIENT, NEW, NO_VOLUME, REJECTED, SELL


def traded(desk):
    desk.bar("100", "100", "100", "100")
    return desk


def test_waits_until_the_bar_reaches_it(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    up, down = desk.buy("1", stop="105"), desk.sell("1", stop="95")
    assert desk.bar("100", "104.99999999", "95.00000001", "95.01") == []
    assert desk.state(up) == desk.state(down) == (NEW, 0)


def test_a_touch_triggers_and_fills_at_the_stop(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10", maker="2", taker="20"))
    desk.buy("1", stop="105")
    desk.sell("1", stop="95")
    fills = desk.bar("100", "105", "95", "100")
    assert desk.prices(fills) == [95, 105]
    assert [fill["maker"] for fill in fills] == [0, 0]
    assert desk.fees(fills) == [D("0.19"), D("0.21")]


def test_fills_at_the_stop_however_far_the_bar_went(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", stop="105")
    desk.sell("1", stop="95")
    assert desk.prices(desk.bar("100", "150", "50", "120")) == [95, 105]


@pytest.mark.parametrize(("side", "stop", "open_"), [(BUY, "105", "107"), (SELL, "95", "93")])
def test_a_gap_beyond_the_stop_fills_at_the_open(open_desk, side, stop, open_):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    desk.place(side, "1", stop=stop)
    assert desk.prices(desk.bar(open_, "120", "80", "100")) == [D(open_)]


@pytest.mark.parametrize(("side", "stop"), [(BUY, "105"), (SELL, "95")])
def test_opening_exactly_at_the_stop_fills_there(open_desk, side, stop):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    desk.place(side, "1", stop=stop)
    assert desk.prices(desk.bar(stop, stop, stop, stop)) == [D(stop)]


def test_a_bar_without_volume_triggers_nothing(open_desk):
    desk = traded(open_desk(USDT="10000", AAA="10"))
    order = desk.sell("1", stop="95")
    assert desk.bar("90", "90", "90", "90", volume="0") == []
    assert desk.state(order) == (NEW, 0)
    assert desk.prices(desk.bar("96", "97", "94", "96")) == [95]


def test_does_not_trigger_on_a_bar_of_the_step_it_was_placed_at(open_desk):
    desk = traded(open_desk(AAA="10"))
    order = desk.sell("1", stop="95")
    assert desk.same_step(0, "94", "94", "94", "94") == []
    assert desk.state(order) == (NEW, 0)


@pytest.mark.parametrize(
    ("side", "stop", "open_", "paid"),
    [
        (BUY, "105", "100", "105.06"),  # 105 + 0.0525 up to the tick
        (BUY, "105", "107", "107.06"),  # 107 + 0.0535
        (SELL, "95", "100", "94.95"),  # 95 - 0.0475 down to the tick
        (SELL, "95", "93", "92.95"),
    ],
)
def test_slippage_comes_on_top_of_stop_or_gap(open_desk, side, stop, open_, paid):
    desk = traded(open_desk(USDT="10000", AAA="10", slippage="5"))
    desk.place(side, "1", stop=stop)
    assert desk.prices(desk.bar(open_, "120", "80", "100")) == [D(paid)]


def test_locks_at_the_stop_and_is_rejected_where_a_gap_costs_more(open_desk):
    desk = traded(open_desk(USDT="105.105"))
    order = desk.buy("1", stop="105")
    assert (desk.free(), desk.locked()) == (0, D("105.105"))
    assert desk.bar("105.01", "110", "100", "108") == []
    assert desk.state(order) == (REJECTED, INSUFFICIENT)
    assert (desk.free(), desk.locked(), desk.free("AAA")) == (D("105.105"), 0, 0)


def test_the_rest_of_a_triggered_stop_expires(open_desk):
    desk = traded(open_desk(AAA="10", share="0.1"))
    order = desk.sell("10", stop="95")
    assert desk.bar("100", "100", "96", "96", volume="30") == []
    assert desk.state(order) == (NEW, 0)
    fills = desk.bar("96", "96", "94", "94", volume="30")
    assert (desk.amounts(fills), desk.prices(fills)) == ([3], [95])
    assert desk.state(order) == (EXPIRED, NO_VOLUME)
    assert (desk.free("AAA"), desk.locked("AAA")) == (7, 0)


def test_a_stop_can_close_what_a_limit_opened_in_the_bar_before(open_desk):
    desk = traded(open_desk(USDT="10000"))
    desk.buy("1", limit="99")
    desk.bar("100", "100", "98", "98.5")
    order = desk.sell("1", stop="97")
    fills = desk.bar("98", "98", "90", "91")
    assert (desk.prices(fills), desk.state(order), desk.position()) == ([97], (FILLED, 0), 0)
