"""Manners: how an archive is asked, and what it takes of clock, sleep and chance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from engine import seam


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How an archive is asked: at most `parallel` files at a time, each tried `tries` times before it is given up.

    Between two tries it waits `backoff` seconds, doubled each time, half of it by chance, or as long as the server asks for, if
    that is at most `longest` seconds. A server has `patience` seconds to answer, and as long for each 64 KiB.
    """

    parallel: int = 4
    tries: int = 6
    backoff: float = 0.5
    longest: float = 300.0
    patience: float = 30.0
    today: Callable[[], date] = seam.today
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = seam.chance

    def wait(self, failures: int, asked: float | None) -> float:
        """Return the seconds to wait after this many failures in a row, `asked` being what the server asks for."""
        own = min(self.backoff * 2.0 ** (failures - 1), self.longest) * (0.5 + 0.5 * self.chance())
        return own if asked is None else max(asked, own)
