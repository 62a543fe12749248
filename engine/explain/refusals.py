"""Refusals: by how much an order missed what the exchange or the balance would have let pass."""

from __future__ import annotations

from engine.exact import UNIT, plain, to_decimal
from engine.exchange import kernel as k
from engine.explain.tracing import Sent
from engine.trading.account import Account
from engine.trading.notes import REFUSED


def money(units: int, decimals: int = 8) -> str:
    """Return so many units as plain decimal text."""
    return f"{plain(to_decimal(units, decimals)):,f}"


def by_how_much(account: Account, sent: Sent) -> str:
    """Return by how much an order that was sent missed what would have passed; "" where the refusal says it itself."""
    if not sent.code or sent.code >= REFUSED:
        return ""
    exchange, asked, n = account.exchange, sent.asked, sent.coin
    its, scale = exchange.instruments[n], exchange.scale(n)
    places, mark = exchange.decimals[its.base], account.raw.mark_units(n)
    reference = int(k.reference_of(asked.kind, asked.price, asked.stop, mark))
    match sent.code:
        case k.LOT_SIZE:
            return f"an amount of {money(sent.amount, places)} {its.base}; a lot is {money(exchange.lot(n), places)}"
        case k.NOTIONAL:
            worth = sent.amount * reference // scale
            least = its.min_notional
            return f"worth {money(worth)} {its.quote}; the least is {money(least)}, {money(least - worth)} more"
        case k.PRICE_FILTER:
            return f"a price of {money(asked.price or asked.stop)}; the tick is {money(its.tick)}"
        case k.WOULD_TAKE | k.WOULD_TRIGGER:
            what, at = ("limit", asked.price) if sent.code == k.WOULD_TAKE else ("stop", asked.stop)
            return f"its {what} is {money(at)}, the market {money(mark)}, {money(abs(at - mark))} apart on the wrong side"
        case k.PERCENT_PRICE:
            most, least = mark * its.price_up // UNIT, -(-mark * its.price_down // UNIT)
            beyond = asked.price - most if asked.price > most else least - asked.price
            return f"a price of {money(asked.price)}; it may be {money(least)} to {money(most)}, {money(beyond)} beyond"
        case k.TOO_MANY_ORDERS | k.TOO_MANY_STOPS:
            most_open = its.max_orders if sent.code == k.TOO_MANY_ORDERS else its.max_stops
            return f"{sent.n_open} orders are open; {most_open} may be"
        case k.INSUFFICIENT:
            lock = int(k.lock_of(exchange.head, exchange.coins, n, asked.side, asked.kind, sent.amount, reference))
            asset, digits = (its.quote, 8) if asked.side == k.BUY else (its.base, places)
            short = money(lock - sent.free, digits)
            return f"it needs {money(lock, digits)} {asset} and {money(sent.free, digits)} is free, {short} too little"
        case _:
            return ""
