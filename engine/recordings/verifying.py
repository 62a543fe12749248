"""Verifying: every byte of a recording against its manifest, and every bar against what a bar can be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from engine.errors import RecordingError
from engine.recordings import manifest as manifests
from engine.recordings.bars import COLUMNS, Bars, check_bars, find_gaps, interval_length
from engine.recordings.capture.checking import check_events, check_segments
from engine.recordings.capture.segments import FOLDER
from engine.recordings.columns import ColumnFile
from engine.recordings.names import printable


def verify(path: Path | str) -> list[str]:
    """Return what is wrong with the recording in the folder `path`, a sentence each naming the file; nothing if all is well.

    Every file is read whole: its sha256, page checksums, order, sanity of each bar, gaps, and what is not sealed of a capture.
    Raises RecordingError only where the folder is no recording at all.
    """
    folder = Path(path)
    if not (folder / manifests.MANIFEST).exists():
        manifests.load(folder)
    try:
        manifest = manifests.load(folder)
        for coin in manifest.coins:
            manifests.to_instrument(coin)
    except RecordingError as error:
        return [error.message]
    problems = [problem for file in manifest.files for problem in _check_file(folder, file)]
    problems += [problem for events in manifest.events or () for problem in check_events(folder, events)]
    problems += check_segments(folder)
    if manifests.period(manifest.files, manifest.captures or ()) != (manifest.start, manifest.end):
        problems.append(f"{manifests.MANIFEST}: the period is not that of its files")
    listed = {manifests.MANIFEST, FOLDER, *(file.file for file in [*manifest.files, *(manifest.events or ())])}
    problems += [
        f"{printable(path.name)} is not in the manifest" for path in sorted(folder.iterdir()) if path.name not in listed
    ]
    return problems


def _check_file(folder: Path, file: manifests.File) -> list[str]:
    name = printable(file.file)
    stored = ColumnFile(folder / file.file, file.rows, file.bytes, file.crc32)
    problems: list[str] = []
    try:
        stored.check_size()
        with open(folder / file.file, "rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                problems.append(f"{name}: its sha256 is not the one in the manifest")
        if stored.volume_decimals() != file.volume_decimals:
            problems.append(f"{name}: the decimals of its volumes are not those in the manifest")
        columns = {column: stored.load(column) for column in COLUMNS}
    except RecordingError as error:
        return [*problems, error.message]
    except OSError as error:
        return [*problems, f"{name} cannot be read: {error.strerror}"]
    time = columns["time"]
    interval = interval_length(file.interval)
    if not len(time) or np.any(time[1:] <= time[:-1]):
        return [*problems, f"{name}: its times are not strictly ascending"]
    try:
        check_bars(Bars(**columns, interval=interval, volume_decimals=file.volume_decimals), name)
    except RecordingError as error:
        problems.append(error.message)
    if (int(time[0]), int(time[-1])) != (manifests.to_timestamp(file.first), manifests.to_timestamp(file.last)):
        problems.append(f"{name}: its first and last bar are not those in the manifest")
    if find_gaps(time, interval) != manifests.to_gaps(file):
        problems.append(f"{name}: its gaps are not those in the manifest")
    if not np.isin(np.array(manifests.late_times(file), np.int64), time).all():
        problems.append(f"{name}: it lacks bars that the manifest calls late")
    return problems
