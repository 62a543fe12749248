"""Flights on this machine: the sockets at which engines that send real orders are reached, by a deck or by a command."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine import paths
from engine.errors import HostError, UsageError
from engine.host.protocol import Command, Hello, Reader, Report, pack

SUFFIX = ".sock"
PAUSE = 0.1


def flights_dir() -> Path:
    """Return the folder of the flights' sockets, made if need be, that only this user can enter."""
    folder = paths.runtime_dir() / "flights"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def logs_dir() -> Path:
    """Return the folder of what flights' processes print, made if need be."""
    folder = paths.user_data() / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def new_flight(mode: str) -> Path:
    """Return where a flight that is about to be started will be reached."""
    folder = flights_dir()
    n = 1
    while (path := folder / f"{mode}-{os.getpid()}-{n}{SUFFIX}").exists():
        n += 1
    return path


def living() -> list[Path]:
    """Return the sockets of the flights there are, by name; those of flights that were killed are removed.

    A flight whose engine has just gone has a supervisor, which starts another; one whose supervisor has gone may fly on.
    """
    found = []
    for path in sorted(flights_dir().glob(f"*{SUFFIX}")):
        try:
            with _connected(path, 1.0):
                found.append(path)
        except ConnectionRefusedError:
            if _is_watched(path):
                found.append(path)
            else:
                path.unlink(missing_ok=True)
                path.with_suffix(".pid").unlink(missing_ok=True)
        except OSError:
            continue
    return found


def _is_watched(path: Path) -> bool:
    """Whether a flight's supervisor is there."""
    try:
        os.kill(int(path.with_suffix(".pid").read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def the_flight(name: str | None) -> Path:
    """Return the socket of a flight by its name, or of the only one there is; raises UsageError naming those there are."""
    paths_there = living()
    names = [path.stem for path in paths_there]
    if name is not None:
        if name in names:
            return paths_there[names.index(name)]
        raise UsageError(f"there is no flight {name!r}", hint=f"there is {', '.join(names)}" if names else "none is under way")
    if not paths_there:
        raise UsageError("no flight is under way", hint="`tickdeck trade CONFIG` starts one")
    if len(paths_there) > 1:
        told = "; ".join(f"{path.stem}: {_about(path)}" for path in paths_there)
        raise UsageError(f"{len(paths_there)} flights are under way", hint=f"name one of them: {told}")
    return paths_there[0]


@contextmanager
def talking(path: Path, seconds: float) -> Iterator[Conversation]:
    """Talk to a flight without a deck, one whose engine is being started too; raises HostError where it is silent so long."""
    until = time.monotonic() + seconds
    try:
        while not _answers(path) and time.monotonic() < until:
            time.sleep(PAUSE)
        with _connected(path, seconds) as connection:
            yield Conversation(connection)
    except TimeoutError:
        raise HostError(
            f"the flight {path.stem} does not answer", hint="its supervisor ends an engine that hangs; try again"
        ) from None
    except OSError as error:
        raise HostError(f"the flight {path.stem} is not to be reached: {error.strerror or error}") from None


class Conversation:
    """Reports in, commands out, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = Reader(Report)
        self._came: list[Any] = []

    def send(self, command: Command) -> None:
        """Send a command."""
        self._connection.sendall(pack(command))

    def next(self) -> Any:
        """Return the next report; raises HostError where the flight ends the conversation."""
        while not self._came:
            data = self._connection.recv(1 << 16)
            if not data:
                raise HostError("the flight ended before it answered")
            self._came += self._reader.feed(data)
        return self._came.pop(0)


def _answers(path: Path) -> bool:
    try:
        with _connected(path, 1.0):
            return True
    except (ConnectionRefusedError, FileNotFoundError):
        return False


@contextmanager
def _connected(path: Path, seconds: float) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        connection.connect(str(path))
        yield connection


def _about(path: Path) -> str:
    try:
        with talking(path, 1.0) as flight:
            while not isinstance(said := flight.next(), Hello):
                pass
    except HostError:
        return "not ready"
    return f"{said.strategy or 'no strategy'} on {', '.join(its.coin for its in said.coins)}"
