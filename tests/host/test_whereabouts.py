"""Where a strategy is that does not come back: told once, with step and line, and never of what takes long elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import io
import time
from pathlib import Path

from engine import Signal, Strategy
from engine.host import whereabouts
from tests.worlds import engine, market, walk


class Lost(Strategy):
    """Does not come back from some steps until it is told of."""

    def __init__(self, said: io.StringIO) -> None:
        super().__init__()
        self.said = said

    def gen_signal(self) -> dict[str, Signal]:
        lines, until = self.said.getvalue().count("\n"), time.monotonic() + 30
        while self.step in (3, 7) and self.said.getvalue().count("\n") == lines and time.monotonic() < until:  # the line
            pass
        return {}


HERE = Path(__file__)
(LINE,) = [n for n, text in enumerate(HERE.read_text().splitlines(), 1) if text.endswith(":  # the line")]


async def test_a_strategy_that_does_not_come_back_is_told_of_with_its_line(monkeypatch) -> None:
    monkeypatch.setattr(whereabouts, "BEAT_S", 0.01)
    said = io.StringIO()
    its = engine(market(walk(20)), Lost(said))
    with contextlib.redirect_stderr(said):
        async with whereabouts.telling(0.1):
            await asyncio.sleep(0)
            its.run(5)
            await asyncio.sleep(0.3)
            its.run()
            time.sleep(0.3)  # noqa: ASYNC251
    told = said.getvalue().splitlines()
    assert [text.partition(", it is at ")[0] for text in told[:2]] == [
        f"the strategy has not come back from step {step}" for step in (3, 7)
    ]
    assert all(text.partition(", it is at ")[2].startswith(f"{HERE.name}:{LINE}: while ") for text in told[:2])
    assert its.raw.latest.step == 19
