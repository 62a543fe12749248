"""What a host is asked to fly, and how it makes that ready, telling what it does."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.errors import HostError, UsageError
from engine.host.protocol import LOADING

if TYPE_CHECKING:
    from engine.config import SessionConfig
    from engine.host.captain import Captain
    from engine.host.pilot import Pilot
    from engine.host.player import Player
    from engine.session import Session

HISTORY = 1000
"""Steps flown before anybody looks, where nothing else is asked for: a chart has something to show."""

Tell = Callable[[str], None]


class Ground(msgspec.Struct, frozen=True):
    """A rehearsal that was started for a flight: where it is, and the keys to its account."""

    url: str
    api_key: str
    api_secret: str


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to fly: a config (its path or the name of a bundled one), overrides as `--set` has them, another recording, where to
    begin (a step, or a time as ISO 8601), a speed in bars a second, and the socket to listen on.

    A `flight` has a supervisor, and outlives its deck: `beat` is the pipe on which it shows that it is alive, `halted` why
    its strategy is to stand still from the start, `again` why it is not the first engine. One that is `grounded` is told on
    stdin of the exchange that is started for it.
    """

    socket: str
    config: str | None = None
    overrides: dict[str, str] = {}
    recording: str | None = None
    at: str | None = None
    speed: float | None = None
    flight: bool = False
    beat: int = -1
    grounded: bool = False
    halted: str = ""
    again: str = ""


@asynccontextmanager
async def prepared(spec: Spec, tell: Tell) -> AsyncIterator[Player | Pilot]:
    """Yield what flies a spec: a replay flown to where it begins, or live prices with their history behind them.

    Raises the error of whatever is wrong with it.
    """
    if (saved := saved_session(spec)) is not None:
        tell(LOADING)
        player = await asyncio.to_thread(resumed_player, spec, saved, tell)
        yield player
        player.travel.archive.close()
        return
    settings = await asyncio.to_thread(settings_of, spec, tell)
    if settings.trades:
        raise UsageError(f"{settings.source} sends orders to an exchange", hint="`tickdeck trade` flies it")
    if settings.mode == "replay":
        player = await asyncio.to_thread(prepare_player, settings, spec, tell)
        yield player
        player.travel.archive.close()
        return
    from engine.flight import fly
    from engine.host.pilot import Pilot

    async with fly(settings, tell) as session:
        yield Pilot(session)


@asynccontextmanager
async def airborne(spec: Spec, tell: Tell) -> AsyncIterator[Captain]:
    """Yield what flies a spec whose orders are real. Raises the error of whatever is wrong with it."""
    settings = await asyncio.to_thread(settings_of, spec, tell)
    if not settings.trades:
        raise UsageError(
            f"{settings.source} has mode = {settings.mode!r}, which sends no orders", hint="`--set mode=rehearsal`, or another"
        )
    from engine.binance.journal import journal_file
    from engine.binance.keys import Keys, Secret, find_keys
    from engine.flight.real import fly_for_real
    from engine.host.captain import Captain
    from engine.host.ground import stage_of

    ground = None
    if settings.mode == "rehearsal" and settings.binance.url is None:
        # what is wrong with it is told from here: nobody hears who serves it
        stage = await asyncio.to_thread(stage_of, settings)
        settings = settings.with_overrides({"binance.stale_s": stage.stale_s})
    if spec.grounded:
        tell("starting the exchange to rehearse on")
        ground = msgspec.json.decode(await asyncio.to_thread(sys.stdin.buffer.readline), type=Ground | None)
    if ground is None and settings.mode == "rehearsal" and settings.binance.url is None:
        raise HostError(
            "the rehearsal could not be started", hint="the flight's log tells why: logs/FLIGHT.log in tickdeck's data folder"
        )
    if ground is not None:
        there = {"binance.url": f'"{ground.url}"', "binance.speed": str(settings.rehearsal.speed)}
        settings = settings.with_overrides(there)
        keys = Keys(Secret(ground.api_key), Secret(ground.api_secret), None)
    else:
        keys = find_keys(settings.mode)
    async with fly_for_real(settings, keys, tell) as flight:
        yield Captain(flight, spec.halted, spec.again)
    if ground is not None:
        # the account ends with its exchange
        journal_file(settings.mode, keys).unlink(missing_ok=True)


def saved_session(spec: Spec) -> Path | None:
    """Return the file of the saved session that a spec names as its config, None where that is a config."""
    path = Path(spec.config or "")
    if path.suffix != ".toml" or not path.is_file():
        return None
    from engine.config.saved import is_session

    return path if is_session(path) else None


def settings_of(spec: Spec, tell: Tell) -> SessionConfig:
    """Return the config of a spec, that of the saved session if it names one, with what it changes of it."""
    tell(LOADING)
    from engine.config.asked import config_of

    return config_of(spec.config, spec.recording, spec.overrides)


def prepare_player(config: SessionConfig, spec: Spec, tell: Tell) -> Player:
    """Return the player of a replay, flown to where it begins."""
    from engine.host.player import Player
    from engine.session import prepare

    tell(f"opening the recording {config.recording}")
    player = Player(prepare(config))
    tell("computing features and flying to the start")
    player.fly_to(start_of(player.session, spec.at))
    if spec.speed is not None:
        player.speed = max(0.0, spec.speed)
    player.travel.archive.keep_by_itself()
    return player


def resumed_player(spec: Spec, path: Path, tell: Tell) -> Player:
    """Return the player of a saved session, where it was left or, if that is asked for, elsewhere."""
    from engine.host.player import Player
    from engine.session_file import resume

    tell(f"taking up the session {path.name}")
    resumed = resume(path, spec.recording)
    player = Player(resumed.session, engine=resumed.engine)
    player.travel.archive.take_up(str(path), resumed.saved)
    for text in resumed.warnings:
        player.note("warning", text)
    if spec.at is not None:
        player.travel.go(start_of(resumed.session, spec.at) - 1)
    if spec.speed is not None:
        player.speed = max(0.0, spec.speed)
    player.travel.archive.keep_by_itself()
    return player


def start_of(session: Session, at: str | None) -> int:
    """Return how many steps to fly before anybody looks: up to and with the one that `at` means."""
    steps = len(session.feed)
    step = min(HISTORY, steps // 2) if at is None else int(session.feed.step_of(at))
    return min(max(step, 0), steps - 1) + 1
