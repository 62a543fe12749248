"""Losses: at which step the account has fallen too far, from its peak or within a UTC day, found in blocks of steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.state import Raw
from engine.trading.account import Account
from engine.trading.valuation import closes, worths

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NEVER = 2**62
NS_PER_DAY = 86_400 * 10**9
FIRST_BLOCK = 64
LONGEST_BLOCK = 1 << 16


class Standing(NamedTuple):
    """How an account stands at a step: equity, its highest so far, what the UTC day began with, and the day, from 1970 on."""

    equity: float
    peak: float
    opening: float
    day: int


class Losses:
    """The fall of an account, watched: `due` is the next step at which to `look`, whatever fills before.

    `drawdown` and `daily` are the shares of equity that may be lost, since its highest and since the last step of the day
    before; 0 is no limit. Between two fills equity is a function of the closes alone, so it is worked out ahead.
    """

    def __init__(self, raw: Raw, account: Account, drawdown: float, daily: float) -> None:
        self.due = 0 if drawdown or daily else NEVER
        self.spared = -1
        self.drawdown = drawdown
        self.daily = daily
        self.now = Standing(0.0, 0.0, 0.0, -1)
        self._raw = raw
        self._account = account
        self._block = FIRST_BLOCK
        # what is worked out ahead, from which step on
        self._next = 0
        self._times: Ints = np.empty(0, np.int64)
        self._equity: Floats = np.empty(0)

    def look(self, filled: bool) -> tuple[bool, bool]:
        """Take in the steps since the last look; return whether the fall since the peak, and since the day began, is too deep.

        A day that is `spared` counts no more.
        """
        if not (self.drawdown or self.daily):
            self.due = NEVER
            return False, False
        step = self._raw.step
        if step < self.due and not filled:
            return False, False
        passed = step - self._next
        self._pass(self._times[:passed], self._equity[:passed])
        self._block = FIRST_BLOCK if filled else min(2 * self._block, LONGEST_BLOCK)
        times, equity = self._course(step)
        self._pass(times[:1], equity[:1])
        self._next, self._times, self._equity = step + 1, times[1:], equity[1:]
        self.due = step + 1 + self._quiet()
        now = self.now
        deep = self.drawdown > 0 and now.equity < now.peak * (1.0 - self.drawdown)
        today = self.daily > 0 and now.day != self.spared and now.equity < now.opening * (1.0 - self.daily)
        return deep, today

    def catch_up(self, times: Ints, equity: Floats) -> None:
        """Take in the steps up to here as they are known to have been, instead of what was looked at."""
        self.now = Standing(0.0, 0.0, 0.0, -1)
        self._pass(times, equity)
        self._next, self._times, self._equity = self._raw.step + 1, self._times[:0], self._equity[:0]
        self.due = self._next if self.drawdown or self.daily else NEVER

    def moment(self) -> tuple[Any, ...]:
        """Return what the steps so far have come to, for `wind`."""
        if not (self.drawdown or self.daily):
            return self.drawdown, self.daily, self.spared, self.now, -1
        passed = self._raw.step + 1 - self._next
        self._pass(self._times[:passed], self._equity[:passed])
        self._next, self._times, self._equity = self._next + max(passed, 0), self._times[passed:], self._equity[passed:]
        return self.drawdown, self.daily, self.spared, self.now, self._next

    def wind(self, moment: tuple[Any, ...]) -> None:
        """Go back, or on, to a moment; the steps to come are worked out anew."""
        self.drawdown, self.daily, self.spared, self.now, self._next = moment
        self.due = 0 if self.drawdown or self.daily else NEVER
        self._times, self._equity, self._block = self._times[:0], self._equity[:0], FIRST_BLOCK

    def _pass(self, times: Ints, equity: Floats) -> None:
        """Move on over steps in a row."""
        if not len(times):
            return
        now, day = self.now, (int(times[-1]) - 1) // NS_PER_DAY
        if now.day < 0:
            now = Standing(float(equity[0]), float(equity[0]), float(equity[0]), day)
        opening = now.opening
        if day != now.day:
            # a bar that closes at midnight is of the day before
            first = int(np.searchsorted(times, day * NS_PER_DAY, side="right"))
            opening = float(equity[first - 1]) if first else now.equity
        self.now = Standing(float(equity[-1]), max(now.peak, float(equity.max())), opening, day)

    def _course(self, step: int) -> tuple[Ints, Floats]:
        """Return the times and the equity of the steps from this one on, as long as nothing fills after it."""
        raw, account = self._raw, self._account
        times = np.array([raw.time]) if raw.times is None else raw.times[step : step + self._block]
        end = step + len(times)
        totals = account.totals()
        equity = np.zeros(len(times))
        for n, places, way in account.ways:
            if totals[n]:
                amounts = np.full(len(times), totals[n] / 10**places)
                equity += worths(amounts, way, lambda coin: closes(raw, coin, step, end))
        return times, equity

    def _quiet(self) -> int:
        """Return for how many of the steps worked out ahead nothing falls too deep."""
        equity, now = self._equity, self.now
        if not len(equity):
            return 0
        # what the lowest is not too far below, none is
        low, high = float(equity.min()), float(equity.max())
        deep = self.drawdown > 0 and low < max(high, now.peak) * (1.0 - self.drawdown)
        today = self.daily > 0 and low < max(high, now.equity, now.opening) * (1.0 - self.daily)
        if not deep and not today:
            return len(equity)
        peaks = np.maximum.accumulate(np.concatenate([[now.peak], equity]))[1:]
        days = (self._times - 1) // NS_PER_DAY
        begins = np.diff(days, prepend=now.day) != 0
        day_at = np.maximum.accumulate(np.where(begins, np.arange(len(days)), -1))
        openings = np.where(day_at >= 0, np.concatenate([[now.equity], equity])[day_at], now.opening)
        falls = (equity < peaks * (1.0 - self.drawdown)) & (self.drawdown > 0)
        falls |= (equity < openings * (1.0 - self.daily)) & (self.daily > 0) & (days != self.spared)
        return int(falls.argmax()) if falls.any() else len(falls)
