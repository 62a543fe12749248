"""The verdict on an order ticket: what can be said against it before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.host.protocol import AmendOrder, BalanceRow, CoinInfo, OrderRow, ReplaceOrder
from engine.model import OrderType, Side
from tui.text import exact
from tui.ticket import KINDS, MOST_BPS, Ticket, basis_points, number

_PRICES = {
    "price": "price",
    "stop": "trigger",
    "then": "limit",
    "stop_loss": "stop loss",
    "take_profit": "take profit",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say of a ticket: `wrong`, with the field it is about, keeps it from being sent, `warning` does not.

    `cost` is in quote currency.
    """

    wrong: str = ""
    field: str = "amount"
    warning: str = ""
    cost: Decimal | None = None


def free_balance(balances: Sequence[BalanceRow], asset: str) -> Decimal:
    """Return what is free of an asset; nothing where the account has none of it."""
    return next((_known(row.free) for row in balances if row.asset == asset), Decimal(0))


def judge(ticket: Ticket, info: CoinInfo, last: float, balances: Sequence[BalanceRow]) -> Verdict:
    """Return what is wrong or odd about a ticket, given the coin's filters, its last price and the account's balances."""
    amount = number(ticket.amount)
    if amount is None:
        return Verdict("type an amount" if not ticket.amount.strip() else "the amount is no plain number, such as 0.25")
    mark = Decimal(repr(last)) if last > 0 else None
    wrong = _wrong_amount(amount, info) or _wrong_prices(ticket, info) or _wrong_trails(ticket)
    if not wrong and mark is None and not ({"price", "stop"} & set(ticket.fields)):
        wrong = "amount", f"{info.coin} has no price yet"
    if wrong:
        return Verdict(wrong[1], wrong[0])
    levels = _levels(ticket, mark)
    if not levels:
        return Verdict()
    cost = amount * levels[0]
    least = _known(info.min_notional)
    if amount * min(levels) < least:
        worth = f"{_plain(amount * min(levels))}, below the least of {_plain(least)} {info.quote}"
        return Verdict(f"the order is worth {worth}", cost=cost)
    need = amount * max(levels) if ticket.side is Side.BUY else amount
    asset = info.quote if ticket.side is Side.BUY else info.base
    if need > free_balance(balances, asset):
        return Verdict(warning=f"more than the free {asset}: the exchange will refuse it", cost=cost)
    return Verdict(warning=_warning(ticket, levels[0], mark), cost=cost)


def judge_change(ticket: Ticket, row: OrderRow, info: CoinInfo, last: float, balances: Sequence[BalanceRow]) -> Verdict:
    """Return what is wrong or odd about making an open order into this ticket; what it holds back is free for that."""
    change, amount, filled = ticket.change(0, row), number(ticket.amount), _known(row.filled)
    if change is None:
        return Verdict("type another price, or less to keep its place" if row.change == "any" else "type less")
    if amount is None:
        return judge(ticket, info, last, balances)
    if isinstance(change, ReplaceOrder) and row.change != "any":
        return Verdict("only less of it: else cancel it and place another")
    if amount <= filled:
        return Verdict(f"{_plain(filled)} of it has filled already")
    left = _known(row.amount) - filled
    held = left * _known((row.price if row.price is not None else row.stop) or "")
    spare = {info.quote: held} if ticket.side is Side.BUY else {info.base: left}
    freed = [BalanceRow(its.asset, str(_known(its.free) + spare.get(its.asset, 0)), its.locked) for its in balances]
    if isinstance(change, AmendOrder):
        # what works already is not judged by the market again
        return replace(judge(ticket, info, last, freed), warning="")
    return judge(replace(ticket, amount=str(amount - filled)), info, last, freed)


def _known(text: str) -> Decimal:
    return number(text) or Decimal(0)


def _wrong_amount(amount: Decimal, info: CoinInfo) -> tuple[str, str] | None:
    lot = _known(info.lot)
    if amount <= 0:
        return "amount", "the amount is nothing"
    if lot > 0 and amount % lot:
        return "amount", f"the amount is no multiple of the lot, {_plain(lot)} {info.base}"
    return None


