"""What goes with orders and signals but means nothing to the exchange: who, why, and what became of it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from engine.exchange import REFUSALS
from engine.model import Signal
from engine.spool import Spool
from engine.trading.api import Author

ORDERED = 0
ALREADY_WORKING, NOTHING_TO_DO, CANCELLED = 100, 101, 102
REFUSED = 1000
"""This and above: refused here, before the exchange, for the reason of that number less this."""
SIX = Struct("6q")
"""Packed it is twice as fast as an array of numbers takes them."""
KINDS = ("buy", "sell", "close", "cancel")
AUTHORS: tuple[Author, ...] = ("strategy", "hand", "risk", "kill")


class Notes:
    """Author and reason of each order, by its id, and why it was refused if not by a code; equal reasons are kept once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._reasons: list[str] = []
        self._notes = array("q")
        self._refusals: dict[int, int] = {}

    def reason_number(self, reason: str) -> int:
        """Return the number a reason is kept under."""
        reasons, number = self._reasons, self._numbers.get(reason)
        # one that was given in a time wound back has its number to come
        if number is None or number >= len(reasons) or reasons[number] != reason:
            number = self._numbers[reason] = len(reasons)
            reasons.append(reason)
        return number

    def reason(self, number: int) -> str:
        """Return the reason kept under a number."""
        return self._reasons[number]

    def add(self, by: Author, reason: str, refusal: str = "") -> None:
        """Note the next order, with why it was refused if that was here."""
        if refusal:
            self._refusals[len(self._notes)] = self.reason_number(refusal)
        self._notes.append(len(AUTHORS) * self.reason_number(reason) + AUTHORS.index(by))

    def refuse(self, order: int, refusal: str) -> None:
        """Note why an order was refused, where that was not known when it was sent."""
        self._refusals[order] = self.reason_number(refusal)

    def of(self, order: int) -> tuple[Author, str]:
        """Return an order's author and reason."""
        number, by = divmod(self._notes[order], len(AUTHORS))
        return AUTHORS[by], self._reasons[number]

    def refusal(self, order: int) -> str:
        """Return why an order was refused in words of its own, "" where it was not."""
        number = self._refusals.get(order)
        return "" if number is None else self._reasons[number]

    def logs(self) -> tuple[Spool, ...]:
        """Return what grows, to be wound."""
        return Spool(self._notes), Spool(self._reasons)

    def cut(self) -> None:
        """Forget what was noted of orders that are no more."""
        self._refusals = {order: number for order, number in self._refusals.items() if order < len(self._notes)}


class SignalNote(NamedTuple):
    """A signal as it was given, and what became of it; `order` is -1 where it led to none."""

    step: int
    coin: int
    kind: str
    reason: str
    outcome: str
    order: int


class SignalLog:
    """Every signal of the run, oldest first, six numbers each; reasons are kept with those of the orders."""

    def __init__(self, reasons: Notes) -> None:
        self._log = bytearray()
        self._reasons = reasons

    def __len__(self) -> int:
        return len(self._log) // SIX.size

    def add(self, step: int, coin: int, signal: Signal, outcome: int, order: int) -> None:
        """Log a signal; `outcome` is ORDERED, a refusal code of the exchange, or one of the codes above."""
        reason = self._reasons.reason_number(signal.reason)
        self._log += SIX.pack(step, coin, KINDS.index(signal.kind), reason, outcome, order)

    def __getitem__(self, n: int) -> SignalNote:
        step, coin, kind, reason, outcome, order = SIX.unpack_from(self._log, SIX.size * n)
        return SignalNote(step, coin, KINDS[kind], self._reasons.reason(reason), self._told(outcome, order), order)

    def __iter__(self) -> Iterator[SignalNote]:
        return (self[n] for n in range(len(self)))

    def outcomes(self) -> dict[str, int]:
        """Return what became of the signals and of how many, the most frequent first."""
        codes = Counter(outcome for *_, outcome, _ in SIX.iter_unpack(self._log))
        words = {ORDERED: "ordered"}
        return {words.get(code) or self._told(code, -1): count for code, count in codes.most_common()}

    def logs(self) -> tuple[Spool, ...]:
        """Return what grows, to be wound."""
        return (Spool(self._log),)

    def tobytes(self, first: int = 0) -> bytes:
        """Return the log's numbers from a signal on, for hashing and for looking through many at once."""
        return bytes(memoryview(self._log)[SIX.size * first :])

    def _told(self, outcome: int, order: int) -> str:
        """Return what became of a signal, in words."""
        if outcome == ORDERED:
            return f"order #{order}"
        if outcome == ALREADY_WORKING:
            return "its order works already"
        if outcome == NOTHING_TO_DO:
            return "nothing to do"
        if outcome == CANCELLED:
            return "orders cancelled"
        return f"not sent: {self._reasons.reason(outcome - REFUSED) if outcome >= REFUSED else REFUSALS[outcome]}"
