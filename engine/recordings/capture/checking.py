"""Checking: whether what a capture left is what was written."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from engine.errors import RecordingError
from engine.recordings.capture.segments import FOLDER, SegmentReader, being_captured, segments_of, set_aside
from engine.recordings.capture.sheets import KINDS, read_sheet, sort_order
from engine.recordings.manifest import Events, to_datetime
from engine.recordings.names import printable


def check_events(folder: Path, events: Events) -> list[str]:
    """Return what is wrong with a sealed file of events, read whole: its sha256, rows, order, ids and times."""
    name = printable(events.file)
    path = folder / events.file
    try:
        content = path.read_bytes()
        if len(content) != events.bytes or hashlib.sha256(content).hexdigest() != events.sha256:
            return [f"{name}: its sha256 is not the one in the manifest"]
        if events.kind not in KINDS:
            return [f"{name}: its kind is none this tickdeck knows"]
        rows, _ = read_sheet(path, events.kind)
    except RecordingError as error:
        return [error.message]
    except OSError as error:
        return [f"{name} cannot be read: {error.strerror}"]
    kind = KINDS[events.kind]
    if len(rows) != events.rows or not len(rows):
        return [f"{name}: it has {len(rows)} rows, not {events.rows}"]
    problems = []
    received = rows[:, -1]
    if (to_datetime(int(received.min())), to_datetime(int(received.max()))) != (events.first, events.last):
        problems.append(f"{name}: its first and last time are not those in the manifest")
    if kind.keys:
        ids = rows[:, kind.columns.index(kind.keys[0])]
        if not np.array_equal(sort_order(rows, kind), np.arange(len(rows))):
            problems.append(f"{name}: it is not sorted by {', '.join(kind.keys)}")
        if (int(ids.min()), int(ids.max())) != (events.low, events.high):
            problems.append(f"{name}: its ids are not those in the manifest")
    return problems


def check_segments(folder: Path) -> list[str]:
    """Return what is wrong with the segments that are not sealed, read whole, and what does not belong beside them."""
    paths = segments_of(folder)
    listed = {*paths, *set_aside(folder)}
    if paths and being_captured(folder):
        paths.pop()
    problems = []
    for path in paths:
        reader = SegmentReader(path)
        try:
            for _ in reader.blocks():
                pass
        except RecordingError as error:
            problems.append(error.message)
        problems += [reader.problem] if reader.problem else []
    problems += [f"{printable(path.name)} was set aside: its end could not be read" for path in set_aside(folder)]
    strange = sorted(path for path in (folder / FOLDER).glob("*") if path not in listed)
    return [*problems, *(f"{FOLDER}/{printable(path.name)} is no segment" for path in strange)]
