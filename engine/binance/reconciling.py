"""Reconciling: orders, trades and balances are asked for, and what is known here is brought up to what the exchange says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from engine.binance.events import NS_PER_MS, instant
from engine.binance.evidence import HORIZON_S, NS_PER_SECOND
from engine.binance.life import OWN, Life, Stage
from engine.binance.numbers import NotExact, units
from engine.binance.reports import balances_of, execution_of_trade, external_of, news_of, rows_of
from engine.binance.status import External
from engine.binance.trading import BinanceTradeSystem
from engine.errors import ExchangeError
from engine.model import INTERVALS, CoinName, Timestamp

WEIGHT_OF_ALL, WEIGHT_OF_ONE = 80, 6
"""What asking for the open orders weighs: of all coins at once, of one coin."""
MOST_ROWS = 1000
RATES = ("standardCommission", "specialCommission", "taxCommission")


class Reconciliation:
    """Asks about an account again and again. `externals` are its open orders that did not come from here, by coin and id.

    `weight` is what the last time cost of the requests of a minute.
    """

    def __init__(self, trade: BinanceTradeSystem) -> None:
        self.externals: dict[tuple[CoinName, int], External] = {}
        self.weight = 0
        self._trade = trade
        self._client = trade.client
        self._seen: dict[CoinName, tuple[int, Timestamp]] = {}
        self._rates_known = False
        self._uid: Any = None

    async def run(self) -> None:
        """Ask for everything; raises ExchangeError where something is not answered, or so that it cannot be read."""
        self.weight = 0
        try:
            if not self._rates_known:
                await self._learn_rates()
            mirror = self._trade.mirror
            turn = mirror.turn
            mirror.turn += 1
            await self._ask_for_orders()
            await _all(*(self._catch_up(coin) for coin in self._trade.lives.first))
            await self._ask_for_balances(turn + 1)
        except (NotExact, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ExchangeError(f"the account's answers cannot be read: {type(error).__name__} {error}"[:200]) from None

    async def _query(self, path: str, weight: int, **params: Any) -> Any:
        self.weight += weight
        return await self._client.query(path, weight, **params)

    async def _learn_rates(self) -> None:
        """Take the account's fees, the highest of its coins' where they differ: what an order locks is never told too low."""
        coins = list(self._trade.mirror.index)
        answers = await _all(*(self._query("account/commission", 20, symbol=coin) for coin in coins))
        rates = [[sum(units(str(told[its][side])) for its in RATES) for side in ("maker", "taker")] for told in answers]
        self._trade.mirror.set_rates(*map(max, zip(*rates, strict=True)))
        self._rates_known = True

    # orders

    async def _ask_for_orders(self) -> None:
        lives = self._trade.lives
        before = [life for life in lives.unsettled if life.is_open and life.cid not in self._trade.wire.placing]
        externals, listed = {}, set()
        for order in await self._opened():
            news = news_of(order)
            life = lives.of_news(news, str(order["clientOrderId"]))
            if life is None:
                externals[news.coin, news.order_id] = external_of(order)
            else:
                listed.add(life.cid)
                lives.hear(life, news)
        self.externals = externals
        missing = [life for life in before if life.cid not in listed and life.is_open]
        await _all(*(self._find(life) for life in missing))
        for life in lives.unsettled:
            self._trade.wire.complete(life, sure=True)

    async def _opened(self) -> list[dict[str, Any]]:
        coins = self._trade.mirror.index
        if len(coins) * WEIGHT_OF_ONE > WEIGHT_OF_ALL:
            return [its for its in rows_of(await self._query("openOrders", WEIGHT_OF_ALL)) if its["symbol"] in coins]
        told = await _all(*(self._query("openOrders", WEIGHT_OF_ONE, symbol=coin) for coin in coins))
        return [order for orders in told for order in rows_of(orders)]

    async def _find(self, life: Life) -> None:
        """Ask for an order that should be among the open ones and is not."""
        wire = self._trade.wire
        if life.stage in OWN:
            # its request is no longer out
            self._trade.lives.lose(life, life.text or "its answer was lost")
            wire.resolve(life)
            return
        self.weight += 4
        there = await wire.evidence.look(life)
        if there is None and life.is_open:
            raise ExchangeError(f"order #{self._trade.lives.numbers[life.cid]} of {life.coin} cannot be asked for")
        if there is False or life.stage is Stage.UNKNOWN:
            wire.resolve(life)

    # trades

    async def _catch_up(self, coin: CoinName) -> None:
        """Bring in a coin's trades from the last one known on, or since the first order was meant, by their ids.

        Raises ExchangeError where that one is not there any more, unless that is to be expected.
        """
        lives, day = self._trade.lives, INTERVALS["1d"]
        while True:
            known, at = max(self._seen.get(coin, (-1, 0)), lives.last_trade.get(coin, (-1, 0)))
            asked = self._client.clock.now
            begin = max(lives.first[coin], self._client.clock.now - day) // NS_PER_MS - 1000
            since = {"fromId": known} if known >= 0 else {"startTime": begin}
            trades = rows_of(await self._query("myTrades", 20, symbol=coin, limit=MOST_ROWS, **since))
            if known >= 0 and not self._client.rehearses and _is_gone(known, at, trades[:1], asked):
                raise ExchangeError(
                    f"the exchange has no trade {known} of {coin} any more: the account was wiped, and what was held is gone; "
                    f"end the flight, move {self._trade.journal_path} away and start again"
                )
            for trade in trades:
                self._seen[coin] = max(self._seen.get(coin, (-1, 0)), (int(trade["id"]), instant(int(trade["time"]))))
                life = lives.of_order(coin, int(trade["orderId"]))
                if life is not None:
                    lives.fill(life, execution_of_trade(trade))
            if len(trades) < MOST_ROWS:
                return

    # balances

    async def _ask_for_balances(self, turn: int) -> None:
        account = await self._query("account", 20, omitZeroBalances="false")
        mirror = self._trade.mirror
        told = balances_of(account["balances"], mirror.assets, "free", "locked", "asset")
        uid, self._uid = self._uid, account.get("uid")
        if uid != self._uid:
            # another account than before, as where a rehearsal began anew: no time of the old one's counts there
            mirror.forget_times()
        at = int(account.get("updateTime") or 0)
        mirror.set_balances(told, instant(at) if at > 0 else 0, turn)


def _is_gone(known: int, at: Timestamp, first: list[dict[str, Any]], asked: Timestamp) -> bool:
    """Whether a known trade is not the first from its id on, though what answers questions must have heard of it long since.

    An account that was wiped, as a testnet's is, counts its trades anew: another may have the id.
    """
    long = HORIZON_S * NS_PER_SECOND
    if first and int(first[0]["id"]) == known:
        return abs(instant(int(first[0]["time"])) - at) > long
    return asked > at + long


async def _all(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Return what all questions are answered; raises the first error once all have ended."""
    answers = await asyncio.gather(*work, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return answers
