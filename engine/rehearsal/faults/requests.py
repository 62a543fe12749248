"""Faults of requests: on the way there, on the way back, and in what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from engine.rehearsal.calls import Call, Reply
from engine.rehearsal.errors import STATUSES
from engine.rehearsal.faults.choice import Choice
from engine.rehearsal.faults.edits import edited
from engine.rehearsal.faults.scenario import RequestFault
from engine.rehearsal.log import EventLog

NS_PER_SECOND = 10**9
HTML = "text/html"


class RequestFaults:
    """What becomes of requests. The log has each fault, and each reply that did not arrive as it was."""

    def __init__(self, choices: Iterable[Choice[RequestFault]], log: EventLog) -> None:
        self._choices = list(choices)
        self._log = log

    async def answer(self, call: Call, perform: Callable[[Call], Reply]) -> Reply:
        """Return the reply that arrives."""
        names = (call.name, call.operation.name)
        fault = next((its.fault for its in self._choices if its.falls(names, lambda: _client_ids(call))), None)
        if fault is None:
            return perform(call)
        self._log.add("fault", request=call.name, client_ids=_client_ids(call), **_told(fault))
        await asyncio.sleep(fault.before_s)
        if fault.lose == "request":
            return Reply(status=0, body=b"", lost=True)
        call.lag = int(fault.lag_s * NS_PER_SECOND)
        true = perform(call) if fault.accepted or not fault.replaces else None
        reply = _replaced(fault, true)
        if fault.set or fault.add:
            reply.body = edited(reply.body, fault.set, fault.add)
        if fault.cut is not None:
            reply.body = _text(reply)[: fault.cut]
        await asyncio.sleep(fault.after_s)
        reply.lost = fault.lose == "reply"
        if true is not None and (reply is not true or reply.lost or fault.cut is not None):
            self._log.add("reply lost", request=call.name, status=true.status, reply=_text(true).decode())
        return reply


def _replaced(fault: RequestFault, true: Reply | None) -> Reply:
    if true is not None and not fault.replaces:
        return msgspec.structs.replace(true)
    used = true.used if true is not None else ()
    reply = Reply(status=fault.status or STATUSES.get(fault.code or 0, 400), body={}, used=used, retry_s=fault.retry_s)
    if fault.body is not None:
        reply.status = fault.status or 200
        reply.body = fault.body.encode()
        reply.media = HTML if fault.body.startswith("<") else reply.media
    elif fault.code is not None:
        reply.body = {"code": fault.code, "msg": fault.words}
    return reply


def _text(reply: Reply) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)


def _client_ids(call: Call) -> list[str]:
    return [text for name, text in call.params.texts.items() if name.endswith("lientOrderId")]


def _told(fault: RequestFault) -> dict[str, Any]:
    """Return what a fault was set to do."""
    return fault.model_dump(exclude_defaults=True, mode="json")
