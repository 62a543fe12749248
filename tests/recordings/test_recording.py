"""Recordings in memory and on disk: what is written is what is read, and nothing is read that is not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.errors import RecordingError
from engine.model import INTERVALS, Instrument
from engine.recordings import Bars, Recording, open_recording, verify, write_recording
from engine.recordings import manifest as manifests
from engine.recordings.bars import COLUMNS, find_gaps
from engine.recordings.columns import ColumnFile


@pytest.fixture
def two(make_bars, instrument: Instrument) -> Recording:
    other = Instrument(coin="ETHBTC", base="ETH", quote="BTC")
    bars = {"ETHBTC": make_bars(500, seed=2, keep=0.8), "BTCUSDT": make_bars(700, seed=3)}
    return Recording.from_bars(bars, {"BTCUSDT": instrument, "ETHBTC": other}, name="two", source="here", spot=False)


def test_what_is_written_is_what_is_read(two: Recording, tmp_path: Path) -> None:
    write_recording(tmp_path / "r" / "two", two)
    read = open_recording(tmp_path / "r" / "two")
    assert (read.name, read.coins, read.instruments) == ("two", ("ETHBTC", "BTCUSDT"), two.instruments)
    assert (read.synthetic, read.spot, read.source, read.interval) == (False, False, "here", "1m")
    assert (read.start, read.end) == (two.start, two.end)
    for coin in two.coins:
        assert len(read.bars(coin)) == len(two.bars(coin))
        assert read.bars(coin) == two.bars(coin)
        assert read.gaps(coin) == two.gaps(coin) == find_gaps(two.bars(coin).time, INTERVALS["1m"])
        assert read.intervals(coin) == ("1m",)
    assert verify(tmp_path / "r" / "two") == []


def test_opens_in_pandas(stored: Path) -> None:
    bars = open_recording(stored).bars("BTCUSDT")
    frame = pd.read_parquet(stored / "BTCUSDT.bars-1m.parquet")
    assert list(frame.columns) == list(COLUMNS)
    for name in COLUMNS:
        assert frame[name].dtype == np.int64
        assert np.array_equal(frame[name], bars.column(name))


def test_nothing_is_read_before_it_is_looked_at(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = ColumnFile.load
    monkeypatch.setattr(ColumnFile, "load", lambda self, name: (loaded.append(name), load(self, name))[1])
    bars = open_recording(stored).bars("BTCUSDT")
    assert len(bars) > 0
    assert loaded == []
    assert bars.close is bars.close
    assert loaded == ["close"]


def test_opening_needs_neither_pyarrow_nor_pandas(stored: Path) -> None:
    code = (
        f"import sys; from engine.recordings import open_recording; r = open_recording({str(stored)!r}); r.gaps('BTCUSDT')\n"
        "assert not {'pyarrow', 'pandas', 'numba', 'talib'} & set(sys.modules)\n"
        "r.bars('BTCUSDT').close\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_longer_bars_are_made_from_the_shortest(stored: Path) -> None:
    recording = open_recording(stored)
    hours = recording.bars("BTCUSDT", "1h")
    assert hours is recording.bars("BTCUSDT", "1h")
    assert int(hours.volume.sum()) == int(recording.bars("BTCUSDT").volume.sum())
    assert recording.intervals("BTCUSDT") == ("1m",)
    assert recording.gaps("BTCUSDT", "1h") == []
    with pytest.raises(RecordingError, match="no 1s bars of BTCUSDT"):
        recording.bars("BTCUSDT", "1s")
    with pytest.raises(RecordingError, match="no interval '7m'"):
        recording.bars("BTCUSDT", "7m")
    with pytest.raises(RecordingError, match="no coin NOPE"):
        recording.bars("NOPE")


def test_in_memory_recordings_are_checked(make_bars, instrument: Instrument) -> None:
    good = make_bars(5)
    with pytest.raises(RecordingError, match="at least one coin"):
        Recording.from_bars({}, {})
    with pytest.raises(RecordingError, match="no instrument"):
        Recording.from_bars({"ETHUSDT": good}, {"BTCUSDT": instrument})
    with pytest.raises(RecordingError, match="no bars"):
        Recording.from_bars({"BTCUSDT": good[:0]}, {"BTCUSDT": instrument})
    columns = {name: good.column(name).copy() for name in COLUMNS}
    columns["low"][2] = columns["high"][2] + 1
    with pytest.raises(RecordingError, match="high below its low"):
        Recording.from_bars({"BTCUSDT": Bars(**columns, interval=good.interval)}, {"BTCUSDT": instrument})


def test_a_folder_with_content_is_not_written_over(two: Recording, stored: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in stored.iterdir()}
    with pytest.raises(RecordingError, match="already holds a recording"):
        write_recording(stored, two)
    assert {path.name: path.read_bytes() for path in stored.iterdir()} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(RecordingError, match="has files in it and is no recording"):
        write_recording(tmp_path / "mine", two)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def reseal(folder: Path, **changes: object) -> None:
    """Change the manifest as a program of another version might, checksum and all."""
    manifest = manifests.load(folder)
    for name, value in changes.items():
        setattr(manifest, name, value)
    (folder / "manifest.toml").write_bytes(manifests.dump(manifest))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tickdeck": 2}, "has format 2, this tickdeck reads 1"),
        ({"units": {"time": "s"}}, "units are not those"),
        ({"files": []}, "BTCUSDT has no file"),
        ({"coins": []}, "coins are none"),
        ({"kinds": [1]}, "cannot be understood"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(stored: Path, changes: dict, reason: str) -> None:
    reseal(stored, **changes)
    with pytest.raises(RecordingError, match=reason) as error:
        open_recording(stored)
    assert "manifest.toml" in str(error.value)


@pytest.mark.parametrize("name", ["../secret.parquet", "/etc/passwd", ".hidden"])
def test_a_manifest_cannot_point_outside(stored: Path, name: str) -> None:
    manifest = manifests.load(stored)
    manifest.files[0].file = name
    (stored / "manifest.toml").write_bytes(manifests.dump(manifest))
    with pytest.raises(RecordingError, match="not one inside the recording"):
        open_recording(stored)


def test_filters_in_a_manifest_must_be_exact(stored: Path) -> None:
    manifest = manifests.load(stored)
    for tick in ("0", "-1", "0.000000001", "nan", "a lot", "1e99"):
        manifest.coins[0].tick = tick
        (stored / "manifest.toml").write_bytes(manifests.dump(manifest))
        with pytest.raises(RecordingError, match="BTCUSDT: tick"):
            open_recording(stored)
