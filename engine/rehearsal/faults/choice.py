"""Choice: when a fault happens, by name, client id, number, time and chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from engine import seam
from engine.rehearsal.faults.scenario import Chosen

Fault = TypeVar("Fault", bound=Chosen)


class Choice(Generic[Fault]):
    """A fault, and how often it could have happened and has; `seed` is what its chances are drawn with."""

    def __init__(self, fault: Fault, seed: str) -> None:
        self.fault = fault
        self._dice = seam.Dice(seed)
        self._seen = 0
        self._done = 0
        self._began = 0.0

    def falls(self, names: Iterable[str], client_ids: Callable[[], Iterable[str]]) -> bool:
        """Return whether it happens to what goes by one of these names and has to do with these client ids; counted."""
        its = self.fault
        if not any(fnmatchcase(name, its.of) for name in names):
            return False
        if its.client_id is not None and not any(fnmatchcase(id, its.client_id) for id in client_ids()):
            return False
        self._seen += 1
        if self._seen < its.nth or self._is_over(its):
            return False
        if its.chance < 1 and self._dice.random() >= its.chance:
            return False
        self._began = self._began or seam.stopwatch()
        self._done += 1
        return True

    def _is_over(self, its: Chosen) -> bool:
        if its.times is not None and self._done >= its.times:
            return True
        return its.lasts_s is not None and self._done > 0 and seam.stopwatch() - self._began > its.lasts_s
