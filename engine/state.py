"""State: what a strategy can see at the cursor, in three parts: raw market data, the trade side, and features."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.exact import UNIT
from engine.model import CoinName, Fill, Instrument, Order, Position, Timestamp
from engine.timeline import Timeline

FIELDS = ("open", "high", "low", "close", "volume")
Ints = npt.NDArray[np.int64]


class BarColumns(Protocol):
    """A coin's bars as int64 columns: opening time in ns, prices counting 1e-8, volume 10**-`volume_decimals` base units.

    `interval` is a bar's length in ns.
    """

    interval: int
    volume_decimals: int

    @property
    def time(self) -> Ints: ...
    @property
    def open(self) -> Ints: ...
    @property
    def high(self) -> Ints: ...
    @property
    def low(self) -> Ints: ...
    @property
    def close(self) -> Ints: ...
    @property
    def volume(self) -> Ints: ...


def unit_of(bars: BarColumns, name: str) -> int:
    """Return how many units of a bar column, one of FIELDS, make one whole."""
    return 10**bars.volume_decimals if name == "volume" else UNIT


class Track:
    """A coin's bars laid on the axis of steps.

    `row_at[step]` is the row of the bar that closed at a step, -1 where none did; `last_at[step]` the row of the last bar
    closed by then. Both are None where row and step are the same number, which is what makes the common case cheap.
    """

    __slots__ = ("bars", "coin", "last_at", "row_at", "rows")

    def __init__(
        self, coin: CoinName, bars: BarColumns, row_at: Sequence[int] | None, last_at: Sequence[int] | None, rows: int
    ) -> None:
        self.coin = coin
        self.bars = bars
        self.row_at = row_at
        self.last_at = last_at
        self.rows = rows

    def row(self, step: int) -> int:
        """Return the row of the bar that closed at this step, or -1."""
        return step if self.row_at is None else self.row_at[step]

    def last_row(self, step: int) -> int:
        """Return the row of the last bar closed by this step, or -1."""
        if self.last_at is None or step < 0:
            return step
        return self.last_at[step]

    def rows_by(self, steps: int) -> int:
        """Return how many bars have closed once so many steps are done; all of them at the end and beyond."""
        if self.last_at is None:
            return min(steps, self.rows)
        return self.last_at[min(steps, len(self.last_at)) - 1] + 1 if steps else 0

    def step_of(self, row: int) -> int:
        """Return the step at which the bar of this row closed."""
        return row if self.last_at is None else bisect_left(self.last_at, row)


class CoinBars(Timeline):
    """A coin's closed bars up to the cursor: read-only float64 `open, high, low, close, volume` and int64 `time` of opening.

    Prices are in quote currency, volume in base units. A column is converted when it is first looked at.
    """

    def __init__(self, raw: Raw, track: Track) -> None:
        super().__init__()
        self.interval = track.bars.interval
        self._raw = raw
        self._track = track
        self._columns = {name: np.empty(0) for name in FIELDS}
        self._converted = dict.fromkeys(FIELDS, 0)

    @property
    def cursor(self) -> int:
        """How many bars have closed."""
        return self._track.last_row(self._raw.step) + 1

    @property
    def time(self) -> Ints:
        """The seen bars' opening times in ns."""
        return self._seen(self._track.bars.time)

    def __getitem__(self, name: str) -> npt.NDArray[np.float64]:
        if name not in self._converted:
            raise UsageError(f"bars have no {name!r}; they have {', '.join(FIELDS)} and time")
        if self._converted[name] < self.cursor:
            self._convert(name)
        return self._seen(self._columns[name])

    def _convert(self, name: str) -> None:
        units = getattr(self._track.bars, name)
        done, rows = self._converted[name], len(units)
        column = self._columns[name]
        if len(column) < rows:
            grown = np.empty(rows if not done else 2 * rows)
            grown[:done] = column[:done]
            self._columns[name] = column = grown
        np.divide(units[done:rows], unit_of(self._track.bars, name), out=column[done:rows])
        self._converted[name] = rows

    open = property(lambda self: self["open"])
    high = property(lambda self: self["high"])
    low = property(lambda self: self["low"])
    close = property(lambda self: self["close"])
    volume = property(lambda self: self["volume"])


