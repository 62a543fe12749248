"""The market streams' door: /ws and /stream, and what a client may ask for on them.

As on the exchange a name that no stream has is taken without a word, and nothing comes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from engine.rehearsal.broadcast import Broadcast, Listener, wrap
from engine.rehearsal.lines import Hear, Line, Lines

if TYPE_CHECKING:
    from engine.rehearsal.server import RehearsalServer

MOST_STREAMS = 1024
MOST_IN = 5
"""How many frames a client may send in a second."""
MOST_ID = 36
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


class Refused(Exception):
    """A request on a stream connection that makes no sense, in the exchange's words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def routes(server: RehearsalServer) -> list[web.RouteDef]:
    """Return the routes of the streams."""
    door = Door(Broadcast(server.venue), server.lines)
    return [
        web.get("/ws", door.raw),
        web.get("/ws/{names:.*}", door.raw),
        web.get("/stream", door.combined),
    ]


class Door:
    """The two ways to the streams: raw payloads, or each with its stream's name."""

    def __init__(self, broadcast: Broadcast, lines: Lines) -> None:
        self._broadcast = broadcast
        self._lines = lines

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """Serve /ws/<name>/<name>..."""
        return await self._serve(request, request.match_info.get("names", ""), combined=False)

    async def combined(self, request: web.Request) -> web.StreamResponse:
        """Serve /stream?streams=<name>/<name>..."""
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    async def _serve(self, request: web.Request, names: str, combined: bool) -> web.StreamResponse:
        listeners: list[Listener] = []

        def join(line: Line) -> Hear:
            listener = Listener(line, combined)
            listeners.append(listener)
            line.wrap = lambda event: wrap("!serverShutdown", event) if listener.combined else event
            for name in list(filter(None, names.split("/")))[:MOST_STREAMS]:
                self._broadcast.add(listener, name)

            async def hear(text: str) -> None:
                line.outbox.put("reply", msgspec.json.encode(self._answer(listener, text)))

            return hear

        try:
            return await self._lines.serve(request, join, MOST_IN)
        finally:
            for listener in listeners:
                for name in list(listener.streams):
                    self._broadcast.remove(listener, name)

    def _answer(self, listener: Listener, text: str) -> dict[str, Any]:
        id: dict[str, Any] = {}
        try:
            request = _read(text)
            id = {"id": _id(request)}
            return {"result": self._do(listener, request)} | id
        except Refused as refusal:
            return {"error": {"code": refusal.code, "msg": refusal.message}} | id

    def _do(self, listener: Listener, request: dict[str, Any]) -> Any:
        method, params = request["method"], request.get("params", [])
        if not isinstance(params, list):
            raise Refused(2, "Invalid request: params must be a list")
        match method:
            case "SUBSCRIBE" | "UNSUBSCRIBE":
                if not params or not all(isinstance(name, str) for name in params):
                    raise Refused(2, "Invalid request: stream names must be strings")
                change = self._broadcast.add if method == "SUBSCRIBE" else self._broadcast.remove
                if method == "SUBSCRIBE" and len(listener.streams.keys() | set(params)) > MOST_STREAMS:
                    raise Refused(2, f"Invalid request: more than {MOST_STREAMS} streams")
                for name in params:
                    change(listener, name)
                return None
            case "LIST_SUBSCRIPTIONS":
                if params:
                    raise Refused(2, "Invalid request: too many parameters")
                return list(listener.streams)
        if not params or not isinstance(params[0], str):
            raise Refused(2, "Invalid request: property name must be a string")
        if len(params) > (2 if method == "SET_PROPERTY" else 1):
            raise Refused(2, "Invalid request: too many parameters")
        if params[0] != "combined":
            raise Refused(0, "Unknown property")
        if method == "GET_PROPERTY":
            return listener.combined
        if len(params) < 2 or not isinstance(params[1], bool):
            raise Refused(1, "Invalid value type: expected Boolean")
        listener.combined = params[1]
        return None


def _read(text: str) -> dict[str, Any]:
    try:
        request = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        raise Refused(3, "Invalid JSON: expected value at line 1 column 1") from None
    if not isinstance(request, dict):
        raise Refused(2, "Invalid request: expected an object")
    if "method" not in request:
        raise Refused(2, f"Invalid request: missing field `method` at line 1 column {len(text)}")
    if request["method"] not in METHODS:
        known = ", ".join(f"`{method}`" for method in METHODS)
        raise Refused(2, f"Invalid request: unknown variant `{request['method']}`, expected one of {known} at line 1 column 28")
    return request


def _id(request: dict[str, Any]) -> int | str | None:
    id = request.get("id", False)
    if id is None or (isinstance(id, str) and len(id) <= MOST_ID):
        return id
    if isinstance(id, int) and not isinstance(id, bool) and -(2**63) <= id < 2**63:
        return id
    raise Refused(2, "Invalid request: request ID must be an unsigned integer")
