"""The outbox: order, bounds, and every way a frame can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from aiohttp import WSMsgType

from engine.rehearsal import outbox as module
from engine.rehearsal.outbox import Fate, Frame, Outbox, Terms
from tests.rehearsal.hall import until


class Socket:
    """A socket and its transport in one: what was sent, and how it was ended. It takes nothing while it is `stuck`."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.ended: list[tuple[int, bytes] | str] = []
        self.free = asyncio.Event()
        self.free.set()

    async def send_frame(self, payload: bytes, kind: WSMsgType) -> None:
        assert kind is WSMsgType.TEXT
        await self.free.wait()
        self.frames.append(payload)

    async def close(self, *, code: int, message: bytes) -> None:
        self.ended.append((code, message))


class Transport(asyncio.Transport):
    def __init__(self, socket: Socket) -> None:
        super().__init__()
        self._socket = socket

    def abort(self) -> None:
        self._socket.ended.append("aborted")


class Its:
    """An outbox that runs, on a socket that notes all."""

    def __init__(self, **terms: object) -> None:
        self.socket = Socket()
        self.terms = Terms(**terms)  # type: ignore[arg-type]
        self.outbox = Outbox(self.socket, Transport(self.socket), self.terms, "/ws", 7)  # type: ignore[arg-type]
        self.task = asyncio.create_task(self.outbox.run())

    def fates(self, fates: Iterable[Fate]) -> list[Frame]:
        """Judge the next frames so, the others as no fault would; return the list of what is judged."""
        left = iter(fates)
        judged: list[Frame] = []

        def judge(frame: Frame) -> Fate:
            judged.append(frame)
            return next(left, Fate())

        self.terms.judge = judge
        return judged

    def put(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.outbox.put("btcusdt@trade", payload)

    async def sent(self) -> bytes:
        for _ in range(20):
            await asyncio.sleep(0)
        return b"".join(self.socket.frames)


@pytest.fixture
async def its() -> AsyncIterator[Its]:
    its = Its()
    yield its
    its.task.cancel()
    await asyncio.gather(its.task, return_exceptions=True)


async def test_frames_go_out_in_order(its: Its) -> None:
    its.put(b"a", b"b", b"c")
    assert await its.sent() == b"abc"
    assert its.outbox.sent == 3
    assert len(its.outbox) == 0


@pytest.mark.parametrize(
    ("fates", "sent"),
    [
        ([Fate(copies=0)], b"bcd"),
        ([Fate(copies=2)], b"aabcd"),
        ([Fate(behind=1)], b"bacd"),
        ([Fate(), Fate(behind=2)], b"acdb"),
        ([Fate(behind=2), Fate(behind=1)], b"cbda"),
        ([Fate(), Fate(freeze=True)], b""),
    ],
)
async def test_what_becomes_of_frames(its: Its, fates: list[Fate], sent: bytes) -> None:
    judged = its.fates(fates)
    its.put(b"a", b"b", b"c", b"d")
    assert await its.sent() == sent
    assert judged == [Frame("/ws", 7, "btcusdt@trade", payload) for payload in (b"a", b"b", b"c", b"d")]


async def test_a_delayed_frame_is_overtaken(its: Its) -> None:
    its.fates([Fate(delay=0.01)])
    its.put(b"a", b"b")
    assert await its.sent() == b"b"
    await until(lambda: its.socket.frames == [b"b", b"a"])


async def test_a_frame_can_be_the_last(its: Its) -> None:
    its.fates([Fate(), Fate(close=1012)])
    its.put(b"a", b"b", b"c")
    assert await its.sent() == b"ab"
    assert its.socket.ended == [(1012, b"")]
    assert its.outbox.end == "1012"


async def test_an_end_without_a_word(its: Its) -> None:
    its.fates([Fate(), Fate(close=module.ABNORMAL)])
    its.put(b"a", b"b", b"c")
    assert await its.sent() == b""
    assert its.socket.ended == ["aborted"]


async def test_frozen_it_does_not_even_say_that_it_is_over(its: Its) -> None:
    its.put(b"a")
    await its.sent()
    its.outbox.freeze()
    its.put(b"b")
    its.outbox.close(1001, "Server shutdown")
    assert await its.sent() == b"a"
    assert its.socket.ended == ["aborted"]


async def test_who_does_not_read_is_cut_off(its: Its) -> None:
    its.terms.most_waiting = 100
    its.socket.free.clear()
    its.put(b"a")
    await its.sent()
    its.put(*[b"b"] * 100)
    assert len(its.outbox) == 100
    assert its.socket.ended == []
    its.put(b"c")
    assert its.socket.ended == ["aborted"]
    assert its.outbox.end == "100 frames waited"
    its.put(b"d")
    assert len(its.outbox) == 0


async def test_who_does_not_read_its_end_is_cut_off(its: Its, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_WORD_S", 0.001)
    its.socket.free.clear()
    its.put(b"a")
    await its.sent()
    its.outbox.close(1001, "Server shutdown")
    await until(lambda: bool(its.socket.ended))
    assert its.socket.ended == ["aborted"]


async def test_a_long_queue_lets_others_run(its: Its) -> None:
    its.put(*[b"a"] * 2000)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(its.socket.frames) < 2000
