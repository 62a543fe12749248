"""The link to the engine: starts the host as a process of its own and carries commands there and reports back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine import paths
from engine.errors import HostError, TickdeckError
from engine.host.protocol import Shutdown
from tui.mailbox import HostGone, HostLost, HostSpec, Link, Mailbox, Printed, Received

__all__ = ["EngineLink", "HostGone", "HostLost", "HostSpec", "Link", "Printed", "Received"]

START_SECONDS = 30.0
"""How long the host may take until it listens; it says what it does from then on."""
GRACE_SECONDS = 1.0
KEPT_LINES = 200
_numbers = itertools.count()


def _sweep(folder: Path) -> None:
    """Remove the sockets of decks that have been killed."""
    for path in folder.glob("*-*.sock"):
        try:
            os.kill(int(path.name.partition("-")[0]), 0)
        except (ProcessLookupError, ValueError, OverflowError):
            path.unlink(missing_ok=True)
        except PermissionError:
            pass


class EngineLink(Mailbox):
    """A host process and the socket to it."""

    def __init__(self, spec: HostSpec, command: Sequence[str] = (sys.executable, "-P", "-m", "engine.host")) -> None:
        super().__init__()
        self.spec = spec
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._killed = False
        self._errors: deque[str] = deque(maxlen=20)

    async def run(self) -> None:
        """Start the host and read from it until it ends; queues HostGone as the last report."""
        how = ""
        pumps: list[asyncio.Task[None]] = []
        socket: Path | None = None
        try:
            folder = paths.runtime_dir()
            _sweep(folder)
            socket = folder / f"{os.getpid()}-{next(_numbers)}.sock"
            process = await self._start(socket)
            assert process.stdout is not None
            assert process.stderr is not None
            pumps = [
                asyncio.create_task(self._pump(process.stdout, None)),
                asyncio.create_task(self._pump(process.stderr, self._errors)),
            ]
            reader = await self._connect(process, socket)
            if reader is not None:
                await self._read(process, reader)
        except TickdeckError as error:
            how = error.message
        except OSError as error:
            how = f"the engine could not be started: {error.strerror or error}"
        finally:
            await self._end(pumps)
            if socket is not None:
                socket.unlink(missing_ok=True)
            self.put(HostGone(how or self._how(), self._last_error()))

    async def _start(self, socket: Path) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            # Signals of the terminal are the deck's to handle; the host ends when the deck says so or is gone.
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        spec: dict[str, Any] = {
            "config": self.spec.config,
            "overrides": self.spec.overrides,
            "recording": self.spec.recording,
            "at": self.spec.at,
            "speed": self.spec.speed,
            "socket": str(socket),
        }
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(msgspec.json.encode(spec))
            await process.stdin.drain()
            process.stdin.close()
        return process

    async def _connect(self, process: asyncio.subprocess.Process, socket: Path) -> asyncio.StreamReader | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while process.returncode is None:
            try:
                reader, self._writer = await asyncio.open_unix_connection(str(socket))
            except (FileNotFoundError, ConnectionRefusedError):
                if loop.time() > deadline:
                    raise HostError(f"the engine did not answer within {START_SECONDS:.0f} s") from None
                await asyncio.sleep(0.02)
            else:
                return reader
        return None

    async def _read(self, process: asyncio.subprocess.Process, stream: asyncio.StreamReader) -> None:
        read = asyncio.create_task(self.read(stream))
        ended = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({read, ended}, return_when=asyncio.FIRST_COMPLETED)
            # What a dying host said last is still in the socket; a child of its own may keep that open for ever.
            await asyncio.wait({read}, timeout=GRACE_SECONDS / 2)
            if read.done():
                read.result()
        finally:
            for task in (read, ended):
                task.cancel()
            await asyncio.gather(read, ended, return_exceptions=True)

    async def _pump(self, stream: asyncio.StreamReader, errors: deque[str] | None) -> None:
        rest = b""
        while data := await stream.read(1 << 16):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[-4096:]
            self._printed([line.decode("utf-8", "replace") for line in lines[-KEPT_LINES:]], errors)
        if rest:
            self._printed([rest.decode("utf-8", "replace")], errors)

    def _printed(self, lines: list[str], errors: deque[str] | None) -> None:
        lines = [line for line in lines if line.strip()]
        if errors is not None:
            errors.extend(lines)
        if lines:
            self.put(Printed(lines))

    async def _end(self, pumps: list[asyncio.Task[None]]) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
            if process.returncode is None:
                self.kill()
                await process.wait()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if pumps:
            _, late = await asyncio.wait(pumps, timeout=GRACE_SECONDS / 4)
            for task in late:
                task.cancel()

    def _how(self) -> str:
        code = self._process.returncode if self._process else None
        if code is None:
            return "the engine is gone"
        if self._killed:
            return "the engine closed the connection and did not end, so the deck ended it"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"the engine was ended by {signal.Signals(-code).name}"
        return "the engine closed the connection and ended" if code == 0 else f"the engine ended with exit code {code}"

    def _last_error(self) -> str:
        return next((line.strip() for line in reversed(self._errors) if line.strip()), "")

    async def leave(self) -> None:
        """End the host too: it is nothing without its deck."""
        await self.close()

    async def close(self) -> None:
        """Ask the host to end, and see to it within two seconds."""
        self.send(Shutdown())
        process = self._process
        if process is None or process.returncode is not None:
            return
        for force in (None, signal.SIGTERM, signal.SIGKILL):
            if force is not None:
                self._signal(force)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
                return

    def end(self, seconds: float) -> None:
        """Tell the host to end and wait for it, so long at most; then end it at once."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while (process := self._process) is not None and process.returncode is None and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    time.sleep(0.02)
                    continue
            return
        self.kill()

    def kill(self) -> None:
        """End the host and all it started at once."""
        self._killed = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
