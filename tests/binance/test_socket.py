"""The supervised socket against a real server that does everything wrong: it comes back, and says what became of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from engine.binance.inbox import Overflow
from engine.binance.socket import BadFrame, Manners, SupervisedSocket, Wire

QUICK = Manners(patience=1.0, silence=5.0, first_wait=0.01, longest_wait=0.05, overlap=0.05)


class Exchange:
    """A server that numbers what it sends to each who subscribed, and can misbehave."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.mute = False
        self.refuse = False
        self.n = 0
        self.asked = 0
        self.port = 0

    async def handle(self, connection: ServerConnection) -> None:
        async for message in connection:
            if self.mute:
                continue
            request = json.loads(message)
            self.asked += 1
            if self.refuse:
                await connection.send(json.dumps({"id": request["id"], "error": {"code": 2, "msg": "no"}}))
                continue
            self.connections.append(connection)
            await connection.send(json.dumps({"id": request["id"], "result": None}))

    async def tell(self, count: int = 1) -> None:
        """Send the next numbers to every connection."""
        for _ in range(count):
            self.n += 1
            for connection in list(self.connections):
                try:
                    await connection.send(json.dumps({"n": self.n}))
                except Exception:
                    self.connections.remove(connection)

    async def send(self, frame: str | bytes) -> None:
        for connection in self.connections:
            await connection.send(frame)

    async def cut(self, code: int = 1001) -> None:
        connections, self.connections = self.connections, []
        for connection in connections:
            await connection.close(code)


