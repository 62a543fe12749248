"""`python killed.py FOLDER SEED MOMENTS`: start captures, kill each at a moment, print what it had taken, a JSON line each.

Forked from one process that has everything loaded, so that a moment costs no start of Python.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path

import pyarrow  # noqa: F401 - loaded once, before any fork

from engine.model import Instrument
from engine.recordings.capture import CaptureWriter

TOLD = struct.Struct("<QqQ")
"""Frames given to the capture, when the last of them was received, bytes it said were on disk."""
TOGETHER = 5


def capture(folder: Path, shared: mmap.mmap, seed: int) -> None:
    """Capture numbered frames in bursts and pauses, without end."""
    dice = random.Random(seed)
    coin = Instrument(coin="BTCUSDT", base="BTC", quote="USDT")
    writer = CaptureWriter(folder, [coin], source="a test", sealing=False, segment_bytes=20_000)
    n = 0
    while True:
        for _ in range(dice.randrange(1, 400)):
            received = time.time_ns()
            body = b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":%d,"p":"1.5","q":"%d","T":1735689600000,"m":true}}'
            writer.frame("market", received, body % (n, dice.randrange(1, 10**6)))
            n += 1
            TOLD.pack_into(shared, 0, n, received, writer.metrics.written if n % 100 == 0 else TOLD.unpack_from(shared)[2])
        time.sleep(dice.random() / 30)


def start(folder: Path, seed: int) -> tuple[int, mmap.mmap]:
    """Start a capture in a process of its own."""
    shared = mmap.mmap(-1, TOLD.size)
    child = os.fork()
    if child == 0:
        try:
            capture(folder, shared, seed)
        finally:
            os._exit(1)
    return child, shared


def main() -> None:
    home, seed, moments = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dice = random.Random(seed)
    # By what was taken, not by the clock: a busy machine is at no other moment. The first are killed while they begin.
    waiting = [(home / f"killed-{n}", 0 if n < 3 else dice.randrange(1, 8000)) for n in range(moments)]
    while waiting:
        batch, waiting = waiting[:TOGETHER], waiting[TOGETHER:]
        running = [(folder, moment, *start(folder, n)) for n, (folder, moment) in enumerate(batch)]
        for folder, moment, child, shared in sorted(running, key=lambda its: its[1]):
            while TOLD.unpack_from(shared)[0] < moment and os.waitpid(child, os.WNOHANG) == (0, 0):
                time.sleep(0.001)
            time.sleep(dice.random() / 50)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            taken, last, written = TOLD.unpack_from(shared)
            killed = os.waitstatus_to_exitcode(status) == -signal.SIGKILL
            print(json.dumps([str(folder), killed, taken, last, written]), flush=True)


if __name__ == "__main__":
    main()
