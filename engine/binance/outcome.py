"""What a reply to an order or a cancel means: it was done, it was refused, or nobody knows.

The exchange says of timeouts, of anything 5xx and of some codes that the execution status is unknown: "not to be treated as a
failure" (binance-spot-api-docs, general information and errors, 2026-07). So is whatever cannot be read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from engine.binance.library import BinanceAPIException
from engine.redaction import redact

UNKNOWN_CODES = frozenset((-1000, -1001, -1006, -1007, -1008, -1016))
DUPLICATE = "Duplicate order sent."
UNKNOWN_ORDER, NO_ORDER, ARCHIVED = -2011, -2013, -2026
HALF_REPLACED, NOT_REPLACED = -2021, -2022
TOO_LATE = -1021
TELLING = frozenset(("orderId", "orderListId", "cancelResponse", "amendedOrder"))


class Outcome(StrEnum):
    """The three ways a request can have gone."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Answer(NamedTuple):
    """An outcome, with the exchange's code and words where it gave any, and the body where it was accepted."""

    outcome: Outcome
    code: int = 0
    text: str = ""
    body: dict[str, Any] | None = None


def of_body(body: Any) -> Answer:
    """Return what a 2xx reply means: only one that tells an order's id or a list's was read for certain."""
    if isinstance(body, dict) and not TELLING.isdisjoint(body):
        return Answer(Outcome.ACCEPTED, body=body)
    return Answer(Outcome.UNKNOWN, text="an answer that cannot be read")


def of_error(error: BaseException) -> Answer:
    """Return what an exception of a request means."""
    if not isinstance(error, BinanceAPIException):
        return Answer(Outcome.UNKNOWN, text=redact(str(error)) or type(error).__name__)
    # the library takes code and words as they are, whatever they are
    code = error.code if isinstance(error.code, int) else 0
    text = redact(str(error.message)[:200])
    return of_code(code, text) if code and error.status_code < 500 else Answer(Outcome.UNKNOWN, code, _why(error, code, text))


def of_code(code: int, text: str) -> Answer:
    """Return what a code of the exchange's means."""
    # a copy of it is open: that it was placed is as sure as it can be, how it fares is not
    unknown = code in UNKNOWN_CODES or DUPLICATE in text
    return Answer(Outcome.UNKNOWN if unknown else Outcome.REJECTED, code, text)


def _why(error: BinanceAPIException, code: int, text: str) -> str:
    return text if code else f"HTTP {error.status_code}"
