"""SmaCross: the reference strategy."""

from __future__ import annotations

from engine.features import Feature, MovingAverage
from engine.model import CoinName, Signal
from engine.strategy import Strategy


class SmaCross(Strategy):
    """Long while the fast average is above the slow one, with an equal share of the equity for each coin.

    Averages are TA-Lib's SMA of closes. Buys are at market and worth `size * equity / coins`, sells are everything.
    """

    fast: int = 50
    slow: int = 200
    size: float = 0.99

    def features(self) -> list[Feature]:
        return [MovingAverage(window=self.fast, name="fast"), MovingAverage(window=self.slow, name="slow")]

    def gen_signal(self) -> dict[CoinName, Signal]:
        signals = {}
        for coin, now in self.bars():
            fast, slow = now.fast, now.slow
            if fast > slow and not now.position:
                signals[coin] = Signal.buy(value=self.size * self.equity / self.n_coins, reason="fast above slow")
            elif fast < slow and now.position:
                signals[coin] = Signal.close(reason="fast below slow")
        return signals
