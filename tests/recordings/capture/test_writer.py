"""What is taken is on disk, in order and whole, or whoever gave it is told; one capture at a time."""

from __future__ import annotations

import errno
import os
import resource
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RecordingError, UsageError
from engine.model import Instrument
from engine.recordings import open_recording, verify
from engine.recordings.capture import CaptureWriter, seal, segments, writer
from engine.recordings.capture.segments import What, segments_of
from engine.recordings.manifest import load
from tests.recordings.capture.conftest import START, captured, instrument_of, read_segment, sealed_rows, trade

Start = Callable[..., CaptureWriter]
KEY = b"k3y" * 21


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that wait for nothing, so that a test does not either."""
    monkeypatch.setattr(writer, "WAIT_S", 0.01)


def until(true: Callable[[], object]) -> None:
    """Wait for something that must come."""
    for _ in range(3000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come")


def test_what_is_taken_is_there_in_order(start: Start, folder: Path) -> None:
    sent = [trade(n) for n in range(5000)]
    with start(segment_bytes=5_000) as capture:
        capture.note("connect", socket="market")
        for n, frame in enumerate(sent):
            capture.frame("market", START + n, frame)
            if n % 500 == 0:
                until(lambda: not capture.metrics.waiting)
        capture.depth("BTCUSDT", START + 1, b"{}")
        capture.klines("BTCUSDT", "1m", START + 2, b"[]", asked=START)
        capture.trades("BTCUSDT", START + 3, b"[]")
    records = captured(folder)
    assert [its.body for its in records if its.what == What.FRAME] == sent
    assert [its.received for its in records if its.what == What.FRAME] == list(range(START, START + 5000))
    assert [(its.name, its.body) for its in records if its.what == What.REPLY] == [
        ("depth BTCUSDT", b"{}"),
        (f"klines BTCUSDT 1m {START}", b"[]"),
        ("trades BTCUSDT", b"[]"),
    ]
    assert (records[0].name, records[0].body) == ("connect", b'{"event":"connect","socket":"market"}')
    assert (records[-1].name, records[-1].body) == ("stop", b'{"event":"stop","reason":"stopped"}')
    paths = segments_of(folder)
    assert len(paths) > 2
    for number, path in enumerate(paths):
        _, reader = read_segment(path)
        assert (reader.heading and reader.heading.number, reader.ended, reader.problem) == (number, True, "")
    assert capture.metrics.records == len(records)
    assert capture.metrics.segments == len(paths)
    assert capture.metrics.disk_left > 0


def test_blocks_are_64_kib_or_what_there_is_after_a_while(start: Start, folder: Path, quick: None) -> None:
    with start() as capture:
        path = segments_of(folder)[0]
        capture.frame("market", START, trade(0))
        until(lambda: len(read_segment(path)[0]) == 1)
        until(lambda: capture.metrics.written == path.stat().st_size)
        before = capture.metrics.written
        big = b"x" * 40_000
        for n in range(8):
            capture.frame("market", START + n, big)
        until(lambda: not capture.metrics.waiting and capture.metrics.written > before)
    sizes = [sum(len(its.body) for its in block) for block in segments.SegmentReader(path).blocks() if block]
    assert max(sizes) < 3 * writer.BLOCK


def test_every_block_is_on_disk_before_the_next(start: Start, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    calls: list[str] = []
    for name in ("write", "fdatasync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
    with start() as capture:
        for n in range(5):
            capture.frame("market", START + n, trade(n))
            until(lambda: not capture.metrics.waiting)
    # the magic line with the heading, five blocks, the stop and the end
    assert "".join(name[0] for name in calls) == "ww" + "fw" * 5 + "fwfwf"


def test_whoever_gives_without_end_does_not_keep_it_from_the_disk(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    """With every block that is written more comes than was in it; all of it gets its turn on the disk all the same."""
    capture = start()
    calls: list[str] = []
    sent = 0
    write, sync = segments.Segment.write, segments.Segment.sync

    def writing(self: segments.Segment, *block: Any) -> None:
        nonlocal sent
        calls.append("w")
        for _ in range(500 if len(calls) < 100 else 0):
            capture.frame("market", START + sent, trade(sent))
            sent += 1
        write(self, *block)

    monkeypatch.setattr(writer, "MOST_UNSURE", 10 * writer.BLOCK)
    monkeypatch.setattr(segments.Segment, "write", writing)
    monkeypatch.setattr(segments.Segment, "sync", lambda self: (calls.append("s"), sync(self))[1])
    capture.note("connect", socket="market")
    until(lambda: len(calls) > 100 and not capture.metrics.waiting)
    capture.close()
    assert "".join(calls).count("s") > 10
    assert max(map(len, "".join(calls).split("s"))) <= 10
    assert [its.received for its in captured(folder)[1:-1]] == list(range(START, START + sent))


def test_keys_and_signatures_are_not_kept(start: Start, folder: Path) -> None:
    with start() as capture:
        capture.frame("user", START, b'{"id":1,"status":200,"result":{"apiKey":"%b"}}' % KEY)
        capture.frame("user", START, b'{"id":2,"params":{"signature":"%b"}}' % KEY)
        capture.frame("user", START, b'{"id":3}')
    assert [(its.name, its.body) for its in captured(folder)][:3] == [
        ("withheld", b'{"event":"withheld","socket":"user"}'),
        ("withheld", b'{"event":"withheld","socket":"user"}'),
        ("user", b'{"id":3}'),
    ]
    seal(folder)
    assert not any(KEY in str(row).encode() for kind in ("control", "other") for row in sealed_rows(folder, kind, ""))


def test_notes_are_what_there_is(start: Start, folder: Path) -> None:
    with start() as capture:
        capture.note("gap", coin="BTCUSDT", kind="trades", first=5, last=9, reason="cut")
        capture.note("clock", offset=-1500, uncertain=20)
        for what, facts in (("gone", {}), ("gap", {"coin": "BTCUSDT"}), ("clock", {"offset": "x"}), ("connect", {"socket": 5})):
            with pytest.raises(UsageError, match=f"no such note: {what}"):
                capture.note(what, **facts)
    assert [its.name for its in captured(folder)] == ["gap", "clock", "stop"]


def test_two_captures_do_not_mix(start: Start, folder: Path) -> None:
    first = start()
    with pytest.raises(RecordingError, match="is being captured into already"):
        start()
    first.frame("market", START, trade(0))
    first.close()
    first.close()
    with pytest.raises(RecordingError, match="is closed"):
        first.frame("market", START, trade(1))
    with start(instrument_of("ETHUSDT")) as second:
        second.frame("market", START, trade(1, "ETHUSDT"))
    assert len(captured(folder)) == 4
    manifest = load(folder)
    assert [its.id for its in manifest.captures] == [first.capture, second.capture]
    assert [coin.coin for coin in manifest.coins] == ["BTCUSDT", "ETHUSDT"]
    assert verify(folder) == []


def test_a_recording_of_another_kind_takes_no_capture(stored: Path, start: Start, folder: Path) -> None:
    said = {"source": "a test", "sealing": False}
    for reason, coins, more in (
        ("is of a real market", [instrument_of()], {"synthetic": True}),
        ("is of a spot market", [instrument_of()], {"spot": False}),
        ("is BTC/USDT there and BTCU/SDT here", [Instrument(coin="BTCUSDT", base="BTCU", quote="SDT")], {}),
        ("cannot be the name", [instrument_of("../xUSDT")], {}),
        ("cannot be the name", [instrument_of("\x1b[2JUSDT")], {}),
        ("at least one coin", [], {}),
    ):
        with pytest.raises(RecordingError, match=reason):
            CaptureWriter(stored, coins, **(said | more))
    assert verify(stored) == []
    (folder / "x").mkdir(parents=True)
    with pytest.raises(RecordingError, match="has files in it and is no recording"):
        start()


def test_a_recording_is_one_from_the_first_moment(start: Start, folder: Path) -> None:
    with start(config="c0ffee") as capture:
        recording = open_recording(folder)
        assert (recording.coins, recording.has_bars) == (("BTCUSDT",), False)
        for look in (lambda: recording.interval, lambda: recording.bars("BTCUSDT"), lambda: recording.gaps("BTCUSDT")):
            with pytest.raises(RecordingError, match="has no bars"):
                look()
        (its,) = load(folder).captures
        assert (its.id, its.source, its.config, its.stopped, its.segments) == (capture.capture, "a test", "c0ffee", "", 0)
        assert verify(folder) == []


def fill(capture: CaptureWriter, most: int = 2000) -> int:
    """Give frames until one is refused, each with the one before it on disk; return how many were taken."""
    for n in range(most):
        try:
            capture.frame("market", START + n, trade(n) + os.urandom(4000))
        except RecordingError:
            return n
        if n % 10 == 0:
            until(lambda: not capture.metrics.waiting or capture._failed)
    return most


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Let files grow to a size at most, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_it_with_a_word(start: Start, folder: Path, small_disk: Callable[[int], None], quick: None) -> None:
    capture = start()
    small_disk(300_000)
    taken = fill(capture)
    assert taken < 2000
    with pytest.raises(RecordingError, match=r"the capture into .* stopped: File too large") as caught:
        capture.close()
    assert "recordings seal" in caught.value.hint
    records, reader = read_segment(segments_of(folder)[0])
    assert 50 < len(records) <= taken
    assert [its.received for its in records] == list(range(START, START + len(records)))
    assert reader.problem == ""
    assert 200_000 < reader.whole <= 300_000
    small_disk(1000)
    with pytest.raises(RecordingError, match="cannot be written: File too large"):
        seal(folder)
    small_disk(10**9)
    assert seal(folder).records == len(records)
    assert len(sealed_rows(folder, "other", "")) == len(records)
    assert verify(folder) == []


@pytest.mark.parametrize("call", ["write", "fdatasync", "open"])
def test_any_failing_call_ends_it_with_what_was_written_whole(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch, quick: None, call: str
) -> None:
    """Each in turn, the first of them at the first segment's beginning."""
    for at in (1, 2, 3, 4):
        calls = 0
        real = getattr(os, call)

        def failing(*args, at: int = at, real=real, **kwargs):
            nonlocal calls
            ours = call != "open" or str(args[0]).endswith(".segment")
            calls += ours
            if ours and calls >= at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **kwargs)

        with monkeypatch.context() as patched:
            patched.setattr(os, call, failing)
            taken = 0
            with pytest.raises(RecordingError, match="stopped: No space left on device"):  # noqa: PT012
                capture = start(segment_bytes=20_000)
                taken = fill(capture, 60)
                capture.close()
        paths = segments_of(folder)
        bodies = captured(folder)
        assert [its.received for its in bodies] == list(range(START, START + len(bodies)))
        assert len(bodies) <= taken
        assert all(not read_segment(path)[1].damage for path in paths)
        seal(folder)
        assert verify(folder) == []


