"""How soon a rewind shows: `python -m benchmarks.rewind FOLDER` with the folder `benchmarks.ours.prepare` made.

The deck flies SmaCross and 12 more columns over the year on a pseudo terminal of 120 x 40; then keys step back, a bar or many,
and the time is taken from writing a key to reading the step it leads to. The engine has its own process, as always.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import random
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Any

import tomli_w

from benchmarks.ours import config

KEYS = 300
FRAME_MS = 100.0
SIZE = (40, 120)
WAIT_S = 60.0
BACK = {b"\x1b[D": 1, b"h": 10, b"H": 100}
FAR = 2500
"""Bars that a typed number goes back."""


class Deck:
    """The deck on a pseudo terminal, and what it has written that was not looked for yet."""

    def __init__(self, folder: Path, session: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_DATA_HOME": str(folder / "data")}
        command = [sys.executable, "-m", "tui.cli", "replay", str(session)]
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        self._written = b""

    def press(self, keys: bytes) -> None:
        """Write keys, after which only what comes then counts."""
        self.rest(0.0)
        self._written = b""
        os.write(self._ours, keys)

    def rest(self, seconds: float) -> None:
        """Read for so long what is written."""
        until = time.monotonic() + seconds
        while select.select([self._ours], [], [], max(0.0, until - time.monotonic()))[0]:
            self._written = (self._written + os.read(self._ours, 1 << 16))[-(1 << 18) :]

    def until(self, text: bytes) -> None:
        """Read until a text has been written."""
        deadline = time.monotonic() + WAIT_S
        while text not in self._written:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit(f"{text!r} did not come:\n{self._written[-2000:].decode('utf-8', 'replace')}")
            if select.select([self._ours], [], [], 0.5)[0]:
                self._written += os.read(self._ours, 1 << 16)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            os.write(self._ours, b"q")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        os.close(self._ours)


def write_session(folder: Path, made: Path) -> Path:
    """Write the session's config, with the indicators as features of the screen."""
    columns = {"RSI": 14, "EMA": 20, "ROC": 10, "ATR": 14, "ADX": 14, "CCI": 14, "WILLR": 14, "MFI": 14, "MOM": 10}
    features = [{"use": "Indicator", "params": {"fn": fn, "timeperiod": window}} for fn, window in columns.items()]
    features.append({"use": "Indicator", "params": {"fn": "BBANDS", "timeperiod": 20}})
    file = made / "rewind.toml"
    file.write_text(tomli_w.dumps({**config(folder, 1), "features": features}))
    return file


def run_rewind(folder: Path, keys: int = KEYS) -> dict[str, Any]:
    """Fly the year to its end, go back by keys at odd moments, and return how long each took to show."""
    dice = random.Random(7)
    took: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tickdeck-bench-") as made:
        deck = Deck(Path(made), write_session(folder, Path(made)))
        try:
            deck.until(b" paused ")
            deck.rest(1.0)
            deck.press(b"\x1b[F")
            deck.until("■ end".encode())
            deck.rest(1.0)
            steps = _steps(folder)
            step = steps - 1
            while len(took) < keys:
                deck.rest(dice.uniform(0.04, 0.15))
                key = dice.choice([*BACK, b""])
                far = min(FAR, steps // 10)
                step -= BACK[key] if key else far
                if step < 0:
                    break
                if not key:
                    deck.press(str(far).encode())
                    deck.rest(0.05)
                deck.press(key or b"\x1b[D")
                began = time.perf_counter()
                deck.until(f" {step:,} / ".encode())
                took.append(1000 * (time.perf_counter() - began))
        finally:
            deck.close()
    took.sort()
    return {"keys": len(took), "p50_ms": took[len(took) // 2], "p99_ms": took[len(took) * 99 // 100], "most_ms": took[-1]}


def _steps(folder: Path) -> int:
    from engine.session import prepare

    return len(prepare(config(folder, 1)).feed)


def rewind_rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str, str, bool | None]]:
    """Return the row on what a rewind takes to show."""
    shown = f"p50 {figures['p50_ms']:,.0f} ms, p99 {figures['p99_ms']:,.0f} ms"
    beside = f"{figures['keys']:,} keys, at most {figures['most_ms']:,.0f} ms"
    return [("a rewind on the deck shows after", shown, beside, "", "p99 ≤ 100 ms", figures["p99_ms"] <= FRAME_MS)]


if __name__ == "__main__":
    print(json.dumps(run_rewind(Path(sys.argv[1]))))
