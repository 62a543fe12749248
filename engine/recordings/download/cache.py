"""The cache: files of the archive that are whole, each beside its CHECKSUM, and parts of those that are not."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.errors import DownloadError
from engine.recordings.download.archive import CHECKSUM, Zip
from engine.recordings.names import printable


def sha256_in(content: bytes) -> str:
    """Return the sha256 that a CHECKSUM file holds, "" where it holds none."""
    match = re.match(rb"\s*([0-9a-fA-F]{64})(?:\s|$)", content)
    return match[1].decode().lower() if match else ""


class Cache:
    """A folder that mirrors the archive's layout; what lies in it under its own name is whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, wanted: Zip) -> Path | None:
        """Return where the file lies if it is what its CHECKSUM says; one that is not, is removed."""
        path = self.folder / wanted.path
        try:
            said = sha256_in(_beside(path).read_bytes())
            with open(path, "rb") as file:
                good = said == hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, error) from None
        if good:
            return path
        _remove(path)
        return None

    @contextlib.contextmanager
    def partial(self, wanted: Zip, sha256: str) -> Iterator[Partial]:
        """Yield what there is of a file of this sha256, to be gone on with; parts of others by its name are removed."""
        path = self.folder / wanted.path
        name = f".{path.name}.{sha256[:16]}.part"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for other in path.parent.glob(f".{path.name}.*.part"):
                if other.name != name:
                    _remove(other)
            with open(path.with_name(name), "ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise DownloadError(
                        f"{wanted.name} is being downloaded by another tickdeck", hint="try again when it is done"
                    ) from None
                yield Partial(path, file, sha256)
        except OSError as error:
            raise _unusable(path, error) from None


class Partial:
    """A file on its way: bytes are added at its end until it is whole."""

    def __init__(self, path: Path, file: BinaryIO, sha256: str) -> None:
        self._path = path
        self._file = file
        self._sha256 = sha256
        self.size = os.fstat(file.fileno()).st_size

    def write(self, piece: bytes) -> None:
        """Add bytes at the end."""
        self._file.write(piece)
        self.size += len(piece)

    def truncate(self) -> None:
        """Begin anew."""
        self._file.truncate(0)
        self.size = 0

    def finish(self) -> Path | None:
        """Give the file its name if it is what its sha256 says, and return where it lies; else throw it away."""
        self._file.flush()
        part = Path(self._file.name)
        if not self._is_whole():
            _remove(part)
            return None
        beside = _beside(self._path)
        beside.write_text(f"{self._sha256}  {self._path.name}\n")
        os.replace(part, self._path)
        return self._path

    def give_up_unless_whole(self) -> None:
        """Begin anew, unless all of it is there."""
        self._file.flush()
        if not self._is_whole():
            self.truncate()

    def _is_whole(self) -> bool:
        with open(self._file.name, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self._sha256


def _beside(path: Path) -> Path:
    return path.with_name(path.name + CHECKSUM)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _unusable(path: Path, error: OSError) -> DownloadError:
    return DownloadError(
        f"the cache cannot be used: {printable(path.parent)}: {error.strerror or printable(error)}",
        hint="set XDG_CACHE_HOME to a folder with room",
    )
