"""A loop whose time is its own: it never waits, but goes at once to when something is due. So a run follows from its seed."""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine import seam
from engine.binance import socket

NS = 10**9
BEGIN_NS = 1_760_000_000 * NS


class _Waiter(selectors.SelectSelector):
    """Waits for nothing but time."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "nothing is due any more"
        self.loop.now_s += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`now_s` is how many seconds have passed in it."""

    def __init__(self) -> None:
        self.now_s = 0.0
        waiter = _Waiter()
        waiter.loop = self
        super().__init__(waiter)

    def time(self) -> float:
        return self.now_s

    @property
    def ns(self) -> int:
        return int(self.now_s * NS)


@contextmanager
def virtual(connect: Any, wall: Any, chance: Any) -> Iterator[VirtualLoop]:
    """A loop by whose time the engine goes, its sockets connected by `connect`."""
    loop = VirtualLoop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seam, "monotonic_ns", lambda: loop.ns)
        patch.setattr(seam, "wall_ns", lambda: wall())
        patch.setattr(seam, "chance", chance)
        words = itertools.count(1)
        patch.setattr(seam, "token", lambda size: f"{next(words):0{2 * size}x}")
        patch.setattr(socket, "connect", connect)
        # a look that costs much and changes little where nothing is waited for by anybody
        patch.setattr(socket, "LOOK_S", 5.0)
        try:
            yield loop
        finally:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=60))
            loop.close()
