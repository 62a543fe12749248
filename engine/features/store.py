"""FeatureStore: computes features into the coins' frames, a block at a time where the bars are there, else bar by bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import StrategyError
from engine.features.base import Feature, Stepper
from engine.features.frame import HEAD, Frame, Row
from engine.model import CoinName
from engine.params import place_of
from engine.state import FIELDS, BarColumns, Raw, State, unit_of

Floats = npt.NDArray[np.float64]
TOGETHER = 5
TAKEN = frozenset((*HEAD, "position", "frame", *(name for name in dir(Row) if not name.startswith("__"))))


class BlockBars:
    """What a feature's `block` sees: contiguous float64 columns in quote currency and base units, int64 `time` of opening.

    A column is made when it is first looked at.
    """

    def __init__(self, bars: BarColumns) -> None:
        self._bars = bars
        self.time = bars.time

    def __len__(self) -> int:
        return len(self.time)

    def _column(self, name: str) -> Floats:
        column: Floats = getattr(self._bars, name) / unit_of(self._bars, name)
        return column

    open = cached_property(lambda self: self._column("open"))
    high = cached_property(lambda self: self._column("high"))
    low = cached_property(lambda self: self._column("low"))
    close = cached_property(lambda self: self._column("close"))
    volume = cached_property(lambda self: self._column("volume"))


class FeatureView:
    """`state.features`: values at the cursor by coin and label."""

    def __init__(self, store: FeatureStore, raw: Raw) -> None:
        self._store = store
        self._raw = raw
        self._index = {coin: n for n, coin in enumerate(raw.coins)}

    def _place(self, coin: CoinName, name: str) -> tuple[Frame, int, int]:
        try:
            n = self._index[coin]
        except KeyError:
            raise StrategyError(f"{coin} is not in this session; it has {', '.join(self._index)}") from None
        frame = self._store.frames[n]
        frame.column(name)
        return frame, self._raw.decisions[n].last_row(self._raw.step), frame.names.index(name)

    def __getitem__(self, key: tuple[CoinName, str]) -> float:
        frame, row, column = self._place(*key)
        return float(frame.block[row, column]) if row >= 0 else float("nan")

    def __setitem__(self, key: tuple[CoinName, str], value: float) -> None:
        coin, name = key
        frame, row, column = self._place(coin, name)
        if name not in frame.labels:
            raise StrategyError(f"{name!r} is not a feature; it cannot be set")
        if row >= self._store.warmup[name]:
            frame.block[row, column] = value

    def history(self, coin: CoinName, name: str) -> Floats:
        """Return a feature's values up to the cursor, read-only."""
        frame, row, column = self._place(coin, name)
        view = frame.block[: row + 1, column]
        view.flags.writeable = False
        return view


