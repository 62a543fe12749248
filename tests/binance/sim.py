"""The SIM: the order core against an exchange in the same process, by a time of its own, with everything going wrong that can.

A seed draws which faults a run has and how often; the same seed is the same run. What must hold whatever happens is looked at
while it runs (`World.wrong`) and at its end (`judge`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from engine.binance.library import BinanceAPIException
from engine.binance.life import Life, Stage
from engine.binance.trading import BinanceTradeSystem
from engine.errors import OrderError
from engine.exchange import kernel as k
from engine.model import OrderType, Signal
from tests.binance.sim_exchange import MS, UNIT, Exchange, Refusal
from tests.binance.sim_flight import Connection, Flight, Reply, ShakyJournal
from tests.binance.sim_judge import differences, judge, owing
from tests.binance.sim_loop import BEGIN_NS, NS, VirtualLoop, virtual

ON_REQUESTS = (
    "lost_request",
    "lost_response",
    "-1006",
    "-1007",
    "503",
    "504",
    "html",
    "garbled",
    "delay",
    "filter",
    "429",
    "418",
)
ON_EVENTS = ("dup_report", "late_report", "drop_report")
OTHERS = ("cut", "refused", "lag", "skew", "external", "journal", "crash", "strange", "halt")
FAULTS = (*ON_REQUESTS, *ON_EVENTS, *OTHERS, "half")
COUNTED = (*FAULTS, "-2011", "-2021", "-2022", "-1021", "partly_cancelled")
RARE = {"crash": 0.008, "cut": 0.02, "skew": 0.008, "journal": 0.01, "418": 0.003, "429": 0.006, "halt": 0.004}
RARE |= {"half": 0.3, "refused": 0.3}
PATIENCE_S = 12.0


class World:
    """A run: the exchange, the network, the machine, and what goes wrong with them."""

    system = BinanceTradeSystem
    journal = ShakyJournal

    def __init__(self, seed: int, path: Path, orders: int = 200) -> None:
        self.dice = Random(seed)
        self.given: dict[str, Any] = {}
        self.path, self.orders = path, orders
        self.rates = {name: self._rate(name) for name in FAULTS}
        self.soon: Counter[str] = Counter()
        """How often a fault strikes at the next chances, whatever its rate."""
        self.calm = False
        self.fired: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.log = hashlib.sha256()
        self.listeners: list[Connection] = []
        self.skew_ns = self.lag_until = self.posts = self.minute = self.used = self.told = 0
        self.loop: VirtualLoop
        self.flight: Flight
        self.slowest_s = 0.0

    def _rate(self, name: str) -> float:
        if self.dice.random() < 0.5:
            return 0.0
        return RARE.get(name, 0.02) * self.dice.choice((0.5, 1.0, 3.0))

    def strikes(self, name: str) -> bool:
        if self.soon[name]:
            self.soon[name] -= 1
            return True
        rate = self.rates[name]
        if not rate or self.calm or self.dice.random() >= rate:
            return False
        self.fired[name] += 1
        self.tell(f"fault {name}")
        return True

    def tell(self, line: str) -> None:
        self.log.update(f"{self.loop.ns} {line}\n".encode())

    def wall(self) -> int:
        return BEGIN_NS + self.loop.ns + self.skew_ns

    def now(self) -> int:
        """The exchange's time."""
        return BEGIN_NS + self.loop.ns

    # the network

    async def connect(self, url: str, **options: Any) -> Connection:
        await asyncio.sleep(0.01)
        if self.strikes("refused"):
            raise OSError("connection refused")
        return Connection(self, self.flight)

    def stream(self, event: Any) -> None:
        frame = msgspec.json.encode({"subscriptionId": 0, "event": event})
        self.tell(f"event {event['e']} {event.get('i')} {event.get('X')} {event.get('z')}")
        for line in list(self.listeners):
            if self.strikes("drop_report"):
                continue
            # the balances come after all that was said of the order, by the stream and by its reply
            late = (0.08 if event["e"] == "outboundAccountPosition" else 0.02) + (
                self.dice.random() * 30 if self.strikes("late_report") else 0.0
            )
            # a loop keeps no order among what is due at one time, as a connection does
            self.told += 1
            late += self.told * 1e-9
            for _ in range(2 if self.strikes("dup_report") else 1):
                self.loop.call_later(late, lambda line=line: line.open and line.frames.put_nowait(frame))

    async def request(self, flight: Flight, method: str, path: str, data: Any, offset: int) -> Any:
        name = data.get("newClientOrderId") or data.get("aboveClientOrderId") or data.get("origClientOrderId") or ""
        self.tell(f"{method} {path} {data.get('symbol')} {name}")
        if self.loop.ns < flight.told_to_wait:
            self.wrong.append(f"{method} {path} while told to wait")
        if method == "post":
            self.posts += 1
            self._check_leaving(flight, data)
        stamp = self.wall() // MS + offset
        answer: asyncio.Future[Any] = self.loop.create_future()
        there = 0.01 + (self.dice.random() * 30 if self.strikes("delay") else 0.0)
        back = 0.01 + (self.dice.random() * 30 if self.strikes("delay") else 0.0)
        if not self.strikes("lost_request"):
            self.loop.call_later(there, lambda: self._arrive(flight, method, path, data, stamp, back, answer))
        try:
            async with asyncio.timeout(PATIENCE_S):
                status, body, headers = await answer
        finally:
            answer.cancel()
        flight.client.budget.hear(status, headers)
        if "Retry-After" in headers:
            flight.told_to_wait = max(flight.told_to_wait, self.loop.ns + int(headers["Retry-After"]) * NS)
        if status >= 300:
            raise BinanceAPIException(Reply(body), status, body)
        return msgspec.json.decode(body)

    def _check_leaving(self, flight: Flight, data: Any) -> None:
        trade = flight.trade
        for cid in {data.get(it) for it in ("newClientOrderId", "aboveClientOrderId", "belowClientOrderId")} - {None}:
            kill = trade.lives.meant[cid].by == "kill"
            if trade.disarmed and not kill:
                self.wrong.append(f"{cid} leaves while disarmed: {trade.disarmed}")
            on_disk = [entry for entry in flight.journal.entries(cid) if entry.what == "intent"]
            if len(on_disk) != 1:
                self.wrong.append(f"{cid} leaves with {len(on_disk)} intents on disk")

    def _arrive(self, flight: Flight, method: str, path: str, data: Any, stamp: int, back: float, answer: Any) -> None:
        status, headers = 200, {"X-MBX-USED-WEIGHT-1M": str(self._weigh(path, data))}
        try:
            for code in (429, 418):
                if path != "time" and self.strikes(str(code)):
                    seconds = self.dice.randrange(5, 60)
                    headers["Retry-After"] = str(seconds)
                    raise Refusal(-1003, "Too much request weight used.", code)
            body: Any = self._do(method, path, data, stamp)
        except Refusal as no:
            status, body = no.status, no.body
            self._count(no.body["code"])
        sent = msgspec.json.encode(body).decode()
        if path != "time" and "Retry-After" not in headers:
            status, sent = self._spoil(status, sent)
        self.tell(f"answer {path} {status} {len(sent)}")
        if status and not self.strikes("lost_response"):
            self.loop.call_later(back, lambda: answer.done() or answer.set_result((status, sent, headers)))

    def _weigh(self, path: str, data: Any) -> int:
        """Count what a request weighs, and return what all of its minute did."""
        minute = self.loop.ns // (60 * NS)
        if minute != self.minute:
            self.minute, self.used = minute, 0
        light = 5 if "orderId" in data else {"order": 4, "openOrders": 6, "time": 1}.get(path, 20)
        self.used += light
        return self.used

    def _spoil(self, status: int, sent: str) -> tuple[int, str]:
        """What the exchange's front makes of an answer, whatever was done."""
        for name, code, body in (
            ("-1006", 500, '{"code":-1006,"msg":"An unexpected response was received from the message bus."}'),
            ("-1007", 504, '{"code":-1007,"msg":"Timeout waiting for response from backend server."}'),
            ("503", 503, '{"msg":"Service unavailable"}'),
            ("504", 504, ""),
            ("html", 502, "<html><body>Bad gateway</body></html>"),
            ("garbled", 200, self.dice.choice(("{}", "[]", "null", '{"orderId":"?"}', '{"orderId":7,"status":"NEW"}'))),
        ):
            if self.strikes(name):
                return code, body
        return status, sent

    def _count(self, code: int) -> None:
        if str(code) in COUNTED:
            self.fired[str(code)] += 1

    def _do(self, method: str, path: str, data: Any, stamp: int) -> Any:
        now_ms = self.now() // MS
        if path == "time":
            return {"serverTime": now_ms}
        if not now_ms - 5000 <= stamp <= now_ms + 1000:
            raise Refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
        if method == "post" and self.strikes("filter"):
            raise Refusal(-1013, "Filter failure: NOTIONAL")
        match method, path:
            case "post", "order":
                return self.exchange.place(data)
            case "post", "orderList/oco":
                return self.exchange.place_pair(data)
            case "post", "order/cancelReplace":
                return self.exchange.cancel_replace(data)
            case "put", _:
                return self.exchange.amend(data)
            case "delete", _:
                told = self.exchange.cancel(data)
                if float(told.get("executedQty", 0)):
                    self.fired["partly_cancelled"] += 1
                return told
        if self.loop.ns >= self.lag_until and self.strikes("lag"):
            self.lag_until = self.loop.ns + self.dice.randrange(1, 60) * NS
        lag = self.dice.randrange(1, 60 * NS) if self.loop.ns < self.lag_until and path != "account/commission" else 0
        return self.exchange.ask(path, data, lag)

    # what happens

    def play(self) -> World:
        """Fly `orders` orders through the faults, then let things come to rest; everything wrong is in `wrong`."""
        chance = Random(self.dice.random()).random
        with virtual(self.connect, self.wall, chance) as self.loop:
            self.exchange = Exchange(self.dice, self.now, self._later, self.strikes)
            self.exchange.tell = self.stream
            # of one coin the holder has some beside the strategy's, of the other none
            self.exchange.balances["BBB"][0] = 0
            self.exchange._tell_balances()
            self.loop.set_exception_handler(
                lambda loop, facts: self.wrong.append(f"{facts['message']} {facts.get('exception')}")
            )
            self.run(self._play())
            self.log.update(repr(self._digest()).encode())
        return self

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something happen, to its end."""
        self.loop.run_until_complete(work)

    def script(self, work: Callable[[World], Coroutine[Any, Any, None]]) -> None:
        """Let things happen as they are written, armed and reconciled; nothing goes wrong but what `soon` names."""
        self.rates = dict.fromkeys(FAULTS, 0.0)
        self.exchange = Exchange(self.dice, self.now, self._later, self.strikes)
        self.exchange.tell = self.stream
        with virtual(self.connect, self.wall, lambda: 0.5) as self.loop:
            self.loop.set_exception_handler(lambda loop, facts: self.wrong.append(f"{facts}"))
            self.loop.run_until_complete(self._follow(work))
        assert self.wrong == []

    async def _follow(self, work: Callable[[World], Coroutine[Any, Any, None]]) -> None:
        await self.start()
        await self.until(lambda: self.flight.ledger.reconciled)
        self.trade.arm()
        await work(self)
        self.flight.kill()
        await asyncio.sleep(PATIENCE_S)
        assert asyncio.all_tasks(self.loop) == {asyncio.current_task(self.loop)}

    async def until(self, come: Callable[[], bool], most_s: float = 300.0) -> float:
        """Wait for something to come about; return how many seconds that took."""
        began = self.loop.now_s
        while not come():
            assert self.loop.now_s < began + most_s, "it has not come about"
            await asyncio.sleep(0.1)
        return self.loop.now_s - began

    async def quiet(self) -> None:
        """Wait until no request is out."""
        await self.until(lambda: not self.trade.wire.tasks)

    async def rests(self, price: float = 90, amount: float = 1, coin: str = "AAAUSDT", **given: Any) -> int:
        """Have an order rest at the exchange; return its number."""
        self.exchange.plan = []
        self.trade.place_order(coin, amount, price, **given)
        await self.quiet()
        number: int = self.trade.mirror.n_orders - 1
        assert self.life(number).stage is Stage.NEW
        return number

    async def protected(self, of_others: int = 0) -> None:
        """Have 0.999 of a coin of the strategy's own with its stop, order #1, at rest, and some of the holder's beside."""
        self.exchange.plan = []
        self.exchange.balances["AAA"][0] = of_others * UNIT
        self.exchange._tell_balances()
        self.trade.place_order("AAAUSDT", 1, stop_loss=80)
        await self.until(lambda: len(self.exchange.open) == 1)
        await self.quiet()
        await asyncio.sleep(1)
        assert self.trade.mirror.locked("AAA") == 999 * UNIT // 1000

    @property
    def trade(self) -> BinanceTradeSystem:
        return self.flight.trade

    def life(self, number: int) -> Life:
        its = self.trade.lives.of_number(number)
        assert its is not None
        return its

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self.loop.call_later(seconds, call)

    async def _play(self) -> None:
        await self.start()
        while self.meant < self.orders and self.loop.now_s < 8 * 3600:
            self._misfortune()
            if self.flight.dead:
                await asyncio.sleep(self.dice.random() * 20)
                await self.start()
            trade = self.flight.trade
            trade.vigil("")
            if trade.disarmed:
                with contextlib.suppress(OrderError):
                    trade.arm()
            if trade.disarmed:
                await asyncio.sleep(1.0)
                continue
            for _ in range(self.dice.randrange(1, 4)):
                with contextlib.suppress(OrderError):
                    self._act(trade)
            await asyncio.sleep(self.dice.random() * 1.5)
        await self._come_to_rest()
        await self._send_what_is_owed()
        judge(self)
        await self._flatten()
        self.flight.kill()
        await asyncio.sleep(PATIENCE_S)
        for task in asyncio.all_tasks(self.loop) - {asyncio.current_task(self.loop)}:
            self.wrong.append(f"a task is left: {task}")

    async def start(self) -> None:
        self.flight = Flight(self, self.path)
        await self.flight.run()

    @property
    def meant(self) -> int:
        return len(self.flight.trade.lives.by_cid) if hasattr(self.flight, "ledger") else 0

    def _misfortune(self) -> None:
        if self.strikes("cut"):
            for line in list(self.listeners):
                line.cut()
        if self.strikes("skew"):
            self.skew_ns = self.dice.randrange(-5 * NS, 5 * NS)
            self.loop.call_later(self.dice.random() * 60, self._set_right)
        if self.rates["external"] and self.strikes("external"):
            with contextlib.suppress(Refusal):
                self.exchange.somebody_else()
        if self.strikes("halt"):
            task = self.loop.create_task(self.flight.trade.halt(self.dice.random() < 0.5))
            self.flight.tasks.append(task)  # type: ignore[arg-type]
        if self.strikes("crash"):
            self.flight.kill()

    def _set_right(self) -> None:
        self.skew_ns = 0

    def _act(self, trade: BinanceTradeSystem) -> None:
        dice, mirror = self.dice, trade.mirror
        n = dice.randrange(2)
        coin = mirror.instruments[n].coin
        mark = (100, 20)[n]
        amount = dice.randrange(1, 2000) / 1000
        held = trade.purse.sellable(n) / UNIT
        opened = [order for order in mirror.open_orders if mirror.orders[order, k.COIN] == n]
        roll = dice.random()
        if roll < 0.25:
            trade.place_order(coin, amount)
        elif roll < 0.45:
            trade.place_order(coin, amount, round(mark * dice.uniform(0.8, 1.02), 2), by="hand", reason="it is cheap")
        elif roll < 0.55:
            trade.place_order(coin, -min(amount, held) if held > 0.001 else -amount, dice.choice((None, round(mark * 1.1, 2))))
        elif roll < 0.62:
            trade.place_order(coin, amount, stop_loss=round(mark * 0.8, 2), take_profit=round(mark * 1.3, 2))
        elif roll < 0.66:
            trade.place_order(coin, amount, round(mark * 0.95, 2), stop_loss=round(mark * 0.7, 2))
        elif roll < 0.70 and held > 0.1:
            trade.place_oco(coin, -round(held / 2, 3), round(mark * 1.2, 2), round(mark * 0.85, 2))
        elif roll < 0.73:
            trade.place_order(coin, amount, stop=round(mark * 1.1, 2), type=OrderType.STOP)
        elif roll < 0.85 and opened:
            trade.cancel(dice.choice(opened))
        elif roll < 0.90 and opened:
            order = dice.choice(opened)
            trade.replace_order(order, amount, round(mark * dice.uniform(0.8, 0.99), 2))
        elif roll < 0.95 and opened:
            order = dice.choice(opened)
            trade.amend_order(order, round(mirror.order(order).amount / UNIT / 2, 3))
        elif roll < 0.97:
            trade.cancel_order(coin)
        else:
            trade.trade(coin, dice.choice((Signal.close(), Signal.sell(amount=amount), Signal.buy(amount=amount))))

    async def _come_to_rest(self, least_s: float = 65.0) -> None:
        """Faults stop; within 120 s everything unknown is known and the accounts agree, after a while at least."""
        self.calm = True
        self.skew_ns = 0
        if self.flight.dead:
            await self.start()
        began = self.loop.now_s
        # what the exchange told to wait before is waited for first
        await asyncio.sleep(max(self.flight.told_to_wait - self.loop.ns, 0) / NS)
        self.slowest_s = -1.0
        while self.loop.now_s < began + 240:
            self.flight.trade.vigil("")
            if self.loop.now_s > began + 120 and self.flight.trade.lives.unknown:
                self.wrong.append(f"UNKNOWN after 120 s: {self.flight.trade.lives.unknown}")
                return
            if self.loop.now_s > began + least_s and differences(self) == []:
                self.slowest_s = self.loop.now_s - began
                return
            await asyncio.sleep(5.0)

    async def _flatten(self) -> None:
        """Sell everything at one go, unless the exchange leaves a part of an order undone."""
        trade, said = self.flight.trade, str(Stage.EXPIRED)
        while Stage.EXPIRED in said:
            said = await trade.halt(True)
        held = [min(trade.account.sellable(n), self.exchange.balances[base][0]) for n, base in enumerate(("AAA", "BBB"))]
        if self.exchange.open and any(its["cid"].startswith("td-") for its in self.exchange.open.values()):
            self.wrong.append(f"orders are open after a halt: {said}")
        if not all(trade.account.is_dust(n, held[n], trade.raw.mark_units(n)) for n in (0, 1)):
            self.wrong.append(f"{held} could be sold after a halt: {said}")

    async def _send_what_is_owed(self) -> None:
        """Armed, and with nothing going wrong any more, the exits that could be sent are sent."""
        if not owing(self):
            return
        self.flight.trade.arm()
        until = self.loop.now_s + 700
        while (late := owing(self)) and self.loop.now_s < until:
            self.flight.trade.vigil("")
            await asyncio.sleep(5.0)
        self.wrong += [f"the exits of {cid} never went out" for cid in late]
        await self._come_to_rest(5.0)

    def _digest(self) -> Any:
        lives = self.flight.trade.lives.by_cid.values()
        return [(life.cid, life.stage.value, life.filled, sorted(life.trades)) for life in lives], self.exchange.balances
