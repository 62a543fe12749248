"""Who comes first where orders share a bar: its volume and the account's cash go round in one fixed order."""

from desk import D, coin
from reference import EXPIRED, FILLED, INSUFFICIENT, NEW, NO_VOLUME, PARTIALLY_FILLED, REJECTED


def traded(desk):
    desk.bar("100", "100", "100", "100")
    return desk


def test_stops_then_market_orders_then_limits_each_by_price_then_entry(open_desk):
    desk = traded(open_desk(USDT="100000", AAA="100"))
    turns = {
        13: desk.buy("1", limit="97"),
        12: desk.buy("1", limit="98"),
        14: desk.buy("1", limit="97"),
        10: desk.sell("1", limit="103"),
        9: desk.sell("1", limit="102"),
        11: desk.sell("1", limit="103"),
        7: desk.buy("1"),
        8: desk.sell("1"),
        5: desk.buy("1", stop="105"),
        4: desk.buy("1", stop="104"),
        6: desk.buy("1", stop="105"),
        2: desk.sell("1", stop="95"),
        1: desk.sell("1", stop="96"),
        3: desk.sell("1", stop="95"),
    }
    fills = desk.bar("100", "110", "90", "100")
    assert [fill["order"] for fill in fills] == [turns[n] for n in range(1, 15)]
    assert desk.prices(fills) == [96, 95, 95, 104, 105, 105, 100, 100, 102, 103, 103, 98, 97, 97]


def test_limits_and_limit_makers_stand_in_one_line(open_desk):
    desk = traded(open_desk(USDT="100000"))
    last, first, second = desk.buy("1", limit="97"), desk.buy("1", maker="98"), desk.buy("1", limit="98")
    assert [fill["order"] for fill in desk.bar("100", "100", "90", "100")] == [first, second, last]


def test_all_orders_of_a_coin_share_one_bars_volume(open_desk):
    desk = traded(open_desk(USDT="100000", AAA="100", share="0.1"))
    bid = desk.buy("4", limit="99")
    ask = desk.sell("4", limit="101")
    market = desk.buy("4")
    stop = desk.sell("4", stop="95")
    fills = desk.bar("100", "110", "90", "100", volume="110")
    assert [(fill["order"], D(fill["amount"]).scaleb(-8)) for fill in fills] == [(stop, 4), (market, 4), (ask, 3)]
    assert [desk.state(order)[0] for order in (stop, market, ask, bid)] == [FILLED, FILLED, PARTIALLY_FILLED, NEW]


def test_a_stop_not_reached_takes_no_volume(open_desk):
    desk = traded(open_desk(USDT="100000", AAA="100", share="0.1"))
    stop, market = desk.sell("10", stop="80"), desk.buy("10")
    assert desk.amounts(desk.bar("100", "110", "90", "100", volume="100")) == [10]
    assert [desk.state(order)[0] for order in (stop, market)] == [NEW, FILLED]


def test_what_a_stop_sold_pays_for_a_buy_in_the_same_bar(open_desk):
    desk = traded(open_desk(USDT="100.1", AAA="1", slippage="0"))
    buy, stop = desk.buy("1"), desk.sell("1", stop="99")
    desk.bar("98", "101", "97", "100")
    assert desk.state(stop) == desk.state(buy) == (FILLED, 0)
    # 100.1 + 98 - 0.098 - 98 - 0.098
    assert desk.free() == D("99.904")
    # The other way round nothing is lent: a limit sells after the market order wanted to pay.
    desk = traded(open_desk(USDT="100.1", AAA="1"))
    buy, ask = desk.buy("1"), desk.sell("1", limit="101")
    desk.bar("102", "103", "97", "100")
    assert (desk.state(buy), desk.state(ask)) == ((REJECTED, INSUFFICIENT), (FILLED, 0))


