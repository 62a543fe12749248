"""Lines: how connections are held, pinged, cut off and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from engine.rehearsal.lines import GOING_AWAY, POLICY
from engine.rehearsal.outbox import Fate, Frame
from tests.rehearsal.hall import MS, Ear, Hall, hall, until
from tests.worlds import START, market, walk


@pytest.fixture
async def it() -> AsyncIterator[Hall]:
    async with hall(market(walk(50))) as its:
        yield its


async def end_of(ear: Ear) -> tuple[int, str]:
    """The code and reason a connection is ended with."""
    while (message := await ear.socket.receive(timeout=10)).type is not WSMsgType.CLOSE:
        assert message.type in (WSMsgType.TEXT, WSMsgType.PING, WSMsgType.PONG)
    return message.data, message.extra


async def test_a_ping_is_answered_with_its_payload(it: Hall) -> None:
    async with it.listen("/ws", autoping=False) as ear:
        await ear.socket.ping(b"are you there")
        message = await ear.socket.receive(timeout=10)
    assert (message.type, bytes(message.data)) == (WSMsgType.PONG, b"are you there")


async def test_who_answers_pings_stays() -> None:
    async with hall(market(walk(50)), {"ping_s": 0.01}) as its, its.listen("/ws-api/v3", autoping=False) as ear:
        (line,) = its.lines.open
        for _ in range(10):
            message = await ear.socket.receive(timeout=10)
            assert message.type is WSMsgType.PING
            assert bytes(message.data) in line._unanswered
            await ear.socket.pong(message.data)
            await until(lambda payload=bytes(message.data): payload not in line._unanswered)  # type: ignore[misc]


@pytest.mark.parametrize("answer", [None, b"something else"])
async def test_who_does_not_answer_pings_is_cut_off(answer: bytes | None) -> None:
    async with (
        hall(market(walk(50)), {"ping_s": 0.03, "pong_s": 0.06}) as its,
        its.listen("/ws", autoping=False, autoclose=False) as ear,
    ):
        pings = 0
        while (message := await ear.socket.receive(timeout=10)).type is WSMsgType.PING:
            pings += 1
            if answer is not None:
                await ear.socket.pong(answer)
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, POLICY, "Pong timeout")
        assert pings >= 2


@pytest.mark.parametrize("kind", ["text", "ping", "pong"])
async def test_who_sends_too_much_is_cut_off(it: Hall, kind: str) -> None:
    async with it.listen("/ws", autoping=False, autoclose=False) as ear:
        for _ in range(6):
            match kind:
                case "text":
                    await ear.socket.send_str('{"method": "LIST_SUBSCRIPTIONS", "id": 1}')
                case "ping":
                    await ear.socket.ping()
                case _:
                    await ear.socket.pong()
        assert await end_of(ear) == (POLICY, "Too many requests")


async def test_who_sends_as_much_as_may_be_stays(it: Hall) -> None:
    async with it.listen("/ws") as ear:
        for n in range(5):
            assert (await ear.ask(method="LIST_SUBSCRIPTIONS", id=n))["id"] == n
        await asyncio.sleep(1.01)
        assert (await ear.ask(method="LIST_SUBSCRIPTIONS", id=6))["id"] == 6


@pytest.mark.parametrize("path", ["/ws/btcusdt@trade", "/ws-api/v3"])
async def test_a_connection_lasts_its_time(path: str) -> None:
    async with hall(market(walk(50)), {"life_s": 0.05}) as its, its.listen(path, autoclose=False) as ear:
        assert await end_of(ear) == (GOING_AWAY, "Connection expired")


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("/ws", {"e": "serverShutdown", "E": START // MS}),
        ("/ws?timeUnit=MICROSECOND", {"e": "serverShutdown", "E": START // 1000}),
        ("/stream", {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": START // MS}}),
        ("/ws-api/v3", {"event": {"e": "serverShutdown", "E": START // MS}}),
    ],
)
async def test_who_is_there_hears_that_the_server_goes(it: Hall, path: str, event: Any) -> None:
    async with it.listen(path, autoclose=False) as ear:
        it.lines.shut_down(it.venue.now)
        assert await ear.next() == event
        assert (await end_of(ear))[0] == GOING_AWAY


async def test_a_connection_can_be_refused(it: Hall) -> None:
    it.lines.terms.judge = lambda frame: Fate(copies=frame.what != "open")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await it.http.ws_connect(it.url + "/ws/btcusdt@trade")
    assert refusal.value.status == 503
    it.lines.terms.judge = None
    async with it.listen("/ws/btcusdt@trade"):
        pass


async def test_frames_are_judged_on_their_way(it: Hall) -> None:
    judged: list[Frame] = []

    def judge(frame: Frame) -> Fate:
        judged.append(frame)
        return Fate(copies=2 if frame.what == "btcusdt@trade" else 1)

    async with it.listen("/ws/btcusdt@trade") as ear:
        it.lines.terms.judge = judge
        it.venue.step(5)
        frames = await ear.all()
    assert [frame["t"] for frame in frames] == sorted([frame["t"] for frame in frames[::2]] * 2)
    assert {(frame.path, frame.connection, frame.what) for frame in judged} == {
        ("/ws/btcusdt@trade", 0, "btcusdt@trade"),
        ("/ws/btcusdt@trade", 0, "mark"),
    }


async def test_replies_are_judged_by_their_method(it: Hall) -> None:
    async with it.listen("/ws-api/v3") as ear:
        it.lines.terms.judge = lambda frame: Fate(copies=2 if frame.what == "time" else 1)
        await ear.ask(id=1, method="ping")
        assert await ear.ask(id=2, method="time") == await ear.next()
        await ear.ask(id=3, method="ping")
        assert await ear.all() == []


async def test_a_frozen_connection_is_open_and_mute(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade", autoping=False) as ear:
        (line,) = it.lines.open
        line.outbox.freeze()
        it.venue.step(20)
        await ear.socket.ping()
        with pytest.raises(TimeoutError):
            await ear.socket.receive(timeout=0.05)
        assert not ear.socket.closed
        line.outbox.close(1001)
        assert (await ear.socket.receive(timeout=10)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert ear.socket.close_code == 1006


async def test_an_end_without_a_word(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade") as ear:
        (line,) = it.lines.open
        line.outbox.close(1006)
        assert (await ear.socket.receive(timeout=10)).type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert ear.socket.close_code == 1006


async def test_who_does_not_read_is_cut_off_and_nothing_grows(it: Hall) -> None:
    """The kernel and the transport take some; what waits beyond that is bounded."""
    it.lines.terms.most_waiting = 1000
    async with it.listen("/ws/btcusdt@trade", max_msg_size=1 << 24) as ear:
        (line,) = it.lines.open
        protocol = ear.socket._response.connection.protocol  # type: ignore[union-attr]
        protocol.pause_reading()
        for _ in range(400):
            line.outbox.put("burden", b"1" * 100_000)
            assert len(line.outbox) <= 1000
            await asyncio.sleep(0)
        while not line.outbox.end:
            line.outbox.put("burden", b"1" * 100_000)
            assert len(line.outbox) <= 1000
        assert line.outbox.end == "1000 frames waited"
        await until(lambda: not it.lines.open)
        protocol.resume_reading()
    assert it.venue.log.of("closed")[-1]["why"] == "1000 frames waited"


async def test_what_is_told_goes_out_while_the_market_catches_up() -> None:
    async with hall(market(walk(400))) as its, its.listen("/ws/btcusdt@trade/btcusdt@bookTicker/btcusdt@depth") as ear:
        (line,) = its.lines.open
        most = 0
        its.venue.clock.move_to(its.venue.now + 400 * 60 * 1000 * MS)
        while its.venue.market.due is not None:
            await asyncio.sleep(0)
            most = max(most, len(line.outbox))
        assert len(await ear.all()) > 2000
    assert 0 < most < 200


async def test_the_log_tells_of_connections(it: Hall) -> None:
    async with it.listen("/ws/btcusdt@trade"):
        pass
    await until(lambda: not it.lines.open)
    (opened,), (closed,) = it.venue.log.of("opened"), it.venue.log.of("closed")
    assert (opened["connection"], opened["path"]) == (0, "/ws/btcusdt@trade")
    assert (closed["connection"], closed["code"], closed["why"]) == (0, 1000, "")
