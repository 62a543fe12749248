"""The key file: read and written only where nobody else can read it, or put another in its place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigError

MAX_BYTES = 64 * 1024


def read_guarded(path: Path) -> str | None:
    """Return the text of this user's own file, mode 0600 in a folder that others may not write in; None where there is none.

    Raises ConfigError where it is anything else.
    """
    try:
        with _folder(path) as folder:
            # not waiting for what is no file to say something
            handle = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with os.fdopen(handle, "rb") as file:
                found = os.fstat(handle)
                if not stat.S_ISREG(found.st_mode):
                    raise ConfigError(f"{path} is no file")
                if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
                    remedy = f"chmod 600 {path}; if others may have read it, make new keys"
                    raise ConfigError(f"{path} is open to others", hint=remedy)
                return file.read(MAX_BYTES).decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        hint = "a link is not followed; put the file itself there" if path.is_symlink() else ""
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=hint) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None


def write_guarded(path: Path, content: bytes) -> None:
    """Put a file of mode 0600 in place at once, its folder made if need be; raises ConfigError as reading does."""
    name = f".{path.name}.{os.getpid()}"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder(path) as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            try:
                with os.fdopen(os.open(name, flags, 0o600, dir_fd=folder), "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                if name in os.listdir(folder):
                    os.unlink(name, dir_fd=folder)
                raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    """Open the folder of a file, in which nobody else may write."""
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found = os.fstat(handle)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
            raise ConfigError(f"others may write in {path.parent}, where keys lie", hint=f"chmod 700 {path.parent}")
        yield handle
    finally:
        os.close(handle)
