"""Single things that happen to orders, written out: each in a world where nothing else goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from engine.binance import requests
from engine.binance.library import BinanceAPIException
from engine.binance.life import Execution, Life, Stage
from engine.binance.numbers import NotExact
from engine.errors import ExchangeError, JournalError, OrderError
from engine.exchange import kernel as k
from engine.host.hand import change_of
from engine.model import OrderStatus, OrderType, Signal
from engine.trading.terms import Terms
from tests.binance.sim import World
from tests.binance.sim_exchange import UNIT, Refusal
from tests.binance.sim_flight import Reply
from tests.binance.sim_judge import differences

Work = Callable[[World], Coroutine[Any, Any, None]]
Play = Callable[..., World]


# of unknown fate


@pytest.mark.parametrize("fault", ["lost_response", "-1006", "-1007", "503", "504", "html"])
def test_an_order_whose_answer_is_lost_is_found_and_never_sent_again(play: Play, fault: str) -> None:
    async def work(its: World) -> None:
        its.soon[fault] = 1
        its.exchange.tell = lambda event: None
        its.trade.place_order("AAAUSDT", 1)
        await its.until(lambda: its.trade.lives.unknown != [])
        assert its.trade.disarmed.startswith("order #0 of AAAUSDT ")
        await its.until(lambda: its.life(0).complete)
        assert (its.posts, its.life(0).stage, its.life(0).accounted) == (1, Stage.FILLED, UNIT)
        assert its.trade.disarmed, "until a person arms"
        its.trade.arm()

    play(work)


def test_an_order_that_never_arrived_is_proven_so_when_its_time_is_over(play: Play) -> None:
    async def work(its: World) -> None:
        its.soon["lost_request"] = 1
        its.trade.place_order("AAAUSDT", 1)
        await its.until(lambda: its.life(0).stage is Stage.UNKNOWN)
        assert its.trade.stage_of(0)[0] == "UNKNOWN"
        its.trade.disarmed = ""
        assert its.trade.kept_in(0).startswith("order #0 of this coin is UNKNOWN for ")
        with pytest.raises(OrderError, match="cannot be armed: order #0 of AAAUSDT is UNKNOWN"):
            its.trade.arm()
        its.trade.vigil("")
        its.trade.place_order("BBBUSDT", 1)
        assert its.trade.account.order(1).refusal.startswith("disarmed: order #0 of AAAUSDT ")
        took = await its.until(lambda: its.life(0).stage is Stage.NOT_PLACED)
        assert 60 < took + 12 < 90
        assert its.trade.account.order(0).refusal.startswith("not placed: its time is over")
        assert its.trade.account.order(0).status is OrderStatus.REJECTED
        assert its.posts == 1
        assert its.trade.disarmed
        its.trade.arm()
        assert differences(its) == []

    play(work)


def test_a_cancel_of_an_order_of_unknown_fate_goes_out_and_proves_nothing(play: Play) -> None:
    async def work(its: World) -> None:
        its.soon["lost_request"] = 1
        its.trade.place_order("AAAUSDT", 1, 90)
        await its.until(lambda: its.life(0).stage is Stage.UNKNOWN)
        assert its.trade.cancel(0)
        await asyncio.sleep(5)
        assert its.life(0).stage is Stage.UNKNOWN
        assert not its.life(0).cancels
        with pytest.raises(OrderError, match="nobody knows whether it is there"):
            its.trade.amend_order(0, 0.5)
        its.trade.disarmed = ""
        with pytest.raises(OrderError, match="nobody knows whether it is there"):
            its.trade.replace_order(0, 1, 91)
        await its.until(lambda: its.life(0).stage is Stage.NOT_PLACED)
        assert not its.trade.cancel(0)

    play(work)


async def watched(its: World, seconds: int) -> None:
    """Let time pass as it does in a flight, looked after."""
    for _ in range(seconds):
        await asyncio.sleep(1)
        its.trade.vigil("")


@pytest.mark.parametrize("fault", ["lost_request", "429", "-1021"])
def test_an_end_that_was_asked_for_is_asked_for_until_it_has_come(play: Play, fault: str) -> None:
    async def work(its: World) -> None:
        order, kept = await its.rests(), await its.rests(150, -1)
        if fault == "-1021":
            its.flight.client.clock._latest -= 60 * 10**9
            its.flight.client.clock.forget()
        its.soon[fault] = 1
        its.trade._stop("too much was lost")
        await watched(its, 75)
        assert its.life(order).stage is Stage.CANCELED
        assert its.life(kept).stage is Stage.NEW, "nobody asked for its end"

    play(work)


def test_an_end_is_asked_for_every_2_s_and_what_is_answered_the_same_is_written_once(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        asked: list[float] = []

        def refused(p: Any) -> Any:
            asked.append(its.loop.now_s)
            raise Refusal(-1034, "Too many requests at once.")

        its.exchange.cancel = refused  # type: ignore[method-assign]
        its.trade.cancel(order)
        await watched(its, 10)
        assert len(asked) == 5
        assert min(later - before for before, later in itertools.pairwise(asked)) > 1.99
        assert [entry.what for entry in its.flight.journal.entries(its.life(order).cid)].count("cancel") == 1
        await its.quiet()
        its.flight.kill()
        del its.exchange.cancel
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        await watched(its, 5)
        assert its.life(order).stage is Stage.CANCELED, "after a restart too"
        its.trade.arm()

    play(work)


def test_an_order_that_is_there_but_unseen_for_a_while_is_not_given_up(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.soon["lost_response"] = 1
        its.exchange.tell = lambda event: None
        its.lag_until = 2**63
        its.dice.randrange = lambda *limits: 55 * 10**9  # type: ignore[method-assign, assignment]
        its.trade.place_order("AAAUSDT", 1, 90)
        took = await its.until(lambda: its.life(0).stage is Stage.NEW)
        assert 50 < took < 65

    play(work)


def test_what_the_exchange_no_longer_knows_ends(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.exchange.orders.clear()
        its.exchange.open.clear()
        its.exchange.by_cid.clear()
        its.exchange.balances = {asset: [sum(both), 0] for asset, both in its.exchange.balances.items()}
        its.exchange._tell_balances()
        await its.until(lambda: its.life(order).stage is Stage.EXPIRED)
        assert its.trade.account.order(order).refusal.startswith("the exchange no longer knows it")
        assert its.trade.lives.unsettled == []
        assert (its.trade.mirror.free("USDT"), its.trade.mirror.locked("USDT")) == (10**6 * UNIT, 0)

    play(work)


def test_what_the_exchange_has_archived_has_ended(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()

        def archived(path: str, p: Any, lag: int) -> Any:
            raise Refusal(-2026, "Order was canceled or expired with no executed qty over 90 days ago and has been archived.")

        its.exchange.ask = archived  # type: ignore[method-assign]
        assert await its.trade.wire.evidence.look(its.life(order)) is None
        assert its.life(order).stage is Stage.EXPIRED

    play(work)


def test_a_duplicate_is_not_a_refusal(play: Play) -> None:
    async def work(its: World) -> None:
        real = its.exchange.place

        def twice(p: Any) -> Any:
            real(p)
            return real(p)

        its.exchange.plan = []
        its.exchange.place = twice  # type: ignore[method-assign]
        its.trade.place_order("AAAUSDT", 1, 90)
        await its.quiet()
        assert its.life(0).stage is Stage.NEW

    play(work)


def test_a_status_nobody_knows_is_asked_for_again(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_order("AAAUSDT", 1, 90)
        await its.quiet()
        its.soon["strange"] = 3
        its.exchange._keep(its.exchange.open[1], "NEW")
        await its.until(lambda: its.life(0).stage is Stage.UNKNOWN)
        assert its.life(0).text == "the exchange calls it 'PENDING_SOMETHING'"
        assert its.trade.disarmed.startswith("order #0 of AAAUSDT ")
        await its.until(lambda: its.life(0).stage is Stage.NEW)

    play(work)


def test_a_garbled_reply_says_nothing(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan, real = [], its.exchange.place
        for body in ({}, {"orderId": 1}, {"orderReports": 7, "orderListId": 1}, {"orderId": 1, "clientOrderId": "x"}):
            its.exchange.place = lambda p, body=body: (real(p), body)[1]  # type: ignore[method-assign, misc]
            its.trade.disarmed = ""
            its.trade.place_order("AAAUSDT", 1, 90)
            await its.until(lambda: not its.trade.wire.tasks and not its.trade.lives.unknown)
        assert differences(its) == []
        assert its.posts == 4

    play(work)


def test_fills_that_a_reply_leaves_out_are_asked_for(play: Play) -> None:
    async def work(its: World) -> None:
        real = its.exchange.place
        its.exchange.place = lambda p: real(p) | {"fills": []}  # type: ignore[method-assign]
        its.exchange.tell = lambda event: None
        its.trade.place_order("AAAUSDT", 1)
        took = await its.until(lambda: its.life(0).complete)
        assert took < 1
        assert all(fill.final for fill in its.life(0).trades.values())

    play(work)


# cancels, amendments, replacements


def test_cancels_go_out_while_the_journal_takes_nothing(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.soon["journal"] = 100
        its.trade.place_order("AAAUSDT", 1, 80)
        assert its.trade.disarmed == "the disk is full"
        assert its.trade.account.order(1).refusal == "disarmed: the disk is full"
        with pytest.raises(OrderError, match="the disk is full"):
            its.trade.amend_order(order, 0.5)
        with pytest.raises(OrderError, match="cannot be armed: the disk is full"):
            its.trade.arm()
        its.trade.cancel(order)
        await its.quiet()
        assert its.life(order).stage is Stage.CANCELED
        its.soon["journal"] = 0

    play(work)


@pytest.mark.parametrize("fault", ["", "503", "lost_response", "garbled", "429"])
def test_what_became_of_a_cancel_the_exchange_says(play: Play, fault: str) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.soon[fault] = 1
        its.trade.cancel(order)
        assert its.trade.stage_of(order)[0] == "CANCEL_SENT"
        await its.until(lambda: not its.life(order).cancels)
        if fault == "429":
            assert its.life(order).stage is Stage.NEW
            await asyncio.sleep(60)
            its.trade.cancel(order)
        await its.until(lambda: its.life(order).stage is Stage.CANCELED)

    play(work)


def test_an_order_that_filled_before_its_cancel_came_is_filled(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.exchange.tell = lambda event: None
        its.exchange._happen(its.exchange.open[1], 1.0)
        its.trade.cancel(order)
        await its.quiet()
        assert its.life(order).stage is Stage.FILLED
        assert its.life(order).complete

    play(work)


def test_an_order_is_reduced(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.trade.amend_order(order, Decimal("0.4"))
        await its.quiet()
        assert its.life(order).amount == 4 * UNIT // 10
        assert its.trade.account.order(order).amount == Decimal("0.4")
        for fault in ("lost_response", "503"):
            its.soon[fault] = 1
            before = its.life(order).amount
            its.trade.amend_order(order, Decimal(before) / UNIT / 2)
            await its.until(lambda before=before: its.life(order).amount == before // 2)  # type: ignore[misc]
        its.soon["429"] = 1
        its.trade.amend_order(order, Decimal("0.05"))
        await its.quiet()
        assert its.life(order).amount == UNIT // 10
        with pytest.raises(OrderError, match="quantity increase"):
            its.trade.amend_order(order, 2)
        await asyncio.sleep(65)
        assert differences(its) == []

    play(work)


def test_an_order_is_replaced_and_both_parts_are_known(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.trade.replace_order(order, 2, 91, by="hand", reason="nearer")
        assert [entry.what for entry in its.flight.journal.entries()][-1] == "intent", "written down before it leaves"
        await its.quiet()
        assert (its.life(order).stage, its.life(1).stage) == (Stage.CANCELED, Stage.NEW)
        assert its.trade.account.order(1).by == "hand"

        its.soon["half"] = 1
        its.trade.replace_order(1, 2, 92)
        await its.quiet()
        assert (its.life(1).stage, its.life(2).stage) == (Stage.CANCELED, Stage.REJECTED)
        assert its.trade.account.order(2).refusal == "-2010 Account has insufficient balance for requested action."

        third = await its.rests()
        its.exchange.tell = lambda event: None
        its.exchange._happen(next(iter(its.exchange.open.values())), 1.0)
        its.trade.replace_order(third, 2, 92)
        await its.quiet()
        assert (its.life(third).stage, its.life(4).stage) == (Stage.FILLED, Stage.REJECTED)
        assert "not placed, as the other could not be cancelled: -2011" in its.trade.account.order(4).refusal
        its.exchange.tell = its.stream

        fifth = await its.rests()
        for fault in ("lost_response", "-1007", "garbled"):
            its.soon[fault] = 1
            last = its.trade.mirror.n_orders - 1
            its.trade.disarmed = ""
            its.trade.replace_order(last, 2, 92)
            await its.until(lambda last=last: its.life(last + 1).stage is Stage.NEW)  # type: ignore[misc]
            await its.until(lambda last=last: its.life(last).stage is Stage.CANCELED)  # type: ignore[misc]
        assert its.life(fifth).stage is Stage.CANCELED

        its.soon["filter"] = 1
        last = its.trade.mirror.n_orders - 1
        its.trade.arm()
        its.trade.replace_order(last, 2, 93)
        await its.quiet()
        assert (its.life(last).stage, its.life(last + 1).stage) == (Stage.NEW, Stage.REJECTED)
        its.trade.disarm("for lunch")
        with pytest.raises(OrderError, match="stays as it is: disarmed: for lunch"):
            its.trade.replace_order(last, 2, 94)
        await asyncio.sleep(70)
        assert differences(its) == []

    play(work)


def test_a_half_done_replacement_that_cannot_be_read_leaves_the_new_one_unknown(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        real = its.exchange.cancel_replace

        def half(p: Any) -> Any:
            its.soon["half"] = 1
            try:
                return real(p)
            except Refusal as no:
                raise Refusal(-2021, "Order cancel-replace partially failed.", 409, data) from no

        its.exchange.cancel_replace = half  # type: ignore[method-assign]
        data: Any = {"newOrderResponse": {"code": -1007, "msg": "Timeout"}, "cancelResponse": 3}
        its.trade.replace_order(order, 2, 92)
        await its.until(lambda: its.life(1).stage is Stage.UNKNOWN)
        await its.until(lambda: its.life(order).stage is Stage.CANCELED)
        await its.until(lambda: its.life(1).stage is Stage.NOT_PLACED)
        its.trade.arm()
        third = await its.rests()
        for n, data in enumerate(("nothing", None)):  # noqa: B007  (`half` tells it)
            its.trade.disarmed = ""
            its.trade.replace_order(third, 2, 92)
            await its.until(lambda third=third: its.life(third).stage is Stage.CANCELED)  # type: ignore[misc]
            assert its.life(3 + 2 * n).stage is Stage.UNKNOWN
            await its.until(lambda: not its.trade.lives.unknown)
            its.trade.arm()
            third = await its.rests()

    play(work)


@pytest.mark.parametrize("amount", [-3, 3])
def test_an_order_that_fills_as_it_is_replaced_stays(play: Play, amount: int) -> None:
    async def work(its: World) -> None:
        order = await its.rests(90 if amount > 0 else 120, amount)
        (there,) = its.exchange.open.values()
        its.loop.call_later(0.005, lambda: its.exchange._happen(there, 0.5))
        its.trade.replace_order(order, 3, 91 if amount > 0 else 110)
        await its.quiet()
        await asyncio.sleep(1)
        assert list(its.exchange.open.values()) == [there]
        assert its.life(order).filled == 3 * UNIT // 2
        assert "-2011 Order was not canceled due to cancel restrictions." in its.trade.account.order(1).refusal
        with pytest.raises(OrderError, match="it has filled in part; cancel it and place another"):
            its.trade.replace_order(order, 1, 91 if amount > 0 else 110)

    play(work)


def test_what_goes_on_of_a_pair_holds_back_what_both_did(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_oco("AAAUSDT", -3, 120, 80)
        await its.quiet()
        stop = next(order for order in its.exchange.open.values() if order["second"])
        its.exchange._happen(stop, 0.5)
        await asyncio.sleep(1)
        assert its.life(0).stage is Stage.EXPIRED
        assert its.trade.account.position("AAAUSDT").amount == Decimal("1.5")
        assert its.trade.purse.sellable(0) == 0
        its.trade.place_order("AAAUSDT", -1)
        assert its.trade.account.order(2).refusal.startswith("own: a sell of 1 AAA; 0 is the strategy's")
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        assert its.trade.purse.sellable(0) == 0, "as after a restart"
        its.trade.cancel_order("AAAUSDT")
        await its.quiet()
        await asyncio.sleep(1)
        assert its.trade.purse.sellable(0) == 3 * UNIT // 2

    play(work)


def test_a_pair_ends_as_one(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_oco("AAAUSDT", -1, 120, 80)
        await its.quiet()
        assert [its.life(n).stage for n in (0, 1)] == [Stage.NEW, Stage.NEW]
        assert its.trade.purse.sellable(0) == 2 * UNIT, "a pair holds back once"
        with pytest.raises(OrderError, match="one of a pair"):
            its.trade.amend_order(0, 0.5)
        its.trade.cancel_order("AAAUSDT")
        await its.quiet()
        assert [its.life(n).stage for n in (0, 1)] == [Stage.CANCELED, Stage.CANCELED]
        its.trade.place_oco("AAAUSDT", -5, 120, 80)
        assert its.trade.account.order(2).refusal.startswith("own: a sell of 5 AAA; 3 is the strategy's")
        its.soon["journal"] = 1
        its.trade.place_oco("AAAUSDT", -1, 120, 80)
        assert its.trade.account.order(5).refusal == "disarmed: the disk is full"

    play(work)


# exits


def test_exits_follow_their_entry_once_restarts_or_not(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests(stop_loss=80, take_profit=120)
        its.flight.kill()
        # nobody looks while it fills
        its.exchange._happen(its.exchange.open[1], 1.0)
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        await asyncio.sleep(1)
        assert its.life(0).stage is Stage.FILLED
        assert len(its.exchange.orders) == 1, "disarmed, they wait"
        its.trade.arm()
        await its.quiet()
        legs = [(its.life(n).stage, its.life(n).amount) for n in (1, 2)]
        assert legs == [(Stage.NEW, 999 * UNIT // 1000)] * 2
        assert its.trade.account.order(1).entry == 0
        assert its.trade.account.order(1).pair == 2
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()
        await asyncio.sleep(70)
        assert len(its.exchange.orders) == 3
        assert its.trade.account.order(1).entry == 0
        assert differences(its) == []

    play(work)


def test_exits_are_for_what_an_entry_brought_in_before_it_was_cancelled(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests(stop_loss=80)
        its.exchange._happen(its.exchange.open[1], 0.5)
        its.trade.cancel(order)
        await its.quiet()
        await its.until(lambda: its.trade.mirror.n_orders == 2)
        await its.quiet()
        assert its.life(1).amount == 499 * UNIT // 1000
        nothing = await its.rests(stop_loss=80)
        its.trade.cancel(nothing)
        await its.quiet()
        assert its.trade.lives.exits == {}
        assert its.trade.mirror.n_orders == 3

    play(work)


async def lets_in(its: World, fault: str = "", **exits: float) -> None:
    """Have an entry fill, whose exits meet a fault; nothing of its coin is there beside it."""
    its.exchange.balances["AAA"][0] = 0
    its.exchange._tell_balances()
    await its.rests(**exits)
    if fault:
        its.soon[fault] = 1
    its.exchange._happen(max(its.exchange.open.values(), key=lambda order: order["orderId"]), 1.0)
    await asyncio.sleep(1)
    await its.quiet()


async def tended(its: World, seconds: int) -> None:
    """Let time pass, looked at and armed again as somebody would who sees it disarmed."""
    for _ in range(seconds):
        its.trade.vigil("")
        if its.trade.disarmed:
            with contextlib.suppress(OrderError):
                its.trade.arm()
        await asyncio.sleep(1)


def told(its: World) -> list[str]:
    return [entry.facts["text"] for entry in its.flight.journal.entries() if entry.what == "exits"]


def stops(its: World) -> list[int]:
    return [order["amount"] for order in its.exchange.open.values() if order["type"] == "STOP_LOSS"]


@pytest.mark.parametrize(
    ("fault", "why"), [("429", "-1003 Too much request weight used."), ("filter", "-1013 Filter failure: NOTIONAL")]
)
def test_exits_that_are_refused_are_tried_again(play: Play, fault: str, why: str) -> None:
    async def work(its: World) -> None:
        await lets_in(its, fault, stop_loss=80, take_profit=120)
        assert [its.life(n).stage for n in (1, 2)] == [Stage.REJECTED, Stage.REJECTED]
        assert told(its) == [f"has no exits: {why}; tried again in 5 s"]
        await tended(its, 2)
        assert its.exchange.open == {}, "not at once"
        await tended(its, 70)
        assert stops(its) == [999 * UNIT // 1000]
        assert len(its.exchange.orders) == 3, "an entry and a pair"
        assert its.trade.account.order(3).entry == its.trade.account.order(4).entry == 0
        assert len(told(its)) == 1

    play(work, adopt={})


def test_exits_that_are_refused_again_and_again_are_tried_less_often(play: Play) -> None:
    async def work(its: World) -> None:
        await lets_in(its, "filter", stop_loss=80)
        its.soon["filter"] = 4
        await tended(its, 60)
        assert [text.rpartition("; ")[2] for text in told(its)] == [f"tried again in {s} s" for s in (5, 10, 20, 40)]

    play(work, adopt={})


def test_exits_use_what_is_kept_of_the_weight(play: Play) -> None:
    async def work(its: World) -> None:
        budget = its.flight.client.budget
        await its.rests(stop_loss=80)
        await its.rests(stop_loss=80)
        budget._count(int(budget.limit * 0.9))
        its.exchange._happen(its.exchange.open[1], 1.0)
        await asyncio.sleep(1)
        assert len(stops(its)) == 1
        budget._count(budget.limit)
        its.exchange._happen(its.exchange.open[2], 1.0)
        await asyncio.sleep(1)
        assert len(stops(its)) == 1
        assert its.trade.mirror.n_orders == 3, "they wait unsent"
        budget._count(0)
        await tended(its, 2)
        assert len(stops(its)) == 2

    play(work)


def test_exits_that_could_not_be_written_down_follow(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests(stop_loss=80)
        append = its.flight.journal.append

        def full(entries: Any) -> int:
            if entries[0][0] == "intent":
                raise JournalError("the disk is full")
            return append(entries)

        its.flight.journal.append = full  # type: ignore[method-assign]
        its.exchange._happen(its.exchange.open[1], 1.0)
        await asyncio.sleep(1)
        assert its.trade.disarmed == "the disk is full"
        its.flight.journal.append = append  # type: ignore[method-assign]
        await tended(its, 7)
        assert stops(its) == [999 * UNIT // 1000]

    play(work)


def test_exits_that_a_crash_kept_from_leaving_follow_when_that_is_proven(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests(stop_loss=80)
        its.trade.wire.place = lambda *order: None  # type: ignore[method-assign]
        its.exchange._happen(its.exchange.open[1], 1.0)
        await asyncio.sleep(1)
        assert its.life(1).stage is Stage.INTENT
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.life(1).stage is Stage.UNKNOWN)
        await tended(its, 30)
        assert stops(its) == [], "it may be there"
        await its.until(lambda: its.life(1).stage is Stage.NOT_PLACED)
        await tended(its, 7)
        assert stops(its) == [999 * UNIT // 1000]
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        await tended(its, 70)
        assert len(its.exchange.orders) == 2

    play(work)


def test_exits_wait_for_balances_that_are_told_late(play: Play) -> None:
    async def work(its: World) -> None:
        # as where another coin is paid with this one
        its.trade.account._spent = [0]
        its.exchange.balances["AAA"][0] = 0
        its.exchange._tell_balances()
        await its.rests(stop_loss=80)
        its.exchange._happen(its.exchange.open[1], 0.4)
        await asyncio.sleep(1)
        its.exchange.tell = lambda event: event["e"] == "outboundAccountPosition" or its.stream(event)
        its.exchange._happen(its.exchange.open[1], 1.0)
        await tended(its, 4)
        assert stops(its) == []
        await tended(its, 3)
        assert stops(its) == [399 * UNIT // 1000]
        assert told(its) == ["has no exits for 0.6 AAA: it is not free; they follow when it is"]
        its.exchange.tell = its.stream
        await tended(its, 70)
        assert stops(its) == [399 * UNIT // 1000, 600 * UNIT // 1000]
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        await tended(its, 10)
        assert len(stops(its)) == 2

    play(work, adopt={})


@pytest.mark.parametrize(
    ("exits", "why"),
    [
        ({"stop_loss": 101}, "Stop price would trigger immediately."),
        ({"stop_loss": 101, "take_profit": 120}, "Stop price would trigger immediately."),
        ({"stop_loss": 80, "take_profit": 95}, "Order would immediately match and take."),
    ],
)
def test_what_the_market_has_gone_past_the_exits_of_is_sold(play: Play, exits: Any, why: str) -> None:
    async def work(its: World) -> None:
        await lets_in(its, **exits)
        await tended(its, 1)
        assert told(its) == [
            f"has no exits: -2010 {why}",
            "is sold at market: the market has gone past its exits; 0.999 AAA",
        ]
        sold = its.trade.account.order(its.trade.mirror.n_orders - 1)
        assert (sold.type, sold.amount, sold.entry) == (OrderType.MARKET, Decimal("0.999"), 0)
        assert its.trade.account.position("AAAUSDT").amount < Decimal("0.001")
        await tended(its, 70)
        assert its.exchange.open == {}

    play(work, adopt={})


def test_no_exits_follow_for_what_was_sold_otherwise(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests(stop_loss=80)
        its.trade.disarm("for lunch")
        its.exchange._happen(its.exchange.open[1], 1.0)
        await asyncio.sleep(1)
        await its.trade.halt(flatten=True)
        assert its.trade.account.position("AAAUSDT").amount < Decimal("0.001")
        await tended(its, 2)
        assert told(its) == ["needs no exits for 0.999 AAA: it is no longer held"]
        its.trade.place_order("AAAUSDT", 1)
        await its.quiet()
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.flight.ledger.reconciled)
        await tended(its, 20)
        assert its.exchange.open == {}, "what was bought since has none"
        assert len(told(its)) == 1

    play(work, adopt={})


def test_an_entry_with_exits_is_not_replaced_by_hand(play: Play) -> None:
    async def work(its: World) -> None:
        assert change_of(its.trade, await its.rests()) == "any"
        assert change_of(its.trade, await its.rests(stop_loss=80)) == "less"

    play(work)


def test_a_close_waits_for_the_exits_it_takes_off(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_order("AAAUSDT", 1, stop_loss=80)
        await its.until(lambda: len(its.exchange.open) == 1)
        await its.quiet()
        its.exchange.balances["AAA"][0] = 0
        its.exchange._tell_balances()
        await asyncio.sleep(1)
        its.trade.trade("AAAUSDT", Signal.close())
        assert its.trade.signals[0].outcome == "orders cancelled"
        await its.until(lambda: its.trade.mirror.n_orders == 3)
        await its.quiet()
        assert its.life(1).stage is Stage.CANCELED
        sold = its.trade.account.order(2)
        assert (sold.status, sold.amount) == (OrderStatus.FILLED, Decimal("0.999"))

    play(work, adopt={})


def test_a_close_whose_cancel_fails_is_given_up_in_words(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_order("AAAUSDT", -3, 120)
        await its.quiet()
        its.exchange.balances["AAA"][0] = 0
        its.exchange._tell_balances()
        await asyncio.sleep(1)
        real, its.exchange.cancel = its.exchange.cancel, busy  # type: ignore[method-assign]
        # by hand, as a strategy's would be taken to work already
        its.trade.cancel(0)
        its.trade.place_order("AAAUSDT", -3, by="hand")
        for _ in range(121):
            assert its.trade.mirror.n_orders == 1
            await asyncio.sleep(1)
            its.trade.vigil("")
        assert its.trade.account.order(1).refusal == "it waited for 120 s: order #0 works still"
        its.exchange.cancel = real  # type: ignore[method-assign]

    def busy(p: Any) -> Any:
        raise Refusal(-1034, "Too many requests at once.")

    play(work)


def test_a_signal_that_is_refused_takes_off_nothing_that_protects(play: Play) -> None:
    async def work(its: World) -> None:
        await its.protected()
        trade, budget = its.trade, its.flight.client.budget
        sell_all = Terms(k.SELL, k.MARKET), 999 * UNIT // 1000

        def refused(signal: Signal, why: str) -> None:
            trade.trade("AAAUSDT", signal)
            assert trade.signals[len(trade.signals) - 1].outcome == f"not sent: {why}"
            assert not its.life(1).cancels

        trade.disarm("for lunch")
        for signal in (Signal.close(), Signal.sell(amount=0.5), Signal.sell(value=50)):
            refused(signal, "disarmed: for lunch")
        trade.arm()
        trade.risk.limits, trade.risk._limited = trade.risk.limits._replace(repeat_s=60), True
        trade.risk.sent(0, *sell_all)
        refused(Signal.close(), "risk: the same order was given 0 s ago, no_repeat_s is 60")
        trade.risk.limits, trade.risk._limited = trade.limits, False
        budget._count(budget.limit)
        refused(Signal.close(), "the request weight of this minute is used up")
        budget._count(0)
        trade.trade("AAAUSDT", Signal.close())
        await its.until(lambda: its.exchange.balances["AAA"] == [0, 0])

    play(work, adopt={})


def test_a_signal_that_is_refused_takes_off_what_would_buy_and_nothing_that_sells(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_order("AAAUSDT", -3, stop=80, by="hand")
        await its.rests(coin="BBBUSDT", price=18)
        its.trade.place_order("BBBUSDT", 1)
        await its.quiet()
        its.trade.disarm("for lunch")
        its.trade.trade("AAAUSDT", Signal.buy(value=100))
        its.trade.trade("BBBUSDT", Signal.close())
        assert {note.outcome for note in its.trade.signals} == {"not sent: disarmed: for lunch"}
        await its.quiet()
        assert [its.life(n).stage for n in (0, 1)] == [Stage.NEW, Stage.CANCELED]

    play(work)


def test_a_stop_of_the_limits_that_may_not_sell_leaves_what_protects(play: Play) -> None:
    async def work(its: World) -> None:
        await its.protected()
        its.trade.limits = its.trade.limits._replace(flatten=True)
        its.trade.disarm("for lunch")
        its.trade._stop("too much was lost")
        await its.quiet()
        assert its.life(1).stage is Stage.NEW
        assert its.trade.account.order(2).refusal == "disarmed: for lunch"
        its.trade.arm()
        its.trade._stop("too much was lost")
        await its.until(lambda: its.exchange.balances["AAA"] == [0, 0])
        assert its.life(1).stage is Stage.CANCELED

    play(work, adopt={})


@pytest.mark.parametrize("known", [True, False])
def test_a_close_does_not_sell_the_holders_coins_when_an_exit_fills_before_its_cancel(play: Play, known: bool) -> None:
    async def work(its: World) -> None:
        await its.protected(of_others=5)
        stop = next(iter(its.exchange.open.values()))
        if not known:
            # that it filled is told by the answer to a question alone, and its trades by another, late
            its.listeners.clear()
            ask = its.exchange.ask
            its.exchange.ask = lambda path, p, lag: [] if path == "myTrades" else ask(path, p, lag)  # type: ignore[method-assign]
        its.loop.call_later(0.005, lambda: its.exchange._happen(stop, 1.0))
        its.trade.trade("AAAUSDT", Signal.close())
        assert its.trade.signals[0].outcome == "orders cancelled"
        await asyncio.sleep(2)
        if not known:
            assert (its.life(1).stage, its.life(1).accounted) == (Stage.FILLED, 0)
            assert its.trade.purse.sellable(0) == 0
            its.trade.trade("AAAUSDT", Signal.close())
            assert its.trade.signals[1].outcome == "its order works already"
            its.exchange.ask = ask  # type: ignore[method-assign]
        await asyncio.sleep(10)
        its.trade.vigil("")
        await its.until(lambda: its.trade.mirror.n_orders == 3)
        assert its.trade.account.order(2).refusal.startswith("own: a sell of 0.999 AAA; 0 is the strategy's")
        assert its.exchange.balances["AAA"] == [5 * UNIT, 0]

    play(work, adopt={})


def test_a_close_outlasts_balances_that_are_not_told(play: Play) -> None:
    async def work(its: World) -> None:
        await its.protected()
        its.listeners.clear()
        its.trade.trade("AAAUSDT", Signal.close())
        await its.until(lambda: its.life(1).stage is Stage.CANCELED)
        its.trade.trade("AAAUSDT", Signal.close())
        assert its.trade.signals[1].outcome == "its order works already"
        for _ in range(8):
            await asyncio.sleep(1)
            its.trade.vigil("")
        assert its.exchange.balances["AAA"] == [0, 0], "they are asked for after 5 s"
        assert its.trade.account.order(2).amount == Decimal("0.999")
        assert its.trade.mirror.n_orders == 3

    play(work, adopt={})


def test_a_close_that_waits_is_refused_once_it_is_disarmed_or_halted(play: Play) -> None:
    async def work(its: World) -> None:
        await its.protected()
        its.listeners.clear()
        its.trade.trade("AAAUSDT", Signal.close())
        await its.trade.halt(False)
        assert its.trade.account.order(2).refusal == "disarmed: halted"

    play(work, adopt={})


def test_a_close_of_more_than_is_there_sells_what_is(play: Play) -> None:
    async def work(its: World) -> None:
        await its.protected()
        # fees of other coins, paid in it
        its.exchange.cancel({"symbol": "AAAUSDT", "origClientOrderId": its.life(1).cid})
        its.exchange.balances["AAA"][0] -= UNIT // 1000
        its.exchange._tell_balances()
        await asyncio.sleep(1)
        its.trade.trade("AAAUSDT", Signal.close())
        await its.quiet()
        assert its.trade.account.order(2).amount == Decimal("0.998")
        assert its.exchange.balances["AAA"] == [0, 0]

    play(work, adopt={})


# what is whose


def test_the_holders_coins_are_never_sold_and_cash_is_not_passed(play: Play) -> None:
    async def work(its: World) -> None:
        its.trade.place_order("AAAUSDT", -4)
        assert its.trade.account.order(0).refusal == (
            "own: a sell of 4 AAA; 3 is the strategy's and in no other sell, 1 too much"
        )
        its.trade.place_order("AAAUSDT", 600)
        assert its.trade.account.order(1).refusal.startswith("cash: an order of 60,000 USDT; 50,000 of the strategy's")
        its.trade.trade("AAAUSDT", Signal.buy(value=10**6))
        await its.quiet()
        assert its.life(2).amount == 500 * UNIT
        assert its.trade.account.balances["BBB"][0] == 500
        assert its.trade.account.position("BBBUSDT").amount == 0

    play(work)


def test_what_was_sold_is_not_sold_again_while_its_fills_are_not_known(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests(150, -1)
        its.exchange.tell = lambda event: None
        its.exchange._happen(its.exchange.open[1], 1.0)
        real = its.exchange.ask
        its.exchange.ask = lambda path, p, lag: [] if path == "myTrades" else real(path, p, lag)  # type: ignore[method-assign]
        await its.flight.ledger.reconcile()
        assert (its.life(order).stage, its.life(order).accounted) == (Stage.FILLED, 0)
        assert its.trade.purse.sellable(0) == 2 * UNIT
        its.trade.place_order("AAAUSDT", -2.5)
        assert its.trade.following.waits(0, k.SELL)
        its.exchange.ask = real  # type: ignore[method-assign]
        await its.flight.ledger.reconcile()
        assert its.life(order).complete
        await its.until(lambda: not its.trade.mirror.position(0))
        assert [life.amount for life in its.trade.lives.by_cid.values()] == [UNIT, 2 * UNIT]

    play(work)


def test_fees_are_the_highest_that_any_coin_pays(play: Play) -> None:
    async def work(its: World) -> None:
        ask = its.exchange.ask

        def dear(path: str, p: Any, lag: int) -> Any:
            told = ask(path, p, lag)
            if path == "account/commission" and p["symbol"] == "BBBUSDT":
                told["taxCommission"] = {"maker": "0.00200000", "taker": "0.00250000"}
            return told

        its.exchange.ask = dear  # type: ignore[method-assign]
        its.flight.ledger.books._rates_known = False
        await its.flight.ledger.reconcile()
        assert its.trade.mirror.head[[k.MAKER_RATE, k.TAKER_RATE]].tolist() == [300_000, 350_000]

    play(work)


def test_one_trade_is_of_one_order(play: Play) -> None:
    async def work(its: World) -> None:
        first, second = await its.rests(), await its.rests()
        fill = Execution(9, 90 * UNIT, UNIT // 2, 45 * UNIT, 0, "USDT", True, 1)
        its.trade.lives.fill(its.life(first), fill)
        with pytest.raises(NotExact, match="trade 9 of AAAUSDT is told of two orders"):
            its.trade.lives.fill(its.life(second), fill)

    play(work)


def test_a_stop_of_the_limits_withdraws_each_order_once(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests()
        await its.rests()
        its.trade._stop("too much was lost")
        await its.quiet()
        assert [its.life(n).stage for n in (0, 1)] == [Stage.CANCELED, Stage.CANCELED]

    play(work)


def test_every_type_is_written_as_the_exchange_wants_it(play: Play) -> None:
    async def work(its: World) -> None:
        sent: list[Any] = []
        its.exchange.place = lambda p: sent.append(p) or {}  # type: ignore[method-assign, func-returns-value]
        place = its.trade.place_order
        place("AAAUSDT", 1, 90)
        place("BBBUSDT", Decimal("0.5"), 12, stop=30, type=OrderType.STOP_LIMIT)
        await asyncio.sleep(0.02)
        assert [(p["quantity"], p["price"], p.get("stopPrice"), p["timeInForce"]) for p in sent] == [
            ("1", "90", None, "GTC"),
            ("0.5", "12", "30", "GTC"),
        ]

    play(work)


def test_numbers_are_written_plain_and_exact() -> None:
    told = {1: "0.00000001", 1000: "0.00001", 10**8: "1", 10**10: "100", 123456789012345678: "1234567890.12345678"}
    assert {units: requests.plain(units) for units in told} == told


def test_the_legs_of_a_pair_are_named_by_where_they_lie() -> None:
    limit, stop = (Life(cid=cid, coin="AAAUSDT", side=-1, amount=UNIT, created=1) for cid in ("td-1", "td-2"))
    asked = Terms(k.SELL, k.LIMIT_MAKER, 120 * UNIT), Terms(k.SELL, k.STOP_LIMIT, 79 * UNIT, 80 * UNIT)
    assert requests.pair(limit, stop, asked, UNIT) == {
        "symbol": "AAAUSDT",
        "side": "SELL",
        "quantity": "1",
        "newOrderRespType": "FULL",
        "aboveType": "LIMIT_MAKER",
        "aboveClientOrderId": "td-1",
        "abovePrice": "120",
        "belowType": "STOP_LOSS_LIMIT",
        "belowClientOrderId": "td-2",
        "belowPrice": "79",
        "belowStopPrice": "80",
        "belowTimeInForce": "GTC",
    }


def test_a_reply_is_as_much_as_it_says() -> None:
    error = BinanceAPIException(Reply('{"code": "x", "msg": null}'), 400, '{"code": "x", "msg": null}')
    from engine.binance.outcome import Outcome, of_body, of_error

    assert of_error(error).outcome is Outcome.UNKNOWN
    assert of_body([]).outcome is Outcome.UNKNOWN
    assert of_error(ExchangeError("no way")).outcome is Outcome.UNKNOWN
    assert issubclass(JournalError, Exception)
