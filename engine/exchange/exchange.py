"""The simulated exchange: what it does with an account's orders, at once and as the market moves."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import OrderError
from engine.exchange import kernel as k
from engine.exchange.tables import Tables
from engine.exchange.views import Exit

Ints = npt.NDArray[np.int64]


def _direct(function: Any) -> Any:
    """Return the one version of a compiled function: a call of it does not look up the types of its arguments first.

    That takes as long as what an order costs. The arrays are an Exchange's own, and the numbers are seen to be integers.
    """
    versions = getattr(function, "overloads", None)
    return versions[function.signatures[0]].entry_point if versions else function


_PLACE, _ON_BAR = _direct(k.place), _direct(k.on_bar)


class Exchange(Tables):
    """Matching, balances and fees of a spot account on recorded bars and ticks."""

    def place(
        self,
        coin: int,
        side: int,
        kind: int,
        amount: int,
        price: int,
        stop: int,
        mark: int,
        step: int,
        time: int,
        *,
        trail: int = 0,
        tif: int = k.GTC,
        keep: bool = True,
    ) -> int:
        """Enter an order (side 1 buys, -1 sells; price and stop 0 where it has none) and return its id.

        With `trail`, in basis points, the stop follows the market and `stop` is 0. A refused order is entered too, with its
        status and code; unless it is not to be kept: then -1 less the code is returned. Raises TypeError for anything that is
        not an integer, OrderError for a coin, side or type there is not.
        """
        self._known(coin, side, kind)
        trigger = self._trigger(coin, side, kind, stop, trail, mark) if trail else stop
        try:
            _ = coin | side | kind | amount | price | trigger | trail | tif | mark | step | time  # integers, or a TypeError
            result: int = _PLACE(
                self.head,
                self.coins,
                self.balances,
                self.orders,
                coin,
                side,
                kind,
                amount,
                price,
                trigger,
                trail,
                tif,
                mark,
                step,
                time,
                keep,
            )
        except OverflowError:
            result = k.OVERFLOW
        if result == k.FULL:
            self._room(1)
            return self.place(coin, side, kind, amount, price, stop, mark, step, time, trail=trail, tif=tif, keep=keep)
        return result if result >= 0 else self._checked(result, coin)

    def place_pair(
        self,
        coin: int,
        side: int,
        amount: int,
        limit: int,
        stop: int,
        mark: int,
        step: int,
        time: int,
        *,
        stop_limit: int = 0,
        trail: int = 0,
    ) -> tuple[int, int]:
        """Enter a limit-maker order and a stop of which the first to act cancels the other (OCO), and return their ids.

        The stop becomes a limit order at `stop_limit`, a market order where that is 0. Both are refused where one is.
        """
        kind = k.STOP_LIMIT if stop_limit else k.STOP_LOSS
        self._known(coin, side, kind)
        self._room(2)
        stop = self._trigger(coin, side, kind, stop, trail, mark)
        numbers = map(index, (coin, side, amount, limit, kind, stop_limit, stop, trail, mark, step, time))
        first = self._done(k.place_pair, coin, self.head, self.coins, self.balances, self.orders, *numbers)
        return first, first + 1

    def place_with_exits(
        self,
        coin: int,
        kind: int,
        amount: int,
        price: int,
        stop: int,
        exits: Sequence[Exit],
        mark: int,
        step: int,
        time: int,
        *,
        trail: int = 0,
        tif: int = k.GTC,
    ) -> int:
        """Enter a buy with a stop, a target or both (in that order), which sell what it brought in, and return its id.

        The exits have the ids after it. They are pending until the entry has ended; where there are two, the first to act
        cancels the other. All are refused where one is.
        """
        self._known(coin, k.BUY, kind)
        self._room(1 + len(exits))
        stop = self._trigger(coin, k.BUY, kind, stop, trail, mark)
        reference = max(k.reference_of(kind, price, stop, mark), 0)
        legs = [
            Exit(its.kind, its.price, self._trigger(coin, k.SELL, its.kind, its.stop, its.trail, reference), its.trail)
            for its in exits
        ]
        refusals = [k.exit_refusal(self.head, self.coins, self.orders, coin, reference, *map(index, its[:3])) for its in legs]
        refused = max(refusals, default=k.NO_REFUSAL)
        numbers = list(map(index, (coin, k.BUY, kind, amount, price, stop, trail, tif)))
        if refused:
            entry: int = k.enter(self.head, self.orders, *numbers, 0, index(mark), index(step), index(time), refused)
        else:
            numbers += map(index, (mark, step, time, True))
            entry = self._done(k.place, coin, self.head, self.coins, self.balances, self.orders, *numbers)
        for leg in legs:
            k.attach(self.head, self.orders, entry, *map(index, leg))
        return entry

    def amend(self, order: int, amount: int, step: int) -> int:
        """Reduce an open order to `amount` in all, its place kept; return the refusal code, 0 where it was done."""
        coin = self.orders.item(order, k.COIN)
        numbers = map(index, (order, amount, step))
        return self._done(k.amend, coin, self.head, self.coins, self.balances, self.orders, *numbers)

    def cancel(self, order: int, step: int) -> bool:
        """Cancel an order, the other of its pair or its pending exits with it; False where it was no longer open."""
        if not 0 <= order < self.head[k.N_ORDERS]:
            return False
        self._room(0)
        return bool(k.cancel(self.head, self.coins, self.balances, self.orders, index(order), index(step)))

    def on_bar(
        self, coin: int, step: int, time: int, open: int, high: int, low: int, close: int, volume: int, bnb_price: int = 0
    ) -> int:
        """Let a closed bar act on the coin's orders placed before `step`; return how many fills it made.

        `bnb_price` is what a BNB is worth in the coin's quote, 0 where nobody knows.
        """
        self._known(coin)
        try:
            _ = coin | step | time | open | high | low | volume | bnb_price  # integers, or a TypeError
            result: int = _ON_BAR(
                self.head,
                self.coins,
                self.balances,
                self.orders,
                self.fills,
                self._queue,
                coin,
                step,
                time,
                open,
                high,
                low,
                volume,
                bnb_price,
            )
        except OverflowError:
            result = k.OVERFLOW
        if result == k.FULL:
            self._room(0)
            self._room_to_fill()
            return self.on_bar(coin, step, time, open, high, low, close, volume, bnb_price)
        return result if result >= 0 else self._checked(result, coin)

    def on_tick(
        self,
        coin: int,
        step: int,
        time: int,
        bid: int,
        ask: int,
        *,
        price: int = 0,
        volume: int = 0,
        since: int = 0,
        jump: bool = False,
        bnb_price: int = 0,
    ) -> int:
        """Let a trade of `volume` (1e-8 base) at `price` and the quotes after it act on the coin's orders placed before `step`.

        The market came to the price from `since` (by default it stood there) without a jump, unless `jump`. Without a price it
        is a change of quotes. Returns how many fills it made; raises OrderError for quotes that cross.
        """
        self._known(coin)
        if not 0 < bid < ask:
            raise OrderError(f"a bid of {bid} and an ask of {ask} are no quotes")
        self._room(0)
        self._room_to_fill()
        numbers = map(index, (coin, step, time, since or price, price, volume, jump, bid, ask, bnb_price))
        return self._done(k.on_tick, coin, self.head, self.coins, self.balances, self.orders, self.fills, self._queue, *numbers)

    def scan(self, coin: int, high: Ints, low: Ints, volume: Ints, start: int, stop: int) -> int:
        """Return the first row in [start, stop) whose bar could change an open order of the coin, else `stop`."""
        self._known(coin)
        return int(k.scan(self.head, self.coins, self.orders, coin, high, low, volume, start, stop))

    def follow(self, coin: int, high: Ints, low: Ints, volume: Ints, start: int, stop: int) -> None:
        """Let the coin's trailing orders follow the bars [start, stop) that were skipped, as `scan` allows."""
        self._known(coin)
        self._done(k.follow, coin, self.head, self.coins, self.orders, coin, high, low, volume, start, stop)
