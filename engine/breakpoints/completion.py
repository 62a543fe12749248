"""Completion: what the word before the cursor of a condition could become."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.breakpoints.words import (
    COIN_EVENTS,
    CROSSES,
    FUNCTIONS,
    OF_THE_ACCOUNT,
    OPERATORS,
    TIME_EVENTS,
    Names,
)

_WORD = re.compile(r"[^\W\d][\w.]*$")
_QUOTED = re.compile(r"(\w+)\(\s*(['\"])([^'\"]*)$")


class Completions(NamedTuple):
    """What could stand from the character `start` up to the cursor, the likeliest first."""

    start: int
    words: tuple[str, ...]


def completions(text: str, cursor: int, names: Names) -> Completions:
    """Return the words that begin as the one before the cursor does; of a number or past a closed quote there are none."""
    before = text[: max(cursor, 0)]
    if (quoted := _QUOTED.search(before)) is not None:
        name, quote, begun = quoted.groups()
        choices = names.labels if name == "feature" else COIN_EVENTS.get(name, ("", ()))[1]
        words = tuple(f"{its}{quote})" for its in choices if its.startswith(begun))
        return Completions(len(before) - len(begun), words)
    if before.count("'") % 2 or before.count('"') % 2:
        return Completions(len(before), ())
    found = _WORD.search(before)
    begun = found[0] if found is not None else ""
    if not begun and before[-1:].isdigit():
        return Completions(len(before), ())
    start = len(before) - len(begun)
    if begun and start and before[start - 1].isdigit():
        return Completions(len(before), ())
    return Completions(start, tuple(word for word in _words(begun, names) if word.startswith(begun) and word != begun))


def _words(begun: str, names: Names) -> list[str]:
    """Return everything that could be meant, by how often it is."""
    coin, point, _ = begun.partition(".")
    of_a_coin = [name for name in names.of_a_coin() if name.isidentifier()]
    if point and coin in names.coins:
        return [f"{coin}.{name}" for name in (*of_a_coin, *COIN_EVENTS)]
    coins = [coin for coin in names.coins if coin.isidentifier()]
    calls = [f"{name}(" for name in (*CROSSES, *TIME_EVENTS, *FUNCTIONS)]
    return [*of_a_coin, *OF_THE_ACCOUNT, *COIN_EVENTS, *calls, *(f"{coin}." for coin in coins), *OPERATORS]
