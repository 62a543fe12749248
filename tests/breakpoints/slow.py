"""Conditions step by step: an engine run one step at a time, and Python's own `eval` on what stood at each step."""

from __future__ import annotations

import ast
import math
import operator as op
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from engine import Engine
from engine.analysis.trips import round_trips

NAN = math.nan
DAY = 86_400 * 10**9
COLUMNS = ("open", "high", "low", "close", "volume")
ACCOUNT = ("equity", "cash", "profit", "drawdown", "step")
OCCASIONS = ("signal", "order_placed", "filled", "rejected", "cancelled", "expired", "opened", "closed", "won", "lost", "gap")


@dataclass
class Seen:
    """What a run showed: numbers by (coin, name) or name, the steps at which each coin's bars closed, and what happened."""

    coins: tuple[str, ...]
    times: list[int] = field(default_factory=list)
    numbers: dict[Any, list[float]] = field(default_factory=dict)
    closed: dict[str, list[int]] = field(default_factory=dict)
    events: set[tuple[int, str, str, str]] = field(default_factory=set)
    moments: dict[Any, Any] = field(default_factory=dict)

    def put(self, key: Any, value: float) -> None:
        self.numbers.setdefault(key, []).append(float(value))


def watch(engine: Engine) -> Seen:
    """Run an engine to its end, one step at a time, and take down everything a condition can name."""
    seen = Seen(engine.raw.latest.coins)
    seen.closed = {coin: [] for coin in seen.coins}
    raw, strategy = engine.raw.latest, engine.strategy
    statuses: dict[int, str] = {}
    fills = signals = trips = 0
    peak, first = -math.inf, NAN
    held = {coin: Decimal(0) for coin in seen.coins}
    while engine.step():
        account, step = engine.trade.account, raw.step
        seen.times.append(raw.time)
        for n, coin in enumerate(seen.coins):
            bars = raw[coin]
            for name in COLUMNS:
                seen.put((coin, name), bars[name][-1] if len(bars) else NAN)
            for label in strategy.stats.features.labels:
                seen.put((coin, label), strategy.feature(coin, label))
            seen.put((coin, "price"), raw.price(coin))
            amount, least = account.holding(n)
            seen.put((coin, "position"), amount if raw.mark_units(n) >= least else 0.0)
            if raw.decisions[n].row(step) >= 0:
                seen.closed[coin].append(step)
            row = raw.events[n].row(step)
            times = raw.events[n].bars.time
            if row > 0 and times[row] - times[row - 1] > raw.events[n].bars.interval:
                seen.events.add((step, coin, "gap", ""))
        equity = account.equity
        peak, first = max(peak, equity), equity if step == 0 else first
        for name, value in zip(ACCOUNT, (equity, account.cash, equity - first, 1 - equity / peak, step), strict=True):
            seen.put(name, value)
        for note in list(engine.trade.signals)[signals:]:
            seen.events |= {(step, seen.coins[note.coin], "signal", kind) for kind in ("", note.kind)}
            if note.outcome.startswith("not sent"):
                seen.events.add((step, seen.coins[note.coin], "rejected", ""))
        signals = len(engine.trade.signals)
        for fill in account.fills[fills:]:
            seen.events |= {(step, fill.coin, "filled", side) for side in ("", fill.side.value)}
            its = next(its for its in raw.instruments if its.coin == fill.coin)
            before, after = (_sellable(its, amount, fill.price) for amount in (held[fill.coin], fill.position))
            if before != after:
                seen.events.add((step, fill.coin, "opened" if after else "closed", ""))
            held[fill.coin] = fill.position
        fills = len(account.fills)
        for trip in round_trips(account)[trips:]:
            seen.events.add((step, seen.coins[trip.coin], "won" if trip.profit > 0 else "lost", ""))
        trips = len(round_trips(account))
        for number in range(account.exchange.n_orders):
            order = account.order(number)
            before = statuses.get(number, "")
            statuses[number] = order.status.value
            if order.status.value == before:
                continue
            idle = order.refusal == "expired: its entry brought nothing in"
            on_book = ("NEW", "PARTIALLY_FILLED", "FILLED", *(("CANCELED", "EXPIRED") if before and not idle else ()))
            if before in ("", "PENDING_NEW") and order.status.value in on_book:
                seen.events |= {(step, order.coin, "order_placed", side) for side in ("", order.side.value)}
            ends = {"REJECTED": "rejected", "CANCELED": "cancelled", "EXPIRED": "expired"}
            if order.status.value in ends and not idle:
                seen.events.add((step, order.coin, ends[order.status.value], ""))
    return seen


