"""The wire: orders and cancels on their way to the exchange, each sent once, each with one of three outcomes."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.binance.client import Client
from engine.binance.life import Life, Stage
from engine.binance.lives import Lives
from engine.binance.numbers import NotExact, units
from engine.binance.outcome import NO_ORDER, UNKNOWN_ORDER, Answer, Outcome, of_body, of_error
from engine.binance.reports import execution_of_trade, fills_of, news_of
from engine.errors import ExchangeError
from engine.exact import to_text
from engine.exchange import TIMES_IN_FORCE
from engine.exchange import kernel as k
from engine.trading.terms import Terms

TYPES = ("MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
NS_PER_SECOND = 10**9
HORIZON_S = 5 + 10 + 5
"""After how long a request that left can no longer be placed: its window, the exchange's own patience, and its databases."""
LOOKS = 2
LOOK_EVERY_S = 1.0


class Wire:
    """Sends what was written down, and asks for what came of it where the answer was lost. Nothing is ever sent twice.

    `tasks` are the requests that are out; `close` waits for none of them: what has no answer is found at the next start.
    """

    def __init__(self, client: Client, lives: Lives) -> None:
        self.client = client
        self.lives = lives
        self.tasks: set[asyncio.Task[None]] = set()

    def place(self, life: Life, asked: Terms, amount: int) -> None:
        """Send an order that has been written down."""
        params = self._params(life.cid, asked, amount) | {"symbol": life.coin, "newOrderRespType": "FULL"}
        self._start(self._place([life], "order", params))

    def place_pair(self, limit: Life, stop: Life, asked: tuple[Terms, Terms], amount: int) -> None:
        """Send a pair that has been written down; the exchange names its legs by where they lie."""
        first, second = asked
        above = first.side == k.SELL
        legs = {("above" if above else "below"): (limit, first), ("below" if above else "above"): (stop, second)}
        params: dict[str, Any] = {
            "symbol": limit.coin,
            "side": "BUY" if first.side == k.BUY else "SELL",
            "quantity": _plain(amount),
            "newOrderRespType": "FULL",
        }
        for word, (life, terms) in legs.items():
            params |= {f"{word}Type": TYPES[terms.kind], f"{word}ClientOrderId": life.cid}
            params |= {f"{word}{name[0].upper()}{name[1:]}": value for name, value in _prices(terms).items()}
            if terms.kind == k.STOP_LIMIT:
                params[f"{word}TimeInForce"] = "GTC"
        self._start(self._place([limit, stop], "orderList/oco", params))

    def cancel(self, life: Life) -> None:
        """Ask for an order's end; what becomes of it the exchange says."""
        self._start(self._cancel(life))

    def amend(self, life: Life, amount: int) -> None:
        """Ask for an order to be reduced, its place kept."""
        self._start(self._amend(life, amount))

    def resolve(self, life: Life) -> None:
        """Find out by evidence what became of an order nobody knows of."""
        self._start(self._resolve(life))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        """Give up what is out."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # placing

    async def _place(self, legs: list[Life], path: str, params: dict[str, Any]) -> None:
        for life in legs:
            life.sent(self.client.clock.now)
        answer = await self._send("post", path, 1, params)
        now = self.client.clock.now
        for life in legs:
            facts = {"outcome": answer.outcome.value, "code": answer.code, "text": answer.text, "time": now}
            self.lives.write("outcome", life, **facts)
        match answer.outcome:
            case Outcome.ACCEPTED:
                for life in legs:
                    self._hear_reply(life, answer.body or {})
            case Outcome.REJECTED:
                for life in legs:
                    life.refused(now, answer.code, answer.text)
                    self.lives.settle(life)
            case Outcome.UNKNOWN:
                for life in legs:
                    life.lost(now, answer.text)
                    self.lives.settle(life)
                    self.resolve(life)

    async def _send(self, method: str, path: str, weight: int, params: dict[str, Any], *, urgent: bool = False) -> Answer:
        try:
            return of_body(await self.client.signed(method, path, weight, urgent=urgent, **params))
        except asyncio.CancelledError:
            raise
        # whatever it is, it says nothing of what the exchange did
        except Exception as error:
            return of_error(error)

    def _hear_reply(self, life: Life, body: dict[str, Any]) -> None:
        reports = body.get("orderReports", [body])
        mine = next((its for its in reports if its.get("clientOrderId") == life.cid), None)
        try:
            if mine is None:
                raise NotExact("the reply tells of another order")
            self.lives.hear(life, news_of(mine), fills_of(mine))
        except NotExact as error:
            life.lost(self.client.clock.now, str(error))
            self.lives.settle(life)
            self.resolve(life)

    # ending

    async def _cancel(self, life: Life) -> None:
        life.cancel_sent = True
        self.lives.write("cancel", life)
        params = {"symbol": life.coin, "origClientOrderId": life.cid}
        answer = await self._send("delete", "order", 1, params, urgent=True)
        if answer.outcome is Outcome.ACCEPTED and answer.body is not None and "executedQty" in answer.body:
            self.lives.hear(life, news_of(answer.body))
        elif answer.outcome is Outcome.REJECTED and answer.code == UNKNOWN_ORDER:
            # not open any more: filled, or cancelled before, or never there; it is asked which
            await self._look(life)
        elif answer.outcome is not Outcome.REJECTED:
            self.resolve(life)
        life.cancel_sent = False

    async def _amend(self, life: Life, amount: int) -> None:
        self.lives.write("amend", life, amount=amount)
        params: dict[str, Any] = {"symbol": life.coin, "origClientOrderId": life.cid, "newClientOrderId": life.cid}
        params["newQty"] = _plain(amount)
        try:
            await self.client.signed("put", "order/amend/keepPriority", 4, **params)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if of_error(error).outcome is Outcome.REJECTED:
                return
        await self._look(life)

    # finding out

    async def _look(self, life: Life) -> bool | None:
        """Ask for an order by its client id; return whether it is there, None where nobody could say."""
        try:
            order = await self.client.signed("get", "order", 4, symbol=life.coin, origClientOrderId=life.cid)
            news = news_of(order)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            return False if of_error(error).code == NO_ORDER else None
        if news.filled > life.accounted:
            await self.fetch_trades(life)
        self.lives.hear(life, news)
        if str(order.get("origQty", "")) and life.is_open:
            life.amount = _amount(order, life.amount)
            self.lives.settle(life)
        return True

    async def fetch_trades(self, life: Life) -> None:
        """Bring in an order's fills, wherever their events went."""
        if not life.order_id:
            return
        trades = await self.client.query("myTrades", 20, symbol=life.coin, orderId=life.order_id)
        for trade in trades:
            self.lives.fill(life, execution_of_trade(trade))

    async def _resolve(self, life: Life) -> None:
        """Look until the order is found, or until enough says that it is not there and can no longer come."""
        looks = 0
        while life.stage is Stage.UNKNOWN:
            await asyncio.sleep(LOOK_EVERY_S)
            there = await self._look(life)
            if there or life.stage is not Stage.UNKNOWN:
                return
            if there is None:
                continue
            looks += 1
            over = self.client.clock.now > life.created + HORIZON_S * NS_PER_SECOND
            if looks >= LOOKS and over and await self._nowhere(life):
                text = "not placed: its time is over, and neither orders nor trades have it"
                self.lives.write("proof", life, text=text, time=self.client.clock.now)
                life.proven_not_placed(self.client.clock.now, text)
                self.lives.settle(life)

    async def _nowhere(self, life: Life) -> bool:
        """Whether neither the open orders nor all orders since its time have it."""
        since = life.created // 1_000_000 - 60_000
        try:
            opened = await self.client.query("openOrders", 6, symbol=life.coin)
            every = await self.client.query("allOrders", 20, symbol=life.coin, startTime=since, limit=1000)
        except ExchangeError:
            return False
        return not any(order.get("clientOrderId") == life.cid for order in [*opened, *every])

    # words

    def _params(self, cid: str, asked: Terms, amount: int) -> dict[str, Any]:
        params: dict[str, Any] = {
            "side": "BUY" if asked.side == k.BUY else "SELL",
            "type": TYPES[asked.kind],
            "quantity": _plain(amount),
            "newClientOrderId": cid,
        } | _prices(asked)
        if k.has_price(asked.kind) and asked.kind != k.LIMIT_MAKER:
            params["timeInForce"] = TIMES_IN_FORCE[asked.tif].value
        return params


def _prices(asked: Terms) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if asked.price:
        told["price"] = _plain(asked.price)
    if asked.trail:
        told["trailingDelta"] = asked.trail
    elif asked.stop:
        told["stopPrice"] = _plain(asked.stop)
    return told


def _plain(count: int) -> str:
    text = to_text(count)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _amount(order: dict[str, Any], known: int) -> int:
    try:
        return units(str(order["origQty"]))
    except NotExact:
        return known
