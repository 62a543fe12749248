"""The link to a flight: an engine that sends real orders, there before the deck or not, and there when the deck has gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.errors import HostError, TickdeckError
from engine.host.protocol import Shutdown
from tui.flights import logs_dir, new_flight
from tui.mailbox import HostGone, HostLost, HostSpec, Mailbox

START_SECONDS = 30.0
"""How long a flight may take until it listens."""
GONE_SECONDS = 10.0
"""How long an engine that has gone may take to be there again before it counts as gone for good."""
ABSENT_SECONDS = 0.5
ENDING_SECONDS = 0.3
PAUSE = 0.02
ENDS_SECONDS = 5.0


class FlightLink(Mailbox):
    """A flight: one that this starts as `spec` says, or the one that is reached `at` a socket."""

    def __init__(
        self,
        spec: HostSpec,
        at: Path | None = None,
        command: Sequence[str] = (sys.executable, "-P", "-m", "engine.host.supervisor"),
    ) -> None:
        super().__init__()
        self.spec = spec
        self.at = at or new_flight(spec.mode)
        self.flying = False
        self._starts = at is None
        self._command = command
        self._supervisor: asyncio.subprocess.Process | None = None
        self._parted = False

    @property
    def log(self) -> Path:
        """Where what the flight's processes print goes."""
        return logs_dir() / f"{self.at.stem}.log"

    async def run(self) -> None:
        """Start the flight where it is to be, and read from it until it ends; queues HostGone as the last report."""
        how = ""
        try:
            if self._starts:
                await self._start()
            patience = START_SECONDS
            while (stream := await self._connect(patience)) is not None:
                self.flying = True
                await self.read(stream)
                self._hang_up()
                if self._parted:
                    break
                if await self._has_ended():
                    break
                patience = GONE_SECONDS
                self.put(HostLost("the engine has gone; its supervisor starts another"))
            self.flying = self.flying and self._parted
        except TickdeckError as error:
            how = error.message
        except OSError as error:
            how = f"the flight could not be started: {error.strerror or error}"
        finally:
            self._hang_up()
            self.put(HostGone(how or "the flight has ended", self._last_words()))

    async def _start(self) -> None:
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._supervisor = supervisor = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                # it is to outlive this terminal and whatever happens to it
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        finally:
            os.close(log)
        spec = {
            "config": self.spec.config,
            "overrides": self.spec.overrides,
            "recording": self.spec.recording,
            "socket": str(self.at),
            "rehearses": self.spec.mode == "rehearsal",
        }
        assert supervisor.stdin is not None
        with contextlib.suppress(ConnectionError):
            supervisor.stdin.write(msgspec.json.encode(spec))
            await supervisor.stdin.drain()
            supervisor.stdin.close()

    async def _connect(self, patience: float) -> asyncio.StreamReader | None:
        """Return the stream from the flight once it is there; None where it has ended."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        absent = 0.0
        while loop.time() < deadline and not self._parted:
            try:
                stream, self._writer = await asyncio.open_unix_connection(str(self.at))
            except (FileNotFoundError, ConnectionRefusedError) as error:
                # an engine takes the place of another at once; a flight that has ended leaves none
                absent = absent + PAUSE if isinstance(error, FileNotFoundError) else 0.0
                if self.flying and absent >= ABSENT_SECONDS:
                    return None
                if self._supervisor is not None and self._supervisor.returncode is not None:
                    return None
                await asyncio.sleep(PAUSE)
            else:
                return stream
        if not self.flying and self._starts:
            raise HostError(f"the flight did not answer within {patience:.0f} s", hint=f"its log is {self.log}")
        return None

    async def _has_ended(self) -> bool:
        """Whether the flight is over, which its supervisor shows soon after its engine has gone."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ENDING_SECONDS
        while loop.time() < deadline:
            if not os.path.exists(self.at):  # noqa: ASYNC240 - a look at a folder in memory
                self.flying = False
                return True
            await asyncio.sleep(PAUSE)
        return False

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _last_words(self) -> str:
        if not self._starts:
            return ""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return ""
        return next((line.strip()[:500] for line in reversed(text.splitlines()) if line.strip()), "")

    async def leave(self) -> None:
        """Part with the flight, which goes on."""
        self._parted = True
        if self._writer is not None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(self._writer.drain(), 1.0)
            self._hang_up()

    async def close(self) -> None:
        """End the flight in order: its orders are treated as when the deck is lost."""
        ended = self.send(Shutdown())
        self._parted = True
        if ended and self._writer is not None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(self._writer.drain(), 1.0)
            await self._ended()
        await self.leave()
        self.flying = False

    async def _ended(self) -> None:
        """Wait until its socket has gone, for a while."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ENDS_SECONDS
        while self.at.exists() and loop.time() < deadline:  # noqa: ASYNC110 - another process removes it
            await asyncio.sleep(PAUSE)

    def end(self, seconds: float) -> None:
        """Tell the flight to end, from whatever thread; it sees to the rest itself."""
        self.send(Shutdown())

    def kill(self) -> None:
        """Let the flight go on: it is ended by being told to, or by `tickdeck halt`."""
        self._parted = True
