"""manifest.toml: what a recording holds, in words a person can read; sealed, so that damage shows."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from engine.errors import RecordingError, TickdeckError
from engine.exact import DECIMALS, to_text, to_units
from engine.model import INTERVALS, CoinName, Instrument, Timestamp
from engine.recordings.bars import COLUMNS, Bars, Gap
from engine.recordings.names import printable

FORMAT = 1
MANIFEST = "manifest.toml"
UNITS = {
    "time": "ns since 1970-01-01 UTC",
    "price": "1e-8 of the quote asset",
    "volume": "10^-volume_decimals of the base asset",
}
ALL_OF_8 = UNITS | {"volume": "1e-8 of the base asset"}
"""What a manifest without `volume_decimals` says."""
FILTERS = ("tick", "lot", "min_notional")

_SEAL = b"# sha256 of everything above: "


class Coin(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An instrument; filters as decimal text, `inferred` naming those that were not given but guessed from the data."""

    coin: CoinName
    base: str
    quote: str
    tick: str
    lot: str
    min_notional: str
    inferred: list[str] = []


class Missing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A gap: open time of the first bar missing, open time of the next one present."""

    start: datetime
    end: datetime
    missing: int


class Span(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Bars in a row that a capture got too late for a signal: open time of the first, of the next that was not, how many."""

    start: datetime
    end: datetime
    bars: int


class File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A Parquet file of bars; `crc32` holds a checksum of its footer and of each column, `sha256` of all of it.

    Its volumes count 10**-`volume_decimals` of the base asset. `late` is there where a capture made bars of it.
    """

    file: str
    kind: str
    coin: CoinName
    interval: str
    rows: int
    first: datetime
    last: datetime
    bytes: int
    sha256: str
    crc32: dict[str, int]
    volume_decimals: int = DECIMALS
    gaps: list[Missing] = []
    late: list[Span] | UnsetType = UNSET


class Source(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file the data came from."""

    file: str
    sha256: str
    coin: CoinName
    interval: str
    rows: int


