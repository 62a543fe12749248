"""The same run gives the same hash however it was stepped, wherever it ran; another run gives another."""

from __future__ import annotations

import functools
import itertools
import os
import random
import subprocess
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import pytest

from engine import Signal, Strategy
from engine.errors import StrategyError
from engine.session import prepare
from engine.statehash import canonical, state_hash
from tests.worlds import engine, fills_of, hashes, market, restless, walk

ROWS = 600


@pytest.fixture(scope="module")
def whole() -> tuple[str, str]:
    flown = restless(ROWS)
    steps = flown.run()
    assert steps > ROWS * 0.9
    assert flown.halted is None
    assert len(fills_of(flown)) > 100
    statuses = {flown.trade.account.order(n).status.value for n in range(flown.trade.exchange.n_orders)}
    assert statuses >= {"FILLED", "CANCELED", "EXPIRED"}, "the run is to be a busy one"
    return hashes(flown)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_any_chunks_give_the_same_hash(whole: tuple[str, str], chunk: int) -> None:
    flown = restless(ROWS)
    while flown.run(chunk):
        pass
    assert hashes(flown) == whole


def test_single_steps_with_everything_looked_at_between_them_give_the_same_hash(whole: tuple[str, str]) -> None:
    flown = restless(ROWS)
    while flown.step():
        account = flown.trade.account
        _ = (account.equity, account.positions, account.orders(), account.balances, flown.trade.timeline.latest)
        _ = [(flown.strategy.now(coin).ago(1).close, flown.strategy.feature(coin, "mean")) for coin in flown.strategy.coins]
        state_hash(flown.trade, flown.strategy)
    assert hashes(flown) == whole


def test_equal_hashes_at_every_step_on_the_way() -> None:
    one, other = restless(200), restless(200)
    other.run(50)
    for _ in range(50):
        one.step()
    while one.step():
        other.run(1)
        assert hashes(one) == hashes(other)


PROGRAM = "from tests.worlds import hashes, restless\nflown = restless({rows})\nflown.run()\nprint(*hashes(flown))"


def elsewhere(rows: int, **environment: str) -> tuple[str, ...]:
    """The hashes another process comes to."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(rows=rows)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return tuple(done.stdout.split())


@pytest.mark.parametrize("seed", ["1", "31337"])
def test_another_process_with_other_string_hashes_comes_to_the_same(whole: tuple[str, str], seed: str) -> None:
    assert elsewhere(ROWS, PYTHONHASHSEED=seed) == whole


def test_the_kernel_as_plain_python_comes_to_the_same() -> None:
    flown = restless(150)
    flown.run()
    assert len(fills_of(flown)) > 15
    assert elsewhere(150, NUMBA_DISABLE_JIT="1") == hashes(flown)


def test_another_parameter_is_another_run(whole: tuple[str, str]) -> None:
    for params in ({"mean": 8}, {"eager": 0.61}):
        flown = restless(ROWS, **params)
        flown.run()
        assert hashes(flown)[0] != whole[0]
    flown = restless(ROWS)
    flown.strategy.seed(1)
    flown.run()
    assert hashes(flown)[1] != whole[1]


def scripted(script: dict[int, Signal], **given: Any) -> tuple[str, str]:
    class Says(Strategy):
        """Its script is none of its state: what it led to must tell runs apart."""

        def gen_signal(self) -> dict[str, Signal]:
            return {"BTCUSDT": script[self.step]} if self.step in script else {}

    flown = engine(market(walk(60, 3)), Says(), **given)
    flown.run()
    return hashes(flown)


def test_every_difference_shows() -> None:
    buy = {3: Signal.buy(amount=1)}
    runs = {
        "nothing": scripted({}),
        "a buy": scripted(buy),
        "a step later": scripted({4: Signal.buy(amount=1)}),
        "a little more": scripted({3: Signal.buy(amount=1.001)}),
        "far away": scripted({3: Signal.buy(amount=1, price=10)}),
        "a cent away": scripted({3: Signal.buy(amount=1, price=10.01)}),
        "withdrawn": scripted({3: Signal.buy(amount=1, price=10), 9: Signal.cancel()}),
        "withdrawn later": scripted({3: Signal.buy(amount=1, price=10), 10: Signal.cancel()}),
        "a signal without effect": scripted({3: Signal.close()}),
        "a refused one": scripted({3: Signal.buy(amount=10**6)}),
        "a refused other": scripted({3: Signal.buy(amount=0.001)}),
        "more cash": scripted({}, cash=10_001),
        "fees": scripted({}, taker=90_000),
    }
    seen: dict[str, str] = {}
    for name, (hashed, _) in runs.items():
        assert hashed not in seen, f"{name} and {seen[hashed]}"
        seen[hashed] = name


def test_a_step_more_is_another_hash_even_where_nothing_happens() -> None:
    flown = engine(market(walk(60)))
    seen = set()
    while flown.step():
        seen.add(state_hash(flown.trade, flown.strategy))
    assert len(seen) == 60


# what a strategy may keep


@dataclass
class Leg:
    side: str
    lots: list[int] = field(default_factory=list)


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Bag(list[int]):
    """A list of one's own."""


