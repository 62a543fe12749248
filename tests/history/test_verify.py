"""`tickdeck verify`: what repeats itself passes, and every way to hide a state or to read what no replay has is caught."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config import load_config
from engine.errors import StrategyError
from engine.recordings.store import write_recording
from engine.verifying import Difference, verify
from tests.worlds import market, walk

ROWS = 400
HEAD = """
import os, random, time
from pathlib import Path
import numpy as np
from engine import MovingAverage, Signal, Strategy

SEEN = []

class Bare(Strategy):
    def features(self):
        return [MovingAverage(window=5, name="mean")]

    def gen_signal(self):
        ((coin, now),) = self.bars()
        if self.wants(now):
            return {coin: Signal.close() if now.position else Signal.buy(value=100)}
        return {}

class Planted(Bare):
"""
HONEST = """
    def wants(self, now):
        self.prev, before = now, getattr(self, "prev", now)
        return before.close > now.mean and self.rng.random() < 0.5
"""
PLANTED = {
    "the order of a set": """
    def wants(self, now):
        return next(iter({f"{self.step}{name}" for name in ("a", "b", "c")})).endswith("a")
""",
    "id()": """
    def wants(self, now):
        self.kept = [str(self.step)]
        return id(self.kept) // 64 % 7 == 0
""",
    "the global dice": """
    def wants(self, now):
        return random.random() < 0.1
""",
    "the clock": """
    def wants(self, now):
        return time.perf_counter_ns() // 100 % 7 == 0
""",
    "a file": """
    def wants(self, now):
        file = Path(__file__).with_name("count")
        count = int(file.read_text()) + 1 if file.exists() else 0
        file.write_text(str(count))
        return count % 7 == 0
""",
    "a module's global": """
    def wants(self, now):
        SEEN.append(now.close)
        return len(SEEN) % 7 == 0
""",
    "a mutated default": """
    def wants(self, now, seen=[]):
        seen.append(now.close)
        return len(seen) % 7 == 0
""",
    "rows cached beside the strategy": """
    rows = {}

    def wants(self, now):
        known = self.rows.setdefault(now.time, now)
        return known is now and self.step % 7 == 0
""",
    "an attribute of the class": """
    count = 0

    def wants(self, now):
        type(self).count += 1
        return self.count % 7 == 0
""",
    "a generator": """
    def __init__(self, **given):
        super().__init__(**given)
        self.turns = (n % 7 == 0 for n in range(10**9))

    def wants(self, now):
        return next(self.turns)
""",
    "a generator made on the way": """
    turns = None

    def wants(self, now):
        if self.turns is None:
            self.turns = iter([n % 7 == 0 for n in range(10**4)])
        return next(self.turns)
""",
    "the environment": """
    def wants(self, now):
        return len(os.environ.get("MOOD", "")) + self.step % 7 == 4
""",
    "numpy's global dice": """
    def wants(self, now):
        return np.random.random() < 0.1
""",
    "numpy's global dice, seeded": """
    def wants(self, now):
        if self.step == 0:
            np.random.seed(1)
        return np.random.random() < 0.1
""",
}
REFUSED = {"a generator", "a generator made on the way"}


def config(folder: Path, body: str) -> Path:
    write_recording(folder / "recording", market(walk(ROWS, 5)))
    (folder / "mine.py").write_text(HEAD + body)
    path = folder / "mine.toml"
    path.write_text('recording = "recording"\n[strategy]\nuse = "mine.py:Planted"\n')
    return path


def first(folder: Path, body: str) -> tuple[str, Difference] | None:
    verdicts = list(verify(load_config(config(folder, body))))
    assert [verdict.way for verdict in verdicts[:-1] if verdict.difference] == []
    last = verdicts[-1]
    return (last.way, last.difference) if last.difference is not None else None


def test_what_repeats_itself_passes(tmp_path: Path) -> None:
    assert first(tmp_path, HONEST) is None


@pytest.mark.parametrize("name", [name for name in PLANTED if name not in REFUSED])
def test_what_does_not_repeat_itself_is_caught(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOOD", "four")
    found = first(tmp_path, PLANTED[name])
    assert found is not None, "nothing differs"
    _, (step, what) = found
    assert 0 <= step < ROWS
    assert what


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_kept_is_refused_by_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="'turns'"):
        first(tmp_path, PLANTED[name])


def test_the_first_step_that_differs_is_told_and_what(tmp_path: Path) -> None:
    body = """
    count = 0

    def wants(self, now):
        if self.step == 237:
            type(self).count += 1
            self.lately = self.count
        return self.step == 300 and self.count == 2
"""
    done = run(config(tmp_path, body), "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    *same, last = told["ways"]
    assert not told["equal"]
    assert all(way["equal"] for way in same)
    assert (last["step"], last["differs"]) == (237, ["the attribute 'lately'"])


def run(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui.cli", "verify", str(path), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "3"})


def test_the_command_says_so(tmp_path: Path) -> None:
    done = run(config(tmp_path, HONEST))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("  same ") == 11
    (tmp_path / "other").mkdir()
    done = run(config(tmp_path / "other", PLANTED["a module's global"]))
    assert done.returncode == 1
    assert "differs" in done.stdout
    assert "signals" in done.stdout
    assert run(tmp_path / "none.toml").returncode == 2
