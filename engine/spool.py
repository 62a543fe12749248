"""Spool: a log that only grows, wound back and on again."""

from __future__ import annotations

from typing import Any


class Spool:
    """A log that only grows (a list, an array, bytes), and what it came to where it was longest.

    `keep` before it is wound back from there; `wind` to any length it had; `cut` makes what it is now the longest.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self._kept = log[:0]

    def __len__(self) -> int:
        return len(self._log)

    def keep(self) -> None:
        """Remember what the log has come to."""
        self._kept += self._log[len(self._kept) :]

    def wind(self, length: int) -> None:
        """Give the log the length it had."""
        if length < len(self._log):
            del self._log[length:]
        else:
            self._log += self._kept[len(self._log) : length]

    def cut(self) -> None:
        """Forget what it came to otherwise: it is longest as it is now."""
        self._kept[:] = self._log
