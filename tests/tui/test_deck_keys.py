"""Every key of the deck, and the mouse, on a made-up market."""

from __future__ import annotations

import pytest
from fake_link import FakeLink, flying, screen_text, settle
from fake_world import World
from textual.events import Key, MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot
from textual.widgets import Input, Label

from engine.host import protocol as p
from tui.actions import ACTIONS
from tui.app import DeckApp
from tui.mailbox import HostSpec
from tui.screens.change import ChangeScreen
from tui.screens.confirm import ConfirmScreen
from tui.screens.error import ErrorScreen
from tui.screens.help import HelpScreen
from tui.screens.order import OrderScreen
from tui.settings import Settings


def moves(link: FakeLink) -> list[p.Command]:
    """Return what the deck said, but for which coin it looks at."""
    return [command for command in link.sent if not isinstance(command, p.Watch)]


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


TIME_KEYS: list[tuple[list[str], list[p.Command]]] = [
    (["space"], [p.Play()]),
    (["space"], [p.Pause()]),
    (["right"], [p.Step(1)]),
    (["full_stop"], [p.Step(1)]),
    (["shift+right"], [p.Step(10)]),
    (["n"], [p.Step(10)]),
    (["ctrl+right"], [p.Step(100)]),
    (["N"], [p.Step(100)]),
    (["2", "5", "right"], [p.Step(25)]),
    (["3", "0", "n", "n"], [p.Step(30), p.Step(10)]),
    (["0", "right"], [p.Step(1)]),
    (["7", "escape", "right"], [p.Step(1)]),
    (["plus"], [p.SetSpeed(20)]),
    (["equals_sign"], [p.SetSpeed(50)]),
    (["minus", "underscore"], [p.SetSpeed(20), p.SetSpeed(10)]),
    (["end"], [p.RunToEnd()]),
]


async def test_keys_of_time() -> None:
    async with flying() as (_, link, pilot):
        for keys, commands in TIME_KEYS:
            link.sent.clear()
            await press(pilot, *keys)
            assert moves(link) == commands, keys


async def test_speed_goes_up_to_as_fast_as_it_goes_and_down_to_a_bar_a_second() -> None:
    async with flying() as (app, link, pilot):
        for _ in range(12):
            await press(pilot, "plus")
        assert moves(link)[-1] == p.SetSpeed(0)
        assert "max" in screen_text(app)[-2]
        for _ in range(14):
            await press(pilot, "minus")
        assert moves(link)[-1] == p.SetSpeed(1)


async def test_a_typed_number_is_shown_until_it_is_used() -> None:
    async with flying() as (app, _, pilot):
        await press(pilot, "4", "2")
        assert " ×42 " in screen_text(app)[-2]
        await press(pilot, "right")
        assert "×" not in screen_text(app)[-2]
        assert app.deck.session.frame is not None
        assert app.deck.session.frame.step == 741


async def test_at_the_end_time_stands_still() -> None:
    async with flying(FakeLink(World(at=4000))) as (app, link, pilot):
        await press(pilot, "space", "right", "n")
        assert moves(link) == []
        assert "end" in screen_text(app)[-2]


async def test_coins_are_chosen_by_keys() -> None:
    async with flying() as (app, link, pilot):
        for key, coin in (
            ("down", "ETHUSDT"), ("j", "SOLUSDT"), ("j", "SOLUSDT"), ("up", "ETHUSDT"), ("k", "BTCUSDT"), ("up", "BTCUSDT"),
            ("tab", "ETHUSDT"), ("shift+tab", "BTCUSDT"), ("shift+tab", "SOLUSDT"), ("tab", "BTCUSDT"),
        ):  # fmt: skip
            await press(pilot, key)
            assert app.deck.session.coin == coin, key
            assert link.world.coin == coin
            assert any(f" {coin} 1m " in line for line in screen_text(app)[:3])


