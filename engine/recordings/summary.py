"""What an import did, for people and for --json."""

from __future__ import annotations

import msgspec

from engine.model import CoinName
from engine.recordings.bars import Bars, find_gaps, stamp
from engine.recordings.manifest import Coin


class Imported(msgspec.Struct, kw_only=True):
    """One coin's bars of one interval after an import; `added` of its `rows` are new, gaps are (start, end, bars missing)."""

    coin: CoinName
    interval: str
    rows: int
    added: int
    start: str
    end: str
    gaps: list[tuple[str, str, int]]
    duplicates_dropped: int
    rows_sorted: int
    tick: str
    lot: str
    min_notional: str
    inferred: list[str]


class Summary(msgspec.Struct, kw_only=True):
    """What an import did; `notes` are what a person should know of the data."""

    recording: str
    path: str
    files: int
    spot: bool
    coins: list[Imported]
    notes: list[str]


def summarize(coin: Coin, interval: str, bars: Bars, added: int, duplicates: int, out_of_order: int) -> Imported:
    """Return what an import did to one series: its bars as they are now, and what was counted on the way."""
    return Imported(
        coin=coin.coin,
        interval=interval,
        rows=len(bars),
        added=added,
        start=stamp(int(bars.time[0])),
        end=stamp(int(bars.time[-1]) + bars.interval),
        gaps=[(stamp(gap.start), stamp(gap.end), gap.missing) for gap in find_gaps(bars.time, bars.interval)],
        duplicates_dropped=duplicates,
        rows_sorted=out_of_order,
        tick=coin.tick,
        lot=coin.lot,
        min_notional=coin.min_notional,
        inferred=coin.inferred,
    )
