"""Conditions on real BTC and ETH, against an independent reference's fills and pandas: every trade, every cross, both ways."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from engine import Engine
from engine.breakpoints import Breakpoint
from engine.breakpoints.lookout import Lookout
from engine.explain import explain
from engine.recordings import import_files
from engine.session import prepare


@pytest.fixture(scope="module")
def engine(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The flight of the oracle that is told of below, before its first step."""
    folder = tmp_path_factory.mktemp("real") / "btc-eth-2025"
    for name, lot in (("BTC_USDT-1m.csv.gz", "0.00001"), ("ETH_USDT-1m.csv.gz", "0.0001")):
        import_files([data / "klines" / "spot-1m-2025-05_08" / name], folder, tick="0.01", lot=lot, min_notional="5")
    session = prepare(
        {
            "recording": str(folder),
            "strategy": {"use": "engine.strategy.examples:SmaCross", "params": {"fast": 50, "slow": 200, "size": 0.9}},
            "account": {"cash": {"USDT": 100_000}},
            "fills": {"fee_asset": "quote", "maker_bps": 10, "taker_bps": 10},
        }
    )
    return Engine(session.feed, session.trade, session.strategy)


def stops(engine: Engine, text: str, coin: str = "", *, back: bool = False) -> list[int]:
    lookout, steps = Lookout(engine, [Breakpoint(text, coin=coin)]), []
    while (stop := lookout.back() if back else lookout.forward()).hits:
        steps.append(stop.step)
    return steps


def test_the_oracle_s_fills_are_stopped_at_both_ways(data: Path, engine: Engine) -> None:
    *lines, _ = (data / "oracles" / "sma_cross_btcusdt_ethusdt_quote.csv").read_text().splitlines()
    rows = list(csv.DictReader(lines))
    sells = [int(row["step"]) for row in rows if (row["coin"], row["side"]) == ("ETHUSDT", "sell")]
    assert len(sells) > 200
    engine.seek(-1)
    assert stops(engine, "filled('sell')", "ETHUSDT") == sells
    assert stops(engine, "closed", "ETHUSDT", back=True) == sells[::-1]
    paid: dict[str, float] = {}
    lost = set()
    for row in rows:
        amount, price, fee = (float(row[name]) for name in ("amount", "price", "fee"))
        if row["side"] == "buy":
            paid[row["coin"]] = amount * price + fee
        elif amount * price - fee <= paid[row["coin"]]:
            lost.add(int(row["step"]))
    engine.seek(-1)
    stop = Lookout(engine, [Breakpoint("lost")]).forward()
    assert stop.step == min(lost)
    why = explain(engine, stop.step)
    assert [(order.what, order.why) for order in why.orders if order.order.side == "sell"] == [("filled", "at the bar's open")]
    before = explain(engine, stop.step - 1)
    assert any(signal.signal.reason == "fast below slow" for signal in before.signals)
    assert stops(engine, "lost") == sorted(lost - {stop.step})


def test_crosses_are_those_of_plain_arrays(engine: Engine) -> None:
    times = engine.raw.latest.times
    assert times is not None
    engine.seek(len(times) - 1)
    close = engine.raw.latest["BTCUSDT"].close
    fast, slow = (np.convolve(close, np.ones(n) / n, "valid")[200 - n :] for n in (50, 200))
    apart = np.sign(np.round(fast - slow, 9))
    expected = 200 + np.flatnonzero((apart[1:] > 0) & (apart[:-1] <= 0))
    found = stops(engine, "crosses_above(fast, slow)", "BTCUSDT", back=True)[::-1]
    assert found == expected.tolist()
