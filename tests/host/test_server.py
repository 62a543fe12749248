"""The host as a process on a real socket: what it says, how it obeys, and how it ends."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.host import protocol as p
from engine.paths import runtime_dir
from engine.recordings import write_recording
from tests.worlds import START, market, walk

PATIENCE = 20.0


class Host:
    """A host process and the deck's end of its socket."""

    def __init__(self, path: Path, **spec: Any) -> None:
        self.path = path
        # files, as a pipe that nobody reads would hold the host up
        self.out, self._errors = path.with_suffix(".out"), path.with_suffix(".err")
        with self.out.open("wb") as out, self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engine.host"], stdin=subprocess.PIPE, stdout=out, stderr=errors
            )
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode({"socket": str(path), **spec}))
        self.process.stdin.close()
        self.reports: list[Any] = []
        self._reader = p.Reader(p.Report)
        self._socket: socket.socket | None = None
        self.mode = 0

    def connect(self) -> Host:
        deadline = time.monotonic() + PATIENCE
        while True:
            deck = socket.socket(socket.AF_UNIX)
            try:
                self.mode = stat.S_IMODE(self.path.stat().st_mode)
                deck.connect(str(self.path))
            except (FileNotFoundError, ConnectionRefusedError):
                deck.close()
                assert time.monotonic() < deadline
                assert self.process.poll() is None, self.stderr()
                time.sleep(0.01)
                continue
            self._socket = deck
            return self

    def send(self, *commands: p.Command) -> None:
        assert self._socket is not None
        self._socket.sendall(b"".join(map(p.pack, commands)))

    def raw(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendall(data)

    def read(self, seconds: float) -> bool:
        """Take in what comes; False at the connection's end."""
        assert self._socket is not None
        self._socket.settimeout(max(seconds, 0.001))
        try:
            data = self._socket.recv(1 << 18)
        except TimeoutError:
            return True
        self.reports += self._reader.feed(data)
        return bool(data)

    def until(self, holds: Callable[[Any], object]) -> Any:
        """Read until a report not yet asked for holds, and return it."""
        seen = 0
        deadline = time.monotonic() + PATIENCE
        while True:
            for report in self.reports[seen:]:
                seen += 1
                if holds(report):
                    return report
            assert time.monotonic() < deadline, self.reports[-3:]
            alive = self.read(0.2)
            assert alive or len(self.reports) > seen, self.stderr()

    def after(self, *commands: p.Command, kind: type = p.Frame, holds: Callable[[Any], object] = lambda its: True) -> Any:
        """Forget what came so far, send commands, and return the first report of a kind that holds."""
        self.reports.clear()
        self.send(*commands)
        return self.until(lambda its: isinstance(its, kind) and holds(its))

    def to_the_end(self) -> list[Any]:
        deadline = time.monotonic() + PATIENCE
        while self.read(0.2):
            assert time.monotonic() < deadline
        return self.reports

    def ends(self, seconds: float) -> int:
        return self.process.wait(timeout=seconds)

    def stderr(self) -> str:
        return self._errors.read_text()

    def hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
        for file in (self.path, self.out, self._errors):
            file.unlink(missing_ok=True)


STRATEGY = """
from engine import Signal, Strategy

class Own(Strategy):
    fail_at: int = -1
    chatty: bool = False

    def gen_signal(self):
        if self.step == self.fail_at:
            raise ValueError("boom")
        if self.chatty:
            print("hello from the strategy")
        return {coin: Signal.close() if now.position else Signal.buy(amount=0.1, reason="again") for coin, now in self.bars()}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 60,000 minutes, a strategy, and a config for them."""
    folder = tmp_path_factory.mktemp("host")
    write_recording(folder / "market", market(walk(60_000, 3, price=1000)))
    (folder / "own.py").write_text(STRATEGY)
    (folder / "session.toml").write_text('recording = "market"\n[strategy]\nuse = "own.py:Own"\n')
    return folder


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Host]]:
    hosts: list[Host] = []

    def make(**spec: Any) -> Host:
        path = runtime_dir() / f"test-{os.getpid()}-{len(hosts)}.sock"
        path.unlink(missing_ok=True)
        hosts.append(Host(path, **({"config": str(folder / "session.toml")} | spec)))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


def is_frame(report: Any) -> bool:
    return isinstance(report, p.Frame)


