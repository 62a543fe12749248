"""Marks: where they lie, what they may take, what of a strategy goes back with the world, and what cannot."""

from __future__ import annotations

import io
import threading
from collections import deque
from typing import Any, ClassVar

import numpy as np
import pytest

from engine import Engine, Feature, LocalTradeSystem, MovingAverage, PushFeed, Signal, State, Strategy
from engine.errors import StrategyError, UsageError
from engine.session import prepare
from tests.history.flights import shown
from tests.worlds import MINUTE, engine, fills_of, instrument, market, outcomes, restless, walk

ROWS = 300


class Diary(Strategy):
    """Keeps something of every kind."""

    mean: int = 3
    transient = ("wire",)

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.wire = threading.Lock()
        self.dice = self.rng
        self.last: deque[float] = deque(maxlen=5)
        self.sums: Any = np.zeros(2)
        self.kinds: set[str] = set()
        self.row: Any = None
        self.book: dict[str, Any] = {"self": self, "prices": self.last}
        self.lags = [Lag(name="lag")]

    def features(self) -> list[Feature]:
        return [MovingAverage(window=self.mean, name="mean")]

    def gen_signal(self) -> dict[str, Signal]:
        ((coin, now),) = self.bars()
        self.last.append(now.close)
        self.sums += (now.close, self.dice.random())
        self.row = now if self.row is None or self.step % 9 == 0 else self.row
        self.record(coin, "z", now.close - self.row.close)
        if self.step % 7 == 0:
            self.kinds.add(f"k{self.step % 11}")
            return {coin: Signal.close() if now.position else Signal.buy(value=1000 * self.rng.random() + 10, reason="turn")}
        return {}


class Lag(Feature):
    def compute(self, state: State) -> State:
        return state


def kept(flown: Engine) -> Any:
    its: Any = flown.strategy
    return list(its.last), its.sums.tolist(), sorted(its.kinds), its.row.close, its.row.time, its.mean, its.timeline.latest


def test_everything_goes_back_and_on_again_into_the_same_objects() -> None:
    flown = engine(market(walk(ROWS, 3)), Diary())
    strategy: Any = flown.strategy
    wire = strategy.wire
    seen = []
    for _ in range(ROWS):
        flown.step()
        seen.append((kept(flown), shown(flown)))
    for step in (299, 0, 150, 149, 151, 7, 298):
        flown.seek(step)
        assert (kept(flown), shown(flown)) == seen[step]
        assert strategy.book["self"] is strategy
        assert strategy.book["prices"] is strategy.last
        assert strategy.dice is strategy.rng
        assert strategy.wire is wire
        assert flown.history.warnings == []


def test_a_step_back_is_one_and_there_is_none_before_the_first() -> None:
    flown = engine(market(walk(20)))
    flown.run(2)
    assert [flown.step_back() for _ in range(4)] == [True, True, False, False]
    assert flown.raw.latest.step == -1
    assert flown.step()
    assert flown.raw.latest.step == 0


def test_a_time_is_the_last_step_by_then() -> None:
    flown = engine(market(walk(50, keep=0.5)))
    times = flown.raw.times.tolist()  # type: ignore[attr-defined]
    for step in (7, 3, len(times) - 1):
        flown.seek(time=times[step])
        assert flown.raw.latest.step == step
        flown.seek(time=times[step] + MINUTE // 2)
        assert flown.raw.latest.step == step
    flown.seek(time=times[0] - 1)
    assert flown.raw.latest.step == -1


def test_where_there_is_no_step_nothing_moves() -> None:
    flown = engine(market(walk(20)))
    flown.run(5)
    for call in (lambda: flown.seek(20), lambda: flown.seek(-2), lambda: flown.seek(), lambda: flown.seek(1, time=1)):
        with pytest.raises(UsageError):
            call()
    assert flown.raw.latest.step == 4


def test_what_only_goes_forward_says_so() -> None:
    flown = restless(50)
    forward = Engine(flown.raw, flown.trade, flown.strategy, memory=0)
    live = Engine(PushFeed([instrument("AUSDT")], MINUTE), LocalTradeSystem(), Strategy())
    for its in (forward, live):
        with pytest.raises(UsageError, match="only goes forward"):
            its.seek(3)


def test_a_halt_goes_back_too() -> None:
    class Fails(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            if self.step == 30:
                raise RuntimeError("boom")
            return {}

    flown = engine(market(walk(60)), Fails())
    flown.run()
    assert flown.halted is not None
    first = str(flown.halted)
    flown.seek(59)
    assert flown.halted is not None
    flown.seek(29)
    assert flown.halted is None
    flown.seek(45)
    assert str(flown.halted) == first


def test_memory_is_capped_and_every_place_stays_near_a_mark() -> None:
    flown = restless(2000)
    history = flown.history
    history._memory, history._spacing = 40_000, 1e-5
    # a step takes as long as any other
    history._clock = lambda: 1e-5 * flown.raw.latest.step
    history._piece = 1
    flown.run()
    assert history.size <= 40_000
    steps = np.array(history._steps)
    assert 8 < len(steps) < 200
    assert np.diff(steps).max() <= 20 * np.median(np.diff(steps))
    ends = shown(flown)
    flown.seek(1000)
    flown.seek(steps[-1])
    while flown.step():
        pass
    assert shown(flown) == ends


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: (n for n in range(9)), "generator"),
        (lambda: io.StringIO, ""),
        (lambda: lambda: 1, "function"),
        (lambda: open(__file__), ""),  # noqa: SIM115
        (threading.Lock, "lock"),
    ],
)
def test_what_cannot_go_back_is_named_when_the_engine_first_sees_it(make: Any, told: str) -> None:
    value = make()
    flown = engine(market(walk(20)), Strategy())
    flown.strategy.tool = value
    if value is io.StringIO:
        flown.run()
        return
    with pytest.raises(StrategyError, match="the attribute 'tool' of Strategy") as caught:
        flown.run()
    assert "transient" in caught.value.hint
    if hasattr(value, "close"):
        value.close()


