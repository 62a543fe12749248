"""Describing: what is inside a recording, for people and for --json, told from its manifest alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.model import CoinName
from engine.recordings import manifest as manifests
from engine.recordings.bars import interval_length, stamp
from engine.recordings.capture.segments import being_captured, segments_of
from engine.recordings.recording import open_recording


class SeriesInfo(msgspec.Struct, kw_only=True):
    """A coin's bars of one interval; gaps are (open time of the first missing, of the next present, how many missing)."""

    coin: CoinName
    interval: str
    rows: int
    start: str
    end: str
    missing: int
    volume_decimals: int
    coverage_pct: float
    gaps: list[tuple[str, str, int]]
    file: str
    bytes: int


class EventsInfo(msgspec.Struct, kw_only=True):
    """What was captured of a kind, all of its files together; `coin` is empty for what is of none."""

    kind: str
    coin: CoinName
    interval: str
    rows: int
    files: int
    bytes: int
    start: str
    end: str


class Description(msgspec.Struct, kw_only=True):
    """A recording: times are UTC text, filters decimal text."""

    recording: str
    path: str
    source: str
    synthetic: bool
    spot: bool
    start: str
    end: str
    coins: list[manifests.Coin]
    series: list[SeriesInfo]
    notes: list[str]
    sources: list[manifests.Source]
    captures: list[manifests.Capture]
    events: list[EventsInfo]
    unsealed: int
    """Segments that are not sealed yet, and their bytes."""
    unsealed_bytes: int
    capturing: bool


def describe(path: Path | str) -> Description:
    """Return what is inside the recording in the folder `path`; raises RecordingError as open_recording does."""
    recording = open_recording(path)
    manifest = manifests.load(Path(path))
    segments = segments_of(Path(path))
    return Description(
        recording=recording.name,
        path=str(path),
        source=manifest.source,
        synthetic=manifest.synthetic,
        spot=manifest.spot,
        start=stamp(recording.start),
        end=stamp(recording.end),
        coins=manifest.coins,
        series=[_series(file) for file in manifest.files],
        notes=manifest.notes,
        sources=manifest.sources,
        captures=list(manifest.captures or ()),
        events=_events(manifest.events or ()),
        unsealed=len(segments),
        unsealed_bytes=sum(path.stat().st_size for path in segments),
        capturing=being_captured(Path(path)),
    )


def _series(file: manifests.File) -> SeriesInfo:
    gaps = manifests.to_gaps(file)
    missing = sum(gap.missing for gap in gaps)
    return SeriesInfo(
        coin=file.coin,
        interval=file.interval,
        rows=file.rows,
        start=stamp(manifests.to_timestamp(file.first)),
        end=stamp(manifests.to_timestamp(file.last) + interval_length(file.interval)),
        missing=missing,
        volume_decimals=file.volume_decimals,
        coverage_pct=round(100 * file.rows / (file.rows + missing), 4),
        gaps=[(stamp(gap.start), stamp(gap.end), gap.missing) for gap in gaps],
        file=file.file,
        bytes=file.bytes,
    )


def _events(files: Iterable[manifests.Events]) -> list[EventsInfo]:
    every: dict[tuple[str, str, str], list[manifests.Events]] = {}
    for file in files:
        every.setdefault((file.coin, file.kind, file.interval), []).append(file)
    return [
        EventsInfo(
            kind=kind,
            coin=coin,
            interval=interval,
            rows=sum(file.rows for file in its),
            files=len(its),
            bytes=sum(file.bytes for file in its),
            start=stamp(min(manifests.to_timestamp(file.first) for file in its)),
            end=stamp(max(manifests.to_timestamp(file.last) for file in its)),
        )
        for (coin, kind, interval), its in sorted(every.items())
    ]
