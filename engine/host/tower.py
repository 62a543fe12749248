"""The tower: the socket of a flight. Decks come and go, several at a time; the flight goes on whether any looks on or not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine import seam
from engine.errors import TickdeckError
from engine.host.protocol import FRAMES_PER_SECOND, Failure, Message, Progress, Shutdown, Watch
from engine.host.pulse import Pulse
from engine.host.server import Deck, listen
from engine.host.spec import Spec, airborne

if TYPE_CHECKING:
    from engine.host.captain import Captain

LOOK_S = 0.05
"""How often it is looked, before a flight is ready, whether it is still wanted."""
MOST_BEHIND = 8 << 20
"""Bytes that a deck may leave lying before it is let go: it can come again."""
ALONE_S = 30.0
"""How long a flight with nothing to look after waits for a deck."""


class Tower:
    """Takes in every deck that connects; `send` tells them all."""

    def __init__(self) -> None:
        self.decks: list[Deck] = []
        self.came = asyncio.Event()
        self.captain: Captain | None = None
        self._said: list[Progress] = []
        self._since = seam.monotonic_ns()
        self._looking: set[Deck] = set()

    @asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[None]:
        """Listen at a path, in place of whoever did before; let everybody go in the end."""
        # the name is never without a socket: who finds none takes the flight for ended
        new = path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(new)
        async with await listen(self._accept, new):
            os.replace(new, path)
            try:
                yield
            finally:
                await asyncio.gather(*(deck.close() for deck in self.decks))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deck = Deck(reader, writer)
        for progress in self._said:
            deck.send(progress)
        if self.captain is not None:
            self._brief(deck, self.captain)
        self.decks.append(deck)

    def _brief(self, deck: Deck, captain: Captain) -> None:
        deck.came = self.came
        deck.send(captain.hello())
        deck.send(captain.recent())
        deck.send(captain.frame())

    def progress(self, text: str) -> None:
        """Tell what is being done before the flight is ready."""
        self._said.append(Progress(text))
        self.send(self._said[-1])

    def take_off(self, captain: Captain) -> None:
        """Tell every deck what is flown; whatever comes wakes the same event from now on."""
        self.came = captain.session.feed.came
        for deck in self.decks:
            self._brief(deck, captain)
        self.captain = captain

    def send(self, message: Message) -> None:
        """Send a message to every deck."""
        for deck in self.decks:
            deck.send(message)

    def looks(self, deck: Deck) -> None:
        """Know that a person looks at a deck: a command in a shell asks for no coin to be shown."""
        self._looking.add(deck)

    def let_go(self, deck: Deck) -> bool:
        """Forget a deck that has gone; return whether it was the last that a person looked at."""
        looked = deck in self._looking
        self._looking.discard(deck)
        self.decks.remove(deck)
        self._since = seam.monotonic_ns()
        task = asyncio.get_running_loop().create_task(deck.close())
        task.add_done_callback(lambda done: done.exception())
        return looked and not self._looking

    def wants_no_more(self) -> bool:
        """Whether a deck ends the flight before it is ready; what else is asked of it then is let go by."""
        wanted = True
        for deck in list(self.decks):
            for command in deck.take():
                if command is None:
                    self.let_go(deck)
                elif isinstance(command, Shutdown):
                    wanted = False
        return not wanted

    @property
    def alone_s(self) -> float:
        """For how many seconds no deck has looked on."""
        return 0.0 if self.decks else (seam.monotonic_ns() - self._since) / 1e9


async def serve_flight(spec: Spec) -> int:
    """Fly a spec whose orders are real until somebody ends it; returns the exit code."""
    loop = asyncio.get_running_loop()
    tower, over = Tower(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    ready = False

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(tower.progress, text)

    async def flown() -> None:
        nonlocal ready
        async with airborne(spec, tell) as captain:
            ready = True
            tower.take_off(captain)
            # not before: what is loaded and compiled at the start holds everything up, and takes its time
            pulse = Pulse(spec.beat)
            captain.engine.came_back = pulse.beat
            beating = asyncio.create_task(pulse.run())
            try:
                await fly(tower, captain, over)
                pulse.land()
            finally:
                beating.cancel()

    async with tower.open(Path(spec.socket)):
        flying = asyncio.create_task(flown())
        try:
            while not ready and not flying.done():
                if over.is_set() or tower.wants_no_more():
                    flying.cancel()
                    await asyncio.wait({flying})
                    return 0
                await asyncio.wait({flying}, timeout=LOOK_S)
            await flying
        except TickdeckError as error:
            tower.send(Failure(error.title, error.message, error.hint, True))
            return 3 if ready else 2
    return 0


async def fly(tower: Tower, captain: Captain, over: asyncio.Event) -> None:
    """Fly until a deck or a signal ends it: commands first, then what the market brought, then a frame when one is due."""
    loop = asyncio.get_running_loop()
    frame_due = 0.0
    told_failure = False
    while True:
        obeyed = False
        for deck in list(tower.decks):
            for command in deck.take():
                obeyed = True
                if isinstance(command, Shutdown):
                    over.set()
                elif command is not None:
                    if isinstance(command, Watch):
                        tower.looks(deck)
                    captain.obey(command, deck.send)
                elif deck in tower.decks and tower.let_go(deck):
                    captain.deck_lost()
        if over.is_set():
            if tower.decks:
                captain.deck_lost()
            await captain.settle()
            return
        wait = captain.advance()
        if captain.failure is not None and not told_failure:
            told_failure = True
            tower.send(captain.failure)
        now = loop.time()
        if obeyed or now >= frame_due:
            frame_due = now + 1 / FRAMES_PER_SECOND
            _show(tower, captain)
        if captain.idle and tower.alone_s > ALONE_S:
            return
        await _rest(tower.came, min(wait, max(0.0, frame_due - loop.time())))


def _show(tower: Tower, captain: Captain) -> None:
    if happened := captain.events():
        tower.send(happened)
    for deck in list(tower.decks):
        if deck.behind > MOST_BEHIND:
            deck.end()
    if waiting := [deck for deck in tower.decks if not deck.behind]:
        frame = captain.frame()
        for deck in waiting:
            deck.send(frame)


async def _rest(came: asyncio.Event, seconds: float) -> None:
    """Let the sockets breathe, and sleep until something is due, a command or anything of the market comes."""
    await asyncio.sleep(0)
    if seconds > 0 and not came.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await came.wait()
