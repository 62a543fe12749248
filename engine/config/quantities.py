"""Exact numbers of a config: money, rates and shares become whole counts, or a ValueError that says why not."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from engine.exact import DECIMALS, INT64_MAX

_MAX_DIGITS = 40
_RATE_PLACES = 4
"""A basis point is 1e-4, a rate counts 1e-8."""
_PERCENT_PLACES = 6


def exact(value: Any) -> Decimal:
    """Return a number, or a text that is one, as the decimal it prints as; raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"should be a number, not {shown(value)}")
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError):
        raise ValueError(f"should be a number, not {shown(value)}") from None
    if not number.is_finite():
        raise ValueError(f"should be a finite number, not {shown(value)}")
    return number


def scaled(number: Decimal, places: int) -> int | None:
    """Return a finite number as a count of 10**-places, or None where that is not whole; raises ValueError beyond reason.

    In integers throughout: Decimal's own arithmetic rounds to 28 digits, and its exponents can ask for gigabytes.
    """
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits)).rstrip("0")
    shift = int(exponent) + places + len(digits) - len(text)
    if not text:
        return 0
    if number.adjusted() > _MAX_DIGITS:
        raise ValueError(f"is far too large: {shown(number)}")
    if shift < 0:
        return None
    return (-1 if sign else 1) * int(text + "0" * shift)


def basis_points(value: Any) -> Decimal:
    """Return a rate in basis points, from 0 to below 10,000 and no finer than 1e-8; raises ValueError."""
    number = exact(value)
    if not 0 <= number < 10_000:
        raise ValueError(f"should be from 0 to below 10000 basis points, not {shown(value)}")
    if scaled(number, _RATE_PLACES) is None:
        raise ValueError(f"is finer than the smallest rate, 0.0001 basis points: {shown(value)}")
    return number


def rate(points: Decimal) -> int:
    """Return checked basis points as a rate that counts 1e-8: 10 are 100,000."""
    return scaled(points, _RATE_PLACES) or 0


def share(value: Any) -> Decimal:
    """Return a share above 0 and at most 1, no finer than 1e-8; raises ValueError."""
    number = exact(value)
    if not 0 < number <= 1:
        raise ValueError(f"should be above 0 and at most 1, not {shown(value)}; leave it out for no limit")
    if scaled(number, DECIMALS) is None:
        raise ValueError(f"is finer than 1e-8: {shown(value)}")
    return number


def percent(value: Any) -> Decimal:
    """Return a percentage above 0 and at most 100, no finer than 1e-6; raises ValueError."""
    number = exact(value)
    if not 0 < number <= 100:
        raise ValueError(f"should be above 0 and at most 100 percent, not {shown(value)}; leave it out for no limit")
    if scaled(number, _PERCENT_PLACES) is None:
        raise ValueError(f"is finer than 0.000001 percent: {shown(value)}")
    return number


def percent_rate(number: Decimal | None) -> int:
    """Return a checked percentage as a share that counts 1e-8; 0 for None."""
    return 0 if number is None else scaled(number, _PERCENT_PLACES) or 0


def money(value: Any) -> Decimal:
    """Return an amount of 0 or more, no finer than 1e-8; raises ValueError."""
    number = exact(value)
    if number < 0:
        raise ValueError(f"should be 0 or more, not {shown(value)}")
    if scaled(number, DECIMALS) is None:
        raise ValueError(f"is finer than 1e-8: {shown(value)}")
    return number


def limit(value: Any) -> Decimal:
    """Return an amount of money above 0 that 64 bits can count in 1e-8; raises ValueError."""
    number = money(value)
    if not 0 < number <= INT64_MAX // 10**DECIMALS:
        raise ValueError(f"should be above 0 and below 92 billion, not {shown(value)}; leave it out for no limit")
    return number


def speed(value: Any) -> Decimal:
    """Return how many times as fast as the wall time goes by, above 0 and at most 100,000; raises ValueError."""
    number = exact(value)
    if not 0 < number <= 100_000:
        raise ValueError(f"should be above 0 and at most 100000, not {shown(value)}")
    return number


def shown(value: Any) -> str:
    """Return a value short enough for a message."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and not -INT64_MAX <= value <= INT64_MAX:
        return f"a number of {value.bit_length()} bits"
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
