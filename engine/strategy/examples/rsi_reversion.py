"""RsiReversion: mean reversion with limit entries and a protective stop."""

from __future__ import annotations

from typing import Any

from engine.features import RSI, Feature
from engine.model import CoinName, Signal
from engine.strategy import Strategy


class RsiReversion(Strategy):
    """Bid below the market while RSI says oversold, and leave when it has recovered.

    The entry is a limit `offset_pct` under the close, withdrawn after `patience` bars; the exit is at market.
    """

    period: int = 14
    low: float = 30.0
    high: float = 55.0
    offset_pct: float = 0.05
    patience: int = 10
    size: float = 0.95

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.bid_at: dict[CoinName, int] = {}

    def features(self) -> list[Feature]:
        return [RSI(window=self.period, name="rsi")]

    def gen_signal(self) -> dict[CoinName, Signal]:
        signals = {}
        for coin, now in self.bars():
            if now.position:
                if now.rsi > self.high:
                    signals[coin] = Signal.close(reason=f"rsi has recovered to {now.rsi:.0f}")
            elif now.rsi < self.low:
                self.bid_at.setdefault(coin, self.step)
                signals[coin] = Signal.buy(
                    value=self.size * self.equity / self.n_coins,
                    price=now.close * (1 - self.offset_pct / 100),
                    reason=f"rsi has fallen to {now.rsi:.0f}",
                )
            if self.step - self.bid_at.get(coin, self.step) >= self.patience:
                del self.bid_at[coin]
                if not now.position:
                    signals[coin] = Signal.cancel(reason=f"no fill within {self.patience} bars")
        return signals
