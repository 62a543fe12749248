"""Exact numbers: prices, amounts and balances are int64 counts of 1e-8; this is the one door in and out."""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, ROUND_UP, Context, Decimal

from engine.errors import AmountOverflow, OrderError

DECIMALS = 8
UNIT: int = 10**DECIMALS
INT64_MAX: int = 2**63 - 1
WHOLE = 2.0**53
_DOWN, _UP = (Context(prec=64, rounding=way, Emin=MIN_EMIN, Emax=MAX_EMAX) for way in (ROUND_DOWN, ROUND_UP))


def to_units(value: float | int | str | Decimal, what: str = "number", decimals: int = DECIMALS, *, up: bool = False) -> int:
    """Return `value` as a count of 10**-decimals, rounded toward zero, or away from it where `up`.

    A float means the decimal it prints as (`Decimal(repr(x))`), so 0.1 is a tenth. Raises OrderError where the value is not a
    finite number and AmountOverflow where it does not fit 64 bits.
    """
    if (type(value) is int or (type(value) is float and value.is_integer())) and -WHOLE < value < WHOLE:
        units: int = int(value) * 10**decimals
        if abs(units) <= INT64_MAX:
            return units
    try:
        exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
    except (ArithmeticError, ValueError, TypeError):
        raise OrderError(f"{what} {value!r} is not a number") from None
    if not exact.is_finite():
        raise OrderError(f"{what} {value!r} is not a finite number")
    way = _UP if up else _DOWN
    # looked at before it is worked out: 1e999999 has a million digits
    fits = exact.adjusted() + decimals < 20
    units = int(exact.scaleb(decimals, way).to_integral_value(context=way)) if fits else 0
    if not fits or abs(units) > INT64_MAX:
        raise AmountOverflow(
            f"{what} {value!r} does not fit 64 bits in units of 1e-{decimals}",
            hint="give the asset a coarser unit under [account] decimals",
        )
    return units


def to_decimal(units: int, decimals: int = DECIMALS) -> Decimal:
    """Return a count of 10**-decimals as an exact Decimal."""
    return Decimal(int(units)).scaleb(-decimals)


def to_text(units: int, decimals: int = DECIMALS) -> str:
    """Return a count of 10**-decimals as plain decimal text without an exponent."""
    return format(to_decimal(units, decimals), "f")


def plain(number: Decimal) -> Decimal:
    """Return the same number without trailing zeros, and as a person writes it: 10000, never 1E+4."""
    return Decimal(format(number.normalize(), "f"))


def floor_to(units: int, step: int) -> int:
    """Return `units` rounded toward zero to a multiple of `step`."""
    return units - units % step if units >= 0 else -(-units - -units % step)
