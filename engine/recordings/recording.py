"""Recording: a recorded market, in a folder or in memory; nothing of it is read before it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.errors import RecordingError
from engine.model import CoinName, Instrument, Timestamp
from engine.recordings import manifest as manifests
from engine.recordings.bars import Bars, Column, Gap, check_bars, find_gaps, interval_length, interval_name, resample
from engine.recordings.columns import ColumnFile
from engine.recordings.names import printable

Series = tuple[CoinName, Timestamp]


class Recording:
    """A recorded market: its coins, their instruments, bars and gaps; `path` is None for one made in memory.

    `start` is the opening of the earliest bar and `end` the close of the latest, ns UTC. `synthetic` tells that it was made by
    a generator, `spot` that it is a spot market; `notes` are what an importer had to say.
    """

    def __init__(
        self,
        *,
        name: str,
        path: Path | None,
        instruments: Mapping[CoinName, Instrument],
        series: Mapping[Series, Bars],
        gaps: Mapping[Series, list[Gap]],
        period: tuple[Timestamp, Timestamp],
        synthetic: bool,
        spot: bool,
        source: str,
        notes: list[str] | None = None,
        late: Mapping[CoinName, Column] | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self.instruments = dict(instruments)
        self.coins: tuple[CoinName, ...] = tuple(self.instruments)
        self.start, self.end = period
        self.synthetic = synthetic
        self.spot = spot
        self.source = source
        self.notes = notes or []
        self._series = dict(sorted(series.items(), key=lambda item: item[0][1]))
        self._gaps = dict(gaps)
        self._late = dict(late or {})
        self._made: dict[Series, Bars] = {}

    @classmethod
    def from_bars(
        cls,
        bars: Mapping[CoinName, Bars],
        instruments: Mapping[CoinName, Instrument],
        *,
        name: str = "memory",
        synthetic: bool = False,
        spot: bool = True,
        source: str = "memory",
        late: Mapping[CoinName, Column] | None = None,
    ) -> Recording:
        """Return a recording of bars in memory, coins in the order of `bars`.

        Raises RecordingError where a coin has no bars or no instrument, or a bar cannot be.
        """
        if not bars:
            raise RecordingError("a recording needs at least one coin")
        for coin, its in bars.items():
            if coin not in instruments:
                raise RecordingError(f"{printable(coin)} has no instrument")
            if not len(its):
                raise RecordingError(f"{printable(coin)} has no bars")
            check_bars(its, printable(coin))
        return cls(
            name=name,
            path=None,
            instruments={coin: instruments[coin] for coin in bars},
            series={(coin, its.interval): its for coin, its in bars.items()},
            gaps={(coin, its.interval): find_gaps(its.time, its.interval) for coin, its in bars.items()},
            period=(
                min(int(its.time[0]) for its in bars.values()),
                max(int(its.time[-1]) + its.interval for its in bars.values()),
            ),
            synthetic=synthetic,
            spot=spot,
            source=source,
            late=late,
        )

    @property
    def interval(self) -> str:
        """The shortest bar interval of any coin; raises RecordingError where there are no bars."""
        if not self._series:
            raise self._barless(self.name)
        return interval_name(min(interval for _, interval in self._series))

    @property
    def has_bars(self) -> bool:
        """Whether any coin has bars; a capture may not have come to one yet, or have trades and quotes alone."""
        return bool(self._series)

    def intervals(self, coin: CoinName) -> tuple[str, ...]:
        """Return the coin's recorded bar intervals, shortest first."""
        self._known(coin)
        return tuple(interval_name(interval) for its, interval in self._series if its == coin)

    def bars(self, coin: CoinName, interval: str | None = None) -> Bars:
        """Return the coin's bars of `interval`, by default its shortest; longer ones not recorded are made from the shortest.

        Raises RecordingError on a coin or interval that is not there and cannot be made.
        """
        wanted = self._shortest(coin) if interval is None else interval_length(interval)
        bars = self._series.get((coin, wanted))
        return self._joined(coin, wanted) if bars is None else bars

    def gaps(self, coin: CoinName, interval: str | None = None) -> list[Gap]:
        """Return where bars of the coin are missing between its first and its last, oldest first."""
        wanted = self._shortest(coin) if interval is None else interval_length(interval)
        gaps = self._gaps.get((coin, wanted))
        return list(gaps) if gaps is not None else find_gaps(self.bars(coin, interval).time, wanted)

    def late(self, coin: CoinName) -> Column:
        """Return the opening times of the coin's bars that came too late for the step they belong to, while it was captured."""
        self._known(coin)
        return self._late.get(coin, np.empty(0, np.int64))

    def decision_bars(self, coin: CoinName, interval: str) -> Bars:
        """Return the bars of `interval` that could be seen in time: made of the shortest, without what came late.

        They are never those recorded beside the shortest: those may be of another period, where nothing is flown.
        """
        late = self.late(coin)
        if not len(late):
            return self._joined(coin, interval_length(interval))
        bars = self.bars(coin)
        return resample(bars.only(~np.isin(bars.time, late)), interval_length(interval))

    def _joined(self, coin: CoinName, wanted: Timestamp) -> Bars:
        """Return the coin's bars of an interval made of its shortest."""
        bars = self._made.get((coin, wanted))
        if bars is None:
            shortest = self._shortest(coin)
            if wanted % shortest:
                raise RecordingError(
                    f"{printable(self.name)} has no {interval_name(wanted)} bars of {coin}",
                    hint=f"it has {', '.join(self.intervals(coin))}",
                )
            bars = self._made[coin, wanted] = resample(self._series[coin, shortest], wanted)
        return bars

    def _shortest(self, coin: CoinName) -> Timestamp:
        self._known(coin)
        intervals = [interval for its, interval in self._series if its == coin]
        if not intervals:
            raise self._barless(f"{printable(self.name)}: {coin}")
        return min(intervals)

    @staticmethod
    def _barless(what: str) -> RecordingError:
        return RecordingError(
            f"{printable(what)} has no bars",
            hint="`tickdeck recordings show` tells what is there; what was captured last shows once it is sealed",
        )

    def _known(self, coin: CoinName) -> None:
        if coin not in self.instruments:
            raise RecordingError(
                f"{printable(self.name)} has no coin {printable(coin)}", hint=f"it has {', '.join(self.coins)}"
            )

    def __repr__(self) -> str:
        return f"<Recording {self.name}: {', '.join(self.coins)}>"


