"""Redaction: secrets are masked in whatever this process writes or shows, by what they are and by what they look like."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast
from urllib.parse import quote

MASK = "[redacted]"
LEAST = 6
"""So many characters of a secret's beginning tell too much of it."""
PIECE = 8
"""So many from anywhere else in it do."""

_PATTERNS = (
    re.compile(
        r"(?i)((?:signature|api[-_]?key|secret|token|passphrase|password|private[-_]?key|x-mbx-apikey)"
        r"(?:['\"]?\s*[=:,]\s*['\"]|=|:\s*(?=\S{8})(?=\S*[0-9])))(?!\[redacted\])[^\s'\"&,)}\]]+"
    ),
    # a long run of letters and digits is a key or a signature rather than a word or a number
    re.compile(r"()(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{40,}"),
)
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL)
# where a traceback names a file, its path is none
_FILE = re.compile(r'(File "[^"\n]*")')

_known: dict[str, list[tuple[int, str]]] = {}
"""The forms of all secrets by their first characters: how many of each tell it, and the whole."""


def hide(secret: str) -> None:
    """Mask a secret of 8 characters or more from now on: as it is, in base64, hex and URL encoding, in pieces."""
    if len(secret) < 8:
        return
    for least, form in _forms(secret):
        if len(form) < max(least, LEAST):
            continue
        forms = _known.setdefault(form[:LEAST], [])
        if (least, form) not in forms:
            forms.append((least, form))


def redact(text: str) -> str:
    """Return a text with every secret in it, and what looks like one, replaced."""
    parts = _FILE.split(_without_known(_PEM.sub(MASK, text)))
    for n in range(0, len(parts), 2):
        for pattern in _PATTERNS:
            parts[n] = pattern.sub(rf"\1{MASK}", parts[n])
    return "".join(parts)


def _without_known(text: str) -> str:
    if not _known:
        return text
    parts: list[str] = []
    done = at = 0
    while at <= len(text) - LEAST:
        forms = _known.get(text[at : at + LEAST])
        end = max((_end(text, at, *form) for form in forms), default=at) if forms else at
        if end > at:
            parts += text[done:at], MASK
            at = done = end
        else:
            at += 1
    return "".join((*parts, text[done:])) if done else text


def _end(text: str, at: int, least: int, form: str) -> int:
    """Return where a form of a secret that begins there ends, be it cut off; `at` where none does."""
    if not text.startswith(form[:least], at):
        return at
    same = least
    while same < len(form) and text[at + same : at + same + 1] == form[same]:
        same += 1
    return at + same


def _forms(secret: str) -> Iterator[tuple[int, str]]:
    """Yield how a secret can stand in a text, each with how much of it tells it."""
    if "-----BEGIN" not in secret:
        yield from _encodings(secret.encode(), LEAST)
        # a log that shortens what it shows leaves the middle out
        yield from ((PIECE, secret[at:]) for at in range(1, len(secret) - PIECE + 1) if len(secret) >= 2 * PIECE)
        return
    # what begins a private key is the same in all of its kind: of a line the whole tells, of the key what is its own
    lines = [line for line in secret.split() if len(line) >= 16 and "-" not in line]
    for line in (*lines, "".join(lines)):
        yield len(line), line
        yield len(quote(line, safe="")), quote(line, safe="")
    try:
        inside = base64.b64decode("".join(lines))
    except binascii.Error:
        return
    for least, form in _encodings(inside[-32:], LEAST):
        yield max(least, 12), form
    for _, form in _encodings(secret.strip().encode(), LEAST):
        yield len(form), form


def _encodings(secret: bytes, least: int) -> Iterator[tuple[int, str]]:
    try:
        plain = secret.decode()
        yield from ((least, form) for form in {plain, quote(plain, safe=""), json.dumps(plain)[1:-1]})
    except UnicodeDecodeError:
        yield least, quote(secret, safe="")
    yield from ((2 * least, form) for form in (secret.hex(), secret.hex().upper()))
    for before in range(3):
        # within a longer text that was encoded, a secret begins at one of three places, and its ends mix with what is beside it
        encoded = base64.b64encode(bytes(before) + secret)[(0, 2, 3)[before] : (before + len(secret)) * 8 // 6].decode()
        yield from ((least + 2, form) for form in {encoded, encoded.translate({43: "-", 47: "_"}), quote(encoded, safe="")})


# What a process writes


def guard() -> None:
    """Mask what this process logs and writes to stderr: tracebacks, warnings, and what threads and loops cannot hand on."""
    if logging.getLogRecordFactory() is not _record:
        logging.setLogRecordFactory(_record)
    if sys.stderr is not None and not isinstance(sys.stderr, _Masked):
        sys.stderr = cast(TextIO, _Masked(sys.stderr))


class _Masked:
    """A stream that masks what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterator[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """Make a record of the log with its text told already, and no objects left that hold what was masked in it."""
    record = logging.LogRecord(*args, **kwargs)
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        text = f"{record.msg} {record.args}"
    record.msg, record.args = redact(text), ()
    if record.exc_info:
        record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
    return record
