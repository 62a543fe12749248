"""A replay's time on the deck's command: back and to conditions, other futures, why, notes, and a session taken up again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.config import SessionConfig
from engine.host import protocol as p
from engine.host.player import Player
from engine.host.spec import Spec, prepare_player, resumed_player
from engine.session import prepare
from engine.statehash import state_hash
from tests.worlds import market, walk

STRATEGY = """
from engine import Signal, Strategy


class Turns(Strategy):
    size: float = 0.5

    def gen_signal(self):
        signals = {}
        for coin, now in self.bars():
            if now.close > now.open and not now.position:
                signals[coin] = Signal.buy(value=self.size * self.equity, reason="up")
            elif now.close < now.open and now.position:
                signals[coin] = Signal.close(reason="down")
        return signals
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from engine.recordings.store import write_recording

    write_recording(tmp_path / "rec", market({"AAAUSDT": walk(400, 1), "BBBUSDT": walk(400, 2, price=20)}))
    (tmp_path / "turns.py").write_text(STRATEGY)
    return tmp_path


def settings(folder: Path) -> SessionConfig:
    tables = {"recording": str(folder / "rec"), "strategy": {"use": f"{folder / 'turns.py'}:Turns"}}
    return SessionConfig.from_dict(tables, source="turns.toml", beside=folder)


@pytest.fixture
def player(folder: Path) -> Player:
    made = Player(prepare(settings(folder)), clock=lambda: 0.0)
    made.act(p.Step(200))
    made.events()
    return made


def hashed(player: Player) -> str:
    return state_hash(player.session.trade, player.engine.strategy)


def one(answers: list[Any], kind: type) -> Any:
    return next(its for its in answers if isinstance(its, kind))


def state(player: Player) -> p.Travels:
    player.act(p.Pause())
    return player.travel.state()


def run_until(player: Player, command: p.RunUntil) -> str:
    """Run to a condition, in slices as the host does; return what is answered in the end."""
    assert not [its for its in player.act(command) if isinstance(its, p.Reply)]
    while player.playing:
        player.advance()
    text: str = one(player.news(), p.Reply).text
    return text


def test_stepping_back_and_forth_is_where_it_was(player: Player) -> None:
    before, fills = hashed(player), player.session.trade.exchange.n_fills
    assert fills > 20
    answers = player.act(p.StepBack(150))
    assert isinstance(answers[0], p.Rewound)
    frame: Any = player.frame()
    assert (frame.step, frame.head, frame.playing) == (49, 199, False)
    told = player.events()
    assert told is not None
    assert len(told.fills) == frame.n_fills < fills
    player.act(p.Step(150))
    assert hashed(player) == before
    again = player.events()
    assert again is not None
    assert again.fills[-1].n == fills - 1
    player.act(p.StepBack(10_000))
    assert player.frame().step == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("to", "step"),
    [("5", 5), ("1,00", 100), ("+7", 206), ("-7", 192), ("-1h", 139), ("2025-01-01T01:00", 59), ("2025-01-01 01:00", 59)],
)
def test_a_place_in_time_can_be_told_in_many_ways(to: str, step: int, player: Player) -> None:
    player.act(p.Seek(1, to))
    assert player.done - 1 == step


def test_where_there_is_no_such_time_nothing_moves_and_the_remedy_is_told(player: Player) -> None:
    (reply,) = player.act(p.Seek(3, "soon"))
    assert isinstance(reply, p.Reply)
    assert (reply.id, reply.ok, player.done) == (3, False, 200)
    assert "2025-06-14T12:31" in reply.text


def test_time_stops_at_breakpoints_and_goes_back_to_conditions(player: Player) -> None:
    assert one(player.act(p.SetBreakpoints(1, [p.BreakpointRow("filled", coin="BBBUSDT")])), p.Reply).ok
    player.act(p.Step(100))
    newest = player.session.trade.account.fills[-3:]
    assert [its.coin for its in newest if its.step == player.done - 1].count("BBBUSDT") == 1
    assert state(player).stopped_by == "BBBUSDT: filled"
    assert player.frame().head == player.done - 1  # type: ignore[attr-defined]
    here = player.done
    assert one(player.act(p.RunUntil(2, "filled", "AAAUSDT", back=True)), p.Reply).ok
    last = max(its.step for its in player.session.trade.account.fills if its.coin == "AAAUSDT")
    assert player.done - 1 == last < here
    (reply,) = [its for its in player.act(p.SetBreakpoints(3, [p.BreakpointRow("clos > 3")])) if isinstance(its, p.Reply)]
    assert not reply.ok
    assert "close" in reply.text
    assert [row.text for row in state(player).breakpoints] == ["filled"]
    assert run_until(player, p.RunUntil(4, "close > 1000000")) == "never from here to the end"
    player.act(p.Seek(6, "10"))
    assert run_until(player, p.RunUntil(7, "filled", "BBBUSDT")) == f"step {player.done - 1}: BBBUSDT: filled"
    assert (
        min(its.step for its in player.session.trade.account.fills if its.coin == "BBBUSDT" and its.step > 9) == player.done - 1
    )
    player.act(p.RunUntil(8, "close > 1000000"))
    player.act(p.Pause())
    assert one(player.news(), p.Reply).text == "stopped before it came true"
    words = one(player.act(p.Complete(5, "eq", 2)), p.Completions)
    assert "equity" in words.words


