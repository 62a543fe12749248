"""The wire: orders and cancels on their way to the exchange, each sent once, each with one of three outcomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from engine import seam
from engine.binance import requests
from engine.binance.client import Client
from engine.binance.evidence import Evidence
from engine.binance.library import BinanceAPIException
from engine.binance.life import Life, Stage
from engine.binance.lives import Lives
from engine.binance.numbers import NotExact
from engine.binance.outcome import (
    HALF_REPLACED,
    NOT_REPLACED,
    TOO_LATE,
    UNKNOWN_ORDER,
    Answer,
    Outcome,
    of_body,
    of_code,
    of_error,
)
from engine.binance.reports import fills_of, news_of
from engine.redaction import redact
from engine.trading.terms import Terms

AGAIN_NS = 2 * 10**9
"""How long after it was asked for an order's end is asked for again."""


class Wire:
    """Sends what was written down, and asks for what came of it where the answer was lost. No order is ever sent twice; its end
    is asked for until it has come.

    `barred` tells why an order may not go out now, asked again as it leaves; `trouble` is told what nobody expected. `tasks`
    are the requests that are out; `close` waits for none of them: what has no answer is found at the next start.
    """

    def __init__(self, client: Client, lives: Lives, barred: Callable[[Life], str], trouble: Callable[[str], None]) -> None:
        self.client = client
        self.lives = lives
        self.evidence = Evidence(client, lives)
        self.tasks: set[asyncio.Task[None]] = set()
        self.placing: set[str] = set()
        """The client ids of orders that are on their way."""
        self._barred = barred
        self._trouble = trouble
        self._resolving: set[str] = set()
        self._asked: dict[str, int] = {}
        self._answered: dict[str, tuple[Outcome, int]] = {}

    # what can be asked for

    def place(self, life: Life, asked: Terms, amount: int) -> None:
        """Send an order that has been written down."""
        self._send_off([life], "order", requests.single(life, asked, amount))

    def place_pair(self, limit: Life, stop: Life, asked: tuple[Terms, Terms], amount: int) -> None:
        """Send a pair that has been written down."""
        self._send_off([limit, stop], "orderList/oco", requests.pair(limit, stop, asked, amount))

    def replace(self, old: Life, new: Life, asked: Terms, amount: int) -> None:
        """Send an order that has been written down in the stead of another, which is cancelled first."""
        self._send_off([new], "order/cancelReplace", requests.replacement(old, new, asked, amount), old)

    def cancel(self, life: Life) -> None:
        """Ask for an order's end; what becomes of it the exchange says."""
        life.unwanted = True
        life.cancels += 1
        self._asked[life.cid] = seam.monotonic_ns()
        self._start(self._cancel(life))

    def press(self) -> None:
        """Ask again for ends that have not come: a cancel may be lost, be refused for a while, or be there before its order."""
        late = seam.monotonic_ns() - AGAIN_NS
        for life in self.lives.unsettled:
            if life.unwanted and life.is_open and not life.cancels and self._asked.get(life.cid, late) <= late:
                self.cancel(life)

    def amend(self, life: Life, amount: int) -> None:
        """Ask for an order to be reduced, its place kept; raises JournalError where that cannot be written down."""
        self.lives.write("amend", life, amount=amount)
        life.amended = True
        self._start(self._amend(life, amount))

    def resolve(self, life: Life) -> None:
        """Find out by evidence what became of an order nobody knows of."""
        if life.cid not in self._resolving:
            self._resolving.add(life.cid)
            self._start(self._resolve(life))

    def complete(self, life: Life, *, sure: bool = False) -> None:
        """Ask for the fills of an order that no event told of, to be `sure` for those too that only a reply did."""
        if life.filled > life.accounted or (sure and life.unsure):
            self._start(self.evidence.complete(life))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        # one that is given up before it has begun never comes to it
        task.add_done_callback(lambda done: work.close())

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        # the orders it was about are asked for again, whatever went wrong
        except Exception as error:
            self._trouble(redact(f"a request failed as none should: {type(error).__name__} {error}")[:200])

    async def close(self) -> None:
        """Give up what is out."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # placing

    def _send_off(self, legs: list[Life], path: str, params: dict[str, Any], old: Life | None = None) -> None:
        self.placing |= {life.cid for life in legs}
        self._start(self._place(legs, path, params, old))

    async def _place(self, legs: list[Life], path: str, params: dict[str, Any], old: Life | None) -> None:
        try:
            why = self._barred(legs[0])
            if why:
                await self._take_answer(legs, Answer(Outcome.REJECTED, text=f"not sent: {why}"), None)
                return
            for life in legs:
                life.sent(self.client.clock.now)
            self.client.budget.placing += len(legs)
            try:
                answer = await self._send("post", path, 1, params, urgent=self.lives.meant[legs[0].cid].urgent)
            finally:
                self.client.budget.placing -= len(legs)
            await self._take_answer(legs, answer, old)
        finally:
            self.placing -= {life.cid for life in legs}

    async def _send(self, method: str, path: str, weight: int, params: dict[str, Any], *, urgent: bool = False) -> Answer:
        try:
            return of_body(await self.client.signed(method, path, weight, urgent=urgent, **params))
        # whatever it is, it says nothing of what the exchange did
        except Exception as error:
            answer = of_error(error)
            if answer.code == TOO_LATE:
                self.client.clock.forget()
            return answer._replace(body=await _details(error)) if answer.code in (HALF_REPLACED, NOT_REPLACED) else answer

    async def _take_answer(self, legs: list[Life], answer: Answer, old: Life | None) -> None:
        """Take in what came of placing orders, in the stead of an `old` one where there is one."""
        if old is not None:
            answer = self._of_both(old, answer)
        facts = {"outcome": answer.outcome.value, "code": answer.code, "text": answer.text, "time": self.client.clock.now}
        for life in legs:
            self.lives.note("outcome", life, **facts)
            match answer.outcome:
                case Outcome.ACCEPTED:
                    self._hear_reply(life, answer.body or {})
                case Outcome.REJECTED:
                    self.lives.conclude(life, Stage.REJECTED, answer.text, answer.code)
                case Outcome.UNKNOWN:
                    self._lose(life, answer.text)
        if old is not None and answer.outcome is not Outcome.ACCEPTED and old.is_open:
            await self.evidence.look(old)

    def _of_both(self, old: Life, answer: Answer) -> Answer:
        """Return what an answer to a replacement says of the new order; what it says of the old one is taken in."""
        body = answer.body or {}
        ended, placed = body.get("cancelResponse"), body.get("newOrderResponse")
        if answer.outcome is Outcome.ACCEPTED or answer.code == HALF_REPLACED:
            with suppress(NotExact):
                self.lives.hear(old, news_of(ended if isinstance(ended, dict) else {}))
                self.complete(old)
        if answer.outcome is Outcome.ACCEPTED:
            return answer._replace(body=placed if isinstance(placed, dict) else {})
        said = placed if answer.code == HALF_REPLACED else ended if answer.code == NOT_REPLACED else None
        code, text = (said.get("code"), redact(str(said.get("msg")))) if isinstance(said, dict) else (None, "")
        if answer.code == HALF_REPLACED:
            # the old order is gone; how the new one fares only its own answer tells
            return of_code(code, text) if isinstance(code, int) else Answer(Outcome.UNKNOWN, answer.code, answer.text)
        if answer.code == NOT_REPLACED:
            return answer._replace(
                text=f"not placed, as the other could not be cancelled: {code} {text}" if code else answer.text
            )
        return answer

    def _hear_reply(self, life: Life, body: dict[str, Any]) -> None:
        try:
            mine = next((its for its in _reports(body) if its.get("clientOrderId") == life.cid), None)
            if mine is None:
                raise NotExact("the reply tells of another order")
            self.lives.hear(life, news_of(mine), fills_of(mine))
        except NotExact as error:
            self._lose(life, str(error))
        else:
            self.complete(life)

    def _lose(self, life: Life, text: str) -> None:
        self.lives.lose(life, text)
        if life.is_open:
            self.resolve(life)

    # ending

    async def _cancel(self, life: Life) -> None:
        try:
            answer = await self._send("delete", "order", 1, requests.named(life), urgent=True)
        finally:
            life.cancels -= 1
        said = answer.outcome, answer.code
        # what is asked again and again is answered so, too
        if self._answered.get(life.cid) != said:
            self._answered[life.cid] = said
            self.lives.note("cancel", life, outcome=answer.outcome.value, code=answer.code, text=answer.text)
        if answer.outcome is Outcome.ACCEPTED and self._hear_ends(life, answer.body or {}):
            return
        if answer.outcome is not Outcome.REJECTED or answer.code == UNKNOWN_ORDER:
            # nobody knows, or it is not open any more: filled, or cancelled before, or never there; it is asked which
            await self._look(life)

    def _hear_ends(self, life: Life, body: dict[str, Any]) -> bool:
        """Take in the ends of an order and of the other of its pair; return whether that was told."""
        with suppress(NotExact):
            for report in _reports(body):
                its = self.lives.by_cid.get(str(report.get("origClientOrderId")))
                if its is not None:
                    self.lives.hear(its, news_of(report))
                    self.complete(its)
        return not life.is_open

    async def _amend(self, life: Life, amount: int) -> None:
        answer = await self._send("put", "order/amend/keepPriority", 4, requests.reduced(life, amount))
        facts = {"outcome": answer.outcome.value, "code": answer.code, "text": answer.text, "time": self.client.clock.now}
        self.lives.note("amended", life, **facts)
        if answer.outcome is not Outcome.REJECTED or answer.code in (UNKNOWN_ORDER, -2013):
            await self._look(life)

    # finding out

    async def _look(self, life: Life) -> None:
        """Ask for an order; where the exchange does not know it, find out why."""
        if await self.evidence.look(life) is False and life.is_open:
            self.resolve(life)

    async def _resolve(self, life: Life) -> None:
        try:
            await self.evidence.resolve(life)
        finally:
            self._resolving.discard(life.cid)


def _reports(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the orders that an answer tells of: one, or the legs of a pair."""
    told = body.get("orderReports", [body])
    if not isinstance(told, list) or not all(isinstance(its, dict) for its in told):
        raise NotExact("an answer that cannot be read")
    return told


async def _details(error: Exception) -> dict[str, Any] | None:
    """Return what the exchange's refusal of a replacement says of its two parts, None where that cannot be read."""
    assert isinstance(error, BinanceAPIException)
    try:
        data = json.loads(await error.response.text())["data"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return data if isinstance(data, dict) else None
