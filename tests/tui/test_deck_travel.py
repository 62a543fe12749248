"""Travelling in a replay's time by key and by mouse, on a made-up market that goes along."""

from __future__ import annotations

from typing import Any

import pytest
from fake_link import FakeLink, flying, screen_text, settle, trading
from fake_travel import TravelWorld
from textual.pilot import Pilot
from textual.widgets import Input

from engine.host import protocol as p
from tui.app import DeckApp
from tui.screens.ask import AskScreen
from tui.screens.branches import BranchesScreen, NameScreen, tree_of
from tui.screens.breakpoints import BreakpointScreen, BreakpointsScreen
from tui.screens.compare import CompareScreen
from tui.screens.conditions import UntilScreen
from tui.screens.jump import JumpScreen
from tui.screens.notes import NotesScreen
from tui.screens.params import ParamsScreen
from tui.screens.save import SaveScreen
from tui.screens.why import WhyScreen
from tui.widgets.timebar import course, place_of, step_at

ASIDE = p.Watch | p.Complete | p.AskWhy


def travelling(**given: Any) -> FakeLink:
    return FakeLink(TravelWorld(**given))


def world_of(link: FakeLink) -> TravelWorld:
    assert isinstance(link.world, TravelWorld)
    return link.world


def moves(link: FakeLink) -> list[p.Command]:
    return [command for command in link.sent if not isinstance(command, ASIDE)]


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


def shown(app: DeckApp) -> str:
    return "\n".join(screen_text(app))


def said(app: DeckApp) -> str:
    """Return what was told in toasts, as one line."""
    return " ".join(" ".join(note.message for note in app._notifications).split())


# back and to a place


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (["left"], p.StepBack(1)),
        (["comma"], p.StepBack(1)),
        (["shift+left"], p.StepBack(10)),
        (["ctrl+left"], p.StepBack(100)),
        (["2", "5", "left"], p.StepBack(25)),
        (["h"], p.StepBack(10)),
        (["home"], p.Seek(1, "0")),
        (["right_square_bracket"], p.RunUntil(1, "filled", "BTCUSDT")),
        (["left_square_bracket"], p.RunUntil(1, "filled", "BTCUSDT", back=True)),
        (["right_curly_bracket"], p.RunUntil(1, "signal", "BTCUSDT")),
        (["left_curly_bracket"], p.RunUntil(1, "signal", "BTCUSDT", back=True)),
        (["tab", "greater_than_sign"], p.RunUntil(1, "closed", "ETHUSDT")),
        (["less_than_sign"], p.RunUntil(1, "closed", "BTCUSDT", back=True)),
    ],
)
async def test_keys_that_move_in_time(keys: list[str], command: p.Command) -> None:
    async with flying(travelling()) as (_, link, pilot):
        await press(pilot, *keys)
        assert moves(link) == [command]


async def test_a_step_back_takes_fills_and_signals_with_it_and_tables_keep_their_row() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "f", "down", "down")
        row = app.deck.fills.current
        assert row is not None
        await press(pilot, *"40", "left")
        assert app.deck.session.frame is not None
        assert (app.deck.session.frame.step, app.deck.session.head) == (659, 699)
        assert [fill.n for fill in app.deck.session.fills] == list(range(12, -1, -1))
        assert app.deck.fills.current == row
        assert "40 behind" in shown(app)
        await press(pilot, "E")
        assert moves(link)[-1] == p.Seek(1, "699")
        assert app.deck.fills.current == row
        assert "behind" not in shown(app)


async def test_back_where_nothing_is_told_any_more_empties_the_tables() -> None:
    async with flying(travelling()) as (app, _, pilot):
        await press(pilot, "home")
        assert not app.deck.session.fills
        assert not app.deck.fills.rows
        assert not app.deck.signals.rows
        await press(pilot, "left")
        assert "this is the first step" in said(app)


async def test_the_jump_stays_open_until_it_is_a_place() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "slash")
        assert isinstance(app.screen, JumpScreen)
        assert "at step 699 of 0 to 3,999" in shown(app)
        await press(pilot, "enter")
        assert moves(link) == []
        await press(pilot, *"soon", "enter")
        assert isinstance(app.screen, JumpScreen)
        assert "'soon' is neither a step nor a time" in shown(app)
        assert "write 5000" in shown(app)
        await press(pilot, "ctrl+u", *"-100", "enter")
        assert not isinstance(app.screen, JumpScreen)
        assert link.world.done == 600
        await press(pilot, "colon", "escape")
        assert not isinstance(app.screen, JumpScreen)


