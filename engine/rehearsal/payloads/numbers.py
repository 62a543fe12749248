"""Amounts in the exchange's form: plain decimal texts of eight places."""

from __future__ import annotations

from engine.exact import DECIMALS


def text(units: int, places: int = DECIMALS) -> str:
    """Return a count of 10**-places as a text of eight places."""
    whole, rest = divmod(abs(units) * 10 ** (DECIMALS - places), 10**DECIMALS)
    return f"{'-' if units < 0 else ''}{whole}.{rest:08d}"
