"""What the exchange is asked about an order of unknown fate, and what only looks like an answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from engine.binance.life import News, Stage
from engine.binance.numbers import NotExact
from tests.binance.sim import World
from tests.binance.sim_exchange import UNIT, Refusal
from tests.binance.sim_judge import differences

Work = Callable[[World], Coroutine[Any, Any, None]]
Play = Callable[..., World]


async def lost(its: World, *, arrives: bool = False) -> None:
    """Have order 0 be of unknown fate, GET order not knowing it whether it arrived or not."""
    real = its.exchange.ask
    its.exchange.plan = []
    its.exchange.tell = lambda event: None
    its.soon["lost_response" if arrives else "lost_request"] = 1
    its.trade.place_order("AAAUSDT", 1, 90)

    def blind(path: str, p: Any, lag: int) -> Any:
        if path == "order" and "origClientOrderId" in p:
            raise Refusal(-2013, "Order does not exist.")
        return real(path, p, lag)

    its.exchange.ask = blind  # type: ignore[method-assign]
    await its.until(lambda: its.life(0).stage is Stage.UNKNOWN)


def test_an_order_among_the_open_ones_is_there_though_it_cannot_be_asked_for(play: Play) -> None:
    async def work(its: World) -> None:
        await lost(its, arrives=True)
        life = its.life(0)
        assert not await its.trade.wire.evidence._nowhere(life)
        assert life.stage is Stage.NEW

    play(work)


def test_a_trade_nobody_accounts_for_is_looked_into(play: Play) -> None:
    async def work(its: World) -> None:
        await lost(its, arrives=True)
        life = its.life(0)
        its.exchange._happen(its.exchange.open[1], 1.0)
        ask = its.exchange.ask
        its.exchange.ask = lambda path, p, lag: [] if "Orders" in path else ask(path, p, lag)  # type: ignore[method-assign]
        assert not await its.trade.wire.evidence._nowhere(life)
        assert (life.stage, life.order_id) == (Stage.FILLED, 1)

    play(work)


def test_trades_of_others_prove_nothing(play: Play) -> None:
    async def work(its: World) -> None:
        old = its.exchange._enter("AAAUSDT", "BUY", "LIMIT", UNIT, {"price": "50.00000000"}, "web_1")
        old.pop("plan")
        await asyncio.sleep(100)
        its.exchange._happen(old, 1.0)
        await lost(its)
        assert await its.trade.wire.evidence._nowhere(its.life(0))
        assert its.life(0).stage is Stage.UNKNOWN

    play(work)


@pytest.mark.parametrize("path", ["openOrders", "allOrders", "myTrades"])
@pytest.mark.parametrize("answer", [{}, [3], [{"orderId": "x", "clientOrderId": "td-sim001-00000001-1"}] * 1000, None])
def test_what_cannot_be_read_proves_nothing(play: Play, path: str, answer: Any) -> None:
    async def work(its: World) -> None:
        await lost(its)
        ask = its.exchange.ask

        def told(asked: str, p: Any, lag: int) -> Any:
            if asked == path and answer is None:
                raise Refusal(-1003, "later")
            return answer if asked == path else ask(asked, p, lag)

        its.exchange.ask = told  # type: ignore[method-assign]
        assert not await its.trade.wire.evidence._nowhere(its.life(0))
        assert its.life(0).stage is Stage.UNKNOWN

    play(work)


def test_an_answer_about_another_order_is_none(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        real = its.exchange.ask
        told: dict[str, Any] = {}
        its.exchange.ask = lambda path, p, lag: real(path, p, lag) | told  # type: ignore[method-assign]
        for other in ({"orderId": 9}, {"symbol": "BBBUSDT"}, {"side": "SELL"}, {"orderId": 9, "clientOrderId": "another"}):
            told.clear()
            told.update(other)
            assert await its.trade.wire.evidence.look(its.life(order)) is None
        told.clear()
        told.update(clientOrderId="of a cancel elsewhere", status="CANCELED")
        assert await its.trade.wire.evidence.look(its.life(order)) is True
        assert its.life(order).stage is Stage.CANCELED

    play(work)


def test_an_order_of_the_same_name_that_is_not_what_was_meant_is_another(play: Play) -> None:
    async def work(its: World) -> None:
        await lost(its)
        life = its.life(0)
        del its.exchange.ask
        its.exchange.tell = its.stream
        its.exchange._enter("AAAUSDT", "BUY", "LIMIT", 2 * UNIT, {"price": "50.00000000"}, life.cid).pop("plan")
        assert await its.trade.wire.evidence.look(life) is None
        assert not await its.trade.wire.evidence._is(life, 1)
        await asyncio.sleep(1)
        await its.flight.ledger.reconcile()
        assert (life.stage, life.order_id) == (Stage.UNKNOWN, 0)
        assert [external.order_id for external in its.flight.ledger.status().externals] == [1]
        with pytest.raises(NotExact):
            its.trade.lives.hear(life, News(Stage.NEW, 0, its.now(), 1, 0, 2 * UNIT))

    play(work)


def test_where_a_journal_begins_anew_no_old_order_is_taken_for_a_new_one(play: Play, tmp_path: Path) -> None:
    async def work(its: World) -> None:
        its.trade.place_order("AAAUSDT", 2)
        await its.quiet()
        await its.rests()
        its.flight.kill()
        its.path = tmp_path / "of another key.db"
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()
        its.soon["lost_request"] = 1
        its.trade.place_order("AAAUSDT", 3)
        await its.until(lambda: not its.life(0).is_open)
        assert (its.life(0).stage, its.life(0).accounted) == (Stage.NOT_PLACED, 0)
        its.trade.arm()
        await its.rests()
        assert [external.order_id for external in its.flight.ledger.status().externals] == [2]

    play(work, adopt={})


def test_orders_of_a_journal_from_before_are_known_by_the_names_they_had(play: Play) -> None:
    async def work(its: World) -> None:
        its.trade.lives._named = "td-sim001-"
        order = await its.rests()
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        assert (its.life(order).cid, its.life(order).stage) == ("td-sim001-1", Stage.NEW)
        its.trade.arm()

    play(work)


def test_names_are_such_as_the_exchange_takes(play: Play) -> None:
    async def work(its: World) -> None:
        its.trade.lives._next = 10**9
        order = await its.rests()
        assert re.fullmatch(r"[.A-Z:/a-z0-9_-]{1,36}", its.life(order).cid)

    play(work)


def test_an_order_whose_trades_cannot_be_had_is_asked_for_again(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.exchange.tell = lambda event: None
        its.exchange._happen(its.exchange.open[1], 1.0)
        real = its.exchange.ask
        its.exchange.ask = lambda path, p, lag: {} if path == "myTrades" else real(path, p, lag)  # type: ignore[method-assign]
        life = its.life(order)
        assert await its.trade.wire.evidence.look(life) is None
        await its.trade.wire.evidence.complete(life)
        assert life.accounted == 0
        its.exchange.ask = real  # type: ignore[method-assign]
        assert await its.trade.wire.evidence.look(life) is True
        assert life.complete

    play(work)


def test_what_was_refused_or_never_placed_stays_so_after_a_restart(play: Play) -> None:
    async def work(its: World) -> None:
        its.soon["filter"] = 1
        its.trade.place_order("AAAUSDT", 1)
        await its.quiet()
        its.soon["lost_request"] = 1
        its.trade.place_order("AAAUSDT", 1)
        await its.until(lambda: its.life(1).stage is Stage.NOT_PLACED)
        told = [its.trade.account.order(n).refusal for n in (0, 1)]
        its.flight.kill()
        await its.start()
        assert [its.life(n).stage for n in (0, 1)] == [Stage.REJECTED, Stage.NOT_PLACED]
        assert [its.trade.account.order(n).refusal for n in (0, 1)] == told
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()

    play(work)


def test_the_exchanges_word_reopens_what_was_concluded_here(play: Play) -> None:
    async def work(its: World) -> None:
        its.soon["filter"] = 1
        its.trade.place_order("AAAUSDT", 1, 90)
        await its.quiet()
        life = its.life(0)
        assert its.trade.mirror.n_open == 0
        its.trade.lives.hear(life, News(Stage.NEW, 0, its.now(), 77, 0, UNIT))
        assert its.trade.mirror.open_orders == [0]
        assert its.trade.account.order(0).refusal == ""
        assert its.trade.lives.of_order("AAAUSDT", 77) is life

    play(work)


def test_orders_of_a_coin_that_is_not_flown_are_left_out(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests()
        facts = next(entry for entry in its.flight.journal.entries() if entry.what == "intent").facts
        its.flight.journal.write("intent", "td-sim001-900", **(facts | {"coin": "OLDUSDT"}))
        its.flight.journal.write("fill", "td-sim001-900", trade_id=1)
        its.flight.journal.write("intent", "td-other1-901", **facts)
        its.flight.kill()
        await its.start()
        assert len(its.trade.lives.by_cid) == 1
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()
        await its.rests()
        assert its.life(1).cid.endswith("-901"), "numbered after all that was ever written"
        await asyncio.sleep(1)
        assert differences(its) == []

    play(work)


def test_fills_are_corrected_once_they_are_told_for_certain(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.tell = lambda event: None
        real = its.exchange._reply

        def rounded(order: Any, trades: Any) -> Any:
            told = real(order, trades)
            return told | {"fills": [fill | {"commission": "0.00000000"} for fill in told["fills"]]}

        its.exchange._reply = rounded  # type: ignore[method-assign]
        its.trade.place_order("BBBUSDT", 1)
        await its.quiet()
        assert its.trade.mirror.position(1) == UNIT
        await its.flight.ledger.reconcile()
        await its.quiet()
        assert its.trade.mirror.position(1) == 999 * UNIT // 1000
        assert differences(its) == []

    play(work)


def test_what_cannot_be_is_refused_and_changes_nothing(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        with pytest.raises(NotExact):
            its.trade.lives.hear(its.life(order), News(Stage.FILLED, 5 * UNIT, its.now(), 1, 0, UNIT))
        assert its.life(order).stage is Stage.NEW

    play(work)
