"""An account's orders, fills and balances: the kernel's arrays with names, and room made before it is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

import numpy as np

from engine.errors import AmountOverflow, ConfigError, OrderError
from engine.exact import DECIMALS, INT64_MAX, UNIT
from engine.exchange import kernel as k
from engine.exchange.views import FEE_ASSETS, TYPES, FillRules, FillView, OrderView
from engine.model import CoinName, Instrument


class Tables:
    """The orders, fills and balances of a spot account, and by what filters its orders are judged.

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
