"""What every test shares: the real data, a home of its own, and Hypothesis without clocks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

DATA_VARIABLE = "TICKDECK_TEST_DATA"
MISSING_DATA = "the real market data is missing"
_HOMES = {"XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_RUNTIME_DIR": "run"}
_home = pytest.StashKey[str]()
_before = pytest.StashKey[dict[str, str | None]]()

# Compiled functions and two busy cores make a single example's time say nothing.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests, and every process they start, a home that is not the user's; its cache of compiled kernels stays."""
    home = tempfile.mkdtemp(prefix="td-")  # a short path: a unix socket's name must fit into 100 bytes or so
    config.stash[_home] = home
    config.stash[_before] = {name: os.environ.get(name) for name in _HOMES}
    for name, folder in _HOMES.items():
        path = Path(home, folder)
        path.mkdir(mode=0o700)
        os.environ[name] = str(path)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put the environment back and remove the home."""
    for name, value in config.stash[_before].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    shutil.rmtree(config.stash[_home], ignore_errors=True)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real market data (`klines`, `ticks`, `depth`, `oracles`); the test is skipped where there is none."""
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        pytest.skip(f"{MISSING_DATA}: {DATA_VARIABLE} does not name its folder")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"{MISSING_DATA}: {DATA_VARIABLE} names {folder}, which is no folder")
    return path


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not os.environ.get(DATA_VARIABLE) or not report.skipped or not isinstance(report.longrepr, tuple):
        return
    reason = str(report.longrepr[2])
    if "data" in reason and any(word in reason for word in ("missing", DATA_VARIABLE)):
        report.outcome = "failed"
        report.longrepr = f"{reason}\n{DATA_VARIABLE} is set, so a test must not be skipped for missing data"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a test's skip for missing data into a failure where the data is said to be there."""
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole module that skips itself."""
    report = yield
    _forbid_skip(report)
    return report
