"""The feed in words: how live prices fare, for the line where a replay has its transport."""

from __future__ import annotations

from engine.host.protocol import FeedRow

Piece = tuple[str, str, str]
"""Text, style, and the action a click on it runs ("" for none)."""


def trouble_of(feed: FeedRow) -> str:
    """Return what is wrong with a live feed, in words; "" while its data is fresh."""
    old = [its for its in feed.coins if its.stale]
    if not feed.alive:
        return "no connection to the exchange; trying again"
    if old:
        names = ", ".join(f"{its.coin} {its.age_s:.0f} s" for its in old[:4])
        return f"no data: {names}" + (f" and {len(old) - 4} more" if len(old) > 4 else "")
    return ""


def pieces(feed: FeedRow, width: int) -> list[Piece]:
    """Return the line: state and age first; what there is no room for goes, the least needed first."""
    oldest = max((its.age_s for its in feed.coins), default=0.0)
    latest = max((its.lag_ms for its in feed.coins), default=0.0)
    stale = bool(trouble_of(feed))
    found: list[Piece] = [(" × STALE " if stale else " ● live  ", "stale" if stale else "up", "")]
    found.append((f" heard {oldest:.1f} s ago ", "stale" if stale else "", ""))
    used = feed.weight / feed.weight_limit if feed.weight_limit else 0.0
    counts = (
        (f" late {latest:,.0f} ms ", "warn" if latest > 1000 else "dim"),
        (f" weight {feed.weight:,}/{feed.weight_limit:,} ", "warn" if used > 0.6 else "dim"),
        (f" clock {feed.offset_ms:+,.0f} ms ", "warn" if abs(feed.offset_ms) > 1000 else "dim"),
        (f" reconnects {feed.reconnects} ", "warn" if feed.reconnects else "dim"),
        (f" holes {feed.gaps} ", "warn" if feed.gaps else "dim"),
        (f" late bars {feed.late} ", "warn" if feed.late else "dim"),
        (f" bad frames {feed.bad} ", "warn" if feed.bad else "dim"),
        (f" {feed.messages:,} messages ", "faint"),
    )
    room = width - sum(len(text) for text, _, _ in found)
    if feed.failure:
        found.append((" NOT RECORDED ", "live", "log"))
        room -= len(" NOT RECORDED ")
    for text, style in counts:
        if len(text) > room:
            break
        found.append((text, style, ""))
        room -= len(text)
    return found
