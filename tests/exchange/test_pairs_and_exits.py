"""Pairs, attached exits, trailing stops and orders of one moment: bars on which a careless engine would cheat."""

from decimal import Decimal

import flows
import pair
import pytest
from reference import (
    BAD_RELATION,
    CANCELED,
    EXPIRED,
    FILLED,
    FOK,
    IOC,
    LIMIT,
    NEW,
    NO_ENTRY,
    NOT_AT_ONCE,
    OTHER_LEG,
    PENDING,
    PRICE_FILTER,
    REJECTED,
    SELL,
    STOP,
    STOP_LIMIT,
    STOPS,
    TAKE_PROFIT,
    TAKE_PROFIT_LIMIT,
    WOULD_TRIGGER,
)

from engine.exchange import Exit

D = Decimal
UP, FLAT = ("100", "101", "99", "100"), ("100", "100", "100", "100")


@pytest.fixture
def desk(open_desk):
    """An account with 10 coins and 10,000 USDT, no fees, the last price 100."""
    opened = open_desk(maker="0", taker="0", USDT="10000", AAA="10")
    opened.bar(*FLAT)
    return opened


# stop-limit and take-profit


@pytest.mark.parametrize(
    ("side", "kind", "stop", "limit", "bar", "price"),
    [
        (SELL, STOP_LIMIT, "95", "94", ("100", "100", "90", "92"), "95"),  # set off inside: at its stop
        (SELL, STOP_LIMIT, "95", "94", ("94.5", "96", "90", "92"), "94.5"),  # opened beyond, within the limit: at the open
        (SELL, STOP_LIMIT, "95", "94", ("92", "93", "90", "92"), None),  # opened beyond the limit: it rests
        (SELL, STOP_LIMIT, "95", "94", ("92", "96", "90", "92"), "94"),  # ... and sells when the price comes back
        (SELL, STOP_LIMIT, "95", "96", ("100", "100", "90", "92"), None),  # the 100 before it fell is of no use
        (SELL, TAKE_PROFIT, "105", None, ("100", "110", "99", "108"), "105"),
        (SELL, TAKE_PROFIT, "105", None, ("107", "110", "99", "108"), "107"),
        (SELL, TAKE_PROFIT_LIMIT, "105", "104", ("100", "110", "99", "108"), "105"),
        (SELL, TAKE_PROFIT_LIMIT, "105", "106", ("100", "110", "99", "108"), None),  # only from the next bar on
        (-SELL, STOP_LIMIT, "105", "106", ("100", "110", "99", "108"), "105"),
        (-SELL, STOP_LIMIT, "105", "104", ("100", "110", "99", "108"), None),
        (-SELL, TAKE_PROFIT, "95", None, ("100", "101", "90", "92"), "95"),
        (-SELL, TAKE_PROFIT_LIMIT, "95", "96", ("94", "101", "90", "92"), "94"),
    ],
)
def test_once_set_off_it_is_a_limit_or_market_order(desk, side, kind, stop, limit, bar, price):
    order = desk.place(side, "1", kind=kind, stop=stop, limit=limit)
    assert desk.prices(desk.bar(*bar)) == ([D(price)] if price else [])
    assert desk.state(order)[0] == (FILLED if price else NEW)


def test_slippage_never_takes_a_stop_limit_beyond_its_limit(open_desk):
    desk = open_desk(maker="0", taker="0", slippage="200", AAA="2")
    desk.bar(*FLAT)
    desk.sell("1", kind=STOP_LIMIT, stop="95", limit="94")
    desk.sell("1", kind=STOP_LIMIT, stop="95", limit="90")
    assert desk.prices(desk.bar("100", "100", "90", "92")) == [D("94"), D("93.1")]


