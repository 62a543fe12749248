"""The client, which is python-binance's own, against a rehearsal and all it can answer: every error is one that tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from engine import seam
from engine.binance.client import Client
from engine.binance.clock import ExchangeClock
from engine.binance.hosts import rehearsal_hosts
from engine.errors import ExchangeError
from engine.recordings.bars import stamp
from engine.rehearsal.faults import Scenario
from tests.binance.floor import Floor, floor, until
from tests.worlds import MINUTE, START, market, walk

BARS = 2600
COINS = {"AAAUSDT": walk(BARS, 1), "BBBUSDT": walk(BARS, 2, price=20)}


@pytest.fixture
async def its() -> AsyncIterator[Floor]:
    async with floor(market(COINS), begin=stamp(START + 2500 * MINUTE)) as made:
        yield made


def fail(its: Floor, **fault: Any) -> None:
    """Let requests fail so from now on."""
    its.hall.server.inject(Scenario.model_validate({"requests": (fault,)}))


async def test_klines_come_in_pages_of_a_thousand_and_none_is_lost(its: Floor) -> None:
    pages = [page async for page in its.client.klines("AAAUSDT", "1m", START, its.venue.now)]
    assert [len(page) for page in pages] == [1000, 1000, 501]
    times = [row[0] for page in pages for row in page]
    assert times == [(START + n * MINUTE) // 10**6 for n in range(2501)]


async def test_the_limits_of_the_exchange_are_the_budget_s(its: Floor) -> None:
    info = await its.client.exchange_info(["AAAUSDT"])
    assert [symbol["symbol"] for symbol in info.symbols] == ["AAAUSDT"]
    assert its.client.budget.limit == 6000


async def test_the_limit_of_orders_is_the_exchange_s_too() -> None:
    async with floor(market(COINS), limits={"orders_per_10_seconds": 7}) as its:
        await its.client.exchange_info(["AAAUSDT"])
        assert its.client.budget.orders_limit == 7


async def test_every_reply_tells_what_is_used(its: Floor) -> None:
    before = its.client.budget.used
    await its.client.depth("AAAUSDT")
    assert its.client.budget.used == before + 50


async def test_it_stops_itself_before_the_exchange_would_and_tells_what_it_waits_for() -> None:
    async with floor(market(COINS), limits={"weight_per_minute": 100}) as its:
        await its.client.exchange_info(["AAAUSDT"])
        asking = [asyncio.create_task(its.client.exchange_info(["AAAUSDT"])) for _ in range(5)]
        await until(lambda: bool(its.client.budget.waits_for))
        assert its.client.budget.waits_for.endswith("of 100 request weight used")
        await asyncio.sleep(0.1)
        done = [task for task in asking if task.done()]
        assert its.client.budget.used <= 80
        assert 0 < len(done) < 5
        assert all(task.exception() is None for task in done), "none was refused"
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


@pytest.mark.parametrize(("status", "word"), [(429, "asks to wait"), (418, "banned")])
async def test_told_to_wait_it_asks_nothing_for_so_long_to_the_second(its: Floor, status: int, word: str) -> None:
    fail(its, of="GET /api/v3/depth", status=status, code=-1003, retry_s=1, times=1)
    with pytest.raises(ExchangeError, match=f"depth: HTTP {status}, -1003") as caught:
        await its.client.depth("AAAUSDT")
    assert caught.value.hint == "the exchange asks to wait; tickdeck does"
    assert not caught.value.refused
    assert word in its.client.budget.waits_for
    began = seam.monotonic_ns()
    book = await its.client.depth("AAAUSDT")
    assert book.bids
    assert 0.9 < (seam.monotonic_ns() - began) / 1e9 < 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 503, "body": "<html><b>503</b></html>"}, "depth: HTTP 503, an answer that is none of the exchange's"),
        ({"status": 500, "code": -1000}, "depth: HTTP 500, -1000"),
        ({"status": 400, "body": "[1, 2]"}, "depth: an answer that is none of the exchange's"),
        ({"status": 200, "body": ""}, "depth: an answer that is none of the exchange's"),
        ({"status": 200, "body": "{}"}, "depth: an answer that is none of the exchange's"),
        ({"status": 200, "body": "[]"}, "depth: an answer that is none of the exchange's"),
        ({"status": 200, "body": '{"lastUpdateId": NaN, "bids": [], "asks": []}'}, "depth: an answer that is none"),
        ({"status": 200, "body": '{"lastUpdateId": 1, "bids": [["1"]], "asks": []}'}, "depth: an answer that is none"),
        ({"cut": 20}, "depth: an answer that is none of the exchange's"),
        ({"lose": "request"}, "depth: Server disconnected"),
        ({"lose": "reply"}, "depth: Server disconnected"),
    ],
)
async def test_what_is_no_answer_is_an_error_and_asked_again_it_is_one(its: Floor, fault: dict[str, Any], words: str) -> None:
    fail(its, of="GET /api/v3/depth", **fault)
    with pytest.raises(ExchangeError) as caught:
        await its.client.depth("AAAUSDT")
    assert words in caught.value.message
    its.hall.server.inject(Scenario())
    assert (await its.client.depth("AAAUSDT")).bids


async def test_an_exchange_that_does_not_answer_is_waited_for_but_not_for_ever(
    its: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.binance.client.PATIENCE_S", 0.2)
    client = Client(rehearsal_hosts(its.hall.url))
    await client.open()
    fail(its, of="GET /api/v3/depth", before_s=2)
    with pytest.raises(ExchangeError, match=r"depth: no answer within 0\.2 s"):
        await client.depth("AAAUSDT")
    await client.close()


async def test_where_there_is_no_exchange_it_says_so() -> None:
    client = Client(rehearsal_hosts("http://127.0.0.1:9"))
    with pytest.raises(ExchangeError, match=r"no connection to 127\.0\.0\.1:9") as caught:
        await client.open()
    assert caught.value.hint == "is http://127.0.0.1:9/api to be reached from here?"


async def test_what_the_exchange_refuses_it_refuses_for_good(its: Floor) -> None:
    with pytest.raises(ExchangeError, match="-1121 Invalid symbol") as caught:
        await its.client.depth("NONESUCH")
    assert caught.value.refused


async def test_a_request_that_came_too_late_makes_the_clock_ask_again(its: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(rehearsal_hosts(its.hall.url), clock=ExchangeClock())
    await client.open()
    assert client.clock.known
    fail(its, of="GET /api/v3/depth", code=-1021, times=1)
    with pytest.raises(ExchangeError, match="-1021") as caught:
        await client.depth("AAAUSDT")
    assert not caught.value.refused
    assert not client.clock.known
    await until(lambda: client.clock.known)
    await client.close()


async def test_the_clock_is_asked_again_after_it_jumped_and_knows_the_exchange_s_time_then(
    its: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_ahead = 0
    wall: Callable[[], int] = lambda: seam.wall_ns() + set_ahead  # noqa: E731
    client = Client(rehearsal_hosts(its.hall.url), clock=ExchangeClock(wall=wall))
    await client.open()
    assert abs(client.clock.now - its.venue.now) < 10**9
    set_ahead = 8 * 3600 * 10**9
    assert not client.clock.known
    assert client.clock.slept_ns >= set_ahead - 10**8
    await until(lambda: client.clock.known)
    assert abs(client.clock.now - its.venue.now) < 10**9
    await client.close()


async def test_what_was_said_before_the_machine_slept_is_not_believed_after(its: Floor) -> None:
    """The question was asked, the machine slept, and the answer of before is read now."""
    set_ahead = 0
    clock = ExchangeClock(wall=lambda: seam.wall_ns() + set_ahead)
    client = Client(rehearsal_hosts(its.hall.url), clock=clock)
    await client.open()
    asked = clock.asked
    fail(its, of="GET /api/v3/time", after_s=0.3, times=1)
    asking = asyncio.create_task(client.sample_clock())
    await asyncio.sleep(0.1)
    set_ahead = 3600 * 10**9
    await asking
    assert clock.asked == asked
    assert not clock.known
    await client.close()


async def test_every_coin_has_a_name(its: Floor) -> None:
    assert await its.client.names() == list(COINS)


async def test_trades_of_before_are_told_from_an_id_on(its: Floor) -> None:
    its.hall.wait(3 * MINUTE)
    trades = await its.client.trades("AAAUSDT", 0)
    first = trades[0].id
    assert [its.id for its in await its.client.trades("AAAUSDT", first + 2)] == [its.id for its in trades[2:]]
