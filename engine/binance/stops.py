"""Stops: why nothing more may be bought, kept in the journal, so that a restart does not lift it."""

from __future__ import annotations

from engine.binance.journal import Journal
from engine.trading.risk import Risk, Stop


def keep(journal: Journal, tag: str, risk: Risk, stop: Stop) -> None:
    """Write down a stop of a strategy's, and the share that might be lost; raises JournalError."""
    journal.write("stop", tag=tag, text=stop.reason, today=stop.today, time=stop.time, share=risk.share(stop))


def recall(journal: Journal, tag: str, risk: Risk) -> None:
    """Hold to the last stops of earlier flights: one for a day on that day, one for good until its limit has been raised.

    Raises JournalError.
    """
    last: dict[bool, tuple[Stop, int]] = {}
    for entry in journal.entries(""):
        facts = entry.facts
        if entry.what == "stop" and facts["tag"] == tag:
            last[facts["today"]] = Stop(facts["text"], facts["today"], facts["time"]), facts["share"]
        elif entry.what == "lifted" and facts["tag"] == tag:
            last.pop(False, None)
    # the one for good last, as the one that counts
    for _, (stop, share) in sorted(last.items(), reverse=True):
        if 0 < risk.share(stop) <= share:
            risk.hold_to(stop)
        elif not stop.today:
            # once it was raised it does not come back with the limit
            journal.write("lifted", tag=tag, text=f"its limit was raised: {stop.reason}")
