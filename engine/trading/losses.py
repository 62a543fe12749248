"""Losses: at which step the account has fallen too far, from its peak or within a UTC day, found in blocks of steps."""

from __future__ import annotations

from typing import NamedTuple

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


class Course(NamedTuple):
    """Equity at steps in a row, with the highest so far, what the day began with, and the UTC day, counted from 1970."""

    equity: Floats
    peaks: Floats
    openings: Floats
    days: Ints

    def cut(self, begin: int, end: int | None = None) -> Course:
        """Return the course of some of the steps."""
        return Course(self.equity[begin:end], self.peaks[begin:end], self.openings[begin:end], self.days[begin:end])


NOTHING = Course(np.empty(0), np.empty(0), np.empty(0), np.empty(0, np.int64))


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
        self._raw = raw
        self._account = account
        self._block = FIRST_BLOCK
        self._seen = NOTHING
        self._next = 0
        self._ahead = NOTHING

    def look(self, filled: bool) -> tuple[bool, bool]:
        """Take in the steps since the last look; return whether the fall since the peak, and since the day began, is too deep.

        A day that is `spared` counts no more.
        """
        step = self._raw.step
        if not (self.drawdown or self.daily):
            self.due = NEVER
            return False, False
        if step < self.due and not filled:
            return False, False
        if step > self._next:
            self._seen = self._ahead.cut(0, step - self._next).cut(-1)
        self._block = FIRST_BLOCK if filled else min(2 * self._block, LONGEST_BLOCK)
        course = self._course(step)
        deep, today = self._too_deep(course)
        self._seen, self._ahead, self._next = course.cut(0, 1), course.cut(1), step + 1
        later = (deep | today)[1:]
        self.due = step + 1 + (int(later.argmax()) if later.any() else len(later))
        return bool(deep[0]), bool(today[0])

    @property
    def now(self) -> tuple[float, float, float, int]:
        """Equity, its highest so far, what the day began with, and the day, at the last look."""
        seen = self._seen
        return float(seen.equity[-1]), float(seen.peaks[-1]), float(seen.openings[-1]), int(seen.days[-1])

    def _course(self, step: int) -> Course:
        """Return the course from a step on, as long as nothing fills after it."""
        raw, account = self._raw, self._account
        times = np.array([raw.time]) if raw.times is None else raw.times[step : step + self._block]
        end = step + len(times)
        totals = account.totals()
        equity = np.zeros(len(times))
        for n, places, way in account.ways:
            if totals[n]:
                amounts = np.full(len(times), totals[n] / 10**places)
                equity += worths(amounts, way, lambda coin: closes(raw, coin, step, end))
        # a bar that closes at midnight is of the day before
        days = (times - 1) // NS_PER_DAY
        seen = self._seen if len(self._seen.days) else Course(equity[:1], equity[:1], equity[:1], days[:1])
        peaks = np.maximum.accumulate(np.concatenate([seen.peaks, equity]))[1:]
        begins = np.diff(days, prepend=seen.days) != 0
        day_at = np.maximum.accumulate(np.where(begins, np.arange(len(days)), -1))
        openings = np.where(day_at >= 0, np.concatenate([seen.equity, equity])[day_at], seen.openings)
        return Course(equity, peaks, openings, days)

    def _too_deep(self, course: Course) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        deep = (course.equity < course.peaks * (1.0 - self.drawdown)) & (self.drawdown > 0)
        today = (course.equity < course.openings * (1.0 - self.daily)) & (self.daily > 0) & (course.days != self.spared)
        return deep, today
