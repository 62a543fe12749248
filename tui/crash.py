"""Crash reports: what is kept of an unexpected exception, without locals and without secrets."""

from __future__ import annotations

import os
import platform
import traceback
from datetime import UTC, datetime
from pathlib import Path

from engine import paths
from engine.redaction import redact


def report(error: BaseException) -> Path | None:
    """Write a redacted report of `error`, readable by this user only; returns its path, None where none could be written."""
    from tui.cli import version

    now = datetime.now(UTC)
    text = f"tickdeck {version()}, Python {platform.python_version()}, {platform.system()}\n{now.isoformat()}\n\n"
    text += redact("".join(traceback.format_exception(error)))
    folder = paths.user_data() / "crashes"
    path = folder / f"{now:%Y%m%d-%H%M%S-%f}-{os.getpid()}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return None
    return path


def summary(error: BaseException, path: Path | None) -> str:
    """Return the one line a person sees of a crash."""
    text = redact(f"{type(error).__name__}: {error}".splitlines()[0])
    where = f"a report is in {path}" if path else "no report could be written"
    return f"tickdeck crashed: {text[:300]} ({where})"
