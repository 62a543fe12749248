"""A flight through a storm: alive again within seconds of the exchange, nothing missing that is not told of, replayed as flown.

TICKDECK_CHAOS says how many blows there are (`make chaos`: 200), TICKDECK_CHAOS_SEED which.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from engine import backtest, seam
from engine.binance.feed import BinanceFeed
from engine.config import SessionConfig
from engine.flight import fly
from engine.host.pilot import Pilot
from engine.recordings import open_recording, verify
from engine.recordings.bars import stamp
from engine.recordings.capture.segments import segments_of
from engine.recordings.manifest import load
from engine.rehearsal.server import RehearsalServer
from engine.rehearsal.settings import RehearsalSettings
from tests.binance.storm import BLOWS, CUTS, Storm
from tests.test_flight import Cross, decisions
from tests.worlds import MINUTE, START, market, walk

BLOWN = int(os.environ.get("TICKDECK_CHAOS", "20"))
SEED = int(os.environ.get("TICKDECK_CHAOS_SEED", "1"))
SPEED = 60
STALE_S = 1
HISTORY = 100
COINS = {name: walk(HISTORY + 200 + 12 * BLOWN, n, price=100 // n) for n, name in enumerate(("AAAUSDT", "BBBUSDT"), 1)}
ALIVE_WITHIN_S = 10.0


class Flight:
    """A pilot that flies, its machine's clock, and how its feed fares."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.pilot = Pilot(session)
        self.asleep = 0
        self.flying: asyncio.Task[None] | None = None
        self.feed: BinanceFeed = session.feed
        self.feed.client.clock._wall = lambda: seam.wall_ns() + self.asleep

    def sleep(self, seconds: float) -> None:
        self.asleep += int(seconds * 10**9)

    async def fly(self) -> None:
        while True:
            self.pilot.advance()
            await asyncio.sleep(0.01)

    @property
    def well(self) -> bool:
        health = self.feed.health
        return health.alive and all(coin.age_s < STALE_S / 2 for coin in health.coins)

    def is_well_since(self, messages: int, connects: int) -> bool:
        """Whether more came than so many messages, by so many connections at least; raises what the flight ended with."""
        if self.flying is not None and self.flying.done():
            self.flying.result()
        counters = self.feed.socket.counters
        return self.well and counters.messages > messages and counters.connects >= connects

    @property
    def owed(self) -> list[Any]:
        """What the feed still asks for."""
        return [(its.name, its.owes, its.missing) for its in self.feed._live.values() if its.owes is not None or its.missing]

    @property
    def shown_stale(self) -> bool:
        health = self.feed.health
        return not health.alive or any(coin.stale for coin in health.coins)


async def took(true: Callable[[], Any], seconds: float, what: str) -> float:
    """Wait until something is so; return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:g} s"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


@pytest.mark.timeout(120 + 12 * BLOWN)
async def test_a_flight_through_a_storm(tmp_path: Path) -> None:
    tables = {"recording": "memory", "begin": stamp(START + HISTORY * MINUTE), "speed": SPEED}
    server = RehearsalServer(RehearsalSettings.from_dict(tables), market(COINS))
    await server.start()
    into = tmp_path / "flown"
    live = {"url": server.addresses.rest, "speed": SPEED, "history": 30, "into": str(into), "stale_s": STALE_S}
    live["streams"] = ["kline", "trade", "bookTicker", "depth"]
    tables = {"mode": "paper", "coins": list(COINS), "strategy": {"use": f"{__file__}:Cross"}, "binance": live}
    waits: dict[str, list[float]] = {}
    try:
        async with fly(SessionConfig.from_dict(tables)) as session:
            flight = Flight(session)
            flying = flight.flying = asyncio.create_task(flight.fly())
            storm = Storm(server, flight.sleep, SEED)
            await took(lambda: flight.well, 30, "the beginning")
            for n in range(BLOWN):
                heard, connects = flight.feed.socket.counters.messages, flight.feed.socket.counters.connects
                name = await storm.blow()
                if name == "stall":
                    await took(lambda: flight.shown_stale, STALE_S + 2, f"blow {n}, a stall shown")
                connects += name in CUTS
                again = await took(
                    partial(flight.is_well_since, heard, connects), ALIVE_WITHIN_S, f"blow {n}, {name} (seed {SEED})"
                )
                waits.setdefault(name, []).append(again)
            try:
                await took(lambda: not flight.owed, 70, "the end, which may wait for the next minute of requests")
            except AssertionError:
                pytest.fail(f"still owed: {flight.owed}; {flight.feed.health}")
            await asyncio.sleep(2.5)
            flying.cancel()
            await asyncio.gather(flying, return_exceptions=True)
            health, holes = flight.feed.health, list(flight.feed._mending.holes)
            flown, last = decisions(session.trade, session.feed.times), session.feed.latest.time
            begin = datetime.fromtimestamp(session.begin / 1e9, UTC).isoformat()
    finally:
        await server.stop()
    async with asyncio.timeout(60):
        while segments_of(into):  # noqa: ASYNC110 - another process seals
            await asyncio.sleep(0.05)
    slowest = {name: f"{max(its):.2f}" for name, its in sorted(waits.items())}
    print(f"\n{BLOWN} blows, seed {SEED}: alive again after s at most {slowest}")
    print(f"reconnects {health.reconnects}, bad frames {health.bad}, late bars {health.late}, holes {len(holes)}")

    assert set(storm.blown) == set(BLOWS) or len(BLOWS) > BLOWN
    assert health.failure == ""
    assert verify(into) == []
    _nothing_is_missing_that_is_not_told_of(into, holes)
    _bars_are_the_exchange_s(into, holes)
    assert len(flown[0]) > BLOWN // 3
    result = backtest({"recording": str(into), "begin": begin, "strategy": {"use": f"{__file__}:Cross"}})
    replayed = decisions(result.trade, result.session.feed.times)
    assert [[its for its in part if its[0] <= last] for part in replayed] == flown


def _nothing_is_missing_that_is_not_told_of(into: Path, holes: list[Any]) -> None:
    """Trades are contiguous by id but for the holes, and the recording has the holes as they were told."""
    (capture,) = load(into).captures or ()
    assert [(its.coin, its.kind, its.first, its.last) for its in capture.gaps] == [tuple(hole) for hole in holes]
    for coin in COINS:
        ids = {id for file in into.glob(f"{coin}.trades.*.parquet") for id in pq.read_table(file)["id"].to_pylist()}
        lost = {id for hole in holes if (hole.coin, hole.kind) == (coin, "trades") for id in range(hole.first, hole.last + 1)}
        assert len(ids) > 20
        assert set(range(min(ids), max(ids) + 1)) == ids | lost
        assert not ids & lost


def _bars_are_the_exchange_s(into: Path, holes: list[Any]) -> None:
    for coin, truth in COINS.items():
        bars = open_recording(into).bars(coin)
        rows = ((bars.time - START) // MINUTE).tolist()
        for name in ("open", "high", "low", "close", "volume"):
            assert getattr(bars, name).tolist() == getattr(truth, name)[rows].tolist(), (coin, name)
        lost = {
            time
            for hole in holes
            if (hole.coin, hole.kind) == (coin, "klines")
            for time in range(hole.first, hole.last + 1, MINUTE)
        }
        assert set(range(rows[0], rows[-1] + 1)) - set(rows) == {(time - START) // MINUTE for time in lost}


__all__ = ["Cross"]