# conditions


async def test_a_condition_completes_its_names_and_points_at_what_cannot_be_read() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "u")
        assert isinstance(app.screen, UntilScreen)
        await press(pilot, *"cl")
        await press(pilot, "tab")
        field = app.screen.query_one("#condition", Input)
        assert field.value == "close"
        await press(pilot, "tab")
        assert field.value == "closed"
        await press(pilot, "ctrl+u", *"fast and clos", "enter")
        assert isinstance(app.screen, UntilScreen)
        lines = screen_text(app)
        at = next(n for n, line in enumerate(lines) if "fast and clos" in line)
        assert lines[at + 1].index("^") == lines[at].index("clos")
        assert "did you mean 'close'?" in shown(app)
        await press(pilot, "ctrl+u", *"lost")
        await press(pilot, "enter")
        assert moves(link)[-1] == p.RunUntil(moves(link)[-1].id, "lost")  # type: ignore[union-attr]
        assert link.world.done == 840
        assert "stopped" in shown(app)
        assert "step 839: BTCUSDT: lost" in said(app)
        await press(pilot, "U")
        assert app.screen.query_one("#condition", Input).value == "lost"
        await press(pilot, "down", "right", "enter")
        assert moves(link)[-1] == p.RunUntil(moves(link)[-1].id, "lost", "BTCUSDT", back=True)  # type: ignore[union-attr]
        assert app.deck.session.stopped_at == {839, 699}


async def test_what_never_comes_true_is_told_in_the_form() -> None:
    async with flying(travelling(at=3990)) as (app, _, pilot):
        await press(pilot, "u", *"lost", "enter")
        assert "never from here to the end" in shown(app)
        assert isinstance(app.screen, UntilScreen)
        await press(pilot, "tab")
        assert app.screen.focused is not None
        assert app.screen.focused.id == "coin"


async def test_breakpoints_are_added_named_edited_turned_off_and_deleted() -> None:
    async with flying(travelling(), size=(160, 40)) as (app, link, pilot):
        world = world_of(link)
        await press(pilot, "B")
        assert isinstance(app.screen, BreakpointsScreen)
        assert "no breakpoints yet" in shown(app)
        await press(pilot, "a", *"clos", "enter")
        assert isinstance(app.screen, BreakpointScreen)
        assert "^" in shown(app)
        await press(pilot, "e", "down", "right", "down", *"my stop", "enter")
        assert world.breakpoints == [p.BreakpointRow("close", "my stop", "BTCUSDT")]
        assert isinstance(app.screen, BreakpointsScreen)
        assert "my stop" in shown(app)
        await press(pilot, "a", *"lost", "enter", "down", "space")
        assert [row.enabled for row in world.breakpoints] == [True, False]
        await press(pilot, "enter", "ctrl+u", *"filled", "enter")
        assert [row.text for row in world.breakpoints] == ["close", "filled"]
        await press(pilot, "escape")
        assert "◆ 1" in shown(app)
        await press(pilot, "B", "d", "d")
        assert world.breakpoints == []


# why


async def test_why_is_a_tab_that_follows_the_cursor_and_asks_once_a_step() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "y")
        assert app.deck.tab == "why"
        assert "step 699" in shown(app)
        assert "fast above slow" in shown(app)
        asked = [command for command in link.sent if isinstance(command, p.AskWhy)]
        assert len(asked) == 1
        link.show(link.world.frame())
        await settle(pilot)
        await press(pilot, "left")
        assert "step 698 " in shown(app)
        assert len([command for command in link.sent if isinstance(command, p.AskWhy)]) == 2
        link.world.playing = True
        link.world.step(5)
        link.show(link.world.frame())
        await settle(pilot)
        assert len([command for command in link.sent if isinstance(command, p.AskWhy)]) == 2
        await press(pilot, "y")
        assert app.deck.tab == "orders"


