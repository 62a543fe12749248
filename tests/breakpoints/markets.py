"""Busy little runs to break into."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import RSI, Engine, Feature, Indicator, Signal
from tests.worlds import Restless, candles, engine, market, walk

LABELS = ("mean", "spread_3", "rsi", "macd.signal")


class Busy(Restless):
    """Restless, with exits under some entries, orders too large to pay, and more features."""

    def features(self) -> list[Feature]:
        return [
            *super().features(),
            RSI(window=5, name="rsi"),
            Indicator(fn="MACD", fastperiod=3, slowperiod=6, signalperiod=3, name="macd"),
        ]

    def gen_signal(self) -> dict[str, Signal]:
        signals = super().gen_signal()
        for coin, signal in signals.items():
            if signal.kind == "buy" and signal.price is None and signal.stop is None and self.rng.random() < 0.5:
                close = self.now(coin).close
                signals[coin] = Signal.buy(
                    amount=9 if self.rng.random() < 0.5 else 400, stop_loss=0.9 * close, take_profit=1.1 * close
                )
        return signals


def busy(seed: int = 0, rows: int = 150, interval: str | None = None, **rules: Any) -> Callable[[], Engine]:
    """What makes a run anew: two coins with gaps, everything that can happen to an order."""
    recording = market({"AAAUSDT": walk(rows, 2 * seed, keep=0.8), "BBBUSDT": walk(rows, 2 * seed + 1, price=20, keep=0.9)})
    rules = {"slippage": 50_000, "max_volume_share": 20_000_000, "maker": 50_000} | rules
    return lambda: engine(recording, Busy(), interval=interval, **rules)


def single(seed: int = 0, rows: int = 150) -> Callable[[], Engine]:
    """A run of one coin whose bars are the steps."""
    recording = market(walk(rows, seed))
    return lambda: engine(recording, Busy())


def still(prices: list[Any], strategy: Any = None) -> Engine:
    """An engine on bars that stand still at these prices."""
    return engine(market(candles(prices)), strategy)
