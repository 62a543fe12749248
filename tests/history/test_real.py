"""On real markets, too, whatever is done in whatever order, every step is what it is when flown there from the start."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest

from engine import Engine, Feature
from engine.recordings import import_files
from engine.session import prepare
from tests.history.busy import Remembering
from tests.history.flights import Action, act, shown, slowly
from tests.worlds import Restless


class Trader(Restless):
    """Restless on real coins, seldom enough for long flights."""

    eager: float = 0.02

    def features(self) -> list[Feature]:
        return [*super().features(), Remembering(name="remembering")]


@pytest.fixture(scope="module")
def recording(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BTC and ETH with real gaps."""
    folder = tmp_path_factory.mktemp("real") / "btc-eth"
    for name, lot in (("BTC_USDT-1m.csv.gz", "0.00001"), ("ETH_USDT-1m.csv.gz", "0.0001")):
        import_files([data / "klines" / "spot-1m-2025-05_08" / name], folder, tick="0.01", lot=lot, min_notional="5")
    return folder


def flight(recording: Path, memory: int = 2**28) -> Engine:
    config = {
        "recording": str(recording),
        "coins": ["BTCUSDT", "ETHUSDT"],
        "interval": "5m",
        "account": {"cash": {"USDT": 100_000}},
        "fills": {"slippage_bps": 1},
        "risk": {"max_daily_loss_pct": 1, "max_orders_per_minute": 3},
        "strategy": {"use": f"{__file__}:Trader"},
    }
    session = prepare(config)
    return Engine(session.feed, session.trade, session.strategy, session.begin, memory=memory)


def by_hand(dice: random.Random, orders: int) -> Action:
    coin, price = dice.choice((("BTCUSDT", 105_000), ("ETHUSDT", 2_600)))
    amount = dice.choice((1, -1)) * dice.choice((0.01, 0.1))
    return dice.choice(
        (
            ("place_order", (coin, amount), {}),
            ("place_order", (coin, amount, price), {}),
            ("place_order", (coin, abs(amount)), {"trailing_stop_bps": 40}),
            ("cancel", (dice.randrange(orders + 1),), {}),
            ("set_parameters", (), {"mean": dice.randrange(2, 30)}),
        )
    )


@pytest.mark.parametrize("seed", range(3))
def test_every_way_to_a_step_comes_to_the_same(recording: Path, seed: int) -> None:
    dice = random.Random(seed)
    flown = flight(recording)
    log: list[tuple[int, Action]] = []
    last = len(flown.history.world.feed) - 1
    step = dice.randrange(3000, 12_000)
    flown.seek(step)
    for turn in range(5):
        for _ in range(40):
            at = dice.randrange(max(step - 3000, 0), min(step + 3000, last))
            flown.seek(at)
            flown.step_back()
            flown.run(dice.randrange(30))
        step = dice.randrange(max(step - 1500, 0), min(step + 1500, last))
        flown.seek(step)
        action = by_hand(dice, flown.trade.exchange.n_orders)
        if act(flown, action):
            log = [(at, done) for at, done in log if at <= step] + [(step, action)]
        assert shown(flown) == slowly(partial(flight, recording, 0), step, log), (turn, step)
        flown.run(dice.randrange(200))
    assert flown.history.warnings == []
