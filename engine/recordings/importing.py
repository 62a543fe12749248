"""Importing: files in, a recording made or extended; it changes as a whole at the end, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from msgspec import UNSET

from engine.errors import RecordingError, TickdeckError, UsageError
from engine.exact import to_units
from engine.model import CoinName, Instrument, Timestamp
from engine.recordings.bars import Bars, interval_length, interval_name, stamp
from engine.recordings.importers import SUFFIXES, read_file
from engine.recordings.importers.table import Part, make_part
from engine.recordings.manifest import FILTERS, MANIFEST, Coin, Manifest, Source, text, to_coin, to_instrument
from engine.recordings.manifest import load as load_manifest
from engine.recordings.merge import merge
from engine.recordings.names import FileName, Symbol, printable, read_name, split_symbol
from engine.recordings.recording import open_recording
from engine.recordings.store import locked, save
from engine.recordings.summary import Summary, summarize
from engine.recordings.units import finest_step

Progress = Callable[[str, int, int], None]
"""Told of each file: its name, its number from 1, how many there are."""

Filter = Decimal | int | str | None

ASSUMED = (
    "filters named under `inferred` were not given: the tick is the finest step of the prices, the lot 1e-8, "
    "and there is no minimum notional"
)


def import_files(
    sources: Iterable[Path | str],
    into: Path | str,
    *,
    coin: str | None = None,
    interval: str | None = None,
    tick: Filter = None,
    lot: Filter = None,
    min_notional: Filter = None,
    spot: bool | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Import files, or all that can be imported in a folder, into the recording at `into`, which is made or extended.

    Coin (BTCUSDT or BTC/USDT) and interval come from the files' names unless given; the filters are in quote currency (tick,
    min_notional) and base units (lot), for every coin imported; `spot=False` marks data of derivatives.
    Raises RecordingError naming file, line and reason where a file cannot be imported whole and exactly, or contradicts another
    or what is recorded; then the recording is what it was. Raises UsageError where an argument cannot be meant.
    """
    symbol = split_symbol(coin) if coin is not None else None
    length = interval_length(interval) if interval is not None else None
    items = [(path, symbol, length) for path in _expand(sources)]
    return import_listed(items, Path(into), filter_units(tick, lot, min_notional), spot=spot, progress=progress)


Item = tuple[Path, Symbol | None, Timestamp | None]
"""A file, and what its bars are of where that is known already."""


