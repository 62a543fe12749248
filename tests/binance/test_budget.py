"""The budget of requests: it stops itself in time, keeps a reserve for what is urgent, and waits to the second."""

from __future__ import annotations

import asyncio

import pytest

from engine import seam
from engine.binance.budget import RateBudget

SECOND = 10**9


class Time:
    """A forward clock that goes on only while somebody sleeps, and tells for how long."""

    def __init__(self) -> None:
        self.now = 1000 * SECOND
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += int(seconds * SECOND) + 1

    @property
    def passed_s(self) -> float:
        return self.now / SECOND - 1000


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(seam, "monotonic_ns", lambda: made.now)
    monkeypatch.setattr(asyncio, "sleep", made.sleep)
    return made


def told(weight: int) -> dict[str, str]:
    return {"X-MBX-USED-WEIGHT-1M": str(weight)}


async def test_it_stops_at_four_fifths_and_goes_on_in_the_next_minute(time: Time) -> None:
    its = RateBudget(limit=100)
    for _ in range(4):
        await its.pass_weight(20)
    assert (its.used, time.slept) == (80, [])
    assert not its.may_go(1)
    await its.pass_weight(1)
    assert 59.9 < time.passed_s <= 61
    assert its.used == 1


async def test_what_is_urgent_may_use_the_rest(time: Time) -> None:
    its = RateBudget(limit=100)
    await its.pass_weight(80)
    await its.pass_weight(20, urgent=True)
    assert time.slept == []
    assert not its.may_go(1, urgent=True)


async def test_what_can_wait_leaves_others_the_way(time: Time) -> None:
    its = RateBudget(limit=100)
    await its.pass_weight(40, patient=True)
    assert not its.may_go(20, patient=True)
    await its.pass_weight(40)
    assert time.slept == []
    await its.pass_weight(20, patient=True)
    assert time.passed_s > 59


async def test_the_exchange_s_count_is_believed_where_it_is_more_and_what_is_under_way_is_not_forgotten(time: Time) -> None:
    its = RateBudget(limit=100)
    its.hear(200, told(30))
    assert its.used == 30
    for _ in range(3):
        await its.pass_weight(10)
    its.hear(200, told(40))
    assert its.used == 60, "two of the three are still on their way"
    its.hear(200, told(75))
    assert its.used == 75, "somebody else asks from here, too"


async def test_a_count_that_falls_is_a_new_minute(time: Time) -> None:
    its = RateBudget(limit=100)
    await its.pass_weight(80)
    its.hear(200, told(80))
    its.hear(200, told(2))
    assert its.used == 2


async def test_a_minute_after_the_last_word_nothing_is_used(time: Time) -> None:
    its = RateBudget(limit=100)
    its.hear(200, told(80))
    time.now += 59 * SECOND
    assert not its.may_go(1)
    time.now += SECOND
    assert its.used == 0
    assert its.may_go(80)


@pytest.mark.parametrize(("status", "seconds"), [(429, 7), (429, 1), (418, 120), (403, 30)])
async def test_told_to_wait_nothing_goes_until_that_second(time: Time, status: int, seconds: int) -> None:
    its = RateBudget()
    its.hear(status, {"Retry-After": str(seconds)})
    assert its.banned == (status == 418)
    assert not its.may_go(1, urgent=True)
    assert its.waits_for.endswith(f"{seconds} s left")
    time.now += seconds * SECOND - 1
    assert not its.may_go(1)
    time.now += 1
    assert its.may_go(1)
    assert not its.banned
    assert its.waits_for == ""


async def test_a_refusal_without_a_time_is_a_minute(time: Time) -> None:
    its = RateBudget()
    its.hear(429, {})
    await its.pass_weight(1)
    assert 60 <= time.passed_s < 60.001


async def test_a_shorter_wait_does_not_shorten_a_longer_one(time: Time) -> None:
    its = RateBudget()
    its.hear(418, {"Retry-After": "120"})
    its.hear(429, {"Retry-After": "3"})
    assert its.wait_s == 120


async def test_it_tells_what_is_waited_for(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    its = RateBudget(limit=100)
    await its.pass_weight(80)
    assert its.waits_for == ""
    said = []

    async def sleep(seconds: float) -> None:
        said.append(its.waits_for)
        await Time.sleep(time, seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await its.pass_weight(5)
    assert said[0] == "80 of 100 request weight used"
    assert its.waits_for == ""


async def test_one_too_heavy_for_any_minute_goes_alone(time: Time) -> None:
    its = RateBudget(limit=20)
    await its.pass_weight(50)
    assert time.slept == []
    await its.pass_weight(1)
    assert time.passed_s > 59


async def test_headers_that_are_no_numbers_say_nothing() -> None:
    its = RateBudget()
    its.hear(200, {"X-MBX-USED-WEIGHT-1M": "-5", "X-MBX-ORDER-COUNT-10S": "many"})
    assert (its.used, its.orders) == (0, 0)
    its.hear(200, {"X-MBX-ORDER-COUNT-10S": "12"})
    assert its.orders == 12


async def test_orders_are_held_back_at_their_limit_and_nothing_else_is(time: Time) -> None:
    its = RateBudget()
    its.orders_limit = 5
    its.hear(200, {"X-MBX-ORDER-COUNT-10S": "3"})
    its.placing = 1
    assert its.keeps_orders() == ""
    its.placing = 2
    assert its.keeps_orders() == "5 orders in 10 s are all that the exchange takes"
    assert its.keeps_orders(urgent=True) == "", "the exchange may judge"
    assert its.may_go(1)
    its.placing = 0
    its.hear(200, {"X-MBX-ORDER-COUNT-10S": "5"})
    assert its.keeps_orders()
    time.now += 10 * SECOND
    assert (its.keeps_orders(), its.orders) == ("", 0)


@pytest.mark.parametrize(("headers", "seconds"), [({}, 10), ({"Retry-After": "3"}, 3)])
async def test_told_of_too_many_orders_it_places_none_and_goes_on_otherwise(
    time: Time, headers: dict[str, str], seconds: int
) -> None:
    its = RateBudget()
    its.hear(429, headers, -1015)
    assert its.may_go(1)
    assert (its.wait_s, its.waits_for) == (0, "")
    for urgent in (False, True):
        assert its.keeps_orders(urgent) == f"the exchange takes no new order for {seconds} s"
    time.now += seconds * SECOND
    assert its.keeps_orders() == ""
    its.hear(429, {"Retry-After": "7"}, -1003)
    assert its.wait_s == 7
    assert its.keeps_orders() == "the exchange asks to wait, 7 s left"
