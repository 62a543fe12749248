"""Flights as processes of their own: armed, killed, left alone, come back to, halted, on an exchange that knows the truth."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.exchange import kernel as k
from engine.host.protocol import Arm, CancelOrder, Failure, Halt, PlaceOrder
from engine.rehearsal.faults import Scenario
from tests.host.air import TESTS, air, config, exchange, flying, put_keys
from tui.flights import living
from tui.mailbox import HostGone

PILOTS = TESTS / "pilots.py"


async def test_orders_by_hand_go_out_once_it_is_armed_and_a_halt_ends_them(tmp_path: Path) -> None:
    async with flying(tmp_path) as its:
        await its.ready()
        (hello,) = its.hellos
        assert hello.trade is not None
        assert (hello.mode, hello.trade.environment, hello.trade.at_risk) == ("rehearsal", "this machine's rehearsal", "10000")
        said = await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", "50"))
        assert (said.ok, "disarmed: trading has not been armed" in said.text) == (False, True)
        await its.armed()
        assert (await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", "50"))).ok
        await its.until(lambda: its.frame and [row.stage for row in its.frame.orders] == ["NEW"])
        assert (await its.ask(lambda n: PlaceOrder(n, "BBBUSDT", "buy", "market", "3"))).ok
        await its.until(lambda: its.frame and its.frame.n_fills == 1)
        assert (await its.ask(lambda n: CancelOrder(n, its.frame.orders[0].id))).ok  # type: ignore[union-attr]
        await its.until(lambda: its.frame and not its.frame.orders)
        assert (await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "2", "40"))).ok
        await its.until(lambda: len(its.desk.records.open) == 1)
        said = await its.ask(lambda n: Halt(n, flatten=True))
        assert said.text == "1 of 1 cancelled; 1 of 1 sold"
        assert not its.desk.records.open
        await its.until(lambda: its.trade.disarmed == "halted")
        assert [row.what for row in its.heard[-1:] if row.__class__.__name__ == "JournalRow"] == []
    gone = its.of(HostGone)
    assert [its.how for its in gone] == ["the flight has ended"]
    assert not its.link.at.exists()


async def test_an_engine_that_is_killed_is_started_again_and_knows_its_orders(tmp_path: Path) -> None:
    async with flying(tmp_path) as its:
        await its.armed()
        for price in ("50", "49", "48"):
            assert (await its.ask(lambda n, price=price: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", price))).ok
        await its.until(lambda: len(its.desk.records.open) == 3)
        first = its.engine
        os.kill(first, signal.SIGKILL)
        assert its.link.at in living(), "it is there also while another engine is started"
        await its.until(lambda: its.lost == 1, 5.0)
        await its.until(lambda: len(its.hellos) == 2)
        await its.ready()
        assert its.engine != first
        assert its.trade.disarmed == "the engine ended with SIGKILL and was started again"
        await its.until(lambda: its.frame and [row.stage for row in its.frame.orders] == ["NEW"] * 3)
        assert len(its.desk.records.orders) == 3
        assert (await its.ask(lambda n: Halt(n))).text == "3 of 3 cancelled"


async def test_a_deck_comes_and_goes_while_the_flight_goes_on(tmp_path: Path) -> None:
    server = exchange(put_keys())
    await server.start()
    try:
        path = config(tmp_path, server, f"{PILOTS}:Steady")
        async with air(path, server) as first:
            await first.armed()
            await first.until(lambda: first.frame and first.frame.n_fills == 2)
            await first.link.leave()
            async with air(path, server, at=first.link.at) as second:
                await second.ready()
                assert second.trade.disarmed == ""
                await second.until(lambda: len(second.hellos) == 1)
                assert {fill.coin for its in second.heard if hasattr(its, "fills") for fill in its.fills} == {
                    "AAAUSDT",
                    "BBBUSDT",
                }
                assert any(row.what == "intent" for its in second.heard if hasattr(its, "journal") for row in its.journal)
                # a second engine on the account is refused
                async with air(path, server) as other:
                    await other.until(lambda: other.of(Failure))
                    assert "another engine trades on this account" in other.of(Failure)[0].message
                assert first.link.at in living()
                command = [sys.executable, "-m", "tui.cli", "halt", first.link.at.stem, "--flatten", "--end"]
                halted = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
                assert (halted.returncode, halted.stdout) == (0, "no order was open; 2 of 2 sold\n")
                await second.until(lambda: second.of(HostGone))
        assert living() == []
    finally:
        await server.stop()


@pytest.mark.parametrize(("policy", "left"), [("keep", {"BUY", "SELL"}), ("cancel", {"SELL"}), ("flatten", set())])
async def test_what_becomes_of_orders_when_no_deck_looks_on(policy: str, left: set[str], tmp_path: Path) -> None:
    async with flying(tmp_path, more=f'[trading]\non_ui_lost = "{policy}"') as its:
        await its.armed()
        assert (await its.ask(lambda n: PlaceOrder(n, "BBBUSDT", "buy", "market", "3"))).ok
        await its.until(lambda: its.frame and its.frame.positions)
        assert (await its.ask(lambda n: PlaceOrder(n, "BBBUSDT", "sell", "limit", "1", "90"))).ok
        assert (await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", "50"))).ok
        await its.until(lambda: len(its.desk.records.open) == 2)
        # as when the deck is killed: nothing is said
        assert its.link._writer is not None
        its.link._parted = True
        its.link._writer.transport.abort()

        def open_sides() -> set[str]:
            return {"BUY" if order.asked.side == k.BUY else "SELL" for order in its.desk.records.open.values()}

        await its.until(lambda: open_sides() == left, 2.0)
        await its.until(lambda: (sum(its.desk.records.balances()["BBB"]) > 10**8) == (policy != "flatten"))
        os.kill(its.supervisor, signal.SIGTERM)
        await its.until(lambda: not its.link.at.exists(), 10.0)
        assert open_sides() == left


@pytest.mark.parametrize(
    ("pilot", "told"),
    [
        ("Raises", "Raises failed at step"),
        ("Leaves", "Leaves failed at step"),
        ("Breaks", "Breaks failed at step"),
        ("Interrupts", "Interrupts failed at step"),
        ("Loops", "Loops took longer than 250 ms over a step"),
        ("Wants", "the buy signal for AAAUSDT"),
    ],
)
async def test_a_strategy_that_fails_is_halted_and_orders_are_looked_after(pilot: str, told: str, tmp_path: Path) -> None:
    async with flying(tmp_path, f"{PILOTS}:{pilot}") as its:
        await its.until(lambda: its.frame and its.frame.halted)
        assert told in its.frame.halted  # type: ignore[union-attr]
        since = its.frame.step  # type: ignore[union-attr]
        await its.until(lambda: its.frame and its.frame.step > since + 2)
        assert its.frame is not None
        assert all(close > 0 for close in its.frame.chart.close), "the market goes on"
        await its.ready()
        assert its.trade.disarmed
        assert "there is no going on with it; still disarmed" in (await its.ask(lambda n: Arm(n))).text
        assert (await its.ask(lambda n: Halt(n))).text == "no order was open"


async def test_a_strategy_that_nothing_can_interrupt_costs_its_engine_alone(tmp_path: Path) -> None:
    async with flying(tmp_path, f"{PILOTS}:Holds") as its:
        await its.until(lambda: its.lost == 1, 60)
        await its.until(lambda: len(its.hellos) == 2)
        await its.ready()
        assert its.frame is not None
        assert "the strategy did not come back for 5 s" in its.frame.halted
        assert its.trade.disarmed == "the strategy is halted"
        assert "there is no going on with it; still disarmed" in (await its.ask(lambda n: Arm(n))).text


async def test_a_coin_that_is_not_traded_keeps_no_flight_from_being_started_again(tmp_path: Path) -> None:
    async with flying(tmp_path) as its:
        await its.armed()
        assert (await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", "50"))).ok
        await its.until(lambda: len(its.desk.records.open) == 1)
        closing = {"at_s": 0, "coin": "AAAUSDT", "status": "CANCEL_ONLY"}
        its.server.inject(Scenario.model_validate({"happenings": (closing,)}))
        its.kill()
        await its.until(lambda: len(its.hellos) == 2)
        await its.armed()
        said = await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", "51"))
        assert said.text == "buy 1 AAAUSDT refused: AAAUSDT is not traded now: the exchange says CANCEL_ONLY"
        assert (await its.ask(lambda n: PlaceOrder(n, "BBBUSDT", "buy", "market", "3"))).ok
        assert (await its.ask(lambda n: CancelOrder(n, 0))).ok
        await its.until(lambda: not its.desk.records.open)


async def test_the_exchange_goes_and_comes_back(tmp_path: Path) -> None:
    server = exchange(key := put_keys())
    await server.start()
    port = int(server.addresses.rest.rpartition(":")[2])
    async with air(config(tmp_path, server), server) as its:
        await its.armed()
        assert (await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", "50"))).ok
        await its.until(lambda: len(server.venue.desks["main"].records.open) == 1)
        await server.stop()
        await its.until(lambda: its.trade.disarmed and not its.frame.feed.alive)  # type: ignore[union-attr]
        again = exchange(key, port=port)
        await again.start()
        try:
            await its.until(lambda: its.trade.alive and its.frame.feed.alive)  # type: ignore[union-attr]
            # the exchange does not know the order any more, and that is found out
            await its.until(lambda: not its.frame.orders, 60)  # type: ignore[union-attr]
            await its.armed()
            assert (await its.ask(lambda n: PlaceOrder(n, "AAAUSDT", "buy", "limit", "1", "51"))).ok
            await its.until(lambda: len(again.venue.desks["main"].records.open) == 1)
        finally:
            await again.stop()


async def test_a_flight_that_flew_tries_again_until_the_exchange_is_back(tmp_path: Path) -> None:
    server = exchange(key := put_keys())
    await server.start()
    port = int(server.addresses.rest.rpartition(":")[2])
    async with air(config(tmp_path, server), server) as its:
        await its.ready()
        await server.stop()
        its.kill()
        await its.until(lambda: any("no connection" in failure.message for failure in its.of(Failure)))
        again = exchange(key, port=port)
        await again.start()
        try:
            await its.until(lambda: len(its.hellos) == 2)
            await its.ready()
        finally:
            await again.stop()


async def test_a_flight_is_ended_before_it_is_ready(tmp_path: Path) -> None:
    async with flying(tmp_path) as its:
        # the exchange asks all to wait
        for window in its.server.office.limits._weights:
            window.add(5000)
        await its.until(lambda: any(getattr(said, "text", "").startswith("connecting") for said in its.heard))
        assert not its.hellos
    assert [gone.how for gone in its.of(HostGone)] == ["the flight has ended"]
    assert its.link._supervisor is not None
    assert its.link._supervisor.returncode == 0
    assert living() == []