async def test_enter_on_a_row_shows_its_coin() -> None:
    async with flying() as (app, _, pilot):
        await press(pilot, "o", "down", "enter")
        assert app.deck.session.coin == "ETHUSDT"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_keys_of_panels(size: tuple[int, int]) -> None:
    async with flying(size=size) as (app, _, pilot):
        for key, panel in zip("ofgvplw", ("orders", "fills", "signals", "features", "positions", "log", "watch"), strict=True):
            await press(pilot, key)
            assert panel in app.deck.board.plan.regions
            assert app.focused is not None
            assert app.focused.id == panel
        await press(pilot, "f", "down", "down", "up", "pagedown", "pageup")
        assert app.focused is app.deck.fills
        await press(pilot, "escape")
        assert app.focused is app.deck.watchlist


async def test_an_order_is_bought_by_hand() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "b")
        assert isinstance(app.screen, OrderScreen)
        await press(pilot, *"0.001")
        assert any("ready; SmaCross may sell what is bought" in line for line in screen_text(app))
        await press(pilot, "enter")
        assert moves(link) == [p.PlaceOrder(1, "BTCUSDT", "buy", "market", "0.001")]
        assert not isinstance(app.screen, OrderScreen)
        assert [note.message for note in app._notifications] == ["order #44: buy 0.001 BTCUSDT works from the next bar"]
        assert len(app.deck.orders.rows) == 3


async def test_a_limit_order_is_sold_by_hand() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "s", "up", "l")
        price = app.screen.query_one("#price", Input)
        assert price.value == "107423.11"
        await press(pilot, "down", *"0.01", "tab")
        price.value = "108000.5"
        await press(pilot, "enter")
        assert moves(link) == [p.PlaceOrder(1, "BTCUSDT", "sell", "limit", "0.01", "108000.5")]


async def test_keys_that_come_in_one_go_end_up_in_their_fields() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "b", "shift+tab")
        for key in ("right", "tab", *"9", "ctrl+u", *"0.01", "tab", *"84000", "enter"):
            app.post_message(Key({".": "full_stop"}.get(key, key), key if len(key) == 1 else None))
        while isinstance(app.screen, OrderScreen):
            await pilot.pause(0.01)
        await settle(pilot)
        assert moves(link) == [p.PlaceOrder(1, "BTCUSDT", "buy", "limit", "0.01", "84000")]


async def test_a_stop_of_another_coin() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "s", "up", "s", "up", "up", "right")
        screen = app.screen
        assert isinstance(screen, OrderScreen)
        assert (screen.ticket.coin, screen.ticket.kind) == ("ETHUSDT", "stop")
        screen.query_one("#amount", Input).value = "1.5"
        screen.query_one("#stop", Input).value = "2000"
        await press(pilot, "enter")
        assert moves(link) == [p.PlaceOrder(1, "ETHUSDT", "sell", "stop", "1.5", None, "2000")]


def fields(app: DeckApp) -> list[str]:
    """Return the labels of the fields in sight."""
    return [str(label.content) for label in app.screen.query(Label) if label.display]


ALWAYS = ["coin", "side", "type", "amount"]
EXITS = ["stop loss", "or trailing", "take profit"]


async def test_the_form_shows_what_applies_and_all_of_it() -> None:
    async with flying(size=(80, 24)) as (app, _, pilot):
        await press(pilot, "b", "up")
        for key, shown in (
            ("l", ["price", "in force", *EXITS]),
            ("m", ["price", *EXITS]),
            ("m", EXITS),
            ("s", ["trigger", *EXITS]),
            ("s", ["trigger", "price", "in force", *EXITS]),
            ("t", ["trigger", *EXITS]),
            ("t", ["trigger", "price", "in force", *EXITS]),
            ("t", ["trail", *EXITS]),
            ("o", ["trigger", "trail", "then limit", "price"]),
        ):
            await press(pilot, key)
            assert fields(app) == ALWAYS + shown, key
            assert any("enter places" in line for line in screen_text(app)), "all of it fits"
        await press(pilot, "up", "s", "down", "t", "t", "t", "t")
        assert fields(app) == [*ALWAYS, "trigger"]