def _wrong_prices(ticket: Ticket, info: CoinInfo) -> tuple[str, str] | None:
    tick = _known(info.tick)
    trails = ticket.kind == "oco" and ticket.trail.strip()
    for name in ticket.fields:
        if name not in _PRICES:
            continue
        word, text = _PRICES[name], getattr(ticket, name).strip()
        if not text:
            if name == "price" or (name == "stop" and not trails):
                return name, f"type a {word}" + (" or a trail" if ticket.kind == "oco" and name == "stop" else "")
            continue
        price = number(text)
        if price is None:
            return name, f"the {word} is no plain number, such as 105250.5"
        if price <= 0:
            return name, f"the {word} is nothing"
        if tick > 0 and price % tick:
            return name, f"the {word} is no multiple of the tick, {_plain(tick)} {info.quote}"
    return None


def _wrong_trails(ticket: Ticket) -> tuple[str, str] | None:
    for name, other in (("trail", "stop"), ("exit_trail", "stop_loss")):
        text = getattr(ticket, name).strip()
        if name not in ticket.fields or not text:
            if ticket.kind == "trail" and name == "trail":
                return name, "type a trail, such as 1.5% or 150 basis points"
            continue
        if basis_points(text) is None:
            return name, "a trail is whole basis points up to 10000, such as 150, or 1.5%"
        if other in ticket.fields and getattr(ticket, other).strip():
            return name, f"it cannot both trail and stay: leave out the trail or the {_PRICES[other]}"
    return None


def _levels(ticket: Ticket, mark: Decimal | None) -> list[Decimal]:
    """Return the prices the order is judged at: its own, or the market's; a pair has two."""
    price, stop, then = (number(text) for text in (ticket.price, ticket.stop, ticket.then))
    trail = basis_points(ticket.trail)
    trailed = None
    if trail is not None and mark is not None:
        trailed = mark * (MOST_BPS + (trail if ticket.side is Side.BUY else -trail)) / MOST_BPS
    its = KINDS[ticket.kind].fields
    found = [price] if "price" in its else [stop] if "stop" in its else [trailed] if "trail" in its else [mark]
    if ticket.kind == "oco":
        found.append(then or stop or trailed)
    return [level for level in found if level is not None]


def _warning(ticket: Ticket, level: Decimal, mark: Decimal | None) -> str:
    """Return what the exchange would say, or what may come as a surprise."""
    buying = ticket.side is Side.BUY
    its = KINDS[ticket.kind]
    price, stop = number(ticket.price), number(ticket.stop)
    if mark is not None and "stop" in its.fields and stop is not None:
        rises = buying == (its.type not in (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT))
        if stop <= mark if rises else stop >= mark:
            return "the market is beyond this trigger already: the exchange will refuse it"
    if price is not None and "price" in its.fields:
        there = mark is not None and (price >= mark if buying else price <= mark)
        if its.type is OrderType.LIMIT_MAKER and there:
            return "it would take, and a maker order must not: the exchange will refuse it"
        if its.type is OrderType.LIMIT and there:
            return "the market is there already: it takes on the next bar"
        if its.type is OrderType.LIMIT and ticket.tif != "GTC":
            return f"{ticket.tif}: it expires unless the next bar opens there"
        if ticket.kind == "stop-limit" and stop is not None and (price < stop if buying else price > stop):
            return "once triggered it rests until the market is back at its price"
    stop_loss, take_profit = number(ticket.stop_loss), number(ticket.take_profit)
    if stop_loss is not None and "stop_loss" in ticket.fields and stop_loss >= level:
        return "the stop loss is not below the entry: the exchange will refuse it"
    if take_profit is not None and "take_profit" in ticket.fields and take_profit <= level:
        return "the take profit is not above the entry: the exchange will refuse it"
    return ""


def _plain(value: Decimal) -> str:
    return exact(format(value, "f"))
