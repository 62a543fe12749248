"""A session saved is opened again at its step with its hash, on its recording alone, whatever happens to the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine import Engine
from engine.config.saved import is_session
from engine.errors import RecordingError, UsageError
from engine.model import OrderType
from engine.recordings.store import write_recording
from engine.session import Session, prepare
from engine.session_file import Keeper, read_session, resume
from tests.history.flights import shown
from tests.worlds import market, walk
from tui.cli import app

ROWS = 500
MARKET = {"AAAUSDT": walk(ROWS, 11, keep=0.8), "BBBUSDT": walk(ROWS, 12, price=20, keep=0.9)}
STRATEGY = """
from typing import Literal
from engine import MovingAverage, Signal, Strategy

class Mine(Strategy):
    mean: int = 5
    size: float = 300.0
    way: Literal["up", "down"] = "up"
    most: int | None = None
    what: tuple[int, ...] = (1, 2)

    def features(self):
        return [MovingAverage(window=self.mean, name="mean")]

    def gen_signal(self):
        return {
            coin: Signal.close() if now.position else Signal.buy(value=self.size)
            for coin, now in self.bars()
            if (now.close > now.mean) == (self.way == "up") and self.rng.random() < 0.3
        }
"""


def flight(folder: Path, **bars: Any) -> tuple[Session, Engine]:
    write_recording(folder / "recording", market({**MARKET, **bars}))
    (folder / "mine.py").write_text(STRATEGY)
    (folder / "mine.toml").write_text('recording = "recording"\nseed = 4\n[strategy]\nuse = "mine.py:Mine"\n')
    session = prepare(folder / "mine.toml", overrides={"fills.taker_bps": 7.5})
    return session, Engine(session.feed, session.trade, session.strategy, session.begin)


def busy(engine: Engine) -> None:
    """Everything that can be done by hand, on three branches."""
    engine.run(60)
    engine.place_order("AAAUSDT", 0.5)
    engine.place_order("BBBUSDT", 3, 18.5, stop_loss=15, take_profit="25.25")
    engine.place_order("BBBUSDT", 2, type=OrderType.MARKET, trailing_stop_bps=300)
    engine.set_parameters(mean=9, way="down", most=3, what=(4,))
    engine.run(100)
    number = engine.trade.exchange.n_orders
    engine.place_order("AAAUSDT", 2, 80)
    engine.amend_order(number, 1)
    engine.replace_order(number, 1, 81)
    engine.place_oco("AAAUSDT", -0.2, 130, 60, trail_bps=None)
    engine.cancel(number + 1)
    engine.set_parameters(size=100.5, most=None)
    engine.run(100)
    engine.seek(90)
    engine.place_order("AAAUSDT", -0.1)
    engine.run(30)
    engine.branch("by hand")
    engine.place_order("BBBUSDT", 5)
    engine.run(77)
    engine.step_back()


def test_it_is_opened_where_it_was_left_with_everything_in_it(tmp_path: Path) -> None:
    session, engine = flight(tmp_path)
    busy(engine)
    keeper = Keeper(tmp_path / "saved.toml", session, engine)
    keeper.breakpoints.append({"name": "cheap", "text": "close < 90", "enabled": True})
    keeper.bookmarks.append({"step": 70, "note": 'here "it" began'})
    keeper.save()
    assert is_session(tmp_path / "saved.toml")
    assert not is_session(tmp_path / "mine.toml")

    again = resume(tmp_path / "saved.toml")
    assert again.warnings == []
    assert shown(again.engine) == shown(engine)
    assert again.saved.breakpoints == keeper.breakpoints
    assert again.saved.bookmarks == keeper.bookmarks
    before, after = engine.history.branches, again.engine.history.branches
    assert [(its.name, its.parent, its.step) for its in after.all] == [(its.name, its.parent, its.step) for its in before.all]
    for name in ("main", "branch 1", "by hand"):
        for its in (engine, again.engine):
            its.history.branches.switch(name, 250)
        assert shown(again.engine) == shown(engine)
    # saved once more it says the same
    before.switch("main", 250)
    after.switch("main", 250)
    second = Keeper(tmp_path / "again.toml", again.session, again.engine)
    second.breakpoints, second.bookmarks = keeper.breakpoints, keeper.bookmarks
    second.save()
    keeper.save()
    assert inputs(tmp_path / "again.toml") == inputs(tmp_path / "saved.toml")


def inputs(path: Path) -> list[Any]:
    return [branch["inputs"] for branch in tomllib.loads(path.read_text())["branches"]]


def test_another_recording_is_refused_and_told_from_the_first(tmp_path: Path) -> None:
    session, engine = flight(tmp_path)
    engine.run(100)
    Keeper(tmp_path / "saved.toml", session, engine).save()
    for bars, told in (
        ({"BBBUSDT": walk(ROWS, 13, price=20, keep=0.9)}, "BBBUSDT: bars: "),
        ({"BBBUSDT": walk(ROWS, 12, price=21, keep=0.9)}, "BBBUSDT: other open, high, low, close"),
    ):
        other = tmp_path / f"other {len(told)}"
        other.mkdir()
        flight(other, **bars)
        with pytest.raises(RecordingError, match=told) as caught:
            resume(tmp_path / "saved.toml", recording=str(other / "recording"))
        assert "AAAUSDT" not in str(caught.value)
    alone = tmp_path / "alone"
    write_recording(alone, market({"AAAUSDT": MARKET["AAAUSDT"]}))
    with pytest.raises(Exception, match="BBBUSDT"):
        resume(tmp_path / "saved.toml", recording=str(alone))


def test_an_edited_strategy_is_told(tmp_path: Path) -> None:
    session, engine = flight(tmp_path)
    engine.run(300)
    Keeper(tmp_path / "saved.toml", session, engine).save()
    (tmp_path / "mine.py").write_text(STRATEGY.replace("0.3", "0.4"))
    assert ["its strategy was edited since" in its for its in resume(tmp_path / "saved.toml").warnings] == [True]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mode = 'replay'", "is no session"),
        ("tickdeck_session = 99", "newer tickdeck"),
        ("tickdeck_session = 1", "damaged"),
        ("tickdeck_session = [", "is no session"),
        ("\xff", "is no session"),
    ],
)
def test_what_is_no_session_is_told(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=told):
        read_session(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_session(tmp_path / "none.toml")


def test_a_session_is_saved_over_a_session_and_over_nothing_else(tmp_path: Path) -> None:
    session, engine = flight(tmp_path)
    saved, other = tmp_path / "saved.toml", tmp_path / "other.toml"
    for _ in range(2):
        Keeper(saved, session, engine).save()
    for text in ("", "# tickdeck_session = 1\n", (tmp_path / "mine.toml").read_text()):
        other.write_text(text)
        with pytest.raises(UsageError, match="is no session, so none is saved over it"):
            Keeper(other, session, engine).save()
        done = CliRunner().invoke(app, ["backtest", str(tmp_path / "mine.toml"), "--save", str(other)])
        assert done.exit_code == 2
        assert "is no session" in done.output
        assert other.read_text() == text
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(UsageError, match="is no session"):
        Keeper(folder, session, engine).save()


def test_what_was_done_by_hand_is_kept_within_a_second(tmp_path: Path) -> None:
    session, engine = flight(tmp_path)
    keeper = Keeper(tmp_path / "saved.toml", session, engine)
    keeper._looked -= 1
    assert not keeper.look(), "nothing was done yet"
    engine.run(50)
    engine.place_order("AAAUSDT", 1)
    keeper._looked -= 1
    assert keeper.look()
    assert not keeper.look()
    keeper.bookmarks.append({"step": 3, "note": ""})
    keeper._looked -= 1
    assert keeper.look()
    assert [len(its) for its in inputs(tmp_path / "saved.toml")] == [1]


def test_a_backtest_is_saved_and_opened_where_it_ended(tmp_path: Path) -> None:
    flight(tmp_path)
    saved = tmp_path / "saved.toml"
    done = CliRunner().invoke(app, ["backtest", str(tmp_path / "mine.toml"), "--set", "mean=7", "--save", str(saved), "--json"])
    assert done.exit_code == 0, done.output
    again = resume(saved)
    told = json.loads(done.stdout)
    assert (again.engine.raw.latest.step + 1, again.saved.state_hash) == (told["steps"], told["state_hash"])
    assert again.warnings == []
    assert again.engine.strategy.mean == 7  # type: ignore[attr-defined]
    done = CliRunner().invoke(app, ["backtest", str(tmp_path / "mine.toml"), "--save", str(tmp_path / "no" / "saved.toml")])
    assert done.exit_code == 2
    assert "--save" in done.output


KILLED = """
import sys, time
from pathlib import Path
from tests.history.test_session_file import flight
from engine.session_file import Keeper
session, engine = flight(Path(sys.argv[1]))
keeper = Keeper(Path(sys.argv[1], "saved.toml"), session, engine)
while engine.step():
    engine.place_order("AAAUSDT", 0.1)
    keeper.look()
    print(engine.raw.latest.step, flush=True)
    time.sleep(0.02)
"""


def test_a_process_killed_at_any_moment_loses_a_second_at_most(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    seen: list[tuple[float, int]] = []
    assert process.stdout is not None
    for line in process.stdout:
        seen.append((time.monotonic(), int(line)))
        if seen[-1][0] - seen[0][0] > 1.7:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    again = resume(tmp_path / "saved.toml")
    assert again.warnings == []
    kept = again.engine.inputs[-1].step
    lost = [at for at, step in seen if step > kept]
    assert not lost or seen[-1][0] - lost[0] < 1.0
    assert kept > 0