def by_hand(frame: p.Frame) -> list[tuple[int, str]]:
    return [(order.id, order.price) for order in frame.orders if order.by == "hand"]


def test_a_session_is_flown_by_command(start: Callable[..., Host]) -> None:
    host = start(at="100", overrides={"chatty": "true"}).connect()
    assert host.mode == 0o600
    hello = host.until(lambda its: isinstance(its, p.Hello))
    assert all(isinstance(its, p.Progress) for its in host.reports[: host.reports.index(hello)])
    assert host.reports[0] != hello, "what takes long is announced"
    assert (hello.strategy, hello.steps, hello.start) == ("Own", 60_000, START + 60 * 10**9)
    assert [(param.name, param.value) for param in hello.params] == [("fail_at", "-1"), ("chatty", "True")]
    first = host.until(is_frame)
    assert (first.step, first.playing, first.at_end) == (100, False, False)
    events = host.until(lambda its: isinstance(its, p.Events))
    assert host.reports.index(events) < host.reports.index(first)
    assert events.signals[-1].n == 100

    # a step at a time
    frame = host.after(p.Step(5))
    assert (frame.step, frame.seq) == (105, first.seq + 1)
    (told,) = [its for its in host.reports if isinstance(its, p.Events)]
    assert [signal.n for signal in told.signals] == [101, 102, 103, 104, 105]

    # orders by hand, each answered by its number
    reply = host.after(p.PlaceOrder(41, "BTCUSDT", "buy", "limit", "0.5", "1.00"), kind=p.Reply)
    assert (reply.id, reply.ok) == (41, False)
    assert "-1013" not in reply.text or "NOTIONAL" in reply.text
    reply = host.after(p.PlaceOrder(42, "BTCUSDT", "buy", "limit", "0.5", "100"), kind=p.Reply)
    assert (reply.id, reply.ok) == (42, True)
    frame = host.until(lambda its: is_frame(its) and by_hand(its))
    ((order, price),) = by_hand(frame)
    assert price == "100.00000000"
    reply = host.after(p.CancelOrder(43, order), kind=p.Reply)
    assert (reply.id, reply.ok) == (43, True)
    host.until(lambda its: is_frame(its) and not by_hand(its))

    # the chart
    host.after(p.Watch("BTCUSDT", 33), holds=lambda its: len(its.chart.time) == 33)

    # nothing moves, so nothing is said; a command is answered by a frame all the same
    host.reports.clear()
    host.read(0.4)
    assert host.reports == []
    assert host.after(p.Pause()).step == 105

    # playing: about ten frames a second, each later than the one before
    host.after(p.SetSpeed(200), p.Play(), holds=lambda its: its.step > 105)
    frame = host.until(lambda its: is_frame(its) and its.step >= 205)
    frames = [its for its in host.reports if is_frame(its)]
    assert frame.playing
    assert 3 <= len(frames) <= 12
    assert [its.seq for its in frames] == list(range(frames[0].seq, frames[0].seq + len(frames)))
    assert [its.step for its in frames] == sorted(its.step for its in frames)
    paused = host.after(p.Pause(), holds=lambda its: not its.playing)
    assert paused.step < 1000

    # to the end, and its last frame
    last = host.after(p.RunToEnd(), holds=lambda its: its.at_end)
    assert (last.step, last.playing) == (59_999, False)
    assert last.n_signals == 60_000
    assert host.after(p.Step(1)).step == 59_999

    # and away: what the strategy printed never came near the socket
    host.send(p.Shutdown())
    assert host.to_the_end() is not None
    assert host.ends(5) == 0
    assert "hello from the strategy" in host.out.read_text()


def test_a_deck_that_is_gone_takes_the_host_along(start: Callable[..., Host]) -> None:
    for moving in (p.Pause(), p.RunToEnd()):
        host = start().connect()
        host.until(is_frame)
        host.after(p.SetSpeed(10), moving)
        host.hang_up()
        assert host.ends(2.0) == 0


