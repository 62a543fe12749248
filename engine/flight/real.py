"""A flight whose orders are real: the keys, the journal and the account beside the prices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

from engine.binance.journal import Journal, journal_file
from engine.binance.keys import Keys
from engine.binance.ledger import Ledger
from engine.binance.permissions import check
from engine.binance.trading import BinanceTradeSystem, tag_of
from engine.config import SessionConfig
from engine.errors import ExchangeError
from engine.flight.prices import Tell, end, prices
from engine.model import Timestamp
from engine.session import Session, assemble
from engine.strategy import Strategy
from engine.trading.risk import Limits


class Flight(NamedTuple):
    """A session whose orders are real: its account's ledger, whose account it is, and what is to be known of it.

    `began` is when its strategy first flew on the account, 0 where it never has; `start` the journal's entry of this start.
    """

    session: Session
    trade: BinanceTradeSystem
    ledger: Ledger
    account: str
    warnings: list[str]
    began: Timestamp
    start: int


@asynccontextmanager
async def fly_for_real(settings: SessionConfig, keys: Keys, tell: Tell = lambda text: None) -> AsyncIterator[Flight]:
    """Yield the flight of a config whose orders go to an exchange, disarmed, its orders as the journal left them.

    Raises what `fly` does, and JournalError where another engine trades on the account.
    """
    tag = tag_of(f"{Path(settings.source).name} {settings.strategy.use if settings.strategy is not None else ''}")
    with closing(Journal(journal_file(settings.mode, keys))) as journal:
        began = _began(journal, tag)
        async with prices(settings, tell, keys, began) as feed, AsyncExitStack() as after:
            tell("asking what the keys may do")
            allowed = await check(feed.client)
            if allowed.refusals:
                raise ExchangeError(
                    "; ".join(allowed.refusals), hint="make a key that may read and trade spot, and nothing else"
                )
            account = settings.account

            def trading(strategy: Strategy, limits: Limits) -> BinanceTradeSystem:
                return BinanceTradeSystem(
                    feed.client,
                    journal,
                    tag,
                    strategy=strategy,
                    currency=account.currency,
                    cash=account.cash,
                    adopt=account.adopt,
                    limits=limits,
                )

            session = assemble(settings, None, feed, trading=trading)
            trade = session.trade
            assert isinstance(trade, BinanceTradeSystem)
            trade.open(feed.latest)
            trade.safety.statuses = feed.statuses
            start = journal.write("start", tag=tag, time=feed.begin, config=settings.source)
            ledger = Ledger(trade)
            ledger.heard = feed.keep_account
            after.push_async_callback(trade.wire.close)
            after.push_async_callback(end, asyncio.create_task(ledger.run()))
            yield Flight(session, trade, ledger, keys.api_key.first, allowed.warnings, began, start)


def _began(journal: Journal, tag: str) -> Timestamp:
    """Return when a strategy first flew on this account, 0 where it never has."""
    return next(
        (entry.facts["time"] for entry in journal.entries("") if entry.what == "start" and entry.facts["tag"] == tag), 0
    )