async def test_enter_on_a_fill_goes_to_its_step_and_tells_why_and_escape_comes_back() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "f", "down", "enter")
        assert link.world.done == 210 + 12 * 35 + 1
        assert app.deck.tab == "why"
        await press(pilot, "left", "escape")
        assert (link.world.done, app.deck.tab) == (700, "fills")


async def test_a_signal_and_an_order_lead_to_their_steps_too() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "g", "down", "enter")
        signal = app.deck.session.signals[0]
        assert link.world.done == signal.step + 1
        assert app.deck.session.coin == signal.coin
        await press(pilot, "escape", "o", "enter")
        assert link.world.done == 700 - 3
        await press(pilot, "escape")
        assert link.world.done == 700


async def test_a_click_on_a_row_pointed_at_and_on_a_mark_of_the_chart_tells_why() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "f")
        await pilot.click("#fills", offset=(5, 1))
        await settle(pilot)
        assert link.world.done == 666
        await press(pilot, "escape")
        plot = app.deck.chart._plot
        chart = app.deck.session.frame.chart if app.deck.session.frame else None
        assert chart is not None
        bar = chart.marks[-1][0]
        column = plot.left + plot.bars.index(bar)
        await pilot.click("#chart", offset=(column, 5))
        await settle(pilot)
        assert link.world.done == 666
        assert app.deck.tab == "why"


async def test_in_a_small_terminal_why_lies_over_the_deck_and_time_moves_under_it() -> None:
    async with flying(travelling(), size=(80, 24)) as (app, link, pilot):
        await press(pilot, "y")
        assert isinstance(app.screen, WhyScreen)
        assert "step 699" in shown(app)
        await press(pilot, "left", "left", "right")
        assert link.world.done == 699
        assert "step 698" in shown(app)
        await press(pilot, "down", "pagedown", "up", "pageup", "escape")
        assert not isinstance(app.screen, WhyScreen)
        await press(pilot, "f", "enter")
        assert isinstance(app.screen, WhyScreen)
        assert link.world.done == 666
        await press(pilot, "escape")
        assert link.world.done == 699


async def test_an_answer_that_is_none_is_told_in_the_why() -> None:
    async with flying(travelling()) as (app, link, pilot):
        world = world_of(link)
        world._why = lambda number: p.Reply(number, False, "the step\x1b[2J cannot be explained\nplay on")  # type: ignore[assignment]
        await press(pilot, "y")
        assert "cannot be explained" in shown(app)
        assert "\x1b" not in shown(app)


# what if


async def test_parameters_behind_the_head_say_that_they_branch_and_bad_ones_are_told() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "e")
        assert isinstance(app.screen, ParamsScreen)
        assert "branch" not in shown(app)
        await press(pilot, "enter")
        assert moves(link) == []
        assert "nothing is changed yet" in shown(app)
        await press(pilot, "escape", *"100", "left")
        await press(pilot, "e")
        assert "on a new branch: 100 steps ahead" in shown(app)
        assert "kept on main" in shown(app)
        await press(pilot, "ctrl+u", *"x", "enter")
        assert isinstance(app.screen, ParamsScreen)
        assert "'x' is not a value" in shown(app)
        await press(pilot, "ctrl+u", *"40", "enter")
        assert not isinstance(app.screen, ParamsScreen)
        assert moves(link)[-1] == p.SetParameters(moves(link)[-1].id, {"fast": "40"})  # type: ignore[union-attr]
        assert "fast=40" in screen_text(app)[0]
        assert "branch 1 ┬ 599" in shown(app)


async def test_an_order_by_hand_behind_the_head_says_that_it_branches() -> None:
    async with flying(travelling()) as (app, _, pilot):
        await press(pilot, "b", *"0.001")
        assert "ready; SmaCross may sell" in shown(app)
        await press(pilot, "escape")
        await press(pilot, "left")
        await press(pilot, "b", *"0.001")
        assert "ready, on a new branch: steps lie ahead; SmaCross" in shown(app)


async def test_a_reload_tells_what_changed_and_a_broken_file_its_line() -> None:
    async with flying(travelling()) as (app, link, pilot):
        world_of(link).broken = True
        await press(pilot, "R")
        assert "sma.py, line 41" in said(app)
        assert "the strategy of before flies on" in said(app)
        world_of(link).broken = False
        await press(pilot, "R", "l")
        assert "signals: 2 added, 1 removed" in shown(app)


