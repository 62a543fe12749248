"""Drawdowns against their definition, fall by fall, and against empyrical."""

from __future__ import annotations

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.drawdowns import drawdowns
from tests.analysis.slow import slow_drawdowns
from tests.worlds import MINUTE, START

WORTH = st.lists(st.one_of(st.floats(0.01, 1e9), st.sampled_from([90.0, 100.0, 110.0])), min_size=1, max_size=40)
GAPS = st.lists(st.integers(1, 3000), min_size=40, max_size=40)


@given(WORTH, GAPS)
def test_every_fall_has_its_depth_and_length(worth: list[float], gaps: list[int]) -> None:
    times = START + np.cumsum(gaps)[: len(worth)] * MINUTE
    found = drawdowns(np.array(worth), times)
    wanted = slow_drawdowns(worth, times.tolist())
    np.testing.assert_allclose(found.depth, [depth for depth, _ in wanted], rtol=1e-9, atol=1e-12)
    assert found.length.tolist() == [length for _, length in wanted]


@given(WORTH)
def test_the_deepest_is_empyrical_s(worth: list[float]) -> None:
    returns = np.diff(worth) / worth[:-1]
    deepest = drawdowns(np.array(worth), START + np.arange(len(worth)) * MINUTE).depth.max(initial=0.0)
    assert deepest == pytest.approx(-float(np.nan_to_num(empyrical.max_drawdown(returns))), abs=1e-9)


def test_no_fall_is_none() -> None:
    for worth in ([], [5.0], [5.0, 6.0, 6.0, 7.0]):
        assert len(drawdowns(np.array(worth), START + np.arange(len(worth)) * MINUTE).depth) == 0


def test_one_that_is_not_over_lasts_to_the_end_and_nothing_can_fall_no_deeper() -> None:
    times = np.arange(6) * MINUTE
    found = drawdowns(np.array([10.0, 8.0, 10.0, 5.0, 6.0, 9.0]), times)
    assert (found.depth.tolist(), found.length.tolist()) == ([pytest.approx(0.2), 0.5], [2 * MINUTE, 3 * MINUTE])
    assert drawdowns(np.array([0.0, 5.0, 0.0]), times[:3]).depth.tolist() == [1.0]
