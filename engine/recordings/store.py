"""Writing: files appear whole or not at all, and a recording changes in the one moment its manifest is replaced."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import UNSET, UnsetType

from engine.errors import RecordingError
from engine.model import CoinName, Timestamp
from engine.recordings import columns
from engine.recordings.bars import Bars, find_gaps, interval_length
from engine.recordings.manifest import (
    MANIFEST,
    Capture,
    Coin,
    Events,
    File,
    Manifest,
    Missing,
    Source,
    dump,
    late_times,
    period,
    spans,
    to_coin,
    to_datetime,
)
from engine.recordings.names import is_event_file, printable
from engine.recordings.recording import Recording

Series = tuple[CoinName, str]


def write_recording(path: Path | str, recording: Recording, *, inferred: Mapping[CoinName, list[str]] | None = None) -> None:
    """Write a recording into the folder `path`, which must be new or empty; `inferred` names each coin's guessed filters.

    Raises RecordingError where the folder has content or cannot be written; then nothing is left behind.
    """
    folder = Path(path)
    changed = {(coin, name): recording.bars(coin, name) for coin in recording.coins for name in recording.intervals(coin)}
    coins = [to_coin(recording.instruments[coin], (inferred or {}).get(coin, [])) for coin in recording.coins]
    with locked(folder):
        if (folder / MANIFEST).exists():
            raise RecordingError(f"{printable(folder)} already holds a recording")
        save(
            folder,
            changed,
            coins=coins,
            source=recording.source,
            synthetic=recording.synthetic,
            spot=recording.spot,
            notes=recording.notes,
        )


def save(
    folder: Path,
    changed: Mapping[Series, Bars],
    *,
    coins: list[Coin],
    source: str,
    synthetic: bool,
    spot: bool,
    notes: Iterable[str] = (),
    kept: Sequence[File] = (),
    sources: Iterable[Source] = (),
    captures: list[Capture] | UnsetType = UNSET,
    events: list[Events] | UnsetType = UNSET,
    late: Mapping[Series, Sequence[Timestamp]] | None = None,
) -> Manifest:
    """Write the changed series beside the `kept` files, then the manifest that makes them the recording, and return it.

    `late` has the open times of changed bars that came too late for a signal, beside those known already. The caller holds the
    folder's lock. Until the manifest is replaced the old recording stands untouched.
    """
    known = {(file.coin, file.interval): late_times(file) for file in kept}
    files = [file for file in kept if (file.coin, file.interval) not in changed]
    written: list[Path] = []
    sealed = b""
    try:
        for (coin, interval), bars in changed.items():
            content = columns.encode(bars)
            path = _free_name(folder, coin, interval)
            written.append(path)
            write_file(path, content)
            entry = _entry(path.name, coin, interval, bars, content)
            entry.late = spans([*known.get((coin, interval), ()), *(late or {}).get((coin, interval), ())], bars) or UNSET
            files.append(entry)
        order = {coin.coin: n for n, coin in enumerate(coins)}
        files.sort(key=lambda file: (order[file.coin], interval_length(file.interval)))
        start, end = period(files, captures or ())
        manifest = Manifest(
            name=folder.resolve().name,
            source=source,
            synthetic=synthetic,
            spot=spot,
            kinds=[*(["bars"] if files else []), *dict.fromkeys(its.kind for its in events or ())],
            start=start,
            end=end,
            notes=list(notes),
            coins=coins,
            files=files,
            sources=list(sources),
            captures=captures,
            events=events,
        )
        sealed = dump(manifest)
        write_file(folder / MANIFEST, sealed)
    except BaseException:
        # A failure may come after the manifest was replaced; then the new files are the recording.
        if not sealed or not (folder / MANIFEST).exists() or (folder / MANIFEST).read_bytes() != sealed:
            for path in written:
                _remove(path)
        raise
    _sweep(folder, {file.file for file in [*files, *(events or ())]}, [coin.coin for coin in coins])
    return manifest


def _sweep(folder: Path, current: set[str], coins: list[CoinName]) -> None:
    """Remove what the recording no longer refers to, and what writers that were killed have left."""
    ours = [folder.glob(f"{coin}.bars-*.parquet") for coin in coins]
    captured = [path for path in folder.glob("*.parquet") if is_event_file(path.name)]
    for path in [*itertools.chain(*ours), *captured, *folder.glob(".*.tmp")]:
        if path.name not in current:
            _remove(path)


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that after a crash or power loss there is all of it or what was there before.

    Raises RecordingError where it cannot be written.
    """
    draft = path.with_name(f".{path.name}.tmp")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        _remove(draft)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for writing, made if need be; one that was made and stays empty is removed.

    Raises RecordingError where it is held by another, cannot be made, or has content that is no recording's.
    """
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise RecordingError(f"the folder {printable(folder)} cannot be made or opened: {error.strerror}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RecordingError(
                f"{printable(folder)} is being written by another tickdeck", hint="try again when it is done"
            ) from None
        if not (folder / MANIFEST).exists() and any(folder.iterdir()):
            raise RecordingError(
                f"{printable(folder)} has files in it and is no recording", hint="choose a new folder, or empty this one"
            )
        yield
    finally:
        os.close(handle)
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()
    if made:
        try:
            sync_folder(folder.parent)
        except OSError as error:
            raise _unwritable(folder, error) from None


def _unwritable(path: Path, error: OSError) -> RecordingError:
    return RecordingError(f"{printable(path)} cannot be written: {error.strerror}")


def _remove(path: Path) -> None:
    # What cannot be removed now is swept by the next writer.
    with contextlib.suppress(OSError):
        path.unlink()


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder will outlive a loss of power; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _free_name(folder: Path, coin: CoinName, interval: str) -> Path:
    stem = f"{coin}.bars-{interval}"
    path, n = folder / f"{stem}.parquet", 2
    while path.exists():
        path, n = folder / f"{stem}.{n}.parquet", n + 1
    return path


def _entry(name: str, coin: CoinName, interval: str, bars: Bars, content: bytes) -> File:
    return File(
        file=name,
        kind="bars",
        coin=coin,
        interval=interval,
        rows=len(bars),
        first=to_datetime(int(bars.time[0])),
        last=to_datetime(int(bars.time[-1])),
        bytes=len(content),
        sha256=columns.digest(content),
        crc32=columns.checksums(content),
        volume_decimals=bars.volume_decimals,
        gaps=[
            Missing(start=to_datetime(gap.start), end=to_datetime(gap.end), missing=gap.missing)
            for gap in find_gaps(bars.time, bars.interval)
        ],
    )
