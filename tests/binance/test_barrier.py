"""The barrier: bars that arrive at different moments become the steps a slow look at them all would make."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.binance.barrier import NS_PER_MS, Barrier, LiveStep
from engine.market.push import UnitBar
from tests.worlds import MINUTE, START

COINS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")
GRACE = 1000 * NS_PER_MS


def bar(place: int) -> UnitBar:
    return UnitBar(START + place * MINUTE, 1, 1, 1, 1, 1)


def close(place: int) -> int:
    return START + (place + 1) * MINUTE


def barrier() -> Barrier:
    made = Barrier(COINS, MINUTE)
    made.begin_at(START)
    return made


def test_a_step_waits_for_every_coin_and_not_a_moment_longer() -> None:
    its = barrier()
    for coin in COINS[:2]:
        its.put(coin, bar(0), close(0))
        assert its.ready(close(0)) == []
    its.put(COINS[2], bar(0), close(0) + 5)
    assert its.ready(close(0) + 5) == [LiveStep(close(0), dict.fromkeys(COINS, bar(0)), {})]


def test_after_its_grace_a_step_goes_with_what_is_there_and_the_rest_is_late() -> None:
    its = barrier()
    its.put(COINS[1], bar(0), close(0))
    assert its.ready(close(0) + GRACE - 1) == []
    assert its.ready(close(0) + GRACE) == [LiveStep(close(0), {COINS[1]: bar(0)}, {})]
    its.put(COINS[0], bar(0), close(0) + GRACE + 1)
    assert its.late == 1
    for coin in COINS:
        its.put(coin, bar(1), close(1))
    (step,) = its.ready(close(1))
    assert step.late == {COINS[0]: [bar(0)]}


def test_a_step_waits_for_the_bars_before_it_that_are_asked_for() -> None:
    its = barrier()
    for place in (1, 2):
        for coin in COINS:
            its.put(coin, bar(place), close(place))
    assert its.ready(close(2), owed=bar(0).time) == []
    its.put(COINS[1], bar(0), close(2))
    (step,) = its.ready(close(2), owed=bar(2).time)
    assert step.time == close(2)
    # the step at 1 had waited beyond its time: its bars are late, in their order, and the one asked for is before them
    assert step.late == {coin: [bar(1)] for coin in COINS} | {COINS[1]: [bar(0), bar(1)]}
    assert its.late == 4


def test_a_step_nobody_looked_at_in_time_is_none() -> None:
    its = barrier()
    for coin in COINS:
        its.put(coin, bar(0), close(0))
    assert its.ready(close(0) + 2 * GRACE) == []
    for coin in COINS:
        its.put(coin, bar(1), close(1))
    (step,) = its.ready(close(1))
    assert step.late == {coin: [bar(0)] for coin in COINS}


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 8), st.integers(0, 4000)), max_size=40))
def test_every_bar_is_told_once_in_time_or_late_and_steps_go_forward(news: list[tuple[int, int, int]]) -> None:
    """`news`: coin, which bar, how many ms after its close it comes."""
    its = barrier()
    arrivals = sorted((close(place) + delay * NS_PER_MS, coin, place) for coin, place, delay in news)
    steps: list[LiveStep] = []
    seen: set[tuple[int, int]] = set()
    for at, coin, place in arrivals:
        steps += its.ready(at)
        if (coin, place) not in seen:  # whoever hears the bars knows of two that are one
            seen.add((coin, place))
            its.put(COINS[coin], bar(place), at)
        steps += its.ready(at)
    steps += its.ready(close(20))
    for coin in COINS:
        its.put(coin, bar(30), close(30))
    steps += its.ready(close(30))
    times = [step.time for step in steps]
    assert times == sorted(set(times))
    told = [(coin, its.time) for step in steps for coin, its in step.bars.items()]
    late = [(coin, its.time) for step in steps for coin, missed in step.late.items() for its in missed]
    expected = {(COINS[coin], bar(place).time) for coin, place, _ in news} | {(coin, bar(30).time) for coin in COINS}
    assert len(told) + len(late) == len(set(told + late))
    assert set(told + late) == expected
    for step in steps:
        assert all(its.time + MINUTE == step.time for its in step.bars.values())
        assert all(its.time + MINUTE < step.time for missed in step.late.values() for its in missed)
    first = {}
    for at, coin, place in arrivals:
        first.setdefault((COINS[coin], bar(place).time), at)
    assert all(first[it] <= it[1] + MINUTE + 2 * GRACE for it in told if it in first)
