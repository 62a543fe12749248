"""The order book of a coin: differences from a stream, joined to a snapshot by the exchange's own rule, or known to be torn."""

from __future__ import annotations

from collections import deque

from engine.binance.events import DepthEvent

Levels = dict[int, int]
"""Prices to amounts, both counting 1e-8."""
MOST_WAITING = 5000
"""Eight minutes of differences; a snapshot that is asked for is younger, and needs none before them."""


class OrderBook:
    """Differences wait until `join` gives them a snapshot; then the book is whole, until `torn` tells which updates it lacks.

    The rule is that of binance-spot-api-docs, "How to manage a local order book correctly" (2025-11-12). Levels that neither
    the snapshot nor a difference told of are unknown: a snapshot goes so deep and no deeper.
    """

    def __init__(self) -> None:
        self.bids: Levels = {}
        self.asks: Levels = {}
        self.last = 0
        """The id of the last update in it."""
        self.whole = False
        self.torn: list[tuple[int, int]] = []
        """The updates that never came, from one id to another, both included."""
        self._heard = 0
        self._waiting: deque[DepthEvent] = deque(maxlen=MOST_WAITING)

    def hear(self, event: DepthEvent) -> None:
        """Take in a difference; one of before changes nothing, one that does not follow on tears the book."""
        before = max(self._heard, self.last if self.whole else 0)
        if event.last <= before:
            return
        if before and event.first > before + 1:
            self.torn.append((before + 1, event.first - 1))
            self.tear()
        self._heard = event.last
        if self.whole:
            self._change(event)
        else:
            self._waiting.append(event)

    def join(self, last: int, bids: Levels, asks: Levels) -> bool:
        """Make the book whole by a snapshot; False where that is older than the differences, and another is to be asked for."""
        later = [event for event in self._waiting if event.last > last]
        if later and later[0].first > last + 1:
            return False
        self.bids, self.asks, self.last = dict(bids), dict(asks), last
        for event in later:
            self._change(event)
        self.whole = True
        self._waiting.clear()
        return True

    def tear(self) -> None:
        """Begin anew, as after a connection was lost."""
        self.whole = False
        self._waiting.clear()

    @property
    def wants(self) -> bool:
        """Whether differences wait for a snapshot; one from before there were any would be older than they."""
        return not self.whole and bool(self._waiting)

    @property
    def bid(self) -> int:
        """The best bid, 0 where there is none."""
        return max(self.bids, default=0)

    @property
    def ask(self) -> int:
        """The best ask, 0 where there is none."""
        return min(self.asks, default=0)

    def _change(self, event: DepthEvent) -> None:
        for levels, changed in ((self.bids, event.bids), (self.asks, event.asks)):
            for price, amount in changed.items():
                if amount:
                    levels[price] = amount
                else:
                    levels.pop(price, None)
        self.last = event.last
