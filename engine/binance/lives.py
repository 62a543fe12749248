"""Lives: every order of this account that came from here, in the journal, in memory and in the mirror at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from engine import seam
from engine.binance.journal import Entry, Journal
from engine.binance.life import OWN, Execution, Life, News, Stage
from engine.binance.mirror import Mirror
from engine.binance.numbers import NotExact
from engine.errors import JournalError
from engine.exchange import Exit
from engine.exchange import kernel as k
from engine.model import CoinName, Timestamp
from engine.trading.api import Author
from engine.trading.notes import Notes
from engine.trading.terms import Terms

PREFIX = "td"
TOKEN_BYTES = 4
TERMS = ("side", "kind", "price", "stop", "trail", "tif")


class Meant(NamedTuple):
    """An order as it is meant: on which coin, what, how much, at which last price, by whom and why.

    `entry` is the client id of the order it is to close.
    """

    n: int
    asked: Terms
    amount: int
    mark: int
    by: Author
    reason: str
    entry: str = ""

    @property
    def urgent(self) -> bool:
        """Whether it may use what of the requests' weight is kept for cancels: it takes a position off, or protects it."""
        return self.by == "kill" or bool(self.entry)


class Lives:
    """The orders of one strategy, by `tag`: made before they are sent, changed by what tells of them, found again at a start.

    `step` tells at which step something is written down, `now` the exchange's time, `trouble` is told why the journal takes
    nothing. `meant` raises JournalError then, so that nothing is sent; what the exchange says is taken in all the same.

    A client id has the tag, a word of this start that no other has, and a number: where a journal begins anew, or is an older
    copy of itself, no order is named as one that the exchange has seen before.
    """

    def __init__(
        self,
        tag: str,
        journal: Journal,
        mirror: Mirror,
        notes: Notes,
        now: Callable[[], Timestamp],
        step: Callable[[], int],
        trouble: Callable[[str], None],
    ) -> None:
        self.by_cid: dict[str, Life] = {}
        self.numbers: dict[str, int] = {}
        self.meant: dict[str, Meant] = {}
        self.exits: dict[str, tuple[Exit, ...]] = {}
        """What is to follow an entry, by its client id, until all of it is known to have been sent."""
        self.closing: defaultdict[str, list[Life]] = defaultdict(list)
        """The exits that were meant for an entry, by its client id, oldest first."""
        self.forgone: Counter[str] = Counter()
        """For how much of an entry no exits are to follow any more, by its client id."""
        self.last_trade: dict[CoinName, tuple[int, Timestamp]] = {}
        self.first: dict[CoinName, Timestamp] = {}
        self.moved = False
        self.changed: Callable[[Life], None] = lambda life: None
        self._mine = f"{PREFIX}-{tag}-"
        self._named = f"{self._mine}{seam.token(TOKEN_BYTES)}-"
        self._journal = journal
        self._mirror = mirror
        self._notes = notes
        self._now = now
        self._step = step
        self._trouble = trouble
        self._cids: dict[int, str] = {}
        self._by_order: dict[tuple[CoinName, int], str] = {}
        self._trades: dict[tuple[CoinName, int], tuple[str, int]] = {}
        self._unsettled: dict[str, Life] = {}
        self._next = 1

    # at the start

    def recover(self) -> None:
        """Make every order of the journal again as far as it was known; one without an outcome is unknown until asked for."""
        for entry in self._journal.entries():
            self._after(entry.seq)
            if entry.what == "intent" and entry.cid.startswith(self._mine):
                self._after(int(entry.cid.rpartition("-")[2]))
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
        exits = tuple(Exit(*its) for its in facts.get("exits", ()))
        asked = Terms(**{name: facts[name] for name in TERMS}, exits=exits)
        told = {name: facts[name] for name in ("amount", "mark", "by", "reason")}
        life = self._begin(entry.cid, Meant(n, asked, **told, entry=facts.get("entry", "")), facts["time"])
        if partner := self.by_cid.get(facts.get("pair", "")):
            self._pair(partner, life)

    def _fold(self, life: Life, entry: Entry) -> None:
        facts = entry.facts
        match entry.what:
            case "news":
                life.hear(News(**(facts | {"stage": Stage(facts["stage"])})))
                self._by_order[life.coin, life.order_id] = life.cid
            case "amend":
                life.amended = True
            case "cancel":
                life.unwanted = True
            case "fill":
                self._take(life, Execution(**facts))
            case "outcome" if facts["outcome"] == "rejected":
                life.conclude(Stage.REJECTED, facts["time"], facts["text"], facts["code"])
            case "proof":
                life.lost(facts["time"])
                life.conclude(Stage(facts["stage"]), facts["time"], facts["text"])
            case "exits":
                self.forgone[life.cid] += facts["forgone"]

    # making

    def intend(self, *orders: Meant) -> list[Life]:
        """Write down that orders are meant, all or none, two as a pair, and return them; nothing of them has left yet.

        Raises JournalError.
        """
        time = self._now()
        cids = [f"{self._named}{self._next + n}" for n in range(len(orders))]
        # never again, even where they are written though the disk says they are not
        self._next += len(orders)
        entries = [("intent", cid, self._facts(its, time)) for cid, its in zip(cids, orders, strict=True)]
        if len(cids) == 2:
            entries[1][2]["pair"] = cids[0]
        self._after(self._journal.append(entries))
        lives = [self._begin(cid, its, time) for cid, its in zip(cids, orders, strict=True)]
        if len(lives) == 2:
            self._pair(*lives)
        return lives

    def _facts(self, its: Meant, time: Timestamp) -> dict[str, Any]:
        facts: dict[str, Any] = {name: int(getattr(its.asked, name)) for name in TERMS}
        facts |= {"coin": self._mirror.instruments[its.n].coin, "amount": its.amount, "mark": its.mark, "time": time}
        facts |= {"by": its.by, "reason": its.reason}
        facts |= {"exits": its.asked.exits} if its.asked.exits else {}
        return facts | ({"entry": its.entry} if its.entry else {})

    def _begin(self, cid: str, its: Meant, time: Timestamp) -> Life:
        entry = self.numbers.get(its.entry, -1)
        number = self._mirror.enter(its.n, its.asked, its.amount, its.mark, max(self._step(), 0), time, entry)
        self._notes.add(its.by, its.reason)
        coin = self._mirror.instruments[its.n].coin
        life = Life(cid=cid, coin=coin, side=its.asked.side, amount=its.amount, created=time, since=time)
        self.by_cid[cid], self.numbers[cid], self.meant[cid], self._cids[number] = life, number, its, cid
        self._unsettled[cid] = life
        self.first.setdefault(coin, time)
        if its.asked.exits:
            self.exits[cid] = its.asked.exits
        if its.entry:
            self.closing[its.entry].append(life)
        return life

    def _after(self, number: int) -> None:
        """Number the next order higher than anything that was ever written."""
        self._next = max(self._next, number + 1)

    def _pair(self, first: Life, second: Life) -> None:
        self._mirror.pair(self.numbers[first.cid], self.numbers[second.cid])

    # changing

    def write(self, what: str, life: Life, **facts: Any) -> None:
        """Write down what is about to be done with an order; raises JournalError."""
        self._after(self._journal.write(what, life.cid, **facts))

    def note(self, what: str, life: Life, **facts: Any) -> None:
        """Write down what became of an order, where that can be done: it is so in any case."""
        try:
            self.write(what, life, **facts)
        except JournalError as error:
            self._trouble(error.message)

    def hear(self, life: Life, news: News, executions: Iterable[Execution] = ()) -> None:
        """Take in what something said of an order, and the fills it told of; raises NotExact for what cannot be."""
        if not life.can_be(news):
            raise NotExact(f"order {news.order_id} has the name of {life.cid} and is another")
        if news.order_id:
            self._by_order[life.coin, news.order_id] = life.cid
        try:
            for execution in sorted(executions, key=lambda its: its.trade_id):
                self._take_new(life, execution)
            if life.hear(news):
                self.note("news", life, **news._asdict())
        finally:
            self._show(life)

    def fill(self, life: Life, execution: Execution) -> None:
        """Take in a fill that was told of by itself; raises NotExact for what cannot be."""
        if self._take_new(life, execution):
            self._show(life)

    def conclude(self, life: Life, stage: Stage, text: str, code: int = 0) -> None:
        """Take note that an order has ended by what is known here."""
        now = self._now()
        if life.conclude(stage, now, text, code):
            if stage is not Stage.REJECTED:
                self.note("proof", life, stage=stage, text=text, time=now)
            self._show(life)

    def lose(self, life: Life, text: str) -> None:
        """Take note that nobody knows what became of an order."""
        life.lost(self._now(), text)
        self._show(life)

    def tell_exits(self, entry: Life, text: str, forgone: int = 0) -> None:
        """Write down what becomes of an entry's exits, and for how much more of it none are to follow."""
        self.forgone[entry.cid] += forgone
        self.note("exits", entry, text=text, forgone=forgone)

    def _take_new(self, life: Life, execution: Execution) -> bool:
        if not self._take(life, execution):
            return False
        self.note("fill", life, **execution._asdict())
        return True

    def _take(self, life: Life, its: Execution) -> bool:
        """Take in a fill, of which no other order has the trade."""
        key = life.coin, its.trade_id
        cid, row = self._trades.get(key, (life.cid, -1))
        if cid != life.cid:
            raise NotExact(f"trade {its.trade_id} of {life.coin} is told of two orders")
        before = life.trades.get(its.trade_id)
        if not life.fill(its):
            return False
        if before is None:
            self._trades[key] = life.cid, self._mirror.book(self.numbers[life.cid], its, max(self._step(), 0))
        else:
            self._mirror.correct(row, before, its)
        if its.final:
            self.last_trade[life.coin] = max(self.last_trade.get(life.coin, (-1, 0)), (its.trade_id, its.time))
        self.moved = True
        return True

    def _show(self, life: Life) -> None:
        number = self.numbers[life.cid]
        if life.concluded:
            self._mirror.release(number)
        elif life.stage not in OWN:
            self._mirror.accept(number, life.told)
            if life.filled or (life.side == k.SELL and not life.is_open):
                self._mirror.move(number, life.told)
        self._mirror.set_stage(number, life.stage, life.amount, life.stop)
        if life.concluded and life.text:
            self._notes.refuse(number, f"{life.code} {life.text}" if life.code else life.text)
        elif self._notes.refusal(number):
            self._notes.refuse(number, "")
        if life.settled:
            self._unsettled.pop(life.cid, None)
        else:
            self._unsettled[life.cid] = life
        # one that is proven unsent leaves its entry without exits; an entry may have come about after all
        owner = self.meant[life.cid].entry or life.cid
        if owner in self.meant and self.meant[owner].asked.exits:
            self.exits[owner] = self.meant[owner].asked.exits
        self.changed(life)

    # finding

    def of_number(self, number: int) -> Life | None:
        """Return the order the mirror knows by this number; None for one that was refused here."""
        cid = self._cids.get(number)
        return None if cid is None else self.by_cid[cid]

    def of_order(self, coin: CoinName, order_id: int) -> Life | None:
        """Return the order of a coin that the exchange knows by an id; None for one that is not known by it here."""
        return self.by_cid.get(self._by_order.get((coin, order_id), ""))

    def of_news(self, news: News, cid: str) -> Life | None:
        """Return the order that something is said of, by its client id or its id; None for one that is not from here."""
        life = self.by_cid.get(cid)
        return life if life is not None and life.can_be(news) else self.of_order(news.coin, news.order_id)

    @property
    def unsettled(self) -> list[Life]:
        """Orders that may still fill, or whose fills are not all known, oldest first."""
        return list(self._unsettled.values())

    @property
    def unknown(self) -> Sequence[Life]:
        """Orders of which nobody knows whether they were placed, or how they fare, oldest first."""
        return [life for life in self._unsettled.values() if life.stage is Stage.UNKNOWN]
