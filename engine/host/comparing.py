"""Comparing: two branches held against each other, as the deck is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.history.branches import Comparison
from engine.host.protocol import BranchReport, TripRow

if TYPE_CHECKING:
    from engine.analysis.trips import RoundTrip
    from engine.session import Session

SHOWN_POINTS = 400
"""Points of an equity curve that is shown: more than any terminal is wide."""
SHOWN_TRIPS = 200


def report(number: int, its: Comparison, session: Session) -> BranchReport:
    """Return the answer to a command with this number: curves thinned, of the round trips the newest."""
    every = max(1, len(its.equity[0]) // SHOWN_POINTS)
    times = session.feed.times[: its.until + 1]
    one, other = its.equity
    return BranchReport(
        id=number,
        one=its.names[0],
        other=its.names[1],
        until=its.until,
        parts=its.parts,
        times=[int(time) for time in times[::every]],
        equity_one=one[::every].tolist(),
        equity_other=other[::every].tolist(),
        only_one=[_trip(trip, session) for trip in its.only[0][-SHOWN_TRIPS:]],
        only_other=[_trip(trip, session) for trip in its.only[1][-SHOWN_TRIPS:]],
        stats=[(name, float(mine), float(others)) for name, (mine, others) in its.stats.items()],
    )


def _trip(its: RoundTrip, session: Session) -> TripRow:
    exchange = session.trade.exchange
    amount = its.amount / exchange.scale(its.coin)
    coin = exchange.instruments[its.coin].coin
    return TripRow(coin, its.entry_step, its.exit_step, amount, its.entry_price, its.exit_price, its.profit / 1e8)
