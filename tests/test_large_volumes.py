"""Every reader of volumes honours their unit, whatever it is."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine import Feature, FillRules, LocalTradeSystem, Signal, Strategy
from engine.features import Indicator
from engine.host.frames import FrameMaker, Motion
from engine.market import PushFeed
from engine.market.push import GrowingBars, UnitBar
from engine.recordings import Bars
from engine.session import prepare
from engine.state import FIELDS, State
from tests.worlds import MINUTE, START, Scripted, engine, fills_of, instrument, market

VOLUMES = [473_512_345_678, 0, 7, 92_233_720_369, 1, 10**13]


def pepe(volumes: list[int] = VOLUMES, decimals: int = 2) -> Bars:
    """Bars that stand still at 0.00001000 and trade this much."""
    price = np.full(len(volumes), 1000, np.int64)
    return Bars(
        time=START + np.arange(len(volumes)) * MINUTE,
        **dict.fromkeys(("open", "high", "low", "close"), price),
        volume=np.array(volumes, np.int64) * 10**decimals,
        interval=MINUTE,
        volume_decimals=decimals,
    )


class Watcher(Strategy):
    """Writes down the volumes it sees, each way there is to see them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[float, ...]] = []

    def features(self) -> list[Feature]:
        return [Indicator(fn="SMA", timeperiod=2, source="volume", name="mean"), Doubled()]

    def gen_signal(self) -> dict[str, Signal]:
        for coin, now in self.bars():
            self.seen.append((now.volume, float(self.state.raw[coin].volume[-1]), now.mean, now.doubled))
        return {}


class Doubled(Feature):
    name = "doubled"

    def compute(self, state: State) -> State:
        for coin, bars in state.raw.bars():
            state.features[coin, "doubled"] = 2 * bars.volume[-1]
        return state


def wanted() -> list[Any]:
    means = [float("nan"), *((a + b) / 2 for a, b in pairwise(VOLUMES))]
    return [
        pytest.approx((volume, volume, mean, 2 * volume), rel=1e-15, nan_ok=True)
        for volume, mean in zip(VOLUMES, means, strict=True)
    ]


def test_strategies_and_features_see_base_units() -> None:
    flown = engine(market({"PEPEUSDT": pepe()}, tick="0.00000001", lot=1), Watcher())
    flown.run()
    assert flown.strategy.seen == wanted()


def test_they_see_the_same_on_growing_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GrowingBars, "volume_decimals", 2)
    feed = PushFeed([instrument("PEPEUSDT", tick="0.00000001", lot=1)], MINUTE)
    pilot = Watcher()
    trade = LocalTradeSystem(strategy=pilot)
    for n, volume in enumerate(VOLUMES):
        feed.push(START + (n + 1) * MINUTE, {"PEPEUSDT": UnitBar(START + n * MINUTE, *[1000] * 4, volume * 100)})
        feed.advance(START + (n + 1) * MINUTE)
        trade.update(feed.latest)
        pilot.time_pass(trade.latest)
        pilot.stats.feature_calc()
        pilot.gen_signal()
    assert pilot.seen == wanted()


def test_longer_bars_sum_them() -> None:
    flown = engine(market({"PEPEUSDT": pepe()}, tick="0.00000001", lot=1), Watcher(), interval="3m")
    flown.run()
    assert [row[0] for row in flown.strategy.seen] == [sum(VOLUMES[:3]), sum(VOLUMES[3:])]


def test_the_watch_list_sums_a_day_of_them() -> None:
    session = prepare({}, data={"PEPEUSDT": frame_of(pepe())}, strategy=Scripted())
    from engine.loop import Engine

    flown = Engine(session.feed, session.trade, session.strategy)
    flown.run()
    frame = FrameMaker(session, flown).make(Motion(False, 1.0, 0.0), True)
    assert session.recording.bars("PEPEUSDT").volume_decimals < 8
    assert frame.watch[0].volume_24h == sum(VOLUMES)
    assert frame.chart.volume == VOLUMES


def frame_of(bars: Bars) -> Any:
    import pandas as pd

    columns = {name: bars.column(name) / (10**bars.volume_decimals if name == "volume" else 1e8) for name in FIELDS}
    return pd.DataFrame(columns, index=pd.to_datetime(bars.time))


@pytest.mark.parametrize(
    ("volume", "decimals", "share", "filled"),
    [
        # a tenth of what a bar trades, in whatever unit that is counted
        (5_000, 8, "0.1", 500),
        (5_000, 2, "0.1", 500),
        (5_000, 0, "0.1", 500),
        (9, 0, "0.1", 0),
        (10, 0, "0.1", 1),
        # more than 1e-8 units count: the most they do, 92,233,720,368, and never none
        (10**13, 2, "0.0000001", 9_223),
        (10**18, 0, "0.0000001", 9_223),
    ],
)
def test_orders_meet_them_in_the_exchange_s_unit(volume: int, decimals: int, share: str, filled: int) -> None:
    rules = FillRules(max_volume_share=int(Decimal(share).scaleb(8)))
    recording = market({"PEPEUSDT": pepe([1, volume, 1], decimals)}, tick="0.00000001", lot=1, min_notional=0)
    script = {0: Signal.buy(amount=10_000)}
    flown = engine(recording, Scripted(script), cash=10**6, max_volume_share=rules.max_volume_share)
    flown.run()
    fills = [(step, amount) for step, _, _, amount, _ in fills_of(flown)]
    assert fills == ([(1, Decimal(filled))] if filled else [])


def test_a_bar_without_volume_fills_nothing_in_any_unit() -> None:
    recording = market({"PEPEUSDT": pepe([1, 0, 10**13], 2)}, tick="0.00000001", lot=1, min_notional=0)
    flown = engine(recording, Scripted({0: Signal.buy(amount=10_000)}))
    flown.run()
    assert [(step, amount) for step, _, _, amount, _ in fills_of(flown)] == [(2, Decimal(10_000))]
