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
UNKNOWN_ORDER, NO_ORDER = -2011, -2013


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
    if isinstance(body, dict) and ("orderId" in body or "orderListId" in body or "cancelResponse" in body):
        return Answer(Outcome.ACCEPTED, body=body)
    return Answer(Outcome.UNKNOWN, text="an answer that cannot be read")


def of_error(error: BaseException) -> Answer:
    """Return what an exception of a request means."""
    if not isinstance(error, BinanceAPIException):
        return Answer(Outcome.UNKNOWN, text=redact(str(error)) or type(error).__name__)
    code, text = int(error.code), redact(str(error.message)[:200])
    if error.status_code >= 500 or code in UNKNOWN_CODES or code == 0:
        return Answer(Outcome.UNKNOWN, code, text if code else f"HTTP {error.status_code}")
    # a copy of it is open: that it was placed is as sure as it can be, how it fares is not
    if DUPLICATE in text:
        return Answer(Outcome.UNKNOWN, code, text)
    return Answer(Outcome.REJECTED, code, text)
