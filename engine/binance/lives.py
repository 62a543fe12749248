"""Lives: every order of this account that came from here, in the journal, in memory and in the mirror at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.binance.journal import Entry, Journal
from engine.binance.life import Execution, Life, News, Stage
from engine.binance.mirror import Mirror
from engine.model import Timestamp
from engine.trading.api import Author
from engine.trading.notes import Notes
from engine.trading.terms import Terms

PREFIX = "td"


class Lives:
    """The orders of one strategy, by `tag`: made before they are sent, changed by what tells of them, found again at a start.

    `step` tells at which step something is written down, `now` the exchange's time. Raises JournalError where it cannot be
    written: then nothing may be sent.
    """

    def __init__(
        self, tag: str, journal: Journal, mirror: Mirror, notes: Notes, now: Callable[[], Timestamp], step: Callable[[], int]
    ) -> None:
        self.by_cid: dict[str, Life] = {}
        self.numbers: dict[str, int] = {}
        self.moved = False
        self.changed: Callable[[Life], None] = lambda life: None
        self._tag = tag
        self._journal = journal
        self._mirror = mirror
        self._notes = notes
        self._now = now
        self._step = step
        self._cids: dict[int, str] = {}
        self._by_order: dict[int, str] = {}
        self._unsettled: dict[str, Life] = {}
        self._next = 1

    # at the start

    def recover(self) -> None:
        """Make every order of the journal again as far as it was known; one without an outcome is unknown until asked for."""
        for entry in self._journal.entries():
            self._next = entry.seq + 1
            if entry.what == "intent" and entry.cid.startswith(f"{PREFIX}-{self._tag}-"):
                self._revive(entry)
            elif entry.cid in self.by_cid:
                self._fold(self.by_cid[entry.cid], entry)
        for life in self.by_cid.values():
            life.lost(self._now(), "the engine ended before its outcome was known")
            self._show(life)

    def _revive(self, entry: Entry) -> None:
        facts = entry.facts
        n = self._mirror.index.get(facts["coin"])
        if n is None:
            return
        asked = Terms(*(facts[name] for name in ("side", "kind", "price", "stop", "trail", "tif")))
        self._begin(entry.cid, n, asked, facts["amount"], facts["mark"], facts["by"], facts["reason"], facts["time"])

    def _fold(self, life: Life, entry: Entry) -> None:
        facts = entry.facts
        match entry.what:
            case "news":
                life.hear(News(Stage(facts["stage"]), facts["filled"], facts["time"], facts["order_id"], facts["stop"]))
            case "fill":
                self._take_fill(life, Execution(**facts))
            case "outcome" if facts["outcome"] == "rejected":
                life.refused(facts["time"], facts["code"], facts["text"])
            case "proof":
                life.lost(facts["time"])
                life.proven_not_placed(facts["time"], facts["text"])
            case "cancel":
                life.cancel_sent = True

    # making

    def intend(self, n: int, asked: Terms, amount: int, mark: int, by: Author, reason: str) -> Life:
        """Write down that an order is meant, and return it; nothing of it has left yet."""
        cid = f"{PREFIX}-{self._tag}-{self._next}"
        its, time = self._mirror.instruments[n], self._now()
        facts = {name: int(getattr(asked, name)) for name in ("side", "kind", "price", "stop", "trail", "tif")}
        told = facts | {"coin": its.coin, "amount": amount, "mark": mark, "by": by, "reason": reason, "time": time}
        self._next = self._journal.write("intent", cid, **told) + 1
        return self._begin(cid, n, asked, amount, mark, by, reason, time)

    def _begin(self, cid: str, n: int, asked: Terms, amount: int, mark: int, by: Author, reason: str, time: Timestamp) -> Life:
        number = self._mirror.enter(n, asked, amount, mark, max(self._step(), 0), time)
        self._notes.add(by, reason)
        coin = self._mirror.instruments[n].coin
        life = Life(cid=cid, coin=coin, side=asked.side, amount=amount, created=time, since=time)
        self.by_cid[cid], self.numbers[cid], self._cids[number] = life, number, cid
        self._unsettled[cid] = life
        return life

    # changing

    def write(self, what: str, life: Life, **facts: Any) -> None:
        """Write down something of an order."""
        self._next = self._journal.write(what, life.cid, **facts) + 1

    def hear(self, life: Life, news: News, executions: Iterable[Execution] = ()) -> None:
        """Take in what something said of an order, and the fills it told of."""
        if news.order_id:
            self._by_order[news.order_id] = life.cid
        for execution in sorted(executions, key=lambda its: its.trade_id):
            if execution.trade_id not in life.trades:
                self.write("fill", life, **execution._asdict())
                self._take_fill(life, execution)
        if life.hear(news):
            self.write("news", life, **news._asdict())
        self._show(life)

    def fill(self, life: Life, execution: Execution) -> None:
        """Take in a fill that was told of by itself."""
        if execution.trade_id not in life.trades:
            self.write("fill", life, **execution._asdict())
            self._take_fill(life, execution)
            self._show(life)

    def settle(self, life: Life) -> None:
        """Show an order as its life now says, after it was sent, refused, lost or proven."""
        self._show(life)

    def _take_fill(self, life: Life, execution: Execution) -> None:
        if life.fill(execution):
            self._mirror.book(self.numbers[life.cid], execution, max(self._step(), 0))
            self.moved = True

    def _show(self, life: Life) -> None:
        number = self.numbers[life.cid]
        if life.stage not in (Stage.INTENT, Stage.SENT, Stage.UNKNOWN):
            self._mirror.release(number)
        self._mirror.set_stage(number, life.stage, life.amount)
        if life.complete:
            self._unsettled.pop(life.cid, None)
        if life.stage in (Stage.REJECTED, Stage.NOT_PLACED) and life.text:
            self._notes.refuse(number, f"{life.code} {life.text}" if life.code else life.text)
        self.changed(life)

    # finding

    def of_number(self, number: int) -> Life | None:
        """Return the order the mirror knows by this number; None for one that was refused here."""
        cid = self._cids.get(number)
        return None if cid is None else self.by_cid[cid]

    def of_order(self, order_id: int, cid: str = "") -> Life | None:
        """Return the order the exchange knows by an id, or by its client id; None for one that is not from here."""
        return self.by_cid.get(cid) or self.by_cid.get(self._by_order.get(order_id, ""))

    @property
    def oldest_unknown(self) -> Life | None:
        """The first order of which nobody knows whether it was placed; None where there is none."""
        return next((life for life in self.unsettled if life.stage is Stage.UNKNOWN), None)

    @property
    def n_unknown(self) -> int:
        """How many orders nobody knows the fate of."""
        return sum(life.stage is Stage.UNKNOWN for life in self._unsettled.values())

    @property
    def unsettled(self) -> list[Life]:
        """Orders that may still fill, or whose fills are not all known, oldest first."""
        return list(self._unsettled.values())

    def unknown(self, coin: str) -> list[Life]:
        """Return a coin's orders of which nobody knows whether they were placed."""
        return [life for life in self._unsettled.values() if life.coin == coin and life.stage is Stage.UNKNOWN]
