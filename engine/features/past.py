"""Past: what features that compute from the state have written, wound back and on; features over blocks need none of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.features.store import FeatureStore
from engine.state import Raw


class Cells:
    """The columns of a store's features that compute step by step, as they were where the cursor was farthest."""

    def __init__(self, store: FeatureStore, raw: Raw) -> None:
        self._store = store
        self._raw = raw
        self._columns = store.columns_by_step
        self._kept: list[npt.NDArray[np.float64]] = [np.empty((0, len(self._columns))) for _ in store.frames]

    def moment(self) -> tuple[bytes, ...]:
        """Return what the coins' latest rows hold; a row may be written again until the next bar closes."""
        if not self._columns:
            return ()
        return tuple(frame.block[max(row, 0), self._columns].tobytes() for frame, row in self._latest())

    def keep(self) -> None:
        """Remember the rows up to the cursor: this is the farthest."""
        if not self._columns:
            return
        for n, (frame, row) in enumerate(self._latest()):
            kept = self._kept[n][: max(row, 0)]
            begin = max(len(kept) - 1, 0)
            self._kept[n] = np.concatenate([kept[:begin], frame.block[begin : row + 1, self._columns]])

    def settle(self) -> None:
        """Put back into the latest rows what they came to later."""
        for n, (frame, row) in enumerate(self._latest()) if self._columns else ():
            if 0 <= row < len(self._kept[n]):
                frame.block[row, self._columns] = self._kept[n][row]

    def wind(self, moment: tuple[bytes, ...]) -> None:
        """Write into the latest rows what they held at a moment."""
        for (frame, row), cells in zip(self._latest(), moment, strict=False):
            if row >= 0:
                frame.block[row, self._columns] = np.frombuffer(cells)
        self._store.cleared = None

    def _latest(self) -> list[tuple[Any, int]]:
        step = self._raw.step
        return [(frame, track.last_row(step)) for frame, track in zip(self._store.frames, self._raw.decisions, strict=True)]
