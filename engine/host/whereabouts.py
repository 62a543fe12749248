"""Whereabouts: a host whose strategy does not come back says where in it that is, which nobody else can see."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator
from types import FrameType

from engine import seam

PATIENCE_S = 5.0
BEAT_S = 0.5


@contextlib.asynccontextmanager
async def telling(patience: float = PATIENCE_S) -> AsyncIterator[None]:
    """Say on stderr, which the deck's log shows, where the user's code is each time it keeps the loop for so many seconds.

    A thread of its own looks, as the loop cannot. What holds the interpreter without letting go cannot be told of from here.
    """
    beat, ended = [seam.stopwatch()], threading.Event()
    main = threading.get_ident()

    def look() -> None:
        told = 0.0
        while not ended.wait(BEAT_S):
            last = beat[0]
            if last != told and seam.stopwatch() - last > patience and (words := _words(sys._current_frames().get(main))):
                print(f"{words}, for {patience:g} s now", file=sys.stderr, flush=True)
                told = last

    async def live() -> None:
        while True:
            beat[0] = seam.stopwatch()
            await asyncio.sleep(BEAT_S)

    living = asyncio.create_task(live())
    threading.Thread(target=look, name="whereabouts", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        living.cancel()


def _words(frame: FrameType | None) -> str:
    """Return at which step and line of the user's own code a thread is, "" where it is in none."""
    from engine.strategy.blame import users_line_now

    line = users_line_now(frame) if frame is not None else ""
    if not line:
        return ""
    from engine.loop import Engine

    step = ""
    while frame is not None:
        its = frame.f_locals.get("self") if frame.f_code.co_name == "_fly" else None
        if isinstance(its, Engine):
            step = f" from step {its.raw.latest.step:,}"
        frame = frame.f_back
    return f"the strategy has not come back{step}, it is at {line}"