class FeatureStore:
    """Manages a strategy's features: `compute(state)` brings every feature of every coin up to the cursor.

    On a recording block features are computed once, when the store first sees it, and a step costs them nothing; on growing
    data they take each new bar through their streaming form, with the same bits. Raises StrategyError for labels that clash.
    """

    def __init__(self, features: Iterable[Feature] = ()) -> None:
        self.features: list[Feature] = []
        self.frames: list[Frame] = []
        self.warmup: dict[str, int] = {}
        self._raw: Raw | None = None
        self._by_step: list[Feature] = []
        self._steppers: list[list[tuple[int, Stepper]]] = []
        self._begun: list[int] = []
        self._stepped: list[int] = []
        self._view: Any = None
        self._laid = False
        # the farthest step computed, and the one whose rows are known to be clear of what was computed before going back
        self._far = -1
        self.cleared: int | None = None
        self.add(features)

    def add(self, features: Iterable[Feature]) -> None:
        """Take more features in; one that is already there is the same feature."""
        for feature in features:
            if feature in self.features:
                continue
            for label in feature.labels:
                if label in self.warmup or label in TAKEN:
                    owner = "another feature" if label in self.warmup else "every row"
                    raise StrategyError(f"{feature!r}: {owner} has a {label!r} already", hint="give it another name=")
                self.warmup[label] = feature.warmup
            self.features.append(feature)
            self._laid = False
        self._by_step = [feature for feature in self.features if not feature.is_block()]

    @property
    def labels(self) -> tuple[str, ...]:
        """Every feature's labels, in order."""
        return tuple(self.warmup)

    def bind(self, raw: Raw) -> None:
        """Lay a frame for each coin of this market, and compute there what can be computed at once."""
        if raw is self._raw and self._laid:
            return
        self._raw = raw
        self._view = FeatureView(self, raw)
        blocks = [feature for feature in self.features if feature.is_block()]
        self.frames = [Frame(track.coin, self.labels, 256 if raw.growing else 0) for track in raw.decisions]
        if raw.growing:
            self._begun = [0] * len(self.frames)
            self._stepped = [0] * len(self.frames)
            self._steppers = [
                [(self.labels.index(feature.labels[0]), feature.stream()) for feature in blocks] for _ in raw.decisions
            ]
            return
        failure: Exception | None = None
        for frame, track in zip(self.frames, raw.decisions, strict=True):
            bars = BlockBars(track.bars)
            frame.fill(bars.time, [(getattr(track.bars, name), unit_of(track.bars, name)) for name in FIELDS])
            try:
                if failure is None:
                    self._write_blocks(frame, bars, blocks)
            except Exception as error:
                failure = error
        # a feature that fails does not take the bars with it: they are there to be seen
        if failure is not None:
            raise failure
        self._laid = True

    def _write_blocks(self, frame: Frame, bars: BlockBars, blocks: Sequence[Feature]) -> None:
        """Compute block features and write them, some columns at a time: one by one is slow, all at once takes much memory."""
        waiting: list[tuple[int, Floats]] = []
        for feature in blocks:
            first = self.labels.index(feature.labels[0])
            waiting += enumerate(feature.columns(bars).T, start=first)
            if len(waiting) >= TOGETHER:
                frame.write(waiting)
                waiting = []
        frame.write(waiting)

    @property
    def view(self) -> Any:
        """The values at the cursor, as `state.features`."""
        return self._view

    @property
    def by_step(self) -> list[Feature]:
        """The features that compute from the state, step by step, and may keep a state of their own."""
        return self._by_step

    @property
    def columns_by_step(self) -> list[int]:
        """The numbers of their columns in a frame's block."""
        return [len(HEAD) + self.labels.index(label) for feature in self._by_step for label in feature.labels]

    def _clear(self, raw: Raw) -> None:
        """Empty the rows that close with this step of what was written there before the cursor went back."""
        columns = self.columns_by_step
        for frame, track in zip(self.frames, raw.decisions, strict=True):
            if (row := track.row(raw.step)) >= 0:
                frame.block[row, columns] = np.nan

    @property
    def complete(self) -> bool:
        """Whether every value up to the market's end is there, so that `compute` has nothing left to do."""
        return self._raw is not None and not self._raw.growing and not self._by_step

    def extend(self, raw: Raw) -> None:
        """On growing data, start the rows of the bars that have closed since."""
        for n, (frame, track) in enumerate(zip(self.frames, raw.decisions, strict=True)):
            begin, end = self._begun[n], track.last_row(raw.step) + 1
            if begin == end:
                continue
            if end > len(frame.block):
                frame.room(max(end, 2 * len(frame.block)))
            bars = track.bars
            frame.set_bars(
                begin, bars.time[begin:end], [getattr(bars, name)[begin:end] / unit_of(bars, name) for name in FIELDS]
            )
            self._begun[n] = end

    def compute(self, state: State) -> State:
        """Bring every feature up to the cursor, and return the state with `features` set."""
        raw = state.raw
        if raw is not self._raw:
            self.bind(raw)
        state.features = self._view
        if raw.growing:
            self.extend(raw)
            for n, (frame, steppers) in enumerate(zip(self.frames, self._steppers, strict=True)):
                for row in range(self._stepped[n], self._begun[n]):
                    self._step(frame, row, steppers)
                self._stepped[n] = self._begun[n]
        if self._by_step and self.cleared != raw.step:
            if raw.step <= self._far:
                self._clear(raw)
            self._far, self.cleared = max(self._far, raw.step), raw.step
        for feature in self._by_step:
            state = feature.compute(state)
            if not isinstance(state, State):
                raise StrategyError(
                    f"{place_of(type(feature))}: compute() must return the state", hint="end it with: return state"
                )
        return state

    def _step(self, frame: Frame, row: int, steppers: Sequence[tuple[int, Stepper]]) -> None:
        bar = frame.block[row, 1 : len(HEAD)].tolist()
        for first, stepper in steppers:
            values = stepper.update(*bar)
            label = frame.labels[first]
            if row >= self.warmup[label]:
                start = len(HEAD) + first
                frame.block[row, start : start + len(values)] = values
