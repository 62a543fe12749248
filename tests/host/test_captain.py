"""The captain of a flight: when it arms, what it does with a strategy that flew before, and what it tells of it all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import Strategy
from engine.config import SessionConfig
from engine.doctor import Check
from engine.errors import StrategyError
from engine.flight.prices import end
from engine.flight.real import Flight
from engine.host import captain as module
from engine.host.captain import Captain
from engine.host.deadline import TimedEngine
from engine.host.pilot import Pilot
from engine.host.protocol import Arm, CancelAll, CancelOrder, Disarm, Frame, Hello, PlaceOrder, Reply
from engine.model import OrderStatus
from engine.recordings.bars import stamp
from engine.session import Session
from engine.trading.local import LocalTradeSystem
from tests.binance.cockpit import Cockpit
from tests.rehearsal.hall import hall, until
from tests.worlds import MINUTE, START, market, walk

COINS = {"AAAUSDT": walk(300, 1)}


class Counts(Strategy):
    """Remembers when it was asked."""

    def gen_signal(self) -> dict[str, Any]:
        self.asked = [*getattr(self, "asked", []), self.time]
        return {}


@asynccontextmanager
async def aboard(
    folder: Path,
    mode: str = "live",
    began: int = 0,
    begin: int = START + 100 * MINUTE,
    strategy: Strategy | None = None,
    halted: str = "",
) -> AsyncIterator[Captain]:
    """A captain on a rehearsal, whatever its config calls it."""
    tables = {"mode": mode, "coins": ["AAAUSDT"], "binance": {"environment": "live"} if mode == "live" else {}}
    settings = SessionConfig.from_dict({**tables, "account": {"cash": {"USDT": 2500}}})
    async with hall(market(COINS), begin=stamp(begin)) as its:
        pit = Cockpit(its, folder / "j.db", history=50, cash={"USDT": 2500})
        async with AsyncExitStack() as after:
            after.callback(pit.journal.close)
            await pit.client.open()
            after.push_async_callback(pit.client.close)
            await pit.feed.learn()
            await pit.feed.warm_up()
            start = pit.journal.write("start", tag="test01", time=pit.feed.begin)
            pit.trade.open(pit.feed.latest)
            after.push_async_callback(pit.trade.wire.close)
            for work in (pit.feed.run(), pit.ledger.run()):
                after.push_async_callback(end, asyncio.create_task(work))
            await until(lambda: pit.ledger.reconciled and pit.feed.health.alive)
            session = Session(settings, None, pit.feed, pit.trade, strategy or Counts())
            yield Captain(Flight(session, pit.trade, pit.ledger, "abcd", ["a warning"], began, start), halted)


async def flown(captain: Captain) -> None:
    """Fly over the whole of the history."""
    while captain.advance() == 0.0 or captain.recovering:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def arm(captain: Captain, typed: str) -> Reply:
    answers: list[Any] = []
    captain.obey(Arm(5, typed), answers.append)
    await until(lambda: bool(answers))
    (reply,) = answers
    assert isinstance(reply, Reply)
    assert reply.id == 5
    return reply


async def test_live_is_armed_by_the_amount_at_risk_and_a_passing_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [Check("clock", "fail", "3 s off", "set it"), Check("disk", "ok", "fine", "")]

    async def looked(settings: object) -> list[Check]:
        return checks

    monkeypatch.setattr(module, "live_checks", looked)
    async with aboard(tmp_path) as captain:
        told = captain.hello()
        assert isinstance(told, Hello)
        assert told.trade is not None
        assert (told.trade.typed, told.trade.at_risk, told.trade.account, told.trade.warnings) == (
            True,
            "2500",
            "abcd",
            ["a warning"],
        )
        for wrong in ("", "2000", "no"):
            reply = await arm(captain, wrong)
            assert (reply.ok, "is not what is at risk, 2500 USDT; still disarmed" in reply.text) == (False, True)
        reply = await arm(captain, "2500")
        assert (reply.ok, reply.text) == (False, "clock: 3 s off; still disarmed; `tickdeck doctor` tells the remedies")
        checks.pop(0)
        reply = await arm(captain, "2,500.00")
        assert (reply.ok, captain.trade.disarmed) == (True, "")
        answers: list[Any] = []
        captain.obey(Disarm(6), answers.append)
        assert answers == [Reply(6, True, "disarmed: no new order goes out")]
        frame = captain.frame()
        assert isinstance(frame, Frame)
        assert frame.trade is not None
        assert frame.trade.disarmed == "by hand"


async def test_practice_needs_no_amount(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet") as captain:
        assert (await arm(captain, "")).ok


async def test_a_strategy_that_flew_before_is_asked_again_over_that_time_and_not_obeyed(tmp_path: Path) -> None:
    began = START + 97 * MINUTE
    async with aboard(tmp_path, "testnet", began) as captain:
        await flown(captain)
        engine = captain.engine
        assert isinstance(engine, TimedEngine)
        asked = engine.strategy.asked  # type: ignore[attr-defined]
        assert asked[0] >= began
        assert asked[-1] < captain.session.begin
        assert not captain.recovering


async def test_what_the_journal_says_is_told_to_whoever_comes(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet") as captain:
        await arm(captain, "")
        happened = captain.events()
        assert happened is not None
        assert "arm" in [row.what for row in happened.journal]
        assert captain.events() is None or not captain.events()
        later = captain.recent()
        assert [row.what for row in later.journal][:2] == ["start", "arm"]
        assert later.log
        captain.trade._journal.write("exits", text="has no exits: why", forgone=0)
        captain.events()
        happened = captain.events()
        assert happened is not None
        assert [(line.level, line.text) for line in happened.log] == [("warning", "order #-1 has no exits: why")]


async def test_where_there_is_no_history_yet_a_flight_waits_for_its_first_bar(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet", begin=START) as captain:
        told = captain.frame()
        assert isinstance(told, Frame)
        assert (told.step, told.chart.time, told.account.equity, told.positions) == (-1, [], 2500.0, [])
        assert (await arm(captain, "")).text == "no bar has closed yet, so there is no market; still disarmed"
        feed, strategy = captain.session.feed, Counts()
        simulated = LocalTradeSystem(strategy=strategy, cash={"USDT": 1000})
        paper = SessionConfig.from_dict({"mode": "paper", "coins": ["AAAUSDT"]})
        told = Pilot(Session(paper, None, feed, simulated, strategy)).frame()
        assert isinstance(told, Frame)
        assert (told.step, told.chart.time, told.account.equity) == (-1, [], 1000.0)


async def test_a_strategy_that_is_halted_is_not_armed_again(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet") as captain:
        captain.engine.halted = StrategyError("no")
        reply = await arm(captain, "")
        assert (reply.ok, captain.trade.disarmed != "") == (False, True)
        assert reply.text.startswith("the strategy is halted, and there is no going on with it; still disarmed")


@pytest.mark.parametrize(
    ("halted", "again", "why"),
    [
        ("", "", "trading has not been armed"),
        ("", "the engine ended with SIGKILL and was started again", "the engine ended with SIGKILL and was started again"),
        ("it hung", "the engine ended with SIGKILL and was started again", "the strategy is halted"),
    ],
)
async def test_a_flight_says_why_it_is_disarmed(halted: str, again: str, why: str, tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet") as captain:
        flight = captain.flight
        flight.trade.disarmed = "trading has not been armed"
        assert Captain(flight, halted, again).trade.disarmed == why


async def test_no_command_ends_a_flight_whatever_the_engine_stumbles_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*given: object) -> Any:
        raise IndexError("out of range: signature=0123456789abcdef")

    async with aboard(tmp_path, "testnet") as captain:
        answers: list[Any] = []
        monkeypatch.setattr(captain.hand, "obey", stumble)
        captain.obey(CancelOrder(7, 0), answers.append)
        monkeypatch.setattr(captain.trade, "arm", stumble)
        captain.obey(Arm(8), answers.append)
        await until(lambda: len(answers) == 2)
        told = (
            "this met a fault of the engine's, and may have been done in part: IndexError: out of range: signature=[redacted]"
        )
        assert answers == [Reply(7, False, told), Reply(8, False, told)]
        happened = captain.events()
        assert happened is not None
        assert [line.text for line in happened.log if line.level == "error"] == [told, told]


async def test_a_sale_by_hand_waits_for_the_orders_that_are_being_cancelled(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet") as captain:
        await flown(captain)
        trade = captain.trade
        assert (await arm(captain, "")).ok
        answers: list[Any] = []
        captain.obey(PlaceOrder(1, "AAAUSDT", "buy", "market", "3", stop_loss="10"), answers.append)
        await until(lambda: [order.status for order in trade.account.orders()] == [OrderStatus.NEW] and not trade.wire.tasks)
        await until(lambda: sum(trade.account.balances["AAA"]) == trade.account.position("AAAUSDT").amount)
        captain.obey(CancelAll(2, None), answers.append)
        captain.obey(PlaceOrder(3, "AAAUSDT", "sell", "market", "2.997"), answers.append)
        assert answers[1:] == [
            Reply(2, True, "1 order asked to be cancelled"),
            Reply(3, True, "sell 2.997 AAAUSDT waits for the orders that are being cancelled"),
        ]
        await until(lambda: trade.account.position("AAAUSDT").amount == 0)


async def test_during_a_ban_arming_asks_the_exchange_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    async def looked(settings: object) -> list[Check]:
        asked.append(settings)
        return []

    monkeypatch.setattr(module, "live_checks", looked)
    async with aboard(tmp_path) as captain:
        await flown(captain)
        captain.trade.client.budget.hear(418, {"Retry-After": "60"})
        reply = await arm(captain, "2500")
        assert (reply.ok, reply.text) == (False, "trading cannot be armed: the exchange has banned this address")
        assert asked == []


class Slow(Strategy):
    """Takes a tenth of a second over each step, by the clock it is given."""

    now = 100.0
    steps = 0

    def time_pass(self, latest: Any) -> None:
        super().time_pass(latest)
        type(self).steps += 1
        type(self).now += 0.1


async def test_a_slow_strategy_s_history_is_flown_in_slices_and_each_part_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.seam.stopwatch", lambda: Slow.now)
    monkeypatch.setattr(Slow, "steps", 0)
    async with aboard(tmp_path, "testnet", strategy=Slow()) as captain:
        assert Slow.steps == 3
        came_back: list[int] = []
        captain.engine.came_back = lambda: came_back.append(Slow.steps)
        assert captain.advance() == 0.0, "there is more to fly over"
        assert Slow.steps == 6
        assert set(came_back) == {4, 5, 6}
        assert captain.recovering
        await flown(captain)
        assert Slow.steps >= 50


class Stumbles(Strategy):
    def time_pass(self, latest: Any) -> None:
        raise ValueError("not even once")


async def test_of_a_strategy_that_does_not_get_through_its_first_step_there_are_frames(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet", strategy=Stumbles()) as captain:
        frame = captain.frame()
        assert isinstance(frame, Frame)
        assert "not even once" in frame.halted
        await flown(captain)


async def test_a_strategy_that_is_halted_from_the_start_is_not_asked_once(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet", began=START + 60 * MINUTE, halted="it hung") as captain:
        await flown(captain)
        frame = captain.frame()
        assert isinstance(frame, Frame)
        assert frame.halted == "it hung"
        assert not hasattr(captain.engine.strategy, "asked")


async def test_a_coin_that_is_not_traded_keeps_its_own_orders_in_and_no_others(tmp_path: Path) -> None:
    async with aboard(tmp_path, "testnet") as captain:
        await flown(captain)
        statuses = dict.fromkeys(["AAAUSDT"], "BREAK")
        captain.trade.safety.statuses = statuses
        assert (await arm(captain, "")).ok
        answers: list[Any] = []
        captain.obey(PlaceOrder(1, "AAAUSDT", "buy", "limit", "1", "50"), answers.append)
        why = "AAAUSDT is not traded now: the exchange says BREAK"
        assert answers.pop() == Reply(1, False, f"buy 1 AAAUSDT refused: {why}")
        captain.session.feed._live["AAAUSDT"].age(3600 * 10**9)
        captain._watched = 0
        captain.advance()
        assert not captain.trade.disarmed, "nothing comes of it, and that is known"
        statuses["AAAUSDT"] = "TRADING"
        captain.obey(PlaceOrder(2, "AAAUSDT", "buy", "limit", "1", "50"), answers.append)
        assert answers.pop().ok
        await until(lambda: not captain.trade.wire.tasks)
        statuses["AAAUSDT"] = "CANCEL_ONLY"
        captain.obey(CancelOrder(3, captain.trade.account.orders()[0].id), answers.append)
        assert answers.pop().ok
        await until(lambda: not captain.trade.account.orders())
