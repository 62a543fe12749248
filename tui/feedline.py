"""The feed in words: how live prices fare, for the line where a replay has its transport."""

from __future__ import annotations

from engine.host.protocol import FeedRow

Piece = tuple[str, str, str]
"""Text, style, and the action a click on it runs ("" for none)."""
TRADING = "TRADING"
NAMED = 4
"""Coins that trouble is told of by name."""


def age_text(seconds: float) -> str:
    """Return an age in at most four characters."""
    if not seconds >= 0:
        return "–"
    for size, unit in ((1, "s"), (60, "m"), (3600, "h")):
        if (count := seconds / size) < 99.5:
            return f"{count:.1f}{unit}" if count < 9.95 and unit == "s" else f"{count:.0f}{unit}"
    return "old"


def trouble_of(feed: FeedRow) -> tuple[str, str, str]:
    """Return what is wrong with a live feed: a word, a sentence, and what that means; the word is "" while all is well."""
    old = [f"{its.coin} {age_text(its.age_s)}" for its in feed.coins if its.stale]
    waits = f"; {feed.waits_for}" if feed.waits_for else ""
    if not feed.alive:
        return "STALE", f"no connection, trying again{waits}", "prices shown are old"
    if old:
        return "STALE", f"no data: {_some(old)}{waits}", "prices shown are old"
    halted = [f"{its.coin} {its.status}" for its in feed.coins if its.status != TRADING]
    if halted:
        return "NOT TRADED", f"the exchange says {_some(halted)}", ""
    return "", "", ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def counts_of(feed: FeedRow, lag_ms: float) -> list[tuple[str, bool]]:
    """Return what there is to count of a feed, what matters most first, and whether it warns."""
    latest = max((its.lag_ms for its in feed.coins), default=0.0)
    used = 100 * feed.weight / feed.weight_limit if feed.weight_limit else 0.0
    return [
        (f"late {latest:>3,.0f} ms", latest > 1000),
        (f"lag {lag_ms:>2.0f} ms" if lag_ms < 1000 else "lag >1 s", lag_ms >= 250),
        (f"weight {used:>2.0f} %", used > 60),
        (f"clock {feed.offset_ms:+,.0f} ms", abs(feed.offset_ms) > 1000),
        (f"cuts {feed.reconnects}", feed.reconnects > 0),
        (f"holes {feed.gaps}", feed.gaps > 0),
        (f"late bars {feed.late}", feed.late > 0),
        (f"bad frames {feed.bad}", feed.bad > 0),
        (f"{feed.messages:,} messages", False),
    ]


def filled(found: list[Piece], counts: list[tuple[str, bool]], width: int) -> list[Piece]:
    """Return the pieces and as many of the counts behind them as there is room for."""
    room = width - sum(len(text) for text, _, _ in found)
    for text, warns in counts:
        if len(text) + 2 > room:
            break
        found.append((f" {text} ", "warn" if warns else "dim", ""))
        room -= len(text) + 2
    return found


def pieces(feed: FeedRow, lag_ms: float, width: int) -> list[Piece]:
    """Return the line: state and age first; what there is no room for goes, the least needed first."""
    oldest = max((its.age_s for its in feed.coins), default=0.0)
    stale = trouble_of(feed)[0] == "STALE"
    found: list[Piece] = [(" × STALE " if stale else " ● live ", "stale" if stale else "up", "")]
    found.append((f" age {age_text(oldest):<4}", "stale" if stale else "", ""))
    if feed.failure:
        found.append((" NOT RECORDED ", "live", "log"))
    if feed.waits_for and not stale:
        found.append((f" {feed.waits_for} ", "warn", "log"))
    return filled(found, counts_of(feed, lag_ms), width)
