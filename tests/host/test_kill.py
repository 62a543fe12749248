"""The engine killed with -9 at any moment, orders in flight: none is lost, none sent twice, and it soon knows where it stands.

`make chaos` kills it 500 times.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from engine.host.protocol import CancelAll, Hello, PlaceOrder
from engine.paths import user_data
from tests.host.air import Air, flying

KILLS = int(os.environ.get("TICKDECK_KILLS", "26"))
SEED = int(os.environ.get("TICKDECK_CHAOS_SEED", "1"))
MOMENTS = ("intent", "accepted", "fill", "reply", "cancel", "quiet")
"""What has just happened when the engine is killed."""


async def kill_at(its: Air, moment: str, dice: random.Random) -> None:
    """Have orders of every kind go out, and kill the engine at a moment of their way."""
    engine = its.engine
    entries = its.server.venue.log.entries
    seen = len(entries)
    number = dice.randrange(10**6)
    orders = [
        PlaceOrder(number, "AAAUSDT", "buy", "limit", "0.2", str(dice.randrange(30, 60))),
        PlaceOrder(number, "BBBUSDT", "buy", "market", "1"),
        PlaceOrder(number, "AAAUSDT", "buy", "limit", "0.3", str(dice.randrange(30, 60))),
        PlaceOrder(number, "BBBUSDT", "sell", "market", "0.5"),
        CancelAll(number, "AAAUSDT" if dice.random() < 0.5 else "BBBUSDT"),
    ]
    dice.shuffle(orders)
    nth = dice.randrange(1, 4)
    for order in orders:
        its.link.send(order)
    if moment == "cancel":
        its.link.send(CancelAll(number))
    until = time.monotonic() + 1.0
    wanted = {"accepted": "accepted", "fill": "fill", "reply": "accepted"}.get(moment)
    while wanted and time.monotonic() < until and sum(its["what"] == wanted for its in entries[seen:]) < nth:  # noqa: ASYNC110
        await asyncio.sleep(0)
    pauses = {"intent": 0.012, "reply": 0.004, "cancel": 0.03, "quiet": 0.3}
    await asyncio.sleep(dice.random() * pauses.get(moment, 0.0))
    os.kill(engine, 9)


@pytest.mark.timeout(60 + 30 * KILLS)
@pytest.mark.parametrize("half", [0, 1])
async def test_an_engine_killed_at_any_moment_loses_and_repeats_nothing(half: int, tmp_path: Path) -> None:
    dice = random.Random(SEED * 2 + half)
    moments = [moment for moment, _ in zip(MOMENTS * KILLS, range(KILLS // 2), strict=False)]
    async with flying(tmp_path, balances={"USDT": 10**6}, limits={"orders_per_10_seconds": 10**6}) as its:
        slowest = 0.0
        await its.armed()
        for n, moment in enumerate(moments):
            await kill_at(its, moment, dice)
            # so many starts in a minute would wait for the next
            for window in its.server.office.limits._weights:
                window.add(-window.used)
            await its.until(lambda n=n: len(its.hellos) == n + 2)
            since = time.monotonic()
            await its.until(lambda: its.trade is not None and its.trade.reconciled)
            slowest = max(slowest, time.monotonic() - since)
            # one that was under way is proven placed or not before anything goes out again
            await its.until(lambda: its.trade.unknown == 0)
            await its.armed()
        desk = its.desk.records
        await its.until(lambda: its.frame and len(its.frame.orders) == len(desk.open))
        positions = {row.coin[:3]: row.amount for row in its.frame.positions}  # type: ignore[union-attr]
    assert its.of(Hello)
    (path,) = (user_data() / "journals").glob(f"rehearsal-{its.account}.db")
    with sqlite3.connect(path) as journal:
        rows = [(what, cid, json.loads(body)) for what, cid, body in journal.execute("SELECT what, cid, body FROM entries")]
    journal.close()
    intents = Counter(cid for what, cid, _ in rows if what == "intent")
    ended = {cid for what, cid, body in rows if what == "proof" or (what == "outcome" and body["outcome"] == "rejected")}
    placed = Counter(order.client_id for order in desk.orders.values())
    # one may be told again with what is known for certain
    fills = {(body["trade_id"], body["amount"]) for what, _, body in rows if what == "fill"}
    assert len(placed) > KILLS // 2
    assert max(intents.values()) == max(placed.values()) == 1
    assert set(placed) <= set(intents), "an order that was never meant"
    assert set(intents) - set(placed) <= ended, "an order whose fate nobody told"
    assert fills == {(trade.id, trade.amount) for trade in desk.trades}
    assert positions == {
        coin: f"{sum(desk.balances()[coin]) / 1e8:.8f}" for coin in ("AAA", "BBB") if sum(desk.balances()[coin])
    }
    assert slowest < 3.0, "reconciled within 3 s"
