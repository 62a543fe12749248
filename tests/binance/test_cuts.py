"""The account's stream cut again and again while orders fill: not a fill is missing."""

from __future__ import annotations

import os
from pathlib import Path

from engine.recordings.bars import stamp
from tests.binance.cockpit import cockpit
from tests.rehearsal.hall import until
from tests.worlds import MINUTE, START, candles, market

CUTS = int(os.environ.get("TICKDECK_CHAOS", "20"))
ENDS = (1006, 1001, 1012, 1000)


async def test_not_a_fill_is_missing_however_often_the_stream_is_cut(tmp_path: Path) -> None:
    # every bar goes through all the prices that are ordered at
    bars = {"AAAUSDT": candles([(100, 110, 90, 100)] * (2 * CUTS + 40))}
    account = [{"name": "main", "balances": {"USDT": 100_000, "AAA": 1000}}]
    settings = {"begin": stamp(START + 10 * MINUTE), "accounts": account, "limits": {"weight_per_minute": 10**6}}
    async with cockpit(market(bars), tmp_path / "j.db", **settings) as its:
        trade = its.trade
        for n in range(CUTS):
            before = its.ledger.socket.counters.connects
            await until(lambda: not trade.safety.trouble())
            if trade.disarmed:
                trade.arm()
            for price in (95, 96, 97):
                trade.place_order("AAAUSDT", 1, price)
            assert not trade.account.order(trade.exchange.n_orders - 1).refusal
            await its.settled()
            lines = list(its.hall.lines.open)
            if n % 2:
                its.hall.wait(MINUTE)
            for line in lines:
                line.outbox.close(ENDS[n % len(ENDS)])
            its.hall.wait(MINUTE)
            await until(lambda before=before: its.ledger.socket.counters.connects > before and its.ledger.alive)
        await its.agrees()
        assert its.ledger.socket.counters.reconnects >= CUTS
        assert len(trade.account.fills) == len(its.desk.records.trades) == 3 * CUTS
        assert not trade.lives.unsettled
