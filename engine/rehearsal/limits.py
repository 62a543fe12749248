"""How much a client may ask: weights and orders counted in windows of time, and what one who asks more is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from engine.rehearsal.clock import NS_PER_SECOND, Clock
from engine.rehearsal.desk import Desk
from engine.rehearsal.errors import ApiError, error
from engine.rehearsal.orders import Report, UserEvent

WEIGHT, ORDERS, REQUESTS = "REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"
SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}
SHORTEST_BAN_S, LONGEST_BAN_S = 120, 3 * 86400


class Rule(NamedTuple):
    """A limit as exchangeInfo tells it: so many of a `kind` in `num` times an `interval`."""

    kind: str
    interval: str
    num: int
    limit: int

    @property
    def seconds(self) -> int:
        """The length of its window."""
        return self.num * SECONDS[self.interval]


class Usage(NamedTuple):
    """A limit and how much of it is used in the window that runs."""

    rule: Rule
    used: int


class Exceeded(ApiError):
    """A refusal of one who asked too much, and is to wait."""

    def __init__(self, refusal: ApiError, retry_s: int, status: int = 429) -> None:
        super().__init__(refusal.code, refusal.message, status)
        self.retry_s = retry_s


class Window:
    """The count of a limit, from zero whenever a window of its length, aligned to the clock, begins."""

    def __init__(self, rule: Rule, clock: Clock) -> None:
        self.rule = rule
        self._clock = clock
        self._length = rule.seconds * NS_PER_SECOND
        self._number = -1
        self._count = 0

    @property
    def used(self) -> int:
        """How much of the limit is used."""
        number = self._clock.now // self._length
        if number != self._number:
            self._number, self._count = number, 0
        return self._count

    @property
    def left_s(self) -> int:
        """How many whole seconds until the next window."""
        return math.ceil((self._length - self._clock.now % self._length) / NS_PER_SECOND)

    def add(self, count: int) -> None:
        """Count some more, or less, never below zero."""
        self._count = max(self.used + count, 0)


class Limits:
    """The limits of all who come: `clock` is the exchange's at its beginning, and goes as the wall does.

    Weights count for all clients together, as they all come from one address. One who goes on `patience` times after it was
    told to wait is banned: two minutes at first, then ever longer.
    """

    def __init__(self, rules: Sequence[Rule], clock: Clock, patience: int = 10) -> None:
        self.rules = tuple(rules)
        self._clock = clock
        self._patience = patience
        self._weights = [Window(rule, clock) for rule in rules if rule.kind == WEIGHT]
        self._requests = [Window(rule, clock) for rule in rules if rule.kind == REQUESTS]
        self._orders: dict[str, list[Window]] = {}
        self._refused = 0
        self._bans = 0
        self._banned_until = 0

    def admit(self, weight: int) -> None:
        """Count a request; raises Exceeded where it is one too many."""
        now = self._clock.now
        if now < self._banned_until:
            raise self._ban(now)
        for window in (*self._weights, *self._requests):
            window.add(weight if window.rule.kind == WEIGHT else 1)
        over = next((its for its in (*self._weights, *self._requests) if its.used > its.rule.limit), None)
        if over is None:
            self._refused = 0
            return
        self._refused += 1
        if self._refused > self._patience:
            self._refused = 0
            self._banned_until = now + min(SHORTEST_BAN_S << self._bans, LONGEST_BAN_S) * NS_PER_SECOND
            self._bans = min(self._bans + 1, 20)
            raise self._ban(now)
        rule = over.rule
        text = error(-1003, rule.limit, f"{rule.num} {rule.interval}") if rule.kind == WEIGHT else error(-1003)
        raise Exceeded(text, over.left_s)

    def forgive(self, weight: int) -> None:
        """Count the weight of a request back."""
        for window in self._weights:
            window.add(-weight)

    def admit_orders(self, desk: Desk) -> None:
        """Raise Exceeded where an account has too many unfilled orders."""
        for window in self.windows(desk):
            if window.used >= window.rule.limit:
                refusal = error(-1015, window.rule.limit, f"{window.rule.num} {window.rule.interval}")
                raise Exceeded(refusal, window.left_s)

    def count_orders(self, desk: Desk, orders: int) -> None:
        """Count unfilled orders of an account, or fewer."""
        for window in self.windows(desk):
            window.add(orders)

    def windows(self, desk: Desk) -> list[Window]:
        """Return the windows an account's unfilled orders are counted in; one that begins to fill counts no more."""
        windows = self._orders.get(desk.name)
        if windows is None:
            windows = self._orders[desk.name] = [Window(rule, self._clock) for rule in self.rules if rule.kind == ORDERS]

            def on_event(event: UserEvent) -> None:
                if isinstance(event, Report) and event.trade is not None and event.order.filled == event.trade.amount:
                    self.count_orders(desk, -1)

            desk.listeners.append(on_event)
        return windows

    def usage(self) -> tuple[Usage, ...]:
        """Return how much of the weights is used."""
        return tuple(Usage(window.rule, window.used) for window in self._weights)

    def order_usage(self, desk: Desk) -> tuple[Usage, ...]:
        """Return how many unfilled orders an account has."""
        return tuple(Usage(window.rule, window.used) for window in self.windows(desk))

    def _ban(self, now: int) -> Exceeded:
        left = math.ceil((self._banned_until - now) / NS_PER_SECOND)
        return Exceeded(error(-1003, self._banned_until // 1_000_000), left, 418)
