"""A link to a made-up market in this very process, for tests that press keys."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from fake_world import World
from textual.pilot import Pilot

from engine.host.protocol import Command, Frame
from tui.app import DeckApp
from tui.mailbox import HostGone, HostSpec, Mailbox, Received
from tui.settings import Settings


class FakeLink(Mailbox):
    """Answers every command at once; `put` and `show` say what a host would, `sent` holds what the deck said."""

    def __init__(self, world: World | None = None, *, greet: bool = True) -> None:
        super().__init__()
        self.world = world or World()
        self.sent: list[Command] = []
        self.closed = False
        self.killed = False
        self.left = False
        self._end = asyncio.Event()
        self._greet = greet

    async def run(self) -> None:
        if self._greet:
            self.put(self.world.hello(), self.world.events(), *self.world.news())
            self.show(self.world.frame())
        await self._end.wait()

    def put(self, *reports: Received) -> None:
        for report in reports:
            super().put(report)

    def show(self, frame: Frame) -> None:
        self._frame = frame
        self._changed.set()

    def die(self, how: str = "the engine was ended by SIGKILL", last: str = "MemoryError") -> None:
        self.put(HostGone(how, last))
        self._end.set()

    def send(self, command: Command) -> bool:
        if self._end.is_set():
            return False
        self.sent.append(command)
        self.put(*self.world.obey(command), *self.world.news())  # type: ignore[arg-type]
        self.show(self.world.frame())
        return True

    async def close(self) -> None:
        self.closed = not self.left
        self._end.set()

    async def leave(self) -> None:
        self.left = True
        self._end.set()

    def end(self, seconds: float) -> None:
        self.closed = True
        self._end.set()

    def kill(self) -> None:
        self.killed = True
        self._end.set()


NOW = 1_750_000_000 * 10**9
"""The fake world's wall clock; the deck's own stands 3 ms later."""


def trading(mode: str = "testnet", **changes: Any) -> FakeLink:
    """Return a link to a market whose orders are real."""
    world = World()
    world.go_trading(mode, **changes)
    return FakeLink(world)


def deck_on(link: FakeLink, *, theme: str = "deck-dark", keys: dict[str, str] | None = None) -> DeckApp:
    """Return the app on this link, with a clock that stands still."""
    settings = Settings(theme=theme, keys=keys or {})
    return DeckApp(lambda spec: link, HostSpec(), settings, clock=lambda: NOW + 3_000_000)


@contextlib.asynccontextmanager
async def flying(
    link: FakeLink | None = None, *, size: tuple[int, int] = (120, 40), keys: dict[str, str] | None = None
) -> AsyncIterator[tuple[DeckApp, FakeLink, Pilot[int]]]:
    """Run the deck without a terminal until the block ends; yields app, link and pilot once the first frame is shown."""
    link = link or FakeLink()
    app = deck_on(link, keys=keys)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, link, pilot


async def settle(pilot: Pilot[int]) -> None:
    """Wait until the deck has shown all that the link had for it."""
    app = pilot.app
    assert isinstance(app, DeckApp)
    link = app._link
    for _ in range(200):
        await asyncio.sleep(0.002)
        if not isinstance(link, FakeLink) or not link._changed.is_set():
            break
    await pilot._wait_for_screen()
    await pilot.pause()
    # what was laid out anew is filled after that
    await pilot.pause()


def screen_text(app: DeckApp) -> list[str]:
    """Return what the terminal would show, line by line."""
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]
