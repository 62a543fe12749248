"""TradeSystemAPI: what every trade system can do, simulated or real."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Literal

from engine.model import CoinName, OrderStatus, OrderType, Signal, TimeInForce
from engine.state import Raw, State

Author = Literal["strategy", "hand", "risk", "kill"]
Number = float | Decimal
"""A float means the decimal it prints as."""


class TradeSystemAPI(ABC):
    """Places orders and tells how they fare; `update` lets the market act on them, `latest` is the state they leave."""

    latest: State

    @property
    def due(self) -> int:
        """The next step at which `update` has anything to do: any, unless a trade system knows better."""
        return 0

    @abstractmethod
    def update(self, raw_latest: Raw) -> None:
        """Let the market's latest events act on the open orders."""

    @abstractmethod
    def place_order(
        self,
        coin: CoinName,
        amount: Number,
        price: Number | None = None,
        *,
        type: OrderType | None = None,
        stop: Number | None = None,
        trail_bps: int | None = None,
        tif: TimeInForce = TimeInForce.GTC,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
        trailing_stop_bps: int | None = None,
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        """Place an order: `amount` in base units, + buys and - sells; at `price` in quote currency, or at the market for None.

        The amount is cut to the lot; a price goes to the tick that asks for no more than was asked for. `stop` makes an order
        that waits until the market has gone so far against it, or, with a TAKE_PROFIT `type`, its way; with `trail_bps` the
        stop follows the market by so many basis points. Then it is a market order, or with a `price` a limit. `type`
        LIMIT_MAKER makes a limit that never takes; `tif` IOC and FOK make one that stays for one event. What a buy brings in is
        sold again at `stop_loss`, or `trailing_stop_bps` below the highest since, or at `take_profit`. An order the exchange
        refuses is an order with status REJECTED. Raises OrderError for what no order can be: an unknown coin, a number that is
        not finite.
        """

    @abstractmethod
    def place_oco(
        self,
        coin: CoinName,
        amount: Number,
        price: Number,
        stop: Number | None = None,
        *,
        stop_limit: Number | None = None,
        trail_bps: int | None = None,
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        """Place a limit-maker order at `price` and a stop, of which the first to act cancels the other.

        The stop stands at `stop` or follows by `trail_bps`; it becomes a market order, or a limit at `stop_limit`.
        """

    @abstractmethod
    def amend_order(self, order: int, amount: Number) -> None:
        """Reduce an open order to `amount` in all, its place kept; raises OrderError where that is refused."""

    @abstractmethod
    def replace_order(
        self,
        order: int,
        amount: Number,
        price: Number | None = None,
        *,
        stop: Number | None = None,
        type: OrderType | None = None,
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        """Cancel an open order and place another in its stead, on its side; raises OrderError, and leaves it, if refused."""

    @abstractmethod
    def cancel(self, order: int) -> bool:
        """Cancel one order by its id, the other of its pair with it; False where it was no longer open."""

    @abstractmethod
    def cancel_order(self, coin: CoinName) -> None:
        """Cancel all of the coin's open orders."""

    @abstractmethod
    def query_order(self, coin: CoinName) -> OrderStatus:
        """Return the status of the coin's latest order."""

    @abstractmethod
    def trade(self, coin: CoinName, signal: Signal) -> None:
        """Turn a signal into orders, net of those that work already.

        A signal whose order still works does nothing, `close` with nothing to sell does nothing, and an opposite signal cancels
        first. What no account could pay or no filter lets pass is not sent. Raises StrategyError for a signal that makes no
        sense.
        """
