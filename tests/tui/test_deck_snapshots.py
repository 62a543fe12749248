"""The deck as it looks, kept as SVG; `pytest --snapshot-update` takes them anew, to be looked at before they are committed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fake_link import FakeLink, deck_on, settle
from textual.pilot import Pilot
from textual.widgets import Input

from engine.host import protocol as p
from tui.app import DeckApp

Steps = Callable[[Pilot[int], FakeLink], Awaitable[None]]


async def nothing(pilot: Pilot[int], link: FakeLink) -> None:
    """Leave the deck as it starts."""


async def form(pilot: Pilot[int], link: FakeLink) -> None:
    """Open the order form and type."""
    await pilot.press("s")
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    await pilot.press("up", "l", "down", *"0.05")


async def exits(pilot: Pilot[int], link: FakeLink) -> None:
    """Open the order form with every field there can be, over orders of every type."""
    link.world.bracket()
    link.show(link.world.frame())
    await pilot.press("o", "b")
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    await pilot.press("up", "s", "s", "down", *"0.002", "tab", "ctrl+u", *"110000", "tab", "tab", "tab", "tab", *"1.5%")


async def change(pilot: Pilot[int], link: FakeLink) -> None:
    """Open the form on an open order and ask for less, once the account may buy no more today."""
    link.world.bracket()
    link.world.stopped, link.world.stopped_today = "risk: USDT 9,400.00 is 6.00 % below its day's start", True
    link.show(link.world.frame())
    await pilot.press("o", "m")
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    await pilot.press("ctrl+u", *"0.03")


async def download(pilot: Pilot[int], link: FakeLink) -> None:
    """Open the download form on what is missing."""
    link.put(p.Failure("Recording", "there is no recording mine", "", True, p.Wanted("mine", ["BTCUSDT", "ETHUSDT"])))
    await settle(pilot)
    await pilot.press("d")
    await settle(pilot)
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False


async def missing(pilot: Pilot[int], link: FakeLink) -> None:
    """Show that a recording is missing."""
    hint = "`tickdeck download BTCUSDT --from 2025-01 --to 2025-03 --into mine` fetches the exchange's history"
    link.put(p.Failure("Recording", "there is no recording mine", hint, True, p.Wanted("mine", [])))


async def gone(pilot: Pilot[int], link: FakeLink) -> None:
    """Lose the engine."""
    link.die()


async def halted(pilot: Pilot[int], link: FakeLink) -> None:
    """Halt the strategy, with its signals in front."""
    link.world.halted = "SmaCross failed in sma.py, line 41: ZeroDivisionError: division by zero"
    link.show(link.world.frame())
    await pilot.press("g")


async def gap(pilot: Pilot[int], link: FakeLink) -> None:
    """Go to where data is missing."""
    link.world.done = 270
    link.show(link.world.frame())


async def failure(pilot: Pilot[int], link: FakeLink) -> None:
    """Show an error."""
    link.put(p.Failure("Config", "session.toml, line 3: unknown key coin", "did you mean coins?", True))


async def live(pilot: Pilot[int], link: FakeLink, **changes: Any) -> None:
    """Fly live prices."""
    link.world.go_live(**changes)
    link.put(link.world.hello(), link.world.events())
    link.show(link.world.frame())


async def stale(pilot: Pilot[int], link: FakeLink) -> None:
    """Lose one coin's data."""
    await live(pilot, link, coins=link.world.stale(0.4, 23.0, 1.1))


async def cut_off(pilot: Pilot[int], link: FakeLink) -> None:
    """Lose the connection while the exchange asks to wait, and the disk."""
    coins, waits = link.world.stale(184.0, 184.2, 190.0), "the exchange asks to wait, 42 s left"
    await live(pilot, link, alive=False, coins=coins, waits_for=waits, failure="no space left on the disk")


async def trade(pilot: Pilot[int], link: FakeLink, mode: str = "testnet", **changes: Any) -> None:
    """Trade, with orders in every stage there is."""
    link.world.go_trading(mode)
    link.world.stages()
    link.world.tell(**changes)
    link.put(link.world.hello(), link.world.events())
    link.show(link.world.frame())
    await settle(pilot)
    await pilot.press("o")


