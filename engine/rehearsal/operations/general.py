"""Operations that tell of the exchange itself."""

from __future__ import annotations

from typing import Any

from engine.rehearsal.calls import Call, operation


@operation()
def ping(call: Call) -> Any:
    """Answer."""
    return {}


@operation()
def time(call: Call) -> Any:
    """Tell the exchange's time."""
    return {"serverTime": call.time(call.now)}
