"""The deadline: a strategy that takes too long over a step is interrupted, so that its orders go on being looked after."""

from __future__ import annotations

import signal
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from engine.errors import StrategyError
from engine.loop import Engine, Feed
from engine.model import CoinName, Timestamp
from engine.strategy import Strategy
from engine.strategy.standins import Grounded, Warming
from engine.trading.system import TradeSystem


class TimedEngine(Engine):
    """An engine whose strategy may take so many seconds over each of its parts of a step; runs in the main thread alone.

    From the time `began` to `begin` the strategy is asked, and what it wants is let go by: so it comes to remember what it did
    when it flew before. What holds the interpreter without letting go cannot be interrupted from here.
    """

    # a flight's signals are events to its host, never exceptions
    lets_by = ()

    def __init__(
        self, raw: Feed, trade: TradeSystem, strategy: Strategy, begin: Timestamp, began: Timestamp, seconds: float
    ) -> None:
        super().__init__(raw, trade, strategy, begin)
        self.seconds = seconds
        self._began = began
        signal.signal(signal.SIGALRM, self._interrupt)

    def _fly(self, strategy: Strategy | Grounded, timestamps: Sequence[Timestamp]) -> None:
        if type(strategy) is Grounded:
            super()._fly(strategy, timestamps)
        elif isinstance(strategy, Warming):
            before = bisect_left(timestamps, self._began) if self._began else len(timestamps)
            super()._fly(Timed(strategy, self.seconds), timestamps[:before])
            super()._fly(Timed(Muted(self.strategy), self.seconds), timestamps[before:])
        else:
            super()._fly(Timed(strategy, self.seconds), timestamps)

    def _interrupt(self, number: int, frame: FrameType | None) -> NoReturn:
        raise StrategyError(
            f"{type(self.strategy).__name__} took longer than {self.seconds * 1000:,.0f} ms over a step",
            hint="[trading] deadline_ms says how long it may take",
        )


class Timed(Grounded):
    """Stands in for a strategy, and interrupts it where it takes longer than so many seconds."""

    def __init__(self, strategy: Any, seconds: float) -> None:
        super().__init__()
        for name, its in (
            ("time_pass", strategy.time_pass),
            ("feature_calc", strategy.stats.feature_calc),
            ("needs_update", strategy.needs_update),
            ("gen_signal", strategy.gen_signal),
        ):
            setattr(self, name, _timed(its, seconds))


class Muted(Warming):
    """Stands in for a strategy that is asked for what it wants, but not obeyed."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy)
        self.needs_update = strategy.needs_update  # type: ignore[method-assign]
        self._gen_signal = strategy.gen_signal

    def gen_signal(self) -> dict[CoinName, Any]:
        """Ask, and say nothing of it."""
        self._gen_signal()
        return {}


def _timed(method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        with _deadline(seconds):
            return method(*args)

    return call


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
