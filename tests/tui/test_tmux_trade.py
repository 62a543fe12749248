"""Real orders in a real terminal: a rehearsal of real prices, through the real client, and everything that can befall it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_tmux import DECK, Terminal, until_gone

from engine.recordings.importing import import_files
from tests.host.air import children
from tui.flights import living

READY = r"(?s)REHEARSAL +DISARMED.*● prices.*reconciled"
"""A flight that can be armed."""
pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")


def told(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of tickdeck's in another shell."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", *words], capture_output=True, text=True, timeout=60, check=False
    )


def supervisor_of(terminal: Terminal) -> int:
    """The process that watches over the flight a deck has started."""
    return next(pid for pid, name in children(terminal.pid) if name.endswith("engine.host.supervisor"))


def processes(supervisor: int) -> dict[str, int]:
    """The processes of a flight, by what they do."""
    return {name.rpartition(".")[2]: pid for pid, name in children(supervisor)} | {"supervisor": supervisor}


def arm(terminal: Terminal) -> None:
    """Let orders out."""
    terminal.press("A")
    terminal.until("Arm: let orders out")
    terminal.press("y")
    terminal.until(r"REHEARSAL +ARMED")


def far_limit(terminal: Terminal) -> None:
    """Place an order by hand that will not fill."""
    terminal.press("b")
    terminal.until("Order by hand")
    terminal.press("BTab", "Right", "Tab", "0.01", "Tab", "C-u", "20000", "Enter")
    terminal.until(lambda screen: "Order by hand" not in screen)
    terminal.press("o")
    terminal.until(r"BTC +buy +limit +0\.01 .*20,000")


def entries(screen: str) -> list[int]:
    """The numbers of the journal's entries that are shown, newest first."""
    return [int(number) for number in re.findall(r"\d\d:\d\d:\d\d .* (\d+) │$", screen, re.MULTILINE)]


@pytest.fixture
def flight(tmp_path: Path) -> Iterator[Path]:
    """A folder for a flight that is ended whatever comes."""
    yield tmp_path
    for path in living():
        told("halt", path.stem, "--flatten", "--end")


@pytest.mark.timeout(300)
def test_the_rehearsal_flies_real_prices_and_comes_through_everything(terminal: Terminal, flight: Path, data: Path) -> None:
    source = data / "klines" / "spot-1m-2025-05_08"
    files = [source / f"{coin}_USDT-1m.feather" for coin in ("BTC", "ETH")]
    import_files(files, flight / "real", tick="0.01", lot="0.00001", min_notional="5")
    market = shlex.quote(f'rehearsal.recording="{flight / "real"}"')
    terminal.start(f"{DECK} trade configs/rehearsal.toml --set {market} --set fast=2 --set slow=3 --set size=0.3", (120, 40))
    terminal.until(READY, 90)
    supervisor = supervisor_of(terminal)
    arm(terminal)
    terminal.until(r"─ Fills \d", 60)
    # an order by hand, far from the market, placed and cancelled
    far_limit(terminal)
    terminal.press("c")
    terminal.until(lambda screen: "20,000" not in screen)
    terminal.press("J")
    written = entries(terminal.until(entries))[:1]
    # the exchange dies, and another opens where its market is by then
    os.kill(processes(supervisor)["ground"], signal.SIGKILL)
    terminal.until(r"STALE", 20)
    terminal.until(lambda screen: "STALE" not in screen and "DISARMED" in screen, 60)
    # the engine is killed, and another takes its place
    os.kill(processes(supervisor)["host"], signal.SIGKILL)
    terminal.until(r"ENGINE GONE", 5)
    terminal.until(READY, 60)
    arm(terminal)
    # the journal goes on where the killed engine's ended
    terminal.until(lambda screen: entries(screen)[:1] > written)
    # the deck is left, and the flight goes on without it
    terminal.press("q")
    terminal.until("[Ll]eave")
    terminal.press("l")
    left = terminal.until(r"LEFT 0")
    assert "flies on" in left
    assert terminal.restored()
    assert processes(supervisor)["host"]
    again = Terminal(flight)
    try:
        again.start(f"{DECK} attach", (120, 40))
        again.until(r"REHEARSAL +ARMED", 30)
        stopped = told("halt", "--flatten")
        assert re.search(r"cancelled|no order was open", stopped.stdout)
        again.until(r"REHEARSAL +DISARMED +halted")
        pids = list(processes(supervisor).values())
        assert told("halt", "--end").returncode == 0
        again.until(r"has ended", 20)
        until_gone(pids, 15.0)
        again.press("q")
        again.until(r"LEFT 0")
    finally:
        again.close()
    assert living() == []


CONFIG = """
mode = "rehearsal"
coins = ["BTCUSDT"]
[binance]
capture = false
[rehearsal]
speed = 60
[trading]
on_ui_lost = "cancel"
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["TERM", "HUP", "INT", "closed"])
def test_whatever_ends_the_deck_the_policy_is_applied_and_the_terminal_restored(
    how: str, terminal: Terminal, flight: Path
) -> None:
    config = flight / "flight.toml"
    config.write_text(CONFIG)
    terminal.start(f"{DECK} trade {shlex.quote(str(config))}", (120, 40))
    terminal.until(READY, 90)
    arm(terminal)
    far_limit(terminal)
    if how == "closed":
        terminal.close()
    else:
        os.kill(terminal.pid, getattr(signal, f"SIG{how}"))
        terminal.until(r"LEFT \d+", 10)
        assert terminal.restored()
    time.sleep(2.0)
    again = Terminal(flight)
    try:
        again.start(f"{DECK} attach", (120, 40))
        shown = again.until(READY, 20)
        assert "no deck looks on" in shown
        assert "no open orders" in shown
    finally:
        again.close()
