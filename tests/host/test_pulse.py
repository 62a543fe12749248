"""The pulse of a flight: seldom while all goes round, and a last sign when it lands."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import ExchangeError
from engine.host import tower
from engine.host.pulse import Pulse
from engine.host.spec import Spec
from engine.host.supervisor import LANDING


def test_it_is_shown_now_and_then_and_to_nobody_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10**12]
    monkeypatch.setattr("engine.seam.monotonic_ns", lambda: now[0])
    read, write = os.pipe()
    pulse = Pulse(write)
    for _ in range(20):
        pulse.beat()
        now[0] += 10**8
    assert os.read(read, 100) == b"...."
    os.close(read)
    now[0] += 10**9
    pulse.beat()
    os.close(write)
    Pulse(-1).land()


@pytest.mark.parametrize(
    ("wrong", "code", "last"),
    [(None, 0, LANDING), (ExchangeError("no connection"), 3, b"."), (ZeroDivisionError(), None, b".")],
)
async def test_a_flight_that_was_told_to_end_says_so_before_all_is_put_away(
    wrong: Exception | None, code: int | None, last: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    shown = b""
    captain: Any = SimpleNamespace(
        session=SimpleNamespace(feed=SimpleNamespace(came=asyncio.Event())), engine=SimpleNamespace()
    )

    @asynccontextmanager
    async def airborne(*given: object) -> AsyncIterator[Any]:
        nonlocal shown
        try:
            yield captain
        finally:
            shown = os.read(read, 100)

    async def fly(*given: object) -> None:
        await asyncio.sleep(0)
        if wrong is not None:
            raise wrong

    monkeypatch.setattr(tower, "airborne", airborne)
    monkeypatch.setattr(tower, "fly", fly)
    flight = tower.serve_flight(Spec(socket=str(tmp_path / "flight.sock"), beat=write))
    if code is None:
        with pytest.raises(ZeroDivisionError):
            await flight
    else:
        assert await flight == code
    assert shown[-1:] == last
    assert captain.engine.came_back
    os.close(read)
    os.close(write)
