"""Running to a condition, forwards and backwards: as a slow step-by-step evaluation says, to the step."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine import Engine, Signal, UsageError
from engine.breakpoints import Breakpoint
from engine.breakpoints.language import LONGEST
from engine.breakpoints.lookout import Hit, Lookout, Stop, names_of, run_back, run_until
from engine.errors import BreakpointError
from tests.breakpoints.markets import busy, single, still
from tests.breakpoints.slow import Seen, stopping_steps, watch
from tests.worlds import Scripted, hashes

WORLDS = {
    "gaps": busy(1),
    "rules": busy(2, fee_asset="quote", limit_touch=True),
    "longer bars": busy(3, interval="3m"),
    "one coin": single(4),
}


@cache
def seen(world: str) -> Seen:
    return watch(WORLDS[world]())


COIN_NUMBERS = ["open", "high", "low", "close", "volume", "price", "position", "mean", "spread_3", "rsi", "macd.signal"]
PAST = ["equity", "profit", "drawdown", "step"]
EVENTS = [
    *("signal", "signal('buy')", "signal('close')", "signal('cancel')", "order_placed", "order_placed('sell')", "filled"),
    *("filled('buy')", "rejected", "cancelled", "expired", "opened", "closed", "won", "lost", "gap"),
]
TIMES = ["every(7)", "every(1)", "time('0:30')", "time('03:59')"]


def numbers(coin: str, past: bool = False) -> st.SearchStrategy[str]:
    names = st.sampled_from([*(coin + name for name in COIN_NUMBERS), *PAST, *([] if past else ["cash"])])
    leaves = names | st.sampled_from(["0", "1", "30", "100", "20.5", "0.01", "10000", "-1"])

    def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            st.tuples(inner, st.sampled_from("+-*/%"), inner).map(lambda its: f"({its[0]} {its[1]} {its[2]})")
            | inner.map(lambda its: f"abs({its} - 0)")
            | st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda its: f"{its[0]}({its[1]}, {its[2]})")
        )

    plain = st.recursive(leaves, joined, max_leaves=3)
    if past:
        return plain
    return plain | st.tuples(numbers(coin, past=True), st.integers(0, 9)).map(lambda its: f"ago({its[0]}, {its[1]})")


@st.composite
def conditions(draw: st.DrawFn, coins: tuple[str, ...]) -> tuple[str, list[str]]:
    """A condition, and the events it is made of."""
    coin = draw(st.sampled_from(["", "", "", *(f"{its}." for its in coins)]))
    kind = draw(st.sampled_from(["comparison", "comparison", "event", "time", "cross", "logic", "logic", "not"]))
    if kind == "comparison":
        ops = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
        parts = [draw(numbers(coin))]
        for _ in range(draw(st.integers(1, 2))):
            parts += [draw(ops), draw(numbers(coin))]
        return " ".join(parts), []
    if kind in ("event", "time"):
        event = coin + draw(st.sampled_from(EVENTS)) if kind == "event" else draw(st.sampled_from(TIMES))
        return event, [event]
    if kind == "cross":
        name = draw(st.sampled_from(["cross", "crosses_above", "crosses_below"]))
        event = f"{name}({draw(numbers(coin, past=True))}, {draw(numbers(coin, past=True))})"
        return event, [event]
    one, events = draw(conditions(coins))
    if kind == "not":
        return f"not ({one})", events
    two, more = draw(conditions(coins))
    return f"({one}) {draw(st.sampled_from(['and', 'or']))} ({two})", events + more


def forwards(engine: Engine, text: str, coin: str = "") -> list[int]:
    lookout, steps = Lookout(engine, [Breakpoint(text, coin=coin)]), []
    while (stop := lookout.forward()).hits:
        assert stop.step == engine.raw.latest.step
        steps.append(stop.step)
    assert engine.raw.latest.step == lookout.last
    return steps


def backwards(engine: Engine, text: str, coin: str = "") -> list[int]:
    lookout, steps = Lookout(engine, [Breakpoint(text, coin=coin)]), []
    while (stop := lookout.back()).hits:
        assert stop.step == engine.raw.latest.step
        steps.append(stop.step)
    return steps


@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.data())
def test_every_stop_is_the_one_a_slow_evaluation_finds(data: st.DataObject) -> None:
    world = data.draw(st.sampled_from(list(WORLDS)))
    its = seen(world)
    text, events = data.draw(conditions(its.coins).filter(lambda made: len(made[0]) <= LONGEST))
    coin = data.draw(st.sampled_from(["", *its.coins]))
    expected = stopping_steps(its, text, events, coin)
    engine = WORLDS[world]()
    assert forwards(engine, text, coin) == expected
    here = len(its.times) - 1
    assert backwards(engine, text, coin) == [step for step in reversed(expected) if step < here]


@pytest.mark.parametrize("world", WORLDS)
def test_every_event_is_told_alone(world: str) -> None:
    its = seen(world)
    happened = set()
    for event in [*EVENTS, *TIMES]:
        expected = stopping_steps(its, event, [event])
        engine = WORLDS[world]()
        assert forwards(engine, event) == expected, event
        assert backwards(engine, event) == [step for step in reversed(expected) if step < len(its.times) - 1], event
        happened |= {event} if expected else set()
    assert {"signal('buy')", "order_placed('sell')", "filled", "cancelled", "opened", "closed", "lost"} <= happened


def test_a_run_with_breakpoints_comes_to_the_same_state() -> None:
    plain, broken = busy(1)(), busy(1)()
    plain.run()
    assert forwards(broken, "cash < 9000 or rejected or rsi > 60 and position > 0")
    assert hashes(broken) == hashes(plain)
    assert "update" not in vars(broken.trade)
    backwards(broken, "cancelled or lost")
    broken.seek(len(seen("gaps").times) - 1)
    assert hashes(broken) == hashes(plain)


def test_blocks_of_any_length_stop_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "cash < 8000 and rsi < 40 or crosses_above(equity, 10000) or cancelled"
    found = []
    for first, longest, search in ((1, 1, 1), (3, 7, 5), (256, 1 << 14, 1 << 16)):
        monkeypatch.setattr("engine.breakpoints.lookout.FIRST_BLOCK", first)
        monkeypatch.setattr("engine.breakpoints.lookout.LONGEST_BLOCK", longest)
        monkeypatch.setattr("engine.breakpoints.lookout.SEARCH_BLOCK", search)
        engine = busy(1)()
        found.append((forwards(engine, text), backwards(engine, text), forwards(busy(1)(), "rsi > 60")))
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) > 10


def test_a_condition_stops_where_it_becomes_true_and_not_while_it_stays() -> None:
    prices = [100, 99, 98, 103, 99, 99]
    assert forwards(still(prices), "close < 100") == [1, 4]
    assert forwards(still(prices), "close >= 100") == [0, 3]
    assert forwards(still(prices), "crosses_above(close, 100)") == [3]
    assert forwards(still(prices), "cross(price, ago(price, 1) + 2)") == [3, 4]
    assert forwards(still(prices), "every(2)") == [2, 4]
    assert forwards(still(prices), "every(1) and close < 100") == [1, 2, 4, 5]
    assert forwards(still(prices), "time('00:03')") == [2]
    assert forwards(still(prices), "close / 0 > 1") == [0]
    assert forwards(still(prices), "close % 0 == close % 0") == []


def test_each_signal_in_a_row_stops() -> None:
    script = {1: Signal.buy(value=100), 2: Signal.buy(value=100), 4: Signal.close()}
    engine = still([100] * 8, Scripted(script))
    assert forwards(engine, "signal") == [1, 2, 4]
    assert forwards(still([100] * 8, Scripted(script)), "filled") == [2, 3, 5]
    assert forwards(still([100] * 8, Scripted(script)), "opened") == [2]
    assert forwards(still([100] * 8, Scripted(script)), "closed and lost") == [5]
    assert forwards(still([100] * 8, Scripted(script)), "rejected") == []


def test_the_previous_and_the_next_trade_of_a_coin() -> None:
    engine = busy(1)()
    fills = [step for step, coin, name, what in seen("gaps").events if (coin, name, what) == ("BBBUSDT", "filled", "")]
    fills.sort()
    filled = [Breakpoint("filled", coin="BBBUSDT")]
    assert [run_until(engine, filled).step for _ in range(3)] == fills[:3]
    assert run_back(engine, filled) == Stop(fills[1], (Hit(filled[0], "BBBUSDT"),))
    engine.seek(fills[0])
    assert run_back(engine, filled) == Stop(fills[0])
    assert engine.raw.latest.step == fills[0]


def test_parameters_changed_on_the_way_count_from_there_on() -> None:
    engine = busy(1)()
    for step, mean in ((60, 3), (100, 12)):
        engine.seek(step)
        engine.set_parameters(mean=mean)
    engine.run()
    text = "crosses_above(close, mean) and mean > ago(mean, 2) or mean > close and position > 0"
    engine.seek(-1)
    found = [forwards(engine, text), backwards(engine, text)]
    engine.seek(-1)
    its = watch(engine)
    expected = stopping_steps(its, text, ["crosses_above(close, mean)"])
    assert any(step > 100 for step in expected)
    assert found == [expected, [step for step in reversed(expected) if step < len(its.times) - 1]]
    for text in ("close < mean", "close > mean * 1.01"):
        engine.seek(-1)
        assert forwards(engine, text) == stopping_steps(its, text, [])
        assert backwards(engine, text)[::-1] == [step for step in stopping_steps(its, text, []) if step < len(its.times) - 1]


def test_stops_name_every_breakpoint_that_stopped_and_those_switched_off_do_not() -> None:
    ups = Breakpoint("close > 100", name="up")
    rise, off = Breakpoint("close > ago(close, 1)"), Breakpoint("step >= 0", enabled=False)
    stop = run_until(still([100, 99, 101, 102]), [ups, rise, off])
    assert stop == Stop(2, (Hit(ups, "BTCUSDT"), Hit(rise, "BTCUSDT")))
    assert run_until(still([100, 99, 101, 102]), [off], until=2) == Stop(2)
    assert run_until(still([100, 99, 101, 102]), [ups], until=1) == Stop(1)
    assert run_until(still([100, 99, 101, 102]), [ups], until=99) == Stop(2, (Hit(ups, "BTCUSDT"),))


def test_a_condition_of_the_account_is_of_no_coin() -> None:
    engine = busy(1)()
    equity = Breakpoint("drawdown > 0.0001 or AAAUSDT.rsi > 90")
    assert {hit.coin for hit in run_until(engine, [equity]).hits} == {""}


def test_a_strategy_that_fails_ends_the_run() -> None:
    class Fails(Scripted):
        def gen_signal(self) -> dict[str, Signal]:
            if self.step == 3:
                raise ValueError("no")
            return {}

    for text in ("close > 1000", "equity < 0"):
        engine = still([100] * 8, Fails())
        assert run_until(engine, [Breakpoint(text)]) == Stop(3)
        assert engine.halted is not None
        assert run_until(engine, [Breakpoint(text)]) == Stop(7)


def test_what_cannot_be_run_is_told() -> None:
    engine = busy(1)()
    assert names_of(engine).labels[:3] == ("mean", "spread_3", "rsi")
    with pytest.raises(UsageError, match="is of BTCUSDT, which is not in this session"):
        Lookout(engine, [Breakpoint("filled", coin="BTCUSDT")])
    with pytest.raises(BreakpointError, match=r"column 1: there is no 'rsj' \(did you mean 'rsi'\?\)"):
        Lookout(engine, [Breakpoint("rsj < 3")])


def test_inputs_by_hand_are_seen_by_a_watch() -> None:
    engine = still([100] * 12)
    engine.seek(2)
    engine.place_order("BTCUSDT", 1, 50)
    engine.seek(6)
    engine.cancel(0)
    engine.seek(9)
    engine.seek(0)
    assert run_until(engine, [Breakpoint("cancelled")]).step == 6
    engine.seek(0)
    assert run_until(engine, [Breakpoint("cash < 9960")]).step == 2
    engine.seek(9)
    assert run_back(engine, [Breakpoint("cash > 9960")]).step == 6
    assert np.isclose(engine.trade.account.cash, 10_000)
