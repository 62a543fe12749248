"""A flight on paper against a rehearsal, recorded under cuts; and the replay of what was recorded, decision for decision."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from engine import Feature, MovingAverage, Signal, Strategy, backtest
from engine.config import SessionConfig
from engine.flight import fly
from engine.host.pilot import Pilot
from engine.recordings import open_recording
from engine.recordings.bars import stamp
from engine.recordings.capture.segments import segments_of
from engine.rehearsal.server import RehearsalServer
from engine.rehearsal.settings import RehearsalSettings
from tests.worlds import MINUTE, START, market, walk

COINS = {"AAAUSDT": walk(600, 1), "BBBUSDT": walk(600, 2, price=20)}
SPEED = 600
BARS = 60


class Cross(Strategy):
    """Buys above its average, sells below."""

    window: int = 5

    def features(self) -> list[Feature]:
        return [MovingAverage(window=self.window, name="mean")]

    def gen_signal(self) -> dict[str, Signal]:
        signals = {}
        for coin, now in self.bars():
            if now.close > now.mean and not now.position:
                signals[coin] = Signal.buy(value=1000, reason="above")
            elif now.close < now.mean and now.position:
                signals[coin] = Signal.close(reason="below")
        return signals


def settings(url: str, into: Path) -> SessionConfig:
    return SessionConfig.from_dict(
        {
            "mode": "paper",
            "coins": list(COINS),
            "strategy": {"use": f"{__file__}:Cross"},
            "binance": {"url": url, "speed": SPEED, "history": 30, "into": str(into), "bar_grace_ms": 50},
        }
    )


def decisions(trade: Any, times: Any) -> list[Any]:
    """Every signal with its time, and every fill to the last digit."""
    signals = [(int(times[note.step]), note.coin, note.kind, note.reason, note.outcome) for note in trade.signals]
    fills = [(fill.time, fill.coin, fill.side, fill.amount, fill.price, fill.fee, fill.cash) for fill in trade.account.fills]
    return [signals, fills]


async def test_an_hour_on_paper_captured_under_cuts_replays_decision_for_decision(tmp_path: Path) -> None:
    tables = {"recording": "memory", "begin": stamp(START + 100 * MINUTE), "speed": SPEED}
    server = RehearsalServer(RehearsalSettings.from_dict(tables), market(COINS))
    await server.start()
    folder = tmp_path / "flown"
    try:
        async with fly(settings(server.addresses.rest, folder)) as session:
            pilot = Pilot(session)
            warm = len(session.feed)
            cuts = 0
            async with asyncio.timeout(60):
                while len(session.feed) < warm + BARS:
                    pilot.advance()
                    await asyncio.sleep(0.01)
                    if cuts < 3 and (len(session.feed) - warm) // 15 > cuts:
                        cuts += 1
                        for line in list(server.lines.open):
                            line.outbox.close(1012, "")
            health = session.feed.health
            flown = decisions(session.trade, session.feed.times)
            means = [frame.column("mean").copy() for frame in session.strategy.stats.features.frames]
            begin = datetime.fromtimestamp(session.begin / 1e9, UTC)
            last = session.feed.latest.time
    finally:
        await server.stop()
    async with asyncio.timeout(30):
        while segments_of(folder):  # noqa: ASYNC110 - another process seals
            await asyncio.sleep(0.05)
    assert health.reconnects == cuts == 3
    assert len(flown[0]) > 10
    assert health.failure == ""

    recording = open_recording(folder)
    assert recording.coins == tuple(COINS)
    assert recording.synthetic
    result = backtest({"recording": str(folder), "begin": begin.isoformat(), "strategy": {"use": f"{__file__}:Cross"}})
    replayed = decisions(result.trade, result.session.feed.times)
    until = [[its for its in part if its[0] <= last] for part in replayed]
    assert until[0] == flown[0]
    assert until[1] == flown[1]
    for mean, frame in zip(means, result.session.strategy.stats.features.frames, strict=True):
        rows = min(len(mean), len(frame.column("mean")))
        np.testing.assert_array_equal(mean[: rows - 5], frame.column("mean")[: rows - 5])


async def test_a_flight_that_is_not_to_be_recorded_writes_nothing(tmp_path: Path) -> None:
    tables = {"recording": "memory", "begin": stamp(START + 100 * MINUTE), "speed": SPEED}
    server = RehearsalServer(RehearsalSettings.from_dict(tables), market(COINS))
    await server.start()
    try:
        quiet = settings(server.addresses.rest, tmp_path / "nothing").with_overrides({"binance.capture": "false"})
        async with fly(quiet) as session:
            assert len(session.feed.upcoming(None)) >= 100, "a day, or all there is"
        assert not (tmp_path / "nothing").exists()
    finally:
        await server.stop()