async def fill_in(pilot: Pilot[int], **typed: str) -> None:
    """Type into the form's fields at one go, and place the order."""
    for name, text in typed.items():
        pilot.app.screen.query_one(f"#{name}", Input).value = text
    await press(pilot, "enter")


async def test_orders_of_every_sort_are_placed_by_hand() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "b", "up", "l", "down", "tab", "tab", "i")
        await fill_in(pilot, amount="0.001", price="100000", stop_loss="95000", take_profit="120000.5")
        entry = p.PlaceOrder(1, "BTCUSDT", "buy", "limit", "0.001", "100000", None, None, "IOC", "95000", "120000.5", None)
        assert moves(link) == [entry]
        for n, typed in enumerate(("1.5%", "150"), 2):
            await press(pilot, "s", "up", "t", "t", "t")
            app.screen.query_one("#trail", Input).value = typed
            await settle(pilot)
            assert any("trailing by 1.5%" in line for line in screen_text(app))
            await fill_in(pilot, amount="0.01")
            assert moves(link)[-1] == p.PlaceOrder(n, "BTCUSDT", "sell", "stop", "0.01", trail_bps=150)
        await press(pilot, "s", "up", "o")
        await fill_in(pilot, amount="0.01")
        assert app.focused is app.screen.query_one("#stop"), "what is missing gets the keys"
        await fill_in(pilot, stop="100000", then="99900", price="120000")
        assert moves(link)[-1] == p.PlaceOco(4, "BTCUSDT", "sell", "0.01", "120000", "100000", "99900")


async def test_the_mouse_fills_the_form() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "s")
        for word in ("stop-limit", "SOLUSDT"):
            lines = screen_text(app)
            y = next(n for n, line in enumerate(lines) if f" {word} " in line and "│" in line and n > 5)
            x = lines[y].index(f" {word} ") + 2
            await pilot.click(offset=(x, y))
            await settle(pilot)
        screen = app.screen
        assert isinstance(screen, OrderScreen)
        assert (screen.ticket.kind, screen.ticket.coin, screen.ticket.price) == ("stop-limit", "SOLUSDT", "161.91")
        await pilot.click("#amount")
        await press(pilot, "2")
        assert screen.ticket.amount == "2"
        assert moves(link) == []


async def test_an_open_order_is_changed_by_hand() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "o", "m")
        assert isinstance(app.screen, ChangeScreen)
        text = "\n".join(screen_text(app))
        assert "#42 buy 0.05 BTCUSDT limit" in text
        assert fields(app) == ["order", "amount", "price"]
        await press(pilot, "enter")
        assert isinstance(app.screen, ChangeScreen), "nothing is changed yet"
        await press(pilot, "ctrl+u", *"0.04")
        assert any("amends #42, which keeps its place" in line for line in screen_text(app))
        await press(pilot, "tab", "ctrl+u", *"104200")
        assert any("replaces #42 by a new order" in line for line in screen_text(app))
        await press(pilot, "enter", "m", "ctrl+u", *"0.03", "enter")
        assert moves(link) == [p.ReplaceOrder(1, 42, "0.04", "104200"), p.AmendOrder(2, 42, "0.03")]


async def test_what_cannot_be_changed_says_why() -> None:
    async with flying() as (app, link, pilot):
        link.world.orders.clear()
        link.world.bracket()
        link.show(link.world.frame())
        await settle(pilot)
        await press(pilot, "o")
        for row, told in ((2, "it waits for its entry"), (5, "it is one of a pair")):
            app.deck.orders.point(row)
            await press(pilot, "m")
            assert [note.message.partition(": ")[2] for note in app._notifications] == [f"{told}; c cancels it"]
            app.clear_notifications()
        app.deck.orders.point(4)
        await press(pilot, "m")
        assert fields(app) == ["order", "amount"], "what trails can only be reduced"
        link.world.orders.clear()
        link.show(link.world.frame())
        await settle(pilot)
        await press(pilot, "ctrl+u", "1", "enter")
        assert any("order #48 is no longer open" in line for line in screen_text(app))
        assert moves(link) == []


