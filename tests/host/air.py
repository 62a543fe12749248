"""A real flight: supervisor, engine and rehearsal as processes of their own, and a deck's link that remembers what it heard."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import platformdirs

from engine.host.protocol import Arm, Command, Events, Frame, Hello, Reply, Watch
from engine.paths import user_data
from engine.recordings import Recording
from engine.recordings.bars import stamp
from engine.rehearsal.server import RehearsalServer
from engine.rehearsal.settings import RehearsalSettings
from tests.canary import API_SECRET, assert_clean
from tests.worlds import MINUTE, START, market, walk
from tui.flightlink import FlightLink
from tui.mailbox import HostGone, HostLost, HostSpec

COINS = {"AAAUSDT": walk(600, 1), "BBBUSDT": walk(600, 2, price=20)}
TESTS = Path(__file__).parent


class Air:
    """What a deck on a flight has heard; `desk` is the same account as the exchange has it."""

    def __init__(self, link: FlightLink, server: RehearsalServer) -> None:
        self.link = link
        self.server = server
        self.desk = next(iter(server.venue.desks.values()))
        self.hellos: list[Hello] = []
        self.frame: Frame | None = None
        self.heard: list[Any] = []
        self.lost = 0
        self._ids = 0
        api_key = server.credentials[0].api_key
        self.account = hashlib.sha256(api_key.encode()).hexdigest()[:8]
        """What the account's journal is named by."""

    async def listen(self) -> None:
        """Take in reports for as long as the link brings any."""
        while True:
            await self.link.changed()
            reports, frame = self.link.take()
            for report in reports:
                self.heard.append(report)
                if isinstance(report, Hello):
                    self.hellos.append(report)
                    self.frame = None
                    self.link.send(Watch(report.coins[0].coin, 50))
                elif isinstance(report, HostLost):
                    self.lost += 1
                elif isinstance(report, HostGone):
                    return
            self.frame = frame or self.frame

    @property
    def log(self) -> list[str]:
        return [line.text for its in self.heard if isinstance(its, Events) for line in its.log]

    @property
    def trade(self) -> Any:
        return self.frame.trade if self.frame is not None else None

    def of(self, kind: type) -> list[Any]:
        return [its for its in self.heard if isinstance(its, kind)]

    async def until(self, come: Callable[[], Any], seconds: float = 40.0) -> None:
        """Wait for something to come about; tell what was heard where it does not."""
        try:
            async with asyncio.timeout(seconds):
                while not come():  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        except TimeoutError:
            last = self.link.log.read_text()[-3000:] if self.link.log.exists() else ""
            heard = [type(its).__name__ if isinstance(its, Events | Reply) else its for its in self.heard[-12:]]
            raise AssertionError(f"{self.trade}\n{heard}\n{self.log[-20:]}\n{last}") from None

    async def ask(self, make: Callable[[int], Command], seconds: float = 40.0) -> Reply:
        """Send a command and return the reply to it."""
        self._ids += 1
        number = self._ids
        assert self.link.send(make(number))
        await self.until(lambda: any(its.id == number for its in self.of(Reply)), seconds)
        found: Reply = next(its for its in self.of(Reply) if its.id == number)
        return found

    async def ready(self) -> None:
        """Wait until the account is known and the history is behind."""
        await self.until(lambda: self.trade is not None and self.trade.reconciled and self.trade.alive)
        await self.until(lambda: self.frame is not None and self.frame.feed is not None and self.frame.feed.alive)

    async def armed(self) -> None:
        """Arm, as soon as that can be."""
        await self.ready()
        async with asyncio.timeout(20):
            while not (said := await self.ask(lambda n: Arm(n))).ok:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert said.text == "armed: orders go out"

    @property
    def engine(self) -> int:
        """The process that flies."""
        return next(pid for pid, name in children(self.supervisor) if name.endswith("engine.host"))

    @property
    def supervisor(self) -> int:
        assert self.link._supervisor is not None
        return self.link._supervisor.pid

    def kill(self) -> None:
        os.kill(self.engine, signal.SIGKILL)


def children(pid: int) -> list[tuple[int, str]]:
    """The processes that a process has started, with their command lines."""
    found = []
    for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            found.append((int(word), Path(f"/proc/{word}/cmdline").read_text().replace("\0", " ").strip()))
        except OSError:
            continue
    return found


def put_keys() -> str:
    """Put the keys of an account of its own where a flight looks for them, and return the API key."""
    api_key = secrets.token_hex(32)
    folder = platformdirs.user_config_path("tickdeck", appauthor=False)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "keys.toml"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f'[rehearsal]\napi_key = "{api_key}"\napi_secret = "{API_SECRET}"\n')
    return api_key


def exchange(
    api_key: str,
    recording: Recording | None = None,
    port: int = 0,
    balances: dict[str, int] | None = None,
    **given: Any,
) -> RehearsalServer:
    """A rehearsal in this process, for flights of others."""
    balances = balances or {"USDT": 10_000}
    account = {"name": "main", "api_key": api_key, "api_secret": API_SECRET, "balances": balances}
    tables = {"recording": "memory", "begin": stamp(START + 100 * MINUTE), "speed": 60, "accounts": [account], **given}
    return RehearsalServer(RehearsalSettings.from_dict(tables), recording or market(COINS), port=port)


def config(folder: Path, server: RehearsalServer, strategy: str = "", more: str = "", speed: float = 60) -> Path:
    """A config that flies on a rehearsal, in a file."""
    path = folder / "flight.toml"
    use = f'[strategy]\nuse = "{strategy}"\n' if strategy else ""
    coins = ", ".join(f'"{coin}"' for coin in server.venue.market.index)
    path.write_text(
        f'mode = "rehearsal"\ncoins = [{coins}]\n{use}[binance]\nurl = "{server.addresses.rest}"\nspeed = {speed}\n'
        f"history = 50\ncapture = false\n{more}\n"
    )
    return path


@asynccontextmanager
async def air(path: Path, server: RehearsalServer, *, at: Path | None = None) -> AsyncIterator[Air]:
    """A deck on a flight of a config, started here or already under way `at` a socket; it is ended with this."""
    link = FlightLink(HostSpec(config=str(path), mode="rehearsal"), at)
    its = Air(link, server)
    running, listening = asyncio.create_task(link.run()), asyncio.create_task(its.listen())
    try:
        yield its
    finally:
        await link.close()
        await running
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        if link._supervisor is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(link._supervisor.wait(), 10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(link._supervisor.pid, signal.SIGKILL)


@asynccontextmanager
async def flying(folder: Path, strategy: str = "", more: str = "", **given: Any) -> AsyncIterator[Air]:
    """A flight on a rehearsal of its own."""
    server = exchange(put_keys(), **given)
    await server.start()
    try:
        async with air(config(folder, server, strategy, more), server) as its:
            yield its
        # journals, logs, recordings: nothing that is written holds what signs
        assert_clean([user_data()], [API_SECRET])
    finally:
        await server.stop()
