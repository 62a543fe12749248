"""Five hundred hostile strings through every text that reaches the deck, real orders and their exchange's words among them."""

from __future__ import annotations

import msgspec
import pytest
from fake_link import FakeLink, flying, settle
from fake_world import World
from hostile import Poison, obeyed, strings

from engine.errors import ExchangeError
from engine.host import protocol as p
from tui.console import err, show_error
from tui.mailbox import Printed
from tui.text import REPLACEMENT, clean, clean_lines

EVIL = strings(500)
TABS = ("o", "f", "g", "v", "p", "J", "l")
TOURS = (("o", "m", "escape"), ("b", "escape"), ("A", "escape"), ("K", "escape"), ("F", "escape"), ("C", "escape"), ("tab",),
         ("question_mark", "escape"), ("ctrl+p", "escape"), ("D", "escape"), ("q", "escape"))  # fmt: skip
INFO = p.TradeInfo("Binance testnet", "vmPU…", "1000.00", True, "keep", ["the key works from any address", "and more"])
ROW = p.TradeRow(
    disarmed="trading has not been armed", reconciled=True, reconciled_age_s=12.3, alive=True, age_s=1.2, reconnects=0,
    unknown=1, unknown_age_s=34.0, out=1, orders_10s=3, orders_limit=50,
    externals=[p.ExternalRow(99_812_345, "BTCUSDT", "buy", "LIMIT", "0.1", "0.02", "90000")] * 2,
)  # fmt: skip
JOURNAL = [
    p.JournalRow(n, 1_750_000_000 * 10**9, what, n, "buy 0.05 BTCUSDT by hand") for n, what in enumerate(("intent", "news"), 1)
]


def hello(world: World, mode: str) -> p.Hello:
    return msgspec.structs.replace(world.hello(), trade=INFO, mode=mode)


def frame(world: World) -> p.Frame:
    its = world.frame()
    stages = ("UNKNOWN", "CANCEL_SENT", "NEW", "SENT")
    orders = [msgspec.structs.replace(row, stage=stages[n % 4], age_s=3.0) for n, row in enumerate(its.orders)]
    return msgspec.structs.replace(its, orders=orders, trade=ROW)


def events(world: World) -> p.Events:
    return msgspec.structs.replace(world.events(), journal=JOURNAL)


def test_there_are_five_hundred_and_each_is_another() -> None:
    assert len(EVIL) == 500
    assert len(set(EVIL)) > 480


@pytest.mark.parametrize("part", range(4))
@pytest.mark.timeout(240)
async def test_nothing_of_them_reaches_the_terminal(part: int) -> None:
    """Another string in each text of each message; in quarters, which together bring nearly each to each text."""
    world = World()
    world.go_live()
    link = FakeLink(world, greet=False)
    poison = Poison(EVIL)
    mode = ("rehearsal", "testnet", "demo", "live")[part]
    size = ((80, 24), (120, 40))[part % 2]
    async with flying(link, size=size) as (app, _, pilot):
        link.put(p.Progress(EVIL[part]), hello(world, mode))
        await settle(pilot)
        for number in range(part, len(EVIL), 4):
            poison.round = number
            if number % 20 == part:
                # a mode that nobody knows now and then
                told = poison(hello(world, mode))
                link.put(told if number % 60 == part else msgspec.structs.replace(told, mode=mode))
            link.put(poison(events(world)), Printed([EVIL[number]]), p.Reply(number, bool(number % 2), EVIL[number]))
            link.show(poison(frame(world)))
            await pilot.press(TABS[(number // 4) % len(TABS)])
            assert obeyed(app) == [], EVIL[number][:80]
            if number % 12 == part:
                for key in TOURS[(number // 12) % len(TOURS)]:
                    await pilot.press(key)
                    assert obeyed(app) == [], (EVIL[number][:80], key)
                app.clear_notifications()
            if number % 25 == part:
                link.put(p.Failure(EVIL[number], EVIL[-number], EVIL[number], False, p.Wanted(EVIL[number], [EVIL[number]])))
                await settle(pilot)
                assert obeyed(app) == [], EVIL[number][:80]
                await pilot.press("escape")
        assert app.crashed is None
    assert len(poison.put) > 450


@pytest.mark.parametrize("function", [clean, clean_lines])
def test_a_cleaned_text_is_one_that_no_terminal_obeys(function: object) -> None:
    for evil in EVIL:
        told = function(evil)  # type: ignore[operator]
        assert all(character.isprintable() or character == "\n" for character in told), evil[:80]
        assert "\x1b" not in told
        if evil.startswith("\x1b"):
            assert told.startswith(REPLACEMENT)


def test_an_exchange_s_words_in_an_error_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    for evil in EVIL:
        show_error(ExchangeError(f"order: HTTP 400, -1000 {evil}"[:300], hint=evil[:300]))
    assert err.file is not None
    said = capsys.readouterr().err
    assert "HTTP 400" in said
    assert [hex(ord(c)) for c in said if not c.isprintable() and c != "\n"] == []
