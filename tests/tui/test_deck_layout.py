"""Where the deck's panels are once the engine has greeted, in a terminal that is never resized."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fake_link import FakeLink, flying, screen_text, settle
from fake_world import World

from engine.host import protocol as p


class Market(World):
    """A market of so many coins and features."""

    def __init__(self, coins: int, features: int) -> None:
        super().__init__()
        self.names = ["BTCUSDT", *(f"C{n}USDT" for n in range(1, coins))]
        self.labels = [f"f{n}" for n in range(features)]

    def hello(self) -> p.Hello:
        hello = super().hello()
        infos = [msgspec.structs.replace(hello.coins[0], coin=name, base=name.removesuffix("USDT")) for name in self.names]
        return msgspec.structs.replace(hello, coins=infos, features=self.labels)

    def frame(self) -> p.Frame:
        frame = super().frame()
        changes: dict[str, Any] = {
            "watch": [msgspec.structs.replace(frame.watch[0], coin=name) for name in self.names],
            "features": [msgspec.structs.replace(frame.features[0], name=name) for name in self.labels],
        }
        return msgspec.structs.replace(frame, **changes)


@pytest.mark.parametrize(
    ("coins", "features", "size"),
    [(1, 1, (120, 40)), (4, 4, (80, 24)), (4, 4, (120, 40)), (10, 9, (120, 40)), (10, 2, (200, 60))],
)
async def test_every_coin_and_title_is_there_from_the_start(coins: int, features: int, size: tuple[int, int]) -> None:
    market = Market(coins, features)
    link = FakeLink(market, greet=False)
    async with flying(link, size=size) as (app, _, pilot):
        link.put(market.hello())
        link.show(market.frame())
        await settle(pilot)

        def misplaced() -> list[str]:
            board = app.deck.board
            shown = "\n".join(screen_text(app))
            wrong = [name for name, region in board.plan.regions.items() if app.deck.query_one(f"#{name}").region != region]
            wrong += [name for name, _, _ in board.plan.titles if name != "chart" and f"─ {name.capitalize()} ─" not in shown]
            rows = [*market.labels, *(name.removesuffix("USDT") for name in market.names)] if size != (80, 24) else []
            return [*wrong, *(row for row in rows if f" {row} " not in shown)]

        for _ in range(100):
            if not misplaced():
                break
            await pilot.pause(0.02)
        assert misplaced() == []
