"""Where the deck's panels go."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.arrange import TABS, arrange
from tui.widgets.wireframe import joints


@given(st.integers(1, 260), st.integers(1, 90), st.integers(1, 40), st.integers(0, 40), st.booleans(), st.sampled_from(TABS))
def test_panels_lie_inside_and_never_over_each_other(
    width: int, height: int, coins: int, features: int, banner: bool, tab: str
) -> None:
    plan = arrange(width, height, coins=coins, features=features, banner=banner, tab=tab)
    assert plan.regions, "something is always shown"
    for name, region in plan.regions.items():
        assert region.width > 0, name
        assert region.height > 0, name
        assert region.x >= 0, name
        assert region.y >= 0, name
        assert region.right <= width, name
        assert region.bottom <= height, name
    for (one, a), (other, b) in itertools.combinations(plan.regions.items(), 2):
        assert not a.overlaps(b), (one, other)
    rules = joints(plan)
    for name, region in plan.regions.items():
        if name == "tabs":
            continue
        covered = {rules[y][x] for y in range(region.y, region.bottom) for x in range(region.x, region.right)}
        assert covered == {" "}, f"a rule runs through {name}"
    if plan.tab:
        assert plan.tab in plan.regions
        assert plan.tab in plan.tabs


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
@pytest.mark.parametrize("tab", TABS)
def test_every_panel_is_in_sight_or_a_tab_away(width: int, height: int, tab: str) -> None:
    plan = arrange(width, height, coins=3, features=4, banner=0, tab=tab, trade=True)
    assert set(TABS) | {"watch", "chart", "title", "transport"} <= set(plan.regions) | set(plan.tabs)
    assert plan.tab == tab or tab in plan.regions


def test_the_chart_grows_with_the_terminal() -> None:
    small, middle, large = (
        arrange(width, height, coins=3, features=4, banner=0, tab="orders").regions["chart"]
        for width, height in ((80, 24), (120, 40), (200, 60))
    )
    assert small.area < middle.area < large.area
    assert (small.width, small.height) == (52, 14)
    assert large.width >= 110


def test_a_banner_takes_one_row_under_the_title() -> None:
    plan = arrange(80, 24, coins=3, features=4, banner=1, tab="orders")
    assert plan.regions["banner"].y == 1
    assert plan.regions["chart"].y == 3


def test_rules_join() -> None:
    plan = arrange(80, 24, coins=3, features=4, banner=0, tab="orders")
    rows = ["".join(row) for row in joints(plan)]
    assert rows[1][0] == "┌"
    assert rows[1][26] == "┬"
    assert rows[1][79] == "┐"
    assert rows[23] == "└" + "─" * 78 + "┘"
    assert rows[5][0] == "├"
    assert rows[5][26] == "┤"


def test_why_has_more_room_than_the_other_tabs_and_is_none_on_live_prices() -> None:
    usual, why = (arrange(120, 40, coins=3, features=4, banner=0, tab=tab) for tab in ("orders", "why"))
    assert why.regions["why"].height > 2 * usual.regions["orders"].height - 2
    assert why.regions["chart"].height >= 16
    assert "why" not in arrange(120, 40, coins=3, features=4, banner=0, tab="why", live=True).tabs
