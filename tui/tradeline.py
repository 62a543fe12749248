"""Trading in words: how the account's stream and the requests fare, for the line where paper has its feed alone."""

from __future__ import annotations

from engine.host.protocol import FeedRow, TradeRow
from tui.feedline import Piece, age_text, counts_of, filled, trouble_of

CROWDED = 0.8
"""The share of the orders that may go out in 10 s from which the line warns."""


def pieces(trade: TradeRow, feed: FeedRow | None, lag_ms: float, width: int) -> list[Piece]:
    """Return the line: unknown orders and ages first; what there is no room for goes, the least needed first."""
    found: list[Piece] = []
    if trade.unknown:
        found.append((f" UNKNOWN {trade.unknown} ", "badge-live", "orders"))
    if feed is not None:
        age = age_text(max((its.age_s for its in feed.coins), default=0.0))
        stale = trouble_of(feed)[0] == "STALE"
        found.append((f" {'× STALE' if stale else '●'} prices {age} ", "stale" if stale else "up", ""))
    found.append((f" account {age_text(trade.age_s)} ", "" if trade.alive else "stale", ""))
    if trade.reconciled:
        found.append((f" reconciled {age_text(trade.reconciled_age_s)} ", "", "journal"))
    else:
        found.append((" NOT RECONCILED ", "warn", "journal"))
    if feed is not None and feed.failure:
        found.append((" NOT RECORDED ", "live", "log"))
    crowded = trade.orders_limit > 0 and trade.orders_10s >= CROWDED * trade.orders_limit
    counts = [
        (f"out {trade.out}", trade.out > 0),
        (f"orders {trade.orders_10s}/{trade.orders_limit}", crowded),
        *([] if trade.unknown else [("unknown 0", False)]),
        *([(feed.waits_for, True)] if feed is not None and feed.waits_for else []),
        (f"stream cuts {trade.reconnects}", trade.reconnects > 0),
        *(counts_of(feed, lag_ms) if feed is not None else []),
    ]
    return filled(found, counts, width)
