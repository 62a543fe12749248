"""Times out of other people's files: the unit is told by the number's size and by the sanity of the date it means."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np

from engine.model import NS_PER_SECOND, Timestamp
from engine.recordings.bars import Column, RowError, stamp
from engine.recordings.names import printable

EARLIEST = 1_230_768_000
"""2009-01-01 in seconds: before the first coin."""
LATEST = 4_102_444_800
"""2100-01-01 in seconds. The spans of seconds, ms, us and ns between these two do not overlap."""

UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}

_DATE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.(0+))?)?)?"
    r" ?(?:(Z|UTC)|([+-])([0-9]{2}):?([0-9]{2}))?"
)
_WHOLE = re.compile(r"([0-9]{1,19})(?:\.0*)?")


def parse_date(text: str) -> Timestamp:
    """Return an ISO 8601 date and time as ns UTC, one without a zone as UTC; raises ValueError with a reason."""
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError(f"the time {printable(text[:64])!r} is neither a whole number nor a date as 2025-01-31 23:59:00")
    year, month, day, hour, minute, second, _, _, sign, hours, minutes = match.groups(default="0")
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        raise ValueError(f"the time {text!r} is no date") from None
    shift = (int(hours) * 60 + int(minutes)) * (-60 if sign == "-" else 60)
    return (int(local.timestamp()) - shift) * NS_PER_SECOND


def parse_whole(text: str) -> int | None:
    """Return the whole number that `text` says, None where it says something else."""
    match = _WHOLE.fullmatch(text)
    number = int(match[1]) if match else -1
    return number if 0 <= number < 2**63 else None


def to_ns(values: Column) -> tuple[Column, int]:
    """Return times as ns, and how many of their unit make a second.

    Raises RowError where a time is of no market in any unit, or of another unit than those before it.
    """
    first = _unit(int(values[0]))
    if first is None:
        raise RowError(0, _impossible(int(values[0])))
    per_second = UNITS[first]
    wrong = np.flatnonzero((values < EARLIEST * per_second) | (values >= LATEST * per_second))
    if wrong.size:
        row = int(wrong[0])
        value = int(values[row])
        other = _unit(value)
        raise RowError(
            row, f"the time {value} is in {other} where those before it are in {first}" if other else _impossible(value)
        )
    return values * (NS_PER_SECOND // per_second), per_second


def check_ns(values: Column) -> None:
    """Raise RowError at the first time in ns that is of no market."""
    wrong = np.flatnonzero((values < EARLIEST * NS_PER_SECOND) | (values >= LATEST * NS_PER_SECOND))
    if wrong.size:
        raise RowError(int(wrong[0]), f"the time {stamp(int(values[wrong[0]]))} is of no market: it lies outside 2009 to 2100")


def _unit(value: int) -> str | None:
    return next((name for name, scale in UNITS.items() if EARLIEST * scale <= value < LATEST * scale), None)


def _impossible(value: int) -> str:
    meant = "; ".join(f"{np.datetime64(value // scale, 's')!s:.10} in {name}" for name, scale in UNITS.items())
    return f"the time {value} is of no market in any unit ({meant})"
