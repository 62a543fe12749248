"""The nouns: what the market, the exchange and a strategy speak of."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

CoinName = str
"""An exchange's symbol, such as BTCUSDT."""

Timestamp = int
"""Nanoseconds since 1970-01-01 UTC, int64."""

NS_PER_SECOND = 1_000_000_000
INTERVALS: dict[str, Timestamp] = {
    f"{n}{unit}": n * seconds * NS_PER_SECOND
    for unit, seconds, counts in (
        ("s", 1, (1,)),
        ("m", 60, (1, 3, 5, 15, 30)),
        ("h", 3600, (1, 2, 4, 6, 8, 12)),
        ("d", 86400, (1, 3)),
        ("w", 604800, (1,)),
    )
    for n in counts
}
"""Binance's kline intervals of fixed length, in nanoseconds."""


class Side(StrEnum):
    """The direction of an order or a fill."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """Order types, in the exchange's words; a stop is Binance's STOP_LOSS, a market order once its price is reached.

    The others that wait for a price are limit orders once it is reached, or wait for it to go their way (take-profit).
    """

    MARKET = "market"
    LIMIT = "limit"
    LIMIT_MAKER = "limit_maker"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"


class TimeInForce(StrEnum):
    """How long a limit order stays: until cancelled, for what can be had at once, or whole at once or not at all."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    """Where an order stands, in Binance's words; NONE means there was never one, PENDING that its entry still works."""

    NONE = "NONE"
    PENDING = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_open(self) -> bool:
        """Whether the order can still fill."""
        return self in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING)


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A coin's two assets and the exchange filters it trades under; tick, lot and min_notional count 1e-8.

    A limit price must lie between `price_down` and `price_up` times the market's, both counting 1e-8; `max_orders` may be
    open at a time, `max_stops` of them waiting for a trigger. 0 is no limit.
    """

    coin: CoinName
    base: str
    quote: str
    tick: int = 1
    lot: int = 1
    min_notional: int = 0
    price_up: int = 0
    price_down: int = 0
    max_orders: int = 0
    max_stops: int = 0


class Bar(msgspec.Struct, frozen=True):
    """One closed bar: time is its opening, prices in quote currency, volume in base units."""

    time: Timestamp
    open: float
    high: float
    low: float
    close: float
    volume: float


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands; amounts in base units, prices in quote currency, exact.

    `trail_bps` is set where its stop follows the market; `entry` is the order it is to close, `pair` the one that ends with it.
    """

    id: int
    coin: CoinName
    side: Side
    type: OrderType
    amount: Decimal
    filled: Decimal
    price: Decimal | None
    stop: Decimal | None
    status: OrderStatus
    step: int
    time: Timestamp
    by: Literal["strategy", "hand", "risk", "kill"] = "strategy"
    reason: str = ""
    refusal: str = ""
    tif: TimeInForce = TimeInForce.GTC
    trail_bps: int | None = None
    entry: int | None = None
    pair: int | None = None


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution; cash is free quote and position the own base amount, dust included, both after it."""

    order_id: int
    step: int
    time: Timestamp
    coin: CoinName
    side: Side
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    cash: Decimal
    position: Decimal


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy holds of a coin by its own trades: amount with dust, and what of it can be sold, in base units."""

    coin: CoinName
    amount: Decimal
    sellable: Decimal
    entry_price: float
    mark: float
    unrealized: float


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy wants of a coin, net of its working orders.

    `buy` and `sell` say how much as `value` (in the account's currency, at the coin's close, at most what is free of its quote
    asset) or `amount` (in base units); with a `price` the order is a limit (`maker=True`: one that never takes), with a `stop`
    a stop order, with neither a market order. `close` sells all that can be sold; `cancel` withdraws the coin's working orders.
    With a `price` and a `stop` the order is a limit once the stop is reached. A repeated signal does nothing while its order
    works; an opposite one cancels that order first. The exits of a buy (`stop_loss`, `take_profit`, `trailing_stop_bps`) stay
    until one of them fills, or `sell` or `close` takes their place; `cancel` leaves them.
    """

    kind: Literal["buy", "sell", "close", "cancel"]
    value: float | None = None
    amount: float | None = None
    price: float | None = None
    stop: float | None = None
    maker: bool = False
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop_bps: int | None = None
    reason: str = ""

    @classmethod
    def buy(
        cls,
        *,
        value: float | None = None,
        amount: float | None = None,
        price: float | None = None,
        stop: float | None = None,
        maker: bool = False,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        trailing_stop_bps: int | None = None,
        reason: str = "",
    ) -> Signal:
        """Buy `value` worth or `amount` of the coin.

        What it brings in is sold again at `stop_loss`, or `trailing_stop_bps` below the highest since, or at `take_profit`.
        """
        return cls(
            kind="buy",
            value=value,
            amount=amount,
            price=price,
            stop=stop,
            maker=maker,
            stop_loss=stop_loss,
            take_profit=take_profit,
            trailing_stop_bps=trailing_stop_bps,
            reason=reason,
        )

    @classmethod
    def sell(
        cls,
        *,
        value: float | None = None,
        amount: float | None = None,
        price: float | None = None,
        stop: float | None = None,
        maker: bool = False,
        reason: str = "",
    ) -> Signal:
        """Sell `value` worth or `amount` of what the strategy holds of the coin, never more than that."""
        return cls(kind="sell", value=value, amount=amount, price=price, stop=stop, maker=maker, reason=reason)

    @classmethod
    def close(cls, *, price: float | None = None, stop: float | None = None, maker: bool = False, reason: str = "") -> Signal:
        """Sell everything the strategy can sell of the coin."""
        return cls(kind="close", price=price, stop=stop, maker=maker, reason=reason)

    @classmethod
    def cancel(cls, *, reason: str = "") -> Signal:
        """Withdraw the coin's working orders."""
        return cls(kind="cancel", reason=reason)
