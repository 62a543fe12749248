"""The simulated exchange: the kernel's arrays with names, exact amounts in and out, and room made before it is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.errors import AmountOverflow, ConfigError, OrderError
from engine.exact import DECIMALS, UNIT
from engine.exchange import kernel as k
from engine.model import CoinName, Instrument, OrderStatus, OrderType

Ints = npt.NDArray[np.int64]

TYPES = (OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP)
STATUSES = (
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)
REFUSALS = (
    "",
    "-1013 Filter failure: PRICE_FILTER",
    "-1013 Filter failure: LOT_SIZE",
    "-1013 Filter failure: NOTIONAL",
    "-1013 Market is closed: no price yet",
    "-2010 Order would immediately match and take.",
    "-2010 Stop price would trigger immediately.",
    "-2010 Account has insufficient balance for requested action.",
    "expired: the bar's volume share was used up",
)
"""The exchange's code and text for each refusal code of the kernel."""


class FillRules(NamedTuple):
    """How orders fill; rates and share count 1e-8 (10 bps is 100,000), a share of 0 means uncapped."""

    maker: int = 100_000
    taker: int = 100_000
    fee_asset: str = "received"
    slippage: int = 0
    limit_touch: bool = False
    max_volume_share: int = 0


class OrderView(NamedTuple):
    """An order as the exchange has it, in units; `kind`, `status` and `refusal` are the kernel's codes."""

    coin: int
    side: int
    kind: int
    amount: int
    price: int
    stop: int
    mark: int
    step: int
    time: int
    filled: int
    lock: int
    status: int
    refusal: int
    arrived: int


class FillView(NamedTuple):
    """A fill as the exchange has it, in units; the fee is in base where `fee_is_base` is 1."""

    order: int
    step: int
    time: int
    coin: int
    side: int
    amount: int
    price: int
    fee: int
    fee_is_base: int
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
        self._queue = np.zeros(64, np.int64)
        self.head[k.MAKER_RATE : k.OPEN] = (
            rules.maker,
            rules.taker,
            rules.fee_asset == "quote",
            rules.slippage,
            rules.limit_touch,
            rules.max_volume_share,
        )
        for n, instrument in enumerate(self.instruments):
            self.coins[n, : k.POSITION] = self._coin_row(instrument)
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
        )

    @property
    def n_orders(self) -> int:
        """Orders so far, refused ones included."""
        return int(self.head[k.N_ORDERS])

    @property
    def n_fills(self) -> int:
        """Fills so far."""
        return int(self.head[k.N_FILLS])

    @property
    def n_open(self) -> int:
        """Orders that can still fill."""
        return int(self.head[k.N_OPEN])

    @property
    def open_orders(self) -> list[int]:
        """Ids of the orders that can still fill, oldest first."""
        ids: list[int] = self.head[k.OPEN : k.OPEN + self.n_open].tolist()
        return ids

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

    def position(self, coin: int) -> int:
        """Return the own position of a coin in base units, dust included."""
        return self.coins.item(coin, k.POSITION)

    def lot(self, coin: int) -> int:
        """Return the coin's lot in the base asset's unit."""
        return self.coins.item(coin, k.LOT)

    def scale(self, coin: int) -> int:
        """Return how many units make one of the coin's base asset."""
        return self.coins.item(coin, k.SCALE)

    def order(self, order: int) -> OrderView:
        """Return an order by its id."""
        return OrderView(*self.orders[order].tolist())

    def fill(self, n: int) -> FillView:
        """Return the n-th fill."""
        return FillView(*self.fills[n].tolist())

    def judge(self, coin: int, side: int, kind: int, amount: int, price: int, stop: int, mark: int) -> int:
        """Return the refusal code an order would get now, 0 for none; nothing is placed."""
        try:
            judged = k.judge(self.head, self.coins, self.balances, coin, side, kind, amount, price, stop, mark)
        except OverflowError:
            judged = k.OVERFLOW
        return self._checked(judged, coin)

    def place(
        self, coin: int, side: int, kind: int, amount: int, price: int, stop: int, mark: int, step: int, time: int
    ) -> int:
        """Enter an order (side 1 buys, -1 sells; price and stop 0 where it has none) and return its id.

        A refused order is entered too, with its status and code. Raises TypeError for anything that is not an integer,
        OrderError for a coin, side or type there is not.
        """
        if not (0 <= coin < len(self.instruments) and side in (k.BUY, k.SELL) and 0 <= kind < len(TYPES)):
            raise OrderError(f"there is no coin {coin}, side {side} or order type {kind}")
        if self.head[k.N_ORDERS] == len(self.orders):
            self.orders = np.concatenate([self.orders, np.zeros_like(self.orders)])
        if k.OPEN + self.head[k.N_OPEN] == len(self.head):
            self.head = np.concatenate([self.head, np.zeros_like(self.head)])
            self._queue = np.zeros(len(self.head), np.int64)
        try:
            placed = k.place(
                self.head,
                self.coins,
                self.balances,
                self.orders,
                index(coin),
                index(side),
                index(kind),
                index(amount),
                index(price),
                index(stop),
                index(mark),
                index(step),
                index(time),
            )
        except OverflowError:
            placed = k.OVERFLOW
        return self._checked(placed, coin)

    def cancel(self, order: int, step: int) -> bool:
        """Cancel an order; False where it was no longer open."""
        if not 0 <= order < self.head[k.N_ORDERS]:
            return False
        return bool(k.cancel(self.head, self.coins, self.balances, self.orders, index(order), index(step)))

    def on_bar(self, coin: int, step: int, time: int, open: int, high: int, low: int, close: int, volume: int) -> int:
        """Let a closed bar act on the coin's orders placed before `step`; return how many fills it made."""
        while self.head[k.N_FILLS] + self.head[k.N_OPEN] > len(self.fills):
            self.fills = np.concatenate([self.fills, np.zeros_like(self.fills)])
        done = k.on_bar(
            self.head,
            self.coins,
            self.balances,
            self.orders,
            self.fills,
            self._queue,
            index(coin),
            index(step),
            index(time),
            index(open),
            index(high),
            index(low),
            index(volume),
        )
        return self._checked(done, coin)

    def scan(self, coin: int, high: Ints, low: Ints, volume: Ints, start: int, stop: int) -> int:
        """Return the first row in [start, stop) whose bar could change an open order of the coin, else `stop`."""
        return int(k.scan(self.head, self.coins, self.orders, coin, high, low, volume, start, stop))

    def _checked(self, result: Any, coin: int) -> int:
        if result == k.OVERFLOW:
            instrument = self.instruments[coin]
            raise AmountOverflow(
                f"an amount of {instrument.coin} does not fit 64 bits in units of 1e-{self.decimals[instrument.base]}",
                hint=f"give {instrument.base} a coarser unit: [account] decimals = {{ {instrument.base} = 0 }}",
            )
        return int(result)