@pytest.mark.parametrize(
    ("kind", "stop"), [(TAKE_PROFIT, "100"), (TAKE_PROFIT, "99"), (STOP_LIMIT, "100"), (STOP_LIMIT, "101")]
)
def test_a_trigger_must_lie_ahead_of_the_market(desk, kind, stop):
    assert desk.state(desk.sell("1", kind=kind, stop=stop, limit="90")) == (REJECTED, WOULD_TRIGGER)


# at once


def test_an_ioc_takes_the_open_and_nothing_later(desk):
    later = desk.buy("1", limit="99", tif=IOC)
    assert desk.bar("100", "101", "90", "95") == []  # it traded through 99, but not when the order came
    assert desk.state(later) == (EXPIRED, NOT_AT_ONCE)
    desk.buy("1", limit="96", tif=IOC)
    assert desk.prices(desk.bar("95", "101", "94", "95")) == [D("95")]


def test_what_an_ioc_cannot_have_expires_and_a_fok_has_all_or_nothing(open_desk):
    desk = open_desk(maker="0", taker="0", share="0.1", USDT="10000")
    desk.bar(*FLAT)
    some, none = desk.buy("3", limit="101", tif=IOC), desk.buy("3", limit="101", tif=FOK)
    assert desk.amounts(desk.bar(*FLAT, volume="20")) == [D(2)]
    assert desk.state(some) == desk.state(none) == (EXPIRED, NOT_AT_ONCE)
    short = desk.buy("3", limit="101", tif=FOK)
    assert desk.bar(*FLAT, volume="29.9999999") == []
    assert desk.state(short) == (EXPIRED, NOT_AT_ONCE)
    whole = desk.buy("3", limit="101", tif=FOK)
    assert desk.amounts(desk.bar(*FLAT, volume="30")) == [D(3)]
    assert desk.state(whole)[0] == FILLED


# trailing


def test_a_trailing_stop_follows_closed_bars_and_never_falls_back(desk):
    order = desk.sell("1", kind=STOP, trail=1000)
    stops = []
    for high, low in (("110", "100"), ("120", "109"), ("115", "109")):
        assert desk.bar("110", high, low, "110") == []
        stops.append(desk.stop(order))
    assert stops == [D("99"), D("108"), D("108")]
    assert desk.prices(desk.bar("110", "111", "107", "108")) == [D("108")]


def test_a_trailing_stop_does_not_know_this_bar_s_high(desk):
    desk.sell("1", kind=STOP, trail=1000)
    # 150 came first or 134 did, nobody knows: the stop stands at 90 for all of this bar
    assert desk.bar("100", "150", "91", "149") == []
    assert desk.prices(desk.bar("149", "150", "134", "140")) == [D("135")]


def test_a_trailing_buy_waits_for_the_rise_from_the_lowest(desk):
    order = desk.buy("1", kind=STOP, trail=1000)
    assert desk.bar("100", "101", "80", "85") == []
    assert desk.stop(order) == D("88")
    assert desk.prices(desk.bar("85", "90", "84", "89")) == [D("88")]


def test_a_bar_without_volume_is_not_followed(desk):
    order = desk.sell("1", kind=STOP, trail=1000)
    desk.bar("100", "200", "100", "200", volume="0")
    assert desk.stop(order) == D("90")


# pairs


def test_a_pair_locks_once_and_ends_together(desk):
    limit, stop = desk.sell_pair("10", limit="110", stop="90")
    assert (desk.locked("AAA"), desk.free("AAA")) == (10, 0)
    assert desk.prices(desk.bar("100", "111", "95", "105")) == [D("110")]
    assert desk.state(limit)[0] == FILLED
    assert desk.state(stop) == (EXPIRED, OTHER_LEG)
    assert (desk.locked("AAA"), desk.free("AAA")) == (0, 0)


def test_cancelling_one_leg_cancels_both(desk):
    limit, stop = desk.sell_pair("10", limit="110", stop="90")
    assert desk.cancel(stop)
    assert desk.state(limit)[0] == desk.state(stop)[0] == CANCELED
    assert not desk.cancel(limit)
    assert desk.free("AAA") == 10


