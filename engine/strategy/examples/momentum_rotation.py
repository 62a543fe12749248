"""MomentumRotation: hold the strongest coins of several, and rotate now and then."""

from __future__ import annotations

from engine.features import Feature, RateOfChange
from engine.model import CoinName, Signal, Timestamp
from engine.strategy import Strategy

NS_PER_MINUTE = 60 * 10**9


class MomentumRotation(Strategy):
    """Every `every_minutes`, hold the `hold` coins that rose most over `window` bars, if they rose at all."""

    window: int = 240
    hold: int = 1
    every_minutes: int = 60
    size: float = 0.95

    def features(self) -> list[Feature]:
        return [RateOfChange(window=self.window, name="momentum")]

    def needs_update(self, timestamp: Timestamp) -> bool:
        return timestamp % (self.every_minutes * NS_PER_MINUTE) == 0 and super().needs_update(timestamp)

    def gen_signal(self) -> dict[CoinName, Signal]:
        rows = {coin: self.now(coin) for coin in self.coins}
        rising = [coin for coin in self.coins if rows[coin].momentum > 0]
        best = sorted(rising, key=lambda coin: -rows[coin].momentum)[: self.hold]
        signals = {}
        for coin, now in rows.items():
            if now.position and coin not in best:
                signals[coin] = Signal.close(reason="no longer among the strongest")
            elif coin in best and not now.position:
                share = self.size * self.equity / self.hold
                signals[coin] = Signal.buy(value=share, reason=f"up {now.momentum:.2f} % over {self.window} bars")
        return signals
