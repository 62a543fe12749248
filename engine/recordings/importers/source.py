"""A file to import, read whole: unpacked, its checksum compared, and nothing taken for text that is not."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

from engine.errors import RecordingError
from engine.recordings.names import printable

LIMIT = 1 << 30
"""Bytes a file may have, unpacked: a month of 1-second bars has half of that."""

_CHUNK = 1 << 20
_BOM = b"\xef\xbb\xbf"


class Source(NamedTuple):
    """A file's content, unpacked and without a byte order mark, and the sha256 of the file as it lies there."""

    path: Path
    content: bytes
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, fit for a terminal."""
        return printable(self.path.name)


def read_source(path: Path) -> Source:
    """Return the file's content; .gz and .zip are unpacked, a `.CHECKSUM` beside it is compared.

    Raises RecordingError naming the file where it cannot be read, is empty, cut short, too large or not what its CHECKSUM says.
    """
    name = printable(path.name)
    try:
        if not path.is_file():
            raise RecordingError(f"{printable(path)} is not a file" if path.exists() else f"there is no file {printable(path)}")
        packed = _read(path)
    except OSError as error:
        raise RecordingError(f"{printable(path)} cannot be read: {error.strerror or printable(error)}") from None
    sha256 = hashlib.sha256(packed).hexdigest()
    _compare_checksum(path, sha256)
    try:
        content = _unpack(path, packed)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise RecordingError(f"{name} is damaged or cut short: {printable(error)}", hint="download it again") from None
    except (NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise RecordingError(f"{name} cannot be unpacked: {printable(error)}") from None
    if not path.name.endswith(".feather"):
        content = content.removeprefix(_BOM)
    if not content.strip():
        raise RecordingError(f"{name} is empty")
    return Source(path, content, sha256)


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > LIMIT:
            raise RecordingError(f"{printable(path.name)} is too large: {size:,} bytes, at most {LIMIT:,} are read")
        return file.read(LIMIT)


def _unpack(path: Path, packed: bytes) -> bytes:
    if path.name.endswith(".gz"):
        with gzip.open(io.BytesIO(packed)) as stream:
            return _pour(path, stream)
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir() and not e.filename.startswith("__MACOSX/")]
            if len(entries) != 1 or not entries[0].filename.endswith(".csv"):
                raise RecordingError(f"{printable(path.name)} must hold one .csv file, it holds {len(entries)} files")
            with archive.open(entries[0]) as stream:
                return _pour(path, stream)
    if path.name.endswith((".csv", ".json")):
        _look(path, packed[:_CHUNK])
    return packed


def _pour(path: Path, stream: IO[bytes] | gzip.GzipFile) -> bytes:
    # In chunks, so that an archive that unpacks to far more than its size is refused before it fills the memory.
    parts: list[bytes] = []
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if not parts:
            _look(path, chunk)
        if size > LIMIT:
            raise RecordingError(f"{printable(path.name)} unpacks to more than {LIMIT:,} bytes")
        parts.append(chunk)
    return b"".join(parts)


def _look(path: Path, beginning: bytes) -> None:
    if b"\0" in beginning:
        raise RecordingError(f"{printable(path.name)} is not text")


def _compare_checksum(path: Path, sha256: str) -> None:
    beside = path.with_name(path.name + ".CHECKSUM")
    try:
        said = beside.read_bytes()[:4096].split()
    except FileNotFoundError:
        return
    except OSError as error:
        raise RecordingError(f"{printable(beside)} cannot be read: {error.strerror}") from None
    if not said or len(said[0]) != 64:
        raise RecordingError(f"{printable(beside.name)} holds no sha256")
    if said[0].decode("ascii", "replace").lower() != sha256:
        raise RecordingError(
            f"{printable(path.name)} is damaged: its sha256 is not the one in {printable(beside.name)}",
            hint="download it again",
        )
