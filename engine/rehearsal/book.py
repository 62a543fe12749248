"""The order book a coin is shown with: levels a tick apart on either side of the quotes, their sizes a hash of the price.

Nobody recorded the book behind a bar. This one is stated: it is deep enough to be read, moves with the quotes, and its
snapshots and differences agree.
"""

from __future__ import annotations

from typing import NamedTuple

LEVELS = 20
Side = dict[int, int]


class BookChange(NamedTuple):
    """Levels that changed: price to amount, 0 where the level is gone; ids as in the exchange's depth stream."""

    first_id: int
    last_id: int
    bids: Side
    asks: Side


class Book:
    """Levels by price, best first; prices count 1e-8, amounts 1e-8 of the base asset, whole lots. `id` counts its changes."""

    def __init__(self, tick: int, lot: int, seed: int = 0) -> None:
        self.id = 0
        self.bids: Side = {}
        self.asks: Side = {}
        self._tick = tick
        self._lot = lot
        self._seed = seed

    def move(self, bid: int, ask: int) -> BookChange | None:
        """Set the quotes; return what changed, None where nothing did."""
        if self.bids and next(iter(self.bids)) == bid and next(iter(self.asks)) == ask:
            return None
        bids = self._levels(bid, -self._tick)
        asks = self._levels(ask, self._tick)
        change = BookChange(self.id + 1, self.id + 1, _difference(self.bids, bids), _difference(self.asks, asks))
        self.bids, self.asks = bids, asks
        self.id += 1
        return change

    @property
    def best(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Price and amount of the best bid and of the best ask, zeros where there is none."""
        return next(iter(self.bids.items()), (0, 0)), next(iter(self.asks.items()), (0, 0))

    def _levels(self, best: int, step: int) -> Side:
        prices = (best + n * step for n in range(LEVELS))
        return {price: self._size(price) for price in prices if price > 0}

    def _size(self, price: int) -> int:
        mixed = (price // self._tick * 2654435761 + self._seed * 40503) % 2**32
        return self._lot * (1 + mixed % 5000)


def _difference(old: Side, new: Side) -> Side:
    gone = {price: 0 for price in old if price not in new}
    return gone | {price: amount for price, amount in new.items() if old.get(price) != amount}
