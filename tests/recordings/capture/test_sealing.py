"""Sealing makes a recording of what was received: exact, each thing once, and whole wherever it is cut."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import RecordingError
from engine.market import ReplayFeed
from engine.model import Instrument
from engine.recordings import Bars, import_files, open_recording, verify
from engine.recordings.capture import CaptureWriter, seal, sealing
from engine.recordings.capture.enrolling import enroll
from engine.recordings.capture.segments import Record, What, segments_of
from engine.recordings.manifest import load
from tests.recordings.capture.conftest import (
    MINUTE,
    START,
    depth,
    heading,
    instrument_of,
    kline,
    old_klines,
    quote,
    read_segment,
    sealed_rows,
    trade,
    write_segment,
)

Start = Callable[..., CaptureWriter]


def minutes(bars: Bars) -> list[int]:
    return ((bars.time - START) // MINUTE).tolist()


def frames(*bodies: bytes, at: int = START) -> list[Record]:
    return [Record(at + n, What.FRAME, "market", body) for n, body in enumerate(bodies)]


def test_a_capture_opens_like_any_recording(start: Start, folder: Path) -> None:
    with start(instrument_of(), instrument_of("ETHUSDT")) as capture:
        for coin in ("BTCUSDT", "ETHUSDT"):
            capture.klines(coin, "1m", START, old_klines(range(10)), asked=START + 10 * MINUTE)
        for minute in range(10, 30):
            for coin in ("BTCUSDT", "ETHUSDT"):
                if (minute, coin) != (20, "ETHUSDT"):
                    capture.frame("market", START, kline(minute, coin, closed=False, close=90))
                    capture.frame("market", START, kline(minute, coin, close=60 + minute))
        capture.frame("market", START, kline(30, closed=False))
        capture.note("late", coin="ETHUSDT", opened=[START + 11 * MINUTE, START + 12 * MINUTE, START + 15 * MINUTE])
    seal(folder)
    assert verify(folder) == []
    recording = open_recording(folder)
    assert minutes(recording.bars("BTCUSDT")) == list(range(30))
    assert minutes(recording.bars("ETHUSDT")) == [*range(20), *range(21, 30)]
    assert recording.bars("BTCUSDT").close.tolist() == [10**10] * 10 + [(60 + n) * 10**8 for n in range(10, 30)]
    assert [(gap.start, gap.missing) for gap in recording.gaps("ETHUSDT")] == [(START + 20 * MINUTE, 1)]
    assert ((recording.late("ETHUSDT") - START) // MINUTE).tolist() == [11, 12, 15]
    assert recording.late("BTCUSDT").tolist() == []
    assert (recording.start, recording.end) == (START, START + 30 * MINUTE)
    assert (recording.instruments["ETHUSDT"].lot, recording.instruments["ETHUSDT"].min_notional) == (1000, 5 * 10**8)
    assert len(ReplayFeed(recording)) == 30
    (file,) = [file for file in load(folder).files if file.coin == "ETHUSDT"]
    assert [(span.bars, span.start.minute, span.end.minute) for span in file.late] == [(2, 11, 13), (1, 15, 16)]
    rows = sealed_rows(folder, "klines")
    assert [row["closed"] for row in rows] == [1] * 10 + [0, 1] * 20 + [0]


def test_the_manifest_tells_of_the_capture(start: Start, folder: Path) -> None:
    with start(config="c0ffee") as capture:
        for socket in ("market", "user", "market", "market"):
            capture.note("connect", socket=socket)
        capture.note("disconnect", socket="market", reason="nothing came for 60 s")
        capture.note("gap", coin="BTCUSDT", kind="trades", first=5, last=9, reason="the exchange has them no more")
        for offset in (5, -7, 3):
            capture.note("clock", offset=offset)
        capture.note("config", sha256="beef")
        for n in range(3):
            capture.frame("market", START + n, trade(n))
        capture.frame("market", START, b"?")
    its_bytes = sum(len(body) for body in (*map(trade, range(3)), b"?"))
    done = seal(folder)
    assert (done.segments, done.records, done.rows, done.notes) == (1, 15, {"control": 11, "trades": 3, "other": 1}, [])
    manifest = load(folder)
    assert manifest.kinds == ["control", "trades", "other"]
    assert manifest.source == "captured from a test"
    (its,) = manifest.captures
    assert (its.id, its.source, its.config, its.stopped, its.segments) == (capture.capture, "a test", "beef", "stopped", 1)
    assert (its.records, its.duplicates, its.sockets, its.reconnects) == (15, 0, {"market": 3, "user": 1}, 2)
    assert its.bytes > its_bytes
    assert (its.clock.samples, its.clock.least, its.clock.most, its.clock.last) == (3, -7, 5, 3)
    (gap,) = its.gaps
    assert (gap.coin, gap.kind, gap.first, gap.last, gap.reason) == ("BTCUSDT", "trades", 5, 9, "the exchange has them no more")
    assert [row["event"] for row in sealed_rows(folder, "control", "")][:5] == [*["connect"] * 4, "disconnect"]
    assert seal(folder).segments == 0


def test_a_recording_is_gone_on_with(folder: Path, start: Start, tmp_path: Path, make_bars, as_csv) -> None:
    """Downloaded, captured into, captured into again, imported into: one series, and nothing of it is lost."""
    source = tmp_path / "BTC_USDT-1m.csv"
    source.write_text(as_csv(make_bars(10)))
    import_files([source], folder, lot="0.01")
    assert load(folder).coins[0].inferred == ["tick", "min_notional"]
    before = open_recording(folder).bars("BTCUSDT")[:]
    for first in (8, 20):
        with start() as capture:
            for minute in range(first, first + 5):
                capture.frame("market", START, kline(minute))
            capture.note("late", coin="BTCUSDT", opened=[START + (first + 4) * MINUTE], interval="1m")
        notes = seal(folder).notes
        assert len(notes) == (first == 8)
    assert notes == []
    (note,) = load(folder).notes
    assert note == "BTCUSDT 1m: 2 bars came again with other numbers: 2025-01-01 00:08:00, 2025-01-01 00:09:00"
    assert load(folder).coins[0].inferred == []
    bars = open_recording(folder).bars("BTCUSDT")
    assert bars[:10] == before
    assert minutes(bars) == [*range(13), *range(20, 25)]

    source.write_text(as_csv(make_bars(40, start=START + 40 * MINUTE)))
    import_files([source], folder)
    recording = open_recording(folder)
    assert minutes(recording.bars("BTCUSDT")) == [*range(13), *range(20, 25), *range(40, 80)]
    assert ((recording.late("BTCUSDT") - START) // MINUTE).tolist() == [12, 24]
    manifest = load(folder)
    assert len(manifest.captures) == 2
    assert len(sealed_rows(folder, "klines")) == 10
    assert [its.file for its in manifest.sources] == ["BTC_USDT-1m.csv"] * 2
    assert verify(folder) == []


def test_late_is_told_of_a_bar_in_a_segment_before(folder: Path) -> None:
    late = b'{"event":"late","coin":"BTCUSDT","opened":[%d,%d]}' % (START, START + 99 * MINUTE)
    path = folder / "capture"
    write_segment(path / "20250101T000000Z-abcdef-00000.segment", [frames(kline(0), kline(1))])
    write_segment(path / "20250101T000000Z-abcdef-00001.segment", [[Record(START, What.CONTROL, "late", late)]], number=1)
    adopt(folder)
    seal(folder)
    assert open_recording(folder).late("BTCUSDT").tolist() == [START]


def adopt(folder: Path, *coins: Instrument) -> None:
    """Make a recording of a folder with segments in it, as its capture had done."""
    enroll(folder, heading(coins=coins))


def test_what_came_twice_stands_once(folder: Path) -> None:
    """Two sockets beside each other at a roll-over, in one segment and over the border of two."""
    both = [trade(1), quote(1), depth(1, [("1", "2"), ("3", "4")]), depth(2, []), kline(1), kline(2, closed=False)]
    path = folder / "capture"
    write_segment(path / "20250101T000000Z-abcdef-00000.segment", [frames(trade(0), *both), frames(*both, at=START + 50)])
    write_segment(path / "20250101T000000Z-abcdef-00001.segment", [frames(*both[::-1], trade(2), at=START + 99)], number=1)
    adopt(folder)
    seal(folder)
    assert [row["id"] for row in sealed_rows(folder, "trades")] == [1000, 1001, 1002]
    assert [row["received"] - START for row in sealed_rows(folder, "trades")] == [0, 1, 105]
    assert len(sealed_rows(folder, "quotes")) == 1
    assert [(row["last"], row["price"]) for row in sealed_rows(folder, "depth")] == [(20, 10**8), (20, 3 * 10**8), (30, 0)]
    assert len(sealed_rows(folder, "klines")) == 2
    assert load(folder).captures[0].duplicates == 14
    assert verify(folder) == []


def test_of_two_that_disagree_both_stay(folder: Path) -> None:
    bodies = [kline(1, close=70), kline(1, close=71), trade(1), trade(1, price="9.00000000")]
    write_segment(folder / "capture/20250101T000000Z-abcdef-00000.segment", [frames(*bodies)])
    adopt(folder)
    assert seal(folder).notes == ["BTCUSDT 1m: 1 bars came again with other numbers: 2025-01-01 00:01:00"]
    assert open_recording(folder).bars("BTCUSDT").close.tolist() == [70 * 10**8]
    assert [row["close"] for row in sealed_rows(folder, "klines")] == [70 * 10**8, 71 * 10**8]
    assert [row["price"] for row in sealed_rows(folder, "trades")] == [10_050_000_000, 9 * 10**8]


def test_rows_are_sorted_by_what_the_exchange_numbers(folder: Path) -> None:
    bodies = [trade(3), trade(1), depth(3), depth(1), trade(2), quote(9), quote(4)]
    write_segment(folder / "capture/20250101T000000Z-abcdef-00000.segment", [frames(*bodies)])
    adopt(folder)
    seal(folder)
    assert [row["id"] for row in sealed_rows(folder, "trades")] == [1001, 1002, 1003]
    assert [row["id"] for row in sealed_rows(folder, "quotes")] == [5004, 5009]
    assert [row["last"] for row in sealed_rows(folder, "depth")] == [20, 40]


def test_coins_of_large_amounts_are_exact(folder: Path) -> None:
    pepe = instrument_of("PEPEUSDT", lot=10**8)
    bars = [kline(0, "PEPEUSDT", volume="9000000000000.00"), kline(1, "PEPEUSDT", volume="7000000000001.00")]
    path = folder / "capture/20250101T000000Z-abcdef-00000.segment"
    write_segment(path, [frames(*bars, trade(1, "PEPEUSDT", amount="123456789012.00"))], coins=[pepe])
    adopt(folder, pepe)
    seal(folder)
    its = open_recording(folder).bars("PEPEUSDT")
    assert [int(volume) * 10 ** (8 - its.volume_decimals) for volume in its.volume] == [9 * 10**20, 7 * 10**20 + 10**8]
    (events,) = [its for its in load(folder).events if its.kind == "trades"]
    assert (events.amount_decimals, sealed_rows(folder, "trades", "PEPEUSDT")[0]["amount"]) == (0, 123456789012)


@pytest.mark.parametrize(("most", "files"), [(5, 4), (6, 2), (100, 1)])
def test_files_are_gone_on_with_until_they_are_full(
    folder: Path, monkeypatch: pytest.MonkeyPatch, most: int, files: int
) -> None:
    """Over runs and segments alike."""
    monkeypatch.setattr(sealing, "RUN", 1)
    monkeypatch.setattr(sealing, "MOST_ROWS", most)
    for number in range(2):
        blocks = [
            frames(*(trade(n) for n in range(k, k + 3)), kline(k), b"?%d" % k) for k in range(6 * number, 6 * number + 6, 3)
        ]
        write_segment(folder / f"capture/20250101T000000Z-abcdef-{number:05d}.segment", blocks, number=number)
    adopt(folder)
    assert seal(folder).rows == {"trades": 12, "klines": 4, "other": 4}
    assert len([its for its in load(folder).events if its.kind == "trades"]) == files
    assert [row["id"] for row in sealed_rows(folder, "trades")] == list(range(1000, 1012))
    assert [row["raw"] for row in sealed_rows(folder, "other", "")] == [b"?0", b"?3", b"?6", b"?9"]
    assert [row["frame"] for row in sealed_rows(folder, "klines")] == [
        kline(k).partition(b'"data":')[2][:-1].decode() for k in (0, 3, 6, 9)
    ]
    assert minutes(open_recording(folder).bars("BTCUSDT")) == [0, 3, 6, 9]
    assert verify(folder) == []


def test_a_segment_that_is_written_is_left_alone(start: Start, folder: Path) -> None:
    write_segment(
        folder / "capture/20240101T000000Z-abcdef-00000.segment", [frames(trade(0))], capture="20240101T000000Z-abcdef"
    )
    adopt(folder)
    with start() as capture:
        capture.frame("market", START, trade(1))
        assert seal(folder).segments == 1
        assert len(segments_of(folder)) == 1
        assert verify(folder) == []
    assert seal(folder).segments == 1
    assert [row["id"] for row in sealed_rows(folder, "trades")] == [1000, 1001]


def test_a_cut_end_goes_and_a_damaged_one_stays(folder: Path) -> None:
    blocks = [frames(*(trade(n) for n in range(k, k + 5))) for k in range(0, 15, 5)]
    cut, flipped = (folder / f"capture/20250101T00000{n}Z-abcdef-00000.segment" for n in range(2))
    for n, path in enumerate((cut, flipped)):
        write_segment(path, blocks, capture=f"20250101T00000{n}Z-abcdef")
    content = cut.read_bytes()
    cut.write_bytes(content[:-60])
    damaged = bytearray(flipped.read_bytes())
    damaged[-60] ^= 1
    flipped.write_bytes(damaged)
    adopt(folder)
    left = len(content) - read_segment(cut)[1].whole
    assert verify(folder) == [
        f"{cut.name} ends inside a block: {left - 60} bytes after record 10 cannot be read",
        f"{flipped.name} has other bytes in block 3 than were written: {left} bytes after record 10 cannot be read",
    ]
    done = seal(folder)
    assert len(done.notes) == 2
    assert segments_of(folder) == []
    aside = flipped.with_name(flipped.name + ".damaged")
    assert aside.read_bytes() == bytes(damaged)
    assert [row["id"] for row in sealed_rows(folder, "trades")] == list(range(1000, 1010))
    assert [its.lost for its in load(folder).captures] == [[note] for note in done.notes]
    assert verify(folder) == [f"{aside.name} was set aside: its end could not be read"]


def test_a_segment_without_a_beginning_tells_nothing(folder: Path) -> None:
    (folder / "capture").mkdir(parents=True)
    adopt(folder)
    for n, content in enumerate((b"", b"tickdeck cap", b"no segment at all")):
        (folder / f"capture/20250101T000000Z-abcdef-{n:05d}.segment").write_bytes(content)
    assert [note.partition(" ")[2] for note in seal(folder).notes] == [
        "ends inside a block: 0 bytes after record 0 cannot be read",
        "ends inside a block: 12 bytes after record 0 cannot be read",
        "does not begin as a segment: 17 bytes after record 0 cannot be read",
    ]
    assert [path.name for path in (folder / "capture").iterdir()] == ["20250101T000000Z-abcdef-00002.segment.damaged"]


class Cut(BaseException):
    """The machine stops here."""


BLOCKS = [frames(trade(0)), frames(kline(0), trade(1))]


def state(folder: Path) -> list[object]:
    """What a recording has come to."""
    return [sealed_rows(folder, "trades"), sealed_rows(folder, "klines"), minutes(open_recording(folder).bars("BTCUSDT"))]


def two_segments(folder: Path) -> Path:
    for number in range(2):
        name = f"20250101T000000Z-abcdef-{number:05d}.segment"
        write_segment(folder / "capture" / name, [BLOCKS[number]], number=number)
    adopt(folder)
    return folder


def seal_failing(folder: Path, at: int, failure: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Seal with `failure` at the `at`-th call that touches the disk for good, a Cut at all later ones too; tell how many."""
    calls = 0

    def failing(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == at or (calls > at and isinstance(failure, Cut)):
                raise failure
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patched, contextlib.suppress(RecordingError, Cut):
        for name in ("fsync", "replace", "unlink", "rename"):
            patched.setattr(os, name, failing(name))
        seal(folder)
    return calls


@pytest.mark.parametrize(("failure", "every"), [(Cut(), 1), (OSError(28, "No space left on device"), 3)])
def test_wherever_it_is_cut_it_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, every: int
) -> None:
    """At every call; then sealed again, nothing is missing and nothing is there twice."""
    whole = two_segments(tmp_path / "whole")
    calls = seal_failing(whole, 10**6, failure, monkeypatch)
    assert calls > 25
    wanted = state(whole)
    assert wanted[-1] == [0]
    for at in range(1, calls + 1, every):
        folder = two_segments(tmp_path / f"cut-{at}")
        seal_failing(folder, at, failure, monkeypatch)
        seal(folder)
        assert state(folder) == wanted, at
        assert segments_of(folder) == []
        # What a sealing left that was killed after the manifest was replaced goes with the next change.
        enroll(folder, heading(capture="20250102T000000Z-abcdef"))
        assert verify(folder) == [], at


