"""The ledger: the account as the exchange has it, by its stream while that lives, and by asking again and again."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from engine import seam
from engine.binance.events import instant
from engine.binance.life import Stage
from engine.binance.numbers import NotExact
from engine.binance.reconciling import Reconciliation
from engine.binance.reports import balances_of, execution_of_event, external_of_event, name_of_event, news_of_event
from engine.binance.socket import BadFrame, Manners, SupervisedSocket, Wire
from engine.binance.status import TradeStatus
from engine.binance.trading import NOT_ASKED, BinanceTradeSystem
from engine.errors import ExchangeError
from engine.model import Timestamp

RECONCILE_EVERY_S = 60.0
PING_EVERY_S = 10.0
AGAIN_S, LONGEST_AGAIN_S = 1.0, 5.0
SHARE = 0.2
"""The share of the requests' weight that asking again on suspicion may use."""
NS_PER_SECOND = 10**9
MANNERS = Manners(silence=3 * PING_EVERY_S)
OTHERS = frozenset(("listStatus", "balanceUpdate", "externalLockUpdate", "serverShutdown"))
"""Events that tell nothing that others do not."""


class Ledger:
    """Keeps a trade system's account true. It is `reconciled` once orders, trades and balances have been asked for.

    A connection that comes back, or a minute that has passed, is followed by asking again; until the first time, and where the
    exchange cannot be asked, nothing goes out.
    """

    def __init__(self, trade: BinanceTradeSystem, manners: Manners | None = None) -> None:
        self.trade = trade
        self.client = trade.client
        self.reconciled = False
        self.alive = False
        self.books = Reconciliation(trade)
        self._due, self._anew = asyncio.Event(), asyncio.Event()
        self._connection: Wire | None = None
        self._connections = 0
        self._failure = ""
        self._since = self._asked_at = self._trusted_at = seam.monotonic_ns()
        trade.account_trouble = self.trouble
        trade.ask_account = self._due.set
        self.heard: Callable[[bytes, Timestamp], None] = lambda frame, received: None
        """Gets every event as it came, and when."""
        self.socket = SupervisedSocket(
            "account", self.client.hosts.ws_api, self._subscribe, self._hear, self._changed, manners or MANNERS
        )

    async def run(self) -> None:
        """Listen and ask, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_listening())
            group.create_task(self._keep_asking())
            group.create_task(self._keep_pinging())

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self.socket.run()
            # what the socket knows how to bear it bears; nothing but its cancellation ends this
            except Exception as error:
                self._failure = f"{type(error).__name__} {error}"[:200]
                await asyncio.sleep(AGAIN_S)

    # asking

    async def _keep_asking(self) -> None:
        again = AGAIN_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECONCILE_EVERY_S):
                    await self._due.wait()
            self._due.clear()
            self._anew.clear()
            try:
                await self.reconcile()
            # nothing but its cancellation ends this
            except Exception as error:
                self._failure = error.message if isinstance(error, ExchangeError) else f"{type(error).__name__} {error}"[:200]
                self._distrust()
                self._due.set()
                await asyncio.sleep(again)
                again = min(2 * again, LONGEST_AGAIN_S)
            else:
                again = AGAIN_S
                # a mere suspicion waits until there is request weight for it, a new connection does not
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(60 * self.books.weight / (SHARE * self.client.budget.limit)):
                        await self._anew.wait()

    def _distrust(self) -> None:
        if self.reconciled:
            self.reconciled, self._trusted_at = False, seam.monotonic_ns()

    async def reconcile(self) -> None:
        """Bring orders, trades and balances up to what the exchange says now. Raises ExchangeError where it does not answer."""
        connections = self._connections
        await self.books.run()
        self._asked_at = seam.monotonic_ns()
        # what came before a connection was made anew is not all there was
        if connections == self._connections:
            self.reconciled, self._failure = True, ""
        self.trade.following.look()

    # listening

    async def _keep_pinging(self) -> None:
        """Have the exchange say something now and then, so that a connection that is dead is seen to be."""
        while True:
            await asyncio.sleep(PING_EVERY_S)
            if self.alive and self._connection is not None:
                # whoever reads finds out what is wrong with it
                with contextlib.suppress(Exception):
                    await self._connection.send('{"id":"ping","method":"ping"}')

    async def _subscribe(self, wire: Wire) -> None:
        request = {"id": "account", "method": "userDataStream.subscribe.signature", "params": self.client.sign_for_socket()}
        await wire.send(json.dumps(request))
        while True:
            frame = await wire.recv()
            said = _read(frame)
            if said.get("id") == "account":
                if said.get("status") != 200:
                    raise BadFrame(f"the exchange refused the account's stream: {said.get('error')}"[:200])
                self._connection = wire
                return
            self.socket.take(frame.encode() if isinstance(frame, str) else frame)

    def _changed(self, alive: bool) -> None:
        if alive != self.alive:
            self.alive, self._since = alive, seam.monotonic_ns()
        if alive:
            self._distrust()
            self._connections += 1
            self._due.set()
            self._anew.set()

    def _hear(self, frame: bytes, received: int) -> None:
        said = _read(frame)
        if said.get("id") == "ping":
            return
        event = said.get("event")
        if not isinstance(event, dict):
            raise BadFrame("no event")
        self.heard(frame, received)
        try:
            self._take(event)
        except (NotExact, AttributeError, KeyError, TypeError, ValueError) as error:
            # what could not be read is asked for
            self._due.set()
            raise BadFrame(str(error)) from None

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("e"):
            case "executionReport":
                self._take_report(event)
            case "outboundAccountPosition":
                told = balances_of(event["B"], self.trade.mirror.assets, "f", "l", "a")
                self.trade.mirror.set_balances(told, instant(int(event["u"])))
                self.trade.following.look()
            case "eventStreamTerminated":
                self.socket.renew("the exchange ended the account's stream")
            case kind if kind not in OTHERS:
                self._due.set()

    def _take_report(self, event: dict[str, Any]) -> None:
        news, externals = news_of_event(event), self.books.externals
        life = self.trade.lives.of_news(news, name_of_event(event))
        if life is None:
            externals.pop((news.coin, news.order_id), None)
            if news.stage in (Stage.NEW, Stage.PARTIALLY_FILLED, Stage.PENDING_NEW) and news.coin in self.trade.mirror.index:
                externals[news.coin, news.order_id] = external_of_event(event)
            return
        self.trade.lives.hear(life, news, execution_of_event(event))
        self.trade.wire.complete(life)
        if life.stage is Stage.UNKNOWN:
            self.trade.wire.resolve(life)

    # how it fares

    def trouble(self, borne_s: float = 0.0) -> str:
        """Return what is wrong with the account, "" where nothing is; what was well before is borne so many seconds."""
        now = seam.monotonic_ns()
        if not self.alive and (now - self._since) / NS_PER_SECOND >= borne_s:
            return f"the account's stream is down for {(now - self._since) / NS_PER_SECOND:.0f} s"
        if not self.reconciled and (now - self._trusted_at) / NS_PER_SECOND >= borne_s:
            return f"the account cannot be asked about: {self._failure}" if self._failure else NOT_ASKED
        return ""

    def status(self) -> TradeStatus:
        """Return how trading on the account fares."""
        trade, unknown = self.trade, self.trade.lives.unknown
        return TradeStatus(
            disarmed=trade.disarmed,
            reconciled=self.reconciled,
            reconciled_age_s=(seam.monotonic_ns() - self._asked_at) / NS_PER_SECOND,
            alive=self.alive,
            age_s=self.socket.age_s,
            reconnects=self.socket.counters.reconnects,
            unknown=len(unknown),
            unknown_age_s=(self.client.clock.now - unknown[0].since) / NS_PER_SECOND if unknown else 0.0,
            out=len(trade.wire.tasks),
            orders_10s=self.client.budget.orders,
            orders_limit=self.client.budget.orders_limit,
            externals=list(self.books.externals.values()),
        )


def _read(frame: str | bytes) -> dict[str, Any]:
    """Return a frame's object; raises BadFrame for anything else."""
    try:
        said = json.loads(frame)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise BadFrame("a frame that cannot be read")
    return said
