"""Bars that came too late for their step: a strategy decides on them the same when they are replayed as when it flew."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Engine, LocalTradeSystem, MovingAverage, PushFeed, Recording, ReplayFeed, Signal, Strategy
from engine.market.push import UnitBar
from engine.recordings import Bars
from tests.worlds import MINUTE, hashes, instrument, walk

COINS = {"AAAUSDT": walk(120, 3), "BBBUSDT": walk(120, 4, price=20)}
INSTRUMENTS = {coin: instrument(coin) for coin in COINS}


class Patient(Strategy):
    """Holds for long, looks at what it held some bars ago, and writes down all it was shown."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.seen: list[Any] = []

    def features(self) -> list[Any]:
        return [MovingAverage(window=4, name="mean")]

    def gen_signal(self) -> dict[str, Signal]:
        signals = {}
        for coin, now in self.bars():
            before = now.ago(2) if len(self.seen) > 8 else now
            self.seen.append((self.step, coin, now.close, now.mean, now.position, before.close, before.position))
            if not now.position and now.close > now.mean:
                signals[coin] = Signal.buy(value=1000, reason="above")
            elif now.position and now.close < 0.9995 * now.mean:
                signals[coin] = Signal.close(reason="far below")
        return signals


def bar_of(bars: Bars, row: int) -> UnitBar:
    return UnitBar(*(int(getattr(bars, name)[row]) for name in ("time", "open", "high", "low", "close", "volume")))


def outcome(its: Engine, mind: Patient) -> Any:
    fills = [(fill.time, fill.coin, fill.side, fill.amount, fill.price) for fill in its.trade.account.fills]
    return [repr(seen) for seen in mind.seen], fills, hashes(its)


@settings(max_examples=30)
@given(st.sets(st.tuples(st.integers(0, 1), st.integers(8, 110))), st.integers(1, 50))
def test_what_came_late_is_decided_on_as_it_was_live(late: set[tuple[int, int]], chunk: int) -> None:
    """A late bar is pushed with the first step after its own; where both coins' bars are late there is no step."""
    feed = PushFeed(list(INSTRUMENTS.values()), MINUTE)
    waiting: dict[str, list[UnitBar]] = {}
    for row in range(120):
        there = {}
        for n, (coin, bars) in enumerate(COINS.items()):
            if (n, row) in late:
                waiting.setdefault(coin, []).append(bar_of(bars, row))
            else:
                there[coin] = bar_of(bars, row)
        if there:
            time = int(COINS["AAAUSDT"].time[row]) + MINUTE
            known = {coin: [bar for bar in missed if bar.time + MINUTE < time] for coin, missed in waiting.items()}
            feed.push(time, there, known)
            waiting = {coin: [bar for bar in missed if bar not in known[coin]] for coin, missed in waiting.items()}
    flying = Patient()
    live = Engine(feed, LocalTradeSystem(strategy=flying), flying)
    live.run()
    marked = {
        coin: np.array(sorted(int(bars.time[row]) for its, row in late if its == n), np.int64)
        for n, (coin, bars) in enumerate(COINS.items())
    }
    replaying = Patient()
    recording = Recording.from_bars(COINS, INSTRUMENTS, late=marked)
    again = Engine(ReplayFeed(recording), LocalTradeSystem(strategy=replaying), replaying)
    while again.run(chunk):
        pass
    assert len(live.trade.account.fills) > 2
    assert outcome(live, flying) == outcome(again, replaying)