def test_a_segment_stays_where_its_rows_do_not_read_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_segment(folder / "capture/20250101T000000Z-abcdef-00000.segment", [frames(trade(0), trade(1))])
    adopt(folder)
    real = sealing.write_file

    def forgetful(path: Path, content: bytes) -> None:
        real(path, content[:-1] + b"?" if "trades" in path.name else content)

    monkeypatch.setattr(sealing, "write_file", forgetful)
    with pytest.raises(RecordingError, match="though it was just written"):
        seal(folder)
    assert len(segments_of(folder)) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["capture", "manifest.toml"]
    monkeypatch.undo()
    assert seal(folder).rows == {"trades": 2}


def test_a_damaged_file_is_not_gone_on_with(folder: Path) -> None:
    """Its neighbour is whole, and so is what comes."""
    name = "20250101T000000Z-abcdef-{:05d}.segment"
    for number in range(2):
        write_segment(folder / "capture" / name.format(number), [frames(trade(0), trade(number))], number=number)
        adopt(folder)
        if number:
            (path,) = folder.glob("BTCUSDT.trades.*.parquet")
            path.write_bytes(path.read_bytes()[:-1] + b"?")
        seal(folder)
    assert verify(folder) == [f"{path.name}: its sha256 is not the one in the manifest"]
    assert [its.rows for its in load(folder).events] == [1, 2]


