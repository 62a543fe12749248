"""An order ticket: what was typed into the order form, and what can be said against it before it is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.host.protocol import BalanceRow, CoinInfo
from engine.model import OrderType, Side
from tui.text import exact

TYPES = (OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP)
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The order form's fields; amount and price as typed, in base units and quote currency."""

    coin: str
    side: Side
    type: OrderType
    amount: str
    price: str

    @property
    def needs_price(self) -> bool:
        """Whether the type has a price of its own."""
        return self.type is not OrderType.MARKET


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say of a ticket: `wrong` keeps it from being sent, `warning` does not; `cost` in quote currency."""

    wrong: str = ""
    warning: str = ""
    cost: Decimal | None = None


def number(text: str) -> Decimal | None:
    """Return the plain decimal number in `text`, None for anything else: no sign, exponent, separator or foreign digit."""
    text = text.strip()
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _known(text: str) -> Decimal:
    return number(text) or Decimal(0)


def free_balance(balances: Sequence[BalanceRow], asset: str) -> Decimal:
    """Return what is free of an asset; nothing where the account has none of it."""
    return next((_known(row.free) for row in balances if row.asset == asset), Decimal(0))


def judge(ticket: Ticket, info: CoinInfo, last: float, balances: Sequence[BalanceRow]) -> Verdict:
    """Return what is wrong or odd about a ticket, given the coin's filters, its last price and the account's balances."""
    amount = number(ticket.amount)
    if amount is None:
        return Verdict("type an amount" if not ticket.amount.strip() else "the amount is no plain number, such as 0.25")
    price = number(ticket.price) if ticket.needs_price else _market(last)
    wrong = _wrong_amount(amount, info) or _wrong_price(ticket, price, info)
    if wrong or price is None:
        return Verdict(wrong)
    cost = amount * price
    least = _known(info.min_notional)
    if cost < least:
        return Verdict(f"the order is worth {_plain(cost)}, below the least of {_plain(least)} {info.quote}", cost=cost)
    return Verdict(warning=_warning(ticket, amount, price, cost, info, last, balances), cost=cost)


def _market(last: float) -> Decimal | None:
    return Decimal(repr(last)) if last > 0 else None


def _wrong_amount(amount: Decimal, info: CoinInfo) -> str:
    lot = _known(info.lot)
    if amount <= 0:
        return "the amount is nothing"
    if lot > 0 and amount % lot:
        return f"the amount is no multiple of the lot, {_plain(lot)} {info.base}"
    return ""


def _wrong_price(ticket: Ticket, price: Decimal | None, info: CoinInfo) -> str:
    if price is None and not ticket.needs_price:
        return f"{info.coin} has no price yet"
    if price is None:
        return "type a price" if not ticket.price.strip() else "the price is no plain number, such as 105250.5"
    if price <= 0:
        return "the price is nothing"
    tick = _known(info.tick)
    if ticket.needs_price and tick > 0 and price % tick:
        return f"the price is no multiple of the tick, {_plain(tick)} {info.quote}"
    return ""


def _warning(
    ticket: Ticket, amount: Decimal, price: Decimal, cost: Decimal, info: CoinInfo, last: float, balances: Sequence[BalanceRow]
) -> str:
    buying = ticket.side is Side.BUY
    free = free_balance(balances, info.quote if buying else info.base)
    if (cost if buying else amount) > free:
        return f"more than the free {info.quote if buying else info.base}: the exchange will refuse it"
    mark = Decimal(repr(last)) if last > 0 else None
    if mark is None:
        return ""
    if ticket.type is OrderType.LIMIT and (price >= mark if buying else price <= mark):
        return "the market is there already: it takes on the next bar"
    if ticket.type is OrderType.LIMIT_MAKER and (price >= mark if buying else price <= mark):
        return "it would take, and a maker order must not: the exchange will refuse it"
    if ticket.type is OrderType.STOP and (price <= mark if buying else price >= mark):
        return "the market is beyond this stop already: the exchange will refuse it"
    return ""


def _plain(value: Decimal) -> str:
    return exact(format(value, "f"))