def test_what_cannot_go_back_is_named_when_a_session_is_made() -> None:
    class Holds(Strategy):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.tool = (n for n in range(3))

    with pytest.raises(StrategyError, match="'tool'"):
        prepare("demo", strategy=Holds)

    class Leaves(Holds):
        transient: ClassVar[tuple[str, ...]] = ("tool",)

    assert prepare("demo", strategy=Leaves).strategy is not None


def test_what_comes_to_hold_such_a_thing_on_the_way_is_warned_of_and_still_goes_back() -> None:
    class Later(Strategy):
        plan = None

        def gen_signal(self) -> dict[str, Signal]:
            if self.step == 50:
                self.plan = (n for n in range(10**6))
            if self.plan is not None and next(self.plan) % 5 == 0:
                return {self.coins[0]: Signal.buy(amount=1)}
            return {}

    flown = engine(market(walk(200)), Later())
    flown.history._spacing = 0.0
    flown.run()
    before = outcomes(flown)
    assert ["'plan'" in text for text in flown.history.warnings] == [True]
    flown.seek(120)
    flown.run()
    assert outcomes(flown) == before


def test_an_attribute_that_grows_without_end_is_named_with_the_remedy() -> None:
    class Grows(Strategy):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.hist: list[float] = []

        def gen_signal(self) -> dict[str, Signal]:
            self.hist += [float(self.step + n) for n in range(20)]
            return {}

    flown = engine(market(walk(3000)), Grows())
    flown.run()
    (text,) = flown.history.warnings
    assert "'hist' of Grows" in text
    assert "self.record" in text


def test_a_strategy_that_does_not_repeat_itself_is_told_as_it_is_flown_again() -> None:
    tossed = iter(range(10**6))

    class Tosses(Strategy):
        def gen_signal(self) -> dict[str, Signal]:
            return {self.coins[0]: Signal.buy(amount=1)} if next(tossed) % 7 == 0 else {}

    flown = engine(market(walk(400)), Tosses())
    flown.history._spacing = 1e-4
    flown.run()
    flown.seek(3)
    flown.run()
    assert any("does not repeat itself" in text for text in flown.history.warnings)


# parameters


class Over(Strategy):
    window: int = 3
    size: float = 10.0

    def features(self) -> list[Feature]:
        return [MovingAverage(window=self.window, name="mean")]

    def gen_signal(self) -> dict[str, Signal]:
        ((coin, now),) = self.bars()
        return {coin: Signal.close() if now.position else Signal.buy(value=self.size)} if now.close > now.mean else {}


def test_parameters_change_from_the_next_step_on_and_back_again() -> None:
    bars = walk(60, 4)
    close = bars.close / 1e8
    flown = engine(market(bars), Over())
    flown.run(30)
    flown.set_parameters(window=10, size=20)
    flown.run(10)
    means = flown.strategy.state.features.history("BTCUSDT", "mean")
    for row, window in ((20, 3), (29, 3), (30, 10), (39, 10)):
        assert means[row] == pytest.approx(close[row - window + 1 : row + 1].mean())
    flown.seek(29)
    assert flown.strategy.window == 10, "what was done at a step is in it"
    flown.seek(28)
    assert (flown.strategy.window, flown.strategy.size) == (3, 10)
    assert flown.strategy.state.features.history("BTCUSDT", "mean")[25] == pytest.approx(close[23:26].mean())
    flown.seek(39)
    assert (flown.strategy.window, flown.strategy.size) == (10, 20)


