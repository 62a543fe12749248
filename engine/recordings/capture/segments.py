"""Segments: what was received, as it was received, in blocks that prove themselves.

A segment is a magic line, then blocks. A block is a head (little-endian: length of the payload, its length unpacked, how many
records are in it, its number, when its first record came, CRC-32 of the payload, CRC-32 of all that) and the payload, zstd. The
second checksum goes on from the one of the block before, so no block can be left out, moved, or be another segment's. The first
record says what is captured; a block without records ends a segment that was closed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from engine.errors import RecordingError
from engine.model import Timestamp
from engine.recordings.manifest import Coin
from engine.recordings.names import printable
from engine.recordings.store import sync_folder

FOLDER = "capture"
"""The folder inside a recording where its segments lie until they are sealed."""
SUFFIX = ".segment"
SET_ASIDE = ".damaged"
"""What is put to the name of a segment whose end could not be read; it is kept, for whoever can."""

MAGIC = b"tickdeck capture 1\n"
_CHECKED = struct.Struct("<IIIQqI")
_CRC = struct.Struct("<I")
HEAD = _CHECKED.size + _CRC.size
_RECORD = struct.Struct("<qBBI")
LARGEST_BLOCK = 256 * 1024 * 1024
"""No writer makes a larger one; a head that says so is not believed."""
LEVEL = 3


class What(IntEnum):
    """What a record is: what is captured, a socket's frame, the body of a reply, or what the capture tells of itself."""

    HEADING = 0
    FRAME = 1
    REPLY = 2
    CONTROL = 3


class Record(NamedTuple):
    """What was received and when, by this machine's clock; `name` is the socket, what was asked for, or the control event."""

    received: Timestamp
    what: int
    name: str
    body: bytes


