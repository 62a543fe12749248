"""The leash: what a parent that is killed leaves behind, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

CHILD = """
import signal, os, sys, time
from engine.host import leash
if sys.argv[2] == "thread":
    leash._SET_PARENT_DEATH_SIGNAL = 0
leash.end_with_parent()
print(os.getpid(), flush=True)
if sys.argv[1] == "busy":
    while True:
        pass
if sys.argv[1] == "stopped":
    os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(60)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]], start_new_session=True)"


@pytest.mark.parametrize(
    ("doing", "means"),
    [
        ("busy", "thread"),
        ("asleep", "thread"),
        pytest.param("stopped", "kernel", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux alone can do that")),
    ],
)
def test_a_host_ends_with_its_deck_whatever_it_is_doing(doing: str, means: str) -> None:
    command = [sys.executable, "-c", PARENT, CHILD, doing, means]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as deck:
        assert deck.stdout is not None
        host = int(deck.stdout.readline())
        try:
            until_it_holds(lambda: doing != "stopped" or state_of(host) == "T")
            assert state_of(host)
            deck.kill()
            deck.wait()
            until_it_holds(lambda: state_of(host) in ("", "Z"))
        finally:
            if state_of(host):
                os.kill(host, signal.SIGKILL)


def state_of(pid: int) -> str:
    """Return a process's state as one letter, "" where there is none."""
    ran = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return ran.stdout.strip()[:1]


def until_it_holds(holds: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
