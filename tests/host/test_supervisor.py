"""The supervisor on engines that are a few lines each: which of them it starts again, and what it lives through itself."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.host import supervisor as module
from engine.host.supervisor import LANDING, Supervisor

Watched = Callable[..., int]
STARTS = "import json, os, signal, sys, time\ntold = json.loads(sys.stdin.buffer.readline())\n"


class Full:
    """A log on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        """Have nothing left to write."""


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Watches over engines that run these lines, its log on a full disk; returns the exit code."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    engine = tmp_path / "engine"
    monkeypatch.setattr(module, "sys", SimpleNamespace(executable=str(engine), stderr=Full()))

    def watch(lines: str) -> int:
        started = f"open({str(tmp_path / 'started')!r}, 'a').write('.')\n"
        engine.write_text(f"#!{sys.executable}\n{STARTS}{started}{lines}")
        engine.chmod(0o700)
        return Supervisor({"socket": str(tmp_path / "flight.sock")}).run()

    yield watch
    for number, handler in handlers.items():
        signal.signal(number, handler)


def starts(folder: Path) -> int:
    return len((folder / "started").read_text())


def test_an_engine_that_ended_by_force_is_started_again_also_where_its_log_takes_nothing(
    watched: Watched, tmp_path: Path
) -> None:
    lines = "os.write(told['beat'], b'.')\nif not told['again']: os.kill(os.getpid(), signal.SIGKILL)\n"
    assert watched(lines) == 0
    assert starts(tmp_path) == 2


def test_one_that_shows_nothing_is_ended_and_another_started(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.2)
    assert watched("if not told['halted']:\n os.write(told['beat'], b'.')\n time.sleep(60)\n") == 0
    assert starts(tmp_path) == 2


@pytest.mark.parametrize(
    ("end", "code"), [("time.sleep(1.5)", 0), ("os.kill(os.getpid(), signal.SIGKILL)", -9), ("sys.exit(3)", 3)]
)
def test_one_that_was_told_to_end_may_take_its_time_and_is_not_started_again(
    end: str, code: int, watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.2)
    assert watched(f"os.write(told['beat'], b'.' + {LANDING!r})\n{end}\n") == code
    assert starts(tmp_path) == 1
