"""kill -9 while capturing: what was said to be on disk is, at most a second is lost, and nothing is there that never came."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.recordings import verify
from engine.recordings.capture import seal
from engine.recordings.capture.segments import segments_of
from engine.recordings.manifest import load
from tests.recordings.capture.conftest import captured, read_segment, sealed_rows

MOMENTS = 25
SECOND = 10**9


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, bool, int, int, int]]:
    home = tmp_path_factory.mktemp("killed")
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, str(script), str(home), "7", str(MOMENTS)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return [(Path(folder), *rest) for folder, *rest in told]


def test_every_flushed_block_is_there_and_at_most_a_second_is_lost(killed: list[tuple[Path, bool, int, int, int]]) -> None:
    assert len(killed) == MOMENTS
    begun = rolled = 0
    for folder, by_us, taken, last, written in killed:
        assert by_us, folder
        if not (folder / "manifest.toml").exists():
            assert taken == 0
            continue
        begun += taken > 0
        paths = segments_of(folder)
        readers = [read_segment(path)[1] for path in paths]
        assert not any(reader.damage for reader in readers)
        assert not any(reader.problem for reader in readers[:-1])
        assert sum(reader.whole for reader in readers) >= written
        rolled += len(paths) > 1
        records = captured(folder)
        assert [json.loads(its.body)["data"]["t"] for its in records] == list(range(len(records)))
        assert len(records) <= taken + 1
        if taken > len(records):
            following = records[-1].received if records else readers[0].heading.created
            assert last - following <= SECOND
    assert begun >= MOMENTS - 3
    assert rolled


def test_what_is_left_can_be_sealed_and_gone_on_with(killed: list[tuple[Path, bool, int, int, int]]) -> None:
    for folder, *_ in killed[::5]:
        if not (folder / "manifest.toml").exists():
            continue
        records = len(captured(folder))
        assert seal(folder).records == records
        assert [row["id"] for row in sealed_rows(folder, "trades")] == list(range(records))
        assert verify(folder) == []
        assert load(folder).captures[0].stopped == ""
