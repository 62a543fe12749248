"""Positions: the column of each coin's rows that tells what was held, written ahead of the cursor, where nobody can see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.features.frame import Frame
from engine.state import Raw, State

BUSY_STEPS = 4
FIRST_SPAN = 256
LONGEST_SPAN = 4096
NEVER = 2**62


class Positions:
    """What a strategy held at each of its coins' rows: few rows are written at once while it changes, many while it rests.

    On a recording it can be wound: `keep` before it goes back from where it was farthest, `settle` before any move.
    """

    def __init__(self, raw: Raw, frames: list[Frame]) -> None:
        n = len(raw.coins)
        self._raw = raw
        # for each coin: its own position, the step it changed at, how many steps are written ahead and to which step
        self._held = [0] * n
        self._changed = [0] * n
        self._span = [1] * n
        self._until = [NEVER] * n
        # the first row that was never written, and the first that was not since the last move
        self._written = [0] * n
        self._reach = [0] * n
        self._kept: list[npt.NDArray[np.float64]] = [np.empty(0)] * n
        self._columns: list[tuple[Any, Any]] = []
        self.track(frames)

    def track(self, frames: list[Frame]) -> None:
        """Write into these frames, whose blocks may have grown."""
        self.frames = frames
        self._columns = [
            (frame.block[:, -1], track.bars.close) for frame, track in zip(frames, self._raw.decisions, strict=True)
        ]

    def catch_up(self, latest: State) -> int:
        """Write what is held now into the rows ahead; return the step at which that is to be looked at again."""
        raw = self._raw
        step = raw.step
        for n, units in enumerate(latest.trade.held()):
            if units != self._held[n]:
                self._span[n] = 1 if raw.growing or step - self._changed[n] < BUSY_STEPS else FIRST_SPAN
                self._held[n], self._changed[n] = units, step
            elif step < self._until[n]:
                continue
            elif not raw.growing:
                self._span[n] = min(4 * self._span[n], LONGEST_SPAN)
            self._write_ahead(n, step, *latest.trade.holding(n))
        return step + 1 if raw.growing else min(self._until)

    def _write_ahead(self, n: int, step: int, amount: float, least_price: int) -> None:
        track = self._raw.decisions[n]
        positions, closes = self._columns[n]
        # what came late closes with this step, and is held like its own
        row = track.rows_by(step)
        # rows ahead are flat unless they were written
        span = self._span[n] if amount or self._written[n] > row else 0
        self._until[n] = step + span if span else NEVER
        end = track.rows_by(step + span) if span else row
        if end == row + 1:
            positions[row] = amount * (closes[row] >= least_price)
        elif end > row:
            positions[row:end] = amount * (closes[row:end] >= least_price)
        self._written[n] = max(self._written[n], end)
        self._reach[n] = max(self._reach[n], end)

    # winding

    def keep(self) -> None:
        """Remember the rows up to the cursor: this is the farthest."""
        for n, (positions, _) in enumerate(self._columns):
            kept, rows = self._kept[n], self._rows(n)
            if rows < len(kept):
                self._kept[n] = kept[:rows].copy()
            elif rows > len(kept):
                self._kept[n] = np.concatenate([kept, positions[len(kept) : rows]])

    def settle(self) -> None:
        """Put back into the rows ahead what they held when the cursor was there."""
        for n, (positions, _) in enumerate(self._columns):
            begin, end = self._rows(n), min(self._reach[n], len(self._kept[n]))
            if begin < end:
                positions[begin:end] = self._kept[n][begin:end]

    def wake(self) -> None:
        """Write ahead anew at the next step: the cursor was moved."""
        self._until = [0] * len(self._until)
        self._reach = [0] * len(self._reach)

    def _rows(self, n: int) -> int:
        return self._raw.decisions[n].rows_by(self._raw.step + 1)

    def adopt(self, other: Positions) -> None:
        """Take over what another has for the rows up to the cursor."""
        for n, ((mine, _), (its, _)) in enumerate(zip(self._columns, other._columns, strict=True)):
            rows = self._rows(n)
            mine[:rows] = its[:rows]
            self._written[n] = rows
        self._held, self._changed = list(other._held), list(other._changed)
        self.wake()