def test_what_is_done_on_the_way_to_a_condition_leaves_it_the_one_that_is_run_to(player: Player) -> None:
    player.act(p.Seek(1, "10"))
    player.act(p.RunUntil(2, "every(150)"))
    assert not one(player.act(p.PlaceOrder(3, "AAAUSDT", "buy", "limit", "0.001", "1")), p.Reply).ok
    assert one(player.act(p.AskWhy(4, 5)), p.WhyReport).step == 5
    assert one(player.act(p.SetBreakpoints(5, [p.BreakpointRow("close > 1000000")])), p.Reply).ok
    while player.playing:
        player.advance()
    assert one(player.news(), p.Reply).text == f"step {player.done - 1}: every(150)"
    assert player.done < 200


def test_a_play_is_ended_by_a_breakpoint(player: Player) -> None:
    player.act(p.SetBreakpoints(1, [p.BreakpointRow("every(37)")]))
    player.act(p.RunToEnd())
    player.advance()
    assert not player.playing
    assert player.frame().step < 400  # type: ignore[attr-defined]
    assert state(player).stopped_by == "every(37)"


def test_other_inputs_are_another_branch_that_can_be_compared(player: Player) -> None:
    player.act(p.StepBack(100))
    assert one(player.act(p.SetParameters(1, {"size": "0.1"})), p.Reply).text == (
        "size = 0.1 from the next step on, on branch 1"
    )
    player.act(p.Step(100))
    now = state(player)
    assert (now.branch, [row.name for row in now.branches]) == ("branch 1", ["main", "branch 1"])
    assert now.params[0].value == "0.1"
    here = hashed(player)
    report = one(player.act(p.CompareBranches(2, "main", "branch 1")), p.BranchReport)
    assert (report.until, hashed(player)) == (199, here)
    assert 100 <= report.parts < 150
    assert report.equity_one[:100] == report.equity_other[:100]
    assert report.only_one
    assert {name for name, _, _ in report.stats} >= {"return_pct", "sharpe"}
    player.act(p.SwitchBranch(3, "main"))
    assert (state(player).branch, player.done) == ("main", 200)
    assert one(player.act(p.RemoveBranch(4, "branch 1")), p.Reply).ok
    assert not one(player.act(p.SetParameters(5, {"sise": "1"})), p.Reply).ok


def test_an_edited_strategy_is_flown_from_the_start_and_a_broken_one_not_at_all(folder: Path, player: Player) -> None:
    before, fills = hashed(player), player.session.trade.exchange.n_fills
    (folder / "turns.py").write_text(STRATEGY.replace("now.close > now.open", "now.close > now.open > 0 >"))
    (folder / "turns.py").write_text(STRATEGY.replace("gen_signal(self)", "gen_signal(self"))
    broken = one(player.act(p.Reload(1)), p.Reply)
    assert not broken.ok
    assert "turns.py" in broken.text
    assert hashed(player) == before
    (folder / "turns.py").write_text(STRATEGY.replace("now.close > now.open and", "now.close > now.open * 9 and"))
    told = one(player.act(p.Reload(2)), p.Reply)
    assert told.ok
    assert told.text.endswith(f"fills: 0 added, {fills} removed")
    assert (player.done, player.session.trade.exchange.n_fills) == (200, 0)
    player.act(p.SwitchBranch(3, "main"))
    assert (player.session.trade.exchange.n_fills, hashed(player)) == (fills, before)


def test_why_is_answered_in_lines(player: Player) -> None:
    step = player.session.trade.signals[-1].step
    report = one(player.act(p.AskWhy(7, step)), p.WhyReport)
    assert (report.id, report.step, player.done) == (7, step, 200)
    assert report.lines[0].startswith(f"step {step:,}")
    assert "signals" in report.lines
    assert any("close" in line for line in report.lines)


def test_a_session_is_saved_taken_up_again_and_offered_where_it_was_left(folder: Path) -> None:
    def tell(text: str) -> None:
        """Say nothing."""

    def opened(make: Callable[..., Player], *given: Any) -> Player:
        return make(*given, tell)

    spec = Spec(socket="", at="99")
    player = opened(prepare_player, settings(folder), spec)
    player.act(p.PlaceOrder(1, "AAAUSDT", "buy", "limit", "1", "50"))
    player.act(p.SetBookmark(2, 99, "here it begins"))
    player.act(p.SetBreakpoints(3, [p.BreakpointRow("filled", name="a fill")]))
    player.act(p.Step(20))
    where = folder / "mine"
    assert one(player.act(p.SaveSession(4, str(where))), p.Reply).text == f"saved in {where}.toml"
    here = hashed(player)
    player.travel.archive.close()

    again = opened(resumed_player, Spec(socket=""), folder / "mine.toml")
    assert hashed(again) == here
    now = state(again)
    assert (now.bookmarks, now.breakpoints[0].name, now.inputs) == ([p.Bookmark(99, "here it begins")], "a fill", [99])
    assert now.path == str(folder / "mine.toml")

    offered = opened(prepare_player, settings(folder), spec)
    assert state(offered).unsaved == "1 input by hand, at step 100"
    unsaved = Path(state(offered).unsaved_path)
    left = opened(resumed_player, Spec(socket=""), unsaved)
    assert hashed(left) == here
    assert (state(left).path, state(left).unsaved) == ("", "")
    left.act(p.PlaceOrder(5, "AAAUSDT", "buy", "limit", "1", "40"))
    left.travel.archive.close()
    once_more = opened(prepare_player, settings(folder), spec)
    assert state(once_more).unsaved == "2 inputs by hand, at step 100"
    assert state(once_more).unsaved_path == str(unsaved)
