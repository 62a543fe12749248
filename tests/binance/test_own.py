"""A strategy on a holder's account: it knows its own cash and coins, and nothing of the rest."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from engine.analysis.equity import equity_curve
from engine.binance.life import Execution
from engine.model import OrderStatus, Signal
from engine.recordings.bars import stamp
from tests.binance.cockpit import Cockpit
from tests.binance.sim import World
from tests.binance.sim_exchange import UNIT
from tests.rehearsal.hall import hall
from tests.worlds import MINUTE, START, candles, market

BARS = {"AAAUSDT": candles([100] * 20 + [150] * 60)}
HOLDER = [{"name": "main", "balances": {"USDT": 50_000, "AAA": 7}}]
SETTINGS = {"begin": stamp(START + 10 * MINUTE), "accounts": HOLDER, "fills": {"maker_bps": 0, "taker_bps": 0}}


async def test_equity_cash_and_coins_are_the_strategys_own(tmp_path: Path) -> None:
    async with hall(market(BARS), **SETTINGS) as its, Cockpit(its, tmp_path / "j.db", cash={"USDT": 1000}).flying() as pit:
        account = pit.trade.account
        assert (account.equity, account.cash) == (1000.0, 1000.0)
        assert account.balances["USDT"][0] == 50_000
        assert account.position("AAAUSDT").amount == 0
        pit.trade.place_order("AAAUSDT", 12)
        order = account.order(0)
        assert order.status is OrderStatus.REJECTED
        assert order.refusal.startswith("cash: an order of 1,200")
        assert "1,000 of the strategy's cash is left" in order.refusal
        pit.trade.place_order("AAAUSDT", -1)
        assert "own: a sell of 1 AAA; 0 is the strategy's" in account.order(1).refusal
        pit.trade.place_order("AAAUSDT", 6)
        await pit.settled()
        await pit.agrees()
        entry = account.fills[0].price
        assert account.position("AAAUSDT").amount == 6
        assert account.cash == pytest.approx(1000 - 6 * float(entry))
        # what it has locked in a buy is not there to be spent again
        pit.trade.place_order("AAAUSDT", 3, 90)
        assert account.cash == pytest.approx(1000 - 6 * float(entry) - 270)
        pit.trade.place_order("AAAUSDT", 2, 90)
        assert "too much" in account.order(4).refusal
        await pit.settled()
        pit.trade.cancel_order("AAAUSDT")
        await pit.settled()
        its.wait(15 * MINUTE)
        for step in pit.feed.upcoming(None):
            pit.feed.advance(step)
        pit.trade.trade("AAAUSDT", Signal.close())
        await pit.settled()
        await pit.agrees()
        sold = account.fills[1]
        assert sold.amount == 6, "the holder's 7 stay"
        profit = 6 * (sold.price - entry)
        assert profit > Decimal(250)
        assert account.equity == account.cash == pytest.approx(1000 + float(profit))
        assert equity_curve(account, 0, 1)[0] in (pytest.approx(1000.0), pytest.approx(1000 + float(profit)))


async def test_what_is_adopted_may_be_sold(tmp_path: Path) -> None:
    given = {"cash": {"USDT": 100, "AAA": 2}, "adopt": {"AAA": 2}}
    async with hall(market(BARS), **SETTINGS) as its, Cockpit(its, tmp_path / "j.db", **given).flying() as pit:
        account = pit.trade.account
        assert account.position("AAAUSDT").sellable == 2
        assert account.equity == pytest.approx(100 + 2 * account.position("AAAUSDT").mark)
        pit.trade.place_order("AAAUSDT", -2)
        await pit.settled()
        await pit.agrees()
        assert account.position("AAAUSDT").amount == 0
        assert account.equity == pytest.approx(100 + 2 * float(account.fills[0].price))


async def test_fills_of_an_earlier_flight_happened_when_they_did(tmp_path: Path) -> None:
    async with hall(market(BARS), **SETTINGS) as its:
        async with Cockpit(its, tmp_path / "j.db", cash={"USDT": 1000}).flying() as first:
            first.trade.place_order("AAAUSDT", 5)
            await first.settled()
        its.wait(30 * MINUTE)
        async with Cockpit(its, tmp_path / "j.db", cash={"USDT": 1000}, history=35).flying() as second:
            trade = second.trade
            trade.date_back(second.feed.times)
            steps = len(second.feed.times)
            (fill,) = trade.account.fills
            assert second.feed.times[fill.step - 1] < fill.time <= second.feed.times[fill.step]
            curve = equity_curve(trade.account, 0, steps)
            assert set(curve[: fill.step].tolist()) == {1000.0}
            assert curve[-1] == pytest.approx(1000 + 5 * (150 - float(fill.price)))


def test_what_was_held_before_a_sell_counts_its_fee_where_that_is_taken_of_the_coin(play: Callable[..., World]) -> None:
    async def work(its: World) -> None:
        order = await its.rests(150, -1)
        life, time = its.life(order), its.trade.raw.time
        its.trade.lives.fill(life, Execution(1, 150 * UNIT, UNIT, 150 * UNIT, UNIT // 1000, "AAA", True, time))
        account = its.trade.account
        assert account.equity == pytest.approx(1150 + 199.9)
        assert equity_curve(account, 0, 3).tolist() == pytest.approx([1300.0, 1300.0, 1150 + 199.9])

    play(work, cash={"USDT": 1000, "AAA": 3}, adopt={"AAA": 3})
