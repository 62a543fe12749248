"""The simulated exchange: the kernel's arrays with names, exact amounts in and out, and room made before it is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import AmountOverflow, ConfigError, OrderError
from engine.exact import DECIMALS, INT64_MAX, UNIT
from engine.exchange import kernel as k
from engine.model import CoinName, Instrument, OrderStatus, OrderType, TimeInForce

Ints = npt.NDArray[np.int64]

TYPES = (
    OrderType.MARKET,
    OrderType.LIMIT,
    OrderType.LIMIT_MAKER,
    OrderType.STOP,
    OrderType.STOP_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
FEE_ASSETS = ("received", "quote", "bnb")
TIMES_IN_FORCE = (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
STATUSES = (
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
    OrderStatus.PENDING,
)
"""By the kernel's code; that of PENDING is -1, the last."""
REFUSALS = (
    "",
    "-1013 Filter failure: PRICE_FILTER",
    "-1013 Filter failure: LOT_SIZE",
    "-1013 Filter failure: NOTIONAL",
    "-1013 Market is closed: no price yet",
    "-2010 Order would immediately match and take.",
    "-2010 Order would trigger immediately.",
    "-2010 Account has insufficient balance for requested action.",
    "expired: the bar's volume share was used up",
    "-1013 Filter failure: PERCENT_PRICE_BY_SIDE",
    "-1013 Filter failure: MAX_NUM_ORDERS",
    "-1013 Filter failure: MAX_NUM_ALGO_ORDERS",
    "-2010 The relationship of the prices for the orders is not correct.",
    "expired: it could not be filled at once",
    "expired: its entry brought nothing in",
    "expired: the other order of the pair acted first",
    "-2038 Order amend (quantity increase) is not supported.",
    "risk: a limit of the session",
)
"""The exchange's code and text for each refusal code of the kernel."""


def _direct(function: Any) -> Any:
    """Return the one version of a compiled function: a call of it does not look up the types of its arguments first.

    That takes as long as what an order costs. The arrays are an Exchange's own, and the numbers are seen to be integers.
    """
    versions = getattr(function, "overloads", None)
    return versions[function.signatures[0]].entry_point if versions else function


_PLACE, _ON_BAR = _direct(k.place), _direct(k.on_bar)


class FillRules(NamedTuple):
    """How orders fill; rates and share count 1e-8 (10 bps is 100,000), a share of 0 means uncapped.

    `fee_asset` is received, quote or bnb: BNB of the account where that can be priced and there is enough, else as received.
    """

    maker: int = 100_000
    taker: int = 100_000
    fee_asset: str = "received"
    slippage: int = 0
    limit_touch: bool = False
    max_volume_share: int = 0


class OrderView(NamedTuple):
    """An order as the exchange has it, in units; `kind`, `tif`, `status` and `refusal` are the kernel's codes.

    `parent` and `sibling` are the id of its entry and of its other leg plus one, 0 where it has none.
    """

    coin: int
    side: int
    kind: int
    amount: int
    price: int
    stop: int
    trail: int
    tif: int
    parent: int
    mark: int
    step: int
    time: int
    filled: int
    lock: int
    status: int
    refusal: int
    arrived: int
    triggered: int
    extreme: int
    sibling: int
    exits: int
    received: int
    how: int


class Exit(NamedTuple):
    """How a bought amount is to be sold again: a stop or a target, in units; `trail` in basis points."""

    kind: int
    price: int = 0
    stop: int = 0
    trail: int = 0


class FillView(NamedTuple):
    """A fill as the exchange has it, in units; `fee_in` is the kernel's code for the fee's asset."""

    order: int
    step: int
    time: int
    coin: int
    side: int
    amount: int
    price: int
    fee: int
    fee_in: int
    maker: int
    cash: int
    position: int
    notional: int


