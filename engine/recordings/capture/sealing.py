"""Sealing: segments become Parquet files of the recording, and go once those are proved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.errors import RecordingError
from engine.exact import DECIMALS
from engine.model import INTERVALS, CoinName, Timestamp
from engine.recordings import columns
from engine.recordings import manifest as manifests
from engine.recordings.bars import Bars, stamp
from engine.recordings.capture import control
from engine.recordings.capture.checking import check_events
from engine.recordings.capture.enrolling import enroll
from engine.recordings.capture.frames import Frames, Key, amount_decimals
from engine.recordings.capture.segments import SET_ASIDE, Heading, Record, SegmentReader, being_captured, segments_of
from engine.recordings.capture.sheets import Rows, Sheet, encode_sheet, read_sheet
from engine.recordings.capture.summary import first_words, summarize
from engine.recordings.importers.table import Part
from engine.recordings.manifest import Capture, Events, Manifest
from engine.recordings.merge import merge
from engine.recordings.names import Symbol, event_file, printable
from engine.recordings.recording import Recording, open_recording
from engine.recordings.store import Series, locked, save, write_file

RUN = 64 * 1024 * 1024
"""How many bytes of what was received become files at a time."""
MOST_ROWS = 2_000_000
MOST_TEXTS = 200_000
"""How many rows a file has at most before another is begun; fewer where they have texts."""
MOST_NOTED = 20

Progress = Callable[[str, int, int], None]
"""Told of each segment: its name, its number from 1, how many there are."""


class Sealed(NamedTuple):
    """What a sealing did: segments, records and their bytes, rows by kind, and what there is to know, a sentence each."""

    segments: int
    records: int
    bytes: int
    rows: dict[str, int]
    notes: list[str]


def seal(folder: Path | str, progress: Progress | None = None) -> Sealed:
    """Make the segments of the recording in `folder` part of it, oldest first; one that is being written is left alone.

    A segment goes once its rows, read back from the disk, are as many and have the sha256 that was written. What cannot be read
    of one is kept: the segment is set aside. Raises RecordingError where something cannot be written; then that segment and
    those after it stay.
    """
    folder = Path(folder)
    with locked(folder):
        paths = segments_of(folder)
        if paths and being_captured(folder):
            paths.pop()
        done = Sealed(0, 0, 0, {}, [])
        for n, path in enumerate(paths, 1):
            if progress is not None:
                progress(printable(path.name), n, len(paths))
            its = _Sealing(folder, path).seal()
            rows = {kind: done.rows.get(kind, 0) + its.rows.get(kind, 0) for kind in {**done.rows, **its.rows}}
            done = Sealed(n, done.records + its.records, done.bytes + its.bytes, rows, done.notes + its.notes)
        return done


class _Sealing:
    """One segment on its way into the recording."""

    def __init__(self, folder: Path, path: Path) -> None:
        self.folder = folder
        self.path = path
        self.reader = SegmentReader(path)
        self.events: list[Events] = []
        """All files of events there will be."""
        self.written: list[str] = []
        self.rows: dict[str, int] = {}
        self.notes: list[str] = []
        self.records = self.bytes = self.duplicates = 0

    def seal(self) -> Sealed:
        """Do it, and remove the segment or set it aside."""
        blocks = self.reader.blocks()
        first = next(blocks, [])
        heading = self.reader.heading
        if heading is not None:
            enroll(self.folder, heading)
            manifest = manifests.load(self.folder)
            capture = next(its for its in manifest.captures or () if its.id == heading.capture)
            if heading.number >= capture.segments:
                try:
                    self._take(heading, manifest, capture, chain([first], blocks))
                except BaseException:
                    self._forget()
                    raise
        # One that is part of the recording already is here because its sealing was killed before it could go.
        for _ in blocks:
            pass
        if heading is None and self.reader.problem:
            self.notes.append(self.reader.problem)
        try:
            if self.reader.damage:
                self.path.rename(self.path.with_name(self.path.name + SET_ASIDE))
            else:
                self.path.unlink()
        except OSError as error:
            raise RecordingError(f"{printable(self.path)} is sealed and cannot be removed: {error.strerror}") from None
        return Sealed(1, self.records, self.bytes, self.rows, self.notes)

    def _take(self, heading: Heading, manifest: Manifest, capture: Capture, blocks: Iterable[list[Record]]) -> None:
        lots = {coin.coin: manifests.to_instrument(coin).lot for coin in heading.coins}
        frames = Frames({coin: amount_decimals(lot) for coin, lot in lots.items()})
        self.events = list(manifest.events or ())
        runs = begun = 0
        for block in blocks:
            for record in block:
                frames.take(record)
                self.bytes += len(record.body)
            if self.bytes - begun >= RUN:
                self._write(heading, runs, frames)
                runs, begun = runs + 1, self.bytes
        self._write(heading, runs, frames)
        if self.records != self.reader.records:
            raise RecordingError(f"{printable(self.path)}: {self.reader.records} records became {self.records}; it is kept")
        if self.reader.problem:
            self.notes.append(self.reader.problem)
        changed, late = self._bars(frames)
        summarize(capture, frames.told, self.reader.last)
        capture.segments = heading.number + 1
        capture.records += self.records
        capture.bytes += self.bytes
        capture.duplicates += self.duplicates
        capture.lost += self.notes[:1] if self.reader.problem else []
        save(
            self.folder,
            changed,
            coins=manifest.coins,
            source=manifest.source,
            synthetic=manifest.synthetic,
            spot=manifest.spot,
            notes=dict.fromkeys([*manifest.notes, *self.notes[1 if self.reader.problem else 0 :]]),
            kept=manifest.files,
            sources=manifest.sources,
            captures=list(manifest.captures or ()),
            events=self.events,
            late=late,
        )

    def _write(self, heading: Heading, run: int, frames: Frames) -> None:
        """Write what the sheets hold, prove each file, and empty them."""
        part = f"{heading.capture}-{heading.number:05d}-{run}"
        taken = sum(sheet.records for sheet in frames.sheets.values())
        for key, sheet in frames.sheets.items():
            kind, coin, interval = key
            decimals = frames.coins.get(coin, DECIMALS)
            fresh = self._go_on(key, sheet, decimals, heading.capture)
            rows, texts, duplicates = sheet.tidy(self._before(key, sheet))
            self.duplicates += duplicates
            self.rows[kind] = self.rows.get(kind, 0) + fresh - duplicates
            if not len(rows):
                continue
            name = event_file(kind, coin, interval, part)
            content = encode_sheet(sheet.kind, rows, texts, decimals)
            ids = rows[:, sheet.kind.columns.index(sheet.kind.keys[0])] if sheet.kind.keys else np.zeros(1, np.int64)
            written = Events(
                file=name,
                kind=kind,
                capture=heading.capture,
                coin=coin,
                interval=interval,
                rows=len(rows),
                first=manifests.to_datetime(int(rows[:, -1].min())),
                last=manifests.to_datetime(int(rows[:, -1].max())),
                low=int(ids.min()),
                high=int(ids.max()),
                bytes=len(content),
                sha256=columns.digest(content),
                amount_decimals=decimals,
            )
            self.written.append(name)
            write_file(self.folder / name, content)
            if not coin:
                # An account is nobody else's business.
                with contextlib.suppress(OSError):
                    (self.folder / name).chmod(0o600)
            if problems := check_events(self.folder, written):
                raise RecordingError(f"{problems[0]}, though it was just written; {printable(self.path.name)} is kept")
            self.events.append(written)
        self.records += taken
        frames.sheets.clear()

    def _go_on(self, key: Key, sheet: Sheet, decimals: int, capture: str) -> int:
        """Take the rows of the file that was last written of the same events before the sheet's, unless it is full.

        Return how many the sheet had. A new file takes that one's place.
        """
        fresh = len(sheet.rows())
        most = MOST_TEXTS if sheet.kind.texts else MOST_ROWS
        its = next((its for its in reversed(self.events) if (its.kind, its.coin, its.interval) == key), None)
        if its and (its.capture, its.amount_decimals) == (capture, decimals) and its.rows + fresh <= most and self._whole(its):
            sheet.prepend(*read_sheet(self.folder / its.file, its.kind))
            self.events.remove(its)
        return fresh

    def _whole(self, events: Events) -> bool:
        """Whether a sealed file is what was written; one that is damaged is left for a repair."""
        return not check_events(self.folder, events)

    def _before(self, key: Key, sheet: Sheet) -> Rows | None:
        """Return the rows of the same events that are sealed already and whose ids overlap with the sheet's."""
        rows = sheet.rows()
        if not sheet.kind.keys or not len(rows):
            return None
        ids = rows[:, sheet.kind.columns.index(sheet.kind.keys[0])]
        low, high = int(ids.min()), int(ids.max())
        found = [
            read_sheet(self.folder / its.file, its.kind)[0]
            for its in self.events
            if (its.kind, its.coin, its.interval) == key and its.low <= high and low <= its.high and self._whole(its)
        ]
        return np.concatenate(found) if found else None

    def _bars(self, frames: Frames) -> tuple[dict[Series, Bars], dict[Series, list[Timestamp]]]:
        """Return the recorded bars with those heard of, and which of them were late; the first word on a bar stands."""
        recorded = open_recording(self.folder)
        late: dict[Series, list[Timestamp]] = {}
        for _, event in frames.told:
            if isinstance(event, control.Late) and event.coin in frames.coins and event.interval in ("", *INTERVALS):
                interval = event.interval or self._shortest(event.coin, frames, recorded)
                late.setdefault((event.coin, interval), []).extend(event.opened)
        changed: dict[Series, Bars] = {}
        for coin, interval in {**frames.bars, **late}:
            old = recorded.bars(coin, interval) if interval in recorded.intervals(coin) else None
            heard = frames.bars.get((coin, interval), [])
            fresh, contradicted = first_words(heard, INTERVALS[interval], frames.coins[coin], old)
            if contradicted:
                times = ", ".join(stamp(time) for time in contradicted[:MOST_NOTED])
                self.notes.append(f"{coin} {interval}: {len(contradicted)} bars came again with other numbers: {times}")
            instrument = recorded.instruments[coin]
            symbol = Symbol(coin, instrument.base, instrument.quote)
            parts = [Part(symbol, its, None, its.time) for its in (old, fresh) if its is not None and len(its)]
            if parts and (len(fresh) or late.get((coin, interval))):
                changed[coin, interval] = merge(parts).bars
        return changed, late

    def _shortest(self, coin: CoinName, frames: Frames, recorded: Recording) -> str:
        there = {*recorded.intervals(coin), *(interval for its, interval in frames.bars if its == coin)}
        return min(there, key=lambda interval: INTERVALS[interval], default="1m")

    def _forget(self) -> None:
        """Remove the files of a sealing that failed, unless the manifest has them."""
        with contextlib.suppress(RecordingError, OSError):
            listed = {its.file for its in manifests.load(self.folder).events or ()}
            for name in self.written:
                if name not in listed:
                    (self.folder / name).unlink(missing_ok=True)
