"""The exchange's clock: the middle of a round trip, the median of the quick ones, and the truth after a jump."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.binance.clock import NS_PER_MS, ExchangeClock

SECOND = 1000 * NS_PER_MS
EPOCH = 1_700_000_000 * SECOND


class Machine:
    """This machine's clocks, moved by hand, and an exchange whose clock is `ahead`."""

    def __init__(self, ahead: int = 0, speed: float = 1.0) -> None:
        self.forward = 5 * SECOND
        self.wall = EPOCH
        self.ahead = ahead
        self.speed = speed
        self.began = self.forward
        self.clock = ExchangeClock(speed, lambda: self.wall, lambda: self.forward)

    @property
    def server(self) -> int:
        return EPOCH + self.ahead + int((self.forward - self.began) * self.speed)

    def passes(self, ns: int) -> None:
        self.forward += ns
        self.wall += ns

    def asks(self, there: int, back: int) -> None:
        asked = self.forward
        self.passes(there)
        said = self.server
        self.passes(back)
        self.clock.sample(asked, said, self.forward)


@given(st.integers(-10 * SECOND, 10 * SECOND), st.lists(st.integers(0, SECOND), min_size=1, max_size=12))
def test_a_symmetric_answer_tells_the_time_to_the_last_unit(ahead: int, trips: list[int]) -> None:
    machine = Machine(ahead)
    for trip in trips:
        machine.asks(trip, trip)
    assert abs(machine.clock.now - machine.server) <= 1
    assert abs(machine.clock.skew_ns + ahead) <= 1
    machine.passes(3600 * SECOND)
    assert abs(machine.clock.now - machine.server) <= 1


def test_a_slow_answer_among_quick_ones_does_not_move_it() -> None:
    machine = Machine(250 * NS_PER_MS)
    for _ in range(4):
        machine.asks(10 * NS_PER_MS, 10 * NS_PER_MS)
    machine.asks(0, 900 * NS_PER_MS)
    assert abs(machine.clock.now - machine.server) <= 1
    assert machine.clock.uncertain_ns == 10 * NS_PER_MS


@pytest.mark.parametrize("jump", [-3600 * SECOND, 2 * SECOND, 8 * 3600 * SECOND])
def test_a_clock_that_is_set_or_a_machine_that_slept_is_noticed_and_asked_anew(jump: int) -> None:
    machine = Machine(100 * NS_PER_MS)
    machine.asks(NS_PER_MS, NS_PER_MS)
    assert machine.clock.known
    machine.wall += jump
    assert not machine.clock.known
    assert machine.clock.jumped == 1
    machine.asks(NS_PER_MS, NS_PER_MS)
    assert machine.clock.known
    assert abs(machine.clock.now - machine.server) <= 1
    assert abs(machine.clock.skew_ns - (jump - 100 * NS_PER_MS)) <= 1


def test_a_clock_that_is_slewed_slowly_has_not_jumped() -> None:
    machine = Machine()
    machine.asks(NS_PER_MS, NS_PER_MS)
    for _ in range(100):
        machine.passes(SECOND)
        machine.wall += 10 * NS_PER_MS
        assert machine.clock.known
    assert abs(machine.clock.skew_ns - SECOND) <= 1


def test_before_it_was_asked_the_time_is_this_machine_s() -> None:
    machine = Machine(5 * SECOND)
    assert not machine.clock.known
    assert machine.clock.now == machine.wall


def test_a_rehearsal_s_time_goes_by_faster() -> None:
    machine = Machine(0, speed=60.0)
    machine.asks(0, 0)
    machine.passes(10 * SECOND)
    assert abs(machine.clock.now - (EPOCH + 600 * SECOND)) <= 1
    assert machine.clock.skew_ns == 0


def test_until_it_is_asked_anew_the_time_is_the_latest_that_was_told() -> None:
    """After a sleep nobody knows the time there; what happened there was before it, and this machine's own time is a guess."""
    machine = Machine(-3600 * SECOND)
    machine.asks(0, 0)
    machine.passes(SECOND)
    assert abs(machine.clock.now - machine.server) <= 1
    machine.wall += 8 * 3600 * SECOND
    assert machine.clock.now == machine.server - SECOND
    machine.clock.hear(machine.server)
    machine.clock.hear(machine.server - 5 * SECOND)
    assert machine.clock.now == machine.server
