"""The outbox of a connection: every frame that goes out, in order, and the one place where faults meddle with frames."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import WSMsgType, web

LAST_WORD_S = 5.0
ABNORMAL = 1006
"""The code of an end without a word; it is never sent."""
_IN_A_ROW = 500


class Frame(NamedTuple):
    """What goes out on connection number `connection` at `path`.

    `what` is the name of a stream or of an account's event, the method that is answered, "reply" for a word on subscriptions,
    or "open" for the connection itself.
    """

    path: str
    connection: int
    what: str
    payload: bytes


class Fate(NamedTuple):
    """What becomes of a frame: how many `copies` go out, behind so many later frames or after `delay` seconds, and what then.

    Without copies it is lost. `payload` is told in place of its own, `then` after it. `close` is the code the connection ends
    with behind it, 1006 for an end without a word; `freeze` leaves it open and mute. A connection that does not open is refused
    with HTTP 503.
    """

    copies: int = 1
    behind: int = 0
    delay: float = 0.0
    close: int | None = None
    freeze: bool = False
    payload: bytes | None = None
    then: bytes = b""


Judge = Callable[[Frame], Fate]
"""Says what becomes of each frame; the faults' way in."""


@dataclass
class Terms:
    """How connections are held; times in seconds of the wall. A change acts on those that are open, too.

    One lasts `life_s`, is pinged every `ping_s`, and ends where a ping is not answered within `pong_s`; `most_waiting` frames
    may wait to be sent. `judge` says what becomes of each.
    """

    life_s: float = 86_400.0
    ping_s: float = 20.0
    pong_s: float = 60.0
    most_waiting: int = 50_000
    judge: Judge | None = None


class _End(NamedTuple):
    code: int
    reason: str


class Outbox:
    """What one client is sent. A client for whom too much waits is cut off: no frame is left out, and no queue grows.

    `put` never waits; `run` sends, until it is cancelled or the connection is over. `end` tells why it was ended from here.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport,
        terms: Terms,
        path: str = "",
        number: int = 0,
    ) -> None:
        self.path = path
        self.number = number
        self.frozen = False
        self.sent = 0
        self.end = ""
        self._socket = socket
        self._transport = transport
        self._terms = terms
        self._queue: deque[bytes | _End] = deque()
        self._held: list[tuple[int, bytes]] = []
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, what: str, payload: bytes) -> None:
        """Send a frame: the text of a JSON value, and what it is of."""
        judge = self._terms.judge
        if judge is None:
            self._enqueue(payload)
        else:
            self._meddle(payload, judge(Frame(self.path, self.number, what, payload)))

    def close(self, code: int, reason: str = "") -> None:
        """End the connection once what waits has gone out, or a few seconds from now; for 1006 at once, without a word."""
        if code == ABNORMAL or self.frozen:
            self._abort(reason or "aborted")
        elif not self.end:
            self.end = f"{code} {reason}".rstrip()
            self._queue.append(_End(code, reason))
            self._ready.set()
            asyncio.get_running_loop().call_later(LAST_WORD_S, self._drop)

    def freeze(self) -> None:
        """Say nothing more, not even that it is over."""
        self.frozen = True
        self._queue.clear()

    async def run(self) -> None:
        """Send what is put in."""
        try:
            while True:
                await self._ready.wait()
                while self._queue:
                    item = self._queue.popleft()
                    if isinstance(item, _End):
                        await self._socket.close(code=item.code, message=item.reason.encode())
                        return
                    await self._socket.send_frame(item, WSMsgType.TEXT)
                    self.sent += 1
                    if self.sent % _IN_A_ROW == 0:
                        await asyncio.sleep(0)  # a frame is sent without a pause where the system takes it
                self._ready.clear()
        except ConnectionError:
            return  # the client is gone, which its reader is told too

    def _enqueue(self, payload: bytes) -> None:
        if self.frozen or self.end:
            return
        if len(self._queue) >= self._terms.most_waiting:
            self._abort(f"{len(self._queue)} frames waited")
            return
        self._queue.append(payload)
        self._ready.set()
        if self._held:
            self._release()

    def _meddle(self, payload: bytes, fate: Fate) -> None:
        payload = payload if fate.payload is None else fate.payload
        for _ in range(fate.copies):
            if fate.delay:
                asyncio.get_running_loop().call_later(fate.delay, self._enqueue, payload)
            elif fate.behind:
                self._held.append((fate.behind, payload))
            else:
                self._enqueue(payload)
        if fate.then:
            self._enqueue(fate.then)
        if fate.freeze:
            self.freeze()
        elif fate.close is not None:
            self.close(fate.close)

    def _release(self) -> None:
        """Let go of what was to be behind the frame that has just gone in."""
        held, self._held = self._held, []
        for left, payload in held:
            if left > 1:
                self._held.append((left - 1, payload))
            else:
                self._queue.append(payload)

    def _abort(self, why: str) -> None:
        self.end = self.end or why
        self._queue.clear()
        self._drop()

    def _drop(self) -> None:
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()