async def test_a_stop_is_unmistakable() -> None:
    async with flying() as (app, link, pilot):
        link.world.stopped, link.world.stopped_today = "risk: USDT 9,400.00 is 6.00 % below its day's start", True
        link.show(link.world.frame())
        await settle(pilot)
        assert screen_text(app)[0].startswith(" REPLAY   STOPPED TODAY ")
        assert screen_text(app)[1].startswith(f" STOPPED TODAY  {link.world.stopped}")
        assert screen_text(app)[1].rstrip().endswith("until 00:00 UTC")
        link.world.stopped_today = False
        link.show(link.world.frame())
        await settle(pilot)
        assert screen_text(app)[1].startswith(f" STOPPED  {link.world.stopped}")
        link.world.halted = "SmaCross failed"
        link.show(link.world.frame())
        await settle(pilot)
        assert screen_text(app)[1].startswith(" HALTED "), "what stands still cannot buy either"
        assert " STOPPED " in screen_text(app)[0]


async def test_the_rules_of_fills_are_in_the_log() -> None:
    async with flying() as (app, _, pilot):
        await press(pilot, "l")
        assert any("rule    10 bps" in line for line in screen_text(app))


async def test_a_wrong_order_is_not_sent() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "b", *"1e5", "enter")
        assert isinstance(app.screen, OrderScreen)
        assert any("the amount is no plain number" in line for line in screen_text(app))
        await press(pilot, "escape")
        assert not isinstance(app.screen, OrderScreen)
        assert moves(link) == []


async def test_an_order_is_canceled_by_hand() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "o", "down", "c")
        assert moves(link) == [p.CancelOrder(1, 43)]
        assert [row.id for row in app.deck.orders.rows] == [42]


async def test_an_order_that_goes_takes_its_cursor_along() -> None:
    async with flying() as (_, link, pilot):
        await press(pilot, "o")
        link.world.orders = link.world.orders[1:]
        link.show(link.world.frame())
        await settle(pilot)
        await press(pilot, "c")
        assert moves(link) == [], "what was pointed at has gone; another must not be canceled in its place"
        await press(pilot, "down", "c")
        assert moves(link) == [p.CancelOrder(1, 43)]
        await press(pilot, "c")
        assert len(moves(link)) == 1, "there is none left"


async def test_orders_above_do_not_move_the_cursor() -> None:
    async with flying() as (_, link, pilot):
        await press(pilot, "o", "down")
        link.world.orders.reverse()
        link.show(link.world.frame())
        await settle(pilot)
        await press(pilot, "c")
        assert moves(link) == [p.CancelOrder(1, 43)]


async def test_cancel_all_asks_first() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "C")
        assert isinstance(app.screen, ConfirmScreen)
        await press(pilot, "enter")
        assert moves(link) == [], "no is what enter says"
        await press(pilot, "C", "escape", "C", "n")
        assert moves(link) == []
        await press(pilot, "C", "y")
        assert moves(link) == [p.CancelAll(1)]
        await press(pilot, "C")
        assert not isinstance(app.screen, ConfirmScreen)


async def test_help_lists_every_key() -> None:
    async with flying(size=(120, 110), keys={"buy": "ctrl+b"}) as (app, _, pilot):
        await press(pilot, "question_mark")
        assert isinstance(app.screen, HelpScreen)
        shown = "\n".join(screen_text(app))
        for action in ACTIONS:
            assert action.title in shown
            assert action.about in shown
        assert "ctrl+b" in shown
        await press(pilot, "down", "up", "escape")
        assert not isinstance(app.screen, HelpScreen)


