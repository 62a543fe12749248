"""The ground of a rehearsed flight: a process that serves the exchange a config asks for, and ends with whoever started it."""

from __future__ import annotations

import asyncio
import math
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine import seam
from engine.config import SessionConfig
from engine.errors import ConfigError, NoRecording, TickdeckError
from engine.host.leash import end_with_parent
from engine.host.spec import Spec, settings_of
from engine.model import INTERVALS, Timestamp
from engine.redaction import guard

if TYPE_CHECKING:
    from engine.recordings import Recording

NS_PER_SECOND, NS_PER_MS = 10**9, 10**6
FIRST_UID = 1_000_001
LONGEST_S = 3600
"""The longest that data may be without being stale."""


class Asked(msgspec.Struct):
    """What is to be served: for which flight, at which port, with which keys, and when it first opened, 0 for now.

    That is by the clock that only goes forward, which all processes of a machine share.
    """

    spec: dict[str, Any]
    port: int
    began: int
    api_key: str
    api_secret: str


class Stage(NamedTuple):
    """What a rehearsal plays: a recording, its folder, and when in it the exchange opens.

    `stale_s` is after how long without data a coin is stale there, where a bar has a few trades and each takes its time.
    """

    folder: Path
    recording: Recording
    begin: Timestamp
    stale_s: int


def stage_of(settings: SessionConfig) -> Stage:
    """Return what the rehearsal of a config plays; raises the error of what is wrong with it, with its place."""
    from engine.recordings import find_recording, open_recording
    from engine.rehearsal.opening import opening_time

    wanted = settings.rehearsal
    try:
        folder = find_recording(settings.rehearsed, settings.beside, settings.coins)
    except NoRecording as error:
        key = ("recording",) if wanted.recording is None else ("rehearsal", "recording")
        raise settings.error({key: error.message}, error.hint) from None
    recording = open_recording(folder)
    if unknown := [coin for coin in settings.coins or () if coin not in recording.instruments]:
        told = f"{recording.name}, which the rehearsal plays, has no {', '.join(unknown)}; it has {', '.join(recording.coins)}"
        raise settings.error({("coins",): told}, "name coins of it, or another recording under [rehearsal]")
    try:
        begin = opening_time(recording, wanted.begin_ns)
    except ConfigError as error:
        raise settings.error({("rehearsal", "begin"): error.message}, error.hint) from None
    two_bars = 2 * INTERVALS[recording.interval] / float(wanted.speed) / NS_PER_SECOND
    return Stage(folder, recording, begin, max(settings.binance.stale_s, min(math.ceil(two_bars), LONGEST_S)))


async def serve(asked: Asked, settings: SessionConfig) -> None:
    """Serve the exchange of a config until told to end; prints its port as JSON once it is open."""
    # not before it is known that there is something to serve
    from engine.rehearsal.server import RehearsalServer
    from engine.rehearsal.settings import RehearsalSettings

    folder, recording, begin, _ = stage_of(settings)
    wanted = settings.rehearsal
    main: dict[str, Any] = {"name": "main", "balances": settings.account.cash}
    if asked.began:
        gone = seam.monotonic_ns() - asked.began
        begin += int(gone * float(wanted.speed))
        # its accounts begin anew: each is another one, and whoever trades on it sees that
        main["uid"] = FIRST_UID + gone // NS_PER_MS
    tables = {
        "recording": str(folder),
        "begin": _iso(begin if begin < recording.end else recording.start),
        "speed": wanted.speed,
        "loop": True,
        "seed": settings.seed,
        "fills": settings.fills.model_dump(exclude_none=True),
        "accounts": [main | {"api_key": asked.api_key, "api_secret": asked.api_secret}],
    }
    server = RehearsalServer(RehearsalSettings.from_dict(tables), recording, port=asked.port)
    await server.start()
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    print(msgspec.json.encode({"port": int(server.addresses.rest.rpartition(":")[2])}).decode(), flush=True)
    await over.wait()
    await server.stop()


def _iso(time: Timestamp) -> str:
    return f"{datetime.fromtimestamp(time // NS_PER_SECOND, UTC):%Y-%m-%dT%H:%M:%SZ}"


def main() -> int:
    """Serve what stdin asks for; returns the exit code. Where the config has an exchange of its own, there is nothing to do."""
    guard()
    end_with_parent()
    asked = msgspec.json.decode(sys.stdin.buffer.readline(), type=Asked)
    try:
        settings = settings_of(msgspec.convert(asked.spec, Spec), lambda text: None)
        if settings.mode != "rehearsal" or settings.binance.url is not None:
            print("null", flush=True)
            return 0
        asyncio.run(serve(asked, settings))
    except TickdeckError as error:
        print(str(error), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
