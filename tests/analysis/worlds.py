"""Busy runs whose books the tests go through: two coins with gaps, pairs over another asset, fees of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine import Recording, Signal, Strategy
from engine.loop import Engine
from tests.worlds import Restless, engine, instrument, market, walk

PLAIN = {"USDT": 10_000}
CROSS = {"USDT": 10_000_000, "BTC": 2000}
WITH_BNB = {"USDT": 10_000, "BNB": 3}


class Cross(Strategy):
    """Trades three coins by turns, in and out."""

    def gen_signal(self) -> dict[str, Signal]:
        coin = self.coins[self.step // 3 % 3]
        return {coin: (Signal.buy(amount=500), Signal.close(), Signal.buy(amount=250))[self.step % 3]}


def busy(rows: int = 600, *, fee_asset: str = "received", cash: Any = PLAIN, adopt: Any = None, interval: str = "1m") -> Engine:
    """Two coins with gaps, traded with all kinds of orders, and BNB beside them; flown."""
    kinds: dict[str, Any] = {"AAAUSDT": {"seed": 11, "keep": 0.8}, "BBBUSDT": {"seed": 12, "price": 20, "keep": 0.9}}
    bars = {coin: walk(rows, interval=interval, **its) for coin, its in (kinds | {"BNBUSDT": {"seed": 13}}).items()}
    rules = {"slippage": 50_000, "max_volume_share": 20_000_000, "maker": 50_000, "fee_asset": fee_asset}
    coins = list(bars) if fee_asset == "bnb" else list(bars)[:2]
    flown = engine(market(bars), Restless(), coins=coins, cash=cash, adopt=adopt, **rules)
    flown.run()
    assert flown.halted is None
    return flown


def cross(order: Sequence[str] = ("BTCUSDT", "ETHBTC", "ETHUSDT"), rows: int = 200, interval: str = "1m") -> Engine:
    """A pair quoted in an asset that is itself traded; flown."""
    its = {its.coin: its for its in (instrument(name, min_notional=0) for name in ("BTC/USDT", "ETH/BTC", "ETH/USDT"))}
    kinds = {"BTCUSDT": (1, 1000), "ETHBTC": (2, 1), "ETHUSDT": (3, 100)}
    bars = {coin: walk(rows, seed, price=price, interval=interval) for coin, (seed, price) in kinds.items()}
    recording = Recording.from_bars({coin: bars[coin] for coin in order}, its)
    flown = engine(recording, Cross(), cash=CROSS)
    flown.run()
    assert flown.halted is None
    return flown
