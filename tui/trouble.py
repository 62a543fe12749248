"""Trouble in words: what is wrong, the most dangerous first, each with the key that helps."""

from __future__ import annotations

from typing import NamedTuple

from engine.host.protocol import Frame, TradeRow
from tui.feedline import age_text, trouble_of
from tui.mailbox import HostGone, HostLost


class Trouble(NamedTuple):
    """A word, a sentence, the remedy, and the style of `Lines` that tells its weight."""

    word: str
    text: str
    remedy: str
    style: str


def troubles(frame: Frame | None, gone: HostGone | HostLost | None, silent: str) -> list[Trouble]:
    """Return what is wrong in order of danger; `silent` says since when a host that trades says nothing, "" while it speaks.

    Of an engine that is gone, only an order that nobody knows the fate of comes before that: the rest is no longer so.
    """
    trade = frame.trade if frame is not None else None
    found = _unknown(trade, gone) if trade is not None else []
    if isinstance(gone, HostLost):
        return [*found, Trouble("ENGINE GONE", gone.how, "wait", "badge-live")]
    if gone is not None:
        last = f": {gone.last}" if gone.last else ""
        return [*found, Trouble("ENGINE GONE", f"{gone.how}{last}", "r restarts · q quits", "badge-live")]
    if frame is None:
        return found
    if silent and trade is not None:
        found.append(Trouble("STALE", f"the engine has said nothing for {silent}", "K halts", "badge-stale"))
    elif silent and frame.feed is None:
        text = f"the engine does not come back from what it does, for {silent} now"
        found.append(Trouble("STALE", text, "l tells where · r restarts", "badge-stale"))
    if trade is not None and not trade.alive:
        text = f"the account's stream is down, its last word {age_text(trade.age_s)} old; fills may be missing here"
        found.append(Trouble("STALE", text, "K halts", "badge-stale"))
    word, text, meaning = trouble_of(frame.feed) if frame.feed is not None else ("", "", "")
    if word:
        found.append(Trouble(word, text, f"{meaning} · K halts" if trade is not None and meaning else meaning, "badge-stale"))
    if frame.halted:
        found.append(Trouble("HALTED", frame.halted, "l tells more", "badge-warn"))
    if frame.stopped and frame.stopped_today:
        found.append(Trouble("STOPPED TODAY", frame.stopped, "until 00:00 UTC", "badge-live"))
    elif frame.stopped:
        found.append(Trouble("STOPPED", frame.stopped, "no buying any more", "badge-live"))
    if trade is not None and trade.disarmed:
        remedy = "A arms" if not frame.halted else "K halts · q ends it"
        found.append(Trouble("DISARMED", f"no order goes out: {trade.disarmed}", remedy, "quiet"))
    return found


def _unknown(trade: TradeRow, gone: HostGone | HostLost | None) -> list[Trouble]:
    if not trade.unknown:
        return []
    whose = "an order's fate is" if trade.unknown == 1 else f"{trade.unknown:,} orders' fates are"
    text = f"{whose} unknown, {age_text(trade.unknown_age_s)} now: the exchange is asked, nothing is sent again"
    remedy = "r restarts and asks" if isinstance(gone, HostGone) else "o shows it · K halts"
    return [Trouble("UNKNOWN", text, remedy, "badge-live")]
