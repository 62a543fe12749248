"""Why: what there is to say of a step, as a tree that prints and goes to JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from engine.exact import plain
from engine.model import Bar, CoinName, Fill, Order, Signal, Timestamp
from engine.state import FIELDS


class CoinView(msgspec.Struct, frozen=True):
    """A coin's market at the step: whether a bar of its closed there, the last bar, and the last price."""

    coin: CoinName
    closed: bool
    bar: Bar | None
    price: float | None


class ReadView(msgspec.Struct, frozen=True):
    """A number the strategy read to decide, of the bar `ago` bars before the last, and what it was a bar earlier."""

    coin: CoinName
    name: str
    value: float | None
    previous: float | None
    ago: int = 0


class SignalWhy(msgspec.Struct, frozen=True):
    """A signal, what became of it, and where it was refused by how much; `order` is the one it led to."""

    coin: CoinName
    signal: Signal
    outcome: str
    detail: str = ""
    order: int | None = None


class OrderWhy(msgspec.Struct, frozen=True):
    """An order that was open, or came, at the step: what became of it there, and why."""

    order: Order
    what: str
    why: str


class AccountView(msgspec.Struct, frozen=True):
    """The account at the end of a step: worth and free cash in its currency, free and locked of each asset, positions."""

    equity: Decimal
    cash: Decimal
    balances: dict[str, tuple[Decimal, Decimal]]
    positions: dict[CoinName, Decimal]


class Why(msgspec.Struct, frozen=True):
    """The why of a step. `nothing` says why nothing came of it; empty where something did."""

    step: int
    time: Timestamp
    strategy: str
    currency: str
    coins: list[CoinView]
    reads: list[ReadView]
    signals: list[SignalWhy]
    orders: list[OrderWhy]
    fills: list[Fill]
    before: AccountView
    after: AccountView
    nothing: list[str]

    def to_json(self) -> bytes:
        """Return it as one JSON object; money as decimal text, what has no value as null."""
        return msgspec.json.encode(self, enc_hook=_plain_number)

    def lines(self) -> Iterator[str]:
        """Yield it as lines to read."""
        when = datetime.fromtimestamp(self.time // 10**9, UTC)
        yield f"step {self.step:,}, {when:%Y-%m-%d %H:%M:%S} UTC, {self.strategy}"
        yield "market"
        for coin in self.coins:
            bar = coin.bar
            shown = "no bar yet" if bar is None else "  ".join(f"{name[0]} {_exact(getattr(bar, name))}" for name in FIELDS)
            yield f"  {coin.coin}  {shown}{'' if coin.closed or bar is None else '  (no new bar)'}"
        if self.reads:
            yield "read"
        for read in self.reads:
            ago = f" {read.ago} ago" if read.ago else ""
            value, previous = (_number(its, exact=read.name in FIELDS) for its in (read.value, read.previous))
            yield f"  {read.coin} {read.name}{ago}  {value}  (a bar before {previous})"
        if self.signals:
            yield "signals"
        for signal in self.signals:
            reason = f": {signal.signal.reason}" if signal.signal.reason else ""
            yield f"  {signal.coin} {signal.signal.kind}{reason}"
            yield f"    {signal.outcome}{f'; {signal.detail}' if signal.detail else ''}"
        if self.orders:
            yield "orders"
        for order in self.orders:
            yield f"  #{order.order.id} {_told(order.order)}: {order.what}"
            yield f"    {order.why}"
        if self.fills:
            yield "fills"
        for fill in self.fills:
            fee = f"fee {plain(fill.fee)} {fill.fee_asset}"
            yield f"  #{fill.order_id} {fill.coin} {fill.side.value} {plain(fill.amount)} at {plain(fill.price)}, {fee}"
        yield from self.nothing
        yield "account"
        yield f"  equity  {_change(self.before.equity, self.after.equity)} {self.currency}"
        yield f"  cash    {_change(self.before.cash, self.after.cash)} {self.currency}"
        for coin_name in sorted({*self.before.positions, *self.after.positions}):
            held = (its.positions.get(coin_name, Decimal(0)) for its in (self.before, self.after))
            yield f"  {coin_name}  {_change(*held)}"


def number(value: float) -> float | None:
    """Return a number as the tree holds it: none where it has no value."""
    return None if math.isnan(value) else value


def _plain_number(value: Any) -> Any:
    """Return what a strategy made of its numbers, numpy's mostly, as JSON can hold it."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _number(value: float | None, *, exact: bool) -> str:
    """Return a number that was read: the market's own in full, what was made of it to 8 digits."""
    return "no value yet" if value is None else _exact(value) if exact else f"{value:,.8g}"


def _exact(value: float) -> str:
    """Return a price or volume with all of its digits, as the exchange writes it."""
    return f"{plain(Decimal(repr(value))):,f}"


def _change(before: Decimal, after: Decimal) -> str:
    shown = f"{plain(before):,f}"
    return shown if before == after else f"{shown} → {plain(after):,f}"


def _told(order: Order) -> str:
    """Return an order in a line."""
    at = f" at {plain(order.price):,f}" if order.price is not None else ""
    stop = f" stop {plain(order.stop):,f}" if order.stop is not None else ""
    return f"{order.coin} {order.side.value} {order.type.value} {plain(order.amount):,f}{at}{stop}"
