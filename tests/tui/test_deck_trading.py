"""The deck where orders are real: what it tells of them, arming, the kill switch, the journal, and the ways out."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import msgspec
import pytest
from fake_link import FakeLink, deck_on, flying, screen_text, settle, trading
from textual.pilot import Pilot
from textual.widgets import Input

from engine.host import protocol as p
from tui.app import DeckApp
from tui.mailbox import HostGone, HostLost, HostSpec
from tui.modes import MODES, ON_LOST, SIMULATED
from tui.screens.arm import ArmScreen
from tui.screens.halt import HaltScreen
from tui.screens.help import HelpScreen
from tui.screens.leave import LeaveScreen
from tui.screens.order import OrderScreen
from tui.screens.start import StartScreen
from tui.session import Session
from tui.settings import Settings
from tui.trouble import troubles

REAL = tuple(mode for mode in MODES if mode not in SIMULATED)
SIZES = [(80, 24), (120, 40), (200, 60)]


def said(link: FakeLink) -> list[p.Command]:
    """Return what the deck said, but for which coin it looks at."""
    return [command for command in link.sent if not isinstance(command, p.Watch)]


def notes(app: DeckApp) -> list[str]:
    return [note.message for note in app._notifications]


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(pilot)


async def show(link: FakeLink, pilot: Pilot[int], **changes: Any) -> None:
    """Show the market with changes to how trading fares."""
    link.world.tell(**changes)
    link.show(link.world.frame())
    await settle(pilot)


def everything() -> FakeLink:
    """A market with orders in every stage there is."""
    link = trading()
    link.world.stages()
    return link


# What it tells


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", REAL)
async def test_the_mode_and_whether_orders_go_out_are_told_on_every_screen(mode: str, size: tuple[int, int]) -> None:
    word = MODES[mode].word
    async with flying(trading(mode), size=size) as (app, link, pilot):
        assert screen_text(app)[0].startswith(f" {word}   DISARMED  trading has not")
        for keys in (["question_mark"], ["b"], ["A"], ["K"], ["q"], ["D"], ["F"], ["C"]):
            await press(pilot, *keys)
            assert any(f" {word} " in line for line in screen_text(app)[1:]), keys
            await press(pilot, "escape")
            assert app.screen is app.deck
        await press(pilot, "ctrl+p")
        assert screen_text(app)[0].startswith(f" {word} ")
        await press(pilot, "escape")
        await show(link, pilot, disarmed="")
        assert screen_text(app)[0].startswith(f" {word}   ARMED ")


async def test_real_money_is_told_without_colours_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = deck_on(trading("live"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.no_color
        screen = screen_text(app)
        assert screen[0].startswith(" !! LIVE !! ")
        assert screen[2].startswith("╔═ Watch ═")
        assert screen[-1].endswith("═╝")
        await press(pilot, "K")
        assert any("╔═ !! LIVE !! ═" in line for line in screen_text(app))


@pytest.mark.parametrize("size", SIZES)
async def test_a_line_tells_how_trading_fares(size: tuple[int, int]) -> None:
    async with flying(trading(), size=size) as (app, link, pilot):
        told = " ".join(screen_text(app)[-2].split())
        assert "● prices 2.3s account 1.2s reconciled 12s out 0 orders 3/50 unknown 0" in told
        await show(link, pilot, unknown=2, unknown_age_s=40.0, reconciled=False, alive=False, age_s=31.0, out=1)
        told = " ".join(screen_text(app)[-2].split())
        assert "UNKNOWN 2 ● prices 2.3s account 31s NOT RECONCILED out 1" in told


@pytest.mark.parametrize("size", SIZES)
async def test_orders_tell_how_they_stand_and_for_how_long(size: tuple[int, int]) -> None:
    async with flying(everything(), size=size) as (app, _, pilot):
        await press(pilot, "o")
        rows = app.deck.orders.rows
        assert [row.stage for row in rows[:2] if isinstance(row, p.OrderRow)] == ["UNKNOWN", "NEW"], "the loud one on top"
        assert [type(row) for row in rows[-2:]] == [p.ExternalRow, p.ExternalRow]
        lines = [" ".join(strip) for strip in ([cell for cell, _ in line] for line in app.deck.orders.lines(size[0] - 2, 20))]
        told = "\n".join(" ".join(line.split()) for line in lines)
        assert "44 BTC buy limit 0.02" in told
        for words in ("UNKNOWN 34s", "NEW 3m", "PARTIALLY_FILLED 61s", "CANCEL_SENT 2.4s", "SENT 0.1s", "emulated here"):
            assert words in told
        assert told.count("EXTERNAL") == 2
        first = app.deck.orders.lines(size[0] - 2, 20)[1]
        assert {style.removeprefix("row-focus ") for text, style in first if text.strip()} == {"live strong", "badge-live"}


GOLDEN = """\
├─ Orders 6 ─ Fills 14 ─ Signals 21 ─ Journal ─ Log ────────────────────┴──────────────────────────────┤
│      # coin  side type            amount        price     away stands            for terms           │
│     44 BTC   buy  limit             0.02   103,000.00   +0.43% UNKNOWN           34s                 │
│     42 BTC   buy  limit             0.05   104,100.00   +0.43% NEW                3m fast above slow │
│     43 ETH   sell stop               1.2    ≤2,490.00   +0.43% PARTIALLY_FILLED  61s                 │
│     45 SOL   buy  limit                3       150.00   +0.43% CANCEL_SENT      2.4s                 │
│     46 SOL   buy  limit                4       151.00   +0.43% SENT             0.1s dip             │
│     47 SOL   sell trail 1.5%           4      ≤140.00   +0.43% emulated here         dip             │
│     48 SOL   sell limit                4       170.00   +0.43% waits for entry       exit of #47 · … │
├──────────────────────────────────────────────────────────────────────────────────────────────────────┤
│ UNKNOWN 1  ● prices 2.3s  account 1.2s  reconciled 12s  out 2  orders 3/50  stream cuts 0            │
└─ b buy · s sell · A arm · K halt · ? help · q quit ──────────────────────────────────────────────────┘"""


async def test_the_orders_as_they_are_read() -> None:
    async with flying(everything(), size=(104, 40)) as (app, _, pilot):
        await press(pilot, "o")
        assert "\n".join(screen_text(app)[-12:]) == GOLDEN


async def test_orders_that_are_not_from_here_are_left_alone() -> None:
    async with flying(everything()) as (app, link, pilot):
        await press(pilot, "o", *["down"] * 8)
        assert isinstance(app.deck.orders.current, p.ExternalRow)
        await press(pilot, "c", "m")
        assert said(link) == []
        assert notes(app) == ["this order is not from here: it is left alone"] * 2
        await press(pilot, "C")
        assert "Cancel all 6 open orders" in "\n".join(screen_text(app)), "of those from here, but for the pending exit"
        await press(pilot, "escape", "up", "up", "c")
        assert said(link) == [p.CancelOrder(1, 48)]


async def test_the_journal_is_a_tab_with_the_newest_on_top() -> None:
    async with flying(trading(), size=(80, 24)) as (app, link, pilot):
        await press(pilot, "J")
        assert app.focused is app.deck.journal
        lines = screen_text(app)[-7:-3]
        assert lines[0].split() == ["│", "time", "order", "what", "words", "│"]
        assert "06-15 15:06:43" in lines[1]
        assert "reconciled: 2 orders, 1 trade, 2 balances" in lines[1]
        assert "#43" in lines[2]
        link.put(p.Events([], [], [], [p.JournalRow(7, link.world.journal[-1].time, "news", 42, "FILLED, 0.05 filled")]))
        await settle(pilot)
        assert "FILLED, 0.05 filled" in screen_text(app)[-6]
        await pilot.click("#tabs", offset=(4, 0))
        await settle(pilot)
        assert app.deck.tab == "orders"
        tabs = screen_text(app)[-8]
        await pilot.click("#tabs", offset=(tabs.index("Journal"), 0))
        await settle(pilot)
        assert app.focused is app.deck.journal


async def test_where_orders_are_simulated_none_of_it_is_offered() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "A", "K", "J", "ctrl+k")
        assert app.screen is app.deck
        assert said(link) == []
        assert notes(app) == [
            "orders are simulated here: there is nothing to arm",
            "orders are simulated here: C cancels them",
            "orders are simulated here: there is no journal of them",
            "orders are simulated here: C cancels them",
        ]
        assert "Journal" not in "\n".join(screen_text(app))
        assert "arm" not in screen_text(app)[-1]


# Trouble


def test_trouble_comes_in_the_order_of_danger() -> None:
    link = everything()
    world = link.world
    world.go_live(alive=False)
    world.halted, world.stopped = "SmaCross failed", "risk: a loss"
    frame = world.frame()
    words = ["UNKNOWN", "STALE", "STALE", "HALTED", "STOPPED", "DISARMED"]
    world.tell(alive=False)
    assert [its.word for its in troubles(world.frame(), None, "")] == words
    assert [its.word for its in troubles(world.frame(), None, "7s")] == ["UNKNOWN", "STALE", *words[1:]]
    assert [its.word for its in troubles(frame, HostGone("killed", ""), "")] == ["UNKNOWN", "ENGINE GONE"]
    assert all(its.remedy for its in troubles(world.frame(), None, "7s"))
    assert troubles(None, None, "") == []


@pytest.mark.parametrize(("size", "lines"), [((80, 24), 1), ((120, 40), 3), ((200, 60), 3)])
async def test_trouble_is_told_in_as_many_lines_as_there_is_room_for(size: tuple[int, int], lines: int) -> None:
    link = everything()
    link.world.halted, link.world.stopped = "SmaCross failed", "risk: a loss"
    async with flying(link, size=size) as (app, _, pilot):
        screen = screen_text(app)
        heads = [line.split("  ")[0].strip() for line in screen[1 : 1 + lines]]
        assert heads == (["UNKNOWN +3"] if lines == 1 else ["UNKNOWN", "HALTED", "STOPPED +1"])
        assert screen[1].endswith("o shows it · K halts")
        assert "Watch" in screen[1 + lines]
        link.world.halted = link.world.stopped = ""
        await show(link, pilot, unknown=0, disarmed="")
        assert "Watch" in screen_text(app)[1]


async def test_an_engine_that_comes_back_leaves_nothing_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    async with flying(everything()) as (app, link, pilot):
        await press(pilot, "tab", "J")
        link.put(HostLost("the engine has gone; its supervisor starts another"))
        await settle(pilot)
        screen = "\n".join(screen_text(app))
        assert "the engine has gone; its supervisor starts another" in screen
        assert screen.startswith(" TESTNET   GONE "), "whether it is armed is not known any more"
        assert "× gone, waits" in screen
        await press(pilot, "r")
        assert link.killed is False
        link.sent.clear()
        link.world.orders = link.world.orders[:1]
        link.world.tell(unknown=0, externals=[], disarmed="trading has not been armed")
        link.world.fills, link.world.signals = link.world.fills[-3:], link.world.signals[-2:]
        link.put(link.world.hello(), link.world.events())
        link.show(link.world.frame())
        await settle(pilot)
        deck = app.deck
        assert [row.n for row in deck.session.fills] == [13, 12, 11]
        assert [row.n for row in deck.session.signals] == [20, 19]
        assert [row.seq for row in deck.session.journal] == [6, 5, 4, 3, 2, 1]
        assert len(deck.session.log) == 5, "two lines and three rules"
        assert len(deck.orders.rows) == 1
        assert p.Watch("ETHUSDT", deck.chart.bars_wanted()) in link.sent, "the new engine is told what is looked at"
        shown = "\n".join(screen_text(app))
        assert "GONE" not in shown
        assert "gone" not in shown
        assert deck.session.coin == "ETHUSDT"


def test_what_is_told_twice_is_kept_once() -> None:
    world = trading().world
    session = Session()
    for first, last in ((0, 6), (4, 9), (4, 9), (9, 14)):
        session.hear(p.Events(world.fills[first:last], world.signals[first:last], [], []))
    assert [row.n for row in session.fills] == list(range(13, -1, -1))
    assert [row.n for row in session.signals] == list(range(13, -1, -1))


# Arming


@pytest.mark.parametrize("mouse", [False, True])
async def test_arming_asks_first_and_disarming_does_not(mouse: bool) -> None:
    async with flying(trading("testnet"), size=(80, 24)) as (app, link, pilot):
        if mouse:
            await pilot.click("#title", offset=(screen_text(app)[0].index("DISARMED"), 0))
            await settle(pilot)
        else:
            await press(pilot, "A")
        assert isinstance(app.screen, ArmScreen)
        shown = "\n".join(screen_text(app))
        for words in (
            "Binance testnet", "vmPUZE…", "BTCUSDT, ETHUSDT, SOLUSDT", "1,000 USDT at most", "open orders stay",
            "an order to buy is worth at most 500 USDT", "trading has not been armed",
        ):  # fmt: skip
            assert words in shown
        assert not app.screen.query(Input)
        await press(pilot, "escape")
        assert said(link) == []
        await press(pilot, "A", "enter")
        assert said(link) == [], "the button that is lit says no"
        await press(pilot, "A")
        if mouse:
            await pilot.click("#yes")
            await settle(pilot)
        else:
            await press(pilot, "y")
        assert said(link) == [p.Arm(1, "")]
        assert notes(app)[-1] == "armed: orders go out"
        assert screen_text(app)[0].startswith(" TESTNET   ARMED ")
        if mouse:
            await pilot.click("#title", offset=(screen_text(app)[0].index("ARMED"), 0))
            await settle(pilot)
        else:
            await press(pilot, "A")
        assert said(link)[1:] == [p.Disarm(2)]
        assert screen_text(app)[0].startswith(" TESTNET   DISARMED ")


@pytest.mark.parametrize("right", ["1000", "1,000", "1000.00", "1,000 USDT"])
async def test_real_money_is_armed_by_the_amount_typed(right: str) -> None:
    async with flying(trading("live"), size=(80, 24)) as (app, link, pilot):
        await press(pilot, "A")
        shown = "\n".join(screen_text(app))
        assert "REAL MONEY" in shown
        assert "restrict it to" in shown
        field = app.screen.query_one("#typed", Input)
        assert app.focused is field
        for wrong in ("", "100", "1000000", "yes", "1e3x", "NaN"):
            field.value = wrong
            await press(pilot, "enter")
            assert isinstance(app.screen, ArmScreen)
            assert "amount at risk: 1,000 USDT" in "\n".join(screen_text(app))
        await press(pilot, "y")
        assert isinstance(app.screen, ArmScreen)
        assert said(link) == []
        field.value = right
        await pilot.click("#yes")
        await settle(pilot)
        assert [(type(command), command.typed) for command in said(link) if isinstance(command, p.Arm)] == [
            (p.Arm, right.replace(",", "").removesuffix(" USDT"))
        ]
        assert screen_text(app)[0].startswith(" !! LIVE !!   ARMED ")


async def test_what_the_host_refuses_stays_disarmed() -> None:
    async with flying(trading("live")) as (app, link, pilot):
        assert link.world.info is not None
        link.world.info = msgspec.structs.replace(link.world.info, at_risk="77")
        link.put(link.world.hello())
        await settle(pilot)
        await press(pilot, "A", *"77", "enter")
        assert said(link) == [p.Arm(1, "77")]
        assert "still disarmed" in notes(app)[-1]
        assert "DISARMED" in screen_text(app)[0]


# The kill switch


@pytest.mark.parametrize("key", ["K", "ctrl+k"])
@pytest.mark.parametrize("before", [[], ["o"], ["J"], ["question_mark"], ["q"], ["A"], ["C"], ["F"]])
async def test_the_kill_switch_is_at_hand_whatever_is_on_the_screen(key: str, before: list[str]) -> None:
    async with flying(trading("demo"), size=(80, 24)) as (app, link, pilot):
        await press(pilot, *before, key)
        assert isinstance(app.screen, HaltScreen)
        await press(pilot, key, "enter")
        assert said(link) == [p.Halt(1, False)]
        assert notes(app)[-1] == "halted: 2 orders canceled"


@pytest.mark.parametrize("before", [["b"], ["D"], ["ctrl+p"], ["b", "tab", "tab"]])
async def test_the_kill_switch_goes_before_a_field_that_is_typed_in(before: list[str]) -> None:
    async with flying(trading()) as (app, link, pilot):
        await press(pilot, *before, "ctrl+k", "f")
        assert said(link) == [p.Halt(1, True)]
        assert app.screen is not app.deck, "what was being done stays"


async def test_a_capital_k_is_typed_where_one_types() -> None:
    async with flying(trading()) as (app, _, pilot):
        await press(pilot, "D")
        field = app.focused
        assert isinstance(field, Input)
        await press(pilot, "K")
        assert field.value.endswith("K")
        assert not isinstance(app.screen, HaltScreen)


@pytest.mark.parametrize(
    ("answer", "commands"),
    [
        ("h", [p.Halt(1, False)]),
        ("enter", [p.Halt(1, False)]),
        ("f", [p.Halt(1, True)]),
        ("escape", []),
        ("n", []),
        ("#halt", [p.Halt(1, False)]),
        ("#flatten", [p.Halt(1, True)]),
        ("#no", []),
    ],
)
async def test_the_kill_switch_has_two_ways_and_one_back(answer: str, commands: list[p.Command]) -> None:
    link = everything()
    link.world.halted = "SmaCross failed"
    async with flying(link, size=(80, 24)) as (app, _, pilot):
        await press(pilot, "K")
        shown = " ".join("\n".join(screen_text(app)).split())
        assert "every order from here is canceled" in shown
        assert "0.0939906 BTC" in shown
        if answer.startswith("#"):
            await pilot.click(answer)
            await settle(pilot)
        else:
            await press(pilot, answer)
        assert said(link) == commands
        assert app.screen is app.deck


async def test_the_kill_switch_without_an_engine_says_so() -> None:
    async with flying(trading()) as (app, link, pilot):
        link.die()
        await settle(pilot)
        await press(pilot, "K", "h")
        assert notes(app)[-1] == "there is no engine to ask: r restarts it"


async def test_the_kill_switch_over_an_error() -> None:
    async with flying(trading()) as (_, link, pilot):
        link.put(p.Failure("Exchange", "the exchange says no", "", False))
        await settle(pilot)
        await press(pilot, "K", "h")
        assert said(link) == [p.Halt(1, False)]


# The ways out


@pytest.mark.parametrize("quit", ["q", "ctrl+q", "ctrl+c"])
@pytest.mark.parametrize(("answer", "left"), [("l", True), ("e", False), ("#leave", True), ("#end", False)])
async def test_quitting_asks_whether_to_leave_or_to_end(quit: str, answer: str, left: bool) -> None:
    link = trading("rehearsal")
    app = deck_on(link)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, quit)
        assert isinstance(app.screen, LeaveScreen)
        await press(pilot, "enter")
        assert app.screen is app.deck, "the button that is lit stays"
        await press(pilot, quit)
        if answer.startswith("#"):
            await pilot.click(answer)
        else:
            await pilot.press(answer)
        for _ in range(100):
            if not app.is_running:
                break
            await asyncio.sleep(0.02)
    assert (link.left, link.closed) == (left, not left)
    assert app.return_code == 0


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("keep", ["trading goes on without a deck; open orders stay", "the engine ends; open orders stay"]),
        ("cancel", ["trading stops without a deck; what would buy is canceled, exits stay"]),
        ("flatten", ["every order is canceled, and what is held is sold"]),
    ],
)
async def test_quitting_tells_what_becomes_of_orders(policy: str, words: list[str]) -> None:
    link = trading("testnet", disarmed="")
    assert link.world.info is not None
    link.world.info = msgspec.structs.replace(link.world.info, on_ui_lost=policy)
    async with flying(link, size=(80, 24)) as (app, _, pilot):
        await press(pilot, "q")
        shown = " ".join(" ".join(line.strip("│║ ") for line in screen_text(app)).split())
        shown = shown.replace(" │ ", " ").replace(" ║ ", " ")
        assert f'on_ui_lost = "{policy}"' in shown
        assert "2 orders are open" in shown
        assert "`tickdeck attach`" in shown
        await press(pilot, "escape")
        body = app.deck
        assert app.screen is body
        text = LeaveScreen(link.world.info, link.world.frame()).body
        for word in words:
            assert word in text


def test_leaving_a_flight_that_is_disarmed_tells_what_becomes_of_it() -> None:
    link = trading("testnet", disarmed="by hand")
    world = link.world
    assert "Leave it flying: it stays disarmed; open orders stay." in LeaveScreen(world.info, world.frame()).body
    frame = msgspec.structs.replace(world.frame(), orders=[], positions=[])
    assert "so it ends by itself half a minute later" in LeaveScreen(world.info, frame).body
    told = [ON_LOST[policy].trading for policy in ("keep", "cancel", "flatten")]
    assert told == ["trading goes on", "trading stops", "trading stops"]


async def test_a_halted_strategy_is_not_armed() -> None:
    link = trading("testnet", disarmed="the strategy is halted")
    link.world.halted = "SmaCross failed"
    async with flying(link) as (app, _, pilot):
        assert "A arms" not in "\n".join(screen_text(app)[:6])
        await press(pilot, "A")
        assert app.screen is app.deck
        assert not [its for its in said(link) if isinstance(its, p.Arm)]
        assert "there is no going on with it" in notes(app)[-1]


async def test_an_engine_that_is_gone_is_quit_without_asking() -> None:
    link = trading()
    app = deck_on(link)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        link.die()
        await settle(pilot)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0
    assert not isinstance(app.screen_stack[-1] if app.screen_stack else None, LeaveScreen)


async def test_a_signal_leaves_at_once_and_the_flight_goes_on() -> None:
    link = trading("live")
    app = deck_on(link)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "A")
        app._leave_by_signal(signal.SIGHUP)
        for _ in range(100):
            if not app.is_running:
                break
            await asyncio.sleep(0.02)
    assert link.left
    assert not link.closed
    assert not link.killed
    assert app.return_code == 128 + signal.SIGHUP


async def test_what_is_left_by_force_flies_on() -> None:
    async with flying(trading()) as (app, link, _):
        app.drop_engine()
        assert not link.closed
        assert not link.killed


async def test_leaving_while_the_engine_starts_asks_too() -> None:
    link = FakeLink(trading().world, greet=False)
    app = DeckApp(lambda spec: link, HostSpec(config="mine", mode="testnet"), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, StartScreen)
        assert any(" TESTNET " in line for line in screen_text(app))
        await press(pilot, "q")
        assert isinstance(app.screen, LeaveScreen)
        assert "on_ui_lost" in "\n".join(screen_text(app))
        link.put(link.world.hello(), link.world.events())
        link.show(link.world.frame())
        await settle(pilot)
        await press(pilot, "escape")
        assert app.screen is app.deck


async def test_the_order_form_and_help_work_as_ever() -> None:
    async with flying(trading("live"), size=(80, 24)) as (app, link, pilot):
        await press(pilot, "b")
        assert isinstance(app.screen, OrderScreen)
        await press(pilot, *"0.001", "enter")
        assert said(link) == [p.PlaceOrder(1, "BTCUSDT", "buy", "market", "0.001")]
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpScreen)
