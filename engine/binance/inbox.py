"""Inbox: what a socket heard and nobody has taken yet, bounded, with a stated policy for each kind of news."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

Event = TypeVar("Event")


class Overflow(Exception):
    """News that may not be lost found no room."""


class Inbox(Generic[Event]):
    """News in the order they came. Those with a key conflate: a newer one takes the older one's place at the end.

    Those without are never dropped: beyond `most` of them Overflow is raised, and whoever feeds the inbox must begin anew.
    """

    def __init__(self, most: int = 100_000) -> None:
        self.conflated = 0
        self._most = most
        self._waiting: dict[Hashable, Event] = {}
        self._count = 0
        self._kept = 0
        self.came = asyncio.Event()
        """Set while there is something to take."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: Event, key: Hashable = None) -> None:
        """Add news; raises Overflow where they may not be lost and there is no room."""
        if key is None:
            if self._kept >= self._most:
                raise Overflow(f"{self._most:,} events wait and nobody takes them")
            self._count += 1
            self._kept += 1
            self._waiting[self._count] = event
        else:
            self.conflated += self._waiting.pop((key,), None) is not None
            self._waiting[(key,)] = event
        self.came.set()

    def take(self) -> list[Event]:
        """Return all that waits, oldest first, and forget it."""
        taken = list(self._waiting.values())
        self._waiting.clear()
        self._kept = 0
        self.came.clear()
        return taken

    async def wait(self) -> None:
        """Return once there is something to take."""
        await self.came.wait()