class Listener:
    """What a socket heard, each number once."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.changes: list[bool] = []
        self.full = False

    async def subscribe(self, wire: Wire) -> None:
        await wire.send(json.dumps({"id": 7}))
        while True:
            said = json.loads(await wire.recv())
            if "error" in said:
                raise BadFrame("refused")
            if said.get("id") == 7:
                return
            self.hear(json.dumps(said).encode(), 0)

    def hear(self, frame: bytes, received: int) -> None:
        if self.full:
            raise Overflow("full")
        try:
            said = json.loads(frame)
        except ValueError:
            raise BadFrame("no JSON") from None
        n = said.get("n")
        if not isinstance(n, int):
            raise BadFrame("no number")
        if n not in self.heard[-50:]:
            self.heard.append(n)


@asynccontextmanager
async def listening(manners: Manners = QUICK) -> AsyncIterator[tuple[Exchange, Listener, SupervisedSocket]]:
    exchange, listener = Exchange(), Listener()
    async with serve(exchange.handle, "127.0.0.1", 0, max_size=None) as server:
        exchange.port = server.sockets[0].getsockname()[1]
        url = f"ws://127.0.0.1:{exchange.port}"
        socket = SupervisedSocket("test", url, listener.subscribe, listener.hear, listener.changes.append, manners)
        task = asyncio.create_task(socket.run())
        try:
            await until(lambda: bool(listener.changes))
            yield exchange, listener, socket
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what it waits for is set by nobody who could tell
            await asyncio.sleep(0.005)


async def test_it_subscribes_and_hears() -> None:
    async with listening() as (exchange, listener, socket):
        await exchange.tell(100)
        await until(lambda: len(listener.heard) == 100)
        assert listener.heard == list(range(1, 101))
        assert socket.counters.messages == 100
        assert socket.counters.reconnects == 0
        assert listener.changes == [True]


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012])
async def test_after_every_cut_it_subscribes_again(code: int) -> None:
    async with listening() as (exchange, listener, socket):
        for n in range(1, 21):
            await exchange.cut(code)
            await until(lambda n=n: socket.counters.connects == n + 1)
        await exchange.tell(5)
        await until(lambda: listener.heard == [1, 2, 3, 4, 5])
        assert listener.changes == [True, False] * 20 + [True]
        assert len(socket.counters.cuts) == 20


async def test_bad_frames_are_counted_and_skipped() -> None:
    async with listening() as (exchange, listener, socket):
        bad = ["{", "NaN", "[]", '{"n": NaN}', '{"n": "x"}', b"\xff\xfe\x00", '{"n": null}']
        for frame in bad:
            await exchange.send(frame)
            await exchange.tell()
        await exchange.send('{"big": "' + "x" * 2_000_000 + '"}')
        await exchange.tell()
        await until(lambda: len(listener.heard) == len(bad) + 1)
        assert socket.counters.bad == len(bad) + 1
        assert socket.counters.reconnects == 0


async def test_a_burst_is_heard_whole() -> None:
    async with listening() as (exchange, listener, _):
        await exchange.tell(10_000)
        await until(lambda: len(listener.heard) == 10_000, 30)
        assert listener.heard == list(range(1, 10_001))


async def test_silence_is_death_however_open_the_connection_is() -> None:
    async with listening(replace(QUICK, silence=0.4)) as (exchange, listener, socket):
        await exchange.tell()
        await until(lambda: socket.counters.connects >= 2)
        assert "nothing came for 0.4 s" in socket.counters.cuts
        assert listener.changes[:3] == [True, False, True]


async def test_a_server_that_does_not_answer_a_subscription_is_tried_again() -> None:
    async with listening(replace(QUICK, patience=0.2)) as (exchange, listener, socket):
        exchange.mute = True
        await exchange.cut()
        await until(lambda: listener.changes == [True, False])
        await asyncio.sleep(0.5)
        assert listener.changes == [True, False]
        exchange.mute = False
        await until(lambda: listener.changes == [True, False, True])
        assert socket.counters.connects == 2


async def test_a_refused_subscription_is_tried_again_and_told() -> None:
    async with listening() as (exchange, listener, socket):
        exchange.refuse = True
        await exchange.cut()
        await until(lambda: any("refused" in cut for cut in socket.counters.cuts))
        exchange.refuse = False
        await until(lambda: listener.changes == [True, False, True])


async def test_a_server_that_is_gone_is_waited_for_without_end() -> None:
    exchange, listener = Exchange(), Listener()
    async with serve(exchange.handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        socket = SupervisedSocket(
            "test", f"ws://127.0.0.1:{port}", listener.subscribe, listener.hear, listener.changes.append, QUICK
        )
        task = asyncio.create_task(socket.run())
        await until(lambda: listener.changes == [True])
    try:
        await until(lambda: listener.changes == [True, False])
        await asyncio.sleep(0.5)
        assert any("no connection" in cut for cut in socket.counters.cuts)
        async with serve(exchange.handle, "127.0.0.1", port):
            await until(lambda: listener.changes == [True, False, True])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("by_word", [True, False])
async def test_a_planned_end_loses_nothing(by_word: bool) -> None:
    """The successor is subscribed before the old connection closes: every number is heard, none twice."""
    manners = QUICK if by_word else replace(QUICK, life=0.3)
    async with listening(manners) as (exchange, listener, socket):

        async def talk() -> None:
            for n in range(300):
                await exchange.tell()
                if by_word and n == 100:
                    await exchange.send(json.dumps({"e": "serverShutdown", "E": 1}))
                await asyncio.sleep(0.005)

        await talk()
        await until(lambda: len(listener.heard) == 300)
        assert sorted(listener.heard) == list(range(1, 301))
        assert socket.counters.connects >= 2
        assert False not in listener.changes


async def test_a_consumer_that_cannot_keep_up_costs_the_connection_and_not_the_news_in_silence() -> None:
    async with listening() as (exchange, listener, socket):
        listener.full = True
        await exchange.tell()
        await until(lambda: "full" in socket.counters.cuts)
        listener.full = False
        await until(lambda: socket.counters.connects >= 2)
        await exchange.tell()
        await until(lambda: len(listener.heard) >= 1)


async def test_cancelling_it_closes_its_connection() -> None:
    async with listening() as (exchange, _, _):
        (connection,) = exchange.connections
    assert connection.close_code is not None


async def test_it_is_made_anew_at_once_when_it_is_told_to() -> None:
    async with listening(replace(QUICK, first_wait=0.01, longest_wait=5.0)) as (exchange, listener, socket):
        for n in range(1, 4):
            socket.renew("this machine slept")
            await until(lambda n=n: socket.counters.connects == n + 1, 5)
            assert socket.counters.cuts[-1] == "this machine slept"
        await exchange.tell()
        await until(lambda: listener.heard == [1])
        await asyncio.sleep(0.5)
        assert socket.counters.connects == 4, "once for each time it was told"


async def test_being_told_while_it_is_gone_does_not_cost_the_next_connection() -> None:
    async with listening(replace(QUICK, patience=0.2)) as (exchange, listener, socket):
        exchange.mute = True
        await exchange.cut()
        await until(lambda: listener.changes == [True, False])
        socket.renew("this machine slept")
        await asyncio.sleep(0.3)
        exchange.mute = False
        await until(lambda: listener.changes == [True, False, True])
        await asyncio.sleep(0.4)
        assert listener.changes == [True, False, True]


async def test_a_successor_that_is_refused_is_tried_again_and_not_without_a_pause() -> None:
    """The old connection lives on meanwhile: nothing is lost."""
    async with listening(replace(QUICK, first_wait=0.1, longest_wait=0.4)) as (exchange, listener, socket):
        exchange.refuse = True
        asked = exchange.asked
        await exchange.send(json.dumps({"e": "serverShutdown", "E": 1}))
        for _ in range(20):
            await exchange.tell()
            await asyncio.sleep(0.1)
        assert 3 <= exchange.asked - asked <= 12
        exchange.refuse = False
        await until(lambda: socket.counters.connects == 2)
        await exchange.tell(3)
        await until(lambda: len(listener.heard) == 23)
        await until(lambda: listener.changes == [True, True])


async def test_news_without_room_while_it_subscribes_are_no_end() -> None:
    async with listening() as (exchange, listener, socket):
        told = [True]

        async def subscribe(wire: Wire) -> None:
            if told[0]:
                raise Overflow("full")
            await listener.subscribe(wire)

        socket._subscribe = subscribe
        await exchange.cut()
        await until(lambda: any("full" in cut for cut in socket.counters.cuts))
        told[0] = False
        await until(lambda: socket.counters.connects == 2)