async def test_branches_are_begun_renamed_switched_removed() -> None:
    async with flying(travelling()) as (app, link, pilot):
        world = world_of(link)
        await press(pilot, "T")
        assert isinstance(app.screen, BranchesScreen)
        await press(pilot, "c")
        assert "point at another branch" in said(app)
        await press(pilot, "n", *"dip", "enter")
        assert isinstance(app.screen, BranchesScreen)
        assert "└ dip" in shown(app)
        await press(pilot, "down", "r", "ctrl+u", *"main", "enter")
        assert isinstance(app.screen, NameScreen)
        assert "cannot name a branch" in shown(app)
        await press(pilot, "ctrl+u", *"deep", "enter", "d")
        assert "switch to another first" in said(app)
        await press(pilot, "up", "enter")
        assert (world.now.name, isinstance(app.screen, BranchesScreen)) == ("main", False)
        await press(pilot, "T", "down", "d", "escape")
        assert [its.name for its in world.futures] == ["main"]


async def compared(pilot: Pilot[int]) -> None:
    """Change a parameter behind the head, run on, and compare the branches."""
    for keys in (["3", "0", "0", "left"], ["e", "ctrl+u", "4", "0", "enter"], ["3", "0", "0", "right"], ["T"], ["c"]):
        await press(pilot, *keys)


async def test_two_branches_are_held_against_each_other_and_a_trip_is_gone_to() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await compared(pilot)
        assert isinstance(app.screen, CompareScreen)
        assert (app.screen.report.one, app.screen.report.other) == ("main", "branch 1")
        text = shown(app)
        assert "they part at step 439" in text
        assert "+1.8900" in text
        assert "only on" in text
        await press(pilot, "tab", "down", "tab", "enter")
        world = world_of(link)
        assert (world.now.name, world.done, app.deck.tab) == ("main", 491, "why")
        await press(pilot, "escape")
        assert (world.now.name, world.done) == ("branch 1", 700)


async def test_curves_differ_in_shape_where_there_is_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with flying(travelling(), size=(80, 24)) as (app, _, pilot):
        await compared(pilot)
        lines = screen_text(app)
        legend = next(line for line in lines if "main" in line and "⠤⠤⠤" in line)
        assert "⠄ ⠄" in legend
        picture = "\n".join(lines)
        assert "┊" in picture
        assert "statistic" in picture
        assert "profit" in picture


# notes and files


async def test_a_note_is_kept_marked_and_jumped_to() -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "a")
        assert isinstance(app.screen, NotesScreen)
        await press(pilot, *"news here", "enter")
        assert world_of(link).notes == {699: "news here"}
        assert "▼" not in shown(app).splitlines()[-2]  # the cursor covers it
        await press(pilot, *"300", "left")
        assert "▼" in shown(app).splitlines()[-2]
        await press(pilot, "a", "down", "enter")
        assert link.world.done == 700
        await press(pilot, "a", "down", "up", "down", "d", "escape")
        assert world_of(link).notes == {}


async def test_the_session_is_saved_and_its_file_is_in_the_title(tmp_path: Any) -> None:
    async with flying(travelling()) as (app, link, pilot):
        await press(pilot, "ctrl+s")
        assert isinstance(app.screen, SaveScreen)
        field = app.screen.query_one("#path", Input)
        assert field.value == "demo-smacross.toml"
        await press(pilot, "x")
        assert field.value == "x", "what is typed takes the place of what is there"
        field.value = ""
        await press(pilot, "enter")
        assert "name a file" in shown(app)
        field.value = "/nowhere/mine"
        await press(pilot, "enter")
        assert "there is no folder" in shown(app)
        (tmp_path / "mine.toml").write_text('recording = "demo"\n')
        field.value = str(tmp_path / "mine")
        await settle(pilot)
        assert "this is no session: none is saved over it" in shown(app)
        (tmp_path / "mine.toml").write_text("tickdeck_session = 1\n")
        field.value = str(tmp_path / "mine.toml")
        await settle(pilot)
        assert "enter writes over it" in shown(app)
        await press(pilot, "enter")
        assert world_of(link).path == str(tmp_path / "mine.toml")
        assert "mine.toml" in screen_text(app)[0]


