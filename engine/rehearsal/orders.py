"""An account's orders in a rehearsal: what was asked, how each fares, the trades it made, and what is told of it."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

import msgspec

from engine.exchange import kernel as k
from engine.model import OrderStatus, Timestamp

KINDS = (
    "MARKET",
    "LIMIT",
    "LIMIT_MAKER",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
"""The exchange's words for order types, by the kernel's code."""
TIFS = ("GTC", "IOC", "FOK")


class Ids:
    """The numbers an exchange gives: order and list ids over all accounts, trade ids a coin, execution ids."""

    def __init__(self, coins: int) -> None:
        self.orders = count(1)
        self.lists = count(1)
        self.trades = [count(1) for _ in range(coins)]
        self.executions = count(1)


class Trade(NamedTuple):
    """A fill as an account is told of it; price, amounts and fee count the units of their assets."""

    id: int
    order_id: int
    list_id: int
    coin: int
    price: int
    amount: int
    quote: int
    fee: int
    fee_asset: str
    time: Timestamp
    buyer: bool
    maker: bool


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An order as asked for, in the kernel's codes and units: `amount` of base, or `quote_amount` to spend or take in.

    `trail` counts basis points. Without a `client_id` the exchange gives one.
    """

    coin: int
    side: int
    kind: int
    amount: int = 0
    quote_amount: int = 0
    price: int = 0
    stop: int = 0
    trail: int = 0
    tif: int = k.GTC
    client_id: str = ""
    stp: str = "NONE"
    iceberg: int = 0
    strategy_id: int | None = None
    strategy_type: int | None = None


class Order(msgspec.Struct, kw_only=True):
    """An order of an account as it stands; times in ns, -1 where there is none yet. A snapshot is a copy.

    `number` is the kernel's id. `cancel_id` is the client's word for the cancel that ended it.
    """

    id: int
    number: int
    asked: Request
    client_id: str
    amount: int
    time: Timestamp
    list_id: int = -1
    update_time: Timestamp = -1
    working_time: Timestamp = -1
    filled: int = 0
    quote_filled: int = 0
    stop: int = 0
    status: OrderStatus = OrderStatus.NEW
    working: bool = False
    cancel_id: str = ""
    amends: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status.is_open


class OrderList(msgspec.Struct, kw_only=True):
    """A pair of orders of which the first to act ends the other (OCO)."""

    id: int
    client_id: str
    coin: int
    orders: list[int]
    time: Timestamp
    done: bool = False


class Amendment(NamedTuple):
    """An order's reduction: amounts in units, the client ids it had and has, and the number of its execution."""

    order_id: int
    execution: int
    before: str
    after: str
    old: int
    new: int
    time: Timestamp


class Report(NamedTuple):
    """What is told of an order at one moment: `kind` is the execution type, NEW, TRADE, CANCELED, EXPIRED or REPLACED.

    `before` is the client id it had until it was replaced.
    """

    kind: str
    order: Order
    trade: Trade | None
    time: Timestamp
    execution: int
    before: str = ""


class Moved(NamedTuple):
    """The balances that changed: free and locked by asset, in its units."""

    balances: dict[str, tuple[int, int]]
    time: Timestamp


class ListReport(NamedTuple):
    """What is told of a pair: `kind` is EXEC_STARTED or ALL_DONE."""

    kind: str
    pair: OrderList
    orders: list[Order]
    time: Timestamp


class Transfer(NamedTuple):
    """What came into the account from outside, in the asset's units, or went out where it is negative."""

    asset: str
    amount: int
    time: Timestamp


UserEvent = Report | Moved | ListReport | Transfer
