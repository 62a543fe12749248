"""Text on its way to a terminal: cleaning what came from outside, cutting to cells, and how numbers and times are told."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from rich.cells import cell_len, set_cell_size

from engine.model import NS_PER_SECOND

Align = Literal["left", "right", "center"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LONGEST = 2000
"""Characters of one text that are looked at; no line of a terminal holds more."""

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
_BREAKS = {"Zl", "Zp"}


def clean(text: str, longest: int = LONGEST) -> str:
    """Return `text` as one harmless line: controls, escapes, bidi and unassigned characters become U+FFFD, breaks a space."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    # What Python calls printable has no category C and no separator but the space.
    if text.isprintable():
        return text
    return "".join(_clean_character(character) for character in text)


@lru_cache(maxsize=4096)
def _clean_character(character: str) -> str:
    if character in "\n\r\t":
        return " "
    category = unicodedata.category(character)
    if category in _UNSEEN:
        return REPLACEMENT
    return " " if category in _BREAKS else character


def clean_lines(text: str, longest: int = LONGEST, most: int = 200) -> str:
    """Return `text` cleaned line by line, its line breaks kept, at most `most` lines."""
    return "\n".join(clean(line, longest) for line in text[: longest * most].splitlines()[:most])


def fit(text: str, width: int, align: Align = "left") -> str:
    """Return `text`, cleaned, in exactly `width` cells; what is too long ends in an ellipsis."""
    if width <= 0:
        return ""
    text = clean(text)
    size = len(text) if text.isascii() else cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…"
    if align == "right":
        return " " * (width - size) + text
    if align == "center":
        left = (width - size) // 2
        return " " * left + text + " " * (width - size - left)
    return text + " " * (width - size)


def decimals_of(exact: str) -> int:
    """Return how many decimals a plain decimal text really has: 2 for "0.0100"."""
    _, _, fraction = exact.partition(".")
    return len(fraction.rstrip("0"))


def price_decimals(tick: str, price: float) -> int:
    """Return how many decimals to draw a price with: the tick's, but no more than nine digits in all."""
    size = abs(price)
    whole = int(math.log10(size)) + 1 if math.isfinite(size) and size >= 1 else 1
    return max(0, min(decimals_of(tick), 9 - whole))


def fixed(value: float, decimals: int) -> str:
    """Return a number with thousands separators and fixed decimals; a dash for what is no number."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.,") else text


def signed(value: float, decimals: int = 2) -> str:
    """Return a number as `fixed` does, always with its sign; zero has none."""
    text = fixed(value, decimals)
    return text if not math.isfinite(value) or text.startswith("-") or not text.strip("0.,") else f"+{text}"


def percent(value: float, decimals: int = 2) -> str:
    """Return a change as `+1.25%`."""
    return f"{signed(value, decimals)}%" if math.isfinite(value) else "–"


def reading(value: float) -> str:
    """Return a feature's value with the decimals its size asks for."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-5:
        return f"{value:.3e}"
    decimals = 1 if size >= 10_000 else 2 if size >= 10 else 4 if size >= 0.01 or not size else 6
    return fixed(value, decimals)


def compact(value: float) -> str:
    """Return a volume or rate in at most five characters: 950, 1.2k, 34.5M."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    for limit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= limit:
            scaled = value / limit
            return f"{scaled:.0f}{suffix}" if abs(scaled) >= 99.95 else f"{scaled:.1f}{suffix}"
    if size >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 1 else f"{value:.2f}"


def exact(text: str, least: int = 0) -> str:
    """Return exact decimal text with thousands separators, without trailing zeros beyond `least` decimals.

    "1234.50000000" is `1,234.5`, with two decimals at least `1,234.50`; no digit is ever lost.
    """
    text = clean(text, 64)
    sign = "-" if text.startswith("-") else ""
    whole, _, fraction = text.removeprefix("-").partition(".")
    if not whole.isdecimal() or (fraction and not fraction.isdecimal()):
        return text
    fraction = fraction.rstrip("0").ljust(least, "0")
    return f"{sign}{int(whole):,}.{fraction}" if fraction else f"{sign}{int(whole):,}"


@lru_cache(maxsize=1024)
def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def moment(time: int, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return a time in nanoseconds as UTC text; a dash for a time no calendar has."""
    at = _moment(time // NS_PER_SECOND)
    return at.strftime(form) if at else "–"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: `4h 44m`, `12s`."""
    if not math.isfinite(seconds):
        return "–"
    left = max(0, int(seconds))
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, size)
        if count or (parts and unit != "s"):
            parts.append(f"{count}{unit}")
    parts = parts[:2]
    if len(parts) == 2 and parts[1].startswith("0"):
        parts.pop()
    return " ".join(parts) or "0s"
