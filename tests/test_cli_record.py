"""`tickdeck record` as it is typed: what it prints, how it ends, and what is on the disk then."""

from __future__ import annotations

import asyncio
import io
import json
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from engine.binance.coin import CoinHealth
from engine.binance.feed import Health
from engine.recordings import open_recording, verify
from engine.recordings.bars import stamp
from engine.recordings.capture import Metrics
from engine.recordings.capture.segments import segments_of
from engine.recordings.manifest import load
from tests.rehearsal.hall import Hall, hall
from tests.worlds import MINUTE, START, market, walk
from tui.cli import app
from tui.commands.record import Sight, display_of

COINS = {"AAAUSDT": walk(500, 1), "BBBUSDT": walk(500, 2, price=20)}
SPEED = 240


@asynccontextmanager
async def exchange() -> AsyncIterator[Hall]:
    async with hall(market(COINS), begin=stamp(START + 100 * MINUTE), speed=SPEED) as its:
        yield its


class Typed:
    """The command in a process of its own."""

    def __init__(self, *words: str, limit: int | None = None) -> None:
        self._words = [sys.executable, "-P", "-m", "tui.cli", "record", *words]
        self._limit = limit

    def _bound(self) -> None:
        if self._limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self._limit, self._limit))

    async def start(self) -> Typed:
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*self._words, stdout=pipe, stderr=pipe, preexec_fn=self._bound)
        return self

    async def until_recording(self, its: Hall, coins: int = 1) -> Typed:
        """Wait until it is told of the market."""
        async with asyncio.timeout(60):
            while not any(line.outbox.sent > 20 * coins for line in its.lines.open):
                assert self.process.returncode is None, (await self.process.communicate())[1].decode()
                await asyncio.sleep(0.05)
        return self

    async def end(self, number: int | None = None) -> tuple[int, str, str]:
        """Exit code, stdout and stderr, after a signal where one is given."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(60):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        assert "Traceback" not in err.decode()
        return self.process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_in_order_and_what_came_is_a_recording(number: signal.Signals, tmp_path: Path) -> None:
    into = tmp_path / "live"
    kinds = "trade,bookTicker,depth" if number == signal.SIGINT else "trade"
    async with exchange() as its:
        words = [
            "AAAUSDT",
            "bbb/usdt",
            "--into",
            str(into),
            "--url",
            its.url,
            "--speed",
            str(SPEED),
            "--kinds",
            kinds,
            "--json",
        ]
        typed = await (await Typed(*words).start()).until_recording(its, 2)
        code, out, err = await typed.end(number)
    assert code == 0, err
    assert "connecting to http://127.0.0.1" in err
    told = json.loads(out)
    assert (told["recording"], told["path"], told["coins"]) == ("live", str(into), ["AAAUSDT", "BBBUSDT"])
    assert told["messages"] >= 40
    assert told["records"] > told["messages"]
    assert (told["reconnects"], told["bad_frames"], told["failure"]) == (0, 0, "")
    assert told["seconds"] > 0
    assert segments_of(into) == []
    events = load(into).events or ()
    assert sum(its.rows for its in events) == sum(told["rows"].values())
    assert {its.kind for its in events} == {"klines", "trades", "control"} | (
        {"quotes", "depth"} if "depth" in kinds else set()
    )
    assert verify(into) == []
    (capture,) = load(into).captures or ()
    assert (capture.stopped, capture.gaps) == ("stopped", [])


async def test_it_goes_on_with_a_recording_and_tells_people_in_words(tmp_path: Path) -> None:
    into = tmp_path / "live"
    async with exchange() as its:
        words = ["AAAUSDT", "--into", str(into), "--url", its.url, "--speed", str(SPEED)]
        for _ in range(2):
            typed = await (await Typed(*words).start()).until_recording(its)
            await asyncio.sleep(0.6)
            code, out, _ = await typed.end(signal.SIGINT)
            assert code == 0
            assert f"recorded in {into}" in out
            assert "reconnects 0, holes 0, bad frames 0" in out
    assert len(load(into).captures or ()) == 2
    bars = open_recording(into).bars("AAAUSDT")
    truth = COINS["AAAUSDT"]
    rows = [int((time - START) // MINUTE) for time in bars.time]
    assert len(rows) > 2
    assert bars.close.tolist() == truth.close[rows].tolist()


async def test_a_disk_that_is_full_ends_it_and_keeps_what_was_written(tmp_path: Path) -> None:
    into = tmp_path / "live"
    async with exchange() as its:
        words = ["AAAUSDT", "BBBUSDT", "--into", str(into), "--url", its.url, "--speed", str(SPEED), "--json"]
        typed = await Typed(*words, limit=6_000).start()
        code, out, err = await typed.end()
    assert code == 3
    assert "File too large" in " ".join(err.split())
    if out:
        assert "File too large" in json.loads(out)["failure"]
    assert load(into).captures


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["AAAUSDT", "--environment", "moon"], 2, "'moon' is not one of"),
        (["AAAUSDT", "--url", "http://example.com"], 2, "is no rehearsal"),
        (["AAAUSDT", "--kinds", "trade,quotes"], 2, "not 'quotes'"),
        (["AAAUSDT", "--interval", "2m"], 2, "which is no interval"),
        (["AAAUSDT", "--url", "http://127.0.0.1:9"], 3, "no connection to 127.0.0.1:9"),
    ],
)
def test_what_cannot_be_is_told_in_a_panel(
    words: list[str], code: int, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = CliRunner().invoke(app, ["record", *words, "--into", str(tmp_path / "live"), "--json"])
    told = done.stderr + capfd.readouterr().err
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in " ".join(told.replace("│", " ").split())
    assert not (tmp_path / "live").exists()


async def test_a_coin_the_exchange_does_not_have_is_named(tmp_path: Path) -> None:
    async with exchange() as its:
        code, out, err = await (await Typed("AAAUSD", "--url", its.url, "--into", str(tmp_path / "live")).start()).end()
    assert (code, out) == (2, "")
    assert "the exchange has no coin AAAUSD (did you mean 'AAAUSDT'?)" in err
    assert not (tmp_path / "live").exists()


async def test_where_the_exchange_does_not_answer_it_can_be_stopped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        typed = await Typed("AAAUSDT", "--url", url, "--into", str(tmp_path / "live")).start()
        assert typed.process.stderr is not None
        assert b"connecting" in await typed.process.stderr.readline()
        await asyncio.sleep(0.2)
        code, out, err = await typed.end(signal.SIGINT)
    assert (code, out) == (130, "")
    assert "Stopped before anything was recorded." in err


def sight(at: float, messages: int, **changes: Any) -> Sight:
    coins = [
        CoinHealth("BTCUSDT", 0.3, 41.0, 1, 2, False),
        CoinHealth("1000000MOGUSDT", 4000.0, 123_456.0, 0, 0, True, "HALT"),
        CoinHealth("\x1b[31mEVIL", 99.0, 0.0, 0, 0, True),
    ]
    facts: dict[str, Any] = {
        "coins": coins, "alive": True, "reconnects": 12, "bad": 3, "late": 0, "gaps": 2, "weight": 37, "weight_limit": 6000,
        "waits_for": "", "offset_ms": -12.0, "messages": messages, "failure": "",
    }  # fmt: skip
    return Sight(at, Health(**(facts | changes)), Metrics(messages, messages * 200, messages * 40, 3, 0, 76 * 10**9))


@pytest.mark.parametrize("changes", [{}, {"alive": False, "waits_for": "banned by the exchange, 118 s left"}])
def test_the_display_fits_80_columns_and_tells_rates_ages_and_trouble(changes: dict[str, Any]) -> None:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(display_of(sight(10.0, 1_000_000), sight(15.0, 1_100_000, **changes)))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    assert "20,000 messages/s   4.0 MB/s   76.0 GB left" in shown
    assert "1,100,000 messages   220.0 MB, 44.0 MB on disk" in shown
    assert "reconnects 12   holes 2   bad frames 3" in shown
    rows = [line.split() for line in shown.splitlines()]
    assert ["BTCUSDT", "0.3", "s", "ago", "41", "ms"] in rows
    assert ["1000000MOGUSDT", "4,000.0", "s", "ago", "123,456", "ms", "HALT"] in rows
    if changes:
        assert "× no connection, trying again" in shown
        assert "requests wait: banned by the exchange, 118 s left" in shown
