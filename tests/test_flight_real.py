"""A flight with real orders in this process: what it records, and who may not fly it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engine.binance.keys import Keys, Secret
from engine.config import SessionConfig
from engine.errors import ExchangeError, JournalError
from engine.flight.real import fly_for_real
from engine.recordings.capture import seal
from tests.canary import API_SECRET
from tests.host.air import exchange, put_keys
from tests.rehearsal.hall import until


def settings(rest: str, folder: Path) -> SessionConfig:
    live = {"url": rest, "speed": 60, "history": 20, "into": str(folder)}
    return SessionConfig.from_dict({"mode": "rehearsal", "coins": ["AAAUSDT"], "binance": live})


async def test_what_the_account_is_told_is_recorded_with_the_prices(tmp_path: Path) -> None:
    key = put_keys()
    server = exchange(key)
    await server.start()
    keys = Keys(Secret(key), Secret(API_SECRET), None)
    folder = tmp_path / "flown"
    try:
        async with fly_for_real(settings(server.addresses.rest, folder), keys) as flight:
            await until(lambda: flight.ledger.reconciled and flight.ledger.alive)
            while flight.session.feed.pump():
                flight.session.feed.advance(flight.session.feed.upcoming(1)[0])
            flight.trade.arm()
            flight.trade.place_order("AAAUSDT", 1)
            await until(lambda: flight.trade.account.exchange.n_fills == 1)
            with pytest.raises(JournalError, match="another engine trades on this account"):
                async with fly_for_real(settings(server.addresses.rest, tmp_path / "other"), keys):
                    raise AssertionError
    finally:
        await server.stop()
    await asyncio.to_thread(seal, folder)
    (table,) = (pq.read_table(path).to_pylist() for path in folder.glob("account.*.parquet"))
    kinds = [row["event"] for row in table]
    assert {"executionReport", "outboundAccountPosition"} <= set(kinds)
    assert all(key.encode() not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert any(json.loads(row["text"]).get("x") == "TRADE" for row in table)


async def test_a_key_that_could_withdraw_flies_nothing(tmp_path: Path) -> None:
    key = put_keys()
    account = {"name": "main", "api_key": key, "api_secret": API_SECRET, "restrictions": {"enableWithdrawals": True}}
    server = exchange(key, accounts=[account])
    await server.start()
    keys = Keys(Secret(key), Secret(API_SECRET), None)
    try:
        with pytest.raises(ExchangeError, match="withdraw"):
            async with fly_for_real(settings(server.addresses.rest, tmp_path / "flown"), keys):
                raise AssertionError
    finally:
        await server.stop()