def test_parameters_there_are_not_change_nothing() -> None:
    flown = engine(market(walk(60)), Over())
    flown.run(30)
    for wrong in ({"windo": 4}, {"window": "wide"}, {"window": 0}):
        with pytest.raises(StrategyError):
            flown.set_parameters(**wrong)
    assert (flown.strategy.window, flown.inputs) == (3, [])
    assert [its.name for its in flown.history.branches.all] == ["main"]


# branches


def test_acting_behind_the_farthest_step_begins_a_branch_and_the_first_future_stays() -> None:
    flown = engine(market(walk(200, 5)), Over())
    flown.run(100)
    flown.place_order("BTCUSDT", 1)
    flown.run(50)
    first = shown(flown)
    branches = flown.history.branches
    assert [its.name for its in branches.all] == ["main"]
    flown.seek(80)
    flown.set_parameters(window=12)
    assert (branches.now.name, branches.now.parent, branches.now.step) == ("branch 1", "main", 80)
    assert [its.what for its in flown.inputs] == ["set_parameters"]
    flown.run(69)
    assert flown.raw.latest.step == 149
    second = shown(flown)
    assert second != first
    branches.switch("main", 149)
    assert shown(flown) == first
    branches.switch("branch 1", 149)
    assert shown(flown) == second


def test_a_branch_is_named_renamed_removed_and_its_children_stay() -> None:
    flown = engine(market(walk(100)))
    flown.run(50)
    branches = flown.history.branches
    flown.branch("a")
    flown.run(10)
    flown.branch("b")
    with pytest.raises(UsageError, match="there is a branch 'a' already"):
        flown.branch("a")
    branches.rename("a", "first")
    assert [(its.name, its.parent) for its in branches.all] == [("main", ""), ("first", "main"), ("b", "first")]
    branches.remove("first")
    assert [(its.name, its.parent, its.step) for its in branches.all] == [("main", "", -1), ("b", "main", 49)]
    for name in ("b", "main", "none"):
        with pytest.raises(UsageError):
            branches.remove(name)


def test_two_branches_are_compared_from_where_they_part() -> None:
    flown = engine(market(walk(300, 6)), Over())
    flown.run(299)
    fills, equity = fills_of(flown), flown.trade.account.equity
    flown.seek(120)
    flown.set_parameters(size=500)
    flown.run(200)
    told = flown.history.branches.compare("main", "branch 1", 298)
    others = fills_of(flown)
    parts = next(step for (step, *_), other in zip(fills, others, strict=False) if other not in fills)
    assert told.parts > 120
    assert told.parts == min(parts, int(np.flatnonzero(told.equity[0] != told.equity[1])[0]))
    assert (told.equity[0][: told.parts] == told.equity[1][: told.parts]).all()
    assert told.equity[0][-1] == pytest.approx(equity)
    assert told.stats["return_pct"][0] != told.stats["return_pct"][1]
    assert all(trip.exit_step > 120 for trip in (*told.only[0], *told.only[1]))
    assert flown.history.branches.now.name == "branch 1", "it comes back"
    assert flown.history.branches.compare("main", "main").parts == -1


def test_another_class_is_flown_from_the_beginning_as_a_branch() -> None:
    class Later(Over):
        size: float = 30.0
        extra: int = 1

        def features(self) -> list[Feature]:
            return [MovingAverage(window=self.window + 1, name="mean"), Lag(name="lag")]

    flown = engine(market(walk(200, 5)), Over(window=4))
    flown.run(100)
    flown.place_order("BTCUSDT", 1)
    flown.run(40)
    first = shown(flown)
    flown.reload(Later, "edited")
    assert type(flown.strategy) is Later
    assert flown.strategy.window == 4
    straight = engine(market(walk(200, 5)), Later(window=4, size=10.0))
    straight.run(100)
    straight.place_order("BTCUSDT", 1)
    straight.run(40)
    assert shown(flown) == shown(straight)
    flown.step_back()
    flown.step()
    assert shown(flown) == shown(straight)
    flown.history.branches.switch("main")
    assert shown(flown) == first
    flown.seek(10)
    flown.history.branches.switch("edited")
    assert shown(flown) == shown(straight)


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, BaseException])
def test_a_class_that_cannot_be_made_leaves_the_old_one_flying(kind: type[BaseException]) -> None:
    class Broken(Over):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            raise kind("not today")

    flown = engine(market(walk(50)), Over())
    flown.run(20)
    before = shown(flown)
    with pytest.raises(StrategyError, match="not today"):
        flown.reload(Broken)
    assert shown(flown) == before
    assert flown.run(5) == 5
