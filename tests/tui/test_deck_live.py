"""The deck on live prices: how the feed fares, what is stale and what of it."""

from __future__ import annotations

from typing import Any

import pytest
from fake_link import FakeLink, flying, screen_text, settle
from fake_world import World
from textual.pilot import Pilot

from engine.host import protocol as p
from tui.feedline import age_text, pieces, trouble_of


def live(**changes: Any) -> FakeLink:
    world = World()
    world.go_live(**changes)
    return FakeLink(world)


async def show(link: FakeLink, pilot: Pilot[int], **changes: Any) -> None:
    """Show the live market with changes to how its feed fares."""
    link.world.go_live(**changes)
    link.show(link.world.frame())
    await settle(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_it_tells_how_the_feed_fares(size: tuple[int, int]) -> None:
    async with flying(live(), size=size) as (app, _, pilot):
        app.deck.tell_lag(7)
        await settle(pilot)
        screen = screen_text(app)
        assert screen[0].startswith(" PAPER ")
        told = " ".join(screen[-2].split())
        assert "● live age 2.3s late 43 ms lag 7 ms weight 7 % clock -12 ms cuts 1" in told
        for coin, age in (("BTC", "0.3s"), ("ETH", "1.3s"), ("SOL", "2.3s")):
            line = next(line for line in screen[2:5] if line.startswith(f"│ {coin} "))
            assert line.split("│")[1].split()[-1] == age


async def test_it_has_no_keys_of_time() -> None:
    async with flying(live()) as (app, link, pilot):
        hints = screen_text(app)[-1]
        assert "step" not in hints
        assert "b buy" in hints
        link.sent.clear()
        await pilot.press("b", "escape", "tab", "o")
        await settle(pilot)
        assert all(isinstance(command, p.Watch) for command in link.sent)


async def test_stale_is_unmistakable_and_goes() -> None:
    async with flying(live()) as (app, link, pilot):
        assert "STALE" not in "\n".join(screen_text(app))
        await show(link, pilot, coins=link.world.stale(0.2, 16.0, 21.0))
        screen = screen_text(app)
        assert screen[1].startswith(" STALE  no data: ETHUSDT 16s, SOLUSDT 21s")
        assert screen[1].rstrip().endswith("prices shown are old")
        assert "× STALE" in screen[-2]
        await show(
            link, pilot, alive=False, coins=link.world.stale(3.0, 3.1, 3.2), waits_for="banned by the exchange, 118 s left"
        )
        screen = screen_text(app)
        assert screen[1].startswith(" STALE  no connection, trying again; banned by the exchange, 118 s left")
        await show(link, pilot)
        assert "STALE" not in "\n".join(screen_text(app))


async def test_what_is_not_recorded_or_not_traded_is_told() -> None:
    async with flying(live(failure="the disk is full")) as (app, link, pilot):
        assert "NOT RECORDED" in screen_text(app)[-2]
        halted = [p.FeedCoin("BTCUSDT", 0.1, 40.0, False), p.FeedCoin("ETHUSDT", 0.1, 40.0, False, "HALT")]
        await show(link, pilot, coins=halted)
        assert screen_text(app)[1].startswith(" NOT TRADED  the exchange says ETHUSDT HALT")


async def test_an_engine_that_is_gone_comes_before_a_feed_that_is_stale() -> None:
    async with flying(live()) as (app, link, pilot):
        await show(link, pilot, alive=False)
        link.die()
        await settle(pilot)
        screen = screen_text(app)
        assert screen[1].startswith(" ENGINE GONE ")
        assert "× gone" in screen[-2]


def test_ages_take_four_characters() -> None:
    ages = (0.04, 9.94, 9.96, 99.4, 99.6, 5969.0, 5971.0, 28_800.0, 1e9, float("nan"), -1e300)
    assert [age_text(age) for age in ages] == ["0.0s", "9.9s", "10s", "99s", "2m", "99m", "2h", "8h", "old", "–", "–"]


def test_of_many_stale_coins_some_are_named() -> None:
    world = World()
    world.go_live(coins=[p.FeedCoin(f"C{n}", 20.0, 0.0, True) for n in range(7)])
    assert world.feed is not None
    assert trouble_of(world.feed)[1] == "no data: C0 20s, C1 20s, C2 20s, C3 20s and 3 more"


@pytest.mark.parametrize("width", range(20, 200, 7))
def test_the_line_fits_and_begins_with_what_counts(width: int) -> None:
    world = World()
    world.go_live(failure="the disk is full", waits_for="the exchange asks to wait, 42 s left")
    assert world.feed is not None
    told = pieces(world.feed, 3.0, width)
    assert [text.strip() for text, _, _ in told[:3]] == ["● live", "age 2.3s", "NOT RECORDED"]
    if width > 80:
        assert sum(len(text) for text, _, _ in told) <= width
