"""Downloading from the deck: `tickdeck download` in a process of its own, which tells how far it is in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import signal
import sys
from calendar import monthrange
from collections import deque
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import msgspec

from engine.errors import DownloadError, UsageError
from tui.text import clean

COMMAND = (sys.executable, "-P", "-m", "tui.cli")
GRACE_SECONDS = 3.0


class Far(msgspec.Struct, frozen=True, tag="far"):
    """How far a download is: the file last touched, files done and to be done, bytes received."""

    file: str
    done: int
    of: int
    bytes: int


class Trouble(msgspec.Struct, frozen=True, tag="trouble"):
    """What keeps a download from being done."""

    message: str
    hint: str


class Done(msgspec.Struct):
    """What a download brought: the recording's name and folder."""

    recording: str
    path: str


class Wish(NamedTuple):
    """What is to be downloaded, as typed on the command line."""

    coins: tuple[str, ...]
    first: str
    last: str
    interval: str
    into: str

    @property
    def arguments(self) -> list[str]:
        """The command line without the program's name; what is left out takes its default."""
        last = [f"--to={self.last}"] if self.last else []
        return ["download", *self.coins, f"--from={self.first}", *last, f"--interval={self.interval}", f"--into={self.into}"]

    def __str__(self) -> str:
        """Return the command a person would type."""
        return shlex.join(["tickdeck", *(part for its in self.arguments for part in its.split("=", 1))])


def parse_day(option: str, text: str, *, end: bool = False) -> date:
    """Return the day that `text` means, of a month its first or at the `end` its last; raises UsageError naming the option."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", text)
    try:
        if match is None:
            raise ValueError
        year, month, day = (int(part or 0) for part in match.groups())
        return date(year, month, day or (monthrange(year, month)[1] if end else 1))
    except ValueError:
        raise UsageError(
            f"{option} {clean(text, 40)} is no day", hint="write it as 2025-01-31, or 2025-01 for a whole month"
        ) from None


async def download(wish: Wish, told: Callable[[Far], None]) -> Done:
    """Download what is wished, telling how far it is; raises DownloadError with what it came to instead.

    Cancelled, it interrupts the process and sees to its end: what was fetched is kept, and nothing imported.
    """
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *wish.arguments,
        "--json",
        "--progress",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said, trouble = await asyncio.gather(process.stdout.read(), _listen(process.stderr, told))
        code = await process.wait()
    finally:
        await _end(process)
    if trouble is not None:
        raise DownloadError(trouble.message, hint=trouble.hint)
    try:
        return msgspec.json.decode(said, type=Done)
    except msgspec.DecodeError:
        raise DownloadError(f"the download ended with exit code {code} and without a word") from None


async def _listen(stream: asyncio.StreamReader, told: Callable[[Far], None]) -> Trouble | None:
    """Pass on how far the process is; return what it failed of, in its own last words where it has no better ones."""
    decoder = msgspec.json.Decoder(Far | Trouble)
    last: deque[str] = deque(maxlen=1)
    while line := await stream.readline():
        try:
            report = decoder.decode(line)
        except msgspec.DecodeError:
            last.append(line.decode("utf-8", "replace").strip())
            continue
        if isinstance(report, Trouble):
            return report
        told(report)
    return Trouble(f"the download failed: {last[0]}", "") if last else None


async def _end(process: asyncio.subprocess.Process) -> None:
    """See that the process has ended: asked first, then by force."""
    try:
        if process.returncode is None:
            _signal(process, signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    finally:
        _signal(process, signal.SIGKILL)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
