"""Orders on trades and quotes: takers get the quote, resting orders their price, triggers look at trades alone."""

import pytest
from desk import D
from reference import BUY, EXPIRED, FILLED, FOK, IOC, LIMIT, NEW, PARTIALLY_FILLED, REJECTED, SELL, STOP_LIMIT, WOULD_TAKE

from engine.errors import OrderError


def trading(desk):
    desk.tick("99.99", "100", "100")
    return desk


def test_a_market_order_takes_the_quote_of_its_side(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    desk.buy("1")
    desk.sell("1")
    fills = desk.tick("98", "101")
    assert desk.prices(fills) == [101, 98]
    assert [fill["maker"] for fill in fills] == [0, 0]


def test_a_market_order_slips_from_the_quote(open_desk):
    desk = trading(open_desk(USDT="10000", slippage="100"))
    desk.buy("1")
    assert desk.prices(desk.tick("99", "101")) == [D("102.01")]


@pytest.mark.parametrize(("side", "limit", "price"), [(BUY, "101", "100.5"), (SELL, "99", "100")])
def test_a_new_limit_that_the_quotes_meet_takes_them(open_desk, side, limit, price):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    desk.place(side, "1", limit=limit)
    (fill,) = desk.tick("100", "100.5")
    assert desk.prices([fill]) == [D(price)]
    assert fill["maker"] == 0


def test_a_new_limit_at_the_quote_takes_though_a_bar_would_need_a_trade_through_it(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", limit="100.5")
    assert desk.prices(desk.tick("100", "100.5")) == [D("100.5")]


def test_a_resting_limit_fills_at_its_own_price_however_far_the_trade_went(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10", maker="2", taker="20"))
    bid, ask = desk.buy("1", limit="95"), desk.sell("1", limit="105")
    assert desk.tick("99", "100") == []
    (fill,) = desk.tick("89.99", "90", "90")
    assert desk.prices([fill]) == [95]
    assert (fill["maker"], desk.fees([fill])) == (1, [D("0.019")])
    assert desk.prices(desk.tick("110", "110.01", "110")) == [105]
    assert desk.state(bid) == desk.state(ask) == (FILLED, 0)


@pytest.mark.parametrize("touch", [False, True])
def test_a_resting_limit_needs_a_trade_through_it_unless_a_touch_is_enough(open_desk, touch):
    desk = trading(open_desk(USDT="10000", touch=touch))
    desk.buy("1", limit="95")
    desk.tick("99", "100")
    assert len(desk.tick("95", "95.01", "95")) == touch
    assert len(desk.tick("94.98", "94.99", "94.99")) == 1 - touch


def test_quotes_that_pass_a_resting_limit_fill_it_at_its_price(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", limit="95")
    desk.sell("1", limit="105")
    desk.tick("99", "100")
    assert desk.tick("94", "95") == []
    assert desk.prices(desk.tick("93", "94.99")) == [95]
    assert desk.tick("105", "106") == []
    assert desk.prices(desk.tick("105.01", "106")) == [105]


def test_a_jump_to_beyond_a_resting_limit_fills_it_where_the_market_came_to(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", limit="95")
    desk.tick("99", "100")
    assert desk.prices(desk.tick("89.99", "90", "90", jump=True)) == [90]


def test_quotes_set_off_no_trigger(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    up, down = desk.buy("1", stop="105"), desk.sell("1", stop="95")
    assert desk.tick("110", "111") == desk.tick("89", "90") == []
    assert desk.state(up) == desk.state(down) == (NEW, 0)


def test_a_trade_beyond_a_stop_sets_it_off_and_it_takes_the_quote(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", stop="105")
    desk.sell("1", stop="95")
    assert desk.prices(desk.tick("105.9", "106.1", "106")) == [D("106.1")]
    assert desk.prices(desk.tick("93.9", "94.1", "94")) == [D("93.9")]


def test_a_stop_passed_on_the_way_fills_at_its_price(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    desk.buy("1", stop="105")
    desk.sell("1", stop="95")
    assert desk.prices(desk.tick("109.99", "110", "110", since="100")) == [105]
    assert desk.prices(desk.tick("90", "90.01", "90", since="110")) == [95]


def test_a_stop_limit_rests_once_it_is_set_off_and_the_quote_is_beyond_it(open_desk):
    desk = trading(open_desk(USDT="10000", AAA="10"))
    order = desk.place(BUY, "1", kind=STOP_LIMIT, limit="105.5", stop="105")
    assert desk.tick("106", "107", "106.5") == []
    assert desk.state(order) == (NEW, 0)
    (fill,) = desk.tick("105", "105.4", "105.4")
    assert (desk.prices([fill]), fill["maker"]) == ([D("105.5")], 1)


def test_a_maker_order_the_quotes_meet_is_refused(open_desk):
    desk = trading(open_desk(USDT="10000"))
    order = desk.buy("1", maker="99.99")
    desk.tick("99", "99.5")
    assert desk.state(order) == (REJECTED, WOULD_TAKE)


@pytest.mark.parametrize(("tif", "filled"), [(IOC, "3"), (FOK, "0")])
def test_what_must_be_had_at_once_takes_the_quote_within_the_volume_or_ends(open_desk, tif, filled):
    desk = trading(open_desk(USDT="10000", share="1"))
    order = desk.place(BUY, "5", kind=LIMIT, limit="101", tif=tif)
    away = desk.place(BUY, "1", kind=LIMIT, limit="100", tif=tif)
    desk.tick("100.4", "100.5", "100.5", volume="3")
    assert desk.filled(order) == D(filled)
    assert desk.state(order)[0] == EXPIRED
    assert desk.state(away)[0] == EXPIRED


def test_orders_share_a_trade_s_volume_and_the_rest_waits(open_desk):
    desk = trading(open_desk(USDT="10000", share="0.5"))
    first, second = desk.buy("2", limit="96"), desk.buy("2", limit="95")
    desk.tick("99", "100")
    fills = desk.tick("89.99", "90", "90", volume="6")
    assert desk.amounts(fills) == [2, 1]
    assert (desk.state(first)[0], desk.state(second)[0]) == (FILLED, PARTIALLY_FILLED)


def test_a_trailing_stop_follows_trades_and_not_quotes(open_desk):
    desk = trading(open_desk(AAA="10"))
    order = desk.sell("1", kind=3, trail=1000)
    assert desk.stop(order) == 90
    desk.tick("150", "151")
    assert desk.stop(order) == 90
    desk.tick("119", "120", "120")
    assert desk.stop(order) == 108
    assert desk.prices(desk.tick("107", "108", "108")) == [107]


def test_the_first_leg_of_a_pair_to_be_reached_ends_the_other(open_desk):
    desk = trading(open_desk(AAA="10"))
    limit, stop = desk.sell_pair("1", "110", "90")
    desk.tick("99", "100")
    assert desk.prices(desk.tick("110", "111", "111", since="100")) == [110]
    assert (desk.state(limit)[0], desk.state(stop)[0]) == (FILLED, EXPIRED)


def test_an_order_does_not_act_at_the_tick_it_was_placed_at(open_desk):
    desk = trading(open_desk(USDT="10000"))
    desk.buy("1")
    desk.exchange.on_tick(0, desk.step, 0, 10**10, 10**10 + 10**6)
    assert desk.exchange.n_fills == 0


def test_quotes_that_cross_are_refused():
    from engine.exchange import Exchange
    from tests.worlds import instrument

    exchange = Exchange([instrument("AAAUSDT")], {})
    for bid, ask in ((100, 100), (101, 100), (0, 100), (-1, 5)):
        with pytest.raises(OrderError, match="no quotes"):
            exchange.on_tick(0, 0, 0, bid, ask)
