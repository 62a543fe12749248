"""The lines: every WebSocket connection to the rehearsal, held on the same terms whatever is said on it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from engine import seam
from engine.model import Timestamp
from engine.rehearsal.calls import time_unit
from engine.rehearsal.errors import ApiError
from engine.rehearsal.log import EventLog
from engine.rehearsal.outbox import Frame, Outbox, Terms

GOING_AWAY = 1001
POLICY = 1008
_OVER = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)

Hear = Callable[[str], Coroutine[Any, Any, None]]
"""Takes in a text that a client sent."""


class Line:
    """A connection: texts come in one by one, frames go out by `outbox`; times are told in `unit` ns.

    A client that sends more than `most_in` frames of any kind within a second is cut off. `wrap` makes a frame of an event.
    """

    def __init__(self, outbox: Outbox, socket: web.WebSocketResponse, terms: Terms, unit: int, most_in: int | None) -> None:
        self.outbox = outbox
        self.unit = unit
        self.wrap: Callable[[bytes], bytes] = bytes
        self._socket = socket
        self._terms = terms
        self._most_in = most_in
        self._came: deque[float] = deque(maxlen=most_in)
        self._unanswered: dict[bytes, float] = {}

    async def run(self, hear: Hear) -> None:
        """Have each text heard, in order, until the connection is over."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (self.outbox.run(), self._ping(), self._expire())]
            await self._listen(hear)
            for task in tasks:
                task.cancel()

    async def _listen(self, hear: Hear) -> None:
        while (message := await self._socket.receive()).type not in _OVER:
            if self.outbox.frozen or self.outbox.end:
                continue
            if self._is_flooded():
                self.outbox.close(POLICY, "Too many requests")
            elif message.type is WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._note_answer(bytes(message.data))
            else:
                await hear(message.data if isinstance(message.data, str) else bytes(message.data).decode(errors="replace"))

    def _is_flooded(self) -> bool:
        """Whether more has come within a second than may."""
        if self._most_in is None:
            return False
        now = seam.stopwatch()
        flooded = len(self._came) == self._most_in and now - self._came[0] < 1
        self._came.append(now)
        return flooded

    def _note_answer(self, payload: bytes) -> None:
        """Take a pong as the answer to its ping and to those before it; one to no ping is none."""
        if payload in self._unanswered:
            for sent in list(self._unanswered):
                del self._unanswered[sent]
                if sent == payload:
                    return

    async def _ping(self) -> None:
        for n in count():
            await asyncio.sleep(self._terms.ping_s)
            now = seam.stopwatch()
            if any(now - since > self._terms.pong_s for since in self._unanswered.values()):
                self.outbox.close(POLICY, "Pong timeout")
            if self.outbox.end or self.outbox.frozen:
                continue
            payload = b"%d" % n
            self._unanswered[payload] = now
            try:
                await self._socket.ping(payload)
            except ConnectionError:
                return

    async def _expire(self) -> None:
        await asyncio.sleep(self._terms.life_s)
        self.outbox.close(GOING_AWAY, "Connection expired")


class Lines:
    """All connections that are `open`; what became of each stands in the event log."""

    def __init__(self, log: EventLog, terms: Terms) -> None:
        self.open: set[Line] = set()
        self.terms = terms
        self._log = log
        self._numbers = count()

    async def serve(self, request: web.Request, join: Callable[[Line], Hear], most_in: int | None = None) -> web.StreamResponse:
        """Open a connection, let it `join` what it is for, and hold it until it is over; or refuse it."""
        number, path = next(self._numbers), request.path
        judge = self.terms.judge
        if judge is not None and not judge(Frame(path, number, "open", b"")).copies:
            return web.Response(status=503)
        try:
            unit = time_unit(request.query.get("timeUnit"))
        except ApiError as refusal:
            return web.json_response(refusal.body, status=400)
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        if request.transport is None:
            return socket
        outbox = Outbox(socket, request.transport, self.terms, path, number)
        line = Line(outbox, socket, self.terms, unit, most_in)
        self.open.add(line)
        self._log.add("opened", connection=number, path=path)
        try:
            await line.run(join(line))
        finally:
            self.open.discard(line)
            self._log.add("closed", connection=number, code=socket.close_code, why=outbox.end)
        return socket

    def shut_down(self, now: Timestamp) -> None:
        """Tell every client that the server goes, and go."""
        for line in self.open:
            event = msgspec.json.encode({"e": "serverShutdown", "E": now // line.unit})
            line.outbox.put("serverShutdown", line.wrap(event))
            line.outbox.close(GOING_AWAY, "Server shutdown")
