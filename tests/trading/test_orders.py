"""place_order, cancel_order, query_order: exact numbers from what was typed, statuses, and the trade timeline."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine import LocalTradeSystem, OrderStatus, OrderType, Signal
from engine.errors import AmountOverflow, OrderError
from engine.exact import to_units
from engine.exchange import REFUSALS
from engine.loop import Engine
from tests.worlds import Scripted, engine, fills_of, market


def ready(rows: list[Any] | None = None, **given: Any) -> Engine:
    filters = {name: given.pop(name) for name in ("tick", "lot", "min_notional") if name in given}
    its = engine(market(rows or [100] * 5, **filters), **given)
    its.run(1)
    return its


def last(its: Engine) -> Any:
    return its.trade.account.order(its.trade.exchange.n_orders - 1)


@pytest.mark.parametrize(
    ("amount", "placed"),
    [
        (1.2349, "1.234"),
        (-1.2349, "-1.234"),
        (0.3, "0.3"),
        (0.1 + 0.2, "0.3"),
        (1, "1"),
        (Decimal("2.0009999"), "2"),
        (Decimal("0.99999999999999999999999999999999999"), "0.999"),
        (1e-3, "0.001"),
        (29.999, "29.999"),
        (5.1, "5.1"),
        (1.005, "1.005"),
        ("-0.25", "-0.25"),
    ],
)
def test_an_amount_is_the_decimal_it_prints_as_cut_to_the_lot(amount: Any, placed: str) -> None:
    its = ready(cash={"USDT": 10_000, "BTC": 100}, min_notional=0)
    its.place_order("BTCUSDT", amount)
    order = last(its)
    signed = order.amount if order.side == "buy" else -order.amount
    assert signed == Decimal(placed)
    assert order.status is OrderStatus.NEW


@pytest.mark.parametrize("whole", [0.0, -0.0, 1, -7.0, 92_233_720_368.0, 2.0**36, float(2**53), 2**53, 1e22, -92_233_720_369.0])
@pytest.mark.parametrize("places", [0, 2, 8])
def test_whole_numbers_count_as_the_decimal_they_print_as(whole: float, places: int) -> None:
    exact = Decimal(repr(whole)).scaleb(places)
    if abs(exact) < 2**63:
        assert to_units(whole, decimals=places) == exact
    else:
        with pytest.raises(AmountOverflow):
            to_units(whole, decimals=places)


@pytest.mark.parametrize(
    ("amount", "price", "stop", "placed"),
    [
        (1, 99.999, None, "99.99"),
        (-1, 100.001, None, "100.01"),
        (1, 0.1 + 0.2, None, "0.30"),
        (-1, 1.005, None, "1.01"),
        (1, Decimal("57.1999999999999999999999999999999999999"), None, "57.19"),
        (-1, Decimal("57.1900000000000000000000000000000000001"), None, "57.20"),
        (1, None, 120.001, "120.01"),
        (-1, None, 80.009, "80"),
        (1, 90, None, "90"),
    ],
)
def test_a_price_goes_to_the_tick_that_asks_for_no_more(amount: Any, price: Any, stop: Any, placed: str) -> None:
    its = ready(cash={"USDT": 10_000, "BTC": 100}, min_notional=0)
    its.place_order("BTCUSDT", amount, price, stop=stop)
    order = last(its)
    assert (order.price if price is not None else order.stop) == Decimal(placed)


def test_a_price_finer_than_can_be_counted_goes_the_same_way() -> None:
    its = engine(market([0.00001234] * 3, tick="0.00000001", lot=1, min_notional=0), cash={"USDT": 100, "BTC": 1000})
    its.run(1)
    for amount, price, placed in ((-1, 0.000012345678, "0.00001235"), (1, 0.000012345678, "0.00001234")):
        its.place_order("BTCUSDT", amount, price)
        assert last(its).price == Decimal(placed)


@pytest.mark.parametrize(
    "bad", [float("nan"), float("inf"), float("-inf"), Decimal("NaN"), Decimal("Infinity"), "many", None, [1]]
)
def test_what_is_no_finite_number_is_refused(bad: Any) -> None:
    its = ready()
    with pytest.raises(OrderError, match="number"):
        its.place_order("BTCUSDT", bad)
    if bad is not None:
        with pytest.raises(OrderError, match="number"):
            its.place_order("BTCUSDT", 1, bad)
        with pytest.raises(OrderError, match="number"):
            its.place_order("BTCUSDT", 1, stop=bad)
    assert its.trade.exchange.n_orders == 0


@pytest.mark.parametrize("much", [1e11, -1e11, 10**400, "1e999999", Decimal("1e30")])
def test_what_cannot_be_counted_is_refused(much: Any) -> None:
    its = ready()
    with pytest.raises(AmountOverflow, match="64 bits"):
        its.place_order("BTCUSDT", much)
    assert its.trade.exchange.n_orders == 0


@pytest.mark.parametrize("tiny", [1e-12, 1e-3 / 3, 0.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_less_than_a_lot_is_an_order_refused_on_its_own_side(tiny: float, sign: int) -> None:
    its = ready()
    its.place_order("BTCUSDT", sign * tiny)
    order = last(its)
    assert order.status is OrderStatus.REJECTED
    assert order.refusal == "-1013 Filter failure: LOT_SIZE"
    if tiny:
        assert order.side == ("buy" if sign > 0 else "sell")


def test_types_follow_from_what_is_given_or_must_agree_with_it() -> None:
    its = ready(cash={"USDT": 10_000, "BTC": 100})
    for kind, price, stop, placed in (
        (None, None, None, OrderType.MARKET),
        (None, 90, None, OrderType.LIMIT),
        (None, None, 120, OrderType.STOP),
        (OrderType.LIMIT_MAKER, 90, None, OrderType.LIMIT_MAKER),
        (OrderType.LIMIT, 90, None, OrderType.LIMIT),
        (OrderType.MARKET, None, None, OrderType.MARKET),
        (OrderType.STOP, None, 120, OrderType.STOP),
        (None, 121, 120, OrderType.STOP_LIMIT),
        (OrderType.TAKE_PROFIT, None, 80, OrderType.TAKE_PROFIT),
        (OrderType.TAKE_PROFIT_LIMIT, 81, 80, OrderType.TAKE_PROFIT_LIMIT),
    ):
        its.place_order("BTCUSDT", 1, price, type=kind, stop=stop)
        assert last(its).type is placed
    placed = its.trade.exchange.n_orders
    for kind, price, stop in (
        (OrderType.MARKET, 90, None),
        (OrderType.LIMIT, None, None),
        (OrderType.STOP, 90, None),
        (OrderType.MARKET, None, 120),
        (OrderType.LIMIT_MAKER, None, None),
        (OrderType.LIMIT_MAKER, None, 120),
        (OrderType.STOP_LIMIT, 90, None),
        (OrderType.TAKE_PROFIT, 90, 80),
    ):
        with pytest.raises(OrderError):
            its.place_order("BTCUSDT", 1, price, type=kind, stop=stop)
    assert its.trade.exchange.n_orders == placed


def test_statuses_tell_how_the_latest_order_fares() -> None:
    rows = [100, (100, 100, 100, 100, 1), 100, 100]
    its = ready(rows, max_volume_share=10**8, cash={"USDT": 10_000, "BTC": 5})
    query = its.trade.query_order
    assert query("BTCUSDT") is OrderStatus.NONE
    its.place_order("BTCUSDT", 3, 101)
    assert query("BTCUSDT") is OrderStatus.NEW
    its.step()
    assert query("BTCUSDT") is OrderStatus.PARTIALLY_FILLED
    its.place_order("BTCUSDT", -1, 500)
    assert query("BTCUSDT") is OrderStatus.NEW
    its.trade.cancel_order("BTCUSDT")
    assert query("BTCUSDT") is OrderStatus.CANCELED
    assert [its.trade.account.order(n).status for n in range(2)] == [OrderStatus.CANCELED] * 2
    assert its.trade.account.order(0).filled == 1
    its.place_order("BTCUSDT", 10**6)
    assert query("BTCUSDT") is OrderStatus.REJECTED
    its.place_order("BTCUSDT", 2)
    its.step()
    assert query("BTCUSDT") is OrderStatus.FILLED


def test_the_rest_of_a_market_order_expires() -> None:
    its = ready([100, (100, 100, 100, 100, 1), 100], max_volume_share=10**8)
    its.place_order("BTCUSDT", 3)
    its.run()
    assert last(its).status is OrderStatus.EXPIRED
    assert last(its).filled == 1
    assert last(its).refusal == REFUSALS[8]
    assert its.trade.account.balances["USDT"][1] == 0


def test_refusals_carry_the_exchange_s_code_and_text() -> None:
    its = ready()
    for amount, price, stop, kind, told in (
        (0.0001, None, None, None, "-1013 Filter failure: LOT_SIZE"),
        (0.01, None, None, None, "-1013 Filter failure: NOTIONAL"),
        (1, 0.001, None, None, "-1013 Filter failure: PRICE_FILTER"),
        (1, -5, None, None, "-1013 Filter failure: PRICE_FILTER"),
        (1, 100, None, OrderType.LIMIT_MAKER, "-2010 Order would immediately match and take."),
        (1, None, 99, None, "-2010 Order would trigger immediately."),
        (1000, None, None, None, "-2010 Account has insufficient balance for requested action."),
        (-1, None, None, None, "-2010 Account has insufficient balance for requested action."),
    ):
        its.place_order("BTCUSDT", amount, price, type=kind, stop=stop)
        assert (last(its).status, last(its).refusal) == (OrderStatus.REJECTED, told)
    assert its.trade.account.orders() == []
    assert its.trade.account.balances["USDT"] == (10_000, 0)


def test_unknown_coins_are_refused_everywhere() -> None:
    its = ready()
    for call in (
        lambda: its.trade.place_order("XRPUSDT", 1, None),
        lambda: its.trade.cancel_order("XRPUSDT"),
        lambda: its.trade.query_order("XRPUSDT"),
    ):
        with pytest.raises(OrderError, match="XRPUSDT is not in this session; it has BTCUSDT"):
            call()


def test_before_the_market_there_is_nothing_to_trade() -> None:
    trade = LocalTradeSystem()
    for call in (
        lambda: trade.place_order("BTCUSDT", 1, None),
        lambda: trade.query_order("BTCUSDT"),
        lambda: trade.cancel_order("BTCUSDT"),
    ):
        with pytest.raises(OrderError, match="no market yet"):
            call()


def test_cancel_order_takes_all_of_the_coin_s_and_no_others() -> None:
    its = engine(market({"AAAUSDT": [100] * 3, "BBBUSDT": [100] * 3}))
    its.run(1)
    for coin in ("AAAUSDT", "BBBUSDT", "AAAUSDT"):
        its.place_order(coin, 1, 50)
    its.trade.cancel_order("AAAUSDT")
    assert [(order.id, order.coin) for order in its.trade.account.orders()] == [(1, "BBBUSDT")]
    assert its.trade.account.orders("AAAUSDT") == []
    assert its.trade.account.balances["USDT"] == (Decimal(9950), Decimal(50))


def test_the_trade_timeline_has_a_row_a_fill() -> None:
    its = engine(market({"AAAUSDT": [100, 110, 120], "BBBUSDT": [10, 11, 12]}), taker=100_000)
    timeline = its.trade.timeline
    its.run(1)
    assert len(timeline) == 0
    its.place_order("BBBUSDT", 3)
    its.place_order("AAAUSDT", 2)
    its.step()
    assert timeline["price"].tolist() == [110.0, 11.0]
    its.place_order("AAAUSDT", -1)
    its.step()
    times = [fill.time for fill in its.trade.account.fills]
    assert timeline.time.tolist() == times
    assert timeline.names == ("step", "coin", "side", "amount", "price", "fee", "cash", "position")
    table = [timeline[name].tolist() for name in timeline.names]
    assert list(zip(*table, strict=True)) == [
        (1.0, 0.0, 1.0, 2.0, 110.0, 0.002, 9750.0, 1.998),
        (1.0, 1.0, 1.0, 3.0, 11.0, 0.003, 9747.0, 2.997),
        (2.0, 0.0, -1.0, 1.0, 120.0, 0.12, 9866.88, 0.998),
    ]


def test_a_fill_is_stamped_with_its_step_and_the_opening_of_its_bar() -> None:
    its = ready([100, 101, 102])
    its.place_order("BTCUSDT", 1)
    its.run()
    (fill,) = its.trade.account.fills
    assert fill.step == 1
    assert fill.time == its.raw.latest["BTCUSDT"].time[1]
    assert fills_of(its) == [(1, "BTCUSDT", "buy", Decimal(1), Decimal(101))]


def test_the_exits_of_an_entry_cancelled_in_part_meet_the_next_bar() -> None:
    rows = [100, (100, 100, 90, 96, 1), 100, (100, 130, 100, 125), *[100] * 200]
    its = ready(rows, max_volume_share=10**8)
    its.place_order("BTCUSDT", 2, 95, take_profit=120)
    its.run(2)  # one of the two is bought
    its.cancel(0)
    its.run()
    assert fills_of(its) == [(1, "BTCUSDT", "buy", 1, 95), (3, "BTCUSDT", "sell", Decimal("0.999"), 120)]


def test_a_far_order_is_looked_at_again_only_where_orders_change(monkeypatch: pytest.MonkeyPatch) -> None:
    its = ready([100] * 20_000, cash={"USDT": 10_000, "BTC": 5}, min_notional=0)
    looked = []
    scan = its.trade.exchange.scan
    monkeypatch.setattr(its.trade.exchange, "scan", lambda *given: looked.append(given[-1] - given[-2]) or scan(*given))
    its.place_order("BTCUSDT", 1, 50)
    for _ in range(100):
        its.place_order("BTCUSDT", 0.01)
        its.run(100)
    assert len(its.trade.account.fills) == 100
    assert sum(looked) < 4 * 100 * 100


def test_what_is_bought_by_hand_is_the_session_s_and_its_strategy_may_sell_it() -> None:
    its = engine(market([100] * 6), Scripted({3: Signal.close()}), taker=0)
    its.run(1)
    its.place_order("BTCUSDT", 2)
    its.run(2)
    assert its.strategy.position("BTCUSDT").amount == 2
    assert its.strategy.now("BTCUSDT").position == 2.0
    its.run()
    assert [(fill.side, fill.amount) for fill in its.trade.account.fills] == [("buy", 2), ("sell", 2)]
    assert its.strategy.position("BTCUSDT").amount == 0


def test_how_a_trailing_stop_ends_does_not_hang_on_who_looked() -> None:
    rows = [100, 100, 101, 102, 103, 104, 104, 104]
    script = {0: Signal.buy(amount=1, trailing_stop_bps=500), 4: Signal.close()}
    left = []
    for looks in (False, True):
        its = engine(market(rows), Scripted(script))
        for _ in rows:
            its.step()
            if looks:
                assert its.trade.account.orders() is not None
        left.append(its.trade.exchange.orders[: its.trade.exchange.n_orders].tolist())
    assert left[0] == left[1]
    assert its.trade.account.order(1).stop == Decimal("97.85")