class Pair(NamedTuple):
    one: int
    other: int


class Mood(Enum):
    UP = 1
    DOWN = 2


def a_frame(value: int) -> Any:
    import pandas as pd

    return pd.DataFrame({"x": [1.0, value]})


def a_knot(value: int) -> Any:
    knot: list[Any] = [value]
    knot.append(knot)
    return knot


def a_deque(value: int) -> Any:
    return deque([1, 2, value], maxlen=5)


def a_default(value: int) -> Any:
    made: defaultdict[str, list[int]] = defaultdict(list)
    made["x"].append(value)
    return made


KEPT = {
    "int": int,
    "float": float,
    "text": str,
    "bool": lambda value: value > 1,
    "wide int": lambda value: 10**30 + value,
    "decimal": lambda value: Decimal(value) / 3,
    "time": lambda value: datetime.fromtimestamp(value, UTC),
    "numpy float": lambda value: np.float64(value),
    "numpy int": lambda value: np.int64(value),
    "tuple": lambda value: (1, value),
    "set": lambda value: {"a", "b", str(value)},
    "frozenset": lambda value: frozenset({1, 5, value}),
    "dict": lambda value: {"b": 1, "a": value},
    "dict of pairs": lambda value: {("BTCUSDT", "x"): value},
    "nested": lambda value: {"a": [{"b": (value, {value})}]},
    "array": lambda value: np.array([1.0, value]),
    "array of ints": lambda value: np.array([[1, value]]),
    "deque": a_deque,
    "defaultdict": a_default,
    "counter": lambda value: Counter({"x": value}),
    "ordered": lambda value: OrderedDict(a=1, b=value),
    "range": lambda value: range(value),
    "dataclass": lambda value: Leg("buy", [value]),
    "object": lambda value: Plain([value]),
    "slots": lambda value: Slotted(value),
    "list of one's own": lambda value: Bag([value]),
    "dict of steps": lambda value: {value: "a", 9: "b"},
    "named pair": lambda value: Pair(1, value),
    "member of an enum": Mood,
    "method of an object": lambda value: Plain(value).__init__,
    "bytes": lambda value: bytes([value]),
    "frame": a_frame,
    "dice": random.Random,
    "partial": lambda value: functools.partial(max, value),
    "a knot": a_knot,
    "class": lambda value: (Plain, Slotted)[value - 1],
    "function": lambda value: (a_deque, a_knot)[value - 1],
    "signal": lambda value: Signal.buy(value=value),
    "generator of numbers": lambda value: np.random.default_rng(value),
}


@pytest.mark.parametrize("make", KEPT.values(), ids=KEPT)
def test_what_a_strategy_keeps_is_told_apart_by_its_value(make: Any) -> None:
    assert canonical("x", make(1)) == canonical("x", make(1))
    assert canonical("x", make(1)) != canonical("x", make(2))


def test_the_order_of_a_set_or_dict_does_not_matter() -> None:
    names = [f"name{n}" for n in range(50)]
    assert canonical("x", set(names)) == canonical("x", set(reversed(names)))
    assert canonical("x", dict.fromkeys(names)) == canonical("x", dict.fromkeys(reversed(names)))


UNKEPT = {
    "a function": lambda: lambda: 1,
    "a generator": lambda: (n for n in range(3)),
    "a counter without end": itertools.count,
    "an iterator": lambda: iter([1, 2]),
    "a lock": threading.Lock,
    "an open file": lambda: sys.stderr,
    "an object that holds one": lambda: Plain([threading.Lock()]),
    "a module": lambda: sys,
    "what is too deep": lambda: deep(10_000),
}


def deep(levels: int) -> Any:
    inner: Any = []
    for _ in range(levels):
        inner = [inner]
    return inner


@pytest.mark.parametrize("make", UNKEPT.values(), ids=UNKEPT)
def test_what_has_no_value_is_named_instead_of_hashed_by_chance(make: Any) -> None:
    value = make()
    with pytest.raises(StrategyError, match="the attribute 'tool'"):
        canonical("tool", value)


def test_what_cannot_be_kept_is_told_before_the_run() -> None:
    class Keeper(Strategy):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.tool = threading.Lock()

        def gen_signal(self) -> dict[str, Signal]:
            raise AssertionError("it flies")

    with pytest.raises(StrategyError, match="the attribute 'tool'"):
        prepare("demo", strategy=Keeper)


def test_looking_at_an_attribute_does_not_use_it_up() -> None:
    flown = engine(market(walk(20)), Strategy())
    flown.strategy.waiting = deque([1, 2, 3])
    flown.run()
    assert hashes(flown) == hashes(flown)
    assert list(flown.strategy.waiting) == [1, 2, 3]


def test_a_row_kept_counts_by_coin_and_time() -> None:
    class Keeps(Strategy):
        prev: Any

        def gen_signal(self) -> dict[str, Signal]:
            ((_, self.prev),) = self.bars()
            return {}

    flown = engine(market(walk(20)), Keeps())
    flown.run()
    kept = hashes(flown)
    flown.strategy.prev = flown.strategy.prev.ago(1)
    assert hashes(flown) != kept
