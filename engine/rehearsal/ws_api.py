"""The WebSocket API's door: requests in frames of their own, answered in the office as REST's are."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from engine.rehearsal import signing
from engine.rehearsal.calls import Call, Operation, Reply
from engine.rehearsal.errors import ApiError, error
from engine.rehearsal.limits import Exceeded
from engine.rehearsal.lines import Hear, Line
from engine.rehearsal.operations import account, general, lists, market, orders, trading
from engine.rehearsal.outbox import ABNORMAL
from engine.rehearsal.params import Params
from engine.rehearsal.payloads import exchange
from engine.rehearsal.session import Session

if TYPE_CHECKING:
    from engine.rehearsal.server import RehearsalServer

PATH = "/ws-api/v3"
OPENING_WEIGHT = 2
ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
Id = int | str | None
METHODS: dict[str, Operation] = {
    "ping": general.ping,
    "time": general.time,
    "exchangeInfo": general.exchange_info,
    "executionRules": general.execution_rules,
    "referencePrice": general.reference_price,
    "depth": market.depth,
    "trades.recent": market.trades,
    "trades.historical": market.historical_trades,
    "trades.aggregate": market.agg_trades,
    "klines": market.klines,
    "uiKlines": market.klines,
    "avgPrice": market.average_price,
    "ticker.24hr": market.ticker_day,
    "ticker": market.ticker_window,
    "ticker.price": market.ticker_price,
    "ticker.book": market.ticker_book,
    "order.place": trading.place,
    "order.test": trading.place_test,
    "order.cancel": trading.cancel,
    "order.cancelReplace": trading.cancel_replace,
    "order.amend.keepPriority": trading.amend,
    "order.status": orders.status,
    "order.amendments": orders.amendments,
    "openOrders.status": orders.open_orders,
    "openOrders.cancelAll": trading.cancel_all,
    "orderList.place": lists.place_old,
    "orderList.place.oco": lists.place,
    "orderList.cancel": lists.cancel,
    "orderList.status": lists.status,
    "openOrderLists.status": lists.open_lists,
    "allOrderLists": lists.all_lists,
    "allOrders": orders.all_orders,
    "myTrades": orders.my_trades,
    "myPreventedMatches": orders.prevented_matches,
    "account.status": account.account,
    "account.commission": account.commission,
    "account.rateLimits.orders": account.order_limits,
    "myFilters": account.my_filters,
}
"""The methods by name, apart from those of a session."""

_decoder = msgspec.json.Decoder(float_hook=str)


def routes(server: RehearsalServer) -> list[web.RouteDef]:
    """Return the route of the WebSocket API."""
    return [web.get(PATH, Door(server).serve)]


class Door:
    """The way to the office by WebSocket."""

    def __init__(self, server: RehearsalServer) -> None:
        self._office = server.office
        self._lines = server.lines

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Open a session and answer its requests, until the connection is over."""
        try:
            self._office.limits.admit(OPENING_WEIGHT)
        except Exceeded as refusal:
            headers = {"Retry-After": str(refusal.retry_s)}
            return web.json_response(refusal.body, status=refusal.status, headers=headers)
        sessions: list[Session] = []
        async with asyncio.TaskGroup() as answers:

            def join(line: Line) -> Hear:
                line.wrap = lambda event: b'{"event":%b}' % event
                session = Session(line, self._office.venue, request.query.get("returnRateLimits") != "false")
                sessions.append(session)

                async def hear(text: str) -> None:
                    # an answer that is late keeps no other waiting
                    answers.create_task(self._answer(session, text))

                return hear

            try:
                socket = await self._lines.serve(request, join)
            finally:
                for session in sessions:
                    session.close()
        return socket

    async def _answer(self, session: Session, text: str) -> None:
        id: Id = None
        method, told = "reply", session.tells_limits
        try:
            id, method, values = read(text)
            told = values.get("returnRateLimits", told) in (True, "true")
            reply = await self._office.answer(self._call(session, method, values))
        except ApiError as refusal:
            reply = Reply(status=refusal.status, body=refusal.body)
        if reply.lost:
            session.line.outbox.close(ABNORMAL)
        else:
            session.line.outbox.put(method, frame(id, reply, told, self._office.venue.now))

    def _call(self, session: Session, method: str, values: dict[str, Any]) -> Call:
        name = method.removeprefix("v3/")
        operation = METHODS.get(name) or session.methods.get(name)
        if operation is None:
            raise ApiError(-1000, f"Unknown method '{method}'.")
        texts = Params.of_json(values).texts
        signed, signature = signing.of_object(texts)
        key = texts.get("apiKey", "")
        return Call(
            office=self._office,
            operation=operation,
            params=Params({name: text for name, text in texts.items() if name != "returnRateLimits"}),
            door="ws-api",
            name=name,
            key=key,
            signed=signed,
            signature=signature,
            account=None if key else session.account,
            unit=session.line.unit,
        )


def read(text: str) -> tuple[Id, str, dict[str, Any]]:
    """Return a request's id, method and parameters; raises ApiError where it has not the form of one."""
    try:
        request = _decoder.decode(text)
    except msgspec.MsgspecError:
        raise error(-1135) from None
    if not isinstance(request, dict):
        raise error(-1135)
    id = request.get("id")
    if not (id is None or (type(id) is int and -(2**63) <= id < 2**63) or (isinstance(id, str) and ID.fullmatch(id))):
        raise _misformed("id", "an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null")
    method, params = request.get("method"), request.get("params", {})
    if not isinstance(method, str):
        raise _misformed("method", "a string")
    if not isinstance(params, dict):
        raise _misformed("params", "an object")
    return id, method, params


def frame(id: Id, reply: Reply, tells_limits: bool, now: int) -> bytes:
    """Return the frame of a reply; a body of bytes is one already."""
    if isinstance(reply.body, bytes):
        return reply.body
    body: dict[str, Any] = {"id": id, "status": reply.status}
    if reply.status == 200:
        body["result"] = reply.body
    elif reply.retry_s:
        ms = now // 1_000_000
        body["error"] = reply.body | {"data": {"serverTime": ms, "retryAfter": ms + reply.retry_s * 1000}}
    else:
        body["error"] = reply.body
    if tells_limits and reply.used:
        body["rateLimits"] = [exchange.usage(its) for its in sorted(reply.used)]
    return msgspec.json.encode(body)


def _misformed(name: str, expected: str) -> ApiError:
    return ApiError(-1135, f"Invalid '{name}' in JSON request; expected {expected}.")
