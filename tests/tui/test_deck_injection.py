"""Text from outside reaches the terminal as text, whatever it holds and wherever it stands."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
import pytest
from fake_link import FakeLink, flying, settle
from fake_world import World
from hostile import obeyed

from engine.host import protocol as p
from tui.mailbox import HostGone, HostLost, Printed
from tui.screens.download import DownloadScreen
from tui.screens.error import ErrorScreen

EVIL = (
    "\x1b]0;owned\x07",
    "\x1b[31mred\x1b[2J",
    "\x1b]52;c;Y2xpcA==\x07",
    "\x1b]8;;http://x\x1b\\link",
    "\x9b31m",
    "\x90q\x9c",
    "\u202eevil",
    "\u2066\u200b\ufeff",
    "[/",
    "[/red]",
    "[red]x[/]",
    "[@click=app.quit]x[/]",
    "$up [b",
    "\\[",
    "\x00\x08\x7f",
    "a\nb\r\nc\td\x0b\x0c\x85\u2028",
    "é" * 5000,
    "x" * 1_000_000,
    "测试币456 🚀\u200d🚀 e\u0301\u0327",
    "\ud7ff\ue000\uffff",
)


def poison(value: Any, evil: str, rng: random.Random) -> Any:
    """Return a copy of a message with `evil` in every text it holds; the texts that choose behaviour stay now and then."""
    if isinstance(value, str):
        return value if rng.random() < 0.15 else evil + value[:3]
    if isinstance(value, list):
        return [poison(item, evil, rng) for item in value]
    if isinstance(value, dict):
        return {evil + str(key): item for key, item in value.items()}
    if isinstance(value, msgspec.Struct):
        fields = {name: poison(getattr(value, name), evil, rng) for name in value.__struct_fields__}
        return type(value)(**fields)
    return value


TOURS = (
    ("f", "down"), ("g",), ("v",), ("p",), ("l",), ("o", "down", "c"), ("tab",),
    ("b", "1", "escape"), ("s", "up", "l", "escape"), ("ctrl+p", "c", "h", "escape"), ("C", "escape"),
    ("o", "m", "1", "escape"), ("D", "x", "escape"),
)  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_no_text_reaches_the_terminal_as_a_command(size: tuple[int, int]) -> None:
    world = World()
    link = FakeLink(world, greet=False)
    async with flying(link, size=size) as (app, _, pilot):
        for number, evil in enumerate(EVIL):
            rng = random.Random(number)
            if number == 0:
                link.put(p.Progress(evil))
                await settle(pilot)
                assert obeyed(app) == []
            world.halted = evil
            world.feed = None
            if number % 2:
                world.go_live(alive=number % 4 == 1, waits_for="waits", failure="why")
            link.put(poison(world.hello(), evil, rng), poison(world.events(), evil, rng), Printed([evil]))
            link.show(poison(world.frame(), evil, rng))
            await settle(pilot)
            assert obeyed(app) == [], evil
            for keys in (TOURS[number % len(TOURS)], TOURS[(5 * number + 1) % len(TOURS)]):
                for key in keys:
                    await pilot.press(key)
                    assert obeyed(app) == [], (evil, key)
            link.put(p.Reply(1, False, evil), p.Reply(2, True, evil), p.Failure(evil, evil, evil, False))
            await settle(pilot)
            assert obeyed(app) == [], evil
            await pilot.press("escape")
            app.clear_notifications()
        for evil in EVIL:
            app.deck.tell_gone(HostGone(evil, evil))
            await settle(pilot)
            assert obeyed(app) == [], evil


async def test_real_orders_and_the_screens_that_mind_them_are_text_too() -> None:
    world = World()
    world.go_trading("live")
    world.stages()
    link = FakeLink(world, greet=False)
    async with flying(link, size=(80, 24)) as (app, _, pilot):
        for number, evil in enumerate(EVIL):
            rng = random.Random(number)
            link.put(poison(world.hello(), evil, rng), poison(world.events(), evil, rng))
            link.show(poison(world.frame(), evil, rng))
            await settle(pilot)
            for keys in (("A", "x", "enter", "escape"), ("K", "escape"), ("q", "escape"), ("F", "l", "escape"), ("J", "o")):
                for key in keys:
                    await pilot.press(key)
                    assert obeyed(app) == [], (evil, key)
            link.put(HostLost(evil))
            await settle(pilot)
            assert obeyed(app) == [], evil


@pytest.mark.parametrize("evil", EVIL[:12])
async def test_an_engine_that_cannot_start_may_say_what_it_likes(evil: str) -> None:
    link = FakeLink(greet=False)
    async with flying(link, size=(80, 24)) as (app, _, pilot):
        link.put(p.Failure(evil, evil, evil, True, p.Wanted(evil, [evil])), HostGone(evil, evil))
        await settle(pilot)
        assert isinstance(app.screen, ErrorScreen)
        assert obeyed(app) == []
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, DownloadScreen)
        assert obeyed(app) == []


async def test_numbers_that_are_none_are_drawn_as_such() -> None:
    def spoil(value: Any, bad: float) -> Any:
        if isinstance(value, float):
            return bad
        if isinstance(value, list):
            return [spoil(item, bad) for item in value]
        if isinstance(value, msgspec.Struct) and not isinstance(value, p.Chart):
            return type(value)(**{name: spoil(getattr(value, name), bad) for name in value.__struct_fields__})
        return value

    async with flying() as (app, link, pilot):
        for n, bad in enumerate((math.nan, math.inf, -math.inf, 0.0, -0.0, 1e300, -1e300, 1e-300) * 2):
            if n == 8:
                link.world.go_live()
            link.show(spoil(link.world.frame(), bad))
            await settle(pilot)
            for key in ("v", "p", "o", "b", "escape"):
                await pilot.press(key)
            assert obeyed(app) == []