@pytest.mark.parametrize(
    ("bar", "price", "ambiguous"),
    [
        (("100", "111", "89", "100"), "90", 1),  # both within: the worse, and it is said
        (("112", "113", "89", "100"), "112", 0),  # the open alone reaches the limit
        (("88", "111", "87", "100"), "88", 0),  # the open alone reaches the stop
        (("100", "110", "89", "100"), "90", 0),  # a touch is no fill, so nothing was in doubt
    ],
)
def test_of_a_pair_within_one_bar_the_worse(desk, bar, price, ambiguous):
    desk.sell_pair("10", limit="110", stop="90")
    desk.bar(*UP)  # a limit-maker order that has met the market
    assert desk.prices(desk.bar(*bar)) == [D(price)]
    assert desk.exchange.ambiguous_bars == ambiguous


@pytest.mark.parametrize("touch", [False, True])
def test_a_touch_of_a_pairs_limit_is_in_doubt_only_where_it_would_fill(open_desk, touch):
    for place, limit, stop, bar in (("sell_pair", "110", "90", "110 89"), ("buy_pair", "90", "110", "111 90")):
        desk = open_desk(maker="0", taker="0", touch=touch, USDT="10000", AAA="10")
        desk.bar(*FLAT)
        getattr(desk, place)("1", limit=limit, stop=stop)
        desk.bar(*UP)
        assert desk.prices(desk.bar("100", *bar.split(), "100")) == [D(stop)]
        assert desk.exchange.ambiguous_bars == touch


def test_a_pair_to_buy_holds_what_the_dearer_leg_needs(desk):
    desk.buy_pair("10", limit="90", stop="110")
    assert desk.locked() == 1100
    desk.bar(*UP)
    assert desk.prices(desk.bar("100", "101", "89", "90")) == [D("90")]
    assert (desk.locked(), desk.free()) == (0, 9100)


def test_of_a_pair_that_cannot_be_neither_stands(desk):
    limit, stop = desk.sell_pair("11", limit="110", stop="90")
    assert desk.state(limit) == desk.state(stop)
    assert desk.state(limit)[0] == REJECTED
    assert desk.locked("AAA") == 0


def test_the_limit_of_a_pair_lies_on_the_other_side_of_its_stop(open_desk):
    desk = open_desk(USDT="10000", AAA="10")
    # before the first price nothing else tells a limit from a stop
    for place, limits in ((desk.sell_pair, ("100", "99.99")), (desk.buy_pair, ("100", "100.01"))):
        for limit in limits:
            assert [desk.state(leg) for leg in place("1", limit=limit, stop="100")] == [(REJECTED, BAD_RELATION)] * 2
    assert [desk.state(leg)[0] for leg in desk.sell_pair("1", limit="100.01", stop="100")] == [NEW] * 2
    assert [desk.state(leg)[0] for leg in desk.buy_pair("1", limit="99.99", stop="100")] == [NEW] * 2


def test_a_leg_that_rests_once_it_is_set_off_holds_what_it_needs_itself(open_desk):
    desk = open_desk(maker="0", taker="0", USDT="10000")
    desk.bar(*FLAT)
    limit, stop = desk.exchange.place_pair(0, 1, 10**8, 98 * 10**8, 101 * 10**8, *desk.now(), stop_limit=90 * 10**8)
    assert desk.locked() == 98
    assert desk.bar("100", "102", "99", "100") == []  # set off, and far above what it would pay
    assert (desk.state(limit), desk.state(stop)) == ((EXPIRED, OTHER_LEG), (NEW, 0))
    assert (desk.locked(), desk.free()) == (90, 9910)
    assert desk.prices(desk.bar("100", "100", "89", "90")) == [90]


# exits


