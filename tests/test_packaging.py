"""What a user gets from the wheel, installed where nothing of the checkout is in reach."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (built,) = folder.glob("tickdeck-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it, its dependencies borrowed from the one that runs the tests."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", "--no-compile", "-q"]
    subprocess.run([*command, "--disable-pip-version-check", str(wheel)], check=True, capture_output=True, timeout=60)
    (site,) = home.glob("lib/python*/site-packages")
    # A path in a .pth file brings the packages beside it, but not their .pth files: the checkout stays out of reach.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def run(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [str(installed / "bin" / arguments[0]), *arguments[1:]]
    return subprocess.run(command, cwd=cwd, env=outside, capture_output=True, text=True, timeout=60, check=False)


def test_the_wheel_holds_two_packages_and_what_is_bundled(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"engine", "tui", wheel.name.split("-py3")[0] + ".dist-info"}
    for bundled in ("configs", "recordings/demo", "templates"):
        source = ROOT / bundled
        shipped = {
            name.removeprefix(f"engine/bundled/{bundled}/") for name in names if name.startswith(f"engine/bundled/{bundled}/")
        }
        assert shipped == {
            str(path.relative_to(source)) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        }
        assert shipped
    assert any(name.endswith(".tcss") for name in names)
    assert not any("__pycache__" in name or "/tests/" in name for name in names)
    assert sum(name.startswith("engine/bundled/") for name in names) < 40


def test_the_demo_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        size = sum(entry.file_size for entry in archive.infolist() if entry.filename.startswith("engine/bundled/recordings/"))
    assert 0 < size <= 3_000_000


def test_it_works_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = run(installed, "python", "-c", "import engine, tui; print(engine.__file__, tui.__file__, sep='\\n')", cwd=tmp_path)
    assert all(str(installed) in line for line in where.stdout.splitlines()), where.stdout + where.stderr

    version = run(installed, "tickdeck", "--version", cwd=tmp_path)
    assert version.returncode == 0, version.stderr
    assert "0.1.0" in version.stdout

    recordings = run(installed, "tickdeck", "recordings", cwd=tmp_path)
    assert recordings.returncode == 0, recordings.stderr
    assert "demo" in recordings.stdout

    config = next((installed / "lib").glob("python*/site-packages/engine/bundled/configs/demo.toml"))
    check = run(installed, "tickdeck", "check", str(config), cwd=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr
    assert not list(tmp_path.iterdir())


def test_a_new_strategy_passes_its_test(installed: Path, tmp_path: Path) -> None:
    new = run(installed, "tickdeck", "new", "strategy", "dip_buyer", cwd=tmp_path)
    assert new.returncode == 0, new.stderr
    test = run(installed, "python", "-m", "pytest", "-q", "test_dip_buyer.py", cwd=tmp_path)
    assert test.returncode == 0, test.stdout + test.stderr
