"""TradeSystemAPI: what every trade system can do, simulated or real."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Literal

from engine.model import CoinName, OrderStatus, OrderType, Signal
from engine.state import Raw, State

Author = Literal["strategy", "hand"]
Number = float | Decimal
"""A float means the decimal it prints as."""


class TradeSystemAPI(ABC):
    """Places orders and tells how they fare; `update` lets the market act on them, `latest` is the state they leave."""

    latest: State

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
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        """Place an order: `amount` in base units, + buys and - sells; at `price` in quote currency, or at the market for None.

        The amount is cut to the lot; a price goes to the tick that asks for no more than was asked for. `type` LIMIT_MAKER
        makes a limit that never takes; `stop` makes a stop order. An order the exchange refuses is an order with status
        REJECTED. Raises OrderError for what no order can be: an unknown coin, a number that is not finite.
        """

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
