"""Tests of engine.paths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import paths
from engine.errors import HostError

ROOT = Path(__file__).resolve().parents[1]


def test_a_checkout_bundles_from_its_root() -> None:
    assert paths.bundled() == ROOT


def test_an_installed_package_bundles_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "engine" / "bundled"
    inside.mkdir(parents=True)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "engine" / "paths.py"))
    assert paths.bundled() == inside


@pytest.mark.parametrize(("function", "variable"), [(paths.user_data, "XDG_DATA_HOME"), (paths.user_cache, "XDG_CACHE_HOME")])
def test_folders_follow_the_system_and_are_not_made(function, variable, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    assert function() == tmp_path / "tickdeck"
    assert not (tmp_path / "tickdeck").exists()


def test_runtime_dir_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = paths.runtime_dir()
    assert folder == tmp_path / "tickdeck"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert paths.runtime_dir().stat().st_mode & 0o777 == 0o700


def test_a_planted_runtime_dir_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "tickdeck").symlink_to(elsewhere)
    with pytest.raises(HostError, match="not this user's own"):
        paths.runtime_dir()


def test_a_foreign_runtime_dir_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    paths.runtime_dir()
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    with pytest.raises(HostError, match="not this user's own"):
        paths.runtime_dir()


def test_an_impossible_runtime_dir_is_an_error_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setattr("platformdirs.user_runtime_path", lambda *_, **__: blocker / "tickdeck")
    with pytest.raises(HostError, match="no place for the engine's socket"):
        paths.runtime_dir()


def test_no_runtime_variable_is_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = paths.runtime_dir()
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700