@pytest.mark.parametrize(
    ("exit", "refusal"),
    [
        (Exit(STOP, stop=9999 * 10**6), 0),
        (Exit(STOP, stop=100 * 10**8), BAD_RELATION),
        (Exit(STOP, stop=0), PRICE_FILTER),
        (Exit(STOP, stop=-(10**8)), PRICE_FILTER),
        (Exit(STOP, stop=90 * 10**8 + 1), PRICE_FILTER),
        (Exit(STOP_LIMIT, stop=90 * 10**8, price=80 * 10**8), 0),
        (Exit(STOP_LIMIT, stop=90 * 10**8, price=0), PRICE_FILTER),
        (Exit(STOP_LIMIT, stop=90 * 10**8, price=80 * 10**8 + 1), PRICE_FILTER),
        (Exit(LIMIT, price=10001 * 10**6), 0),
        (Exit(LIMIT, price=100 * 10**8), BAD_RELATION),
        (Exit(LIMIT, price=0), PRICE_FILTER),
    ],
)
def test_an_exit_lies_on_its_side_of_the_entry_and_on_the_tick(desk, exit, refusal):
    entry = desk.exchange.place_with_exits(0, 0, 10**8, 0, 0, (exit,), *desk.now())
    assert desk.state(entry) == ((REJECTED, refusal) if refusal else (NEW, 0))
    assert desk.state(entry + 1) == ((REJECTED, refusal) if refusal else (PENDING, 0))
    assert desk.locked() == (0 if refusal else 100)


def test_exits_trail_from_the_entrys_price(desk):
    entry = desk.exchange.place_with_exits(0, 0, 10**8, 0, 0, (Exit(STOP, trail=1000),), *desk.now())
    assert desk.stop(entry + 1) == 90
    desk.bar("110", "111", "109", "110")
    assert desk.stop(entry + 1) == 99
    assert desk.prices(desk.bar("110", "110", "98", "100")) == [99]


def test_of_two_pending_exits_one_can_be_cancelled(desk):
    entry = desk.buy_with_exits("1", sl="90", target="110")
    assert desk.cancel(entry + 1)
    assert not desk.cancel(entry + 1)
    desk.bar(*UP)
    assert [desk.state(entry + n) for n in (1, 2)] == [(CANCELED, 0), (NEW, 0)]
    assert desk.locked("AAA") == 1
    assert desk.prices(desk.bar("100", "112", "80", "111")) == [110]


def test_exits_wait_for_the_entry_and_sell_what_it_brought(open_desk):
    desk = open_desk(coin_of(lot="0.01"), maker="0", taker="100", fee_asset="received", USDT="1000")
    desk.bar(*FLAT)
    entry = desk.buy_with_exits("1", sl="90", target="110")
    assert [desk.state(entry + n)[0] for n in (1, 2)] == [PENDING, PENDING]
    desk.bar(*UP)
    assert desk.position() == D("0.99")
    assert [desk.exchange.order(entry + n).amount for n in (1, 2)] == [99_000_000] * 2
    assert desk.locked("AAA") == D("0.99")
    assert desk.prices(desk.bar("100", "112", "99", "111")) == [D("110")]
    assert desk.position() == 0


def coin_of(**how):
    from desk import coin

    return coin(**how)


@pytest.mark.parametrize(
    ("bar", "prices", "ambiguous"),
    [
        (("100", "101", "89", "95"), ["100", "90"], 0),  # in at the open, stopped within the bar
        (("100", "112", "95", "105"), ["100", "110"], 0),  # ... or out at its target
        (("100", "112", "89", "95"), ["100", "90"], 1),  # both: the worse, and it is said
        (("89", "95", "88", "90"), ["89", "89"], 0),  # the market opened below the stop already
    ],
)
def test_exits_live_in_the_bar_of_an_entry_at_the_open(desk, bar, prices, ambiguous):
    desk.buy_with_exits("1", sl="90", target="110")
    assert desk.prices(desk.bar(*bar)) == list(map(D, prices))
    assert desk.exchange.ambiguous_bars == ambiguous


