"""A strategy that does everything and keeps something of every kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine import Feature, MovingAverage, Signal, State
from tests.worlds import Restless


class Remembering(Feature):
    """Keeps a state of its own, and writes into rows of before as well."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.seen: list[float] = []

    def compute(self, state: State) -> State:
        self.seen = [*self.seen[-4:], state.raw.time % 97 + state.trade.equity]
        for coin in state.raw.coins:
            if len(state.raw[coin].close):
                state.features[coin, self.name] = sum(self.seen) + state.raw[coin].close[-1]
        return state


@dataclass
class Mood:
    """An object of the author's own."""

    turns: list[int] = field(default_factory=list)


class Busy(Restless):
    """Restless, with exits, histories, an object of its own, and parameters that its features follow from."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.mood = Mood()

    def features(self) -> list[Feature]:
        return [*super().features(), MovingAverage(window=self.mean + 1), Remembering(name="remembering")]

    def gen_signal(self) -> dict[str, Signal]:
        signals = super().gen_signal()
        for coin, now in self.bars():
            if self.step % 3:
                self.mood.turns = [*self.mood.turns[-3:], self.step]
                self.record(coin, "mean", now.mean)
            if self.step > 50:
                self.record(coin, "late", now.remembering)
            if coin not in signals and self.rng.random() < 0.2:
                away = 0.05 + self.rng.random() / 10
                signals[coin] = Signal.buy(
                    value=500, stop_loss=now.close - away, take_profit=now.close + away, reason=f"{away}"
                )
            elif coin not in signals and self.rng.random() < 0.1:
                signals[coin] = Signal.buy(value=300, trailing_stop_bps=20)
        return signals
