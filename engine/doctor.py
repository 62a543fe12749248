"""The doctor: whether all that a session needs is well, and what to do where it is not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

from engine import seam
from engine.errors import ConfigError, RecordingError, TickdeckError
from engine.paths import user_cache, user_data

if TYPE_CHECKING:
    from engine.binance.client import Client
    from engine.binance.keys import Keys
    from engine.config import SessionConfig

LIBRARIES = ("textual", "numba", "numpy", "pandas", "pyarrow", "TA-Lib", "msgspec", "python-binance", "aiohttp", "websockets")
NS_PER_MS = 1_000_000
MIB = 1 << 20
SPARE, SCARCE = 1024 * MIB, 100 * MIB
"""Bytes of a disk: with less than the first it fills up before long, with less than the second at once."""
SLOW_MS = 50.0
"""Each order waits until it is on disk."""
SKEW_MS, OFF_MS = 250.0, 1000.0
"""How far this machine's clock may be off: it is worth mending, and nothing is traded."""
FAR_MS = 1000.0


class Check(NamedTuple):
    """One thing looked at: how it is, what was seen, and the remedy."""

    name: str
    status: Literal["ok", "warn", "fail"]
    text: str
    remedy: str = ""


async def live_checks(settings: SessionConfig) -> list[Check]:
    """Look at what a config's live prices and real orders need: disk, keys, the exchange, this clock, what the keys may do.

    It asks the config's exchange and nobody else; what is wrong is told, never raised.
    """
    checks, keys = [disk()], None
    if settings.trades and not own_exchange(settings):
        its, keys = keys_of(settings.mode)
        checks.append(its)
    return [*checks, *await exchange(settings, keys)]


def own_exchange(settings: SessionConfig) -> bool:
    """Return whether a config's flight starts its own exchange on this machine, so that there is none to ask before."""
    return settings.mode == "rehearsal" and settings.binance.url is None


# This machine


def installation() -> Check:
    """Look whether the libraries that matter are there, and tell their versions."""
    found, missing = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("installation", "fail", f"{', '.join(missing)} missing", "`make install`, or pip install tickdeck anew")
    return Check("installation", "ok", ", ".join(found))


def kernel() -> Check:
    """Look whether compiled code can be kept."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache() / "kernel")
    if folder.is_dir() and any(folder.rglob("*.nbc")):
        return Check("kernel", "ok", f"compiled, in {folder}")
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return Check(
            "kernel", "warn", f"{folder} cannot be written, so each start compiles", "set NUMBA_CACHE_DIR to a folder that can"
        )
    return Check("kernel", "ok", "not compiled yet: the first start does, which takes some seconds")


def disk(folder: Path | None = None) -> Check:
    """Look whether the folder of recordings and journals can be written, how much room it has, and how long a write takes."""
    folder = folder or user_data()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        free = shutil.disk_usage(there).free
        took = min(_write(there) for _ in range(3))
    except OSError as error:
        return Check("disk", "fail", f"{there} cannot be written: {error.strerror}", "make room there, or set XDG_DATA_HOME")
    seen = f"{free // MIB:,} MiB free at {there}, a write is safe after {took:.1f} ms"
    if free < SCARCE:
        return Check("disk", "fail", seen, "make room there, or set XDG_DATA_HOME to another disk")
    if free < SPARE:
        return Check("disk", "warn", seen, "a capture fills that before long; make room there")
    if took > SLOW_MS:
        return Check("disk", "warn", seen, "every order waits so long; set XDG_DATA_HOME to a faster disk")
    return Check("disk", "ok", seen)


def _write(folder: Path) -> float:
    """Write a little and wait until it is on disk; return how long that took, ms."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x" * 4096)
        file.flush()
        began = seam.stopwatch()
        os.fsync(file.fileno())
        return (seam.stopwatch() - began) * 1000


def recordings() -> Iterator[Check]:
    """Look whether each recording opens, and whether there are captures that nobody sealed."""
    from engine.recordings.capture.segments import being_captured, segments_of
    from engine.recordings.find import list_recordings

    found = list_recordings()
    for its in found:
        if its.recording is None:
            yield Check(
                "recordings", "fail", f"{its.path}: {its.problem}", f"`tickdeck recordings verify {its.path}` tells more"
            )
        elif (segments := len(segments_of(its.path))) and not being_captured(its.path):
            text = f"{its.path}: {segments} captured segments are not sealed, so not seen"
            yield Check("recordings", "warn", text, f"`tickdeck recordings seal {its.path}`")
    opened = sum(its.recording is not None for its in found)
    yield Check("recordings", "ok", f"{opened} of {len(found)} open")


# Keys and journals


def keys_of(environment: str) -> tuple[Check, Keys | None]:
    """Look for the keys of an environment."""
    from engine.binance.keys import find_keys

    try:
        keys = find_keys(environment)
    except ConfigError as error:
        return Check("keys", "fail", error.message, error.hint), None
    return Check("keys", "ok", f"{environment}: {keys.api_key.first} signs by {keys.kind}"), keys