@pytest.mark.parametrize(
    ("how", "bar", "prices", "ambiguous"),
    [
        # a limit at 95: the fall through it went on to the stop
        ({"limit": "95"}, ("100", "101", "89", "92"), ["95", "90"], 0),
        # the bar's high may have been before: no target on this bar
        ({"limit": "95"}, ("100", "112", "94", "111"), ["95"], 0),
        # a stop at 105: the low may have been before; the worse is taken, and it is said
        ({"stop": "105"}, ("100", "106", "89", "104"), ["105", "90"], 1),
        ({"stop": "105"}, ("100", "112", "99", "111"), ["105"], 0),
    ],
)
def test_after_an_entry_inside_a_bar_only_the_stop_can_act(desk, how, bar, prices, ambiguous):
    desk.buy_with_exits("1", sl="90", target="110", **how)
    assert desk.prices(desk.bar(*bar)) == list(map(D, prices))
    assert desk.exchange.ambiguous_bars == ambiguous


def test_exits_of_an_entry_that_ends_in_part_sell_that_part(open_desk):
    desk = open_desk(maker="0", taker="0", share="0.1", USDT="10000")
    desk.bar(*FLAT)
    entry = desk.buy_with_exits("3", sl="90", target="110")
    desk.bar(*FLAT, volume="20")
    assert desk.state(entry)[0] == EXPIRED
    assert desk.amounts(desk.bar("100", "112", "99", "111", volume="1000")) == [D(2)]


def test_exits_of_an_entry_that_brought_nothing_end(desk):
    entry = desk.buy_with_exits("1", limit="80", sl="70", target="110")
    assert desk.cancel(entry)
    assert [desk.state(entry + n) for n in (1, 2)] == [(EXPIRED, NO_ENTRY)] * 2


# the laws, over what the flows think of


def test_laws_of_pairs_exits_and_trailing_over_random_flows():
    for seed in range(300):
        flow = flows.Flow(seed)
        both = pair.Pair(flow.setup, flow.world)
        stops: dict[int, int] = {}
        for action in flow.actions():
            if both.act(action) == pair.OVERFLOW:
                break
            money_is_kept(both)
            for order in flow.world.orders:
                if order.trail and order.waits and order.open:
                    before = stops.get(order.id, order.stop)
                    assert order.stop <= before if order.rises else order.stop >= before
                    stops[order.id] = order.stop
        else:  # an overflow leaves its bar half done
            for order in flow.world.orders:
                assert not (order.tif == FOK and 0 < order.filled < order.amount)
                assert not (order.tif != 0 and order.type == LIMIT and order.open and order.arrived)
                exits = [leg for leg in order.exits if leg.filled]
                assert len({leg.type in STOPS for leg in exits}) == len(exits)
                assert sum(leg.filled for leg in exits) <= order.received


def money_is_kept(both):
    """What there is of an asset is what there was, and the fills' amounts, values and fees; locked is the open orders'."""
    exchange, setup = both.exchange, both.setup
    total = {asset: setup.balances.get(asset, 0) for asset in exchange.assets}
    for n in range(exchange.n_fills):
        fill, coin = exchange.fill(n), setup.instruments[exchange.fill(n).coin]
        total[coin.base] += fill.side * fill.amount
        total[coin.quote] -= fill.side * fill.notional
        total[(coin.quote, coin.base, "BNB")[fill.fee_in]] -= fill.fee
    locked = dict.fromkeys(total, 0)
    for order in map(exchange.order, exchange.open_orders):
        coin = setup.instruments[order.coin]
        locked[coin.quote if order.side > 0 else coin.base] += order.lock
    for asset, amount in total.items():
        assert exchange.free(asset) + exchange.locked(asset) == amount
        assert exchange.free(asset) >= 0
        assert exchange.locked(asset) == locked[asset]