class Events(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A Parquet file of events that a capture received, `first` to `last` by this machine's clock.

    `low` to `high` are their ids (update ids, opening times of klines). Amounts count 10**-`amount_decimals` of the base asset.
    Account, control and other events have no coin and no ids, only klines an interval.
    """

    file: str
    kind: str
    capture: str
    coin: CoinName = ""
    interval: str = ""
    rows: int
    first: datetime
    last: datetime
    low: int = 0
    high: int = 0
    bytes: int
    sha256: str
    amount_decimals: int = DECIMALS


class Hole(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a capture did not hear, found out `at` a time: a kind of a coin's events, by ids or bars' opening times, and why."""

    coin: CoinName
    kind: str
    first: int
    last: int
    reason: str
    at: datetime


class ClockSummary(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """By how many ns the exchange's clock was ahead of this machine's, over so many samples."""

    samples: int
    least: int
    most: int
    last: int


class Capture(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A session that recorded what it received, as far as it is sealed: `segments` of it, with so many records and bytes.

    `source` is where the frames came from and `config` the sha256 of the session's config. `duplicates` are rows that came
    twice and stand once. `sockets` tells how often each was connected. `stopped` tells why it ended, and is empty where it did
    not say: it goes on, or was killed. `lost` tells of segments whose end could not be read.
    """

    id: str
    source: str
    config: str
    start: datetime
    end: datetime
    segments: int = 0
    records: int = 0
    bytes: int = 0
    duplicates: int = 0
    sockets: dict[str, int] = {}
    stopped: str = ""
    clock: ClockSummary | UnsetType = UNSET
    gaps: list[Hole] = []
    lost: list[str] = []

    @property
    def reconnects(self) -> int:
        """How often a socket came back."""
        return sum(connects - 1 for connects in self.sockets.values())


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All of manifest.toml; `captures` and `events` are there where it has been captured into."""

    tickdeck: int = FORMAT
    name: str
    source: str
    synthetic: bool
    spot: bool
    kinds: list[str] = msgspec.field(default_factory=lambda: ["bars"])
    start: datetime
    end: datetime
    notes: list[str] = []
    units: dict[str, str] = msgspec.field(default_factory=UNITS.copy)
    coins: list[Coin]
    files: list[File]
    sources: list[Source] = []
    captures: list[Capture] | UnsetType = UNSET
    events: list[Events] | UnsetType = UNSET


def period(files: Iterable[File], captures: Iterable[Capture]) -> tuple[datetime, datetime]:
    """Return the opening of the earliest bar and the close of the latest; where there are no bars, the captures' times."""
    bars = [(file.first, to_datetime(to_timestamp(file.last) + INTERVALS[file.interval])) for file in files]
    spans = bars or [(capture.start, capture.end) for capture in captures]
    return min(start for start, _ in spans), max(end for _, end in spans)


def to_datetime(time: Timestamp) -> datetime:
    """Return ns UTC as a datetime; bars open on whole seconds, so nothing is lost."""
    return datetime.fromtimestamp(time // 10**9, UTC)


def to_timestamp(time: datetime) -> Timestamp:
    """Return a datetime as ns UTC."""
    return int(time.timestamp()) * 10**9


def to_coin(instrument: Instrument, inferred: list[str]) -> Coin:
    """Return an instrument as the manifest writes it."""
    filters = {name: text(getattr(instrument, name)) for name in FILTERS}
    return Coin(coin=instrument.coin, base=instrument.base, quote=instrument.quote, inferred=inferred, **filters)


def to_instrument(coin: Coin) -> Instrument:
    """Return the manifest's coin as an instrument; raises RecordingError where a filter is no exact amount."""
    filters: dict[str, int] = {}
    for name in FILTERS:
        try:
            value = Decimal(getattr(coin, name))
            filters[name] = to_units(value, name)
            exact = Decimal(filters[name]).scaleb(-8) == value and filters[name] >= (0 if name == "min_notional" else 1)
        except (ArithmeticError, TickdeckError):
            exact = False
        if not exact:
            raise RecordingError(f"{coin.coin}: {name} {getattr(coin, name)!r} is not an amount in steps of 1e-8")
    return Instrument(coin=coin.coin, base=coin.base, quote=coin.quote, **filters)


def to_gaps(file: File) -> list[Gap]:
    """Return a file's gaps in ns."""
    return [Gap(to_timestamp(gap.start), to_timestamp(gap.end), gap.missing) for gap in file.gaps]


def late_times(file: File) -> list[Timestamp]:
    """Return the open times of a file's late bars."""
    interval = INTERVALS[file.interval]
    spans = file.late or ()
    return [time for span in spans for time in range(to_timestamp(span.start), to_timestamp(span.end), interval)]


def spans(times: Sequence[Timestamp], bars: Bars) -> list[Span]:
    """Return the late bars among `bars` as the manifest writes them, `times` being open times in any order."""
    found: list[Span] = []
    for time in sorted(set(times).intersection(bars.time.tolist())) if times else ():
        end = to_datetime(time + bars.interval)
        if found and found[-1].end == to_datetime(time):
            found[-1].end, found[-1].bars = end, found[-1].bars + 1
        else:
            found.append(Span(start=to_datetime(time), end=end, bars=1))
    return found


def text(units: int) -> str:
    """Return a count of 1e-8 as decimal text without trailing zeros."""
    plain = to_text(units)
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def dump(manifest: Manifest) -> bytes:
    """Return the manifest as sealed TOML."""
    import tomli_w

    body = tomli_w.dumps(msgspec.to_builtins(manifest, builtin_types=(datetime,)), multiline_strings=False).encode()
    return body + _SEAL + hashlib.sha256(body).hexdigest().encode() + b"\n"


def load(folder: Path) -> Manifest:
    """Return the manifest of the recording in `folder`.

    Raises RecordingError where the folder is no recording, or its manifest is damaged, was edited or is of a newer tickdeck.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise RecordingError(
            f"{printable(folder)} is not a recording: it has no {MANIFEST}", hint="`tickdeck recordings` lists those there are"
        ) from None
    except OSError as error:
        raise RecordingError(f"{printable(path)} cannot be read: {error.strerror}") from None
    return parse(content, path)


def parse(content: bytes, path: Path) -> Manifest:
    """Return the manifest in `content`; `path` is named in the errors."""
    body, seal, digest = content.rpartition(_SEAL)
    if not seal or digest != hashlib.sha256(body).hexdigest().encode() + b"\n":
        raise RecordingError(
            f"{printable(path)} is damaged or was edited: its checksum line does not match",
            hint="undo the edit, or import anew; filters are changed by importing with --tick, --lot and --min-notional",
        )
    try:
        data: dict[str, Any] = tomllib.loads(body.decode())
        version = data.get("tickdeck")
        if version != FORMAT:
            raise RecordingError(
                f"{printable(path)} has format {version!r}, this tickdeck reads {FORMAT}", hint="a newer tickdeck may read it"
            )
        manifest = msgspec.convert(data, Manifest)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RecordingError(f"{printable(path)} cannot be understood: {printable(error)}") from None
    problem = _problem(manifest)
    if problem:
        raise RecordingError(f"{printable(path)}: {problem}")
    return manifest


def _problem(manifest: Manifest) -> str:
    coins = [coin.coin for coin in manifest.coins]
    if manifest.units != UNITS and (manifest.units != ALL_OF_8 or any(f.volume_decimals != DECIMALS for f in manifest.files)):
        return "its units are not those of this tickdeck"
    if not coins or len(set(coins)) != len(coins):
        return "its coins are none or named twice"
    for file in manifest.files:
        if "/" in file.file or file.file.startswith("."):
            return f"the file name {printable(file.file)!r} is not one inside the recording"
        if file.coin not in coins or file.interval not in INTERVALS or file.kind != "bars":
            return f"{printable(file.file)} belongs to no coin or interval it names"
        if not 0 <= file.volume_decimals <= DECIMALS:
            return (
                f"the volumes of {printable(file.file)} have {file.volume_decimals} decimals, which is none of 0 to {DECIMALS}"
            )
        if set(file.crc32) != {"footer", *COLUMNS}:
            return f"{printable(file.file)} lacks checksums"
    for events in manifest.events or ():
        if "/" in events.file or events.file.startswith(".") or events.coin not in ("", *coins):
            return f"{printable(events.file)} belongs to no coin it names, or lies outside the recording"
    missing = [coin for coin in coins if not any(file.coin == coin for file in manifest.files)]
    return f"{', '.join(missing)} has no file" if missing and not manifest.captures else ""
