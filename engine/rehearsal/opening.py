"""Opening an exchange: settings become a market, a clock, desks and the office."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine import seam
from engine.config.quantities import scaled
from engine.errors import ConfigError
from engine.exact import DECIMALS, UNIT
from engine.exchange import FillRules
from engine.model import INTERVALS, CoinName, Instrument, Timestamp
from engine.params import did_you_mean
from engine.recordings import Recording, find_recording, open_recording
from engine.recordings.bars import stamp
from engine.rehearsal.accounts import Account
from engine.rehearsal.clock import Clock
from engine.rehearsal.desk import Desk
from engine.rehearsal.limits import Limits
from engine.rehearsal.log import Entry, EventLog
from engine.rehearsal.market import Market
from engine.rehearsal.office import Office
from engine.rehearsal.orders import Ids
from engine.rehearsal.settings import KEY_LENGTH, AccountSettings, RehearsalSettings
from engine.rehearsal.signing import by_public_key, by_secret
from engine.rehearsal.venue import Venue

HISTORY = 1000
"""Bars before the opening, so that there are klines to look at."""
START_CAPITAL = 10_000 * UNIT


class Credentials(NamedTuple):
    """What opens an account; `api_secret` is None where its holder signs with a private key."""

    name: str
    api_key: str
    api_secret: str | None


class Opened(NamedTuple):
    """An exchange that is open, and the keys to its accounts."""

    office: Office
    credentials: list[Credentials]


def open_exchange(
    settings: RehearsalSettings,
    recording: Recording | None = None,
    *,
    sink: Callable[[Entry], None] | None = None,
    wall: Callable[[], int] = seam.monotonic_ns,
) -> Opened:
    """Open an exchange as it is set, on a recording in place of the one it names if one is given.

    `sink` gets every entry of the event log, `wall` is the clock that time goes by. Raises ConfigError or RecordingError.
    """
    if recording is None:
        recording = open_recording(find_recording(settings.recording, settings.beside, settings.coins))
    begin, shift = _timing(settings, recording)
    market = Market(
        recording,
        settings.coins,
        begin=begin,
        shift=shift,
        seed=settings.seed,
        loop=settings.loop,
        instruments=_instruments(settings, recording),
    )
    clock = Clock(begin + shift, settings.speed, wall)
    log = EventLog(lambda: clock.now, sink)
    venue = Venue(market, clock, log)
    ids, rules = Ids(len(market.coins)), _rules(settings)
    accounts, credentials = [], []
    for n, its in enumerate(settings.accounts):
        desk = venue.desks[its.name] = Desk(its.name, market, _balances(its, market), rules, ids, log)
        keys = Credentials(its.name, its.api_key or _word(), None if its.public_key else its.api_secret or _word())
        signer = by_public_key(its.public_key or "") if keys.api_secret is None else by_secret(keys.api_secret)
        accounts.append(Account(desk, keys.api_key, signer, its.uid or 1_000_000 + n, its.restrictions))
        credentials.append(keys)
    limits = Limits(settings.limits.rules, Clock(begin + shift, 1.0, wall), settings.limits.patience)
    return Opened(Office(venue, accounts, limits, judges_time=settings.judges_time), credentials)


def opening_time(recording: Recording, begin: Timestamp | None) -> Timestamp:
    """Return when in a recording an exchange opens: then, or after its first bars. Raises ConfigError for a time it has not."""
    if begin is None:
        times = recording.bars(recording.coins[0]).time
        begin = int(times[min(HISTORY, len(times) // 4)])
    if not recording.start <= begin < recording.end:
        raise ConfigError(
            f"{recording.name} has no {stamp(begin)}",
            hint=f"begin between {stamp(recording.start)} and {stamp(recording.end)}",
        )
    return begin


def _timing(settings: RehearsalSettings, recording: Recording) -> tuple[Timestamp, Timestamp]:
    """Return when in the recording the exchange opens, and how much later than it happened it is told."""
    begin = opening_time(recording, settings.begin)
    if not settings.now:
        return begin, 0
    wall = seam.wall_ns()
    # whole units only, so that longer klines still open where they did; the longest the recording has room for
    for unit in (*(INTERVALS[word] for word in ("1w", "1d", "1h")), INTERVALS[recording.interval]):
        shift = (wall - begin) // unit * unit
        if wall - shift < recording.end:
            break
    return wall - shift, shift


def _instruments(settings: RehearsalSettings, recording: Recording) -> dict[CoinName, Instrument]:
    for coin in settings.filters:
        if coin not in recording.instruments:
            raise ConfigError(
                f"filters.{coin}: {recording.name} has no such coin{did_you_mean(coin, recording.instruments)}",
                hint=f"it has {', '.join(recording.coins)}",
            )
    return {coin: its.applied(recording.instruments[coin]) for coin, its in settings.filters.items()}


def _rules(settings: RehearsalSettings) -> FillRules:
    fills = settings.fills
    return FillRules(
        maker=fills.maker,
        taker=fills.taker,
        fee_asset=fills.fee_asset,
        slippage=fills.slippage,
        limit_touch=fills.limit_fill == "touch",
        max_volume_share=fills.volume_share,
    )


def _balances(its: AccountSettings, market: Market) -> dict[str, int]:
    if its.balances:
        return {asset: scaled(amount, DECIMALS) or 0 for asset, amount in its.balances.items()}
    return {coin.instrument.quote: START_CAPITAL for coin in market.coins}


def _word() -> str:
    return seam.token(KEY_LENGTH // 2)