async def test_keys_can_be_moved() -> None:
    async with flying(keys={"step": "f5", "buy": "ctrl+b"}) as (app, link, pilot):
        await press(pilot, "right", "full_stop", "f5")
        assert moves(link) == [p.Step(1)]
        await press(pilot, "b")
        assert not isinstance(app.screen, OrderScreen)
        await press(pilot, "ctrl+b")
        assert isinstance(app.screen, OrderScreen)


@pytest.mark.parametrize(("typed", "commands"), [("step 10", [p.Step(10)]), ("run end", [p.RunToEnd()])])
async def test_the_palette_finds_actions(typed: str, commands: list[p.Command]) -> None:
    async with flying() as (_, link, pilot):
        await press(pilot, "ctrl+p", *(key if key != " " else "space" for key in typed))
        await pilot.pause(0.3)
        await press(pilot, "enter")
        await pilot.pause(0.1)
        assert moves(link) == commands


async def test_the_palette_finds_coins() -> None:
    async with flying() as (app, _, pilot):
        await press(pilot, "ctrl+p", *"chartsol")
        await pilot.pause(0.3)
        await press(pilot, "enter")
        await pilot.pause(0.1)
        assert app.deck.session.coin == "SOLUSDT"


async def test_themes_go_round() -> None:
    async with flying() as (app, _, pilot):
        seen = [app.theme]
        for _ in range(4):
            await press(pilot, "t")
            seen.append(app.theme)
        assert seen == ["deck-dark", "deck-light", "deck-dark-blue-orange", "deck-light-blue-orange", "deck-dark"]


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quitting_ends_the_engine(key: str) -> None:
    async with flying() as (app, link, pilot):
        await pilot.press(key)
        await pilot.pause(0.1)
    assert app.return_code == 0
    assert link.closed


async def test_the_mouse_points_and_presses() -> None:
    async with flying() as (app, link, pilot):
        await pilot.click("#watch", offset=(3, 1))
        await settle(pilot)
        assert app.deck.session.coin == "ETHUSDT"
        tabs = screen_text(app)[app.deck.tabs.region.y]
        await pilot.click("#tabs", offset=(tabs.index("Fills") - 1, 0))
        await settle(pilot)
        assert app.deck.tab == "fills"
        assert app.focused is app.deck.fills
        bar = screen_text(app)[app.deck.transport.region.y]
        for word in ("paused", "›1", "»10", "+  ━"):
            await pilot.click("#transport", offset=(bar.index(word) - 1, 0))
            await settle(pilot)
        assert moves(link) == [p.Play(), p.Step(1), p.Step(10), p.SetSpeed(20)]


async def test_the_wheel_scrolls_and_the_mouse_tells_a_bar() -> None:
    async with flying() as (app, _, pilot):
        await press(pilot, "f")
        newest = screen_text(app)[app.deck.fills.region.y + 1]
        await pilot._post_mouse_events([MouseScrollDown], "#fills", offset=(5, 2))
        await settle(pilot)
        assert screen_text(app)[app.deck.fills.region.y + 1] != newest
        await pilot._post_mouse_events([MouseScrollUp], "#fills", offset=(5, 2))
        await settle(pilot)
        assert screen_text(app)[app.deck.fills.region.y + 1] == newest
        await pilot.hover("#chart", offset=(40, 5))
        await settle(pilot)
        assert "06-14 16:" in screen_text(app)[app.deck.chart.region.y]


async def test_a_restart_begins_where_the_engine_was_last_seen() -> None:
    links = [FakeLink(), FakeLink(World(at=710))]
    specs: list[HostSpec] = []

    def connect(spec: HostSpec) -> FakeLink:
        specs.append(spec)
        return links[len(specs) - 1]

    app = DeckApp(connect, HostSpec(recording="demo", at="700"), Settings())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "n", "r")
        assert len(specs) == 1, "what runs is not started again"
        links[0].die()
        await settle(pilot)
        assert "ENGINE GONE  the engine was ended by SIGKILL: MemoryError" in screen_text(app)[1]
        await press(pilot, "space", "b", "escape")
        assert "ENGINE GONE" in screen_text(app)[1]
        await press(pilot, "r")
        await settle(pilot)
        assert specs[1] == HostSpec(recording="demo", at="709")
        assert "ENGINE GONE" not in "".join(screen_text(app))
        await press(pilot, "right")
        assert moves(links[1]) == [p.Step(1)]


