"""Crash reports: what is kept of an unexpected exception, without locals and without secrets."""

from __future__ import annotations

import os
import platform
import re
import traceback
from datetime import UTC, datetime
from pathlib import Path

from engine import paths

_SECRETS = (
    re.compile(
        r"(?i)((?:signature|api_?key|api-?secret|secret|token|passphrase|password|x-mbx-apikey)['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,)}]+"
    ),
    re.compile(r"()-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL),
    re.compile(r"()(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{40,}(?![A-Za-z0-9+/_=-])"),
)


# A long path has the letters of a key; where a traceback names a file it is none.
_FILE = re.compile(r'(File "[^"\n]*")')


def redact(text: str) -> str:
    """Return `text` with what looks like a key, a signature or a password replaced."""
    parts = _FILE.split(text)
    for n in range(0, len(parts), 2):
        for pattern in _SECRETS:
            parts[n] = pattern.sub(r"\1[redacted]", parts[n])
    return "".join(parts)


def report(error: BaseException) -> Path | None:
    """Write a redacted report of `error`, readable by this user only; returns its path, None where none could be written."""
    from tui.cli import version

    now = datetime.now(UTC)
    lines = traceback.format_exception(error)
    text = f"tickdeck {version()}, Python {platform.python_version()}, {platform.system()}\n{now.isoformat()}\n\n"
    text += "".join(redact(line) for line in lines)
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
