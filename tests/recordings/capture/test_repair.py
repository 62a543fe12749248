"""What is whole of a damaged recording comes into the copy, the rest is named, and the damaged one is not touched."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from engine.errors import RecordingError
from engine.recordings import open_recording, verify
from engine.recordings.capture import CaptureWriter, repair, seal
from engine.recordings.capture.segments import segments_of
from engine.recordings.manifest import load
from tests.recordings.capture.conftest import START, captured, instrument_of, kline, sealed_rows, trade
from tui.commands.recordings import register

Start = Callable[..., CaptureWriter]


@pytest.fixture
def live(start: Start, folder: Path) -> Path:
    """A recording with a sealed capture and one that is not sealed."""
    for first in (0, 100):
        with start() as capture:
            for n in range(first, first + 100):
                capture.frame("market", START + n, trade(n))
            for minute in range(first, first + 5):
                capture.frame("market", START, kline(minute))
            capture.note("gap", coin="BTCUSDT", kind="trades", first=5, last=9, reason="cut")
        if first == 0:
            seal(folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path, place: int) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 16
    path.write_bytes(damaged)


def ids(folder: Path) -> list[int]:
    return [row["id"] - 1000 for row in sealed_rows(folder, "trades")]


def test_a_whole_one_is_copied_and_sealed(live: Path, tmp_path: Path) -> None:
    before = content(live)
    done = repair(live, tmp_path / "copy")
    assert (done.left, done.segments, done.sealed.segments) == ([], 1, 1)
    assert content(live) == before
    assert ids(tmp_path / "copy") == list(range(200))
    assert verify(tmp_path / "copy") == []
    assert len(open_recording(tmp_path / "copy").bars("BTCUSDT")) == 10


def test_wherever_a_segment_is_damaged_what_is_before_it_is_kept(live: Path, tmp_path: Path) -> None:
    (path,) = segments_of(live)
    whole = path.read_bytes()
    records = [its.body for its in captured(live)]
    dice = random.Random(2)
    for n, place in enumerate([0, 30, len(whole) - 1, *(dice.randrange(len(whole)) for _ in range(9))]):
        flip(path, place)
        before = content(live)
        copy = tmp_path / f"copy-{n}"
        done = repair(live, copy)
        assert content(live) == before
        assert len(done.left) == 1
        assert done.left[0].startswith(path.name)
        found = ids(copy)
        assert found[:100] == list(range(100))
        assert found[100:] == [1000 + k - 900 for k in range(len(found) - 100)]
        assert verify(copy) == []
        path.write_bytes(whole)
    assert len(records) == 107


def test_every_truncation_of_a_segment_is_a_prefix(live: Path, tmp_path: Path) -> None:
    (path,) = segments_of(live)
    whole = path.read_bytes()
    for n, size in enumerate(range(0, len(whole), len(whole) // 7)):
        path.write_bytes(whole[:size])
        done = repair(live, tmp_path / f"copy-{n}")
        assert len(done.left) <= 1
        assert ids(tmp_path / f"copy-{n}")[:100] == list(range(100))
        assert verify(tmp_path / f"copy-{n}") == []


def test_a_damaged_file_of_what_is_sealed_is_left_and_named(live: Path, tmp_path: Path) -> None:
    (trades,) = live.glob("BTCUSDT.trades.*.parquet")
    (bars,) = live.glob("BTCUSDT.bars-1m.parquet")
    flip(trades, 100)
    bars.unlink()
    done = repair(live, tmp_path / "copy")
    assert done.left == [
        f"{bars.name} cannot be read: No such file or directory",
        f"{trades.name}: its sha256 is not the one in the manifest",
    ]
    assert ids(tmp_path / "copy") == list(range(100, 200))
    assert len(open_recording(tmp_path / "copy").bars("BTCUSDT")) == 5
    assert load(tmp_path / "copy").notes == [f"lost before a repair: {reason}" for reason in done.left]
    assert verify(tmp_path / "copy") == []


@pytest.mark.parametrize("gone", [False, True])
def test_without_its_manifest_the_segments_say_what_they_are(live: Path, tmp_path: Path, gone: bool) -> None:
    if gone:
        (live / "manifest.toml").unlink()
    else:
        flip(live / "manifest.toml", 50)
    done = repair(live, tmp_path / "copy")
    assert (done.files, done.segments) == (0, 1)
    assert ("it has no manifest.toml" if gone else "its checksum line does not match") in done.left[0]
    assert ids(tmp_path / "copy") == list(range(100, 200))
    assert open_recording(tmp_path / "copy").instruments["BTCUSDT"].min_notional == 5 * 10**8
    assert verify(tmp_path / "copy") == []


def test_a_segment_that_was_set_aside_counts_where_its_rows_are_not_proved(live: Path, tmp_path: Path) -> None:
    (path,) = segments_of(live)
    flip(path, path.stat().st_size - 5)
    seal(live)
    assert ids(live) == list(range(200))
    again = repair(live, tmp_path / "first")
    assert (again.segments, again.left) == (0, [])
    (live / "manifest.toml").write_bytes(b"")
    done = repair(live, tmp_path / "second")
    assert done.segments == 1
    assert ids(tmp_path / "second") == list(range(100, 200))


def test_what_cannot_be_repaired(stored: Path, live: Path, start: Start, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is not empty"):
        repair(live, stored)
    with pytest.raises(RecordingError, match="has files in it"):
        repair(live, live.parent)
    with pytest.raises(RecordingError, match=r"nothing of .* can be kept"):
        repair(tmp_path / "nothing", tmp_path / "copy")
    with start(), pytest.raises(RecordingError, match="is being captured into"):
        repair(live, tmp_path / "copy")
    flip(stored / "manifest.toml", 50)
    with pytest.raises(RecordingError, match="can be kept") as caught:
        repair(stored, tmp_path / "copy")
    assert "checksum line" in caught.value.hint
    assert not (tmp_path / "copy").exists()


def test_a_recording_that_was_never_captured_into(stored: Path, tmp_path: Path) -> None:
    done = repair(stored, tmp_path / "copy")
    assert (done.files, done.segments, done.left) == (1, 0, [])
    assert open_recording(tmp_path / "copy").bars("BTCUSDT") == open_recording(stored).bars("BTCUSDT")
    assert verify(tmp_path / "copy") == []


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    app = typer.Typer()
    register(app)
    return lambda *words: CliRunner().invoke(app, ["recordings", *map(str, words)], catch_exceptions=False)


def test_show_verify_and_seal(live: Path, run: Callable[..., Result]) -> None:
    shown = run("show", live).stdout
    for told in (
        "live: spot, 2025-01-01 00:00:00 to 2025-01-01 00:05:00 UTC",
        "from a test, 107 records, 0 reconnects, 1 gap, stopped",
        "gap: BTCUSDT trades 5 to 9",
        "klines 1m",
        "1 segment of 0.0 MB not sealed yet: `tickdeck recordings seal` makes them part of it",
    ):
        assert told in shown
    told = json.loads(run("show", live, "--json").stdout)
    assert (told["unsealed"], told["capturing"], [its["segments"] for its in told["captures"]]) == (1, False, [1, 0])
    assert [(its["kind"], its["coin"], its["rows"]) for its in told["events"]] == [
        ("control", "", 2),
        ("klines", "BTCUSDT", 5),
        ("trades", "BTCUSDT", 100),
    ]
    assert run("verify", live).exit_code == 0
    assert "1 segment sealed: 107 records, 100 trades, 5 klines, 2 control" in run("seal", live).stdout
    assert "nothing to seal" in run("seal", live).stdout
    assert json.loads(run("seal", live, "--json").stdout)["segments"] == 0
    assert len(open_recording(live).bars("BTCUSDT")) == 10


def test_a_recording_without_bars_is_shown_and_listed(start: Start, run: Callable[..., Result], folder: Path) -> None:
    Path("recordings").mkdir()
    with CaptureWriter("recordings/ticks", [instrument_of()], source="a test", sealing=False) as capture:
        capture.frame("market", START, trade(0))
        assert "a capture goes on" in run("show", "ticks").stdout
    assert "ticks" in run().stdout
    assert json.loads(run("--json").stdout)["recordings"][0]["interval"] == ""
    assert run("seal", "ticks").exit_code == 0
    assert "trades" in run("show", "ticks").stdout
    assert run("verify", "ticks").exit_code == 0


def test_repair_by_the_command_line(live: Path, run: Callable[..., Result], tmp_path: Path) -> None:
    (path,) = segments_of(live)
    flip(path, path.stat().st_size // 2)
    done = run("verify", live)
    assert done.exit_code == 1
    assert "has other bytes in block 1 than were written" in " ".join(done.stderr.split())
    done = run("repair", live, "--into", "./copy")
    assert done.exit_code == 1
    assert f"left: {path.name}" in done.stderr.replace("\n", " ")
    assert "copy has what is whole: 4 files and 1 segment" in done.stdout
    assert verify(tmp_path / "copy") == []
    told = json.loads(run("repair", "./copy", "--into", "./again", "--json").stdout)
    assert (told["recording"], told["left"], told["segments"], told["sealed"]["records"]) == ("again", [], 0, 0)
    for words in (
        ("repair", "nope", "--into", "./x"),
        ("repair", live, "--into", "./copy"),
        ("seal", "nope"),
        ("repair", live),
    ):
        done = run(*words)
        assert (done.exit_code, done.stdout) == (2, ""), words


def test_hostile_text_does_not_reach_the_terminal(folder: Path, run: Callable[..., Result]) -> None:
    with CaptureWriter(folder, [instrument_of()], source="\x1b[2J\u202e[bold]", sealing=False) as capture:
        capture.note("gap", coin="\x1b[2J", kind="\x1b]0;x\x07", first=0, last=1, reason="\x1b[2J[/]")
        capture.frame("market", START, trade(0))
    for words in (("show", folder), ("seal", folder), ("show", folder), ("verify", folder)):
        done = run(*words)
        assert done.exit_code == 0
        assert "\x1b" not in done.output
        assert "\u202e" not in done.output