async def real_money(pilot: Pilot[int], link: FakeLink) -> None:
    """Let orders out, with real money."""
    await trade(pilot, link, "live", disarmed="", unknown=0)


async def real_trouble(pilot: Pilot[int], link: FakeLink) -> None:
    """Have all the trouble there is at once."""
    link.world.halted = "SmaCross failed in sma.py, line 41: ZeroDivisionError: division by zero"
    link.world.stopped = "risk: USDT 9,400.00 is 6.00 % below its highest"
    await trade(pilot, link, "demo", alive=False, age_s=23.0, reconciled=False)


async def arming(pilot: Pilot[int], link: FakeLink) -> None:
    """Type another amount than that at risk."""
    await trade(pilot, link, "live", unknown=0)
    await pilot.press("A")
    for field in pilot.app.screen.query(Input):
        field.cursor_blink = False
    await pilot.press(*"100", "enter")


async def killing(pilot: Pilot[int], link: FakeLink) -> None:
    """Open the kill switch."""
    await trade(pilot, link, "rehearsal", disarmed="", unknown=0)
    await pilot.press("K")


async def leaving(pilot: Pilot[int], link: FakeLink) -> None:
    """Ask to quit, with the journal in front."""
    await trade(pilot, link, disarmed="", unknown=0)
    await pilot.press("J", "q")


async def journal(pilot: Pilot[int], link: FakeLink) -> None:
    """Show the journal, while an order's fate is unknown."""
    await trade(pilot, link, "live")
    await pilot.press("J")


async def keys(pilot: Pilot[int], link: FakeLink) -> None:
    """Open the help."""
    await pilot.press("question_mark")


@pytest.mark.parametrize(
    ("size", "theme", "steps"),
    [
        ((80, 24), "deck-dark", nothing),
        ((120, 40), "deck-dark", nothing),
        ((200, 60), "deck-dark", nothing),
        ((120, 40), "deck-light", gap),
        ((100, 30), "deck-dark-blue-orange", gone),
        ((80, 24), "deck-dark", halted),
        ((80, 24), "deck-dark", live),
        ((120, 40), "deck-dark", live),
        ((120, 40), "deck-light", stale),
        ((80, 24), "deck-dark", cut_off),
        ((200, 60), "deck-dark-blue-orange", cut_off),
        ((80, 24), "deck-dark", form),
        ((80, 24), "deck-dark", exits),
        ((120, 40), "deck-dark", change),
        ((80, 24), "deck-dark", download),
        ((80, 24), "deck-light", missing),
        ((80, 24), "deck-dark", failure),
        ((120, 40), "deck-light-blue-orange", keys),
        ((80, 24), "deck-dark", trade),
        ((120, 40), "deck-dark", trade),
        ((200, 60), "deck-dark", trade),
        ((80, 24), "deck-dark", real_money),
        ((120, 40), "deck-dark", real_money),
        ((200, 60), "deck-light", real_money),
        ((80, 24), "deck-dark", real_trouble),
        ((120, 40), "deck-dark-blue-orange", real_trouble),
        ((80, 24), "deck-dark", arming),
        ((80, 24), "deck-dark", killing),
        ((120, 40), "deck-dark", leaving),
        ((120, 40), "deck-light", journal),
    ],
    ids=lambda value: value.__name__ if callable(value) else "x".join(map(str, value)) if isinstance(value, tuple) else value,
)
def test_the_deck_looks_as_it_did(snap_compare: Any, size: tuple[int, int], theme: str, steps: Steps, monkeypatch: Any) -> None:
    monkeypatch.setattr("tui.screens.help.settings_path", lambda: "/home/trader/.config/tickdeck/deck.toml")
    link = FakeLink()
    app = deck_on(link, theme=theme)

    async def before(pilot: Pilot[int]) -> None:
        assert isinstance(pilot.app, DeckApp)
        await settle(pilot)
        assert pilot.app._timer is not None
        pilot.app._timer.stop()
        await steps(pilot, link)
        await settle(pilot)
        pilot.app.deck.tell_lag(3)
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=before)
