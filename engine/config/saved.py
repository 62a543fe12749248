"""What tells the file of a saved session from a config and from any other file, which no session is written over."""

from __future__ import annotations

import os
import re
from pathlib import Path

from engine.errors import UsageError

KEY = "tickdeck_session"
_MARK = re.compile(rf"^{KEY}[ \t]*=".encode(), re.MULTILINE)


def is_session(path: Path) -> bool:
    """Whether a TOML file is a saved session, and no config."""
    try:
        # whoever opened a pipe to look would wait for what never comes
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return _MARK.search(file.read(4096)) is not None
    except (OSError, ValueError):
        return False


def spare(path: Path) -> None:
    """Raise UsageError where there is something that is no saved session: a session may be saved over one, and nothing else."""
    if os.path.exists(path) and not is_session(path):
        raise UsageError(f"{path} is there and is no session, so none is saved over it", hint="name another file")