def all_keys() -> Check:
    """Look which environments have keys."""
    from engine.binance.keys import ENVIRONMENTS, found_keys

    try:
        told = [f"{name} ({where[0]})" for name in ENVIRONMENTS for where in list(found_keys(name))[:1]]
    except ConfigError as error:
        return Check("keys", "fail", error.message, error.hint)
    return Check("keys", "ok", f"for {', '.join(told)}" if told else "none; replay, paper and rehearsal need none")


def journals(path: Path | None = None) -> Iterator[Check]:
    """Look whether a journal, or each there is, can be read, is whole, and who has it."""
    paths = [path] if path is not None else sorted((user_data() / "journals").glob("*.db"))
    for its in paths:
        yield _journal(its)
    if not paths:
        yield Check("journal", "ok", "none yet")


def _journal(path: Path) -> Check:
    if not path.exists():
        return Check("journal", "ok", f"{path} is made when it first flies")
    remedy = f"keep a copy of {path.name}*, and do not trade on it: it is all that is known of orders under way"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0.2)) as db:
            problem = db.execute("PRAGMA quick_check(1)").fetchone()[0]
            entries = db.execute("SELECT count(*) FROM entries").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return Check("journal", "ok", f"{path} is in use by {_holder(path)}: a flight is under way")
        return Check("journal", "fail", f"{path}: {error}", remedy)
    except sqlite3.Error as error:
        return Check("journal", "fail", f"{path}: {error}", remedy)
    if problem != "ok":
        return Check("journal", "fail", f"{path} is damaged: {problem}", remedy)
    return Check("journal", "ok", f"{path}: {entries:,} entries, whole, in nobody's use")


def _holder(path: Path) -> str:
    """Return which process has a file open, as far as this system tells."""
    if sys.platform == "linux":
        wanted = os.path.realpath(path)
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if any(os.path.realpath(its) == wanted for its in (process / "fd").iterdir()):
                    return f"process {process.name}"
            except OSError:
                continue
    return "another process"


# The exchange


async def exchange(settings: SessionConfig, keys: Keys | None) -> list[Check]:
    """Look whether a config's exchange can be reached, how far this clock is off, and what the keys may do."""
    if settings.mode == "replay":
        return [Check("exchange", "ok", "not asked: the config replays a recording")]
    if own_exchange(settings):
        return [Check("exchange", "ok", "not asked: the flight starts its own on this machine")]
    from engine.binance.client import Client
    from engine.binance.clock import ExchangeClock
    from engine.binance.hosts import hosts_of

    try:
        client = Client(
            hosts_of(settings.binance, settings.mode), clock=ExchangeClock(float(settings.binance.speed)), keys=keys
        )
        await client.open()
    except TickdeckError as error:
        return [Check("exchange", "fail", error.message, error.hint)]
    try:
        found = [_reached(client), _clock(client)]
        if keys is not None:
            found += await _permissions(client)
        return found
    finally:
        await client.close()


def _reached(client: Client) -> Check:
    took = 2 * client.clock.uncertain_ns / NS_PER_MS
    text = f"{client.hosts.rest} answers in {took:.1f} ms"
    return (
        Check("exchange", "warn", text, "orders take as long; is this line busy?")
        if took > FAR_MS
        else Check("exchange", "ok", text)
    )


def _clock(client: Client) -> Check:
    from engine.binance.hosts import LOOPBACK

    if urlsplit(client.hosts.rest).hostname in LOOPBACK:
        return Check("clock", "ok", "not compared: a rehearsal tells its recording's time")
    off = client.clock.skew_ns / NS_PER_MS
    way = "ahead of" if off > 0 else "behind"
    text = f"{abs(off):,.0f} ms {way} the exchange's, known to {client.clock.uncertain_ns / NS_PER_MS:.1f} ms"
    if abs(off) > SKEW_MS:
        status: Literal["warn", "fail"] = "fail" if abs(off) > OFF_MS else "warn"
        return Check("clock", status, text, "set this machine's clock by NTP: `timedatectl set-ntp true`, or chrony")
    return Check("clock", "ok", text)


async def _permissions(client: Client) -> list[Check]:
    from engine.binance.permissions import check

    try:
        found = await check(client)
    except TickdeckError as error:
        return [Check("permissions", "fail", error.message, error.hint)]
    checks = [Check("permissions", "fail", *_remedied(text)) for text in found.refusals]
    checks += [Check("permissions", "warn", *_remedied(text)) for text in found.warnings]
    if found.ok:
        age = f"; made {found.age_days:,} days ago" if found.age_days is not None else ""
        checks.append(Check("permissions", "ok", f"the key may trade{age}"))
    return checks


def _remedied(text: str) -> tuple[str, str]:
    """Return what is wrong and its remedy, which a permission's sentence has after a semicolon."""
    seen, _, remedy = text.partition("; ")
    return seen, remedy


def recording_of(settings: SessionConfig) -> Check:
    """Look whether the recording of a config opens."""
    from engine.recordings.find import find_recording
    from engine.recordings.recording import open_recording

    try:
        its = open_recording(find_recording(settings.recording, settings.beside, settings.coins))
    except RecordingError as error:
        return Check("recording", "fail", error.message, error.hint)
    return Check("recording", "ok", f"{its.name}: {', '.join(its.coins)}")
