"""The supervisor: starts a flight's engine, and another where it ended by force or does not come back from its strategy.

It is tiny, loads nothing of what it watches, and outlives the deck that started it. Starting again is recovering: the journal
knows what was meant, the exchange what became of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from typing import Any

from engine import seam

SILENCE_S = 5.0
"""How long an engine that flies may show nothing before it is ended."""
START_S = 120.0
"""How long it may take until it flies: the first time, it compiles."""
ENDS_S = 10.0
LANDS_S = 120.0
"""How long it may take to put away what is open, once it has been told to end."""
LANDING = b"!"
"""What an engine shows once it has been told to end; anything else is a sign of life."""
MOST_STARTS = 30
"""Engines in a minute, after which no other is started."""
MOST_FAILURES = 3
"""Engines in a row that ended before they flew, after which no other is started."""
HUNG = "the strategy did not come back for 5 s, so the engine was ended and another started"
ENDED, GROUNDED = 0, 2
"""Exit codes of an engine that was told to end, and of one that could not get off the ground."""
PAUSE_S = 5.0
"""After how long a flight that has flown tries again to get off the ground, as where the exchange cannot be reached."""


class Supervisor:
    """Keeps a flight's engine running; `run` returns the exit code."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.over = threading.Event()
        self.ground: Ground | None = None
        self.engine: subprocess.Popen[bytes] | None = None
        self.flew = False
        self.lands = False

    def run(self) -> int:
        """Start engines until one ends in order."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, self._end)
        if self.spec.pop("rehearses", False):
            self.ground = Ground(self.spec)
        name = os.path.splitext(self.spec["socket"])[0] + ".pid"
        with open(name, "w") as file:
            file.write(str(os.getpid()))
        starts: deque[int] = deque(maxlen=MOST_STARTS)
        failures = 0
        halted = again = ""
        has_flown = False
        try:
            while True:
                starts.append(seam.monotonic_ns())
                self.flew = False
                code, hung = self._fly(halted, again)
                failures = 0 if self.flew else failures + 1
                halted = HUNG if hung and self.flew else halted
                has_flown = has_flown or self.flew
                if code == ENDED or self.lands or self.over.is_set() or (code == GROUNDED and not has_flown):
                    return code
                if code == GROUNDED:
                    # it has orders to look after
                    failures = 0
                    if self.over.wait(PAUSE_S):
                        return code
                    continue
                many = len(starts) == MOST_STARTS and starts[-1] - starts[0] < 60 * 10**9
                if many or failures == MOST_FAILURES:
                    _say("the engine ended again and again; it is not started any more")
                    return 3
                again = f"the engine ended with {_named(code)} and was started again"
                _say(again)
        finally:
            for path in (name, self.spec["socket"]):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            if self.ground is not None:
                self.ground.stop()

    def _end(self, number: int, frame: object) -> None:
        self.over.set()
        if self.engine is not None and self.engine.poll() is None:
            self.engine.send_signal(signal.SIGTERM)

    def _fly(self, halted: str, again: str) -> tuple[int, bool]:
        """Run one engine; return its exit code, and whether it had to be ended as it hung."""
        pulse, beat = os.pipe()
        told = {**self.spec, "flight": True, "beat": beat, "grounded": self.ground is not None, "halted": halted}
        told["again"] = again
        command = [sys.executable, "-P", "-m", "engine.host"]
        self.engine = engine = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[beat])
        os.close(beat)
        _tell(engine, told)
        hung = self._watch(pulse, engine)
        os.close(pulse)
        code = engine.wait()
        assert engine.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            engine.stdin.close()
        return code, hung

    def _watch(self, pulse: int, engine: subprocess.Popen[bytes]) -> bool:
        """Watch an engine until it ends; end it where it shows nothing for too long, and return whether that was so."""
        heard, patience = seam.monotonic_ns(), START_S
        ground = self.ground
        waits = ground is not None
        while True:
            if ground is not None:
                ground.look()
                if waits and ground.ready:
                    waits = False
                    _tell(engine, ground.there)
            streams = [pulse, *([ground.stream] if ground is not None and not ground.ready else [])]
            ready, _, _ = select.select(streams, [], [], 0.5)
            now = seam.monotonic_ns()
            if pulse in ready:
                if not (shown := os.read(pulse, 4096)):
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        engine.wait(ENDS_S)
                        return False
                    engine.kill()
                    return False
                self.lands = self.lands or LANDING in shown
                heard, patience, self.flew = now, LANDS_S if self.lands else SILENCE_S, True
            elif now - heard > patience * 10**9:
                engine.kill()
                return True


class Ground:
    """The rehearsal that a flight is flown on; started again at the same place, and at the time it would have come to.

    It is `ready` once it has said where it is: `there`, None where the config has an exchange of its own or it could not start.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        self._keys = {"api_key": seam.token(32), "api_secret": seam.token(32)}
        self._began = seam.monotonic_ns()
        self._port = 0
        self.there: dict[str, str] | None = None
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "engine.host.ground"]
        self.ready = False
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        _tell(self._process, {"spec": self._spec, "port": self._port, "began": self._began if self._port else 0, **self._keys})

    @property
    def stream(self) -> int:
        """What it says where it is on."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def look(self) -> None:
        """Hear what it says, and start it again where it has gone."""
        assert self._process.stdout is not None
        if not self.ready and select.select([self.stream], [], [], 0)[0]:
            said = self._process.stdout.readline()
            self.ready = True
            if said.startswith(b"{"):
                self._port = int(json.loads(said)["port"])
                self.there = {"url": f"http://127.0.0.1:{self._port}", **self._keys}
        if self.ready and self.there is not None and self._process.poll() is not None:
            _say("the rehearsal has gone; it is started again, its accounts as they were at first")
            self._start()

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)


def _tell(process: subprocess.Popen[bytes], said: object) -> None:
    """Tell a process something, a line."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(said).encode() + b"\n")
        process.stdin.flush()


def _named(code: int) -> str:
    """Return how a process ended, in a word."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _say(text: str) -> None:
    # the log may be on a disk that is full
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Watch over the flight told on stdin; returns the exit code."""
    return Supervisor(json.loads(sys.stdin.buffer.read())).run()


if __name__ == "__main__":
    sys.exit(main())
