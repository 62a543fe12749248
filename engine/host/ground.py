"""The ground of a rehearsed flight: a process that serves the exchange a config asks for, and ends with whoever started it."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine import seam
from engine.config import SessionConfig
from engine.errors import TickdeckError
from engine.host.leash import end_with_parent
from engine.host.spec import Spec, settings_of
from engine.model import Timestamp
from engine.redaction import guard

NS_PER_SECOND = 10**9


class Asked(msgspec.Struct):
    """What is to be served: for which flight, at which port, with which keys, and when it first opened, 0 for now.

    That is by the clock that only goes forward, which all processes of a machine share.
    """

    spec: dict[str, Any]
    port: int
    began: int
    api_key: str
    api_secret: str


async def serve(asked: Asked, settings: SessionConfig) -> None:
    """Serve the exchange of a config until told to end; prints its port as JSON once it is open."""
    # not before it is known that there is something to serve
    from engine.recordings import find_recording, open_recording
    from engine.recordings.times import parse_date
    from engine.rehearsal.opening import HISTORY
    from engine.rehearsal.server import RehearsalServer
    from engine.rehearsal.settings import RehearsalSettings

    wanted = settings.rehearsal
    folder = find_recording(wanted.recording, settings.beside, settings.coins)
    recording = open_recording(folder)
    times = recording.bars(recording.coins[0]).time
    begin = parse_date(wanted.begin) if wanted.begin is not None else int(times[min(HISTORY, len(times) // 4)])
    if asked.began:
        begin += int((seam.monotonic_ns() - asked.began) * float(wanted.speed))
    account = settings.account
    tables = {
        "recording": str(folder),
        "begin": _iso(begin if begin < recording.end else int(times[0])),
        "speed": wanted.speed,
        "loop": True,
        "seed": settings.seed,
        "fills": settings.fills.model_dump(exclude_none=True),
        "accounts": [{"name": "main", "balances": account.cash, "api_key": asked.api_key, "api_secret": asked.api_secret}],
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