class Exchange:
    """Matching, balances and fees of a spot account on recorded bars.

    Coins are numbered in the order of `instruments`. `balances` are the account's assets at the start, in their units;
    `decimals` gives an asset a coarser unit than 1e-8 (a base asset worth little). Raises ConfigError for a unit finer than a
    filter can be told in, AmountOverflow wherever an amount leaves 64 bits.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        balances: Mapping[str, int],
        rules: FillRules | None = None,
        decimals: Mapping[str, int] | None = None,
    ) -> None:
        rules = rules or FillRules()
        if not all(0 <= rate <= UNIT for rate in (rules.maker, rules.taker, rules.slippage, rules.max_volume_share)):
            raise ConfigError("fees, slippage and volume share must lie between 0 and 100 %")
        decimals = decimals or {}
        self.instruments = tuple(instruments)
        self.index: dict[CoinName, int] = {instrument.coin: n for n, instrument in enumerate(self.instruments)}
        names = dict.fromkeys([*balances, *(a for i in self.instruments for a in (i.base, i.quote))])
        self.assets: dict[str, int] = {asset: n for n, asset in enumerate(names)}
        self.decimals = {asset: decimals.get(asset, DECIMALS) for asset in self.assets}
        self.head = np.zeros(k.OPEN + 64, np.int64)
        self.coins = np.zeros((len(self.instruments), k.COIN_COLUMNS), np.int64)
        self.balances = np.zeros((len(self.assets), 2), np.int64)
        self.orders = np.zeros((64, k.ORDER_COLUMNS), np.int64)
        self.fills = np.zeros((64, k.FILL_COLUMNS), np.int64)
        self._queue = np.zeros(len(self.head), np.int64)
        self.head[k.MAKER_RATE : k.OPEN] = (
            rules.maker,
            rules.taker,
            FEE_ASSETS.index(rules.fee_asset),
            rules.slippage,
            rules.limit_touch,
            rules.max_volume_share,
            self.assets.get("BNB", -1),
            10 ** self.decimals.get("BNB", DECIMALS),
        )
        for n, instrument in enumerate(self.instruments):
            self.coins[n, : k.POSITION] = self._coin_row(instrument)
        self._lots: list[int] = self.coins[:, k.LOT].tolist()
        self._scales: list[int] = self.coins[:, k.SCALE].tolist()
        for asset, amount in balances.items():
            self.balances[self.assets[asset], k.FREE] = amount

    def _coin_row(self, instrument: Instrument) -> tuple[int, ...]:
        places = self.decimals[instrument.base]
        if self.decimals[instrument.quote] != DECIMALS:
            raise ConfigError(f"{instrument.quote} is a quote asset; its unit must stay 1e-{DECIMALS}")
        coarser = 10 ** (DECIMALS - places)
        if instrument.lot % coarser and coarser > 1:
            raise ConfigError(
                f"a unit of 1e-{places} is coarser than the lot of {instrument.coin}",
                hint=f"give {instrument.base} more decimals under [account] decimals",
            )
        return (
            self.assets[instrument.base],
            self.assets[instrument.quote],
            instrument.tick,
            instrument.lot // coarser,
            instrument.min_notional,
            10**places,
            instrument.price_up,
            instrument.price_down,
            instrument.max_orders,
            instrument.max_stops,
        )

    def change_filters(self, coin: int, instrument: Instrument) -> None:
        """Judge a coin's orders by other filters from now on; its assets must stay, and open orders stay as they are."""
        self.instruments = (*self.instruments[:coin], instrument, *self.instruments[coin + 1 :])
        self.coins[coin, : k.POSITION] = self._coin_row(instrument)

    @property
    def n_orders(self) -> int:
        """Orders so far, refused ones included."""
        return self.head.item(k.N_ORDERS)

    @property
    def n_fills(self) -> int:
        """Fills so far."""
        return self.head.item(k.N_FILLS)

    @property
    def n_open(self) -> int:
        """Orders that can still fill."""
        return self.head.item(k.N_OPEN)

    @property
    def open_orders(self) -> list[int]:
        """Ids of the orders that can still fill, oldest first."""
        ids: list[int] = self.head[k.OPEN : k.OPEN + self.n_open].tolist()
        return ids

    @property
    def ambiguous_bars(self) -> int:
        """Bars in which two orders could have acted and nobody knows which came first; the worse was taken."""
        return int(self.head[k.AMBIGUOUS])

    @property
    def log_hash(self) -> str:
        """The rolling hash of every order, cancel, fill and expiry so far."""
        return f"{int(self.head[k.HASH_A]):08x}{int(self.head[k.HASH_B]):08x}"

    def free(self, asset: str) -> int:
        """Return what of an asset can be spent, in its units."""
        return int(self.balances[self.assets[asset], k.FREE])

    def locked(self, asset: str) -> int:
        """Return what of an asset open orders hold back, in its units."""
        return int(self.balances[self.assets[asset], k.LOCKED])

    def transfer(self, asset: str, amount: int) -> None:
        """Bring in so many of an asset's units from outside, or take them out of what is free where they are negative.

        Raises OrderError where less is free, AmountOverflow where it is more than can be counted.
        """
        free = self.free(asset) + amount
        if free < 0:
            raise OrderError(f"{-amount} units of {asset} cannot be taken out: {free - amount} are free")
        if free + self.locked(asset) > INT64_MAX:
            raise AmountOverflow(f"so much {asset} does not fit 64 bits in units of 1e-{self.decimals[asset]}")
        self.balances[self.assets[asset], k.FREE] = free

    def position(self, coin: int) -> int:
        """Return the own position of a coin in base units, dust included."""
        return self.coins.item(coin, k.POSITION)

    def lot(self, coin: int) -> int:
        """Return the coin's lot in the base asset's unit."""
        return self._lots[coin]

    def scale(self, coin: int) -> int:
        """Return how many units make one of the coin's base asset."""
        return self._scales[coin]

    def order(self, order: int) -> OrderView:
        """Return an order by its id."""
        return OrderView(*self.orders[order].tolist())

    def fill(self, n: int) -> FillView:
        """Return the n-th fill."""
        return FillView(*self.fills[n].tolist())

    def judge(
        self,
        coin: int,
        side: int,
        kind: int,
        amount: int,
        price: int,
        stop: int,
        mark: int,
        *,
        trail: int = 0,
        spare: int = 0,
    ) -> int:
        """Return the refusal code an order would get now, 0 for none; nothing is placed.

        `spare` is what would be free beside the free balance, as of an order to be cancelled first.
        """
        self._known(coin, side, kind)
        stop = self._trigger(coin, side, kind, stop, trail, mark)
        numbers = map(index, (coin, side, kind, amount, price, stop, trail, mark, spare))
        return self._done(k.judge, coin, self.head, self.coins, self.balances, self.orders, *numbers)

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

    def refuse(
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
    ) -> int:
        """Enter an order that a limit of the user's own keeps from the exchange, and return its id."""
        self._known(coin, side, kind)
        self._room(1)
        numbers = map(index, (coin, side, kind, amount, price, stop, trail, tif, 0, mark, step, time, k.RISK))
        order: int = k.enter(self.head, self.orders, *numbers)
        return order

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

    def _known(self, coin: int, side: int = k.BUY, kind: int = k.MARKET) -> None:
        if not (0 <= coin < len(self._lots) and (side == k.BUY or side == k.SELL) and 0 <= kind < len(TYPES)):
            raise OrderError(f"there is no coin {coin}, side {side} or order type {kind}")

    def _room(self, orders: int) -> None:
        """Make room for so many orders more, and for the exits of those that are open."""
        while self.head[k.N_ORDERS] + orders > len(self.orders):
            self.orders = np.concatenate([self.orders, np.zeros_like(self.orders)])
        while k.OPEN + 3 * self.head[k.N_OPEN] + orders > len(self.head):
            self.head = np.concatenate([self.head, np.zeros_like(self.head)])
            self._queue = np.zeros(len(self.head), np.int64)

    def _room_to_fill(self) -> None:
        while self.head[k.N_FILLS] + 3 * self.head[k.N_OPEN] > len(self.fills):
            self.fills = np.concatenate([self.fills, np.zeros_like(self.fills)])

    def _trigger(self, coin: int, side: int, kind: int, stop: int, trail: int, mark: int) -> int:
        """Return an order's stop, that of a trailing one as far from the market as it trails."""
        if not trail:
            return stop
        if stop or kind < k.STOP_LOSS or not 0 < trail <= k.UNIT // k.BASIS_POINT:
            raise OrderError("a trailing order waits for a price that follows the market, by 1 to 10,000 basis points")
        return self._checked(k.trailed(index(mark), trail, k.waits_above(side, kind), self.coins.item(coin, k.TICK)), coin)

    def _done(self, function: Any, coin: int, *arguments: Any) -> int:
        try:
            result = function(*arguments)
        except OverflowError:
            result = k.OVERFLOW
        return self._checked(result, coin)

    def _checked(self, result: Any, coin: int) -> int:
        if result == k.OVERFLOW:
            instrument = self.instruments[coin]
            raise AmountOverflow(
                f"an amount of {instrument.coin} does not fit 64 bits in units of 1e-{self.decimals[instrument.base]}",
                hint=f"give {instrument.base} a coarser unit: [account] decimals = {{ {instrument.base} = 0 }}",
            )
        return int(result)
