"""`tickdeck rehearse` as it is typed: one line when it is ready, a clean end, and words for what is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tui.cli import app

DEMO_OPENS = 1_741_624_800_000


@pytest.fixture
def run() -> Callable[..., Result]:
    return lambda *words: CliRunner().invoke(app, list(words))


def ask(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as reply:
        return json.load(reply)


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-W", "error", "-m", "tui.cli", "rehearse", "demo", "--json", "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert list(ready) == ["rest", "ws", "ws_api", "api_key", "api_secret"]
        assert 0 <= ask(ready["rest"] + "/api/v3/time")["serverTime"] - DEMO_OPENS < 60_000
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    assert all(json.loads(line)["what"] for line in log.read_text().splitlines())


def test_it_says_where_it_is_without_a_terminal() -> None:
    command = [sys.executable, "-m", "tui.cli", "rehearse", "--config", "exchange", "--speed", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = dict(process.stdout.readline().split(maxsplit=1) for _ in range(2))
        assert ask(told["rest"].strip() + "/api/v3/ping") == {}
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "there is no market to play"),
        (["nowhere"], "there is no recording nowhere"),
        (["demo", "--begin", "2001-01-01"], "begin between"),
        (["demo", "--speed", "-1"], "--speed: speed should be 0 or more"),
        (["demo", "--config", "nothing"], "there is no config"),
        (["demo", "--log", "/nowhere/log"], "cannot be written"),
        (["demo", "--faults", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_what_is_wrong_is_said(run: Callable[..., Result], words: list[str], told: str) -> None:
    result = run("rehearse", *words)
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())


def test_settings_are_checked(run: Callable[..., Result]) -> None:
    findings = json.loads(run("check", "exchange", "--json").stdout)["findings"]
    assert [its["level"] for its in findings] == ["ok", "ok"]
    wrong = run("check", "exchange", "--set", "speed=-1", "--json")
    assert wrong.exit_code == 1
    assert "should be 0 or more" in wrong.stdout
