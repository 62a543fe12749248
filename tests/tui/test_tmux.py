"""The deck in a real terminal, on the real engine, the bundled demo, and a stand-in that misbehaves."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")

DECK = f"{shlex.quote(sys.executable)} -P -m tui.cli"
FAKE = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).with_name('fake_host.py')))} deck"
# The terminal's size is what counts here, not what the tests' own surroundings say of theirs.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
_numbers = itertools.count()


class Terminal:
    """A tmux session of its own, with a program in it that leaves its exit code behind."""

    def __init__(self, folder: Path) -> None:
        self._server = f"td-{os.getpid()}-{next(_numbers)}"
        self._pid = folder / "pid"

    def tmux(self, *args: str) -> str:
        command = ["tmux", "-L", self._server, "-f", "/dev/null", *args]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
        return ran.stdout

    def start(self, command: str, size: tuple[int, int] = (120, 40)) -> None:
        script = f"sh -c 'echo $$ > {self._pid}; exec {command}'; echo LEFT $?; sleep 60"
        self.tmux("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), script)

    def press(self, *keys: str) -> None:
        """Press keys as a quick hand does: a key that moves the focus is to take effect before the next one comes."""
        for key in keys:
            self.tmux("send-keys", key)
            time.sleep(0.05)

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def until(self, holds: str | Callable[[str], object], seconds: float = 20.0) -> str:
        """Return the screen once a pattern is on it."""
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if re.search(holds, screen) if isinstance(holds, str) else holds(screen):
                return screen
            assert time.monotonic() < deadline, f"{holds} did not come:\n{screen}"
            time.sleep(0.03)

    @property
    def pid(self) -> int:
        return int(self._pid.read_text())

    def hosts(self) -> list[int]:
        """Return the processes the deck has started."""
        ran = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in ran.stdout.split()]

    def restored(self) -> bool:
        """Whether the terminal is as a program should leave it: main screen, no mouse, a cursor."""
        return self.tmux("display", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}").split() == ["0", "0", "1"]

    def close(self) -> None:
        self.tmux("kill-server")


def gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def until_gone(pids: list[int], seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not gone(pids):
        assert time.monotonic() < deadline, f"{pids} still run"
        time.sleep(0.02)


def steps(screen: str) -> int:
    found = re.search(r"([\d,]+) / [\d,]+", screen)
    return int(found[1].replace(",", "")) if found else -1


@pytest.mark.timeout(180)
def test_the_demo_is_flown_by_hand_from_start_to_end(terminal: Terminal) -> None:
    terminal.start(DECK)
    first = terminal.until(r"paused .* 1,000 / ", 90)
    assert "SYNTHETIC" in first
    assert "REPLAY" in first
    terminal.press("Right")
    terminal.until(r"1,001 / ")
    terminal.press("2", "5", "Right")
    terminal.until(r"1,026 / ")
    terminal.press("n")
    terminal.until(r"1,036 / ")
    terminal.press("b")
    terminal.until("Order by hand")
    terminal.press("0.0005", "Enter")
    terminal.until(r"buy +market +0\.0005")
    terminal.press("Right")
    terminal.press("f")
    terminal.until(lambda screen: steps(screen) == 1037 and re.search(r"buy +0\.0005 ", screen))
    terminal.press("s")
    terminal.until("Order by hand")
    terminal.press("0.001")
    terminal.until(r"amount +0\.001 ")
    terminal.press("Up", "l")
    terminal.until("in force")
    terminal.press("Down", "Tab", "C-u", "999000", "Enter")
    terminal.until(lambda screen: "Order by hand" not in screen)
    terminal.press("o")
    terminal.until(r"BTC +sell limit +0\.001")
    terminal.press("C", "y")
    terminal.until(r"no open orders")
    terminal.press("Tab")
    terminal.until(r"─ ETHUSDT 1m ─")
    for size in ((80, 24), (60, 15), (200, 60), (120, 40)):
        terminal.resize(*size)
        terminal.until(lambda screen, size=size: len(screen.splitlines()) == size[1] and "ETHUSDT 1m" in screen)
    terminal.press("+", "Space")
    running = steps(terminal.until(r"playing"))
    terminal.until(lambda screen: steps(screen) > running + 5)
    terminal.press("Space")
    terminal.until(r"paused")
    terminal.press("End")
    end = terminal.until(r"■ end", 60)
    assert re.search(r"([\d,]+) / \1", end), "the run is at its last step"
    hosts = terminal.hosts()
    assert hosts
    terminal.press("q")
    terminal.until(r"LEFT 0")
    assert terminal.restored()
    until_gone(hosts)


@pytest.mark.timeout(120)
def test_a_killed_engine_is_shown_within_a_second_and_starts_again_where_it_stood(terminal: Terminal) -> None:
    terminal.start(f"{DECK} replay demo --at 1500 --speed 50", (80, 24))
    terminal.until(r"1,500 / ", 90)
    terminal.press("n")
    terminal.until(r"1,510 / ")
    (host,) = terminal.hosts()
    os.kill(host, signal.SIGKILL)
    began = time.monotonic()
    terminal.until(r"ENGINE GONE")
    assert time.monotonic() - began < 1
    terminal.press("r")
    terminal.until(lambda screen: "ENGINE GONE" not in screen and steps(screen) == 1510, 60)
    terminal.press("Right")
    terminal.until(r"1,511 / ")
    terminal.press("q")
    terminal.until(r"LEFT 0")


@pytest.mark.timeout(120)
def test_what_cannot_be_opened_is_told(terminal: Terminal) -> None:
    terminal.start(f"{DECK} replay no-such-recording", (80, 24))
    terminal.until(r"no-such-recording", 60)
    terminal.until(r"q quits")
    terminal.press("q")
    terminal.until(r"LEFT 0")
    assert terminal.restored()


def test_where_nothing_can_be_drawn_the_deck_says_so(terminal: Terminal) -> None:
    terminal.start(f"env TERM=dumb {DECK}")
    said = terminal.until(r"LEFT 2")
    assert "TERM is dumb" in said
    assert "tickdeck backtest CONFIG" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_restore_the_terminal_and_end_the_engine(terminal: Terminal, number: signal.Signals) -> None:
    terminal.start(FAKE)
    terminal.until(r"700 / 3,999")
    hosts = terminal.hosts()
    assert hosts
    os.kill(terminal.pid, number)
    terminal.until(rf"LEFT {128 + number}")
    assert terminal.restored()
    until_gone(hosts)


def test_a_terminal_that_closes_leaves_nothing_behind(terminal: Terminal) -> None:
    terminal.start(FAKE)
    terminal.until(r"700 / 3,999")
    pids = [terminal.pid, *terminal.hosts()]
    assert len(pids) == 2
    terminal.close()
    until_gone(pids, 6)


def test_a_terminal_that_closes_while_the_deck_waits_for_its_engine_leaves_nothing_behind(terminal: Terminal) -> None:
    terminal.start(f"{FAKE} silent")
    terminal.until(r"700 / 3,999")
    pids = [terminal.pid, *terminal.hosts()]
    assert len(pids) == 2
    terminal.press("q")
    time.sleep(0.2)  # the engine is asked to end, and does not answer
    assert not gone(pids[:1])
    terminal.close()
    until_gone(pids, 6)


@pytest.mark.timeout(120)
def test_a_hung_strategy_does_not_outlive_its_deck(terminal: Terminal, tmp_path: Path) -> None:
    hung = tmp_path / "hung"
    (tmp_path / "hung.py").write_text(
        f"from pathlib import Path\n\nfrom engine import Strategy\n\n\nclass Hung(Strategy):\n    def gen_signal(self):\n"
        f"        while self.step >= 20:\n            Path({str(hung)!r}).touch()\n        return {{}}\n"
    )
    (tmp_path / "hung.toml").write_text('recording = "demo"\n[strategy]\nuse = "hung.py:Hung"\n')
    terminal.start(f"{DECK} replay {shlex.quote(str(tmp_path / 'hung.toml'))} --at 15")
    terminal.until(r"paused .* 15 / ", 90)
    hosts = terminal.hosts()
    assert len(hosts) == 1
    terminal.press("n")
    terminal.until(lambda _: hung.exists())
    os.kill(terminal.pid, signal.SIGKILL)
    until_gone(hosts)


def test_a_deck_that_is_killed_takes_the_engine_along(terminal: Terminal) -> None:
    terminal.start(FAKE)
    terminal.until(r"700 / 3,999")
    hosts = terminal.hosts()
    os.kill(terminal.pid, signal.SIGKILL)
    until_gone(hosts)


def test_keys_are_answered_while_frames_pour_in(terminal: Terminal) -> None:
    terminal.start(FAKE, (200, 60))
    terminal.until(r"700 / 3,999")
    terminal.press("+", "+", "+", "Space")
    terminal.until("playing")
    for key, shown in (
        ("f", r"─ Fills 14"),
        ("?", "Play or pause"),
        ("Escape", r"(?s)\A(?!.*Play or pause).*Fills 14"),
        ("Tab", r"ETHUSDT 1m"),
    ):
        terminal.press(key)
        began = time.monotonic()
        terminal.until(shown, 3)
        assert time.monotonic() - began < 1
    for width, height in ((80, 24), (1, 1), (20, 5), (300, 90), (120, 40)):
        terminal.resize(width, height)
    terminal.until(lambda screen: len(screen.splitlines()) == 40 and "playing" in screen)
    terminal.press("q")
    terminal.until("LEFT 0")
    assert terminal.restored()