async def test_what_was_left_is_offered_in_a_line_and_taken_up_by_a_key() -> None:
    link = travelling()
    world_of(link).unsaved = "3 inputs by hand, at step 812"
    async with flying(link) as (app, _, pilot):
        assert "LEFT" in screen_text(app)[1]
        assert "3 inputs by hand, at step 812" in screen_text(app)[1]
        await press(pilot, "escape")
        assert "LEFT" not in shown(app)
        await press(pilot, "L")
        assert app._spec.config == "/left.toml"


# the bar


async def test_the_bar_is_clicked_and_dragged_to_a_place() -> None:
    async with flying(travelling()) as (app, link, pilot):
        start, end = app.deck.transport._course
        assert end - start >= 12
        await pilot.mouse_down("#transport", offset=(start, 0))
        await settle(pilot)
        assert link.world.done < 200
        await pilot.hover("#transport", offset=(end - 1, 0))
        await settle(pilot)
        assert link.world.done > 3800
        await pilot.mouse_up("#transport", offset=(end - 1, 0))
        await pilot.hover("#transport", offset=(start + 3, 0))
        await settle(pilot)
        assert link.world.done > 3800


async def test_the_bar_tells_what_was_flown_ahead_and_what_is_marked() -> None:
    link = travelling()
    world = world_of(link)
    world.notes, world.inputs = {2000: "here"}, [3000]
    async with flying(link) as (app, _, pilot):
        await press(pilot, "slash", *"1000", "enter", *"500", "left")
        session = app.deck.session
        session.stops |= {("main", 3600), ("another", 3800)}
        assert session.hello is not None
        assert session.frame is not None
        pieces = course(session.hello, session.frame, session, 40)
        text = "".join(piece[0] for piece in pieces)
        assert text[4:11] == "━●═════"
        assert (text[20], text[30], text[36]) == ("▼", "•", "◆")
        assert step_at(20, 40, session) == 2000
        assert step_at(39, 40, session) == 3950
        assert place_of(4000, 4000, 40) == 39


def test_the_tree_of_branches() -> None:
    rows = [p.BranchRow(name, parent, 5, 9, 9) for name, parent in (("main", ""), ("a", "main"), ("b", "a"), ("c", "main"))]
    assert [leaf.tree + leaf.row.name for leaf in tree_of(rows, "b")] == ["main", "├ a", "│ └ b", "└ c"]
    assert [leaf.now for leaf in tree_of(rows, "b")] == [False, False, True, False]


# where there is no time travel


@pytest.mark.parametrize("key", ["left", "home", "slash", "u", "U", "B", "y", "e", "R", "a", "T", "ctrl+s", "less_than_sign"])
async def test_while_a_flight_is_live_the_keys_say_why_not_and_what_to_do(key: str) -> None:
    async with flying(trading()) as (app, link, pilot):
        await press(pilot, key)
        assert not isinstance(app.screen, AskScreen)
        assert "live prices cannot be gone back in: F flies this strategy" in said(app)
        assert moves(link) == []


async def test_a_replay_without_memory_says_so() -> None:
    async with flying() as (app, link, pilot):
        await press(pilot, "left")
        assert "memory_mb is 0" in said(app)
        assert moves(link) == []


async def test_text_from_the_host_is_cleaned_wherever_it_is_told() -> None:
    link = travelling()
    world = world_of(link)
    bad = "[red]\x1b]0;x\x07‮evil"
    world.futures.append(type(world.now)(bad, "main", 3, 3, 3, {}))
    world.breakpoints = [p.BreakpointRow("close", bad)]
    world.notes = {3: bad}
    async with flying(link) as (app, _, pilot):
        for key in ("B", "a", "T"):
            await press(pilot, key)
            text = shown(app)
            assert "[red]" in text
            assert "\x1b" not in text
            assert "‮" not in text
            await press(pilot, "escape")


def test_a_condition_has_no_more_than_the_language_reads() -> None:
    from engine.breakpoints.language import LONGEST as LANGUAGE
    from tui.widgets.condition import LONGEST

    assert LONGEST == LANGUAGE
