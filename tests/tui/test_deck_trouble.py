"""What the deck shows and offers where the engine is silent, gone, or never came."""

from __future__ import annotations

import pytest
from fake_link import FakeLink, flying, screen_text, settle, trading
from fake_world import World
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import OptionList

from engine.host import protocol as p
from tui.actions import ACTIONS
from tui.app import DeckApp
from tui.mailbox import HostLost, HostSpec, Printed
from tui.settings import Settings
from tui.theme import THEMES


async def silence(app: DeckApp, pilot: Pilot[int]) -> None:
    """Let seven seconds pass in which the engine owes an answer."""
    app._asked = app._heard
    app._heard -= 7
    app._every_second()
    await settle(pilot)


async def test_an_engine_that_hangs_is_ended_and_started_again_where_it_stood() -> None:
    links = [FakeLink(World(at=710)), FakeLink(World(at=710))]
    specs: list[HostSpec] = []

    def connect(spec: HostSpec) -> FakeLink:
        specs.append(spec)
        return links[len(specs) - 1]

    app = DeckApp(connect, HostSpec(), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await silence(app, pilot)
        bar = screen_text(app)[-2]
        assert "× stale" in bar
        assert "r restarts" in bar
        assert "paused" not in bar
        assert "STALE  the engine does not come back from what it does, for 7s now" in "\n".join(screen_text(app))
        heard = app._heard
        links[0].put(Printed(["the strategy has not come back from step 709, it is at dip.py:4: while True:"]))
        await settle(pilot)
        assert app._heard == heard, "what is printed is no answer"
        app._every_second()
        await settle(pilot)
        assert "× stale" in screen_text(app)[-2]
        await pilot.press("l")
        await settle(pilot)
        assert "has not come back from step 709" in "\n".join(screen_text(app))
        await pilot.press("r")
        await settle(pilot)
        told = "the engine starts again, at step 709, where it was last seen"
        assert told in [note.message for note in app._notifications]
        assert links[0].killed, "it does not answer, so it is not asked"
        assert specs[1:] == [HostSpec(at="709")]
        assert "‖ paused" in screen_text(app)[-2]


async def test_time_does_not_run_on_without_an_engine() -> None:
    async with flying(size=(80, 24)) as (app, link, pilot):
        await pilot.press("space")
        await settle(pilot)
        assert "▶ playing" in screen_text(app)[-2]
        link.die()
        await settle(pilot)
        bar = screen_text(app)[-2]
        assert "× gone" in bar
        assert "–/s" in bar
        assert "playing" not in bar
        started = app._flight
        await pilot.click("#transport", offset=(bar.index("restarts"), 0))
        await settle(pilot)
        assert app._flight is not started


@pytest.mark.parametrize("greet", [True, False])
async def test_an_end_that_was_told_has_no_banner(greet: bool) -> None:
    link = FakeLink(greet=greet)
    async with flying(link) as (app, _, pilot):
        link.put(p.Failure("Config", "demo.toml:3: cion is not a known key", "", True))
        link.die()
        await settle(pilot)
        assert app._link is None
        shown = "\n".join(screen_text(app))
        assert "demo.toml:3: cion is not a known key" in shown
        assert "ENGINE GONE" not in shown
        assert "SIGKILL" not in shown


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_flight_that_did_not_start_says_so_and_why(size: tuple[int, int]) -> None:
    link = FakeLink(greet=False)
    app = DeckApp(lambda spec: link, HostSpec(config="mine.toml", mode="live"), Settings())
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        link.put(p.Progress("reading the config"))
        link.put(p.Failure("Keys", "there are no keys for live", "`tickdeck keys set live` puts them in place", True))
        link.put(HostLost("the engine has gone; its supervisor starts another"))
        link.die("the flight has ended", "")
        await settle(pilot)
        shown = "\n".join(screen_text(app))
        assert shown.startswith(" !! LIVE !!  tickdeck")
        for word in ("The flight did not start", "there are no keys for live", "r tries again"):
            assert word in shown
        assert "GONE" not in shown
        assert "supervisor" not in shown


async def test_a_flight_that_has_flown_is_not_started_beside_its_supervisor() -> None:
    link = trading("testnet")
    app = DeckApp(lambda spec: link, HostSpec(config="mine.toml", mode="testnet"), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        link.put(HostLost("the engine has gone; its supervisor starts another"))
        link.put(p.Failure("Exchange", "no way to the exchange", "", True))
        await settle(pilot)
        shown = "\n".join(screen_text(app))
        assert "no way to the exchange" in shown
        assert "r tries again" not in shown
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen is app.deck
        assert "ENGINE GONE" in screen_text(app)[1]


async def test_the_palette_holds_the_deck_s_own_commands_and_each_once() -> None:
    async with flying() as (app, _, pilot):
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        options = app.screen.query_one(OptionList)
        ours = {action.title for action in ACTIONS if action.id != "palette"}
        ours |= {f"Theme {theme.name}" for theme in THEMES} | {f"Chart {coin}" for coin in app.deck.session.infos}
        for _ in range(200):
            if options.option_count >= len(ours):
                break
            await pilot.pause(0.02)
        titles = [str(options.get_option_at_index(n).hit.text) for n in range(options.option_count)]  # type: ignore[attr-defined]
        assert sorted(titles) == sorted(ours)
