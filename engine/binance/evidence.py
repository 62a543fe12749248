"""Evidence: what the exchange can be asked about an order, and when enough says that it is not there and can no longer come.

That a question finds nothing proves nothing for a while: what answers questions lags behind what takes orders (ccxt 1786,
freqtrade 4462). The rule is: the request's time is over, by the exchange's clock; two questions a while apart found nothing;
and neither the open orders, nor all orders, nor the trades since have it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.binance.client import Client
from engine.binance.events import NS_PER_MS
from engine.binance.life import Life, News, Stage
from engine.binance.lives import Lives
from engine.binance.numbers import NotExact
from engine.binance.outcome import ARCHIVED, NO_ORDER, of_error
from engine.binance.reports import execution_of_trade, news_of, rows_of
from engine.binance.requests import named
from engine.errors import ExchangeError
from engine.model import Timestamp

NS_PER_SECOND = 10**9
HORIZON_S = 5 + 10 + 60
"""After how long a request that left can no longer show: its window, the exchange's own patience, and what answers may lag."""
LOOKS = 2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0
MOST_ROWS = 1000
NEVER_PLACED = "not placed: its time is over, and neither orders nor trades have it"
FORGOTTEN = "the exchange no longer knows it: neither orders nor trades have it"


class Evidence:
    """Asks the exchange about single orders. What it says is taken in; nothing here changes anything there."""

    def __init__(self, client: Client, lives: Lives) -> None:
        self._client = client
        self._lives = lives

    async def look(self, life: Life) -> bool | None:
        """Ask for an order by its client id; return whether it is there, None where nobody could say."""
        try:
            order = await self._client.signed("get", "order", 4, **named(life))
            news = _of(order, life)
        # whatever it is, it says nothing of the order, but for the one code that does
        except Exception as error:
            code = of_error(error).code
            if code == ARCHIVED:
                self._lives.conclude(life, Stage.EXPIRED, "the exchange has archived it: it ended long ago, and never filled")
            return False if code == NO_ORDER else None
        if news is None:
            return None
        try:
            if news.filled > life.accounted:
                await self._fetch(life, news.order_id)
            self._lives.hear(life, news)
        except (ExchangeError, NotExact):
            return None
        return True

    async def complete(self, life: Life) -> None:
        """Bring in an order's fills, wherever their events went; what cannot be had now is asked for another time."""
        try:
            await self._fetch(life, life.order_id)
        except (ExchangeError, NotExact):
            return

    async def _fetch(self, life: Life, order_id: int) -> None:
        for trade in rows_of(await self._client.query("myTrades", 5, symbol=life.coin, orderId=order_id)):
            self._lives.fill(life, execution_of_trade(trade))

    async def resolve(self, life: Life) -> None:
        """Look until an order is found, or until enough says that it is not there and can no longer come."""
        looks, wait = 0, FIRST_WAIT_S
        denied = self._client.clock.now
        while life.is_open:
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_S)
            there = await self.look(life)
            if there and life.stage is not Stage.UNKNOWN:
                return
            if there is not False:
                continue
            looks += 1
            # one that the exchange has known is in doubt only since it was denied
            since = denied if life.order_id else max(life.created, life.left)
            if looks >= LOOKS and self._is_over(since) and await self._nowhere(life):
                if life.order_id:
                    self._lives.conclude(life, Stage.EXPIRED, FORGOTTEN)
                else:
                    self._lives.conclude(life, Stage.NOT_PLACED, NEVER_PLACED)

    async def _is(self, life: Life, order_id: int) -> bool:
        """Whether the exchange's order of an id is this one, which is taken in then."""
        order = await self._client.query("order", 4, symbol=life.coin, orderId=order_id)
        news = _of(order, life)
        if news is not None:
            self._lives.hear(life, news)
        return news is not None

    def _is_over(self, since: Timestamp) -> bool:
        clock = self._client.clock
        return clock.known and clock.now > since + HORIZON_S * NS_PER_SECOND

    async def _nowhere(self, life: Life) -> bool:
        """Whether neither the open orders, nor all orders, nor the trades since its time have it; what is found is taken in."""
        begin = min(life.created, life.left or life.created) // NS_PER_MS - 60_000
        try:
            since: dict[str, Any] = {"symbol": life.coin, "startTime": begin, "limit": MOST_ROWS}
            opened = rows_of(await self._client.query("openOrders", 6, symbol=life.coin))
            every = rows_of(await self._client.query("allOrders", 20, **since))
            trades = rows_of(await self._client.query("myTrades", 20, **since))
            for order in [*opened, *every]:
                if (news := _of(order, life)) is not None:
                    self._lives.hear(life, news)
                    return False
            if len(every) == MOST_ROWS or len(trades) == MOST_ROWS:
                return False
            seen = {order.get("orderId") for order in every}
            for id in {int(its["orderId"]) for its in trades} - seen:
                # an order from before, or this one under the only name that its trades know it by
                if self._lives.of_order(life.coin, id) is None and await self._is(life, id):
                    return False
            return True
        except (ExchangeError, NotExact, AttributeError, KeyError, TypeError, ValueError):
            return False


def _of(order: dict[str, Any], life: Life) -> News | None:
    """Return what the exchange says of an order, None where it is another than this one.

    One that was cancelled elsewhere may go by the cancel's client id, and is known by its own id still.
    """
    if order["clientOrderId"] != life.cid and not (life.order_id and order["orderId"] == life.order_id):
        return None
    news = news_of(order)
    return news if life.can_be(news) else None
