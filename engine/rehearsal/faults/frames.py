"""Faults of frames: lost, doubled, late, out of order, changed; and connections that end, freeze or do not open."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from engine.rehearsal.faults.choice import Choice
from engine.rehearsal.faults.edits import edited, inside
from engine.rehearsal.faults.scenario import FrameFault
from engine.rehearsal.log import EventLog
from engine.rehearsal.outbox import Fate, Frame

AS_IT_IS = Fate()


class FrameFaults:
    """What becomes of frames. The log has each fault, and what a frame that did not arrive as it was had told."""

    def __init__(self, choices: Iterable[Choice[FrameFault]], log: EventLog) -> None:
        self._choices = list(choices)
        self._log = log

    def judge(self, frame: Frame) -> Fate:
        """Return what becomes of a frame."""
        for choice in self._choices:
            its = choice.fault
            if fnmatchcase(frame.path, its.path) and choice.falls((frame.what,), lambda: _client_ids(frame)):
                self._note(frame, its)
                return _fate(frame, its)
        return AS_IT_IS

    def _note(self, frame: Frame, its: FrameFault) -> None:
        changed = {"frame": frame.payload.decode()} if not its.copies or its.set or its.add else {}
        told = its.model_dump(exclude_defaults=True, mode="json")
        self._log.add("fault", connection=frame.connection, told=frame.what, **told, **changed)


def _fate(frame: Frame, its: FrameFault) -> Fate:
    payload = frame.payload
    if its.set or its.add:
        payload = msgspec.json.encode(edited(msgspec.json.decode(payload), its.set, its.add))
    return Fate(
        copies=its.copies,
        behind=its.behind,
        delay=its.delay_s,
        close=its.close,
        freeze=its.freeze,
        payload=payload + b" " * its.pad,
        then=its.then.encode(),
    )


def _client_ids(frame: Frame) -> list[str]:
    payload: Any = inside(msgspec.json.decode(frame.payload)) if frame.payload else None
    if not isinstance(payload, dict):
        return []
    ids = (payload.get(name) for name in ("c", "C", "clientOrderId", "origClientOrderId"))
    return [id for id in ids if isinstance(id, str)]
