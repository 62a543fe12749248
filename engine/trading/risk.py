"""Risk: the limits of `[risk]`, one code path for every mode; an order beyond one is refused, told which and by how much.

What reduces a position always passes, but for a price beyond the collar and for an order given twice: a limit must never keep
anybody from getting out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from decimal import Decimal
from typing import Any, NamedTuple

from engine.exact import DECIMALS, UNIT, to_decimal
from engine.exchange import Tables
from engine.exchange import kernel as k
from engine.model import Timestamp
from engine.state import Raw
from engine.trading.account import Account
from engine.trading.losses import NEVER, Losses
from engine.trading.terms import Terms

NS_PER_SECOND = 10**9
NS_PER_MINUTE = 60 * NS_PER_SECOND


class Limits(NamedTuple):
    """What is allowed; 0 is no limit. Money counts 1e-8 of the account's currency, shares count 1e-8."""

    order_notional: int = 0
    position_notional: int = 0
    price_collar: int = 0
    orders_per_minute: int = 0
    open_orders: int = 0
    daily_loss: int = 0
    drawdown: int = 0
    repeat_s: int = 0
    flatten: bool = False


class Stop(NamedTuple):
    """Why buying has stopped, whether for this UTC day only, and when."""

    reason: str
    today: bool
    time: Timestamp


