"""A trade system on a rehearsal: client, feed, journal, ledger, armed and reconciled, its market moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.binance.client import Client
from engine.binance.feed import BinanceFeed
from engine.binance.hosts import rehearsal_hosts
from engine.binance.journal import Journal
from engine.binance.keys import Keys, Secret
from engine.binance.ledger import Ledger
from engine.binance.trading import BinanceTradeSystem
from engine.recordings import Recording
from tests.binance.floor import QUICK, HandClock
from tests.rehearsal.hall import Hall, hall, until


class Cockpit:
    """Everything that flies one account; `desk` is the same account as the exchange itself has it."""

    def __init__(self, its: Hall, journal: Path, *, history: int = 5, **given: Any) -> None:
        self.hall = its
        self.venue = its.venue
        self.desk = next(iter(its.venue.desks.values()))
        addresses = its.server.addresses
        keys = Keys(Secret(addresses.api_key), Secret(addresses.api_secret or ""), None)
        self.client = Client(rehearsal_hosts(its.url), clock=HandClock(lambda: its.venue.now), keys=keys)
        self.coins = list(its.venue.market.index)
        self.feed = BinanceFeed(self.client, self.coins, history=history, manners=QUICK)
        self.journal = Journal(journal)
        self.trade = BinanceTradeSystem(self.client, self.journal, "test01", **given)
        self.ledger = Ledger(self.trade, QUICK)

    @asynccontextmanager
    async def flying(self, *, armed: bool = True) -> AsyncIterator[Cockpit]:
        """Open everything, take the history in, reconcile; put it all away in the end."""
        async with AsyncExitStack() as after:
            after.callback(self.journal.close)
            await self.client.open()
            after.push_async_callback(self.client.close)
            await self.feed.learn()
            await self.feed.warm_up()
            for time in self.feed.upcoming(None):
                self.feed.advance(time)
            self.trade.open(self.feed.latest)
            after.push_async_callback(self.trade.wire.close)
            running = asyncio.create_task(self.ledger.run())
            after.push_async_callback(asyncio.wait, {running})
            after.callback(running.cancel)
            await until(lambda: self.ledger.reconciled)
            if armed:
                self.trade.arm()
            yield self

    @property
    def lives(self) -> list[Any]:
        return list(self.trade.lives.by_cid.values())

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        await until(lambda: not self.trade.wire.tasks)

    async def agrees(self) -> None:
        """The account here is the account there, to the last unit; orders and fills too."""
        await until(self._same)

    def _same(self) -> bool:
        mirror, records = self.trade.mirror, self.desk.records
        balances = {asset: (mirror.free(asset), mirror.locked(asset)) for asset in mirror.assets}
        there = {asset: amounts for asset, amounts in records.balances().items() if asset in balances}
        fills = [(its.trade_id, its.amount, its.price) for life in self.lives for its in life.trades.values()]
        trades = [(its.id, its.amount, its.price) for its in records.trades]
        return balances == there and sorted(fills) == sorted(trades)

    def balance(self, asset: str) -> tuple[Decimal, Decimal]:
        return self.trade.account.balances[asset]


@asynccontextmanager
async def cockpit(
    recording: Recording, journal: Path, *, armed: bool = True, given: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Cockpit]:
    """A cockpit on a rehearsal of its own; `given` is for the trade system."""
    async with hall(recording, **settings) as its, Cockpit(its, journal, **(given or {})).flying(armed=armed) as made:
        yield made
