"""Edits: payloads told otherwise than they are, keys set and numbers shifted."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

WRAPPINGS = {"stream": "data", "subscriptionId": "event", "status": "result"}
"""Where a frame's payload is, by the key that tells how it is wrapped."""


def inside(frame: Any) -> Any:
    """Return the payload that a frame wraps, or the frame where it wraps none."""
    if isinstance(frame, dict):
        for sign, key in WRAPPINGS.items():
            if sign in frame and key in frame:
                return frame[key]
    return frame


def edited(payload: Any, change: Mapping[str, Any], shift: Mapping[str, int]) -> Any:
    """Return a copy of a payload with keys set, and whole numbers or decimal texts shifted; the rest of a frame stays."""
    whole = msgspec.json.decode(msgspec.json.encode(payload))
    its = inside(whole)
    for path, value in change.items():
        for table, key in _places(its, path.split(".")):
            table[key] = value
    for path, amount in shift.items():
        for table, key in _places(its, path.split(".")):
            if key in table:
                table[key] = _shifted(table[key], amount)
    return whole


def _places(payload: Any, path: list[str]) -> list[tuple[dict[str, Any], str]]:
    """Return the tables a path leads to, with its last key; a list stands for each of its elements."""
    if isinstance(payload, list):
        return [place for element in payload for place in _places(element, path)]
    if not isinstance(payload, dict):
        return []
    return [(payload, path[0])] if len(path) == 1 else _places(payload.get(path[0]), path[1:])


def _shifted(value: Any, amount: int) -> Any:
    return format(Decimal(value) + amount, "f") if isinstance(value, str) else value + amount
