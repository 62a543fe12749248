"""Where things lie on this machine: what ships with tickdeck, and the user's data, cache and sockets."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path

import platformdirs

from engine.errors import HostError

APP = "tickdeck"


def bundled() -> Path:
    """Return the folder of `configs`, `recordings` and `templates`: inside an installed package, at the root of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "bundled"
    return installed if installed.is_dir() else package.parent


def user_data() -> Path:
    """Return the folder for the user's recordings and sessions; it may not exist yet."""
    return platformdirs.user_data_path(APP, appauthor=False)


def user_cache() -> Path:
    """Return the folder for what can be made again, compiled kernels above all; it may not exist yet."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def runtime_dir() -> Path:
    """Return the folder for sockets, made if need be, that only this user can enter (mode 0700).

    Raises HostError where the folder cannot be made or belongs to somebody else, as one planted in a shared /tmp would.
    """
    try:
        with warnings.catch_warnings():
            # A system without XDG_RUNTIME_DIR is no news to the user; the checks below hold for any folder.
            warnings.simplefilter("ignore")
            folder = platformdirs.user_runtime_path(APP, appauthor=False)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise HostError(f"{folder} is not this user's own folder", hint="remove it, or set XDG_RUNTIME_DIR to another")
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        reason = error.strerror or str(error)
        raise HostError(
            f"there is no place for the engine's socket: {reason}", hint="set XDG_RUNTIME_DIR to a folder of yours"
        ) from None
    return folder
