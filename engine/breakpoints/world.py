"""World: everything a condition can read, as columns over steps: bars and features, the account, and what happened.

All of it is told by the recording and by the logs of orders, fills and signals, whatever step the cursor stands at, but for
what only a `Watch` sees: free cash, and when an order ended.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.analysis.equity import equity_curve, is_invested, sellable
from engine.analysis.trips import round_trips
from engine.breakpoints.nodes import Event, Node, Read, leaves
from engine.breakpoints.watch import Watch
from engine.breakpoints.words import KINDS, OF_A_COIN
from engine.exact import UNIT
from engine.exchange import kernel as k
from engine.model import CoinName
from engine.state import FIELDS, Track, unit_of
from engine.trading.notes import CANCELLED, ORDERED
from engine.trading.valuation import closes

if TYPE_CHECKING:
    from engine.loop import Engine

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NS_PER_MINUTE = 60 * 10**9
MINUTES_PER_DAY = 24 * 60
SIDE = {"buy": k.BUY, "sell": k.SELL}
WATCHED = frozenset({"rejected", "cancelled", "expired"})
ENDS = {"rejected": k.REJECTED, "cancelled": k.CANCELED, "expired": k.EXPIRED}


class World:
    """What a run is made of, for one past: another has to be made once the run has been led elsewhere."""

    def __init__(self, engine: Engine, watch: Watch) -> None:
        self.engine = engine
        self.watch = watch
        self.raw = engine.raw.latest
        self.index = {coin: n for n, coin in enumerate(self.raw.coins)}
        self._peaks: Floats = np.empty(0)
        self._trips: tuple[int, list[tuple[int, int, int]]] = (-1, [])

    def foreseen(self, node: Node) -> bool:
        """Whether the recording alone tells a condition, at every step to come."""
        store = self.engine.strategy.stats.features
        known = {*OF_A_COIN, *(label for feature in store.features if feature.is_block() for label in feature.labels)}
        known -= {"position"}
        return all(
            its.general or its.name == "gap" if isinstance(its, Event) else its.name in known or its.name == "step"
            for its in leaves(node)
            if isinstance(its, Event | Read)
        )

    @staticmethod
    def watched(node: Node) -> bool:
        """Whether a condition reads what only a watch sees."""
        return any(
            (isinstance(its, Event) and its.name in WATCHED) or its == Read("cash", account=True) for its in leaves(node)
        )

    def number(self, read: Read, steps: Ints) -> Floats:
        """Return a column at steps that go up; NaN before the first, and where there is no value."""
        begin, end = max(int(steps[0]), 0), int(steps[-1]) + 1
        if end <= begin:
            return np.full(len(steps), np.nan)
        column = self._of_account(read.name, begin, end) if read.account else self._of_coin(read, begin, end)
        return np.where(steps >= 0, column[np.maximum(steps - begin, 0)], np.nan)

    def _of_coin(self, read: Read, begin: int, end: int) -> Floats:
        n = self.index[read.coin]
        if read.name == "position":
            account = self.engine.trade.account
            units = sellable(account, n, begin, end)
            return np.where(is_invested(account, n, units, begin), units / account.exchange.scale(n), 0.0)
        if read.name == "price":
            prices = closes(self.raw, n, begin, end)
            return np.where(prices > 0, prices, np.nan)
        track = self.raw.decisions[n]
        if read.name in FIELDS:
            column, one = getattr(track.bars, read.name), unit_of(track.bars, read.name)
        else:
            frames = self.engine.strategy.stats.features.frames
            # other parameters may have taken the feature away
            if not frames or read.name not in frames[n].labels:
                return np.full(end - begin, np.nan)
            column, one = frames[n].column(read.name), 1
        if track.last_at is None:
            return np.asarray(column[begin:end] / one, np.float64)
        rows = np.asarray(track.last_at[begin:end])
        return np.where(rows >= 0, column[np.maximum(rows, 0)] / one, np.nan)

    def _of_account(self, name: str, begin: int, end: int) -> Floats:
        account = self.engine.trade.account
        if name == "step":
            return np.arange(begin, end, dtype=np.float64)
        if name == "cash":
            return self.watch.cash(begin, end) / UNIT
        if name == "drawdown":
            equity, peaks = equity_curve(account, begin, end), self._peaks_to(end)[begin:end]
            return np.where(peaks > 0, 1.0 - equity / np.where(peaks > 0, peaks, 1.0), 0.0)
        equity = equity_curve(account, begin, end)
        return equity - equity_curve(account, 0, 1) if name == "profit" else equity

    def _peaks_to(self, end: int) -> Floats:
        """Return the highest equity so far at each step up to `end`, worked out once."""
        done = len(self._peaks)
        if done < end:
            fresh = np.maximum.accumulate(equity_curve(self.engine.trade.account, done, end))
            fresh = np.maximum(fresh, self._peaks[-1]) if done else fresh
            self._peaks = np.concatenate([self._peaks, fresh])
        return self._peaks

    def forget(self, step: int) -> None:
        """Let go of what was worked out for the steps after this one: the run will come to them again."""
        self._peaks = self._peaks[: step + 1]

    def earlier(self, coins: set[CoinName], steps: Ints, bars: int) -> Ints:
        """Return the steps at which the coin's bar so many bars before closed, -1 before its first; of no one coin, steps."""
        if len(coins) != 1:
            return np.maximum(steps - bars, -1)
        track = self.raw.decisions[self.index[next(iter(coins))]]
        if track.last_at is None:
            return np.maximum(steps - bars, -1)
        last = np.asarray(track.last_at)
        rows = np.where(steps >= 0, last[np.maximum(steps, 0)], -1) - bars
        return np.where(rows >= 0, np.searchsorted(last, rows), -1)

    def fresh(self, coins: set[CoinName], steps: Ints) -> Flags:
        """Return at which steps a bar of the one coin closed; of no one coin, at all."""
        track: Track | None = self.raw.decisions[self.index[next(iter(coins))]] if len(coins) == 1 else None
        if track is None or track.row_at is None:
            return np.ones(len(steps), np.bool_)
        return np.asarray(track.row_at)[steps] >= 0

    # events

    def happens(self, event: Event, begin: int, end: int) -> Flags:
        """Return at which steps from `begin` up to `end` an event happens."""
        if event.name == "every":
            steps = np.arange(begin, end)
            return np.asarray((steps % int(event.what) == 0) & (steps > 0))
        if event.name == "time":
            return self._strikes(int(event.what), begin, end)
        n = self.index[event.coin]
        if event.name == "gap":
            return self._misses_bars(n, begin, end)
        flags = np.zeros(end - begin, np.bool_)
        for steps in self._steps_of(event.name, n, str(event.what), begin, end):
            flags[steps - begin] = True
        return flags

    def _strikes(self, minute: int, begin: int, end: int) -> Flags:
        """Return which steps are the first at or after a time of day."""
        times = self.raw.times
        assert times is not None, "only a recording has breakpoints"
        before = times[begin - 1 : begin] if begin else times[:1] - 1
        minutes = np.concatenate([before, times[begin:end]]) - minute * NS_PER_MINUTE
        return np.diff(minutes // (MINUTES_PER_DAY * NS_PER_MINUTE)) > 0

    def _misses_bars(self, n: int, begin: int, end: int) -> Flags:
        track = self.raw.events[n]
        rows = np.arange(begin, end) if track.row_at is None else np.asarray(track.row_at[begin:end])
        times = track.bars.time
        since = times[np.maximum(rows, 0)] - times[np.maximum(rows - 1, 0)]
        return np.asarray((rows > 0) & (since > track.bars.interval))

    def _steps_of(self, name: str, n: int, what: str, begin: int, end: int) -> list[Ints]:
        """Return the steps of a coin's event, by each log that tells of it."""
        match name:
            case "signal":
                log = self._signals(n, begin, end)
                return [log[log[:, 2] == KINDS.index(what), 0] if what else log[:, 0]]
            case "order_placed":
                return [self._placed(n, what, begin, end)]
            case "filled":
                fills = self._fills(n, begin, end)
                return [fills[fills[:, k.F_SIDE] == SIDE[what], k.F_STEP] if what else fills[:, k.F_STEP]]
            case "opened" | "closed":
                return [self._turns(n, name == "opened", begin, end)]
            case "won" | "lost":
                return [self._ended(n, name == "won", begin, end)]
            case "rejected":
                log = self._signals(n, begin, end)
                refused = (log[:, 4] != ORDERED) & ((log[:, 4] < 100) | (log[:, 4] > CANCELLED))
                return [log[refused, 0], self.watch.ended(n, k.REJECTED, begin, end)]
            case _:
                return [self.watch.ended(n, ENDS[name], begin, end)]

    def _signals(self, n: int, begin: int, end: int) -> Ints:
        signals = self.engine.trade.signals
        first = bisect_left(range(len(signals)), begin, key=lambda at: signals[at].step)
        log = np.frombuffer(signals.tobytes(first), np.int64).reshape(-1, 6)
        return np.asarray(log[(log[:, 0] < end) & (log[:, 1] == n)])

    def _fills(self, n: int, begin: int, end: int) -> Ints:
        exchange = self.engine.trade.exchange
        fills = exchange.fills[: exchange.n_fills]
        first, last = np.searchsorted(fills[:, k.F_STEP], [begin, end])
        return np.asarray(fills[first:last][fills[first:last, k.F_COIN] == n])

    def _placed(self, n: int, what: str, begin: int, end: int) -> Ints:
        exchange = self.engine.trade.exchange
        orders = exchange.orders[: exchange.n_orders]
        steps, status = orders[:, k.STEP], orders[:, k.STATUS]
        there = (orders[:, k.COIN] == n) & (steps >= begin) & (steps < end) & (status != k.PENDING)
        there &= ~((status == k.REJECTED) & (orders[:, k.ARRIVED] == 0)) & (orders[:, k.REFUSAL] != k.NO_ENTRY)
        # an exit that never left its entry's side was never on the book
        parents = orders[:, k.PARENT]
        there &= (parents == 0) | (steps != orders[np.maximum(parents - 1, 0), k.STEP])
        if what:
            there &= orders[:, k.SIDE] == SIDE[what]
        return np.asarray(steps[there])

    def _turns(self, n: int, opened: bool, begin: int, end: int) -> Ints:
        """Return the steps of the fills that took a coin from flat to a position, or back."""
        account = self.engine.trade.account
        fills = self._fills(n, 0, end)
        first = int(np.searchsorted(fills[:, k.F_STEP], begin))
        before = int(fills[first - 1, k.F_POSITION]) if first else account.adopted.get(n, 0)
        found = []
        for step, price, after in fills[first:, [k.F_STEP, k.F_PRICE, k.F_POSITION]].tolist():
            was_flat, is_flat = account.is_dust(n, before, price), account.is_dust(n, after, price)
            if was_flat != is_flat and is_flat != opened:
                found.append(step)
            before = after
        return np.array(found, np.int64)

    def _ended(self, n: int, won: bool, begin: int, end: int) -> Ints:
        account = self.engine.trade.account
        if self._trips[0] != account.exchange.n_fills:
            trips = [(trip.coin, trip.exit_step, trip.profit) for trip in round_trips(account)]
            self._trips = account.exchange.n_fills, trips
        found = [step for coin, step, profit in self._trips[1] if coin == n and begin <= step < end and (profit > 0) == won]
        return np.array(found, np.int64)
