"""Exact numbers out of other people's files: text and floats become int64 counts of 1e-8, or are refused.

Volumes may be too large for that; they are counted in the finest unit, 1e-8 to 1, in which the largest of them fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Context, Decimal

import numpy as np
from numpy.typing import NDArray

from engine.exact import DECIMALS, INT64_MAX, UNIT
from engine.recordings.bars import Column, RowError
from engine.recordings.names import printable

Floats = NDArray[np.float64]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST = 64
_WIDE = Context(prec=2000)
_EXACT_BELOW = 2.0**53
_DUST_ULPS = 4
_DUST_ROOM = 16


def parse_number(text: str) -> Decimal:
    """Return the decimal that `text` says; raises ValueError with a reason where it is no plain finite number."""
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        raise ValueError(f"{printable(text[:_LONGEST])!r} is not a number" if text else "is empty where a number belongs")
    return Decimal(text)


def exact_units(number: Decimal, decimals: int = DECIMALS) -> int | None:
    """Return a decimal as a count of 10**-decimals, None where it has finer digits.

    Raises ValueError where it does not fit 64 bits.
    """
    units = number.scaleb(decimals, _WIDE) if not number or number.adjusted() + decimals < 19 else Decimal("inf")
    if abs(units) > INT64_MAX:
        raise ValueError(f"{number} does not fit 64 bits in {_units_of(decimals)}")
    return int(units) if units == units.to_integral_value(context=_WIDE) else None


def fitting(largest: Decimal) -> int:
    """Return the most decimals, at most 8, in which a number fits 64 bits; 0 where it fits in none."""
    return next((d for d in range(DECIMALS, 0, -1) if largest.scaleb(d, _WIDE) <= INT64_MAX), 0)


def volumes_from_decimals(numbers: Sequence[Decimal]) -> tuple[Column, int, int]:
    """Return volumes as from_decimals does, and the decimals they are counted in."""
    decimals = fitting(max(map(abs, numbers)))
    return *from_decimals("volume", numbers, decimals), decimals


def volumes_from_floats(values: Floats) -> tuple[Column, int, int]:
    """Return volumes as from_floats does, and the decimals they are counted in."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    decimals = next((d for d in range(DECIMALS, 0, -1) if largest < INT64_MAX / 10**d), 0)
    return *from_floats("volume", values, decimals), decimals


def from_decimals(what: str, numbers: Sequence[Decimal], decimals: int = DECIMALS) -> tuple[Column, int]:
    """Return numbers as counts of 10**-decimals, and how many of them carried floating-point dust.

    Numbers with more than 8 decimals are taken for what they are when written by a program that summed floats; see from_floats.
    Raises RowError where one cannot be told exactly.
    """
    units: list[int | None] = []
    for row, number in enumerate(numbers):
        try:
            units.append(exact_units(number, decimals))
        except ValueError as error:
            raise RowError(row, f"{what} {error}") from None
    if None not in units:
        return np.array(units, dtype=np.int64), 0
    column, _ = from_floats(what, np.array([float(number) for number in numbers]), decimals)
    for row, (exact, guessed) in enumerate(zip(units, column, strict=True)):
        if exact is not None and exact != guessed:
            raise RowError(row, f"{what} {numbers[row]} stands beside numbers of more than {decimals} decimals")
    return column, units.count(None)


def from_floats(what: str, values: Floats, decimals: int = DECIMALS) -> tuple[Column, int]:
    """Return floats as counts of 10**-decimals, exactly, and how many had dust.

    Each means the shortest decimal that reads back as it.
    Dust is what a sum of decimals done in floats leaves (1371255.3999999999): a value with more decimals than that,
    but within 4 ulp of one with as many places as the other values have. Raises RowError where a value is not finite, too
    large, or neither.
    """
    _refuse(what, values, ~np.isfinite(values), "is not a finite number")
    _refuse(what, values, np.abs(values) >= INT64_MAX / 10**decimals, f"does not fit 64 bits in {_units_of(decimals)}")
    units = np.zeros(len(values), dtype=np.int64)
    left = np.arange(len(values))
    places = 0
    for d in range(decimals + 1):
        x = values[left]
        n = np.rint(x * 10.0**d)
        hit = (n / 10.0**d == x) & (np.abs(n) < _EXACT_BELOW)
        units[left[hit]] = n[hit].astype(np.int64) * 10 ** (decimals - d)
        places = d if hit.any() else places
        left = left[~hit]
        if not left.size:
            return units, 0
    dusty = left.size
    for d in range(places, decimals + 1):
        x = values[left]
        ulp = np.spacing(np.abs(x))
        n = np.rint(x * 10.0**d)
        hit = (np.abs(n / 10.0**d - x) <= _DUST_ULPS * ulp) & (10.0**-d > _DUST_ROOM * ulp) & (np.abs(n) < _EXACT_BELOW)
        units[left[hit]] = n[hit].astype(np.int64) * 10 ** (decimals - d)
        left = left[~hit]
    if left.size:
        row = int(left[0])
        raise RowError(row, f"{what} {float(values[row])!r} cannot be told exactly in {_units_of(decimals)}")
    return units, dusty


def _units_of(decimals: int) -> str:
    return f"units of 1e-{decimals}" if decimals else "whole units"


def _refuse(what: str, values: Floats, bad: NDArray[np.bool_], reason: str) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        raise RowError(int(rows[0]), f"{what} {float(values[rows[0]])!r} {reason}")


def finest_step(*columns: Column) -> int:
    """Return the largest power of ten, at most one whole, that divides every number of the columns (counts of 1e-8)."""
    step: int = UNIT
    for column in columns:
        while step > 1 and bool(np.any(column % step)):
            step //= 10
    return step
