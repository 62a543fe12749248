"""A download in a process of its own: the real command on a loopback archive, and stand-ins that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from engine.errors import DownloadError, UsageError
from engine.recordings import open_recording
from tests.recordings.conftest import bars_of, vision_of
from tests.recordings.loopback_archive import LoopbackArchive
from tui.downloading import Far, Wish, download, parse_day

WISH = Wish(("BTCUSDT",), "2025-01-01", "2025-01-01", "1h", "it")
DAY = "daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01-01.zip"


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackArchive]:
    """A loopback archive that the command knows of, with a cache and a current folder of the test's own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with LoopbackArchive() as server:
        monkeypatch.setenv("TICKDECK_ARCHIVE_URL", server.url)
        yield server


def instead(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Run this script in place of tickdeck."""
    monkeypatch.setattr("tui.downloading.COMMAND", (sys.executable, "-c", script))


def test_a_wish_is_the_command_a_person_would_type() -> None:
    assert str(WISH) == "tickdeck download BTCUSDT --from 2025-01-01 --to 2025-01-01 --interval 1h --into it"
    wish = Wish(("BTCUSDT", "ETH/USDT"), "2025-01", "", "1m", "my own=data; x")
    assert str(wish) == "tickdeck download BTCUSDT ETH/USDT --from 2025-01 --interval 1m --into 'my own=data; x'"
    assert wish.arguments[-1] == "--into=my own=data; x", "one argument, whatever it holds"


def test_days() -> None:
    assert parse_day("--from", "2025-02") == date(2025, 2, 1)
    assert parse_day("--to", "2024-02", end=True) == date(2024, 2, 29)
    assert parse_day("--to", "2025-02-07", end=True) == date(2025, 2, 7)
    for text in ("", "2025", "2025-13", "2025-02-30", "25-01-01", "2025-1"):
        with pytest.raises(UsageError, match=r"--to .*is no day"):
            parse_day("--to", text)


async def test_the_real_command_tells_how_far_it_is_and_what_it_made(archive: LoopbackArchive) -> None:
    archive.put_text(DAY, vision_of(bars_of(24, interval="1h")))
    told: list[Far] = []
    done = await download(WISH, told.append)
    assert done.recording == "it"
    assert open_recording(Path(done.path)).coins == ("BTCUSDT",)
    assert told[-1] == Far(f"reading {DAY.rpartition('/')[2]}", 0, 1, 0)
    assert any(far.bytes > 0 and far.of == 1 for far in told)
    with pytest.raises(DownloadError, match="the archive has nothing of XRPUSDT") as error:
        await download(WISH._replace(coins=("XRPUSDT",)), told.append)
    assert "look at the name" in error.value.hint


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit(3)", "the download ended with exit code 3 and without a word"),
        ("print('no json')", "the download ended with exit code 0 and without a word"),
        ("import sys; print('odd', file=sys.stderr); sys.exit('boom')", "the download failed: boom"),
        ("import os; os.kill(os.getpid(), 9)", "the download ended with exit code -9 and without a word"),
    ],
)
async def test_a_command_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, script: str, message: str) -> None:
    instead(monkeypatch, script)
    with pytest.raises(DownloadError) as error:
        await download(WISH, lambda far: None)
    assert error.value.message == message


@pytest.mark.parametrize("deaf", [False, True])
async def test_a_download_that_is_cancelled_ends_its_process(monkeypatch: pytest.MonkeyPatch, deaf: bool) -> None:
    monkeypatch.setattr("tui.downloading.GRACE_SECONDS", 0.2 if deaf else 10)
    ears = "signal.signal(2, signal.SIG_IGN)" if deaf else ""
    far = '{"type":"far","file":"%d","done":0,"of":1,"bytes":1}'
    instead(
        monkeypatch,
        f"import os, signal, sys, time; {ears}\nprint('{far}' % os.getpid(), file=sys.stderr, flush=True); time.sleep(60)",
    )
    told: asyncio.Queue[Far] = asyncio.Queue()
    task = asyncio.create_task(download(WISH, told.put_nowait))
    pid = int((await asyncio.wait_for(told.get(), 20)).file)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(200):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            await asyncio.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
