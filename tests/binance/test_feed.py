"""The live feed against a rehearsal: warm from its first step, bar for bar what a replay sees, whole after every cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine import LocalTradeSystem, MovingAverage, Signal, Strategy
from engine.loop import Engine
from engine.market import ReplayFeed
from engine.recordings import Recording
from engine.recordings.bars import stamp
from tests.binance.floor import floor, until
from tests.worlds import MINUTE, START, market, walk

COINS = {"AAAUSDT": walk(300, 1), "BBBUSDT": walk(300, 2, price=20)}
HISTORY = 100


def recording() -> Recording:
    return market(COINS)


def begin(bars: int = HISTORY) -> dict[str, Any]:
    return {"begin": stamp(START + bars * MINUTE)}


class Cross(Strategy):
    """Buys above its average, sells below."""

    window: int = 20

    def features(self) -> list[Any]:
        return [MovingAverage(window=self.window, name="mean")]

    def gen_signal(self) -> dict[str, Signal]:
        signals = {}
        for coin, now in self.bars():
            if now.close > now.mean and not now.position:
                signals[coin] = Signal.buy(value=1000, reason="above")
            elif now.close < now.mean and now.position:
                signals[coin] = Signal.close(reason="below")
        return signals


def told(engine: Engine) -> list[Any]:
    return [(note.coin, note.kind, note.reason, note.outcome) for note in engine.trade.signals]


def fills(engine: Engine) -> list[Any]:
    return [(fill.time, fill.coin, fill.side, fill.amount, fill.price, fill.fee) for fill in engine.trade.account.fills]


async def test_history_is_there_before_the_first_live_step() -> None:
    async with floor(recording(), **begin()) as its, its.feed(list(COINS), history=50) as feed:
        times = feed.upcoming(None)
        assert times[-1] == START + HISTORY * MINUTE == feed.begin - 1000
        assert len(times) == 50
        assert [its.coin for its in feed.instruments] == list(COINS)


@pytest.mark.parametrize("interval", ["1m", "5m"])
async def test_live_bars_features_signals_and_fills_are_those_of_a_replay(interval: str) -> None:
    async with floor(recording(), **begin()) as its, its.feed(list(COINS), decision=interval, history=20) as feed:
        live = Engine(feed, LocalTradeSystem(strategy=(mind := Cross())), mind, feed.begin)
        live.run()
        await its.play(feed, 150 * MINUTE)
        live.run()
        first = feed.latest.events[0].bars.time[0]
    replayed = {coin: bars[int(np.searchsorted(bars.time, first)) : HISTORY + 150] for coin, bars in COINS.items()}
    replay = ReplayFeed(market(replayed), interval=interval)
    mind = Cross()
    again = Engine(replay, LocalTradeSystem(strategy=mind), mind, feed.begin)
    again.run()
    assert feed.latest.step == replay.latest.step
    for one, other in zip(live.strategy.stats.features.frames, again.strategy.stats.features.frames, strict=True):
        rows = len(other.column("mean"))
        np.testing.assert_array_equal(one.column("mean")[:rows], other.column("mean"))
        np.testing.assert_array_equal(one.column("close")[:rows], other.column("close"))
    assert len(told(live)) > 5
    assert told(live) == told(again)
    assert fills(live) == fills(again)


async def test_bars_that_closed_while_the_socket_was_cut_come_late_and_make_no_step() -> None:
    async with floor(recording(), **begin()) as its, its.feed(list(COINS), history=10) as feed:
        await its.play(feed, 5 * MINUTE)
        for line in list(its.hall.lines.open):
            line.outbox.close(1006, "")
        its.hall.wait(7 * MINUTE)
        await until(lambda: feed.health.reconnects == 1 and feed.health.alive)
        # the bar that has just closed is in time, the six before it are not
        await until(lambda: feed.pump() >= 0 and feed.health.late == 12)
        await its.play(feed, 3 * MINUTE)
        while steps := list(feed.upcoming(None)):
            for time in steps:
                feed.advance(time)
        for n, bars in enumerate(COINS.values()):
            track = feed.latest.events[n]
            rows = [row for row in track.row_at if row >= 0]
            assert track.bars.time.tolist() == bars.time[HISTORY - 10 : HISTORY + 15].tolist()
            assert track.bars.close.tolist() == bars.close[HISTORY - 10 : HISTORY + 15].tolist()
            assert len(rows) == len(track.row_at) == 25 - 6
