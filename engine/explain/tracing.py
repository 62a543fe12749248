"""Tracing: a step done with its eyes open: what the strategy was asked, what it read and said, what it sent."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.features.frame import Frame
from engine.features.store import FeatureView
from engine.model import CoinName, Signal
from engine.trading.api import Author
from engine.trading.terms import Terms

if TYPE_CHECKING:
    from engine.loop import Engine
    from engine.strategy import Strategy

MOST_READS = 1000


class Sent(NamedTuple):
    """An order that was sent, what was free to pay it and how many were open then, and its refusal code, 0 for none."""

    coin: int
    asked: Terms
    amount: int
    free: int
    n_open: int
    by: str
    code: int
    order: int


class Trace:
    """What one step showed. `asked` is None where the strategy was not asked whether it wants to be."""

    def __init__(self) -> None:
        self.asked: bool | None = None
        self.spoke = False
        self.reads: dict[tuple[CoinName, str, int], None] = {}
        self.signals: dict[CoinName, Signal] = {}
        self.sent: list[Sent] = []

    def note(self, coin: CoinName, name: str, row: int) -> None:
        """Take down a read, by the row of its bar."""
        if len(self.reads) < MOST_READS:
            self.reads.setdefault((coin, name, row))


@contextmanager
def tracing(engine: Engine) -> Iterator[Trace]:
    """Watch the engine's strategy and trade system for as long as the block takes; they do what they always do."""
    trace, strategy, trade = Trace(), engine.strategy, engine.trade
    kind, send = type(strategy), trade.send

    def traced_send(
        n: int,
        asked: Terms,
        amount: int,
        by: Author,
        reason: str,
        *,
        keep: bool = True,
        instead: Collection[int] = (),
    ) -> tuple[int, int]:
        exchange = trade.exchange
        its = exchange.instruments[n]
        free, n_open = exchange.free(its.quote if asked.side > 0 else its.base), exchange.n_open
        code, order = send(n, asked, amount, by, reason, keep=keep, instead=instead)
        trace.sent.append(Sent(n, asked, amount, free, n_open, by, code, order))
        return code, order

    trade.send = traced_send  # type: ignore[method-assign]
    strategy.__class__ = _traced(kind, trace)
    try:
        yield trace
    finally:
        strategy.__class__ = kind
        del trade.send


def _traced(kind: type[Strategy], trace: Trace) -> Any:
    """Return a strategy's class with its mind open."""

    def needs_update(self: Any, timestamp: int) -> bool:
        with _reading(self, trace):
            trace.asked = bool(kind.needs_update(self, timestamp))
        return trace.asked

    def gen_signal(self: Any) -> dict[CoinName, Signal]:
        trace.spoke = True
        with _reading(self, trace):
            signals = kind.gen_signal(self)
        if isinstance(signals, dict):
            trace.signals = dict(signals)
        return signals

    own = {"__slots__": (), "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (kind,), own | {"needs_update": needs_update, "gen_signal": gen_signal})


@contextmanager
def _reading(strategy: Strategy, trace: Trace) -> Iterator[None]:
    """Have every read of a row, and of a feature by its name, taken down."""
    frames: list[Frame] = strategy.stats.features.frames
    plain = [_open_rows(frame, trace) for frame in frames]
    look_up, history = FeatureView.__getitem__, FeatureView.history

    def traced_look_up(view: FeatureView, key: tuple[CoinName, str]) -> float:
        value = look_up(view, key)
        trace.note(*key, _last_row(strategy, key[0]))
        return value

    def traced_history(view: FeatureView, coin: CoinName, name: str) -> Any:
        values = history(view, coin, name)
        trace.note(coin, name, _last_row(strategy, coin))
        return values

    FeatureView.__getitem__, FeatureView.history = traced_look_up, traced_history  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        FeatureView.__getitem__, FeatureView.history = look_up, history  # type: ignore[method-assign]
        for frame, fields in zip(frames, plain, strict=True):
            for name, field in fields.items():
                setattr(frame.rows._type_, name, field)


def _last_row(strategy: Strategy, coin: CoinName) -> int:
    raw = strategy.state.raw
    return raw.decisions[raw.coins.index(coin)].last_row(raw.step)


def _open_rows(frame: Frame, trace: Trace) -> dict[str, Any]:
    """Put a traced read in the place of each field of a frame's rows; return the fields as they were."""
    kind, begin, width = frame.rows._type_, ctypes.addressof(frame.rows), 8 * frame.width
    labels = {label.replace(".", "_"): label for label in frame.names} | {label: label for label in frame.names}
    fields = {name: field for name, field in vars(kind).items() if name in labels}
    for name, field in fields.items():

        def read(row: Any, field: Any = field, label: str = labels[name]) -> Any:
            at = (ctypes.addressof(row) - begin) // width
            if 0 <= at < len(frame.rows):
                trace.note(frame.coin, label, at)
            return field.__get__(row)

        setattr(kind, name, property(read))
    return fields
