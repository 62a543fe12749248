"""Trading through the real client on a rehearsal: the account here is the account there, whatever way the news came."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from engine.binance.life import Stage
from engine.errors import JournalError, OrderError
from engine.model import OrderStatus, OrderType, Signal
from engine.recordings.bars import stamp
from engine.rehearsal.faults import Scenario
from tests.binance.cockpit import Cockpit, cockpit
from tests.rehearsal.hall import hall, until
from tests.worlds import MINUTE, START, candles, market, walk

COINS = {"AAAUSDT": walk(300, 1), "BBBUSDT": walk(300, 2, price=20)}
SETTINGS = {"begin": stamp(START + 100 * MINUTE)}


async def test_before_it_is_armed_nothing_goes_out(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", armed=False, **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", 1, 50)
        order = its.trade.account.order(0)
        assert (order.status, order.refusal) == (OrderStatus.REJECTED, "disarmed: trading has not been armed")
        its.trade.trade("AAAUSDT", Signal.buy(value=100))
        assert its.trade.signals[0].outcome == "not sent: disarmed: trading has not been armed"
        await its.settled()
        assert its.desk.records.orders == {}


async def test_a_market_order_is_filled_and_booked_once(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", Decimal("1.5"), reason="why not")
        assert its.trade.account.orders()[0].status is OrderStatus.NEW
        await its.settled()
        await its.agrees()
        order = its.trade.account.order(0)
        assert (order.status, order.filled, order.reason) == (OrderStatus.FILLED, Decimal("1.5"), "why not")
        (fill,) = its.trade.account.fills
        assert (fill.amount, fill.fee, fill.fee_asset) == (Decimal("1.5"), Decimal("0.0015"), "AAA")
        assert its.trade.account.position("AAAUSDT").amount == Decimal("1.4985")
        assert its.trade.exchange.n_open == 0


async def test_too_many_orders_keep_new_ones_in_and_cancels_go(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", 1, 50)
        await its.settled()
        fault = {"of": "POST /api/v3/order", "code": -1015, "retry_s": 600, "times": 1}
        its.hall.server.inject(Scenario.model_validate({"requests": (fault,)}))
        for _ in range(2):
            its.trade.place_order("AAAUSDT", 1, 50)
            await its.settled()
        told = [its.trade.account.order(n).refusal for n in (1, 2)]
        assert told[0].startswith("-1015 Too many new orders")
        assert told[1].startswith("the exchange takes no new order for ")
        its.trade.vigil("")
        assert not its.trade.disarmed
        assert await its.trade.halt(False) == "1 of 1 cancelled"


async def test_a_resting_order_is_held_cancelled_and_given_back(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", 1, 50)
        assert its.balance("USDT") == (Decimal(9950), Decimal(0)), "held back while it is on its way"
        await its.settled()
        await until(lambda: its.balance("USDT") == (Decimal(9950), Decimal(50)))
        assert its.trade.query_order("AAAUSDT") is OrderStatus.NEW
        its.trade.cancel_order("AAAUSDT")
        await its.settled()
        await its.agrees()
        assert its.trade.query_order("AAAUSDT") is OrderStatus.CANCELED
        assert its.balance("USDT") == (Decimal(10_000), Decimal(0))


async def test_a_limit_filled_by_the_market_is_heard_of(tmp_path: Path) -> None:
    bars = {"AAAUSDT": candles([100] * 20 + [(100, 100, 80, 90)] * 20)}
    async with cockpit(market(bars), tmp_path / "j.db", begin=stamp(START + 10 * MINUTE)) as its:
        its.trade.place_order("AAAUSDT", 2, 95)
        await its.settled()
        its.hall.wait(15 * MINUTE)
        await until(lambda: its.trade.query_order("AAAUSDT") is OrderStatus.FILLED)
        await its.agrees()
        assert its.trade.account.fills[0].maker


async def test_every_type_arrives_as_what_it_is(tmp_path: Path) -> None:
    bars = {"AAAUSDT": candles([100] * 60)}
    settings = {"begin": stamp(START + 10 * MINUTE), "accounts": [{"name": "main", "balances": {"USDT": 10_000, "AAA": 50}}]}
    async with cockpit(market(bars), tmp_path / "j.db", given={"adopt": {"AAA": 50}}, **settings) as its:
        place = its.trade.place_order
        place("AAAUSDT", 1, 90)
        place("AAAUSDT", 1, 90, type=OrderType.LIMIT_MAKER)
        place("AAAUSDT", 1, stop=110)
        place("AAAUSDT", 1, 112, stop=110)
        place("AAAUSDT", -1, stop=120, type=OrderType.TAKE_PROFIT)
        place("AAAUSDT", -1, 119, stop=120, type=OrderType.TAKE_PROFIT_LIMIT)
        place("AAAUSDT", -1, trail_bps=500)
        its.trade.place_oco("AAAUSDT", -1, 130, 80)
        await its.settled()
        there = [order.asked.kind for order in its.desk.records.orders.values()]
        here = [life.stage for life in its.lives]
        assert sorted(there) == [1, 2, 2, 3, 3, 3, 4, 5, 6]
        assert here == [Stage.NEW] * 9
        await its.agrees()


async def test_what_the_exchange_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", 1, 50)
        await its.settled()
        its.desk.exchange.balances[:] = 0
        its.trade.place_order("AAAUSDT", 1)
        await its.settled()
        order = its.trade.account.order(1)
        assert order.status is OrderStatus.REJECTED
        assert order.refusal == "-2010 Account has insufficient balance for requested action."


async def test_an_entry_brings_its_exits_when_it_has_filled(tmp_path: Path) -> None:
    async with cockpit(market({"AAAUSDT": candles([100] * 60)}), tmp_path / "j.db", begin=stamp(START + 10 * MINUTE)) as its:
        its.trade.place_order("AAAUSDT", 1, stop_loss=90, take_profit=120)
        await until(lambda: len(its.desk.records.open) == 2)
        await its.settled()
        kinds = {order.asked.kind for order in its.desk.records.open.values()}
        assert kinds == {2, 3}
        assert {order.amount for order in its.trade.account.orders()} == {Decimal("0.999")}


async def test_after_a_restart_everything_is_as_it_was(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    async with hall(market(COINS), **SETTINGS) as its:
        async with Cockpit(its, journal).flying() as first:
            first.trade.place_order("AAAUSDT", 2)
            first.trade.place_order("BBBUSDT", 5, 10)
            await first.settled()
            await first.agrees()
            before = [(life.cid, life.stage, life.filled) for life in first.lives]
            position = first.trade.account.position("AAAUSDT").amount
        async with Cockpit(its, journal).flying(armed=False) as second:
            await second.agrees()
            assert [(life.cid, life.stage, life.filled) for life in second.lives] == before
            assert second.trade.account.position("AAAUSDT").amount == position
            assert second.trade.disarmed
            second.trade.arm()
            second.trade.place_order("BBBUSDT", 5, 11)
            await second.settled()
            cids = [life.cid for life in second.lives]
            assert len(set(cids)) == 3


async def test_fills_while_nobody_looked_are_found_at_the_start(tmp_path: Path) -> None:
    bars = {"AAAUSDT": candles([100] * 20 + [(100, 100, 80, 90)] * 20)}
    journal = tmp_path / "j.db"
    async with hall(market(bars), begin=stamp(START + 10 * MINUTE)) as its:
        async with Cockpit(its, journal).flying() as first:
            first.trade.place_order("AAAUSDT", 2, 95)
            await first.settled()
        its.wait(15 * MINUTE)
        async with Cockpit(its, journal).flying(armed=False) as second:
            await second.agrees()
            assert second.trade.account.order(0).status is OrderStatus.FILLED
            assert second.trade.account.position("AAAUSDT").amount > 0


async def test_a_second_engine_on_the_account_is_refused(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        with pytest.raises(JournalError, match="another engine trades on this account"):
            Cockpit(its.hall, tmp_path / "j.db")


async def test_a_halt_withdraws_what_works_and_sells_what_is_held(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", 2)
        for price in (40, 41, 42):
            its.trade.place_order("BBBUSDT", 5, price / 4)
        await its.settled()
        await its.agrees()
        said = await its.trade.halt(flatten=True)
        assert said == "3 of 3 cancelled; 1 of 1 sold"
        assert its.trade.disarmed == "halted"
        assert its.desk.records.open == {}
        assert its.trade.account.sellable(0) == 0
        assert its.trade.account.order(4).by == "kill"
        await its.agrees()


async def test_what_is_wrong_disarms_with_its_reason_and_keeps_from_arming(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.vigil("")
        assert not its.trade.disarmed
        its.trade.vigil("AAAUSDT is stale for 11 s")
        its.trade.vigil("BBBUSDT is stale too")
        assert its.trade.disarmed == "AAAUSDT is stale for 11 s", "the first reason stays"
        with pytest.raises(OrderError, match="cannot be armed: BBBUSDT is stale too"):
            its.trade.arm()
        its.trade.vigil("")
        its.trade.arm()
        its.client.budget.stop_for(60)
        its.trade.vigil("")
        assert its.trade.disarmed == "the exchange asks to wait"


async def test_stage_status_and_journal_are_told_for_the_deck(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", 1, 50, by="hand", reason="cheap")
        assert its.trade.stage_of(0)[0] == "INTENT"
        await its.settled()
        assert its.trade.stage_of(0)[0] == "NEW"
        its.trade.cancel_order("AAAUSDT")
        await asyncio.sleep(0)
        assert its.trade.stage_of(0)[0] == "CANCEL_SENT"
        await its.settled()
        assert its.trade.stage_of(0)[0] == "CANCELED"
        status = its.ledger.status()
        assert (status.disarmed, status.reconciled, status.alive, status.unknown, status.externals) == ("", True, True, 0, [])
        lines = its.trade.journal_since(0)
        assert [line.what for line in lines] == ["arm", "intent", "outcome", "news", "cancel", "news"]
        assert lines[1].text == "buy 1 AAAUSDT limit at 50 by hand: cheap"
        assert {line.order for line in lines[1:]} == {0}
        assert its.trade.journal_since(lines[-1].seq) == []


async def test_with_fifty_open_orders_everything_is_known_again_within_three_seconds(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    async with hall(market(COINS), **SETTINGS) as its:
        async with Cockpit(its, journal).flying() as first:
            for n in range(50):
                first.trade.place_order(("AAAUSDT", "BBBUSDT")[n % 2], 1, 5 + n / 10)
            await first.settled()
            await until(lambda: len(first.desk.records.open) == 50)
        second = Cockpit(its, journal)
        began = asyncio.get_running_loop().time()
        async with second.flying(armed=False):
            took = asyncio.get_running_loop().time() - began
            assert second.trade.exchange.n_open == 50
            await second.agrees()
        assert took < 3, "and that with the client's opening and the market's history"


async def test_an_order_is_replaced_and_reduced_through_the_real_client(tmp_path: Path) -> None:
    async with cockpit(market(COINS), tmp_path / "j.db", **SETTINGS) as its:
        its.trade.place_order("AAAUSDT", 2, 50)
        await its.settled()
        its.trade.replace_order(0, 3, 51)
        await its.settled()
        assert [life.stage for life in its.lives] == [Stage.CANCELED, Stage.NEW]
        its.trade.amend_order(1, 1)
        await its.settled()
        assert its.trade.account.order(1).amount == 1
        its.desk.exchange.balances[:] = 0
        its.trade.replace_order(1, 2, 52)
        await its.settled()
        assert [life.stage for life in its.lives[1:]] == [Stage.CANCELED, Stage.REJECTED]
        assert its.trade.account.order(2).refusal.startswith("-2010 ")
        its.trade.cancel_order("AAAUSDT")
        assert its.desk.records.open == {}