def test_two_coins_share_the_cash_in_their_order(open_desk):
    desk = open_desk(coin("AAA"), coin("BBB"), USDT="201.2")
    desk.bars({0: ("100", "100", "100", "100", "1"), 1: ("100", "100", "100", "100", "1")})
    late, early = desk.buy("1", coin=1), desk.buy("1", coin=0)
    assert desk.free() == 1
    # Each is 0.8008 short of its lock; the cash beside the locks is enough for one of them.
    desk.bars({0: ("100.80", "101", "100", "101", "1"), 1: ("100.80", "101", "100", "101", "1")})
    assert desk.state(early) == (FILLED, 0)
    assert desk.state(late) == (REJECTED, INSUFFICIENT)
    assert (desk.free(), desk.locked()) == (D("100.2992"), 0)
    assert (desk.position(0), desk.position(1)) == (1, 0)


def test_a_coin_without_a_bar_keeps_its_orders_waiting(open_desk):
    desk = open_desk(coin("AAA"), coin("BBB"), USDT="10000")
    desk.bars({0: ("100", "100", "100", "100", "1"), 1: ("50", "50", "50", "50", "1")})
    order = desk.buy("1", coin=1)
    assert desk.bar("100", "100", "40", "100", coin=0) == []
    assert desk.state(order) == (NEW, 0)
    assert desk.prices(desk.bar("52", "52", "52", "52", coin=1)) == [52]


def test_one_coins_base_can_be_anothers_quote(open_desk):
    desk = open_desk(coin("AAA"), coin("BBB", tick="0.0001", quote="AAA"), USDT="1000", AAA="0")
    desk.bars({0: ("100", "100", "100", "100", "1"), 1: ("0.5", "0.5", "0.5", "0.5", "1")})
    assert desk.state(desk.buy("1", coin=1)) == (REJECTED, INSUFFICIENT)
    desk.buy("2", coin=0)
    desk.bar("100", "100", "100", "100")
    desk.buy("3", coin=1)
    assert (desk.free("AAA"), desk.locked("AAA")) == (D("0.4985"), D("1.5015"))
    desk.bar("0.4", "0.4", "0.4", "0.4", coin=1)
    assert (desk.free("AAA"), desk.locked("AAA"), desk.free("BBB")) == (D("0.7988"), 0, 3)
    assert (desk.position(0), desk.position(1)) == (2, 3)  # what the second coin cost is not a trade of the first


def test_the_rest_of_a_market_order_holds_its_lock_until_it_expires(open_desk):
    # 5 at 101 cost 505.505 while 5 more are still locked at 100.1 each.
    desk = traded(open_desk(USDT="1006.00499999", share="0.1"))
    order = desk.buy("10")
    assert desk.bar("101", "101", "101", "101", volume="50") == []
    assert desk.state(order) == (REJECTED, INSUFFICIENT)
    desk = traded(open_desk(USDT="1006.005", share="0.1"))
    order = desk.buy("10")
    assert desk.amounts(desk.bar("101", "101", "101", "101", volume="50")) == [5]
    assert desk.state(order) == (EXPIRED, NO_VOLUME)
    assert (desk.free(), desk.locked()) == (D("500.5"), 0)


def test_market_orders_go_by_entry_whatever_was_cancelled_before(open_desk):
    desk = traded(open_desk(USDT="100000"))
    first, *rest = (desk.buy("1") for _ in range(4))
    assert desk.cancel(first)
    assert [fill["order"] for fill in desk.bar("100", "100", "100", "100")] == rest


def test_hundreds_of_orders_can_wait_and_fill_in_one_bar(open_desk):
    desk = traded(open_desk(USDT="10000000", AAA="1000"))
    bids = [desk.buy("1", limit=str(99 - D(n) / 100)) for n in range(150)]
    asks = [desk.sell("1", limit=str(101 + D(n) / 100)) for n in range(150)]
    fills = desk.bar("100", "103", "97", "100")
    assert [fill["order"] for fill in fills] == asks + bids
    assert fills[-1]["position"] == 0
    assert (desk.locked(), desk.locked("AAA"), desk.free("AAA")) == (0, 0, 1000)
