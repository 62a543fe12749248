"""The host's socket: one deck at a time, commands in, frames and events out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import HostError, NoRecording, TickdeckError
from engine.host.protocol import FRAMES_PER_SECOND, Command, Failure, Message, Progress, Reader, Shutdown, Wanted, pack
from engine.host.spec import Spec, prepared
from engine.host.whereabouts import telling

if TYPE_CHECKING:
    from engine.host.pilot import Pilot
    from engine.host.player import Player

WAIT_FOR_DECK_S = 30.0


class Deck:
    """The connection to the deck: messages go out whole, commands come in one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._commands: asyncio.Queue[Command | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._read())
        self.came = asyncio.Event()
        """Set when a command comes; may be replaced by one that others set too."""

    async def _read(self) -> None:
        cutter = Reader(Command)
        with contextlib.suppress(ConnectionError, HostError):
            while data := await self._reader.read(1 << 16):
                for command in cutter.feed(data):
                    self._put(command)
        self._put(None)

    def _put(self, command: Command | None) -> None:
        self._commands.put_nowait(command)
        self.came.set()

    def end(self) -> None:
        """Behave as if the deck had gone."""
        self._put(None)

    def take(self) -> list[Command | None]:
        """Return the commands that came, in order; None stands for the deck's end."""
        self.came.clear()
        taken = []
        while not self._commands.empty():
            taken.append(self._commands.get_nowait())
        return taken

    def send(self, message: Message) -> None:
        """Send a message."""
        if not self._writer.is_closing():
            self._writer.write(pack(message))

    @property
    def behind(self) -> int:
        """How many bytes of what it was sent the deck has not taken."""
        return int(self._writer.transport.get_write_buffer_size())

    async def close(self) -> None:
        """Let what was sent go out, and end."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(self._writer.drain(), 1.0)
        self._writer.close()
        self._task.cancel()
        with contextlib.suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), 1.0)


async def serve(spec: Spec) -> int:
    """Wait for the deck, make the session ready before its eyes, fly it until the deck goes; returns the exit code."""
    connected: asyncio.Future[Deck] = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connected.done():
            writer.close()
        else:
            connected.set_result(Deck(reader, writer))

    server = await listen(accept, Path(spec.socket))
    async with server:
        try:
            deck = await asyncio.wait_for(connected, WAIT_FOR_DECK_S)
        except TimeoutError:
            raise HostError(f"no deck came within {WAIT_FOR_DECK_S:.0f} s") from None
        finally:
            # The one deck there is needs no name any more, and whatever ends this process leaves none behind.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(spec.socket)
        server.close()
        try:
            return await _serve(deck, spec)
        finally:
            await deck.close()


async def listen(accept: object, path: Path) -> asyncio.Server:
    """Listen on a socket that only this user can connect to."""
    mask = os.umask(0o177)
    try:
        return await asyncio.start_unix_server(accept, str(path))  # type: ignore[arg-type]
    finally:
        os.umask(mask)


async def _serve(deck: Deck, spec: Spec) -> int:
    loop = asyncio.get_running_loop()

    def progress(text: str) -> None:
        loop.call_soon_threadsafe(deck.send, Progress(text))

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, deck.end)
    ready = False
    try:
        async with telling(), prepared(spec, progress) as player:
            ready = True
            for message in player.opening():
                deck.send(message)
            await fly(deck, player)
    except TickdeckError as error:
        wanted = Wanted(error.name, error.coins) if isinstance(error, NoRecording) else None
        deck.send(Failure(error.title, error.message, error.hint, True, wanted))
        return 3 if ready else 2
    return 0


async def fly(deck: Deck, player: Player | Pilot) -> None:
    """Run the player until the deck ends it: commands first, then the steps that are due, then a frame when one is due."""
    loop = asyncio.get_running_loop()
    frame_due = loop.time()
    told_failure = False
    moving = True
    while True:
        commands = deck.take()
        for command in commands:
            if command is None or isinstance(command, Shutdown):
                return
            for answer in player.act(command):
                deck.send(answer)
        wait = player.advance()
        if player.failure is not None and not told_failure:
            told_failure = True
            deck.send(player.failure)
        now = loop.time()
        if commands or (now >= frame_due and (moving or player.playing)):
            frame_due = now + 1 / FRAMES_PER_SECOND
            if events := player.events():
                deck.send(events)
            for message in player.news():
                deck.send(message)
            # a frame the deck cannot take yet is made anew later, the last one above all
            moving = player.playing or (deck.behind > 0 and not commands)
            if commands or not deck.behind:
                deck.send(player.frame())
        elif not player.playing:
            wait = min(wait, 1.0)
        await _rest(deck, min(wait, max(0.0, frame_due - loop.time())) if player.playing or moving else 1.0)


async def _rest(deck: Deck, seconds: float) -> None:
    """Let the socket breathe, and sleep until something is due or a command comes."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await deck.came.wait()
