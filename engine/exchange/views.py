"""What the kernel's codes and rows stand for: names, texts, and views of an order and a fill."""

from __future__ import annotations

from typing import NamedTuple

from engine.model import OrderStatus, OrderType, TimeInForce

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
