"""What keeps orders in, and what a halt does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from engine.binance.life import Stage
from engine.errors import OrderError
from engine.exact import to_decimal
from engine.exchange import kernel as k
from engine.host.gone import Gone
from engine.model import Signal
from engine.trading.risk import Limits, Stop
from engine.trading.terms import AT_MARKET
from tests.binance.sim import World
from tests.binance.sim_exchange import UNIT, Refusal

Work = Callable[[World], Coroutine[Any, Any, None]]
Play = Callable[..., World]


def test_each_trouble_disarms_with_its_reason(play: Play) -> None:
    async def work(its: World) -> None:
        trade, client = its.trade, its.flight.client

        def disarms(why: str) -> None:
            trade.vigil("")
            assert trade.disarmed == why
            with pytest.raises(OrderError, match="cannot be armed"):
                trade.arm()

        client.clock.forget()
        disarms("the exchange's time is not known")
        await its.until(lambda: client.clock.known)
        trade.arm()
        its.skew_ns = 3 * 10**9
        trade.vigil("")
        assert trade.disarmed == "the exchange's time is not known", "this machine's clock jumped"
        await its.until(lambda: client.clock.known)
        trade.disarmed = ""
        disarms("this machine's clock is 3.0 s ahead of the exchange's; 1 s is allowed")
        its.skew_ns = 0
        await asyncio.sleep(3)
        trade.arm()
        client.budget.hear(418, {"Retry-After": "7"})
        disarms("the exchange has banned this address")
        await asyncio.sleep(8)
        trade.arm()
        client.budget.hear(429, {"Retry-After": "7"})
        disarms("the exchange asks to wait")
        await asyncio.sleep(8)
        trade.arm()
        trade.vigil("AAAUSDT is stale")
        assert trade.disarmed == "AAAUSDT is stale"
        trade.vigil("")
        trade.arm()

    play(work)


def test_a_stream_that_stays_down_disarms_and_a_short_cut_only_keeps_in(play: Play) -> None:
    async def work(its: World) -> None:
        for line in list(its.listeners):
            line.cut()
        await asyncio.sleep(0.05)
        its.trade.vigil("")
        assert not its.trade.disarmed
        assert its.trade.kept_in(0).startswith("the account's stream is down")
        await its.until(lambda: its.flight.ledger.reconciled and its.flight.ledger.alive)
        assert its.trade.kept_in(0) == ""
        its.soon["refused"] = 1000
        for line in list(its.listeners):
            line.cut()
        await asyncio.sleep(8)
        its.trade.vigil("")
        assert its.trade.disarmed.startswith("the account's stream is down for ")
        its.soon["refused"] = 0
        await its.until(lambda: its.flight.ledger.alive)
        await its.until(lambda: its.flight.ledger.reconciled)
        its.trade.arm()

    play(work)


def test_a_connection_made_anew_tells_of_orders_again(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        for line in list(its.listeners):
            line.cut()
        await its.until(lambda: its.flight.ledger.socket.counters.reconnects == 1)
        await its.until(lambda: its.flight.ledger.reconciled)
        its.exchange._happen(its.exchange.open[1], 1.0)
        assert await its.until(lambda: its.life(order).complete) < 1

    play(work)


def test_an_order_does_not_leave_once_it_may_not(play: Play) -> None:
    async def work(its: World) -> None:
        its.trade.place_order("AAAUSDT", 1)
        its.trade.disarm("second thoughts")
        await its.quiet()
        assert its.posts == 0
        assert its.trade.account.order(0).refusal == "not sent: disarmed: second thoughts"
        its.trade.arm()
        its.trade.place_order("AAAUSDT", 1)
        its.flight.client.budget._count(6000)
        its.trade.place_order("AAAUSDT", 1)
        await its.quiet()
        assert its.posts == 0
        used_up = "the request weight of this minute is used up"
        assert [its.trade.account.order(n).refusal for n in (1, 2)] == [f"not sent: {used_up}", used_up]

    play(work)


def test_no_more_orders_leave_at_once_than_the_exchange_takes(play: Play) -> None:
    async def work(its: World) -> None:
        its.flight.client.budget.orders_limit = 3
        for price in range(60, 65):
            its.trade.place_order("AAAUSDT", 0.1, price)
        await its.quiet()
        assert its.posts == 3
        told = [its.trade.account.order(n).refusal for n in range(5)]
        assert told == [""] * 3 + ["not sent: 3 orders in 10 s are all that the exchange takes"] * 2
        await its.rests()

    play(work)


def test_what_no_request_should_do_disarms(play: Play) -> None:
    async def work(its: World) -> None:
        async def breaks(life: Any) -> None:
            raise RuntimeError("as nobody expected, secret=0123456789")

        its.trade.wire.evidence.look = breaks  # type: ignore[method-assign, assignment]
        order = await its.rests()
        its.soon["garbled"] = 1
        its.trade.cancel(order)
        await its.quiet()
        assert its.trade.disarmed == "a request failed as none should: RuntimeError as nobody expected, secret=[redacted]"

    play(work)


def test_a_time_that_was_wrong_is_asked_for_again(play: Play) -> None:
    async def work(its: World) -> None:
        its.soon["delay"] = 1
        its.dice.random = lambda: 0.3  # type: ignore[method-assign]
        its.trade.place_order("AAAUSDT", 1)
        await its.until(lambda: its.life(0).stage is Stage.REJECTED)
        assert its.life(0).code == -1021
        assert not its.flight.client.clock.known or its.flight.client.clock._samples

    play(work)


# halting


def test_a_halt_is_on_the_wire_at_once_and_ends_though_nobody_answers(play: Play) -> None:
    async def work(its: World) -> None:
        for price in range(60, 90):
            await its.rests(price, 0.1)
        its.trade.place_order("BBBUSDT", 1)
        await its.quiet()
        sent: list[int] = []
        real = its.exchange.cancel
        its.exchange.cancel = lambda p: (sent.append(its.loop.ns), real(p))[1]  # type: ignore[method-assign, func-returns-value]
        began = its.loop.ns
        said = await its.trade.halt(True)
        assert said == "30 of 30 cancelled; 2 of 2 sold"
        assert len(sent) == 30
        assert max(sent) - began <= 50 * 10**6
        assert its.trade.disarmed == "halted"
        assert await its.trade.halt(True) == "no order was open; nothing was held"

    play(work)


def test_a_halt_says_what_it_could_not_do(play: Play) -> None:
    async def work(its: World) -> None:
        order = await its.rests()
        its.soon["lost_request"] = 1000
        said = await its.trade.halt(True)
        assert said.startswith(
            f"0 of 1 cancelled, #{order} AAAUSDT is CANCEL_SENT still; 0 of 1 sold, #1 AAAUSDT is SENT still"
        )
        its.soon["lost_request"] = 0
        await its.until(lambda: len(its.trade.lives.unsettled) == 1)
        real, asked = its.exchange.cancel, [0]

        def once(p: Any) -> Any:
            asked[0] += 1
            if asked[0] == 1:
                raise Refusal(-1034, "Too many requests at once.")
            return real(p)

        its.exchange.cancel = once  # type: ignore[method-assign]
        assert await its.trade.halt(False) == "1 of 1 cancelled", "it is asked for again"
        its.soon["journal"] = 1
        assert await its.trade.halt(True) == "no order was open; AAAUSDT is not sold: halted"

    play(work)


@pytest.mark.parametrize("mute", [False, True])
def test_a_halt_sells_what_it_freed_though_the_balances_tell_of_it_later(play: Play, mute: bool) -> None:
    async def work(its: World) -> None:
        await its.protected()
        if mute:
            its.listeners.clear()
        assert await its.trade.halt(True) == "1 of 1 cancelled; 1 of 1 sold"
        assert its.exchange.balances["AAA"] == [0, 0]

    play(work, adopt={})


def test_a_halt_does_not_wait_for_ever_for_balances_that_are_not_told(play: Play) -> None:
    async def work(its: World) -> None:
        await its.protected()
        its.listeners.clear()
        its.trade.ask_account = lambda: None
        began = its.loop.now_s
        said = await its.trade.halt(True)
        assert said == "1 of 1 cancelled; AAAUSDT is not sold: what is free of it is less than can be sold"
        assert 10 < its.loop.now_s - began < 11

    play(work, adopt={})


def test_a_halt_leaves_the_holders_coins_and_dust(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_order("BBBUSDT", 1)
        await its.quiet()
        its.exchange.balances["BBB"][0] = UNIT // 10
        its.exchange._tell_balances()
        await asyncio.sleep(1)
        assert (await its.trade.halt(True)) == (
            "no order was open; 1 of 1 sold; BBBUSDT is not sold: what is free of it is less than can be sold"
        )
        assert its.trade.account.order(1).coin == "AAAUSDT"
        assert its.trade.account.order(1).amount == 3

    play(work)


def test_a_halt_in_a_ban_waits_for_nothing(play: Play) -> None:
    async def work(its: World) -> None:
        its.flight.client.budget.hear(418, {"Retry-After": "100"})
        said = await its.trade.halt(True)
        assert said.startswith("no order was open; 0 of 1 sold, #0 AAAUSDT REJECTED")

    play(work)


def test_what_is_out_at_the_end_is_given_up_and_found_at_the_next_start(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.soon["lost_response"] = 1
        its.trade.place_order("AAAUSDT", 1, 90)
        await asyncio.sleep(0.1)
        await its.trade.wire.close()
        assert its.trade.wire.tasks == set()
        its.flight.kill()
        await its.start()
        await its.until(lambda: its.life(0).stage is Stage.NEW)
        assert its.posts == 1

    play(work)


def test_a_loss_beyond_the_limit_stops_buying(play: Play) -> None:
    async def work(its: World) -> None:
        await its.rests()
        its.trade.lives.moved = True
        its.trade.update(its.trade.raw)
        assert not its.trade.lives.moved
        its.trade.risk.losses.drawdown, its.trade.risk.losses.due = 1e-9, 0
        its.trade.risk.look = lambda filled: Stop("too deep", False, 0)  # type: ignore[method-assign]
        its.trade.update(its.trade.raw)
        await its.quiet()
        assert its.life(0).stage is Stage.CANCELED

    play(work)


async def anew(its: World, **limits: Any) -> None:
    """Start again, its history flown, with these limits in the stead of those before."""
    its.flight.kill()
    its.given["limits"] = Limits(**limits) if limits else its.given["limits"]
    await its.start()
    await its.until(lambda: its.flight.ledger.reconciled)
    its.trade.date_back([its.trade.raw.time - 2, its.trade.raw.time - 1, its.trade.raw.time])
    its.trade.arm()
    await its.quiet()


def refusal(its: World) -> str:
    """Why a buy may not go out now, "" where it may."""
    return its.trade.risk.refuse(0, AT_MARKET[k.BUY], UNIT)


def falls(its: World) -> None:
    """Lose as much as the fee of an order of 40,000 is, eight in ten thousand."""
    its.trade.update(its.trade.raw)
    its.trade.place_order("AAAUSDT", 400)


def test_a_stop_for_good_outlasts_a_restart_until_its_limit_is_raised(play: Play) -> None:
    async def work(its: World) -> None:
        falls(its)
        await its.quiet()
        buy = await its.rests(50, 0.1)
        its.soon["lost_request"] = 1
        its.trade.update(its.trade.raw)
        await asyncio.sleep(1)
        told = refusal(its)
        assert "max_drawdown_pct is 0.05" in told
        # the account is well again, and the cancel never left
        await anew(its, drawdown=UNIT // 2000)
        assert refusal(its) == told
        assert its.life(buy).stage is Stage.CANCELED
        await anew(its, drawdown=UNIT // 4000)
        assert refusal(its) == told
        await anew(its, drawdown=UNIT // 1000)
        assert refusal(its) == ""
        await anew(its, drawdown=UNIT // 2000)
        assert its.trade.risk.stops == [], "it does not come back"
        assert [line.what for line in its.trade.journal_since(0, 9999)].count("lifted") == 1

    play(work, limits=Limits(drawdown=UNIT // 2000))


def test_a_stop_for_a_day_outlasts_a_restart_on_that_day(play: Play) -> None:
    async def work(its: World) -> None:
        falls(its)
        await its.quiet()
        its.trade.update(its.trade.raw)
        told = refusal(its)
        assert "max_daily_loss_pct is 0.05" in told
        await anew(its)
        assert refusal(its) == told
        assert its.trade.risk.stopped.today
        its.trade._raw = SimpleNamespace(time=its.trade.raw.time + 86_400 * 10**9)
        its.trade.risk._raw = its.trade._raw
        assert its.trade.risk.stopped is None

    play(work, limits=Limits(daily_loss=UNIT // 2000))


def test_a_stop_that_cannot_be_written_down_stops_all_the_same(play: Play) -> None:
    async def work(its: World) -> None:
        falls(its)
        await its.quiet()
        its.soon["journal"] = 1
        its.trade.update(its.trade.raw)
        assert refusal(its)
        assert its.trade.disarmed == "the disk is full"

    play(work, limits=Limits(drawdown=UNIT // 2000))


def test_what_was_refused_here_has_no_stage_and_the_journal_has_its_words(play: Play) -> None:
    async def work(its: World) -> None:
        its.trade.disarm("for lunch")
        its.trade.place_order("AAAUSDT", 1)
        assert its.trade.stage_of(0) == ("", 0.0)
        assert its.trade.journal_since(0)[-1].text == "for lunch"
        its.trade.arm()
        its.trade.trade("AAAUSDT", Signal.buy(amount=0.01))
        assert its.trade.signals[0].outcome.startswith("not sent: -1013")
        its.trade.place_order("AAAUSDT", 0.01)
        assert its.trade.account.order(1).refusal.startswith("-1013")

    play(work)


def test_a_halt_tells_an_orders_refusal_in_the_exchanges_words(play: Play) -> None:
    async def work(its: World) -> None:
        its.trade.place_order("AAAUSDT", 2)
        await its.quiet()

        def refuse(p: Any) -> Any:
            raise Refusal(-2010, "Account has insufficient balance for requested action.")

        its.exchange.place = refuse  # type: ignore[method-assign]
        said = await its.trade.halt(True)
        assert ", #" in said
        assert said.endswith("AAAUSDT REJECTED: -2010 Account has insufficient balance for requested action.")

    play(work)


def test_a_position_that_the_account_no_longer_has_is_told_of_once(play: Play) -> None:
    async def work(its: World) -> None:
        its.exchange.plan = []
        its.trade.place_order("AAAUSDT", 2)
        await its.quiet()
        gone, second = Gone(its.trade), 10**9
        held = its.trade.mirror.position(0)
        assert held > 0
        assert [gone.look(n * second) for n in range(8)] == [[]] * 8
        its.exchange.balances["AAA"][0] = held // 4
        its.exchange._tell_balances()
        await asyncio.sleep(1)
        assert [gone.look(n * second) for n in range(10, 15)] == [[]] * 5, "it may be a balance that is still to come"
        (told,) = gone.look(15 * second)
        missing = its.trade.purse.gone(0)
        assert held // 2 < missing <= held - held // 4
        assert told.startswith(f"the account no longer has {to_decimal(missing).normalize():f} AAA of the position of ")
        assert gone.look(30 * second) == []
        its.exchange.balances["AAA"][0] = held
        its.exchange._tell_balances()
        await asyncio.sleep(1)
        assert its.trade.purse.gone(0) == 0

    play(work)


def test_an_account_that_began_anew_is_believed_though_its_balances_are_of_an_earlier_time(play: Play) -> None:
    async def work(its: World) -> None:
        told = {"uid": 1}
        real = its.exchange.ask
        its.exchange.ask = lambda path, p, lag: real(path, p, lag) | told if path == "account" else real(path, p, lag)  # type: ignore[method-assign]
        await its.flight.ledger.reconcile()
        its.trade.place_order("AAAUSDT", 2)
        await its.quiet()
        held = its.trade.account.balances["AAA"]
        assert sum(held)
        old = {"updateTime": 0, "balances": [{"asset": "AAA", "free": "0", "locked": "0"}]}
        told |= old
        await its.flight.ledger.reconcile()
        assert its.trade.account.balances["AAA"] == held, "what is of an earlier time is nothing new"
        told |= {"uid": 2}
        await its.flight.ledger.reconcile()
        assert sum(its.trade.account.balances["AAA"]) == 0
        told.clear()

    play(work)
