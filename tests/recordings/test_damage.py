"""A damaged recording is named; it never gives other bars than were written."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.errors import RecordingError
from engine.recordings import Bars, Recording, open_recording, verify, write_recording
from engine.recordings import manifest as manifests
from engine.recordings.bars import COLUMNS
from engine.recordings.store import locked, save

PARQUET = "BTCUSDT.bars-1m.parquet"


def read_all(folder: Path) -> Bars:
    bars = open_recording(folder).bars("BTCUSDT")
    for name in COLUMNS:
        bars.column(name)
    return bars


def outcome(folder: Path, name: str, content: bytes, whole: Bars) -> str:
    """What reading tells once the file `name` has this content: `refused`, naming the file, or `same`."""
    (folder / name).write_bytes(content)
    try:
        bars = read_all(folder)
    except RecordingError as error:
        refused = error
    else:
        assert bars == whole
        return "same"
    assert name in refused.message
    assert refused.hint
    return "refused"


def flip(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    """The content with one random bit of the byte at `place` flipped."""
    damaged = bytearray(content)
    damaged[place] ^= 1 << int(rng.integers(0, 8))
    return bytes(damaged)


def test_flipped_bits_of_a_data_file_are_refused(stored: Path) -> None:
    whole = read_all(stored)
    content = (stored / PARQUET).read_bytes()
    rng = np.random.default_rng(7)
    size = len(content)
    for place in sorted({*range(60), *range(size - 300, size), *rng.integers(0, size, 400).tolist()}):
        assert outcome(stored, PARQUET, flip(content, place, rng), whole) == "refused", place


def test_every_truncation_of_a_data_file_is_refused(stored: Path) -> None:
    whole = read_all(stored)
    content = (stored / PARQUET).read_bytes()
    for size in {0, 1, 3, 4, 7, 8, 12, *range(0, len(content), 61), len(content) - 1}:
        assert outcome(stored, PARQUET, content[:size], whole) == "refused", size
    assert outcome(stored, PARQUET, content + b"\0", whole) == "refused"
    assert outcome(stored, PARQUET, content, whole) == "same"


def test_bytes_that_moved_are_refused(stored: Path) -> None:
    whole = read_all(stored)
    content = (stored / PARQUET).read_bytes()
    rng = np.random.default_rng(8)
    for _ in range(60):
        a, b = sorted(rng.integers(4, len(content) - 8, 2).tolist())
        moved = content[:a] + content[b:] + content[a:b]
        if moved != content:
            assert outcome(stored, PARQUET, moved, whole) == "refused", (a, b)


def test_every_flip_and_cut_of_the_manifest_is_refused(stored: Path) -> None:
    path = stored / "manifest.toml"
    content = path.read_bytes()
    rng = np.random.default_rng(9)
    assert manifests.parse(content, path) == manifests.load(stored)
    for place in range(len(content)):
        for damaged in (flip(content, place, rng), content[:place], content[:place] + content[place + 1 :]):
            with pytest.raises(RecordingError, match=r"manifest\.toml is damaged or was edited"):
                manifests.parse(damaged, path)


def test_a_file_of_another_recording_is_refused(stored: Path, tmp_path: Path, make_bars, instrument) -> None:
    other = tmp_path / "other"
    write_recording(other, Recording.from_bars({"BTCUSDT": make_bars(300, seed=5, keep=0.9)}, {"BTCUSDT": instrument}))
    shutil.copy(other / PARQUET, stored / PARQUET)
    with pytest.raises(RecordingError, match=PARQUET):
        read_all(stored)


def test_a_missing_file_is_named(stored: Path) -> None:
    (stored / PARQUET).unlink()
    with pytest.raises(RecordingError, match=f"{PARQUET} No such file"):
        open_recording(stored)
    assert "No such file" in verify(stored)[0]


def test_verify_names_what_is_wrong(stored: Path) -> None:
    assert verify(stored) == []
    content = (stored / PARQUET).read_bytes()
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    (stored / PARQUET).write_bytes(bytes(damaged))
    problems = verify(stored)
    assert any("sha256" in problem and PARQUET in problem for problem in problems)
    assert any("other bytes in its column" in problem for problem in problems)
    (stored / PARQUET).write_bytes(content)
    (stored / "stray.parquet").write_bytes(b"")
    assert verify(stored) == ["stray.parquet is not in the manifest"]
    (stored / "stray.parquet").unlink()
    with open(stored / "manifest.toml", "ab") as file:
        file.write(b"\n")
    assert "damaged or was edited" in verify(stored)[0]


def test_verify_finds_a_manifest_that_lies(stored: Path) -> None:
    manifest = manifests.load(stored)
    manifest.files[0].gaps.pop()
    manifest.files[0].first = manifest.files[0].last
    (stored / "manifest.toml").write_bytes(manifests.dump(manifest))
    assert [problem.partition(": ")[2] for problem in verify(stored)] == [
        "its first and last bar are not those in the manifest",
        "its gaps are not those in the manifest",
        "the period is not that of its files",
    ]


def test_verify_of_no_recording(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is not a recording"):
        verify(tmp_path)


def test_verify_finds_bars_that_cannot_be_under_checksums_that_are_right(tmp_path: Path, make_bars, instrument) -> None:
    good = make_bars(5)
    columns = {name: good.column(name).copy() for name in COLUMNS}
    columns["high"][3] = columns["low"][3] - 1
    bad = {("BTCUSDT", "1m"): Bars(**columns, interval=good.interval)}
    coins = [manifests.to_coin(instrument, [])]
    with locked(tmp_path / "bad"):
        save(tmp_path / "bad", bad, coins=coins, source="x", synthetic=False, spot=True)
    (problem,) = verify(tmp_path / "bad")
    assert problem == f"{PARQUET}, row 3: the bar of 2025-01-01 00:03:00 has its high below its low"
