"""CaptureWriter: takes what is received and has it on disk within a second, without keeping the receiver waiting."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import msgspec

from engine import seam
from engine.errors import RecordingError
from engine.model import CoinName, Instrument, Timestamp
from engine.recordings.capture.control import control_event
from engine.recordings.capture.enrolling import enroll
from engine.recordings.capture.segments import FOLDER, SUFFIX, Heading, Segment, What, pack, received_of
from engine.recordings.manifest import to_coin
from engine.recordings.names import printable
from engine.recordings.store import locked

BLOCK = 64 * 1024
WAIT_S = 0.5
"""How long a record waits for its block to fill; with the time a disk takes it is safe within a second."""
MOST_UNSURE = 16 * 1024 * 1024
"""How many bytes at most are written before it is made sure that they are on disk; as many blocks as wait go together."""
SEGMENT_BYTES = 256 * 1024 * 1024
SEGMENT_NS = 3600 * 10**9
MOST_WAITING = 512 * 1024 * 1024
SECRETS = (b'"apiKey"', b'"signature"')
STREAM = b'{"stream":'
TRIES = 10


class Metrics(NamedTuple):
    """How a capture fares: records and bytes taken in, bytes on disk, segments begun, bytes that still wait, disk left."""

    records: int
    bytes: int
    written: int
    segments: int
    waiting: int
    disk_left: int


class CaptureWriter:
    """Captures into the recording at `folder`, which is made or gone on with; one at a time, held by a lock.

    What is given to `frame` and its like is taken at once; a thread packs it into blocks of 64 KiB, or what there is after half
    a second, and has on disk what it wrote before it takes more. Segments are rolled hourly or at 256 MiB, and sealed by a
    process of their own unless `sealing` is False; the last one is left to `seal`, after `close`. `source` says where the
    frames come from, `config` is the sha256 of the session's config.

    Raises RecordingError where the folder cannot be captured into. Where the disk is full or gone the next call raises it too,
    and so does `close`: what was on disk by then stays readable, and nothing more is taken. Called from one thread.
    """

    def __init__(
        self,
        folder: Path | str,
        instruments: Iterable[Instrument],
        *,
        source: str,
        config: str = "",
        synthetic: bool = False,
        spot: bool = True,
        sealing: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = Path(folder)
        self._sealing = sealing
        self._sealer: subprocess.Popen[bytes] | None = None
        self._segment_bytes = segment_bytes
        created = seam.wall_ns()
        self._heading = Heading(
            capture=f"{datetime.fromtimestamp(created // 10**9, UTC):%Y%m%dT%H%M%SZ}-{seam.token(3)}",
            number=0,
            created=created,
            source=source,
            config=config,
            synthetic=synthetic,
            spot=spot,
            coins=[to_coin(instrument, []) for instrument in instruments],
        )
        self._pending: deque[bytes] = deque()
        self._records = self._bytes = self._taken = self._written = self._rolled = 0
        self._sockets: dict[str, bytes] = {}
        self._wake = threading.Event()
        self._closing = False
        self._failed: RecordingError | None = None
        with locked(self.folder):
            self._lock = _hold(self.folder / FOLDER)
            try:
                enroll(self.folder, self._heading)
                self._segment = self._begin()
            except (OSError, RecordingError) as error:
                os.close(self._lock)
                with contextlib.suppress(OSError):
                    (self.folder / FOLDER).rmdir()
                raise error if isinstance(error, RecordingError) else self._failure(error) from None
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close("stopped" if error is None else f"{type(error).__name__}")
        except RecordingError:
            if error is None:
                raise

    @property
    def capture(self) -> str:
        """The capture's name in the manifest."""
        return self._heading.capture

    @property
    def closed(self) -> bool:
        """Whether it takes nothing any more."""
        return self._closing

    @property
    def metrics(self) -> Metrics:
        """How it fares now."""
        try:
            disk = os.statvfs(self.folder)
            left = disk.f_bavail * disk.f_frsize
        except OSError:
            left = 0
        segments = self._heading.number + 1
        return Metrics(self._records, self._bytes, self._written, segments, self._bytes - self._taken, left)

    def frame(self, socket: str, received: Timestamp, frame: bytes) -> None:
        """Take a frame that a socket received; one with a key or a signature in it is told of and not kept."""
        if not frame.startswith(STREAM) and any(secret in frame for secret in SECRETS):
            self.note("withheld", socket=socket)
            return
        name = self._sockets.get(socket)
        if name is None:
            name = self._sockets[socket] = socket.encode()
        self._take(received, What.FRAME, name, frame)

    def depth(self, coin: CoinName, received: Timestamp, body: bytes) -> None:
        """Take the reply that has a coin's order book."""
        self._take(received, What.REPLY, f"depth {coin}".encode(), body)

    def trades(self, coin: CoinName, received: Timestamp, body: bytes) -> None:
        """Take a reply that has trades of a coin."""
        self._take(received, What.REPLY, f"trades {coin}".encode(), body)

    def klines(self, coin: CoinName, interval: str, received: Timestamp, body: bytes, asked: Timestamp) -> None:
        """Take a reply that has klines of a coin; those over at `asked`, when it was by the exchange's clock, are closed."""
        self._take(received, What.REPLY, f"klines {coin} {interval} {asked}".encode(), body)

    def note(self, what: str, **facts: Any) -> None:
        """Take a control event, such as `note("connect", socket="market")`; raises UsageError where there is none such."""
        event = control_event(what, facts)
        self._take(seam.wall_ns(), What.CONTROL, what.encode(), msgspec.json.encode(event))

    def close(self, reason: str = "stopped") -> None:
        """Stop, with everything taken so far on disk; a sealing that runs is waited for.

        Raises RecordingError where not all of it could be written. A second call does nothing.
        """
        if self._closing:
            return
        if self._failed is None:
            self.note("stop", reason=reason)
        self._closing = True
        self._wake.set()
        self._thread.join()
        os.close(self._lock)
        if self._sealer is not None:
            self._sealer.wait()
        failed, self._failed = self._failed, RecordingError(f"the capture into {printable(self.folder)} is closed")
        if failed is not None:
            raise failed

    def _take(self, received: Timestamp, what: What, name: bytes, body: bytes) -> None:
        if self._failed is not None:
            raise self._failed.with_traceback(None)
        record = pack(received, what, name, body)
        self._pending.append(record)
        self._records += 1
        self._bytes += len(record)
        waiting = self._bytes - self._taken
        if waiting >= BLOCK:
            self._hurry(waiting)

    def _hurry(self, waiting: int) -> None:
        if not self._wake.is_set():
            self._wake.set()
        elif waiting > MOST_WAITING:
            self._failed = RecordingError(
                f"{printable(self.folder)} takes in less than is received: {waiting >> 20} MiB wait to be written",
                hint="capture onto a faster disk, or fewer coins; what was written is whole",
            )

    def _run(self) -> None:
        """Write what comes until the end; the thread's whole life."""
        try:
            began = seam.monotonic_ns()
            while not self._closing:
                self._wake.wait(WAIT_S)
                self._wake.clear()
                self._write()
                if self._segment.size >= self._segment_bytes or seam.monotonic_ns() - began >= SEGMENT_NS:
                    self._roll()
                    began = seam.monotonic_ns()
            self._write()
            self._segment.close()
        except Exception as error:  # whatever it is, whoever gives frames must learn of it
            self._failed = self._failed or self._failure(error)
            with contextlib.suppress(OSError):
                self._segment.close(whole=False)

    def _write(self) -> None:
        """Write what waits now, in blocks, and have it on disk; what comes meanwhile is for the next time."""
        waiting = len(self._pending)
        if not waiting:
            return
        unsure = 0
        while waiting:
            block: list[bytes] = []
            size = 0
            while waiting and size < BLOCK:
                record = self._pending.popleft()
                waiting -= 1
                block.append(record)
                size += len(record)
            self._segment.write(b"".join(block), len(block), received_of(block[0]))
            self._taken += size
            unsure += size
            if unsure >= MOST_UNSURE or not waiting:
                self._segment.sync()
                unsure = 0
        self._written = self._rolled + self._segment.size

    def _begin(self) -> Segment:
        path = self.folder / FOLDER / f"{self._heading.capture}-{self._heading.number:05d}{SUFFIX}"
        return Segment(path, self._heading)

    def _roll(self) -> None:
        """Close the segment, begin the next, and have what is closed sealed."""
        self._segment.close()
        self._rolled += self._segment.size
        self._heading.number += 1
        self._segment = self._begin()
        if self._sealing and (self._sealer is None or self._sealer.poll() is not None):
            command = [sys.executable, "-P", "-m", "engine.recordings.capture", str(self.folder)]
            null = subprocess.DEVNULL
            with contextlib.suppress(OSError):  # whoever seals next seals it too
                self._sealer = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)

    def _failure(self, error: Exception) -> RecordingError:
        reason = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
        return RecordingError(
            f"the capture into {printable(self.folder)} stopped: {printable(reason)}",
            hint="what was written is whole; `tickdeck recordings seal` makes it part of the recording, once there is room",
        )


def _hold(folder: Path) -> int:
    """Return a handle that holds the folder of segments for one capture, until it is closed."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise RecordingError(f"{printable(folder)} cannot be made or opened: {error.strerror}") from None
    for _ in range(TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Whoever looks whether it is held holds it for a moment.
            threading.Event().wait(0.02)
        else:
            return handle
    os.close(handle)
    raise RecordingError(
        f"{printable(folder.parent)} is being captured into already",
        hint="stop that capture first, or choose another recording",
    )