def import_listed(
    items: Sequence[Item],
    folder: Path,
    given: Mapping[str, int],
    *,
    asked: Iterable[tuple[Symbol, Timestamp]] = (),
    spot: bool | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Import files as import_files does, `given` being filters in units.

    The series `asked` for take part in the filters and the summary if they are recorded, though no file is of them.
    """
    with locked(folder):
        job = _Job(importable(folder), spot)
        for n, (path, symbol, length) in enumerate(items, 1):
            if progress is not None:
                progress(printable(path.name), n, len(items))
            job.add(path, symbol, length)
        for symbol, length in asked:
            job.parts.setdefault((symbol.coin, length), [])
        return job.finish(folder, given)


def importable(folder: Path) -> Manifest | None:
    """Return the manifest of what is recorded in the folder, None where that is nothing.

    Raises RecordingError where recorded data have no place there.
    """
    old = load_manifest(folder) if (folder / MANIFEST).exists() else None
    if old is not None and old.synthetic:
        raise RecordingError(f"{printable(folder)} is synthetic; recorded data do not go into it", hint="choose another --into")
    return old


def filter_units(tick: Filter, lot: Filter, min_notional: Filter) -> dict[str, int]:
    """Return the filters that are given, in units; raises UsageError where one cannot be meant."""
    values = zip(FILTERS, (tick, lot, min_notional), strict=True)
    return {name: _filter(name, value) for name, value in values if value is not None}


class _Job:
    """The parts read so far, and what was learnt from their files."""

    def __init__(self, old: Manifest | None, spot: bool | None) -> None:
        self.old = old
        self.spot = spot
        self.parts: dict[tuple[CoinName, Timestamp], list[Part]] = {}
        self.symbols: dict[CoinName, Symbol] = {c.coin: Symbol(c.coin, c.base, c.quote) for c in old.coins} if old else {}
        self.sources: list[Source] = list(old.sources) if old else []
        self.kinds: list[str] = old.source.split("; ") if old else []
        self.notes: list[str] = [note for note in old.notes if note != ASSUMED] if old else []
        self.market: dict[bool, str] = {old.spot: "the recording"} if old else {}
        self.files = 0

    def add(self, path: Path, symbol: Symbol | None, length: Timestamp | None) -> None:
        """Read a file and keep its bars."""
        name = read_name(path)
        symbol, length = self._meaning(path, name, symbol, length)
        source, rows = read_file(path)
        part = make_part(symbol, length, rows, name.period)
        self._check_market(
            source.name, self.spot if self.spot is not None else name.spot if name.spot is not None else rows.spot
        )
        known = self.symbols.setdefault(symbol.coin, symbol)
        if known != symbol:
            raise RecordingError(
                f"{source.name}: {symbol.coin} is {symbol.base}/{symbol.quote} here and {known.base}/{known.quote} before"
            )
        self.parts.setdefault((symbol.coin, length), []).append(part)
        entry = Source(
            file=source.name, sha256=source.sha256, coin=symbol.coin, interval=interval_name(length), rows=len(part.bars)
        )
        if entry not in self.sources:
            self.sources.append(entry)
        if rows.kind not in self.kinds:
            self.kinds.append(rows.kind)
        if rows.dusty:
            self._note(
                f"{source.name}: floating-point dust was taken off {rows.dusty} numbers (1371255.3999999999 is 1371255.4)"
            )
        self._note_suspects(source.name, part)
        self.files += 1

    def _meaning(self, path: Path, name: FileName, symbol: Symbol | None, length: Timestamp | None) -> tuple[Symbol, Timestamp]:
        if symbol is not None and name.symbol is not None and symbol.coin != name.symbol.coin:
            raise RecordingError(
                f"{printable(path.name)} is of {name.symbol.coin} by its name, and of {symbol.coin} by --coin",
                hint="leave --coin out, or give the file the name of what it holds",
            )
        symbol = symbol or name.symbol
        if symbol is None:
            raise RecordingError(
                f"{printable(path.name)}: its name does not tell the coin", hint="give --coin, such as BTC/USDT"
            )
        if length is None and name.interval is None:
            raise RecordingError(
                f"{printable(path.name)}: its name does not tell the interval", hint="give --interval, such as 1m"
            )
        return symbol, length or interval_length(name.interval or "")

    def _check_market(self, file: str, spot: bool | None) -> None:
        if spot is None:
            return
        other = self.market.get(not spot)
        if other is not None:
            raise RecordingError(
                f"{file} is of a {'spot' if spot else 'futures'} market, {other} is not",
                hint="a recording holds one kind of market; import into another",
            )
        self.market.setdefault(spot, file)

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _note_suspects(self, file: str, part: Part) -> None:
        bars = part.bars
        suspect = ((bars.volume == 0) & (bars.high != bars.low)).nonzero()[0]
        if suspect.size:
            first = stamp(int(bars.time[suspect[0]]))
            self._note(f"{file}: no volume though the price moved, in {suspect.size} bars, the first that of {first}")

    def finish(self, folder: Path, given: Mapping[str, int]) -> Summary:
        """Merge, and write what has changed."""
        recorded = open_recording(folder) if self.old else None
        spot = next(iter(self.market), True)
        changed: dict[tuple[CoinName, str], Bars] = {}
        whole: dict[tuple[CoinName, str], tuple[Bars, int, int, int]] = {}
        for (coin, length), parts in self.parts.items():
            interval, before = interval_name(length), 0
            every = list(parts)
            if recorded is not None and coin in recorded.coins and interval in recorded.intervals(coin):
                bars = recorded.bars(coin, interval)
                before = len(bars)
                every.insert(0, Part(self.symbols[coin], bars, None, bars.time))
            if not every:
                continue
            merged = merge(every)
            if len(merged.bars) != before:
                changed[coin, interval] = merged.bars
            duplicates = merged.duplicates + sum(part.duplicates for part in parts)
            whole[coin, interval] = merged.bars, len(merged.bars) - before, duplicates, sum(p.out_of_order for p in parts)
        coins = self._coins(whole, given)
        if any(coin.inferred for coin in coins):
            self.notes.append(ASSUMED)
        save(
            folder,
            changed,
            coins=coins,
            source="; ".join(self.kinds),
            synthetic=False,
            spot=spot,
            notes=self.notes,
            kept=self.old.files if self.old else (),
            sources=self.sources,
            captures=self.old.captures if self.old else UNSET,
            events=self.old.events if self.old else UNSET,
        )
        filters = {coin.coin: coin for coin in coins}
        return Summary(
            recording=folder.resolve().name,
            path=str(folder),
            files=self.files,
            spot=spot,
            coins=[summarize(filters[coin], interval, *rest) for (coin, interval), rest in whole.items()],
            notes=self.notes,
        )

    def _coins(self, whole: Mapping[tuple[CoinName, str], tuple[Bars, int, int, int]], given: Mapping[str, int]) -> list[Coin]:
        before = {coin.coin: coin for coin in self.old.coins} if self.old else {}
        coins = []
        for name, symbol in self.symbols.items():
            series = [bars for (coin, _), (bars, *_) in whole.items() if coin == name]
            old = before.get(name)
            if not series and old is not None:
                coins.append(old)
                continue
            filters = {"tick": min(finest_step(b.open, b.high, b.low, b.close) for b in series), "lot": 1, "min_notional": 0}
            inferred = set(FILTERS)
            if old is not None:
                known = to_instrument(old)
                inferred = set(old.inferred)
                filters["tick"] = min(filters["tick"], known.tick)
                filters.update({field: getattr(known, field) for field in FILTERS if field not in inferred})
            filters.update(given)
            inferred -= set(given)
            if "tick" not in inferred and any(finest_step(b.open, b.high, b.low, b.close) % filters["tick"] for b in series):
                self._note(f"{name}: some prices are finer than its tick of {text(filters['tick'])}")
            instrument = Instrument(coin=name, base=symbol.base, quote=symbol.quote, **filters)
            coins.append(to_coin(instrument, [field for field in FILTERS if field in inferred]))
        return coins


def _expand(sources: Iterable[Path | str]) -> list[Path]:
    """Return the files meant: a folder means all in it that can be imported; a .CHECKSUM is read with its file."""
    paths: list[Path] = []
    for source in map(Path, sources):
        if not os.path.exists(source):
            raise RecordingError(f"there is no file {printable(source)}", hint="check the path")
        inside = _importable(source) if os.path.isdir(source) else [source]
        if not inside:
            raise RecordingError(
                f"{printable(source)} holds nothing that can be imported", hint=f"kinds are {', '.join(SUFFIXES)}"
            )
        paths += [path for path in inside if not path.name.endswith(".CHECKSUM") or not path.with_suffix("").exists()]
    if not paths:
        raise UsageError("nothing to import", hint="name files or folders")
    return list(dict.fromkeys(paths))


def _importable(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    except OSError as error:
        raise RecordingError(f"{printable(folder)} cannot be read: {error.strerror}") from None


def _filter(name: str, value: Decimal | int | str) -> int:
    try:
        units = to_units(value, name)
        exact = Decimal(units).scaleb(-8) == Decimal(value)
    except (TickdeckError, ArithmeticError, ValueError):
        units, exact = 0, False
    if not exact or units < (0 if name == "min_notional" else 1):
        raise UsageError(f"{name} {printable(value)!r} is not an amount in steps of 1e-8", hint="such as 0.01")
    return units
