"""The pulse: shows whoever watches over a flight that its process is alive and not stuck."""

from __future__ import annotations

import asyncio
import contextlib
import os

from engine import seam
from engine.host.supervisor import LANDING

BEAT_EVERY_S = 0.5


class Pulse:
    """Beats on a pipe, -1 where nobody watches: `run` while the host goes round, `beat` where it is held up and not stuck."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._shown = 0

    def beat(self) -> None:
        """Show that it is alive, unless it was shown just now."""
        now = seam.monotonic_ns()
        if now - self._shown >= BEAT_EVERY_S * 10**9:
            self._shown = now
            self._show(b".")

    def land(self) -> None:
        """Show that it has been told to end: what is open is put away, which may take its time."""
        self._show(LANDING)

    async def run(self) -> None:
        """Beat, until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(BEAT_EVERY_S)

    def _show(self, sign: bytes) -> None:
        if self._pipe >= 0:
            with contextlib.suppress(OSError):
                os.write(self._pipe, sign)
