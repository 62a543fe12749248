"""Where the deck's panels go: a pure function from the terminal's size to regions, rules and titles."""

from __future__ import annotations

from dataclasses import dataclass, field

from textual.geometry import Region

TABS = ("orders", "fills", "signals", "features", "positions", "journal", "why", "log")
WIDE = 104
"""Columns from which features and signals get a column of their own."""
TALL = 30
"""Rows from which there is room for more than one line of trouble."""
MOST_BANNERS = 3
AGES = 5
"""Columns that live coins take beside the others, for the age of their data."""


@dataclass(slots=True)
class Plan:
    """Regions by panel, the tabs on offer and which is shown, and what the wireframe draws between the panels."""

    size: tuple[int, int]
    tab: str
    regions: dict[str, Region] = field(default_factory=dict)
    tabs: tuple[str, ...] = ()
    across: list[tuple[int, int, int]] = field(default_factory=list)
    """Horizontal rules: y, first and last column."""
    down: list[tuple[int, int, int]] = field(default_factory=list)
    """Vertical rules: x, first and last row."""
    titles: list[tuple[str, int, int]] = field(default_factory=list)
    """Panel, x and y of its title in a rule."""


def arrange(
    width: int, height: int, *, coins: int, features: int, banner: int, tab: str, live: bool = False, trade: bool = False
) -> Plan:
    """Return the plan for a terminal of `width` x `height` cells showing so many coins and features and `banner` lines of
    trouble, of a `live` market or not; with a tab for the journal where orders are real.

    Wide: watch and positions, chart, features and signals, and tabs below. Under `WIDE` columns the right column drops to tabs;
    under 64 columns the left one too; a terminal too small for a frame shows title, chart and transport bar.
    """
    plan = Plan((width, height), tab)
    top = 1
    if height > 2:
        plan.regions["title"] = Region(0, 0, width, 1)
    else:
        top = 0
    banner = min(banner, MOST_BANNERS if height >= TALL else 1)
    if banner and height > top + 1:
        plan.regions["banner"] = Region(0, top, width, banner)
        top += banner
    if width < 32 or height - top < 9:
        _bare(plan, width, height, top)
        return plan
    share = 0.45 if tab == "why" and not live else 0.22
    body = max(4, min(14 if share < 0.4 else 26, round(height * share) - 1)) if height >= 18 else 0
    main = height - top - body - (5 if body else 4)
    _frame(plan, width, height, top, main, body)
    columns = _columns(width, live)
    plan.tabs = tuple(name for name in TABS if (trade or name != "journal") and not (live and name == "why"))
    _panels(plan, columns, top + 1, main, coins, features, body)
    if body:
        _tabs(plan, width, top + main + 1, body)
    return plan


def _bare(plan: Plan, width: int, height: int, top: int) -> None:
    plan.tab = ""
    if height - top >= 3:
        plan.regions["transport"] = Region(0, height - 1, width, 1)
        height -= 1
    if height > top:
        plan.regions["chart"] = Region(0, top, width, height - top)


def _frame(plan: Plan, width: int, height: int, top: int, main: int, body: int) -> None:
    right = width - 1
    rules = [top, top + main + 1] + ([top + main + body + 2] if body else []) + [height - 1]
    plan.across = [(y, 0, right) for y in rules]
    plan.down = [(0, top, height - 1), (right, top, height - 1)]
    plan.regions["transport"] = Region(1, height - 2, width - 2, 1)


def _columns(width: int, live: bool) -> tuple[int, int, int]:
    left = (25 if width < 150 else 29 if width < 190 else 33) + AGES * live
    right = 30 if width < 150 else 38 if width < 190 else 44
    if width < 64:
        return (0, width - 2, 0)
    if width < WIDE:
        return (left, width - 3 - left, 0)
    return (left, width - 4 - left - right, right)


def _panels(plan: Plan, columns: tuple[int, int, int], y: int, main: int, coins: int, features: int, body: int) -> None:
    left, middle, right = columns
    if not body:
        plan.tab = ""
    plan.tabs = tuple(
        name
        for name in plan.tabs
        if not (name == "features" and right and plan.tab != "features")
        and not (name == "positions" and left and main >= 11 and plan.tab != "positions")
    )
    if body and plan.tab not in plan.tabs:
        plan.tab = "orders"
    x = 1
    if left:
        second = "positions" if main >= 11 and plan.tab != "positions" else ""
        _column(plan, x, y, left, main, "watch", second, max(3, min(coins, main - 9)))
        x += left + 1
        plan.down.append((x - 1, y - 1, y + main))
    plan.regions["chart"] = Region(x, y, middle, main)
    plan.titles.append(("chart", x, y - 1))
    if right:
        x += middle + 1
        plan.down.append((x - 1, y - 1, y + main))
        shown = [name for name in ("features", "signals") if name != plan.tab]
        if main < 9:
            shown = shown[:1]
        second = shown[1] if len(shown) > 1 else ""
        _column(plan, x, y, right, main, shown[0], second, max(3, min(features, main // 2)))


def _column(plan: Plan, x: int, y: int, width: int, main: int, first: str, second: str, rows: int) -> None:
    plan.titles.append((first, x, y - 1))
    if not second:
        plan.regions[first] = Region(x, y, width, main)
        return
    plan.regions[first] = Region(x, y, width, rows)
    plan.regions[second] = Region(x, y + rows + 1, width, main - rows - 1)
    plan.across.append((y + rows, x - 1, x + width))
    plan.titles.append((second, x, y + rows))


def _tabs(plan: Plan, width: int, y: int, body: int) -> None:
    plan.regions["tabs"] = Region(1, y, width - 2, 1)
    plan.regions[plan.tab] = Region(1, y + 1, width - 2, body)
