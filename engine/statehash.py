"""The state hash: one number for everything a run has come to, equal wherever the same step was reached by other ways."""

from __future__ import annotations

import collections
import datetime
import enum
import hashlib
import types
from collections.abc import Iterable
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import numpy as np

from engine.errors import StrategyError
from engine.exchange import kernel as k
from engine.features.frame import Row
from engine.strategy import Strategy
from engine.trading.system import TradeSystem

SIMPLE: frozenset[type] = frozenset((bool, int, float, complex, str, bytes, type(None)))
"""Kinds whose repr tells all of their value."""


def state_hash(trade: TradeSystem, strategy: Strategy) -> str:
    """Return the hash of the cursor, the exchange, its logs, the signals and the strategy's own attributes, 32 hex digits.

    Raises StrategyError naming an attribute whose value has no canonical form.
    """
    trade.account.follow()
    exchange = trade.exchange
    h = hashlib.blake2b(digest_size=16)
    h.update(np.int64(trade.raw.step).tobytes())
    h.update(exchange.head[: k.OPEN + exchange.n_open].tobytes())
    for part in (exchange.coins, exchange.balances, exchange.orders[: exchange.n_orders], exchange.fills[: exchange.n_fills]):
        h.update(part.tobytes())
    h.update(trade.signals.tobytes())
    h.update(own_state(strategy))
    return h.hexdigest()


def own_state(strategy: Strategy) -> bytes:
    """Return what a strategy keeps beside what the engine keeps of it; raises StrategyError naming what cannot be kept."""
    own = {"rng": strategy.rng, **vars(strategy)}
    for name in strategy.transient:
        own.pop(name, None)
    return b"".join(f"{name} ".encode() + canonical(name, value) for name, value in sorted(own.items()))


def canonical(name: str, value: Any) -> bytes:
    """Return a strategy attribute's value as bytes that equal values share; raises StrategyError where there are none."""
    try:
        return _bytes(value, ())
    # an object of the strategy's own is asked for its state, and may fail in any way while it answers
    except Exception as error:
        raise StrategyError(
            f"the attribute {name!r} cannot be told apart from others: {error}",
            hint="keep numbers, texts, lists, dicts, sets, arrays or objects of these on a strategy",
        ) from None


def _bytes(value: Any, above: tuple[int, ...]) -> bytes:
    """Return a value as its kind, its length and its parts; those of sets and dicts in the order of their bytes.

    `above` are the ids of what the value is a part of.
    """
    kind = type(value)
    if kind in SIMPLE or isinstance(value, datetime.date | datetime.time | datetime.timedelta | Decimal | PurePath):
        body = repr(value).encode()
    elif isinstance(value, Strategy):
        body = b""
    elif isinstance(value, type | types.FunctionType | enum.Enum) or _is_plain_builtin(value):
        body = _name_of(value).encode()
    elif id(value) in above:
        body = str(above.index(id(value))).encode()
    else:
        above = (*above, id(value))
        if kind in (list, tuple) and set(map(type, value)) <= SIMPLE:
            body = repr(value).encode()
        elif kind in (set, frozenset):
            body = b"".join(sorted(_bytes(part, above) for part in value))
        elif kind in (dict, collections.defaultdict, collections.Counter, collections.OrderedDict):
            body = b"".join(sorted(_bytes(key, above) + _bytes(part, above) for key, part in value.items()))
        else:
            body = b"".join(_bytes(part, above) for part in _parts(value))
    return f"{kind.__qualname__} {len(body)} ".encode() + body


def _parts(value: Any) -> Iterable[Any]:
    """Return what an object is made of, in its order; raises TypeError where that cannot be seen."""
    if isinstance(value, Row):
        return value.frame.coin, value.time
    if isinstance(value, np.ndarray):
        content = value.tolist() if value.dtype.hasobject else value.tobytes()
        return value.dtype.str, value.shape, content
    if isinstance(value, np.generic):
        return value.dtype.str, value.item()
    if isinstance(value, np.random.Generator):
        return (value.bit_generator.state,)
    if type(value) in (list, tuple):
        parts: Iterable[Any] = value
        return parts
    if hasattr(value, "__next__"):
        raise TypeError(f"a {type(value).__name__} is used up by looking at it")
    made = value.__reduce_ex__(2)
    if isinstance(made, str):
        return (made,)
    return [list(part) if hasattr(part, "__next__") else part for part in made]


def _is_plain_builtin(value: Any) -> bool:
    return isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, types.ModuleType | None)


def _name_of(value: Any) -> str:
    """Return where a class, a function or a member of an enum is found; raises TypeError for what has no such place."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__module__}:{type(value).__qualname__}.{value.name}"
    if isinstance(value, types.FunctionType) and "<" in value.__qualname__:
        raise TypeError("a function made on the way has no value")
    return f"{value.__module__}:{value.__qualname__}"
