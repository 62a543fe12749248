"""Writing: whatever fails, and wherever it is cut, the recording is the old one or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from engine.errors import RecordingError
from engine.recordings import import_files, open_recording, verify
from engine.recordings.store import locked, write_file


class Cut(BaseException):
    """The machine stops here."""


@pytest.fixture
def source(tmp_path: Path, make_bars, as_csv) -> tuple[Path, Path]:
    bars = make_bars(60)
    first, second = tmp_path / "a" / "BTC_USDT-1m.csv", tmp_path / "b" / "BTC_USDT-1m.csv"
    for path, part in ((first, bars[:40]), (second, bars[30:])):
        path.parent.mkdir()
        path.write_text(as_csv(part))
    return first, second


def count_and_cut(monkeypatch: pytest.MonkeyPatch, at: int, failure: BaseException) -> list[str]:
    """Raise `failure` at the `at`-th call that touches the disk for good, a Cut at all later ones too; returns the calls."""
    calls: list[str] = []

    def guard(name: str):
        real = getattr(os, name)

        def call(*args, **kwargs):
            calls.append(name)
            if len(calls) == at or (len(calls) > at and isinstance(failure, Cut)):
                raise failure
            return real(*args, **kwargs)

        return call

    for name in ("fsync", "replace", "unlink"):
        monkeypatch.setattr(os, name, guard(name))
    return calls


def stopped_by(sources: list[Path], folder: Path) -> BaseException | None:
    """What stopped an import, if anything did."""
    try:
        import_files(sources, folder)
    except (RecordingError, Cut) as error:
        return error
    return None


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), Cut()])
def test_cut_at_every_step_the_recording_is_the_old_or_the_new(source, tmp_path: Path, failure: BaseException) -> None:
    first, second = source
    for at in range(1, 40):
        folder = tmp_path / f"r{at}-{type(failure).__name__}"
        import_files([first], folder)
        old = open_recording(folder).bars("BTCUSDT")[:]
        with pytest.MonkeyPatch.context() as patch:
            calls = count_and_cut(patch, at, failure)
            stopped = stopped_by([second], folder)
        assert stopped is None or isinstance(stopped, Cut) or "No space left" in str(stopped)
        now = open_recording(folder).bars("BTCUSDT")
        assert len(now) in (40, 60)
        assert now[:40] == old
        if isinstance(failure, OSError):
            assert not list(folder.glob(".*.tmp"))
        import_files([second], folder)
        assert len(open_recording(folder).bars("BTCUSDT")) == 60
        assert verify(folder) == []
        if len(calls) < at:
            return
    pytest.fail("the import never came to its end")


def test_a_first_import_that_fails_leaves_nothing_or_all(source, tmp_path: Path) -> None:
    whole = 0
    for at in range(1, 40):
        folder = tmp_path / f"new{at}"
        with pytest.MonkeyPatch.context() as patch:
            calls = count_and_cut(patch, at, OSError(errno.EIO, "Input/output error"))
            stopped = stopped_by([source[0]], folder)
        assert stopped is None or "cannot be written: Input/output error" in str(stopped)
        if folder.exists():
            assert verify(folder) == []
            whole += 1
        if len(calls) < at:
            break
    assert 0 < whole < at


def test_a_bad_file_among_good_ones_changes_nothing(source, tmp_path: Path) -> None:
    first, second = source
    folder = tmp_path / "r"
    import_files([first], folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    bad = tmp_path / "BTC_USDT-1m.csv"
    bad.write_text("open_time,open,high,low,close,volume\n1735689600000,1,1,1,nan,1\n")
    with pytest.raises(RecordingError, match=r"BTC_USDT-1m.csv, line 2: close 'nan' is not a number"):
        import_files([second, bad], folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_two_cannot_write_at_once(source, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    import_files([source[0]], folder)
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        with pytest.raises(RecordingError, match="being written by another"):
            import_files([source[1]], folder)
    finally:
        os.close(handle)
    import_files([source[1]], folder)


def test_what_was_open_stays_readable_while_it_is_extended(source, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    import_files([source[0]], folder)
    bars = open_recording(folder).bars("BTCUSDT")
    close = bars.close.tolist()
    import_files([source[1]], folder)
    assert bars.open.size == 40
    assert bars.close.tolist() == close
    assert len(open_recording(folder).bars("BTCUSDT")) == 60


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RecordingError, match="cannot be made or opened"), locked(tmp_path / "file" / "under"):
        pass
    with pytest.raises(RecordingError, match="cannot be written"):
        write_file(tmp_path / "nowhere" / "x", b"")
