"""A desk's laws over random order flow: nothing is created or lost, and every way to look at it tells the same story."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.exchange import FillRules
from engine.exchange import kernel as k
from engine.model import OrderStatus
from engine.rehearsal.clock import Clock
from engine.rehearsal.desk import Desk
from engine.rehearsal.errors import ApiError
from engine.rehearsal.log import EventLog
from engine.rehearsal.market import Market
from engine.rehearsal.orders import Ids, ListReport, Moved, Order, Report, Request, UserEvent
from engine.rehearsal.venue import Venue
from tests.worlds import candles, market, units, walk

CENT = units("0.01")


class Floor:
    """A venue whose clock is moved by hand, with one desk and everything it told."""

    def __init__(self, bars: Any, cash: dict[str, Any] | None = None, **rules: Any) -> None:
        played = Market(market(bars, min_notional=0))
        log = EventLog(lambda: self.venue.now)
        self.venue = Venue(played, Clock(played.begin, 0), log)
        self.start = {asset: units(amount) for asset, amount in (cash or {"USDT": 10_000}).items()}
        self.desk = Desk("main", played, self.start, FillRules(**rules), Ids(len(played.coins)), log)
        self.venue.desks["main"] = self.desk
        self.told: list[UserEvent] = []
        self.desk.listeners.append(self.told.append)

    def place(self, **asked: Any) -> Order:
        return self.desk.place(Request(**({"coin": 0, "side": k.BUY, "kind": k.MARKET} | asked)), self.venue.now)

    def reports(self) -> list[tuple[str, int]]:
        return [(event.kind, event.order.id) for event in self.told if isinstance(event, Report)]


def still(*prices: Any) -> Floor:
    its = Floor(candles(prices))
    its.venue.step(1)
    return its


def test_a_market_order_is_answered_with_its_fills() -> None:
    its = still(100, 100)
    order = its.place(amount=units(2))
    assert order.status is OrderStatus.FILLED
    (trade,) = its.desk.records.trades
    assert (trade.price, trade.amount, trade.quote, trade.fee, trade.fee_asset) == (
        units(100),
        units(2),
        units(200),
        units("0.002"),
        "BTC",
    )
    assert its.reports() == [("NEW", 1), ("TRADE", 1)]
    assert its.told[-1] == Moved({"USDT": (units(9800), 0), "BTC": (units("1.998"), 0)}, its.venue.now)


def test_a_quote_amount_buys_whole_lots_of_what_it_pays_for() -> None:
    its = still(300, 300)
    assert its.place(quote_amount=units(1000)).amount == units("3.333")


def test_a_client_id_is_unique_among_open_orders_only() -> None:
    its = still(100, 100)
    resting: dict[str, Any] = {"kind": k.LIMIT, "price": units(50), "amount": units(1), "client_id": "mine"}
    first = its.place(**resting)
    with pytest.raises(ApiError, match="Duplicate order sent"):
        its.place(**resting)
    its.desk.cancel(first, its.venue.now)
    again = its.place(**resting)
    assert its.desk.records.find(0, None, "mine") is again


def test_an_order_twice_sent_is_filled_twice_once_the_first_is_done() -> None:
    """What the exchange really does: a client id is no guard against a second market order."""
    its = still(100, 100)
    for _ in range(2):
        its.place(amount=units(1), client_id="mine")
    assert len(its.desk.records.trades) == 2


def test_a_triggered_stop_is_told_as_working_before_its_trade() -> None:
    its = Floor(candles([100, (100, 110, 100, 110)]))
    its.venue.step(2)
    order = its.place(kind=k.STOP_LOSS, stop=units(105), amount=units(1))
    assert not order.working
    its.venue.step(10)
    assert its.reports() == [("NEW", 1), ("NEW", 1), ("TRADE", 1)]
    assert [event.order.working for event in its.told if isinstance(event, Report)] == [False, True, True]
    assert its.desk.records.trades[0].price == units(105)


def test_a_lagging_replica_shows_what_was() -> None:
    its = Floor(candles([100] * 5))
    its.venue.step(1)
    early = its.venue.now
    its.venue.step(3)
    order = its.place(kind=k.LIMIT, price=units(50), amount=units(1))
    placed = its.venue.now
    its.venue.step(2)
    its.desk.cancel(order, its.venue.now)
    find, records = its.desk.records.find, its.desk.records
    with pytest.raises(ApiError, match="does not exist"):
        find(0, order.id, None, at=early)
    assert find(0, order.id, None, at=placed).status is OrderStatus.NEW
    assert find(0, order.id, None).status is OrderStatus.CANCELED
    assert [len(records.open_orders(0, at)) for at in (early, placed, None)] == [0, 1, 0]
    assert [records.balances(at)["USDT"][1] for at in (early, placed, None)] == [0, units(50), 0]


def test_a_pair_is_one_list_and_ends_as_one() -> None:
    its = Floor(candles([100, 100, (100, 130, 100, 130)]), {"USDT": 0, "BTC": 5})
    its.venue.step(2)
    sell: dict[str, Any] = {"coin": 0, "side": k.SELL, "amount": units(1)}
    limit = Request(kind=k.LIMIT_MAKER, price=units(120), **sell)
    stop = Request(kind=k.STOP_LIMIT, stop=units(90), price=units(89), **sell)
    pair = its.desk.place_pair(limit, stop, "both", its.venue.now)
    assert [its.desk.records.orders[id].asked.kind for id in pair.orders] == [k.STOP_LIMIT, k.LIMIT_MAKER]
    its.venue.step(20)
    assert [event.kind for event in its.told if isinstance(event, ListReport)] == ["EXEC_STARTED", "ALL_DONE"]
    assert its.reports()[-2:] == [("TRADE", 2), ("EXPIRED", 1)]


# laws

ACTIONS = st.tuples(
    st.sampled_from(["market", "limit", "maker", "stop", "profit", "pair", "cancel", "amend", "replace", "quote", "ioc"]),
    st.integers(0, 1),
    st.sampled_from([k.BUY, k.SELL]),
    st.integers(1, 3000),
    st.integers(1, 400),
    st.integers(0, 6),
)


def act(its: Floor, action: tuple[str, int, int, int, int, int]) -> None:
    what, n, side, lots, away, events = action
    coin, desk, now = its.venue.market.coins[n], its.desk, its.venue.now
    amount = lots * coin.instrument.lot
    worse, better = coin.last + side * away * CENT, max(coin.last - side * away * CENT, CENT)
    asked: dict[str, Any] = {"coin": n, "side": side, "amount": amount}
    working = desk.records.open_orders(n)
    match what:
        case "market":
            its.place(**asked)
        case "quote":
            its.place(coin=n, side=side, quote_amount=lots * units(1))
        case "limit":
            its.place(kind=k.LIMIT, price=better if away % 3 else worse, **asked)
        case "ioc":
            its.place(kind=k.LIMIT, price=worse, tif=k.IOC, **asked)
        case "maker":
            its.place(kind=k.LIMIT_MAKER, price=better, **asked)
        case "stop":
            its.place(kind=k.STOP_LOSS, stop=worse, **asked)
        case "profit":
            its.place(kind=k.TAKE_PROFIT_LIMIT, stop=better, price=better, **asked)
        case "pair":
            stop = Request(kind=k.STOP_LOSS, stop=worse, **asked)
            desk.place_pair(Request(kind=k.LIMIT_MAKER, price=better, **asked), stop, "", now)
        case "cancel" if working:
            desk.cancel(working[lots % len(working)], now)
        case "amend" if working:
            order = working[lots % len(working)]
            desk.amend(order, order.amount // 2 // coin.instrument.lot * coin.instrument.lot, now)
    its.venue.step(events)


def check(its: Floor) -> None:
    """Balances from the trades alone, locks from the open orders alone, the story from the events alone."""
    records, exchange = its.desk.records, its.desk.exchange
    owned: dict[str, int] = defaultdict(int, its.start)
    for trade in records.trades:
        instrument, sign = exchange.instruments[trade.coin], 1 if trade.buyer else -1
        owned[instrument.base] += sign * trade.amount
        owned[instrument.quote] -= sign * trade.quote
        owned[trade.fee_asset] -= trade.fee
    balances = records.balances()
    assert {asset: free + locked for asset, (free, locked) in balances.items()} == {asset: owned[asset] for asset in balances}
    assert all(free >= 0 and locked >= 0 for free, locked in balances.values())
    locks: dict[str, int] = defaultdict(int)
    for order in records.open.values():
        instrument = exchange.instruments[order.asked.coin]
        locks[instrument.quote if order.asked.side == k.BUY else instrument.base] += exchange.order(order.number).lock
    assert {asset: locked for asset, (_, locked) in balances.items()} == {asset: locks[asset] for asset in balances}
    told = [event for event in its.told if isinstance(event, Report)]
    assert [event.trade for event in told if event.trade] == records.trades
    last = {event.order.id: event.order for event in told}
    assert {id: (its.status, its.filled, its.amount) for id, its in last.items()} == {
        id: (its.status, its.filled, its.amount) for id, its in records.orders.items()
    }
    moved = {asset: (units, 0) for asset, units in its.start.items()}
    for event in its.told:
        if isinstance(event, Moved):
            moved |= event.balances
    assert {asset: moved.get(asset, (0, 0)) for asset in balances} == balances
    assert [event.execution for event in told] == sorted({event.execution for event in told})
    for order in records.orders.values():
        mine = [trade for trade in records.trades if trade.order_id == order.id]
        assert (order.filled, order.quote_filled) == (sum(t.amount for t in mine), sum(t.quote for t in mine))
        assert order.is_open == (order.id in records.open)


@settings(max_examples=60)
@given(
    st.lists(ACTIONS, min_size=1, max_size=40),
    st.sampled_from(["received", "quote"]),
    st.sampled_from([0, 20_000_000]),
    st.integers(0, 5),
)
def test_no_asset_is_created_or_lost_and_every_telling_agrees(
    actions: list[Any], fee_asset: str, share: int, seed: int
) -> None:
    bars = {"AAAUSDT": walk(60, seed), "BBBUSDT": walk(60, seed + 50, price=20)}
    its = Floor(bars, {"USDT": 5000, "AAA": 10, "BBB": 30}, fee_asset=fee_asset, max_volume_share=share, taker=123_457)
    its.venue.step(3)
    codes = set()
    for action in actions:
        try:
            act(its, action)
        except ApiError as no:
            codes.add(no.code)
        check(its)
    assert codes <= {-1013, -2010, -2011, -2013, -2038}
    for trade in its.desk.records.trades:
        column = its.venue.market.coins[trade.coin].bars
        low, high = int(column.low.min()), int(column.high.max())
        assert low - CENT <= trade.price <= high + CENT
