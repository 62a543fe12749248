"""Tests of what tests/conftest.py promises about missing data."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
SKIPPING = """
import pytest

def test_by_fixture(data):
    assert data.is_dir()

def test_by_hand():
    pytest.skip("the real market data is missing: no klines")

def test_for_another_reason():
    pytest.skip("tmux is not installed")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(SKIPPING)
    pytester.makepyfile(test_module='import pytest\npytest.skip("the real market data is missing", allow_module_level=True)')
    return pytester


def test_without_the_variable_tests_are_skipped(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKDECK_TEST_DATA", raising=False)
    suite.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(skipped=4)


def test_with_the_variable_a_skip_for_missing_data_fails(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKDECK_TEST_DATA", str(suite.path))
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, failed=1, skipped=1, errors=1)
    result.stdout.fnmatch_lines(["*TICKDECK_TEST_DATA is set, so a test must not be skipped*"])


def test_a_variable_that_names_nothing_fails(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKDECK_TEST_DATA", str(suite.path / "nowhere"))
    suite.runpytest_subprocess("-p", "no:cacheprovider", "-k", "fixture", "--ignore=test_module.py").assert_outcomes(errors=1)