def test_a_deck_that_does_not_read_costs_frames_but_never_the_end(start: Callable[..., Host]) -> None:
    """Frames are conflated, what is reliable is not, and the last frame tells how it ended."""
    host = start(at="1").connect()
    host.until(is_frame)
    host.reports.clear()
    began = time.monotonic()
    host.send(p.Watch("BTCUSDT", 2000), p.SetSpeed(30_000), p.Play())
    time.sleep(2.2)
    last = host.until(lambda its: is_frame(its) and its.at_end)
    due = (time.monotonic() - began) * p.FRAMES_PER_SECOND
    frames = [its for its in host.reports if is_frame(its)]
    assert len(frames) < due - 6, "what was not read was kept"
    assert [its.seq for its in frames] == list(range(frames[0].seq, frames[0].seq + len(frames)))
    numbers = [signal.n for its in host.reports if isinstance(its, p.Events) for signal in its.signals]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == last.n_signals - 1 == 59_999


def test_a_strategy_that_fails_is_told_once_and_the_host_stays(start: Callable[..., Host]) -> None:
    host = start(at="10", overrides={"fail_at": "50"}).connect()
    host.until(is_frame)
    failure = host.after(p.SetSpeed(1000), p.Play(), kind=p.Failure)
    assert (failure.title, failure.fatal) == ("Strategy", False)
    assert "ValueError: boom (own.py:10: raise ValueError" in failure.message
    halted = host.until(lambda its: is_frame(its) and its.halted)
    assert (halted.step, halted.playing) == (50, False)
    host.after(p.Step(9), holds=lambda its: its.step == 59)
    assert host.after(p.PlaceOrder(1, "BTCUSDT", "buy", "market", "0.1"), kind=p.Reply).ok
    assert host.after(p.Step(1), holds=lambda its: its.step == 60).n_fills > halted.n_fills
    host.after(p.RunToEnd(), holds=lambda its: its.at_end)
    assert not [its for its in host.reports if isinstance(its, p.Failure)]
    assert host.process.poll() is None


BROKEN: dict[str, tuple[dict[str, Any], str, str]] = {
    "config": ({"config": "{folder}/broken.toml"}, "Config", "broken.toml:2"),
    "recording": ({"recording": "nowhere"}, "Recording", "nowhere"),
    "strategy": ({"overrides": {"strategy.use": "exits.py:Own"}}, "Strategy", "exits.py:2"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_flown_is_told_to_the_deck(start: Callable[..., Host], folder: Path, name: str) -> None:
    (folder / "broken.toml").write_text('recording = "market"\nfnils = 3\n')
    (folder / "exits.py").write_text("import sys\nsys.exit(0)\n")
    spec, title, told = BROKEN[name]
    spec = {key: value.format(folder=folder) if isinstance(value, str) else value for key, value in spec.items()}
    host = start(**spec).connect()
    failure = host.to_the_end()[-1]
    assert isinstance(failure, p.Failure)
    assert (failure.title, failure.fatal) == (title, True)
    assert told in f"{failure.message} {failure.hint}"
    assert failure.wanted == (p.Wanted(spec["recording"], []) if name == "recording" else None)
    assert host.ends(3) == 2
    assert "Traceback" not in host.stderr()


def test_bytes_that_are_no_command_end_the_connection_and_the_host(start: Callable[..., Host]) -> None:
    host = start().connect()
    host.until(is_frame)
    host.raw(b"\x00\x00\x00\x05hello")
    host.to_the_end()
    assert host.ends(3) == 0
    assert "Traceback" not in host.stderr()


def test_a_second_deck_is_turned_away(start: Callable[..., Host]) -> None:
    host = start().connect()
    host.until(is_frame)
    second = socket.socket(socket.AF_UNIX)
    try:
        second.settimeout(3)
        try:
            second.connect(str(host.path))
            assert second.recv(100) == b""
        except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError):
            pass  # nobody listens any more, which turns it away as well
    finally:
        second.close()
    assert host.after(p.Step(1)).step > 0


def test_killed_it_is_gone_at_once(start: Callable[..., Host]) -> None:
    host = start().connect()
    host.until(is_frame)
    assert not host.path.exists(), "no end, however sudden, leaves a socket behind"
    host.process.kill()
    began = time.monotonic()
    host.to_the_end()
    assert time.monotonic() - began < 1.0
    assert host.ends(1) == -9


def test_without_a_spec_it_says_so(tmp_path: Path) -> None:
    for text in (b"", b"{}", b"nonsense", b'{"socket": 5}'):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "engine.host"], input=text, capture_output=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 2
        assert b"no spec on stdin" in done.stderr
        assert b"Traceback" not in done.stderr