def _sellable(its: Any, amount: Decimal, price: Decimal) -> bool:
    lot = Decimal(its.lot).scaleb(-8)
    whole = amount // lot * lot
    return whole > 0 and whole * price >= Decimal(its.min_notional).scaleb(-8)


def _joined(how: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: self._join(other, how)


def _tested(how: Callable[[Any, Any], Any]) -> Any:
    return lambda self, other: self._test(other, how)


class Value:
    """A number at any step, and the coins it is of."""

    def __init__(self, at: Callable[[int], float], coins: Iterable[str], moment: Moment) -> None:
        self.at = at
        self.coins = frozenset(coins)
        self.moment = moment

    def _join(self, other: Any, how: Callable[[Any, Any], Any]) -> Value:
        other = self.moment.value(other)
        return Value(lambda t: how(np.float64(self.at(t)), np.float64(other.at(t))), self.coins | other.coins, self.moment)

    def _test(self, other: Any, how: Callable[[float, float], bool]) -> bool:
        one, two = self.at(self.moment.step), self.moment.value(other).at(self.moment.step)
        return one == one and two == two and bool(how(one, two))

    __add__, __sub__, __mul__, __truediv__, __mod__ = map(_joined, (op.add, op.sub, op.mul, op.truediv, op.mod))
    __lt__, __le__, __gt__, __ge__, __eq__, __ne__ = map(_tested, (op.lt, op.le, op.gt, op.ge, op.eq, op.ne))
    __hash__ = None  # type: ignore[assignment]


class Occasion:
    """An event by its name: true where it happens, or asked about a kind of it."""

    def __init__(self, moment: Moment, coin: str, name: str) -> None:
        self.moment, self.coin, self.name = moment, coin, name

    def __call__(self, what: str = "") -> bool:
        moment = self.moment
        return not moment.quiet and (moment.step, self.coin, self.name, what) in moment.seen.events

    def __bool__(self) -> bool:
        return self()


class Moment:
    """The names of a condition at a step, for `eval`."""

    def __init__(self, seen: Seen, step: int, coin: str, quiet: bool) -> None:
        self.seen, self.step, self.quiet = seen, step, quiet
        self.names: dict[str, Any] = {"__builtins__": {}}
        self.names |= self._of(coin)
        self.names |= {its: type("Coin", (), self._of(its)) for its in seen.coins}
        self.names |= {name: self._read(name, ()) for name in ACCOUNT}
        calls = (self.ago, self.cross, self.crosses_above, self.crosses_below, self.every, self.time)
        self.names |= {call.__name__: call for call in calls}
        self.names |= {"abs": self.abs, "number": self.value}
        self.names |= {"min": lambda *its: self._most(its, -1), "max": lambda *its: self._most(its, 1)}

    def _of(self, coin: str) -> dict[str, Any]:
        numbers = {
            key[1].replace(".", "_"): self._read(key, (coin,))
            for key in self.seen.numbers
            if isinstance(key, tuple) and key[0] == coin
        }
        return {name: Occasion(self, coin, name) for name in OCCASIONS} | numbers

    def _read(self, key: Any, coins: Iterable[str]) -> Value:
        return Value(lambda t: self.seen.numbers[key][t] if t >= 0 else NAN, coins, self)

    def value(self, number: Any) -> Value:
        return number if isinstance(number, Value) else Value(lambda t: float(number), (), self)

    def _most(self, numbers: Iterable[Any], sign: int) -> Value:
        its = [self.value(number) for number in numbers]

        def at(t: int) -> float:
            values = [one.at(t) for one in its]
            return NAN if any(map(math.isnan, values)) else sign * max(sign * value for value in values)

        return Value(at, frozenset().union(*(one.coins for one in its)), self)

    def abs(self, number: Value) -> Value:
        return Value(lambda t: abs(number.at(t)), number.coins, self)

    def _before(self, coins: frozenset[str], t: int, bars: int) -> int:
        if len(coins) != 1:
            return max(t - bars, -1)
        closed = [step for step in self.seen.closed[next(iter(coins))] if step <= t]
        return closed[-1 - bars] if bars < len(closed) else -1

    def ago(self, its: Value, bars: Value) -> Value:
        return Value(lambda t: its.at(self._before(its.coins, t, int(bars.at(0)))), its.coins, self)

    def crosses_above(self, one: Value, two: Value) -> bool:
        coins, t = one.coins | two.coins, self.step
        if self.quiet or (len(coins) == 1 and t not in self.seen.closed[next(iter(coins))]):
            return False
        before = self._before(coins, t, 1)
        return one.at(t) > two.at(t) and one.at(before) <= two.at(before)

    def crosses_below(self, left: Value, right: Value) -> bool:
        return self.crosses_above(right, left)

    def cross(self, left: Value, right: Value) -> bool:
        return self.crosses_above(left, right) or self.crosses_below(left, right)

    def every(self, steps: Value) -> bool:
        return not self.quiet and self.step > 0 and self.step % int(steps.at(0)) == 0

    def time(self, text: str) -> bool:
        hour, minute = map(int, text.split(":"))
        at = (60 * hour + minute) * 60 * 10**9
        now = self.seen.times[self.step]
        before = self.seen.times[self.step - 1] if self.step else now - 1
        return not self.quiet and (now - at) // DAY > (before - at) // DAY


def moment(seen: Seen, step: int, coin: str, quiet: bool) -> Moment:
    """The names at a step, made once."""
    if (step, coin, quiet) not in seen.moments:
        seen.moments[step, coin, quiet] = Moment(seen, step, coin, quiet)
    return seen.moments[step, coin, quiet]


class Numbers(ast.NodeTransformer):
    """Turns every number of a condition into a call, so that two of them are divided as any others are."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        inner = self.visit(node.operand)
        minus = isinstance(node.op, ast.USub)
        return ast.BinOp(self.visit(ast.Constant(0)), ast.Sub(), inner) if minus else ast.UnaryOp(node.op, inner)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        number = isinstance(node.value, int | float)
        return ast.Call(ast.Name("number", ast.Load()), [node], []) if number else node


@cache
def program(text: str) -> CodeType:
    """A condition as Python."""
    return compile(
        ast.fix_missing_locations(Numbers().visit(ast.parse(text.replace("macd.signal", "macd_signal"), mode="eval"))),
        "condition",
        "eval",
    )


def stopping_steps(seen: Seen, text: str, events: Iterable[str], coin: str = "") -> list[int]:
    """The steps at which a condition stops, of which these are the events, by its meaning alone."""

    def true(what: str, t: int, its: str, quiet: bool = False) -> bool:
        return bool(eval(program(what), moment(seen, t, its, quiet).names))

    with np.errstate(all="ignore"):
        return [
            t
            for t in range(len(seen.times))
            if any(
                true(text, t, its)
                and (t == 0 or not true(text, t - 1, its, True) or any(true(event, t, its) for event in events))
                for its in ((coin,) if coin else seen.coins)
            )
        ]
