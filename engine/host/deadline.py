"""The deadline: a strategy that takes too long over a step is interrupted, so that its orders go on being looked after."""

from __future__ import annotations

import signal
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from engine import seam
from engine.errors import StrategyError
from engine.loop import Engine, Feed
from engine.model import CoinName, Timestamp
from engine.strategy import Strategy
from engine.strategy.standins import Grounded, Warming
from engine.trading.system import TradeSystem

SLICE_S = 0.25
"""How long steps are done before the host looks up: no command waits for all of a slow strategy's history."""


class TimedEngine(Engine):
    """An engine whose strategy may take so many seconds over each of its parts of a step; runs in the main thread alone.

    From the time `began` to `begin` the strategy is asked, and what it wants is let go by: so it comes to remember what it did
    when it flew before. What holds the interpreter without letting go cannot be interrupted from here. `came_back` is called
    whenever the strategy has come back from a part.
    """

    # a flight's signals are events to its host, never exceptions
    lets_by = ()

    def __init__(
        self, raw: Feed, trade: TradeSystem, strategy: Strategy, begin: Timestamp, began: Timestamp, seconds: float
    ) -> None:
        super().__init__(raw, trade, strategy, begin)
        self.seconds = seconds
        self.came_back: Callable[[], None] = lambda: None
        self._began = began
        self._until = 0.0
        signal.signal(signal.SIGALRM, self._interrupt)

    def fly(self, steps: int | None = None) -> int:
        """Do steps for a slice of time, up to this many; return how many were done."""
        self._until = 0.0
        return super().fly(steps)

    def _fly(self, strategy: Strategy | Grounded, timestamps: Sequence[Timestamp]) -> None:  # type: ignore[override]
        if type(strategy) is Grounded:
            super()._fly(strategy, self._in_time(timestamps))
        elif isinstance(strategy, Warming):
            before = bisect_left(timestamps, self._began) if self._began else len(timestamps)
            super()._fly(self._timed(strategy), self._in_time(timestamps[:before]))
            super()._fly(self._timed(Muted(self.strategy)), self._in_time(timestamps[before:]))
        else:
            super()._fly(self._timed(strategy), self._in_time(timestamps))

    def _in_time(self, timestamps: Iterable[Timestamp]) -> Iterator[Timestamp]:
        """Yield times until the slice is over, one at least; once it is, those that follow on have none either."""
        for timestamp in timestamps:
            now = seam.stopwatch()
            if self._until and now >= self._until:
                return
            self._until = self._until or now + SLICE_S
            yield timestamp

    def _timed(self, strategy: Any) -> Timed:
        return Timed(strategy, self.seconds, self.came_back)

    def _interrupt(self, number: int, frame: FrameType | None) -> NoReturn:
        raise StrategyError(
            f"{type(self.strategy).__name__} took longer than {self.seconds * 1000:,.0f} ms over a step",
            hint="[trading] deadline_ms says how long it may take",
        )


class Timed(Grounded):
    """Stands in for a strategy, and interrupts it where it takes longer than so many seconds; tells when it came back."""

    def __init__(self, strategy: Any, seconds: float, came_back: Callable[[], None]) -> None:
        super().__init__()
        for name, its in (
            ("time_pass", strategy.time_pass),
            ("feature_calc", strategy.stats.feature_calc),
            ("needs_update", strategy.needs_update),
            ("gen_signal", strategy.gen_signal),
        ):
            setattr(self, name, _timed(its, seconds, came_back))


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


def _timed(method: Callable[..., Any], seconds: float, came_back: Callable[[], None]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        with _deadline(seconds):
            told = method(*args)
        came_back()
        return told

    return call


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
