"""A flight on paper in a real terminal, on a rehearsal a minute a second: seen, lost, found again, and replayed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_tmux import DECK, Terminal, until_gone

from engine import backtest
from engine.recordings.capture.segments import segments_of
from engine.recordings.manifest import load

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")

SPEED = 60
BEGIN = datetime(2025, 3, 11, 12, 0, 20, tzinfo=UTC)
CONFIG = """
mode = "paper"
coins = ["BTCUSDT", "ETHUSDT"]
[strategy]
use = "engine.strategy.examples:SmaCross"
params = {{ fast = 2, slow = 3, size = 0.5 }}
[binance]
url = "http://127.0.0.1:{port}"
speed = {speed}
stale_s = 2
into = "{into}"
"""


class Exchange:
    """A rehearsal of the demo as a process that can be killed, and goes on where its market is by then."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._opened = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        at = BEGIN + timedelta(seconds=SPEED * (time.monotonic() - self._opened + 1.5))
        command = [sys.executable, "-P", "-m", "tui.cli", "rehearse", "demo", "--speed", str(SPEED), "--port", str(self.port)]
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([*command, "--json", "--begin", f"{at:%Y-%m-%dT%H:%M:%S}"], **quiet)  # type: ignore[call-overload]
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the rehearsal did not start"

    def kill(self) -> None:
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    made = Exchange()
    yield made
    made.kill()


def sealed(folder: Path, seconds: float = 30.0) -> bool:
    """Wait until everything captured is part of the recording."""
    deadline = time.monotonic() + seconds
    while segments_of(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not segments_of(folder)


def fills_shown(screen: str) -> list[tuple[str, ...]]:
    """The rows of the fills' table, oldest first: time, coin, side, amount, price."""
    row = r"│ (\d\d-\d\d \d\d:\d\d) +(\w+) +(buy|sell) +([\d.]+) +([\d,.]+) "
    return [(*found[:4], found[4].replace(",", "")) for found in re.findall(row, screen)][::-1]


@pytest.mark.timeout(240)
def test_a_flight_loses_its_exchange_finds_it_again_and_replays_as_it_was(
    terminal: Terminal, exchange: Exchange, tmp_path: Path
) -> None:
    into = tmp_path / "flown"
    config = tmp_path / "flight.toml"
    config.write_text(CONFIG.format(port=exchange.port, speed=SPEED, into=into))
    exchange.start()
    terminal.start(f"{DECK} paper {shlex.quote(str(config))}", (160, 60))
    first = terminal.until(r"● live", 90)
    assert re.search(r"PAPER +SYNTHETIC", first)
    terminal.press("l")
    begin = re.search(r'begin =\W+([\d:T.-]+)"', terminal.until(r"recorded in"))
    assert begin is not None
    terminal.press("f")
    terminal.until(r"─ Fills \d")
    exchange.kill()
    killed = time.monotonic()
    lost = terminal.until(r"(?m)^ STALE ", 20)
    assert time.monotonic() - killed < 2 + 2, "its limit, and two seconds"
    assert "no connection, trying again" in lost
    assert "× STALE" in lost
    time.sleep(1.0)
    exchange.start()
    back = time.monotonic()
    found = terminal.until(lambda screen: "● live" in screen and "STALE" not in screen, 30)
    assert time.monotonic() - back < 10
    assert re.search(r"cuts [1-9]", found)
    before = len(fills_shown(terminal.screen()))
    terminal.until(lambda screen: len(fills_shown(screen)) > before + 2, 60)
    hosts = terminal.hosts()
    shown = fills_shown(terminal.screen())
    terminal.press("q")
    terminal.until(r"LEFT 0")
    assert terminal.restored()
    until_gone(hosts)

    assert sealed(into)
    assert {its.kind for its in load(into).events or ()} >= {"klines", "trades", "quotes", "control"}
    result = backtest(config, mode="replay", recording=str(into), begin=begin[1])
    replayed = [
        (
            f"{datetime.fromtimestamp(fill.time / 1e9, UTC):%m-%d %H:%M}",
            fill.coin.removesuffix("USDT"),
            fill.side.value,
            f"{fill.amount.normalize():f}",
            f"{fill.price:.2f}",
        )
        for fill in result.trade.account.fills
    ]
    assert len(shown) > 2
    assert replayed[: len(shown)] == shown


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["terminated", "closed"])
def test_a_flight_whose_deck_is_told_to_end_puts_its_recording_away(
    terminal: Terminal, exchange: Exchange, tmp_path: Path, how: str
) -> None:
    into = tmp_path / "flown"
    config = tmp_path / "flight.toml"
    config.write_text(CONFIG.format(port=exchange.port, speed=SPEED, into=into))
    exchange.start()
    terminal.start(f"{DECK} paper {shlex.quote(str(config))}")
    terminal.until(r"● live", 90)
    hosts = terminal.hosts()
    if how == "terminated":
        os.kill(terminal.pid, signal.SIGTERM)
        terminal.until(rf"LEFT {128 + signal.SIGTERM}")
        assert terminal.restored()
    else:
        terminal.close()
    until_gone(hosts, 6)
    assert sealed(into)
    (capture,) = load(into).captures or ()
    assert capture.stopped == "stopped"


@pytest.mark.timeout(180)
def test_a_replay_flies_live_and_comes_back_to_where_it_stood(terminal: Terminal, exchange: Exchange, tmp_path: Path) -> None:
    into = tmp_path / "flown"
    config = tmp_path / "replay.toml"
    live = CONFIG.format(port=exchange.port, speed=SPEED, into=into).replace('mode = "paper"', 'recording = "demo"')
    config.write_text(live)
    exchange.start()
    terminal.start(f"{DECK} replay {shlex.quote(str(config))} --at 2000", (100, 30))
    terminal.until(r"paused .* 2,000 / ", 90)
    terminal.press("F")
    terminal.until("prices from")
    terminal.press("Enter")
    terminal.until(lambda screen: "PAPER" in screen and "● live" in screen, 60)
    terminal.press("F")
    terminal.until("simulated, begins with")
    terminal.press("Enter")
    back = terminal.until(r"paused .* 2,000 / ", 60)
    assert "REPLAY" in back
    terminal.press("q")
    terminal.until(r"LEFT 0")
    assert sealed(into)
