"""The canary: looks for secrets in whatever was written, in every form a secret can be written in."""

from __future__ import annotations

import base64
import gzip
import re
import sqlite3
import string
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa

API_KEY = "cNrY7q2WmZx4Tb9LvKs6Hd1JpGf8RaUoEi3CyXnQtBwMhSzVlDgPjFuOkA5e0I7a"
API_SECRET = "sNt1Lf8XcQv3RwJm6YbZk9TgHp2DoAu5EeKiNxVrCzWqBtSyMdGhPjUlFaO4I7Qe"
SECRETS = (API_KEY, API_SECRET)
"""Keys as the exchange's are, that no rehearsal makes by chance."""
LEAST = 6
"""A secret's first letters, so many, are too many."""


def forms(secret: str) -> dict[str, bytes]:
    """How the beginning of a secret, or all of it, looks in a file, by the name of the encoding."""
    raw = secret.encode()
    found = {"raw": raw[:LEAST], "hex": raw.hex()[: 2 * LEAST].encode(), "HEX": raw.hex().upper()[: 2 * LEAST].encode()}
    found |= {"end": raw[-2 * LEAST :], "reversed": raw[::-1], "utf-16": secret.encode("utf-16-le")}
    found |= {"url": quote(secret, safe="").encode(), "escaped": "".join(f"%{byte:02X}" for byte in raw[:LEAST]).encode()}
    for before in range(3):
        # six letters of base64 or so of the middle: what stands beside a secret changes its ends
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            found[f"{name} at {before}"] = encode(bytes(before) + raw)[4:16]
    return found


def assert_clean(written: Iterable[Path | bytes | str], secrets: Iterable[str] = SECRETS) -> int:
    """Assert that no secret is in what was written: files, whole folders, bytes, texts. Returns how many bytes there were.

    What is compressed is looked into: gzip, zlib and zstd frames wherever they begin in a file, SQLite's pages as they are.
    """
    total = 0
    needles = [(secret[:3], name, form) for secret in secrets for name, form in forms(secret).items()]
    for where, content in _pieces(written):
        total += len(content)
        for whose, name, form in needles:
            at = content.find(form)
            assert at < 0, f"{where}: {whose}… in {name}, at byte {at}: {content[max(0, at - 60) : at]!r}"
    return total


def assert_caught(text: bytes, secrets: Iterable[str] = SECRETS) -> None:
    """Assert that there is a secret: that the canary itself is alive."""
    try:
        assert_clean([text], secrets)
    except AssertionError:
        return
    raise AssertionError("the canary is dead")


def _pieces(written: Iterable[Path | bytes | str]) -> Iterator[tuple[str, bytes]]:
    for its in written:
        if isinstance(its, str):
            yield "text", its.encode("utf-8", "surrogatepass")
        elif isinstance(its, bytes):
            yield "bytes", its
        elif its.is_dir():
            yield "names", "\n".join(str(path.relative_to(its)) for path in sorted(its.rglob("*"))).encode()
            yield from _pieces(path for path in sorted(its.rglob("*")) if path.is_file())
        else:
            content = its.read_bytes()
            yield str(its), content
            for unpacked in _unpacked(content):
                yield f"{its}, unpacked", unpacked


def _unpacked(content: bytes) -> Iterator[bytes]:
    zstd = pa.Codec("zstd")
    for at in (found.start() for found in re.finditer(re.escape(b"\x28\xb5\x2f\xfd"), content)):
        for size in (1 << 16, 1 << 20, 1 << 24):
            try:
                yield bytes(zstd.decompress(content[at:], decompressed_size=size))
                break
            except (pa.ArrowInvalid, OSError):
                continue
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    elif content[:1] == b"\x78":
        try:
            yield zlib.decompress(content)
        except zlib.error:
            pass


def rows(path: Path) -> bytes:
    """All that an SQLite file holds, in a row."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return "\n".join(db.iterdump()).encode()


assert all(set(secret) <= set(string.ascii_letters + string.digits) and len(secret) == 64 for secret in SECRETS)