def open_recording(path: Path | str) -> Recording:
    """Return the recording in the folder `path`; reads its manifest and the sizes of its files, nothing else.

    Raises RecordingError naming the file where the folder is no recording or a file is missing or cut short. What else may be
    damaged shows when it is looked at: a column that is not what was written is refused, never handed out.
    """
    folder = Path(path)
    manifest = manifests.load(folder)
    series: dict[Series, Bars] = {}
    gaps: dict[Series, list[Gap]] = {}
    late: dict[CoinName, Column] = {}
    for file in manifest.files:
        stored = ColumnFile(folder / file.file, file.rows, file.bytes, file.crc32)
        stored.check_size()
        key = file.coin, interval_length(file.interval)
        series[key] = Bars.lazy(file.rows, key[1], stored.load, file.volume_decimals)
        gaps[key] = manifests.to_gaps(file)
        # Files are listed by interval, the shortest first: the one whose bars are steps.
        late.setdefault(file.coin, np.array(manifests.late_times(file), np.int64))
    return Recording(
        name=folder.resolve().name,
        path=folder,
        instruments={coin.coin: manifests.to_instrument(coin) for coin in manifest.coins},
        series=series,
        gaps=gaps,
        period=(manifests.to_timestamp(manifest.start), manifests.to_timestamp(manifest.end)),
        synthetic=manifest.synthetic,
        spot=manifest.spot,
        source=manifest.source,
        notes=manifest.notes,
        late=late,
    )
