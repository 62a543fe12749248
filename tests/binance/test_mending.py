"""What a stream lost is asked for and comes in order; what nobody has is told of, in the recording and to who flies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from engine.binance.coin import Hole
from engine.binance.feed import BinanceFeed
from engine.errors import ConfigError
from engine.recordings.bars import stamp
from engine.rehearsal.faults import Scenario
from engine.rehearsal.outbox import Frame
from tests.binance.floor import Floor, floor, until
from tests.worlds import MINUTE, START, market, walk

COINS = {"AAAUSDT": walk(400, 1), "BBBUSDT": walk(400, 2, price=20)}
HISTORY = 100
SECOND = 10**9
BEGIN = {"begin": stamp(START + HISTORY * MINUTE)}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.binance.mending.LOOK_EVERY_S", 0.02)
    monkeypatch.setattr("engine.binance.mending.AGAIN_S", 0.05)


def fail(its: Floor, *faults: dict[str, Any]) -> None:
    """Let requests fail so from now on, and in no other way."""
    its.hall.server.inject(Scenario.model_validate({"requests": faults}))


def closes(frame: Frame, coin: str) -> bool:
    """Whether a frame tells that a bar of a coin is over."""
    return frame.what == f"{coin.lower()}@kline_1m" and b'"x":true' in frame.payload


def fly(feed: BinanceFeed) -> None:
    """Do all the steps that wait."""
    for time in list(feed.upcoming(None)):
        feed.advance(time)


async def whole(feed: BinanceFeed) -> None:
    """Wait until the feed owes nothing."""
    await until(lambda: feed.pump() >= 0 and all(coin.owes is None and not coin.missing for coin in feed._live.values()))


def ids(its: Floor, coin: str) -> list[int]:
    """The ids of the trades recorded of a coin, by stream or by reply, in order."""
    found: set[int] = set()
    for frame in its.book.frames:
        said = json.loads(frame)
        if said["stream"] == f"{coin.lower()}@trade":
            found.add(said["data"]["t"])
    for name, body in its.book.replies:
        if name == f"trades {coin}":
            found |= {its["id"] for its in json.loads(body)}
    return sorted(found)


def runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """What is missing between numbers."""
    return ((one + 1, other - 1) for one, other in pairwise(numbers) if other > one + 1)


async def test_a_bar_whose_end_was_lost_comes_before_the_next_and_the_step_went_without() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(list(COINS), history=5) as feed:
        await its.play(feed, 2 * MINUTE)
        its.drop(lambda frame: closes(frame, "BBBUSDT"))
        await its.play(feed, MINUTE)
        its.hall.wait(3 * SECOND // 2)
        await its.heard(feed)
        its.hall.lines.terms.judge = None
        await its.play(feed, 5 * SECOND, SECOND)
        await whole(feed)
        its.hall.wait(MINUTE - 13 * SECOND // 2)
        await its.heard(feed)
        await its.play(feed, MINUTE)
        fly(feed)
        first, second = feed.latest.events
        assert first.bars.time.tolist() == COINS["AAAUSDT"].time[HISTORY - 5 : HISTORY + 5].tolist()
        assert second.bars.time.tolist() == COINS["BBBUSDT"].time[HISTORY - 5 : HISTORY + 5].tolist()
        assert second.bars.close.tolist() == COINS["BBBUSDT"].close[HISTORY - 5 : HISTORY + 5].tolist()
        assert list(second.row_at or [])[-3:] == [-1, 8, 9]
        assert its.book.told("late") == [{"coin": "BBBUSDT", "opened": [START + (HISTORY + 2) * MINUTE], "interval": "1m"}]
        assert feed.health.late == 1
        assert feed.health.gaps == 0


async def test_steps_wait_for_a_bar_that_is_asked_for_and_go_on_without_when_nobody_has_it() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(list(COINS), history=5, patience_s=0.6) as feed:
        await its.play(feed, MINUTE)
        fly(feed)
        before = len(feed)
        fail(its, {"of": "GET /api/v3/klines", "status": 503, "body": "<html>"})
        its.drop(lambda frame: closes(frame, "BBBUSDT"))
        await its.play(feed, MINUTE)
        its.hall.lines.terms.judge = None
        await its.play(feed, MINUTE, 30 * SECOND)
        assert feed.pump() == 0, "the step waits for what is before it"
        await until(lambda: feed.health.gaps == 1)
        opened = START + (HISTORY + 1) * MINUTE
        assert its.book.told("gap") == [{"coin": "BBBUSDT", "kind": "klines", "first": opened, "last": opened}]
        assert ("warning", "BBBUSDT: klines 2025-01-01 01:41:00 to 2025-01-01 01:41:00 are missing") in feed.news
        its.hall.server.inject(Scenario())
        await its.play(feed, 2 * MINUTE)
        fly(feed)
        assert len(feed) > before
        assert opened not in feed.latest.events[1].bars.time.tolist()


async def test_trades_that_were_lost_are_asked_for_and_none_is_missing() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(list(COINS), history=5) as feed:
        await its.play(feed, 3 * MINUTE)
        its.drop(lambda frame: frame.what == "aaausdt@trade")
        await its.play(feed, 2 * MINUTE)
        its.hall.lines.terms.judge = None
        await its.play(feed, 2 * MINUTE)
        await whole(feed)
        for coin in COINS:
            known = ids(its, coin)
            assert len(known) > 5
            assert list(runs(known)) == []
        assert feed.health.gaps == 0


async def test_trades_of_while_it_was_cut_are_asked_for() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(list(COINS), history=5) as feed:
        for n in range(3):
            await its.play(feed, 2 * MINUTE)
            its.cut()
            its.hall.wait(3 * MINUTE)
            await until(lambda n=n: feed.health.reconnects == n + 1 and feed.health.alive)
        await its.play(feed, 2 * MINUTE)
        await whole(feed)
        assert [list(runs(ids(its, coin))) for coin in COINS] == [[], []]
        assert (feed.health.gaps, feed.health.reconnects) == (0, 3)
        assert [text for _, text in feed.news].count("connected to the exchange again") == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"of": "GET /api/v3/historicalTrades", "status": 404, "body": "<html>not here</html>"},
        {"of": "GET /api/v3/historicalTrades", "status": 401, "code": -2014},
        {"of": "GET /api/v3/historicalTrades", "status": 200, "body": "[]"},
    ],
    ids=lambda fault: str(fault["status"]),
)
async def test_trades_nobody_gives_are_a_hole(fault: dict[str, Any]) -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(["AAAUSDT"], history=5) as feed:
        await its.play(feed, 3 * MINUTE)
        fail(its, fault)
        its.drop(lambda frame: frame.what == "aaausdt@trade")
        await its.play(feed, 2 * MINUTE)
        its.hall.lines.terms.judge = None
        await its.play(feed, 2 * MINUTE)
        await whole(feed)
        ((first, last),) = runs(ids(its, "AAAUSDT"))
        assert its.book.told("gap") == [{"coin": "AAAUSDT", "kind": "trades", "first": first, "last": last}]
        assert feed._mending.holes == [Hole("AAAUSDT", "trades", first, last)]


async def test_of_trades_that_are_too_far_back_the_rest_is_asked_for() -> None:
    """The rehearsal tells of the last thousand."""
    async with floor(market({"AAAUSDT": walk(1000)}), **BEGIN) as its, its.feed(["AAAUSDT"], history=5) as feed:
        await its.play(feed, 2 * MINUTE)
        its.cut()
        its.hall.wait(800 * MINUTE)
        await until(lambda: feed.health.reconnects == 1 and feed.health.alive)
        await its.play(feed, 2 * MINUTE)
        await whole(feed)
        known = ids(its, "AAAUSDT")
        lost = list(runs(known))
        assert [(it["first"], it["last"]) for it in its.book.told("gap")] == lost
        assert lost
        assert len(known) > 900


async def test_trades_the_exchange_has_not_filed_yet_are_waited_for() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(["AAAUSDT"], history=5) as feed:
        await its.play(feed, 3 * MINUTE)
        fail(its, {"of": "GET /api/v3/historicalTrades", "status": 200, "body": "[]", "times": 4})
        its.drop(lambda frame: frame.what == "aaausdt@trade")
        await its.play(feed, 2 * MINUTE)
        its.hall.lines.terms.judge = None
        await its.play(feed, 2 * MINUTE)
        await whole(feed)
        assert list(runs(ids(its, "AAAUSDT"))) == []
        assert feed.health.gaps == 0


async def test_what_is_owed_at_the_end_is_owned_up_to() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(["AAAUSDT"], history=5) as feed:
        await its.play(feed, 3 * MINUTE)
        fail(its, {"of": "*", "status": 503, "body": "<html>"})
        its.drop(lambda frame: frame.what == "aaausdt@trade" or closes(frame, "AAAUSDT"))
        await its.play(feed, 2 * MINUTE)
        its.hall.lines.terms.judge = None
        await its.play(feed, MINUTE, 30 * SECOND)
        assert feed.health.gaps == 0
        feed.own_up()
        gaps = its.book.told("gap")
        assert [its["kind"] for its in gaps] == ["trades", "klines"]
        assert gaps[1]["first"] == START + (HISTORY + 3) * MINUTE


async def test_the_book_is_joined_to_its_snapshot_and_is_the_exchange_s_own() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(list(COINS), history=5, streams=("kline", "depth")) as feed:
        books = {coin: feed._live[coin].book for coin in COINS}

        def same() -> None:
            for coin, book in books.items():
                true = its.venue.market.coins[its.venue.market.index[coin]].book
                assert book.last == true.id
                assert (book.bids, book.asks) == (dict(true.bids), dict(true.asks))

        assert not [name for name, _ in its.book.replies if name.startswith("depth")], "none is asked for before it changes"
        await its.play(feed, MINUTE, SECOND)
        await until(lambda: all(book.whole for book in books.values()))
        await its.play(feed, 3 * MINUTE, SECOND)
        await its.play(feed, SECOND // 5, SECOND // 10)
        same()
        its.drop(lambda frame: frame.what.startswith("aaausdt@depth"))
        await its.play(feed, MINUTE, SECOND)
        its.hall.lines.terms.judge = None
        await its.play(feed, 2 * MINUTE, SECOND)
        await until(lambda: feed.pump() >= 0 and books["AAAUSDT"].whole and feed.health.gaps > 0)
        await its.play(feed, MINUTE, SECOND)
        await its.play(feed, SECOND // 5, SECOND // 10)
        same()
        assert {hole.kind for hole in feed._mending.holes} == {"depth"}
        assert {hole.coin for hole in feed._mending.holes} == {"AAAUSDT"}
        assert [name for name, _ in its.book.replies].count("depth AAAUSDT") >= 2


async def test_a_machine_that_slept_wakes_to_the_truth() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(list(COINS), history=5) as feed:
        await its.play(feed, 2 * MINUTE)
        assert not any(coin.stale for coin in feed.health.coins)
        its.clock.asleep += 8 * 3600 * 10**9
        feed.pump()
        assert all(coin.stale and coin.age_s > 8 * 3600 for coin in feed.health.coins)
        its.hall.wait(20 * MINUTE)
        await until(lambda: feed.health.reconnects == 1 and feed.health.alive)
        assert feed.socket.counters.cuts[-1] == "this machine slept, or its clock was set ahead, by 28,800 s"
        await its.play(feed, MINUTE)
        await whole(feed)
        assert not any(coin.stale for coin in feed.health.coins)
        await its.play(feed, MINUTE)
        fly(feed)
        for n, bars in enumerate(COINS.values()):
            assert feed.latest.events[n].bars.time.tolist() == bars.time[HISTORY - 5 : HISTORY + 24].tolist()


async def test_a_clock_set_back_is_no_sleep_and_looked_into_all_the_same() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(["AAAUSDT"], history=5) as feed:
        await its.play(feed, 2 * MINUTE)
        its.clock.asleep -= 3600 * 10**9
        feed.pump()
        assert not feed.health.coins[0].stale
        await until(lambda: feed.health.reconnects == 1 and feed.health.alive)
        assert feed.socket.counters.cuts[-1] == "this machine set its clock back"


async def test_the_clock_s_offset_is_recorded() -> None:
    async with floor(market(COINS), **BEGIN) as its, its.feed(["AAAUSDT"], history=5) as feed:
        feed.pump()
        (first,) = its.book.told("clock")
        assert first["offset"] == pytest.approx(its.venue.now - its.clock._wall(), abs=5 * 10**9)
        await its.client.sample_clock()
        feed.pump()
        assert len(its.book.told("clock")) == 2


async def test_a_coin_that_is_halted_and_filters_that_change_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.binance.listing.EVERY_S", 0.05)
    async with floor(market(COINS), **BEGIN) as its, its.feed(list(COINS), history=5) as feed:
        halt = {"at_s": 0, "coin": "BBBUSDT", "status": "HALT", "filters": {"lot": 1}}
        its.hall.server.inject(Scenario.model_validate({"happenings": (halt,)}))
        its.hall.wait(SECOND)
        await until(lambda: feed.health.coins[1].status == "HALT")
        assert list(feed.news) == [
            ("warning", "BBBUSDT: the exchange says HALT"),
            ("warning", "BBBUSDT: the exchange has other filters now; this flight goes on by those it began with"),
        ]
        assert feed.instruments[1].lot == 10**8
        back = {"at_s": 0, "coin": "BBBUSDT", "status": "TRADING"}
        its.hall.server.inject(Scenario.model_validate({"happenings": (back,)}))
        its.hall.wait(SECOND)
        await until(lambda: feed.health.coins[1].status == "TRADING")
        assert list(feed.news)[2:] == [("info", "BBBUSDT: the exchange says TRADING")]


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY"])
async def test_a_coin_that_is_not_traded_keeps_nobody_from_starting(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.binance.listing.SOON_S", 0.05)
    async with floor(market(COINS), **BEGIN) as its:
        now = {"at_s": 0, "coin": "BBBUSDT", "status": status}
        its.hall.server.inject(Scenario.model_validate({"happenings": (now,)}))
        its.hall.wait(SECOND)
        async with its.feed(list(COINS), history=5) as feed:
            assert list(feed.news) == [("warning", f"BBBUSDT: the exchange says {status}")]
            assert dict(feed.statuses) == {"AAAUSDT": "TRADING", "BBBUSDT": status}
            back = {"at_s": 0, "coin": "BBBUSDT", "status": "TRADING"}
            its.hall.server.inject(Scenario.model_validate({"happenings": (back,)}))
            its.hall.wait(SECOND)
            # asked again sooner than of what is traded
            await until(lambda: feed.statuses["BBBUSDT"] == "TRADING")


@pytest.mark.parametrize(
    ("coins", "words"),
    [
        (["AAAUSD"], "the exchange has no coin AAAUSD (did you mean 'AAAUSDT'?)"),
        (["AAAUSDT", "NONE", "BBBUSD"], "the exchange has no coin NONE, BBBUSD (did you mean 'BBBUSDT'?)"),
    ],
)
async def test_a_coin_the_exchange_does_not_have_is_named(coins: list[str], words: str) -> None:
    async with floor(market(COINS), **BEGIN) as its:
        with pytest.raises(ConfigError) as caught:
            await BinanceFeed(its.client, coins).learn()
        assert caught.value.message == words


async def test_a_feed_that_breaks_tells_who_flies(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: object, coin: object) -> bool:
        await asyncio.sleep(0.1)
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("engine.binance.mending.Mending._trades", broken)
    async with floor(market(COINS), **BEGIN) as its, its.feed(["AAAUSDT"], history=5) as feed:
        feed.pump()
        await asyncio.sleep(0.3)
        with pytest.raises(ExceptionGroup, match="unhandled errors"):
            feed.pump()
