"""Captain: flies real orders. Obeys every deck that looks on, and goes on where none does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from engine import seam
from engine.doctor import live_checks
from engine.errors import OrderError, StrategyError, TickdeckError
from engine.exchange import kernel as k
from engine.flight.real import Flight
from engine.host.deadline import TimedEngine
from engine.host.gone import Gone
from engine.host.hello import limits
from engine.host.pilot import LOOK_S, Pilot
from engine.host.protocol import (
    Arm,
    Command,
    Disarm,
    Events,
    ExternalRow,
    Frame,
    Halt,
    Hello,
    JournalRow,
    Message,
    OrderRow,
    Reply,
    TradeInfo,
    TradeRow,
)
from engine.host.reporter import NEWEST
from engine.redaction import redact
from engine.session import Session

Answer = Callable[[Message], None]
_LOG = logging.getLogger(__name__)
NS_PER_SECOND = 10**9
HALTED = "the strategy is halted"
SETTLE_S = 2.0
"""How long a flight that ends waits for answers."""


class Captain(Pilot):
    """A flight under way. Trading is disarmed until a person arms it; `halted` is why its strategy stands still from the start,
    `again` why it was started anew.

    `obey` answers at once or later; `recent` is what a deck that comes is to know of what happened before.
    """

    engine: TimedEngine

    def __init__(self, flight: Flight, halted: str = "", again: str = "") -> None:
        self.flight = flight
        self.trade = flight.trade
        self._journalled = flight.start
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched = 0
        self._gone = Gone(self.trade)
        self._dated = False
        if halted or again:
            self.trade.disarmed = HALTED if halted else again
        self._told_disarmed = self.trade.disarmed
        self.trade.warming = True
        self._halted = halted
        super().__init__(flight.session)
        if again:
            self.note("warning", f"{again}; what was sent is found in the journal and asked for at the exchange")

    def _engine(self, session: Session) -> TimedEngine:
        live = session.config.trading
        engine = TimedEngine(
            session.feed, session.trade, session.strategy, session.begin, self.flight.began, live.deadline_ms / 1000
        )
        if self._halted:
            # before its first step: it may not come back from that
            hint = "your orders are looked after; mend it, end the flight and start again"
            engine.halted = StrategyError(self._halted, hint=hint)
        return engine

    # what is flown

    def hello(self) -> Message:
        """Return what is flown, and on whose account."""
        told = super().hello()
        assert isinstance(told, Hello)
        config = self.session.config
        at_risk = f"{config.account.cash.get(config.account.currency, Decimal(0)):f}"
        where = "this machine's rehearsal" if config.mode == "rehearsal" else f"Binance {config.mode}"
        info = TradeInfo(
            environment=where,
            account=self.flight.account,
            at_risk=at_risk,
            typed=config.mode == "live",
            on_ui_lost=config.trading.on_ui_lost,
            warnings=self.flight.warnings if config.mode != "rehearsal" else [],
        )
        rules = [f"orders: real, sent to {where}", *limits(config.risk, config.account.currency)]
        return msgspec.structs.replace(told, trade=info, fill_rules=rules, synthetic=False)

    def recent(self) -> Events:
        """Return the newest fills, signals, log lines and journal entries told of so far."""
        exchange = self.session.trade.account.exchange
        signals = self.session.trade.signals
        return Events(
            [self._fill_row(n) for n in range(max(0, exchange.n_fills - NEWEST), self._told_fills)],
            [self._signal_row(n) for n in range(max(0, len(signals) - NEWEST), self._told_signals)],
            list(self._logged),
            self._journal_rows(max(self._journalled - NEWEST, 0)),
        )

    # commands

    def obey(self, command: Command, answer: Answer) -> None:
        """Obey a command of a deck's; what it came to is told by `answer`, also where that is a fault of the engine's."""
        try:
            self._obey(command, answer)
        except Exception as error:
            text = _faulty(error)
            self.note("error", text)
            answer(Reply(getattr(command, "id", 0), False, text))

    def _obey(self, command: Command, answer: Answer) -> None:
        match command:
            case Arm(id=number):
                self._start(self._arm(command), number, answer)
            case Disarm(id=number):
                self.trade.disarm("by hand")
                self.note("warning", "disarmed by hand: no new order goes out")
                answer(Reply(number, True, "disarmed: no new order goes out"))
            case Halt(id=number):
                self.note("warning", f"halt by hand{', flattening' if command.flatten else ''}")
                self._start(self._halt(command.flatten), number, answer)
            case _:
                for message in super().act(command):
                    answer(message)

    def _start(self, work: Coroutine[Any, Any, str], number: int, answer: Answer) -> None:
        async def told() -> None:
            try:
                text, ok = await work, True
            except Exception as error:
                text, ok = error.line if isinstance(error, TickdeckError) else _faulty(error), False
            self.note("info" if ok else "error", text)
            answer(Reply(number, ok, text))

        task = asyncio.get_running_loop().create_task(told())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _halt(self, flatten: bool) -> str:
        said = await self.trade.halt(flatten)
        if self.trade.exchange.n_open or (flatten and self._holds):
            raise OrderError(f"not all is done: {said}", hint="try again, or see to it at the exchange itself")
        return said

    async def _arm(self, command: Arm) -> str:
        config = self.session.config
        at_risk = config.account.cash.get(config.account.currency, Decimal(0))
        if config.mode == "live" and _number(command.typed) != at_risk:
            raise OrderError(f"{command.typed!r} is not what is at risk, {at_risk:f} {config.account.currency}; still disarmed")
        if self.engine.halted is not None:
            raise OrderError(
                f"{HALTED}, and there is no going on with it; still disarmed",
                hint="mend it, end the flight and start again",
            )
        if self.session.feed.latest.step < 0:
            raise OrderError("no bar has closed yet, so there is no market; still disarmed")
        if self.recovering:
            raise OrderError("the strategy is still flown over its history; still disarmed")
        # what keeps it disarmed anyhow, as a ban, is told by `arm`, and nothing is asked for
        if config.mode == "live" and not self.trade.safety.trouble():
            failed = [f"{its.name}: {its.text}" for its in await live_checks(config) if its.status == "fail"]
            if failed:
                raise OrderError(f"{'; '.join(failed)}; still disarmed", hint="`tickdeck doctor` tells the remedies")
        self.trade.arm()
        return "armed: orders go out"

    async def settle(self) -> None:
        """Wait for what is under way, for a while."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SETTLE_S)
        requests = self.trade.wire.tasks
        if requests:
            await asyncio.wait(requests, timeout=SETTLE_S)

    # without a deck

    def deck_lost(self) -> None:
        """Do what is set for when no deck looks on any more."""
        policy = self.session.config.trading.on_ui_lost
        self.note("warning", f"no deck looks on; on_ui_lost = {policy}")
        if policy == "keep":
            return
        self.trade.disarm("no deck looks on")
        if policy == "flatten":
            self._start(self._halt(True), 0, lambda message: None)
            return
        exchange = self.trade.exchange
        for order in [its for its in exchange.open_orders if exchange.orders[its, k.SIDE] == k.BUY]:
            self.trade.cancel(order)

    @property
    def idle(self) -> bool:
        """Whether nothing would be left alone if this ended: it is disarmed, has no order out and no position."""
        trade = self.trade
        return bool(trade.disarmed) and not trade.exchange.n_open and not trade.wire.tasks and not self._holds

    @property
    def _holds(self) -> bool:
        """Whether there is a position that could be sold."""
        account, exchange = self.trade.account, self.trade.exchange
        return any(
            units and not account.is_dust(n, units, self.trade.raw.mark_units(n))
            for n, units in enumerate(map(exchange.position, range(len(exchange.instruments))))
        )

    @property
    def recovering(self) -> bool:
        """Whether history is still flown over."""
        feed = self.session.feed
        return bool(feed.latest.time < feed.begin - 1000)

    # motion

    def advance(self) -> float:
        """Do what is due, and keep orders in where something is not as it must be."""
        wait = super().advance()
        if not self._dated and not self.recovering:
            self._dated = True
            self.trade.date_back(self.session.feed.times)
            self.frames.rewind()
        now = seam.monotonic_ns()
        if now - self._watched >= LOOK_S * NS_PER_SECOND:
            self._watched = now
            self.trade.vigil(self._trouble())
            for text in self._gone.look(now) if self.flight.ledger.reconciled else ():
                self.trade.write_down("gone", text)
                self.note("warning", text)
            if self.trade.disarmed != self._told_disarmed:
                self._told_disarmed = self.trade.disarmed
                if self._told_disarmed:
                    self.note("warning", f"disarmed: {self._told_disarmed}")
        return wait

    def _trouble(self) -> str:
        health = self.session.feed.health
        if not health.alive:
            return "no connection to the exchange's prices"
        # of one that is not traded nothing comes, and nothing goes out
        stale = [its.coin for its in health.coins if its.stale and not self.trade.safety.closed(its.coin)]
        return f"no fresh data of {', '.join(stale[:4])}" if stale else ""

    def look(self) -> bool:
        """Notice what the engine stumbled over; a strategy that fails trades no more."""
        halted = super().look()
        if halted:
            self.trade.disarm(HALTED)
        return halted

    # what decks are told

    def events(self) -> Events | None:
        """Return what happened since the last call, the journal's new entries with it, or None."""
        happened = super().events()
        rows = self._journal_rows(self._journalled)
        if not rows:
            return happened
        self._journalled = rows[-1].seq
        for row in rows:
            if row.what in ("proof", "exits"):
                self.note("warning", f"order #{row.order} {row.text}")
        return msgspec.structs.replace(happened or Events([], [], []), journal=rows)

    def frame(self) -> Message:
        """Return the frame of this moment."""
        frame = super().frame()
        assert isinstance(frame, Frame)
        return msgspec.structs.replace(frame, orders=[self._staged(row) for row in frame.orders], trade=self._trade_row())

    def _staged(self, row: OrderRow) -> OrderRow:
        stage, age = self.trade.stage_of(row.id)
        return msgspec.structs.replace(row, stage=stage, age_s=age)

    def _trade_row(self) -> TradeRow:
        its = self.flight.ledger.status()
        return TradeRow(**{**its._asdict(), "externals": [ExternalRow(*order) for order in its.externals]})

    def _journal_rows(self, seq: int) -> list[JournalRow]:
        """Return what the journal says after an entry."""
        return [JournalRow(*its) for its in self.trade.journal_since(seq, NEWEST)]


def _faulty(error: Exception) -> str:
    """Return what to tell of an exception that is nobody's doing but the engine's; the log has where it came from."""
    _LOG.error("a command met a fault of the engine's", exc_info=error)
    return redact(f"this met a fault of the engine's, and may have been done in part: {type(error).__name__}: {error}")


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip().replace(",", "").replace("_", ""))
    except InvalidOperation:
        return None