def test_a_folder_that_cannot_be_written_is_named() -> None:
    if os.geteuid() == 0:
        with tempfile.TemporaryDirectory() as home:
            Path(home).chmod(0o755)
            os.seteuid(65534)
            try:
                _refused(Path(home))
            finally:
                os.seteuid(0)
    else:
        with tempfile.TemporaryDirectory() as home:
            Path(home).chmod(0o555)
            _refused(Path(home))
            Path(home).chmod(0o755)


def _refused(home: Path) -> None:
    with pytest.raises(RecordingError, match=r"cannot be (made|opened|written).*: Permission denied"):
        CaptureWriter(home / "live", [instrument_of()], source="a test")
    assert list(home.iterdir()) == []


def test_a_disk_that_cannot_keep_up_is_told_of(
    start: Start, folder: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setattr(writer, "MOST_WAITING", 500_000)
    slow = threading.Event()
    real = os.fdatasync
    capture = start()
    monkeypatch.setattr(os, "fdatasync", lambda handle: (slow.wait(20), real(handle))[1])
    taken = 0
    with pytest.raises(RecordingError, match="takes in less than is received"):  # noqa: PT012
        for n in range(10_000):
            capture.frame("market", START + n, trade(n))
            taken += 1
            if n % 100 == 0:
                threading.Event().wait(0.001)
    slow.set()
    with pytest.raises(RecordingError, match="takes in less than is received"):
        capture.close()
    assert [its.received for its in captured(folder)] == list(range(START, START + taken))


def test_what_goes_wrong_in_the_thread_is_told(start: Start, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    capture = start()
    monkeypatch.setattr(segments.Segment, "write", lambda *_: 1 / 0)
    capture.frame("market", START, trade(0))
    with pytest.raises(RecordingError, match="ZeroDivisionError: division by zero"):
        capture.close()


def test_an_error_of_whoever_captures_is_not_hidden(start: Start, folder: Path) -> None:
    with pytest.raises(ValueError, match="theirs"), start() as capture:  # noqa: PT012
        capture.frame("market", START, trade(0))
        raise ValueError("theirs")
    assert captured(folder)[-1].body == b'{"event":"stop","reason":"ValueError"}'


def test_segments_that_are_rolled_are_sealed_beside_it(start: Start, folder: Path, quick: None) -> None:
    capture = start(sealing=True, segment_bytes=20_000)
    fill(capture, 20)
    capture.close()
    (its,) = load(folder).captures
    assert its.segments >= 1
    assert len(segments_of(folder)) < capture.metrics.segments
    assert capture._sealer is not None
    assert capture._sealer.returncode == 0
    seal(folder)
    assert [row["received"] for row in sealed_rows(folder, "other", "")] == list(range(START, START + 20))