async def test_what_stops_a_strategy_is_told_and_the_deck_stays() -> None:
    async with flying() as (app, link, pilot):
        link.world.halted = "SmaCross failed: line 41"
        link.put(p.Failure("Strategy", "sma.py, line 41: ZeroDivisionError", "mend it", False))
        link.show(link.world.frame())
        await settle(pilot)
        shown = "\n".join(screen_text(app))
        assert "sma.py, line 41: ZeroDivisionError" in shown
        assert "mend it" in shown
        await press(pilot, "r", "escape", "right")
        assert moves(link) == [p.Step(1)]
        assert "HALTED  SmaCross failed: line 41" in screen_text(app)[1]
        link.world.halted = ""
        link.show(link.world.frame())
        await settle(pilot)
        assert "HALTED" not in "\n".join(screen_text(app))


async def test_an_engine_that_cannot_start_says_so_and_can_be_tried_again() -> None:
    link = FakeLink(greet=False)
    async with flying(link) as (app, _, pilot):
        assert any("starting the engine" in line for line in screen_text(app))
        link.put(p.Progress("opening demo"), p.Failure("Config", "demo.toml, line 3: no such key", "did you mean coins?", True))
        link.die("the engine ended with exit code 2", "")
        await settle(pilot)
        shown = "\n".join(screen_text(app))
        assert "demo.toml, line 3: no such key" in shown
        assert "r tries again" in shown
        await press(pilot, "escape")
        assert isinstance(app.screen, ErrorScreen)
        await press(pilot, "q")
    assert app.return_code == 0


async def test_silence_is_marked_as_stale_where_an_answer_is_owed() -> None:
    async with flying() as (app, link, pilot):

        async def title_after_silence() -> str:
            app._heard -= 7
            app._every_second()
            await settle(pilot)
            return screen_text(app)[0]

        app._asked = 0.0
        assert "STALE" not in await title_after_silence(), "nobody asked and time stands still"
        app._heard += 7
        app._asked = app._heard
        assert "STALE 7s" in await title_after_silence()
        link.world.playing = True
        link.show(link.world.frame())
        await settle(pilot)
        app._every_second()
        await settle(pilot)
        assert "STALE" not in screen_text(app)[0]
        assert "lag   3 ms" in screen_text(app)[-2]
        assert "STALE 7s" in await title_after_silence()


async def test_the_newest_frame_is_the_one_shown() -> None:
    async with flying() as (app, link, pilot):
        shown: list[int] = []
        apply = app.deck.apply

        def count(frame: p.Frame) -> None:
            shown.append(frame.step)
            apply(frame)

        app.deck.apply = count  # type: ignore[method-assign]
        for _ in range(50):
            link.world.step()
            link.show(link.world.frame())
        await settle(pilot)
        assert shown == [749]


async def test_any_size_is_drawn() -> None:
    async with flying() as (app, link, pilot):
        for width, height in (
            (1, 1),
            (7, 2),
            (20, 5),
            (40, 10),
            (63, 17),
            (80, 24),
            (103, 18),
            (104, 30),
            (300, 100),
            (120, 40),
        ):
            await pilot.resize_terminal(width, height)
            await settle(pilot)
            link.world.step()
            link.show(link.world.frame())
            await settle(pilot)
            assert len(screen_text(app)) == height
            await press(pilot, "f", "g", "o", "w")
        wanted = [command.bars for command in link.sent if isinstance(command, p.Watch)]
        assert max(wanted) > 100
