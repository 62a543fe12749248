"""Meeting: how a market seen bar by bar reaches the orders on the simulated exchange, and no bar that could not matter does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.exact import DECIMALS, INT64_MAX, UNIT
from engine.exchange import Exchange
from engine.exchange import kernel as k
from engine.state import Raw
from engine.trading.valuation import find_path, worth

NEVER = 2**62
FIRST_LOOK = 64
LONGEST_LOOK = 1 << 20
Columns = tuple[Sequence[int], ...]


class Meeting:
    """An exchange at a market: `due` is the next step at which a bar could change an open order.

    What is known of the bars to come stays in here: it is outside the state and its hash.
    """

    def __init__(self, exchange: Exchange, raw: Raw) -> None:
        self.exchange = exchange
        self.raw = raw
        self.due = 0
        self._woken = NEVER
        # of each coin: the first row that is not known to leave its orders as they are, and how far to look from there
        self._quiet = [0] * len(raw.coins)
        self._looks = [FIRST_LOOK] * len(raw.coins)
        self._fine = [10 ** (DECIMALS - track.bars.volume_decimals) for track in raw.events]
        self._columns: list[Columns | None] = [None] * len(raw.coins)
        self._trails = False
        self._followed = [0] * len(raw.coins)
        in_bnb = exchange.head[k.FEE_MODE] == k.FEE_BNB
        self._bnb = [find_path(raw.instruments, "BNB", its.quote) if in_bnb else None for its in raw.instruments]

    def expect(self, n: int, trails: bool = False) -> None:
        """Take note that a coin's orders were changed, and whether one follows the market; they can act at the next step."""
        self._quiet[n], self._looks[n] = 0, FIRST_LOOK
        if trails and not self._trails:
            self._trails = True
            self._followed = [track.last_row(self.raw.step) + 1 for track in self.raw.events]
        step = self.raw.step + 1
        if step < self.due:
            self.due = step

    def wake(self, step: int) -> None:
        """Meet at this step whether any order could change there or not, until another is said."""
        self._woken = step
        self.due = min(self.due, step)

    @property
    def moment(self) -> tuple[Any, ...]:
        """What is known now of the bars to come, for `wind`."""
        return self.due, self._woken, tuple(self._quiet), tuple(self._looks), self._trails, tuple(self._followed)

    def wind(self, moment: tuple[Any, ...]) -> None:
        """Know what was known at a moment."""
        self.due, self._woken, quiet, looks, self._trails, followed = moment
        self._quiet, self._looks, self._followed = list(quiet), list(looks), list(followed)

    def take_place(self) -> bool:
        """Let the bars of this step act on the open orders; return whether any filled."""
        step, events = self.raw.step, self.raw.events
        fills = 0
        for n in self._coins_with_orders():
            row = events[n].row(step)
            if row >= self._quiet[n]:
                fills += self._meet(n, step, row)
        self._look_ahead()
        return fills > 0

    def _meet(self, n: int, step: int, row: int) -> int:
        """Let a bar act on its coin's orders; return how many fills it made."""
        if self._trails:
            self._follow(n, row)
            self._followed[n] = row + 1
        times, opens, highs, lows, closes, volumes = self._columns[n] or self._look_at(n)
        way = self._bnb[n]
        bnb_price = 0 if way is None else worth(UNIT, DECIMALS, way, self.raw.mark_units) // UNIT
        self._quiet[n] = 0
        volume = min(volumes[row] * self._fine[n], INT64_MAX)
        return self.exchange.on_bar(n, step, times[row], opens[row], highs[row], lows[row], closes[row], volume, bnb_price)

    def _look_at(self, n: int) -> Columns:
        """Return a coin's columns as views that give a Python int much faster than numpy does; those of a recording stay."""
        columns = _views(self.raw.events[n].bars)
        if not self.raw.growing:
            self._columns[n] = columns
        return columns

    def _coins_with_orders(self) -> Sequence[int]:
        exchange = self.exchange
        n_open = exchange.head.item(k.N_OPEN)
        if n_open == 0:
            return ()
        if len(self._quiet) == 1:
            return (0,)
        if n_open == 1:
            return (exchange.orders.item(exchange.head.item(k.OPEN), k.COIN),)
        orders = exchange.open_orders
        return sorted(set(exchange.orders[orders, k.COIN].tolist()))

    def _look_ahead(self) -> None:
        """Find the next step at which a bar could change an open order; none before it needs to be met."""
        self.due = self._woken
        if not self.exchange.head.item(k.N_OPEN):
            return
        raw = self.raw
        for n in self._coins_with_orders():
            if raw.growing:
                self.due = raw.step + 1
                return
            track = raw.events[n]
            start = track.last_row(raw.step) + 1
            if self._quiet[n] < start:
                self._quiet[n] = self._scan(n, start)
            if self._quiet[n] < track.rows:
                self.due = min(self.due, track.step_of(self._quiet[n]))

    def _scan(self, n: int, start: int) -> int:
        """Return the first row from `start` on at which a coin's orders could change, or how far was looked in vain."""
        track = self.raw.events[n]
        bars = track.bars
        self._follow(n, start)
        stop = min(start + self._looks[n], track.rows)
        row = self.exchange.scan(n, bars.high, bars.low, bars.volume, start, stop)
        self._looks[n] = min(2 * self._looks[n], LONGEST_LOOK) if row == stop else FIRST_LOOK
        return row

    def follow(self) -> None:
        """Let trailing orders follow the bars up to the cursor that were skipped because none of them could act."""
        for n in self._coins_with_orders() if self._trails else ():
            self._follow(n, self.raw.events[n].last_row(self.raw.step) + 1)

    def _follow(self, n: int, row: int) -> None:
        if self._trails and self._followed[n] < row:
            bars = self.raw.events[n].bars
            self.exchange.follow(n, bars.high, bars.low, bars.volume, self._followed[n], row)
            self._followed[n] = row


def _views(bars: Any) -> Columns:
    return tuple(memoryview(column) for column in (bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume))
