"""The command line's door: what it says, with which exit code, and how little it loads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine.errors import ConfigError, HostError, RecordingError, TickdeckError, UsageError
from tui import cli

HEAVY = ("numba", "llvmlite", "numpy", "pandas", "pyarrow", "talib", "textual")


def tickdeck(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", *args],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "100", "PYTHONWARNINGS": "error", **env},
    )


def test_help_and_version() -> None:
    shown = tickdeck("--help")
    assert shown.returncode == 0
    for word in ("replay", "backtest", "check", "recordings", "import"):
        assert word in shown.stdout
    version = tickdeck("--version")
    assert version.stdout.startswith("tickdeck ")
    assert version.returncode == 0


@pytest.mark.parametrize("args", [(), ("replay",), ("replay", "demo", "--at", "10", "--speed", "5")])
def test_without_a_terminal_the_deck_says_what_does_without(args: tuple[str, ...]) -> None:
    said = tickdeck(*args)
    assert said.returncode == 2
    assert said.stdout == ""
    assert "the deck needs a terminal" in said.stderr
    assert "tickdeck backtest" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("nothing-of-the-kind",),
        ("replay", "--speed", "-1"),
        ("replay", "--speed", "x"),
        ("replay", "a.toml", "--config", "b.toml"),
    ],
)
def test_bad_usage(args: tuple[str, ...]) -> None:
    said = tickdeck(*args)
    assert said.returncode == 2
    assert said.stdout == ""
    assert said.stderr.strip()
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no", hint="do this"), 2),
        (ConfigError("demo.toml, line 3"), 2),
        (RecordingError("gone"), 2),
        (HostError("dead"), 3),
        (TickdeckError("any \x1b[31m[/red]"), 3),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
    ],
)
def test_every_error_of_ours_is_told_cleanly(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as left:
        cli.main()
    monkeypatch.undo()
    assert left.value.code == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "\x1b[31m" not in said.err
    if isinstance(error, TickdeckError):
        assert error.message[:3] in said.err
        assert error.hint in said.err


def test_a_crash_is_one_line_and_a_report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 3
    said = capsys.readouterr().err
    assert said.startswith("tickdeck crashed: ZeroDivisionError: division by zero (a report is in ")
    assert said.count("\n") == 1


def loaded_by(code: str) -> set[str]:
    tell = "; import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run([sys.executable, "-P", "-c", code + tell], capture_output=True, text=True, timeout=60, check=True)
    return set(ran.stdout.split())


def test_help_loads_nothing_heavy() -> None:
    assert loaded_by("import tui.cli").isdisjoint(HEAVY)


def test_a_running_deck_loads_no_engine() -> None:
    code = f"""
import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
import asyncio
from fake_link import flying
async def fly():
    async with flying() as (app, link, pilot):
        await pilot.press("right", "b", "escape", "question_mark", "escape", "ctrl+p", "escape")
asyncio.run(fly())"""
    loaded = loaded_by(code)
    assert "textual" in loaded
    assert loaded.isdisjoint({"numba", "llvmlite", "numpy", "pandas", "pyarrow", "talib", "binance"})
