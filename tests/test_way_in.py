"""A stranger's path: the README's commands in their order, from an archive to a strategy of one's own in the deck."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from engine import open_recording
from tests.recordings.loopback_archive import LoopbackArchive
from tests.tui.test_tmux import Terminal

TICKDECK = [sys.executable, "-W", "error", "-P", "-m", "tui.cli"]


@pytest.fixture
def archive(data: Path) -> Iterator[LoopbackArchive]:
    with LoopbackArchive() as made:
        made.mirror(data / "klines" / "vision-spot-1m", "daily/klines/BTCUSDT/1m")
        yield made


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    made.close()


def test_from_nothing_to_a_strategy_in_the_deck(archive: LoopbackArchive, terminal: Terminal, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()

    def tickdeck(line: str) -> str:
        command = [*TICKDECK, *shlex.split(line)]
        outside = {**os.environ, "COLUMNS": "100"}
        ran = subprocess.run(command, cwd=home, env=outside, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    told = tickdeck(
        "download BTCUSDT --from 2020-01-01 --to 2020-01-03 --into ./btc --lot 0.00001 --min-notional 5"
        f" --base-url {archive.url}"
    )
    assert "4,320 new bars in btc, 2020-01-01 to 2020-01-03" in told
    assert "BTCUSDT tick 0.01 (inferred), lot 0.00001, min notional 5" in tickdeck("recordings show btc")

    next_ones = [line.strip() for line in tickdeck("new strategy dip_buyer").splitlines() if line.startswith("  ")]
    config = home / "dip_buyer.toml"
    config.write_text(config.read_text().replace('recording = "demo"', 'recording = "btc"'))
    check, backtest, replay, test = next_ones
    assert test == "pytest test_dip_buyer.py"  # tests/test_packaging.py runs it
    checked = tickdeck(check.removeprefix("tickdeck "))
    assert "btc: BTCUSDT, 4,320 steps, real" in checked
    assert "DipBuyer, features stretch" in checked

    lines = backtest.removeprefix("tickdeck ") + " --set dip=0.5 --json --fills fills.csv"
    summary = json.loads(tickdeck(lines))
    fills = list(csv.DictReader((home / "fills.csv").read_text().splitlines()))
    assert len(fills) == summary["fills"] > 3
    last = open_recording(home / "btc").bars("BTCUSDT").close[-1]
    held = Decimal(fills[-1]["position"]) * Decimal(int(last)).scaleb(-8)
    assert Decimal(summary["final_equity"]) == Decimal(fills[-1]["cash"]) + held
    assert summary["return_pct"] == pytest.approx(float(summary["final_equity"]) / 100 - 100)

    if shutil.which("tmux"):
        command = shlex.join([*TICKDECK, *replay.split()[1:], "--at", "2020-01-02T12:00"])
        terminal.start(f"env -C {shlex.quote(str(home))} {command}", (120, 40))
        screen = terminal.until(r"paused .* 2,159 / 4,319", 60)
        for word in ("REPLAY", "btc", "DipBuyer", "BTCUSDT", "2020-01-02 12:00", "stretch"):
            assert word in screen
        terminal.press("Right")
        terminal.until(r"2,160 / ")
        terminal.press("q")
        terminal.until(r"LEFT 0")
