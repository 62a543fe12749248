"""Meeting: how a market seen bar by bar reaches the orders on the simulated exchange, and no bar that could not matter does."""

from __future__ import annotations

from engine.exact import DECIMALS, INT64_MAX, UNIT
from engine.exchange import Exchange
from engine.exchange import kernel as k
from engine.state import Raw
from engine.trading.valuation import find_path, worth

NEVER = 2**62
FIRST_LOOK = 64
LONGEST_LOOK = 1 << 20


class Meeting:
    """An exchange at a market: `due` is the next step at which a bar could change an open order.

    What is known of the bars to come stays in here: it is outside the state and its hash.
    """

    def __init__(self, exchange: Exchange, raw: Raw) -> None:
        self.exchange = exchange
        self.raw = raw
        self.due = NEVER
        self._woken = NEVER
        self._looks = [FIRST_LOOK] * len(raw.coins)
        self._trails = False
        self._followed = [0] * len(raw.coins)
        in_bnb = exchange.head[k.FEE_MODE] == k.FEE_BNB
        self._bnb = [find_path(raw.instruments, "BNB", its.quote) if in_bnb else None for its in raw.instruments]

    def expect(self, trails: bool) -> None:
        """Take note of an order just placed, and whether it follows the market; it can act at the next step."""
        if trails and not self._trails:
            self._trails = True
            self._followed = [track.last_row(self.raw.step) + 1 for track in self.raw.events]
        self.due = min(self.due, self.raw.step + 1)

    def wake(self, step: int) -> None:
        """Meet at this step whether any order could change there or not, until another is said."""
        self._woken = step
        self.due = min(self.due, step)

    def take_place(self) -> bool:
        """Let the bars of this step act on the open orders; return whether any filled."""
        exchange, raw = self.exchange, self.raw
        step = raw.step
        before = exchange.head[k.N_FILLS]
        for n in self._coins_with_orders():
            track = raw.events[n]
            row = track.row(step)
            if row < 0:
                continue
            bars = track.bars
            if self._trails:
                self._follow(n, row)
            volume = bars.volume[row]
            if bars.volume_decimals != DECIMALS:
                volume = min(int(volume) * 10 ** (DECIMALS - bars.volume_decimals), INT64_MAX)
            prices = bars.open[row], bars.high[row], bars.low[row], bars.close[row]
            way = self._bnb[n]
            bnb_price = worth(UNIT, DECIMALS, way, raw.mark_units) // UNIT if way is not None else 0
            exchange.on_bar(n, step, bars.time[row], *prices, volume, bnb_price)
            self._followed[n] = row + 1
        self._look_ahead()
        return bool(exchange.head[k.N_FILLS] > before)

    def _coins_with_orders(self) -> list[int]:
        exchange = self.exchange
        if not exchange.head[k.N_OPEN]:
            return []
        orders = exchange.open_orders
        if len(orders) == 1:
            return [exchange.orders.item(orders[0], k.COIN)]
        return sorted(set(exchange.orders[orders, k.COIN].tolist()))

    def _look_ahead(self) -> None:
        """Find the next step at which a bar could change an open order; none before it needs to be met."""
        self.due = self._woken
        raw = self.raw
        for n in self._coins_with_orders():
            if raw.growing:
                self.due = raw.step + 1
                return
            track = raw.events[n]
            bars = track.bars
            start = track.last_row(raw.step) + 1
            stop = min(start + self._looks[n], track.rows)
            row = self.exchange.scan(n, bars.high, bars.low, bars.volume, start, stop)
            self._looks[n] = min(2 * self._looks[n], LONGEST_LOOK) if row == stop else FIRST_LOOK
            if row < track.rows:
                self.due = min(self.due, track.step_of(row))

    def follow(self) -> None:
        """Let trailing orders follow the bars up to the cursor that were skipped because none of them could act."""
        if self._trails:
            for n in self._coins_with_orders():
                self._follow(n, self.raw.events[n].last_row(self.raw.step) + 1)

    def _follow(self, n: int, row: int) -> None:
        bars = self.raw.events[n].bars
        if self._followed[n] < row:
            self.exchange.follow(n, bars.high, bars.low, bars.volume, self._followed[n], row)
            self._followed[n] = row