class Heading(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a segment is: the capture it belongs to, its number there, and what was to be captured."""

    capture: str
    number: int
    created: Timestamp
    source: str
    config: str
    synthetic: bool
    spot: bool
    coins: list[Coin]


def pack(received: Timestamp, what: What, name: bytes, body: bytes) -> bytes:
    """Return a record as a block holds it."""
    return _RECORD.pack(received, what, len(name), len(body)) + name + body


def received_of(record: bytes) -> Timestamp:
    """Return when a packed record was received."""
    received: Timestamp = _RECORD.unpack_from(record)[0]
    return received


class Segment:
    """A segment being written. Every method raises OSError; then the file ends with its last whole block."""

    def __init__(self, path: Path, heading: Heading) -> None:
        import pyarrow as pa

        self.path = path
        self.size = 0
        self._codec = pa.Codec("zstd", compression_level=LEVEL)
        self._blocks = 0
        self._crc = 0
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            self._put(MAGIC)
            self.write(pack(heading.created, What.HEADING, b"", msgspec.json.encode(heading)), 1, heading.created)
            self.sync()
            sync_folder(path.parent)
        except BaseException:
            os.close(self._handle)
            with contextlib.suppress(OSError):
                path.unlink()
            raise

    def write(self, raw: bytes, records: int, first: Timestamp) -> None:
        """Append a block."""
        payload = self._codec.compress(raw, asbytes=True) if raw else b""
        checked = _CHECKED.pack(len(payload), len(raw), records, self._blocks, first, zlib.crc32(payload))
        crc = zlib.crc32(checked, self._crc)
        self._put(checked + _CRC.pack(crc) + payload)
        self._blocks += 1
        self._crc = crc

    def sync(self) -> None:
        """Return once all that was written will outlive a loss of power."""
        getattr(os, "fdatasync", os.fsync)(self._handle)

    def close(self, whole: bool = True) -> None:
        """Close the file; with an end block where the segment is whole."""
        try:
            if whole:
                self.write(b"", 0, 0)
                self.sync()
        finally:
            os.close(self._handle)

    def _put(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self.size)
            raise
        self.size += len(content)


class SegmentReader:
    """Reads a segment up to its end or its first bad block; what `blocks` gave is what was written.

    `whole` is the length of what could be read. After it was read, `ended` tells that it was closed, `cut` that it ends inside
    a block, as it does when its writer was killed, and `damage` what else is wrong. `heading` is None where not even that is
    there. Raises RecordingError where the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heading: Heading | None = None
        self.size = self.whole = 0
        self.records = 0
        self.last: Timestamp = 0
        self.ended = False
        self.cut = False
        self.damage = ""

    @property
    def problem(self) -> str:
        """What is wrong with its end, as a sentence naming the file; empty where nothing is."""
        if not self.cut and not self.damage:
            return ""
        reason, left = self.damage or "ends inside a block", self.size - self.whole
        return f"{printable(self.path.name)} {reason}: {left:,} bytes after record {self.records:,} cannot be read"

    def blocks(self) -> Iterator[list[Record]]:
        """Give the records, a block at a time."""
        import pyarrow as pa

        codec = pa.Codec("zstd")
        try:
            with open(self.path, "rb") as file:
                self.size = file.seek(0, os.SEEK_END)
                file.seek(0)
                yield from self._blocks(file, codec)
        except OSError as error:
            raise RecordingError(f"{printable(self.path)} cannot be read: {error.strerror}") from None

    def _blocks(self, file: Any, codec: Any) -> Iterator[list[Record]]:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            self.cut = MAGIC.startswith(magic)
            self.damage = "" if self.cut else "does not begin as a segment"
            return
        self.whole = len(MAGIC)
        number = crc = 0
        while self.whole < self.size:
            head = file.read(HEAD)
            if len(head) < HEAD:
                self.cut = True
                return
            length, raw_length, records, its_number, _, payload_crc = _CHECKED.unpack_from(head)
            crc = zlib.crc32(head[: _CHECKED.size], crc)
            if self.ended or crc != _CRC.unpack_from(head, _CHECKED.size)[0] or its_number != number:
                self.damage = f"has a block {number} that was not written so"
                return
            if length > self.size - self.whole - HEAD:
                self.cut = True
                return
            payload = file.read(length)
            if zlib.crc32(payload) != payload_crc or raw_length > LARGEST_BLOCK:
                self.damage = f"has other bytes in block {number} than were written"
                return
            if records:
                try:
                    found = _unpack(codec.decompress(payload, decompressed_size=raw_length, asbytes=True), records)
                    self._head(found, number)
                except (OSError, ValueError, struct.error, msgspec.MsgspecError) as error:
                    self.damage = f"has a block {number} that cannot be unpacked ({printable(error)})"
                    return
                self.records += len(found)
                self.last = found[-1].received if found else self.last
                yield found
            self.ended = not records
            self.whole += HEAD + length
            number += 1

    def _head(self, found: list[Record], number: int) -> None:
        """Take the heading out of the first block."""
        if number == 0:
            self.heading = msgspec.json.decode(found.pop(0).body, type=Heading)


def _unpack(raw: bytes, count: int) -> list[Record]:
    found: list[Record] = []
    place = 0
    for _ in range(count):
        received, what, name, body = _RECORD.unpack_from(raw, place)
        begin = place + _RECORD.size
        middle, place = begin + name, begin + name + body
        found.append(Record(received, what, raw[begin:middle].decode(), raw[middle:place]))
    if place != len(raw):
        raise ValueError("its records have another length")
    return found


def being_captured(folder: Path) -> bool:
    """Whether a capture into the recording runs now, by whoever."""
    try:
        handle = os.open(folder / FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def segments_of(folder: Path) -> list[Path]:
    """Return the segments of a recording that are not sealed yet, oldest first."""
    return sorted((folder / FOLDER).glob(f"*{SUFFIX}"))


def set_aside(folder: Path) -> list[Path]:
    """Return the segments of a recording whose end could not be read when they were sealed."""
    return sorted((folder / FOLDER).glob(f"*{SUFFIX}{SET_ASIDE}"))
