"""Nodes: a condition as a tree, checked and ready to be evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from engine.model import CoinName


class Constant(NamedTuple):
    """A number as written."""

    value: float


class Read(NamedTuple):
    """A column: of a coin, of the coin in question where `coin` is empty, or of the account."""

    name: str
    coin: CoinName = ""
    account: bool = False


class Ago(NamedTuple):
    """A number `bars` bars of its coin earlier, steps where it is of no coin or of several."""

    number: Number
    bars: int


class Arithmetic(NamedTuple):
    """Numbers joined by `+ - * / %`, or given to abs, min or max."""

    how: str
    numbers: tuple[Number, ...]


class Comparison(NamedTuple):
    """Two numbers compared; false where one of them has no value."""

    how: str
    left: Number
    right: Number


class Event(NamedTuple):
    """Something that happens at a step; `what` narrows it down: a kind, a side, so many steps, a time in minutes of the day."""

    name: str
    coin: CoinName = ""
    what: str | int = ""
    general: bool = False


class Cross(NamedTuple):
    """Two numbers cross with a bar of their coin: `up`, `down`, either where both."""

    left: Number
    right: Number
    up: bool
    down: bool


class Logic(NamedTuple):
    """Truths joined by `and` or `or`, or one turned round by `not`."""

    how: str
    truths: tuple[Truth, ...]


Number: TypeAlias = Constant | Read | Ago | Arithmetic
Truth: TypeAlias = Comparison | Event | Cross | Logic
Node: TypeAlias = Number | Truth


def leaves(node: Node) -> Iterator[Node]:
    """Yield the node and everything below it."""
    yield node
    match node:
        case Ago(number, _):
            yield from leaves(number)
        case Arithmetic(_, parts):
            for part in parts:
                yield from leaves(part)
        case Logic(_, truths):
            for truth in truths:
                yield from leaves(truth)
        case Comparison(_, left, right) | Cross(left, right):
            yield from leaves(left)
            yield from leaves(right)
        case _:
            pass


def is_open(node: Node) -> bool:
    """Whether something in it is of a coin that is not named."""
    return any(
        (isinstance(its, Read) and not its.coin and not its.account)
        or (isinstance(its, Event) and not its.coin and not its.general)
        for its in leaves(node)
    )


def coins_of(number: Number) -> set[CoinName]:
    """Return the coins a number is of."""
    return {its.coin for its in leaves(number) if isinstance(its, Read) and not its.account}


def about(node: Truth, coin: CoinName) -> Truth:
    """Return a condition with this coin put where none is named."""
    match node:
        case Comparison(how, left, right):
            return Comparison(how, _about(left, coin), _about(right, coin))
        case Cross(left, right, up, down):
            return Cross(_about(left, coin), _about(right, coin), up, down)
        case Logic(how, truths):
            return Logic(how, tuple(about(its, coin) for its in truths))
        case Event(_, named, _, general):
            return node if named or general else node._replace(coin=coin)


def _about(node: Number, coin: CoinName) -> Number:
    match node:
        case Read(_, named, account):
            return node if named or account else node._replace(coin=coin)
        case Ago(number, bars):
            return Ago(_about(number, coin), bars)
        case Arithmetic(how, numbers):
            return Arithmetic(how, tuple(_about(its, coin) for its in numbers))
        case Constant():
            return node
