"""Downloading: what is missing is fetched, and when all of it is there and verified, imported at once."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.errors import RecordingError, TickdeckError, UsageError
from engine.model import INTERVALS, CoinName
from engine.paths import user_cache
from engine.recordings.bars import interval_length
from engine.recordings.download.archive import DEFAULT_URL, Period, Zip, cache_of, check_interval, check_url
from engine.recordings.download.cache import Cache
from engine.recordings.download.fetching import Fetcher, Progress
from engine.recordings.download.manners import Manners
from engine.recordings.download.plan import days_in, days_there, periods, spans
from engine.recordings.importers import read_file
from engine.recordings.importers.source import read_source
from engine.recordings.importing import Filter, Item, filter_units, import_listed, importable
from engine.recordings.importing import Progress as Reading
from engine.recordings.manifest import Manifest
from engine.recordings.names import Symbol, printable, split_symbol
from engine.recordings.recording import open_recording
from engine.recordings.store import locked
from engine.recordings.summary import Imported


class Absent(msgspec.Struct, kw_only=True):
    """Days that have passed and that the archive has no bars of, the first and the last of a run."""

    coin: CoinName
    start: str
    end: str
    days: int


class Downloaded(msgspec.Struct, kw_only=True):
    """What a download did: `fetched` files came over the line, `cached` ones were there; bytes are those received.

    `start` and `end` are the days asked for, both included, as far as they have passed.
    """

    recording: str
    path: str
    archive: str
    start: str
    end: str
    fetched: int
    cached: int
    bytes: int
    coins: list[Imported]
    absent: list[Absent]
    notes: list[str]


def download(
    coins: Iterable[str],
    first: date,
    last: date,
    *,
    into: Path | str,
    interval: str = "1m",
    tick: Filter = None,
    lot: Filter = None,
    min_notional: Filter = None,
    base_url: str = DEFAULT_URL,
    cache: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    reading: Reading | None = None,
    manners: Manners | None = None,
) -> Downloaded:
    """Bring the bars of the days from `first` to `last`, both included, UTC, into the recording at `into`, made or extended.

    Only what is not recorded is fetched, months as one file where all of their days are missing; files are kept in `cache`
    (the user's by default). Days that have not passed are not asked for. The filters are those of import_files.
    Raises DownloadError where a file cannot be had or verified, RecordingError where it cannot be imported or there is nothing
    of a coin at all; the recording is then what it was, and the same call goes on with what is in the cache. Raises UsageError
    where an argument cannot be meant.
    """
    manners = manners or Manners()
    given = filter_units(tick, lot, min_notional)
    archive, folder = check_url(base_url), Path(into)
    if first > last:
        raise UsageError(f"the first day, {first}, is after the last, {last}")
    yesterday = manners.today() - timedelta(1)
    if first > yesterday:
        raise UsageError(f"{first} has not passed yet", hint=f"the archive has whole days, the latest {yesterday} (UTC)")
    last = min(last, yesterday)
    with locked(folder):
        plan = _Plan.make(importable(folder), folder, coins, check_interval(interval), first, last)
    store = Cache(cache_of(archive, cache or user_cache()))
    job = _Job(plan, manners, progress)
    asyncio.run(job.run(archive, store))
    plan.check_nothing_unknown(job.files, first, last)
    done = import_listed(
        job.items(), folder, given, asked=[(symbol, plan.length) for symbol in plan.symbols], spot=True, progress=reading
    )
    names = {symbol.coin for symbol in plan.symbols}
    return Downloaded(
        recording=done.recording,
        path=done.path,
        archive=archive,
        start=str(first),
        end=str(last),
        fetched=job.fetched,
        cached=job.cached,
        bytes=job.bytes,
        coins=[coin for coin in done.coins if coin.coin in names and coin.interval == interval],
        absent=job.absences(),
        notes=done.notes,
    )


class _Plan(NamedTuple):
    """Which coins are meant, which of them are recorded, and the files that hold what is missing."""

    symbols: list[Symbol]
    known: set[CoinName]
    length: int
    wanted: list[Zip]

    @classmethod
    def make(cls, old: Manifest | None, folder: Path, coins: Iterable[str], interval: str, first: date, last: date) -> _Plan:
        if old is not None and not old.spot:
            raise RecordingError(
                f"{printable(folder)} is of a futures market, the archive of the spot market", hint="choose another --into"
            )
        before = {coin.coin: Symbol(coin.coin, coin.base, coin.quote) for coin in old.coins} if old else {}
        symbols = list(dict.fromkeys(before.get(name.strip().upper()) or split_symbol(name) for name in coins))
        if not symbols:
            raise UsageError("no coin to download", hint="name coins, such as BTCUSDT")
        recording = open_recording(folder) if old else None
        wanted: list[Zip] = []
        for symbol in symbols:
            there = days_there(recording, old, symbol.coin, interval) if recording and old else set()
            wanted += [Zip(symbol.coin, interval, period) for period in periods(first, last, there)]
        known = {coin for coin in before if recording and interval in recording.intervals(coin)}
        return cls(symbols, known, interval_length(interval), wanted)

    def check_nothing_unknown(self, files: Iterable[Zip], first: date, last: date) -> None:
        """Raise RecordingError where there is nothing of a coin, here or in the archive: its name is more likely wrong."""
        found = self.known | {file.coin for file in files}
        if missing := [symbol.coin for symbol in self.symbols if symbol.coin not in found]:
            raise RecordingError(
                f"the archive has nothing of {', '.join(missing)} from {first} to {last}",
                hint="look at the name, such as BTCUSDT, and at the days; nothing was imported, what was fetched is kept",
            )


class _Job:
    """The files of a plan on their way, and what became of them."""

    def __init__(self, plan: _Plan, manners: Manners, progress: Callable[[Progress], None] | None) -> None:
        self.plan = plan
        self.files: dict[Zip, Path] = {}
        self.fetched = 0
        self.cached = 0
        self.bytes = 0
        self._manners = manners
        self._progress = progress
        self._absent: set[tuple[CoinName, date]] = set()
        self._wanted = len(plan.wanted)
        self._done = 0
        self._turns = asyncio.Semaphore(manners.parallel)

    async def run(self, url: str, cache: Cache) -> None:
        """Fetch all there is; raises the first error, and what else is on its way is left where it is."""
        if not self.plan.wanted:
            return
        try:
            async with Fetcher(url, cache, self._manners, self._received) as fetcher, asyncio.TaskGroup() as group:
                for wanted in self.plan.wanted:
                    group.create_task(self._bring(wanted, fetcher, group))
        except BaseExceptionGroup as errors:
            told = errors.subgroup(TickdeckError)
            if told is None:
                raise
            raise _first(told) from None

    async def _bring(self, wanted: Zip, fetcher: Fetcher, group: asyncio.TaskGroup) -> None:
        async with self._turns:
            found = await fetcher.fetch(wanted)
            lacking = wanted.period.days
            if found is not None:
                path, was_there = found
                self.fetched += not was_there
                self.cached += was_there
                lacking = await asyncio.to_thread(_days_lacking, path, wanted)
                if lacking != wanted.period.days:
                    self.files[wanted] = path
        if wanted.period.is_month:
            # What a month lacks may still be there day by day.
            for day in lacking:
                group.create_task(self._bring(wanted._replace(period=Period(day, day)), fetcher, group))
            self._wanted += len(lacking)
        else:
            self._absent.update((wanted.coin, day) for day in lacking)
        self._done += 1
        self._tell(wanted.name)

    def _received(self, name: str, count: int) -> None:
        self.bytes += count
        self._tell(name)

    def _tell(self, name: str) -> None:
        if self._progress is not None:
            self._progress(Progress(name, self._done, self._wanted, self.bytes))

    def items(self) -> Sequence[Item]:
        """Return the files as an import takes them, coins in the order asked for, each from its first day on."""
        symbols = {symbol.coin: symbol for symbol in self.plan.symbols}
        order = {coin: n for n, coin in enumerate(symbols)}
        files = sorted(self.files, key=lambda file: (order[file.coin], file.period))
        return [(self.files[file], symbols[file.coin], self.plan.length) for file in files]

    def absences(self) -> list[Absent]:
        """Return the days that the archive has nothing of, coins in the order asked for."""
        return [
            Absent(coin=symbol.coin, start=str(start), end=str(end), days=(end - start).days + 1)
            for symbol in self.plan.symbols
            for start, end in spans(sorted(day for coin, day in self._absent if coin == symbol.coin))
        ]


def _days_lacking(path: Path, file: Zip) -> list[date]:
    """Return the days of a file's period of which it has no bar."""
    days = file.period.days
    if _is_empty(path):
        return days
    content = read_source(path).content
    if content.count(b"\n") + 1 >= len(days) * INTERVALS["1d"] // interval_length(file.interval):
        return []
    there = days_in(read_file(path)[1].columns["time"])
    return [day for day in days if day not in there]


def _is_empty(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return not any(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        # whoever reads it says what is wrong with it
        return False


def _first(errors: BaseExceptionGroup[TickdeckError]) -> TickdeckError:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    assert isinstance(first, TickdeckError)
    return first
