"""Whatever is done, in whatever order, every step is what it is when flown there from the start."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import Phase, given, settings

from engine import Engine, Feature, LocalTradeSystem, MovingAverage, ReplayFeed, Signal, State
from engine.exchange import FillRules
from engine.history import history as marks
from engine.trading.risk import Limits
from tests.history.flights import Action, act, shown, slowly
from tests.worlds import Restless, market, walk

ROWS = 240
COINS = ("AAAUSDT", "BBBUSDT")
MARKET = market({"AAAUSDT": walk(ROWS, 11, keep=0.8), "BBBUSDT": walk(ROWS, 12, price=20, keep=0.9)})


class Remembering(Feature):
    """Keeps a state of its own, and writes into rows of before as well."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.seen: list[float] = []

    def compute(self, state: State) -> State:
        self.seen = [*self.seen[-4:], state.raw.time % 97 + state.trade.equity]
        for coin in state.raw.coins:
            if len(state.raw[coin].close):
                state.features[coin, self.name] = sum(self.seen) + state.raw[coin].close[-1]
        return state


class Busy(Restless):
    """Restless, with exits, histories and parameters that its features follow from."""

    def features(self) -> list[Feature]:
        return [*super().features(), MovingAverage(window=self.mean + 1), Remembering(name="remembering")]

    def gen_signal(self) -> dict[str, Signal]:
        signals = super().gen_signal()
        for coin, now in self.bars():
            if self.step % 3:
                self.record(coin, "mean", now.mean)
            if self.step > 50:
                self.record(coin, "late", now.remembering)
            if coin not in signals and self.rng.random() < 0.2:
                away = 0.05 + self.rng.random() / 10
                signals[coin] = Signal.buy(
                    value=500, stop_loss=now.close - away, take_profit=now.close + away, reason=f"{away}"
                )
            elif coin not in signals and self.rng.random() < 0.1:
                signals[coin] = Signal.buy(value=300, trailing_stop_bps=20)
        return signals


def busy(*, limited: bool = True, memory: int = marks.MEMORY) -> Engine:
    strategy = Busy()
    limits = (
        Limits(drawdown=5_000_000, daily_loss=1_000_000, orders_per_minute=9, repeat_s=90, flatten=True) if limited else None
    )
    rules = FillRules(slippage=50_000, max_volume_share=20_000_000, maker=50_000)
    trade = LocalTradeSystem(strategy=strategy, cash={"USDT": 10_000}, rules=rules, limits=limits)
    return Engine(ReplayFeed(MARKET), trade, strategy, memory=memory)


LAST = len(ReplayFeed(MARKET)) - 1
AMOUNTS = st.sampled_from([1, -1, 3, -2])
ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(lambda coin, amount: ("place_order", (coin, amount), {}), st.sampled_from(COINS), AMOUNTS),
    st.builds(
        lambda coin, amount, price: ("place_order", (coin, amount, price), {}),
        st.sampled_from(COINS), AMOUNTS, st.sampled_from([19, 20, 99, 100, 101]),
    ),
    st.builds(lambda amount: ("place_order", ("AAAUSDT", amount), {"stop_loss": 90, "take_profit": 110}), st.just(2)),
    st.builds(lambda amount: ("place_oco", ("AAAUSDT", -amount, 120, 80), {}), st.just(1)),
    st.builds(lambda number: ("cancel", (number,), {}), st.integers(0, 60)),
    st.builds(lambda number: ("amend_order", (number, 1), {}), st.integers(0, 60)),
    st.builds(lambda mean: ("set_parameters", (), {"mean": mean}), st.integers(2, 12)),
    st.builds(lambda eager: ("set_parameters", (), {"eager": eager}), st.sampled_from([0.1, 0.5, 0.9])),
)  # fmt: skip
MOVES = st.one_of(
    st.tuples(st.just("run"), st.sampled_from([1, 2, 7, 50, 1000])),
    st.tuples(st.just("step_back"), st.integers(1, 3)),
    st.tuples(st.just("seek"), st.integers(-1, LAST)),
    st.tuples(st.just("act"), ACTIONS),
    st.tuples(st.just("switch"), st.integers(0, 5)),
)


@pytest.mark.parametrize("limited", [False, True])
@given(moves=st.lists(MOVES, min_size=1, max_size=14), memory=st.sampled_from([marks.MEMORY, 30_000]))
@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_every_way_to_a_step_comes_to_the_same(moves: list[tuple[str, Any]], memory: int, limited: bool) -> None:
    flown = busy(limited=limited, memory=memory)
    flown.history._spacing = 1e-4  # many marks on so short a market
    logs: dict[str, list[tuple[int, Action]]] = {"main": []}
    left: dict[str, int] = {}
    head = -1
    heads: dict[str, int] = {}
    name, step = "main", -1
    for what, how in moves:
        log = logs[name]
        if what == "run":
            step = min(step + flown.run(how), LAST)
            while flown.halted is not None and flown.raw.latest.step < step:
                flown.run(step - flown.raw.latest.step)
        elif what == "step_back":
            for _ in range(how):
                step -= flown.step_back()
        elif what == "seek":
            flown.seek(how)
            step = how
        elif what == "act" and step >= 0:
            ahead = step < head or any(at > step for at, _ in log)
            if act(flown, how):
                if ahead:
                    left[name], heads[name] = step, head
                    parted = [(at, action) for at, action in log if at <= step]
                    name = flown.history.branches.now.name
                    assert name not in logs
                    log = logs[name] = parted
                    head = step
                log.append((step, how))
        elif what == "switch":
            other = sorted(logs)[how % len(logs)]
            if other != name:
                left[name], heads[name] = step, head
                flown.history.branches.switch(other)
                name, step, head = other, left[other], left[other]
        head = max(head, step)
        assert flown.raw.latest.step == step
        assert shown(flown) == slowly(lambda: busy(limited=limited, memory=0), step, logs[name])
    assert flown.history.warnings == []
    assert flown.history.size <= max(memory, 60_000)
