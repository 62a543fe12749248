"""The event log of a rehearsal: what really happened, whatever its clients were told; the oracle of those who test them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.model import Timestamp

Entry = dict[str, Any]


class EventLog:
    """Every event in order: `seq`, the market's `time` in ns, `what` it was, and its facts; `sink` gets each as it happens."""

    def __init__(self, now: Callable[[], Timestamp], sink: Callable[[Entry], None] | None = None) -> None:
        self.entries: list[Entry] = []
        self._now = now
        self._sink = sink

    def add(self, what: str, **facts: Any) -> None:
        """Log an event."""
        entry = {"seq": len(self.entries), "time": self._now(), "what": what, **facts}
        self.entries.append(entry)
        if self._sink is not None:
            self._sink(entry)

    def of(self, what: str) -> list[Entry]:
        """Return the entries of one kind."""
        return [entry for entry in self.entries if entry["what"] == what]
