"""The screens of time travel as they look, kept as SVG; `pytest --snapshot-update` takes them anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fake_link import FakeLink, deck_on, settle
from fake_travel import TravelWorld
from textual.pilot import Pilot
from textual.widgets import Input

from engine.host import protocol as p
from tui.app import DeckApp

Steps = Callable[[Pilot[int]], Awaitable[None]]


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys and let each have its effect."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False


async def behind(pilot: Pilot[int]) -> None:
    """Go back on a branch, past a note and a stop, with breakpoints on."""
    await press(pilot, *"300", "left", "e", "ctrl+u", *"40", "enter", *"1900", "right", "u", *"lost", "enter", *"1500", "left")


async def why(pilot: Pilot[int]) -> None:
    """Ask why."""
    await press(pilot, "f", "down", "enter")


async def condition(pilot: Pilot[int]) -> None:
    """Mistype a condition."""
    await press(pilot, "u", *"fast and clos", "enter")


async def completion(pilot: Pilot[int]) -> None:
    """Let a condition be completed."""
    await press(pilot, "u", *"cl", "tab")


async def parameters(pilot: Pilot[int]) -> None:
    """Ask for other parameters behind the head."""
    await press(pilot, *"300", "left", "e", "ctrl+u", *"40")


async def branches(pilot: Pilot[int]) -> None:
    """Show a tree of branches."""
    await behind(pilot)
    await press(pilot, "T", "n", *"dip", "enter", "n", *"deeper", "enter", "up")


async def comparison(pilot: Pilot[int]) -> None:
    """Hold two branches against each other."""
    await press(pilot, *"300", "left", "e", "ctrl+u", *"40", "enter", *"300", "right", "T", "c")


async def breakpoints(pilot: Pilot[int]) -> None:
    """List the breakpoints."""
    await press(pilot, "B")


async def notes(pilot: Pilot[int]) -> None:
    """Ask for a note."""
    await press(pilot, "a", *"the news came")


async def save(pilot: Pilot[int]) -> None:
    """Jump to nowhere."""
    await press(pilot, "slash", *"soon", "enter")


@pytest.mark.parametrize(
    ("size", "theme", "steps"),
    [
        ((120, 40), "deck-dark", behind),
        ((200, 60), "deck-dark", behind),
        ((80, 24), "deck-dark", why),
        ((120, 40), "deck-light", why),
        ((80, 24), "deck-dark", condition),
        ((120, 40), "deck-dark", completion),
        ((80, 24), "deck-dark", parameters),
        ((120, 40), "deck-dark", branches),
        ((80, 24), "deck-dark", comparison),
        ((120, 40), "deck-dark", comparison),
        ((200, 60), "deck-light-blue-orange", comparison),
        ((80, 24), "deck-dark", breakpoints),
        ((120, 40), "deck-dark", notes),
        ((80, 24), "deck-dark", save),
    ],
    ids=lambda value: value.__name__ if callable(value) else "x".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_travelling_looks_as_it_did(snap_compare: Any, size: tuple[int, int], theme: str, steps: Steps) -> None:
    world = TravelWorld()
    world.notes = {1200: "the news came", 420: "entered too late, on a gap"}
    world.breakpoints = [p.BreakpointRow("lost", "a loss"), p.BreakpointRow("fast > 105000", "", "BTCUSDT", False)]
    world.unsaved = "3 inputs by hand, at step 812"
    app = deck_on(FakeLink(world), theme=theme)

    async def before(pilot: Pilot[int]) -> None:
        assert isinstance(pilot.app, DeckApp)
        await settle(pilot)
        assert pilot.app._timer is not None
        pilot.app._timer.stop()
        if steps is not behind:
            await press(pilot, "escape")
        await steps(pilot)
        pilot.app.clear_notifications()
        await settle(pilot)
        pilot.app.deck.tell_lag(3)
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=before)
