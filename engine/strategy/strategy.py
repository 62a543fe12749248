"""Strategy: what a user writes; it sees the market, its features and its account at the cursor, and says what it wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from engine.errors import StrategyError
from engine.features.base import Feature
from engine.features.frame import Row
from engine.features.store import FeatureStore
from engine.model import CoinName, Position, Signal, Timestamp
from engine.params import bind
from engine.state import Raw, State
from engine.strategy.positions import Positions
from engine.strategy.statistics import Statistics
from engine.timeline import Timeline


class Strategy:
    """Base of every strategy: annotated class attributes are its parameters, `gen_signal` is its mind.

        class Dip(Strategy):
            period: int = 14

            def features(self):
                return [RSI(window=self.period, name="rsi")]

            def gen_signal(self):
                return {coin: Signal.buy(value=100, reason="rsi is low") for coin, now in self.bars() if now.rsi < 30}

    Set attributes of your own in `__init__` (after `super().__init__(**params)`) or on the way. `self.rng` is a seeded numpy
    Generator and `self.time` the market's clock, so that a run can be run again; `self.record` is for histories that grow, and
    `transient` names attributes that are no state, such as a connection. Raises StrategyError for unknown parameters.
    """

    # The engine's own in slots: they are read at every step, and `vars(strategy)` is what its author keeps.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_alone",
        "_every_step",
        "_held",
        "_raw",
        "_state",
        "_tracks",
        "rng",
        "stats",
        "timeline",
    )

    _reserved: ClassVar[frozenset[str]] = frozenset(
        {"stats", "timeline", "equity", "cash", "time", "step", "n_coins", "coins", "rng", "state", "flown", "transient"}
    )

    transient: ClassVar[tuple[str, ...]] = ()
    """Attributes that are none of the strategy's state: kept out of the state hash, and left as they are on a rewind."""

    def __init__(self, stats: Statistics | None = None, timeline: Timeline | None = None, **params: Any) -> None:
        bind(self, params)
        self.timeline = timeline if timeline is not None else (stats.timeline if stats is not None else Timeline())
        self.stats = Statistics(self.timeline) if stats is None else stats
        self.stats.features.add(self.features())
        self.rng = np.random.default_rng(0)
        self._state: State | None = None
        self._raw = Raw((), (), ())
        self._tracks: list[tuple[CoinName, Any, Sequence[int] | None]] = []
        self._every_step = False
        self._alone: tuple[CoinName, Any] | None = None
        self._held = Positions(self._raw, [])

    # what a user overrides

    def features(self) -> list[Feature]:
        """Return the features this strategy reads."""
        return []

    def gen_signal(self) -> dict[CoinName, Signal]:
        """Return what is wanted of each coin now; a coin left out is left alone."""
        return {}

    def needs_update(self, timestamp: Timestamp) -> bool:
        """Whether to ask for signals at this step: by default where a decision bar has closed."""
        if self._every_step:
            return True
        step = self._raw.step
        return any(row_at is None or row_at[step] >= 0 for _, _, row_at in self._tracks)

    # what a user reads

    def bars(self) -> Iterable[tuple[CoinName, Any]]:
        """Return each coin whose bar has just closed with its row of this step, in the session's order."""
        if self._alone is not None:
            coin, rows = self._alone
            return ((coin, rows[self._raw.step]),)
        return self._new_rows(self._raw.step)

    def _new_rows(self, step: int) -> Iterator[tuple[CoinName, Any]]:
        for coin, rows, row_at in self._tracks:
            row = step if row_at is None else row_at[step]
            if row >= 0:
                yield coin, rows[row]

    def now(self, coin: CoinName) -> Row:
        """Return a coin's latest row, whether its bar has just closed or not; a row of NaN before its first bar."""
        n = self._number(coin)
        row = self._raw.decisions[n].last_row(self._raw.step)
        frame = self.stats.features.frames[n]
        latest: Row = frame.rows[row] if row >= 0 else frame.missing
        return latest

    def feature(self, coin: CoinName, name: str) -> float:
        """Return a feature's value at the cursor, for loops over names."""
        value: float = self.state.features[coin, name]
        return value

    def position(self, coin: CoinName) -> Position:
        """Return what this strategy holds of a coin, what was bought by hand in its session included."""
        position: Position = self.state.trade.position(coin)
        return position

    def record(self, coin: CoinName, name: str, value: float) -> None:
        """Keep a value of this step on the timeline, as the column `coin.name`: for histories that grow."""
        self.timeline.record(self._raw.time, f"{coin}.{name}", value)

    @property
    def state(self) -> State:
        """Everything at the cursor: `state.raw`, `state.trade`, `state.features`."""
        if self._state is None:
            raise StrategyError(f"{type(self).__name__} has not seen the market yet")
        return self._state

    @property
    def equity(self) -> float:
        """The account's worth at the last prices, in its currency."""
        worth: float = self.state.trade.equity
        return worth

    @property
    def cash(self) -> float:
        """Free cash in the account's currency."""
        free: float = self.state.trade.cash
        return free

    @property
    def time(self) -> Timestamp:
        """The market's time, ns UTC."""
        return self._raw.time

    @property
    def step(self) -> int:
        """The number of the step, from 0."""
        return self._raw.step

    @property
    def coins(self) -> tuple[CoinName, ...]:
        """The session's coins, in its order."""
        return self._raw.coins

    @property
    def n_coins(self) -> int:
        """How many coins the session trades."""
        return len(self._raw.coins)

    # what the engine calls

    @property
    def flown(self) -> bool:
        """Whether it has seen a market."""
        return self._state is not None

    def _see(self, state: State | None, features: FeatureStore, rows: Positions | None = None) -> None:
        """See this state from now on, by these features; None is before the first step."""
        if state is not None:
            state.features, state.due = features.view, 0
            self._state, self.stats.state = state, state
        else:
            self._state = None
        if features is not self.stats.features or (rows is not None and rows is not self._held):
            self.stats.features = features
            self.stats.done = features.complete
            self._held = rows or self._held
            self._track()

    def seed(self, seed: int) -> None:
        """Begin the random numbers anew from a seed."""
        self.rng = np.random.default_rng(seed)

    def time_pass(self, latest: State) -> None:
        """Take in the market and the account as they are now: positions and capital."""
        if latest.raw.step >= latest.due:
            self._catch_up(latest)

    def _number(self, coin: CoinName) -> int:
        try:
            return self._raw.coins.index(coin)
        except ValueError:
            raise StrategyError(f"{coin} is not in this session; it has {', '.join(self._raw.coins)}") from None

    def _bind(self, latest: State) -> None:
        self._state = latest
        self._raw = latest.raw
        self.stats.bind(latest)
        if self._held.frames is not self.stats.features.frames:
            self._held = Positions(latest.raw, self.stats.features.frames)
        self._track()

    def _track(self) -> None:
        self._tracks = [
            (frame.coin, frame.rows, track.row_at)
            for frame, track in zip(self.stats.features.frames, self._raw.decisions, strict=True)
        ]
        self._every_step = all(row_at is None for _, _, row_at in self._tracks)
        coin, rows, _ = self._tracks[0]
        self._alone = (coin, rows) if self._every_step and len(self._tracks) == 1 else None

    def _catch_up(self, latest: State) -> None:
        """Write what is held into the rows ahead, as far as that was not done."""
        if latest is not self._state:
            self._bind(latest)
        if latest.raw.growing:
            self.stats.features.extend(latest.raw)
            self._track()
            self._held.track(self.stats.features.frames)
        latest.due = self._held.catch_up(latest)
