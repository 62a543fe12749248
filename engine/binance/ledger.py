"""The ledger: the account as the exchange has it, by its stream while that lives, and by asking again and again."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from engine import seam
from engine.binance.numbers import NotExact, units
from engine.binance.reports import execution_of_event, execution_of_trade, news_of, news_of_event
from engine.binance.socket import BadFrame, Manners, SupervisedSocket, Wire
from engine.binance.status import External, TradeStatus
from engine.binance.trading import BinanceTradeSystem
from engine.errors import ExchangeError, JournalError
from engine.model import CoinName

RECONCILE_EVERY_S = 60.0
NS_PER_SECOND = 10**9


class Ledger:
    """Keeps a trade system's account true. It is `reconciled` once orders, trades and balances have been asked for.

    A connection that comes back, or a minute that has passed, is followed by asking again; until the first time, and where the
    exchange cannot be asked, trading stays disarmed.
    """

    def __init__(self, trade: BinanceTradeSystem, manners: Manners | None = None) -> None:
        self.trade = trade
        self.client = trade.client
        self.reconciled = False
        self.externals: list[External] = []
        self.alive = False
        self._due = asyncio.Event()
        self._since = seam.monotonic_ns()
        self._asked_at = seam.monotonic_ns()
        self._last_trade: dict[CoinName, int] = {}
        trade.account_trouble = self.trouble
        self.socket = SupervisedSocket(
            "account", self.client.hosts.ws_api, self._subscribe, self._hear, self._changed, manners or Manners(silence=3600.0)
        )

    async def run(self) -> None:
        """Listen and ask, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.socket.run())
            group.create_task(self._keep_asking())

    async def _keep_asking(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECONCILE_EVERY_S):
                    await self._due.wait()
            self._due.clear()
            try:
                await self.reconcile()
            except ExchangeError as error:
                self.trade.disarm(f"the account cannot be asked about: {error.message}")
                await asyncio.sleep(1.0)
                self._due.set()
            except JournalError as error:
                self.trade.disarm(error.message)

    # asking

    async def reconcile(self) -> None:
        """Bring orders, trades and balances up to what the exchange says now. Raises ExchangeError where it does not answer."""
        lives = self.trade.lives
        externals = []
        for coin in self.trade.mirror.index:
            opened = await self.client.query("openOrders", 6, symbol=coin)
            await self._catch_up_trades(coin)
            for order in opened:
                life = lives.of_order(int(order["orderId"]), str(order["clientOrderId"]))
                if life is None:
                    externals.append(_external(order))
                else:
                    lives.hear(life, news_of(order))
        self.externals = externals
        for life in lives.unsettled:
            if life.stage.value == "UNKNOWN":
                self.trade.wire.resolve(life)
            else:
                await self._settle(life.coin, life.cid)
        account = await self.client.query("account", 20, omitZeroBalances="false")
        for row in account["balances"]:
            self.trade.mirror.set_balance(str(row["asset"]), units(str(row["free"])), units(str(row["locked"])))
        self.reconciled = True
        self._asked_at = seam.monotonic_ns()

    async def _settle(self, coin: CoinName, cid: str) -> None:
        """Ask for one order of which not all is known."""
        life = self.trade.lives.by_cid[cid]
        try:
            order = await self.client.query("order", 4, symbol=coin, origClientOrderId=cid)
        except ExchangeError:
            return
        if news_of(order).filled > life.accounted:
            await self.trade.wire.fetch_trades(life)
        self.trade.lives.hear(life, news_of(order))

    async def _catch_up_trades(self, coin: CoinName) -> None:
        """Bring in the trades of a coin that no event told of, by their ids."""
        lives = self.trade.lives
        while True:
            since = {"fromId": self._last_trade[coin] + 1} if coin in self._last_trade else {}
            trades = await self.client.query("myTrades", 20, symbol=coin, limit=1000, **since)
            for trade in trades:
                self._last_trade[coin] = max(self._last_trade.get(coin, -1), int(trade["id"]))
                life = lives.of_order(int(trade["orderId"]))
                if life is not None:
                    lives.fill(life, execution_of_trade(trade))
            if len(trades) < 1000:
                return

    # listening

    async def _subscribe(self, wire: Wire) -> None:
        request = {"id": "account", "method": "userDataStream.subscribe.signature", "params": self.client.sign_for_socket()}
        await wire.send(json.dumps(request))
        while True:
            frame = await wire.recv()
            said = json.loads(frame)
            if said.get("id") == "account":
                if said.get("status") != 200:
                    raise BadFrame(f"the exchange refused the account's stream: {said.get('error')}"[:200])
                return
            self.socket.take(frame.encode() if isinstance(frame, str) else frame)

    def _changed(self, alive: bool) -> None:
        if alive != self.alive:
            self.alive, self._since = alive, seam.monotonic_ns()
        if alive:
            self._due.set()

    def _hear(self, frame: bytes, received: int) -> None:
        said = json.loads(frame)
        event = said.get("event") if isinstance(said, dict) else None
        if not isinstance(event, dict):
            raise BadFrame("no event")
        try:
            self._take(event)
        except (NotExact, KeyError, TypeError, ValueError) as error:
            # what could not be read is asked for
            self._due.set()
            raise BadFrame(str(error)) from None

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("e"):
            case "executionReport":
                cid = str(event["C"]) if event["x"] == "CANCELED" and event.get("C") else str(event["c"])
                life = self.trade.lives.of_order(int(event["i"]), cid)
                if life is not None:
                    execution = execution_of_event(event)
                    self.trade.lives.hear(life, news_of_event(event), [execution] if execution is not None else [])
                    if event["x"] == "REPLACED":
                        life.amount = units(str(event["q"]))
                        self.trade.lives.settle(life)
                else:
                    self._due.set()
            case "outboundAccountPosition":
                for row in event["B"]:
                    self.trade.mirror.set_balance(str(row["a"]), units(str(row["f"])), units(str(row["l"])))
            case "eventStreamTerminated":
                raise BadFrame("the exchange ended the account's stream")
            case _:
                self._due.set()

    # how it fares

    def trouble(self, borne_s: float = 0.0) -> str:
        """Return what is wrong with the account, "" where nothing is; a stream that is cut is borne so many seconds."""
        if not self.reconciled:
            return "the account has not been asked about yet"
        gone_s = 0.0 if self.alive else (seam.monotonic_ns() - self._since) / NS_PER_SECOND
        return "" if self.alive or gone_s < borne_s else f"the account's stream is cut since {gone_s:.0f} s"

    def status(self) -> TradeStatus:
        """Return how trading on the account fares."""
        now, unknown = self.client.clock.now, self.trade.lives.oldest_unknown
        return TradeStatus(
            disarmed=self.trade.disarmed,
            reconciled=self.reconciled,
            reconciled_age_s=(seam.monotonic_ns() - self._asked_at) / NS_PER_SECOND,
            alive=self.alive,
            age_s=self.socket.age_s,
            reconnects=self.socket.counters.reconnects,
            unknown=self.trade.lives.n_unknown,
            unknown_age_s=0.0 if unknown is None else (now - unknown.since) / NS_PER_SECOND,
            out=len(self.trade.wire.tasks),
            orders_10s=self.client.budget.orders,
            orders_limit=self.client.budget.orders_limit,
            externals=self.externals,
        )

    @property
    def silence_s(self) -> float:
        """Seconds since the account's stream said anything, or was made."""
        return self.socket.age_s


def _external(order: dict[str, Any]) -> External:
    return External(
        int(order["orderId"]),
        str(order["symbol"]),
        str(order["side"]).lower(),
        str(order["type"]).lower(),
        str(order["origQty"]),
        str(order["executedQty"]),
        str(order["price"]),
    )
