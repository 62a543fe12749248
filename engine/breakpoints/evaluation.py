"""Evaluation: a condition over many steps at once, as arrays."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.breakpoints.nodes import (
    Ago,
    Arithmetic,
    Comparison,
    Constant,
    Cross,
    Event,
    Logic,
    Number,
    Read,
    Truth,
    coins_of,
    leaves,
)
from engine.breakpoints.world import World

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_ARITHMETIC: dict[str, Any] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "min": np.minimum,
    "max": np.maximum,
}
_COMPARISONS: dict[str, Any] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def stops(truth: Truth, world: World, begin: int, end: int) -> Flags:
    """Return at which steps from `begin` up to `end` a condition stops: true, with an event of it or not true before."""
    steps = np.arange(begin, end)
    with np.errstate(all="ignore"):
        now = holds(truth, world, steps)
        if not now.any():
            return now
        before = holds(truth, world, steps - 1, quiet=True) & (steps > 0)
        return now & (~before | _happens(truth, world, begin, end))


def holds(truth: Truth, world: World, steps: Ints, *, quiet: bool = False) -> Flags:
    """Return whether a condition is true at steps that go up; where `quiet`, as if no event happened."""
    match truth:
        case Comparison(how, left, right):
            one, other = number(left, world, steps), number(right, world, steps)
            result = _COMPARISONS[how](one, other)
            return np.asarray(result & (one == one) & (other == other)) if how == "!=" else np.asarray(result)
        case Logic("not", (inner,)):
            return ~holds(inner, world, steps, quiet=quiet)
        case Logic(how, truths):
            parts = (holds(its, world, steps, quiet=quiet) for its in truths)
            return reduce(np.logical_and if how == "and" else np.logical_or, parts)
        case Event():
            if quiet:
                return np.zeros(len(steps), np.bool_)
            return world.happens(truth, int(steps[0]), int(steps[-1]) + 1)
        case Cross():
            return np.zeros(len(steps), np.bool_) if quiet else _crosses(truth, world, steps)


def number(node: Number, world: World, steps: Ints) -> Floats:
    """Return a number at steps that go up, NaN where it has no value."""
    match node:
        case Constant(value):
            return np.full(len(steps), value)
        case Read():
            return world.number(node, steps)
        case Ago(its, bars):
            return number(its, world, world.earlier(coins_of(its), steps, bars))
        case Arithmetic(how, numbers):
            values = [number(its, world, steps) for its in numbers]
            return np.asarray(np.abs(values[0]) if how == "abs" else reduce(_ARITHMETIC[how], values))


def _crosses(its: Cross, world: World, steps: Ints) -> Flags:
    coins = coins_of(its.left) | coins_of(its.right)
    earlier = world.earlier(coins, steps, 1)
    left, right = number(its.left, world, steps), number(its.right, world, steps)
    left_before, right_before = number(its.left, world, earlier), number(its.right, world, earlier)
    up = (left > right) & (left_before <= right_before) & its.up
    down = (left < right) & (left_before >= right_before) & its.down
    return np.asarray((up | down) & world.fresh(coins, steps))


def _happens(truth: Truth, world: World, begin: int, end: int) -> Flags:
    """Return at which steps any event that a condition names happens."""
    flags = np.zeros(end - begin, np.bool_)
    for its in leaves(truth):
        if isinstance(its, Event | Cross):
            flags |= holds(its, world, np.arange(begin, end))
    return flags
