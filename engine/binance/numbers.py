"""Numbers as the exchange writes them, as exact counts; what is no plain number is refused before it is looked at further."""

from __future__ import annotations

import re

from engine.exact import DECIMALS, INT64_MAX

_PLAIN = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?", re.ASCII)


class NotExact(ValueError):
    """A text is no plain number, or one finer or larger than can be counted."""


def units(text: str, decimals: int = DECIMALS) -> int:
    """Return a plain decimal text as a count of 10**-decimals; raises NotExact for signs, exponents, NaN, what does not fit."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise NotExact(f"{text[:40]!r} is no plain number")
    whole, part = match[1], (match[2] or "").rstrip("0")
    if len(part) > decimals:
        raise NotExact(f"{text[:40]!r} is finer than 1e-{decimals}")
    count = int(whole + part.ljust(decimals, "0"))
    if count > INT64_MAX:
        raise NotExact(f"{text[:40]!r} does not fit 64 bits")
    return count
