"""World: everything of a replay that moves, marked at a step and put back to any mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.errors import StrategyError
from engine.features.past import Cells
from engine.features.store import FeatureStore
from engine.market import ReplayFeed
from engine.strategy import Strategy
from engine.strategy.change import change
from engine.strategy.freezing import Freezer
from engine.strategy.positions import Positions
from engine.trading.local import LocalTradeSystem
from engine.trading.past import Past, TradeMoment


class Era(NamedTuple):
    """The features that are in force between two changes of parameters, with what is kept of their rows."""

    store: FeatureStore
    positions: Positions
    cells: Cells


class Mark(NamedTuple):
    """The world at a step: what does not lie in columns and logs already. `inputs` of the input log had been done."""

    step: int
    inputs: int
    trade: TradeMoment
    frozen: bytes
    timelines: tuple[tuple[int, int], ...]
    flown: bool
    store: FeatureStore
    era: Era | None
    cells: tuple[bytes, ...]
    halted: StrategyError | None

    @property
    def size(self) -> int:
        """Bytes it takes, about."""
        return 400 + self.trade.size + len(self.frozen) + sum(map(len, self.cells))


class World:
    """A replay's market, account and strategy: `keep` before it leaves where it was farthest, `cut` to forget what is ahead."""

    def __init__(self, feed: ReplayFeed, trade: LocalTradeSystem, strategy: Strategy) -> None:
        self.feed = feed
        self.trade = trade
        self.strategy = strategy
        trade.meet(feed.latest)
        self.past = Past(trade)
        self.freezer = Freezer(strategy)
        self._present: Era | None = None
        timelines = (strategy.timeline, strategy.stats.timeline)
        self._timelines = [its for n, its in enumerate(timelines) if all(its is not before for before in timelines[:n])]

    def mark(self, inputs: int, halted: StrategyError | None) -> Mark:
        """Return the world as it is; raises StrategyError naming what of the strategy cannot be kept."""
        flown, era = self.strategy.flown, self._era()
        return Mark(
            self.feed.latest.step,
            inputs,
            self.past.moment(),
            self.freezer.freeze(),
            tuple(its.mark for its in self._timelines),
            flown,
            self.strategy.stats.features,
            era,
            era.cells.moment() if era is not None else (),
            halted,
        )

    def go(self, mark: Mark) -> None:
        """Make the world what it was at a mark."""
        here = self._era()
        if here is not None:
            here.positions.settle()
            here.cells.settle()
        self.feed.seek(mark.step)
        self.past.wind(mark.trade)
        for timeline, at in zip(self._timelines, mark.timelines, strict=True):
            timeline.wind(*at)
        strategy = self.strategy
        self._present = mark.era or here
        if mark.era is not None:
            strategy._see(self.trade.latest if mark.flown else None, mark.era.store, mark.era.positions)
            mark.era.positions.wake()
        else:
            strategy._see(None, mark.store)
            if here is not None:
                here.positions.wake()
                here.store.cleared = None
        self.freezer.thaw(mark.frozen)
        if mark.era is not None:
            mark.era.cells.wind(mark.cells)

    def keep(self) -> None:
        """Remember what the world has come to: it is farthest here."""
        self.past.keep()
        if (era := self._era() or self._present) is not None:
            era.positions.keep()
            era.cells.keep()

    def cut(self) -> None:
        """Forget what came after now: another future begins."""
        self.past.cut()
        for timeline in self._timelines:
            timeline.truncate(timeline.mark[0])
        if (era := self._era() or self._present) is not None:
            era.positions.keep()
            era.cells.keep()

    def _era(self) -> Era | None:
        """Return the features in force; None before the strategy has seen the market."""
        if not self.strategy.flown:
            return None
        store = self.strategy.stats.features
        if self._present is None or self._present.positions is not self.strategy._held:
            self._present = Era(store, self.strategy._held, Cells(store, self.feed.latest))
        return self._present

    def beginning(self, start: Mark) -> Mark:
        """Return the beginning of a world whose strategy has seen nothing, on the market and account of another's."""
        timelines = tuple(its.mark for its in self._timelines)
        return start._replace(
            inputs=0,
            frozen=self.freezer.freeze(),
            timelines=timelines,
            flown=False,
            store=self.strategy.stats.features,
            era=None,
            cells=(),
            halted=None,
        )

    def change(self, params: Mapping[str, Any]) -> None:
        """Give the strategy other parameters from the next step on; see `strategy.change`."""
        change(self.strategy, params, self.keep)

    def is_at(self, mark: Mark) -> bool:
        """Whether the account is what it was at a mark; the strategy's own state shows in what it does."""
        return self.past.is_at(mark.trade)
