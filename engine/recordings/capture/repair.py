"""Repair: what is whole of a damaged recording, in a copy; the damaged one is never touched."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET

from engine.errors import RecordingError
from engine.recordings import manifest as manifests
from engine.recordings.capture.enrolling import enroll
from engine.recordings.capture.sealing import Progress, Sealed, seal
from engine.recordings.capture.segments import FOLDER, SET_ASIDE, SegmentReader, being_captured, segments_of, set_aside
from engine.recordings.manifest import MANIFEST, Events, File, Manifest
from engine.recordings.names import printable
from engine.recordings.store import locked, save, write_file


class Repaired(NamedTuple):
    """What a repair did: files and segments taken over, what its sealing made of these, and what was left, a sentence each."""

    files: int
    segments: int
    sealed: Sealed
    left: list[str]


def repair(folder: Path | str, into: Path | str, progress: Progress | None = None) -> Repaired:
    """Copy what is whole of the recording in `folder` into the new folder `into`, and seal what of its segments can be read.

    Of a segment that is damaged everything before the damage is kept. Where the manifest is damaged, what is sealed cannot be
    proved and is left; the segments say themselves what they are. Raises RecordingError where a capture is running, where
    `into` is not new or empty, and where nothing can be kept.
    """
    folder, into = Path(folder), Path(into)
    if being_captured(folder):
        raise RecordingError(f"{printable(folder)} is being captured into", hint="stop that first")
    left: list[str] = []
    with contextlib.ExitStack() as held:
        if (folder / MANIFEST).exists():
            held.enter_context(locked(folder))
        held.enter_context(locked(into))
        if any(into.iterdir()):
            raise RecordingError(f"{printable(into)} is not empty", hint="choose a new folder for the copy")
        try:
            manifest = manifests.load(folder)
        except RecordingError as error:
            manifest = None
            left.append(error.message)
        files = _copy_sealed(folder, into, manifest, left) if manifest is not None else 0
        paths = segments_of(folder)
        if manifest is None:
            paths = sorted([*paths, *set_aside(folder)])
        segments = sum(_copy_segment(path, into, left) for path in paths)
        if not files and not segments:
            raise RecordingError(f"nothing of {printable(folder)} can be kept", hint="; ".join(left))
    return Repaired(files, segments, seal(into, progress), left)


def _copy_sealed(folder: Path, into: Path, manifest: Manifest, left: list[str]) -> int:
    """Copy the files that are what the manifest says, and the manifest without the others; return how many they are."""
    files = [file for file in manifest.files if _copied(folder, into, file, left)]
    events = [file for file in manifest.events or () if _copied(folder, into, file, left)]
    captures = list(manifest.captures or ())
    coins = [coin for coin in manifest.coins if captures or any(file.coin == coin.coin for file in files)]
    if not coins:
        return 0
    save(
        into,
        {},
        coins=coins,
        source=manifest.source,
        synthetic=manifest.synthetic,
        spot=manifest.spot,
        notes=[*manifest.notes, *(f"lost before a repair: {reason}" for reason in left)],
        kept=files,
        sources=manifest.sources,
        captures=captures or UNSET,
        events=events or UNSET,
    )
    return len(files) + len(events)


def _copied(folder: Path, into: Path, file: File | Events, left: list[str]) -> bool:
    name = printable(file.file)
    try:
        content = (folder / file.file).read_bytes()
    except OSError as error:
        left.append(f"{name} cannot be read: {error.strerror}")
        return False
    if hashlib.sha256(content).hexdigest() != file.sha256:
        left.append(f"{name}: its sha256 is not the one in the manifest")
        return False
    write_file(into / file.file, content)
    return True


def _copy_segment(path: Path, into: Path, left: list[str]) -> bool:
    """Copy a segment up to what is damaged; whether there is anything to copy."""
    reader = SegmentReader(path)
    try:
        for _ in reader.blocks():
            pass
        if reader.problem:
            left.append(reader.problem)
        if reader.heading is None:
            return False
        with open(path, "rb") as file:
            content = file.read(reader.whole)
    except (OSError, RecordingError) as error:
        left.append(f"{printable(path.name)}: {error}")
        return False
    if not (into / MANIFEST).exists():
        enroll(into, reader.heading)
    (into / FOLDER).mkdir(mode=0o700, exist_ok=True)
    write_file(into / FOLDER / path.name.removesuffix(SET_ASIDE), content)
    return True