def test_what_is_of_an_account_is_for_its_owner_alone(start: Start, folder: Path) -> None:
    with start() as capture:
        capture.frame("user", START, b'{"subscriptionId":0,"event":{"e":"balanceUpdate","E":1735689600000,"a":"BTC"}}')
        capture.frame("market", START, trade(0))
    assert oct((folder / "capture").stat().st_mode)[-3:] == "700"
    assert oct(segments_of(folder)[0].stat().st_mode)[-3:] == "600"
    seal(folder)
    modes = {path.name.split(".")[0]: oct(path.stat().st_mode)[-3:] for path in folder.glob("*.parquet")}
    assert modes["account"] == modes["control"] == "600"
    assert len(sealed_rows(folder, "account", "")) == 1


def test_a_coin_without_bars_is_no_hindrance_to_replay(start: Start, folder: Path) -> None:
    with start(instrument_of(), instrument_of("ETHUSDT")) as capture:
        capture.frame("market", START, kline(0))
        capture.frame("market", START, trade(0, "ETHUSDT"))
    seal(folder)
    recording = open_recording(folder)
    assert [its.coin for its in ReplayFeed(recording).instruments] == ["BTCUSDT"]
    with pytest.raises(RecordingError, match="ETHUSDT has no bars"):
        ReplayFeed(recording, ["BTCUSDT", "ETHUSDT"])


def test_verify_finds_what_was_changed_afterwards(folder: Path) -> None:
    write_segment(folder / "capture/20250101T000000Z-abcdef-00000.segment", BLOCKS)
    adopt(folder)
    seal(folder)
    (path,) = folder.glob("BTCUSDT.trades.*.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:40] + b"\xff" + content[41:])
    assert verify(folder) == [f"{path.name}: its sha256 is not the one in the manifest"]
    path.unlink()
    assert verify(folder) == [f"{path.name} cannot be read: No such file or directory"]
    path.write_bytes(content)
    (folder / "capture" / "x.txt").write_bytes(b"")
    assert verify(folder) == ["capture/x.txt is no segment"]