class Raw:
    """Market data at the cursor: one view, moved by the feed and never rebuilt.

    `step` and `time` (ns) say where the cursor stands, -1 before the first event. `bars()` goes over the coins whose bar has
    just closed; `raw[coin]` are a coin's bars so far. The engine knows a recording's `times`, of every step; without one the
    data is `growing`.
    """

    __slots__ = ("_bars", "_closes", "coins", "decisions", "events", "instruments", "step", "time", "times")

    def __init__(
        self,
        instruments: Sequence[Instrument],
        events: Sequence[Track],
        decisions: Sequence[Track],
        times: Ints | None = None,
    ) -> None:
        self.instruments = tuple(instruments)
        self.coins: tuple[CoinName, ...] = tuple(instrument.coin for instrument in instruments)
        self.events = tuple(events)
        self.decisions = tuple(decisions)
        self.times = times
        self.step = -1
        self.time: Timestamp = -1
        self._bars = {track.coin: CoinBars(self, track) for track in self.decisions}
        self._closes: list[Sequence[int] | None] = [None] * len(self.events)

    @property
    def growing(self) -> bool:
        """Whether what is to come is not known yet."""
        return self.times is None

    def bars(self) -> Iterator[tuple[CoinName, CoinBars]]:
        """Yield each coin whose bar closed at this step, with its bars so far, in the session's order."""
        step = self.step
        for track in self.decisions:
            if step >= 0 and track.row(step) >= 0:
                yield track.coin, self._bars[track.coin]

    def __getitem__(self, coin: CoinName) -> CoinBars:
        try:
            return self._bars[coin]
        except KeyError:
            raise UsageError(f"{coin} is not in this session; it has {', '.join(self.coins)}") from None

    def mark_units(self, index: int) -> int:
        """Return the last price of the coin of this number, counting 1e-8; 0 before its first bar."""
        last_at = self.events[index].last_at
        step = self.step
        row = step if last_at is None or step < 0 else last_at[step]
        return (self._closes[index] or self._look_at(index))[row] if row >= 0 else 0

    def _look_at(self, index: int) -> Sequence[int]:
        """Return a coin's closes as a view that gives a Python int much faster than numpy does; that of a recording stays."""
        column: Any = self.events[index].bars.close
        closes: Sequence[int] = memoryview(column)
        if not self.growing:
            self._closes[index] = closes
        return closes

    def price(self, coin: CoinName) -> float:
        """Return a coin's last price in quote currency, NaN before its first bar; it may be stale."""
        units = self.mark_units(self.coins.index(coin))
        return units / UNIT if units else float("nan")


class TradeState(Protocol):
    """The account and its orders at the cursor, as `state.trade`; money in the session's currency."""

    @property
    def cash(self) -> float:
        """Free cash in the session's currency."""
        ...

    @property
    def equity(self) -> float:
        """Cash, free and locked, and everything held, at the last prices."""
        ...

    @property
    def balances(self) -> Mapping[str, tuple[Decimal, Decimal]]:
        """Free and locked of each asset, exact."""
        ...

    def position(self, coin: CoinName) -> Position:
        """Return what the strategy holds of a coin."""
        ...

    @property
    def positions(self) -> list[Position]:
        """Every coin of which something is held, dust included."""
        ...

    def orders(self, coin: CoinName | None = None) -> list[Order]:
        """Return the open orders, of one coin or of all, oldest first."""
        ...

    @property
    def fills(self) -> Sequence[Fill]:
        """Every fill so far, oldest first."""
        ...


class FeatureState(Protocol):
    """Feature values at the cursor, as `state.features`: `state.features[coin, name]`, NaN while warming up."""

    def __getitem__(self, key: tuple[CoinName, str]) -> float: ...
    def __setitem__(self, key: tuple[CoinName, str], value: float) -> None: ...

    def history(self, coin: CoinName, name: str) -> npt.NDArray[np.float64]:
        """Return a feature's values up to the cursor, read-only."""
        ...


@dataclass(slots=True, eq=False)
class State:
    """The state of the system at the cursor: `raw` market data, the `trade` side, and `features`.

    `due` is the step at which a strategy has to look at its positions again.
    """

    raw: Raw
    trade: Any = None
    features: Any = None
    due: int = 0
