"""From one mode to another on the same deck: what is shown before, what ends, and the way back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fake_link import FakeLink, screen_text, settle
from fake_world import ENVIRONMENTS, World
from textual.pilot import Pilot

from engine.config import load_config
from engine.config.fields import MODES as CONFIGURED
from engine.config.fields import TRADING
from engine.errors import ConfigError
from engine.loop import Engine
from engine.session import prepare
from engine.session_file import save_run
from tui.app import DeckApp
from tui.mailbox import HostSpec
from tui.modes import MODES, ON_LOST, SIMULATED
from tui.screens.leave import LeaveScreen
from tui.screens.modes import ModesScreen
from tui.settings import Settings
from tui.switching import look_ahead, spec_for

CONFIG = """
mode = "replay"
recording = "demo"
coins = ["BTCUSDT", "ETHUSDT"]

[strategy]
use = "engine.strategy.examples:SmaCross"

[account]
cash = { USDT = 2500 }

[trading]
on_ui_lost = "cancel"
"""


class Hangar:
    """Every link the deck asks for, by the mode its spec says."""

    def __init__(self) -> None:
        self.links: list[FakeLink] = []
        self.specs: list[HostSpec] = []

    def connect(self, spec: HostSpec) -> FakeLink:
        world = World()
        mode = spec.overrides.get("mode", '"replay"').strip('"')
        if mode in ENVIRONMENTS:
            world.go_trading(mode)
        elif mode == "paper":
            world.go_live()
        self.specs.append(spec)
        self.links.append(FakeLink(world))
        return self.links[-1]


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(CONFIG)
    return str(path)


async def choose(pilot: Pilot[int], letter: str) -> str:
    """Open the choice, take the option that begins with the letter, and return what is shown once the config is read."""
    await pilot.press("F")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, ModesScreen)
    if letter:
        await pilot.press(letter)
    for _ in range(200):
        await settle(pilot)
        shown = "\n".join(screen_text(pilot.app))  # type: ignore[arg-type]
        if "reading it" not in shown:
            return shown
        await asyncio.sleep(0.02)
    raise AssertionError("the config was never read")


def test_every_mode_and_policy_of_a_config_has_its_words() -> None:
    assert tuple(MODES) == CONFIGURED
    assert tuple(mode for mode in MODES if mode not in SIMULATED) == TRADING
    assert set(ON_LOST) == {"keep", "cancel", "flatten"}
    assert len({mode.word for mode in MODES.values()}) == len(MODES)


async def test_a_replay_flies_on_paper_and_comes_back_to_where_it_was(config: str) -> None:
    hangar = Hangar()
    spec = HostSpec(config=config, overrides={"strategy.params.fast": "10"}, at="690", speed=20)
    app = DeckApp(hangar.connect, spec, Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        shown = await choose(pilot, "")
        assert "PAPER  live prices; orders are simulated" in shown
        assert "Binance live" in shown
        assert "simulated, begins with 2,500 USDT" in shown
        await pilot.press("escape")
        await settle(pilot)
        assert hangar.specs == [spec], "no is no"
        await choose(pilot, "")
        await pilot.press("enter")
        await settle(pilot)
        assert hangar.links[0].closed
        overrides = {
            "strategy.params.fast": "10",
            "mode": '"paper"',
            "interval": '"1m"',
            "coins": "BTCUSDT, ETHUSDT, SOLUSDT",
        }
        assert hangar.specs[1:] == [HostSpec(config=config, overrides=overrides)]
        assert screen_text(app)[0].startswith(" PAPER ")
        await choose(pilot, "")
        await pilot.press("enter")
        await settle(pilot)
        assert hangar.specs[2:] == [HostSpec(config=config, overrides={"strategy.params.fast": "10"}, at="699", speed=20)]
        assert screen_text(app)[0].startswith(" REPLAY ")


@pytest.mark.parametrize(
    ("letter", "mode", "told"),
    [("t", "testnet", "Binance's testnet"), ("d", "demo", "Binance's demo"), ("r", "rehearsal", "this machine, playing demo")],
)
async def test_a_replay_flies_where_orders_are_real(config: str, letter: str, mode: str, told: str) -> None:
    hangar = Hangar()
    app = DeckApp(hangar.connect, HostSpec(config=config), Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        shown = await choose(pilot, letter)
        assert MODES[mode].word in shown
        assert told in shown
        assert "BTCUSDT, ETHUSDT, SOLUSDT" in shown
        assert "at most 2,500 USDT of it" in shown
        assert "what would buy is canceled, exits stay" in shown
        assert "Trading starts disarmed" in shown
        await pilot.click("#fly")
        await settle(pilot)
        assert hangar.specs[1].mode == mode
        assert hangar.specs[1].overrides["mode"] == f'"{mode}"'
        assert screen_text(app)[0].startswith(f" {MODES[mode].word}   DISARMED ")


async def test_what_the_config_does_not_allow_cannot_be_flown(config: str) -> None:
    hangar = Hangar()
    app = DeckApp(hangar.connect, HostSpec(config=config), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        shown = await choose(pilot, "l")
        assert "the config does not allow it" in shown
        assert "environment must say" in shown
        await pilot.press("enter")
        await pilot.click("#fly")
        await settle(pilot)
        assert isinstance(app.screen, ModesScreen)
        await pilot.click("#stay")
        await settle(pilot)
        assert len(hangar.specs) == 1


@pytest.mark.parametrize(("key", "left"), [("l", True), ("e", False)])
async def test_a_flight_is_left_as_when_quitting_and_another_starts_only_then(config: str, key: str, left: bool) -> None:
    hangar = Hangar()
    overrides = {"mode": '"testnet"'}
    app = DeckApp(hangar.connect, HostSpec(config=config, overrides=overrides, mode="testnet"), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        shown = await choose(pilot, "p")
        assert "Whether this flight ends or flies on is asked next." in shown
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, LeaveScreen)
        assert "Leave the flight for PAPER" in "\n".join(screen_text(app))
        await pilot.press("escape")
        await settle(pilot)
        assert len(hangar.specs) == 1
        await choose(pilot, "p")
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press(key)
        for _ in range(100):
            await settle(pilot)
            if len(hangar.specs) > 1 and app.deck.session.hello is not None:
                break
            await asyncio.sleep(0.02)
        assert hangar.links[0].left is left
        assert hangar.links[0].closed is not left
        assert hangar.specs[1].mode == ""
        assert screen_text(app)[0].startswith(" PAPER ")


async def test_a_deck_that_came_to_a_flight_does_not_guess_its_config() -> None:
    hangar = Hangar()
    app = DeckApp(hangar.connect, HostSpec(mode="live", overrides={"mode": '"live"'}), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("F")
        await settle(pilot)
        assert "does not know its config" in [note.message for note in app._notifications][-1]
        hangar.links[0].die("the flight has ended", "")
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert len(hangar.specs) == 1
        assert "`tickdeck trade CONFIG` starts another" in [note.message for note in app._notifications][-1]


def test_a_rehearsal_plays_the_recording_that_was_replayed(config: str) -> None:
    hello = World().hello()
    spec = spec_for("rehearsal", HostSpec(config=config, recording="demo", at="5"), hello, None)
    assert spec.overrides["rehearsal.recording"] == '"demo"'
    assert (spec.recording, spec.at, spec.mode) == (None, None, "rehearsal")
    assert ("orders go to", "this machine, playing demo, 1 s a second") in [
        its[:2] for its in look_ahead("rehearsal", spec).facts
    ]


def test_a_rehearsal_plays_what_the_config_replays_unless_it_names_another(config: str) -> None:
    Path(config).write_text(CONFIG.replace('"demo"', '"mine"', 1))
    spec = spec_for("rehearsal", HostSpec(config=config), World().hello(), None)
    assert _goes_to(spec) == "this machine, playing mine, 1 s a second"
    Path(config).write_text(CONFIG.replace('"demo"', '"mine"', 1) + '[rehearsal]\nrecording = "theirs"\nspeed = 60\n')
    assert _goes_to(spec) == "this machine, playing theirs, 60 s a second"


def _goes_to(spec: HostSpec) -> str:
    return next(its.text for its in look_ahead("rehearsal", spec).facts if its.name == "orders go to")


def test_a_saved_session_flies_its_config_in_another_mode(tmp_path: Path) -> None:
    path = tmp_path / "saved.toml"
    session = prepare({"recording": "demo"})
    Engine(session.feed, session.trade, session.strategy).run(5)
    save_run(path, session)
    spec = spec_for("rehearsal", HostSpec(config=str(path)), World().hello(), None)
    prospect = look_ahead("rehearsal", spec)
    assert (prospect.wrong, _goes_to(spec)) == ("", "this machine, playing demo, 1 s a second")
    with pytest.raises(ConfigError, match="is a saved session, no config"):
        load_config(path)


def test_a_recording_that_is_not_there_is_told_of_its_config() -> None:
    prospect = look_ahead("replay", HostSpec(config="no-such-config"))
    assert "no-such-config" in prospect.wrong
    assert prospect.facts == []