class Risk:
    """The limits at work on one account. `stops` tells when and why they kept it from buying, the oldest first."""

    def __init__(self, limits: Limits, exchange: Tables, raw: Raw, account: Account) -> None:
        self.limits = limits
        self.stops: list[Stop] = []
        self.losses = Losses(raw, account, limits.drawdown / UNIT, limits.daily_loss / UNIT)
        self._exchange = exchange
        self._raw = raw
        self._account = account
        self._limited = any(limits)
        self._sent: deque[int] = deque()
        self._intents: dict[tuple[int, ...], int] = {}

    @property
    def watches(self) -> bool:
        """Whether losses are limited still."""
        return self.losses.due < NEVER

    def look(self, filled: bool) -> Stop | None:
        """Take note of the account's worth; return why to stop buying where that has just come about."""
        deep, today = self.losses.look(filled)
        if not deep and not today:
            return None
        equity, peak, opening, _ = self.losses.now
        share, since, name = (
            (self.limits.drawdown, peak, "max_drawdown_pct")
            if deep
            else (self.limits.daily_loss, opening, "max_daily_loss_pct")
        )
        lost, allowed = 100.0 * (1.0 - equity / since), to_decimal(share * 100).normalize()
        what = "peak" if deep else "day's start"
        reason = f"risk: {self._account.currency} {equity:,.2f} is {lost:.2f} % below its {what}, {name} is {allowed:f}"
        self.hold_to(Stop(reason, not deep, self._raw.time))
        return self.stops[-1]

    def hold_to(self, stop: Stop) -> None:
        """Let nothing be bought from a stop on; after one for good no other is looked for."""
        if stop.today:
            self.losses.spared = _day(stop.time)
        else:
            self.losses.drawdown = self.losses.daily = 0.0
        self.stops.append(stop)

    def share(self, stop: Stop) -> int:
        """Return what may be lost by the limit of a stop's kind, 1e-8 of what there was; 0 is no limit."""
        return self.limits.daily_loss if stop.today else self.limits.drawdown

    @property
    def stopped(self) -> Stop | None:
        """Why nothing may be bought now; a day's loss no longer counts on the next."""
        stop = self.stops[-1] if self.stops else None
        return None if stop is not None and stop.today and self.losses.spared != _day(self._raw.time) else stop

    def refuse(self, n: int, asked: Terms, amount: int, instead: Collection[int] = ()) -> str:
        """Return which limit an order for `amount` of a coin would pass, and by how much; "" where it may go.

        `instead` are the orders it takes the place of.
        """
        if not self._limited:
            return ""
        limits = self.limits
        return (
            (self._beyond_collar(n, asked) if limits.price_collar else "")
            or (self._repeated(n, asked, amount) if limits.repeat_s else "")
            or (self._too_much(n, asked, amount, instead) if asked.side == k.BUY else "")
        )

    def sent(self, n: int, asked: Terms, amount: int) -> None:
        """Take note of an order that went to the exchange."""
        if not self._limited:
            return
        if self.limits.orders_per_minute:
            self._sent.append(self._raw.time)
        if self.limits.repeat_s:
            since = self._raw.time - self.limits.repeat_s * NS_PER_SECOND
            self._intents = {intent: at for intent, at in self._intents.items() if at > since}
            self._intents[_intent(n, asked, amount)] = self._raw.time

    def moment(self) -> tuple[Any, ...]:
        """Return what was sent and stopped so far, for `wind`."""
        if not self._limited:
            return ()
        return tuple(self.stops), tuple(self._sent), dict(self._intents), self.losses.moment()

    def wind(self, moment: tuple[Any, ...]) -> None:
        """Go back, or on, to a moment."""
        if moment:
            stops, sent, intents, losses = moment
            self.stops[:], self._sent, self._intents = stops, deque(sent), dict(intents)
            self.losses.wind(losses)

    def _beyond_collar(self, n: int, asked: Terms) -> str:
        mark = self._raw.mark_units(n)
        price = asked.price or asked.stop
        if not mark or not price:
            return ""
        # how far the order would pay above the market, or sell below it
        worse = asked.side * (price - mark)
        if worse * UNIT <= self.limits.price_collar * mark:
            return ""
        way = "above" if asked.side == k.BUY else "below"
        return _passed(
            f"a price {_percent(worse * UNIT // mark)} {way} the market",
            "price_collar_pct",
            _percent(self.limits.price_collar),
            _percent(worse * UNIT // mark - self.limits.price_collar),
        )

    def _repeated(self, n: int, asked: Terms, amount: int) -> str:
        now, window = self._raw.time, self.limits.repeat_s * NS_PER_SECOND
        last = self._intents.get(_intent(n, asked, amount))
        if last is None or now - last >= window:
            return ""
        ago = (now - last) / NS_PER_SECOND
        return f"risk: the same order was given {ago:g} s ago, no_repeat_s is {self.limits.repeat_s}"

    def _too_much(self, n: int, asked: Terms, amount: int, instead: Collection[int]) -> str:
        """Return why no more may be bought."""
        limits, exchange = self.limits, self._exchange
        if (stop := self.stopped) is not None:
            return stop.reason
        if limits.order_notional:
            value = self._value(n, amount, asked.price or asked.stop or self._raw.mark_units(n))
            if value > limits.order_notional:
                return self._beyond("an order worth", value, "max_order_notional", limits.order_notional)
        if limits.position_notional:
            value = self._value(n, exchange.position(n) + self._working(n, instead) + amount, self._raw.mark_units(n))
            if value > limits.position_notional:
                return self._beyond("a position worth", value, "max_position_notional", limits.position_notional)
        if limits.open_orders and sum(its not in instead for its in exchange.open_orders) >= limits.open_orders:
            return _passed(f"{exchange.n_open} orders open", "max_open_orders", str(limits.open_orders), "1")
        if limits.orders_per_minute:
            while self._sent and self._sent[0] <= self._raw.time - NS_PER_MINUTE:
                self._sent.popleft()
            if len(self._sent) >= limits.orders_per_minute:
                allowed = str(limits.orders_per_minute)
                over = str(len(self._sent) + 1 - limits.orders_per_minute)
                return _passed(f"{len(self._sent)} orders in the last minute", "max_orders_per_minute", allowed, over)
        return ""

    def _working(self, n: int, instead: Collection[int]) -> int:
        """Return what the coin's open buys could still bring in, in its units."""
        rows = [self._exchange.orders[order].tolist() for order in self._exchange.open_orders if order not in instead]
        return sum(row[k.AMOUNT] - row[k.FILLED] for row in rows if row[k.COIN] == n and row[k.SIDE] == k.BUY)

    def _value(self, n: int, amount: int, price: int) -> int:
        """Return what an amount of a coin is worth at a price, in units of the account's currency."""
        return self._account.in_currency(amount * price // self._exchange.scale(n), n)

    def _beyond(self, what: str, value: int, name: str, limit: int) -> str:
        currency = self._account.currency
        return _passed(f"{what} {_money(value)} {currency}", name, _money(limit), f"{_money(value - limit)} {currency}")


def _day(time: Timestamp) -> int:
    """Return the UTC day of a time, at which a bar that closes at midnight still is of the day before."""
    return (time - 1) // (24 * 60 * NS_PER_MINUTE)


def _intent(n: int, asked: Terms, amount: int) -> tuple[int, ...]:
    return n, asked.side, asked.kind, asked.price, asked.stop, asked.trail, amount


def _passed(what: str, name: str, limit: str, over: str) -> str:
    return f"risk: {what}; {name} is {limit}, {over} too much"


def _money(units: int) -> str:
    return f"{to_decimal(units, DECIMALS).quantize(Decimal('0.01')):,f}"


def _percent(share: int) -> str:
    return f"{Decimal(share) / (UNIT // 100):.2f} %"
