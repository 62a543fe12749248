"""Session: all that the deck knows of the run it shows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from engine.host.protocol import (
    CoinInfo,
    Events,
    FeedCoin,
    FillRow,
    Frame,
    Hello,
    JournalRow,
    LogLine,
    Param,
    SignalRow,
    TradeInfo,
    Travels,
    WhyReport,
)
from engine.model import INTERVALS
from tui.text import price_decimals

KEPT = 2000
"""Fills, signals, log lines and journal entries kept for their tables, the newest of each."""

Row = TypeVar("Row")


class Session:
    """What the host said so far: its hello, the latest frame, and what happened, newest first.

    `mode` is what is to be flown in, where orders are real.
    """

    def __init__(self, mode: str = "") -> None:
        self.hello: Hello | None = None
        self._wanted = mode
        self.frame: Frame | None = None
        self.travels: Travels | None = None
        self.why: WhyReport | None = None
        self.stops: set[tuple[str, int]] = set()
        self.coin = ""
        self.progress: list[str] = []
        self.fills: deque[FillRow] = deque(maxlen=KEPT)
        self.signals: deque[SignalRow] = deque(maxlen=KEPT)
        self.log: deque[LogLine] = deque(maxlen=KEPT)
        self.journal: deque[JournalRow] = deque(maxlen=KEPT)
        self.infos: dict[str, CoinInfo] = {}
        self._labels: dict[str, str] = {}
        self._decimals: dict[str, int] = {}

    def greet(self, hello: Hello) -> None:
        """Take in what is flown. A host that says so again tells all that happened anew, so nothing of before stays."""
        if self.hello is not None:
            self.frame = None
            for rows in (self.fills, self.signals, self.log, self.journal):
                rows.clear()
            self._decimals.clear()
            self.travels = self.why = None
            self.stops.clear()
        self.hello = hello
        self.infos = {info.coin: info for info in hello.coins}
        bases = [info.base for info in hello.coins]
        self._labels = {info.coin: info.base if bases.count(info.base) == 1 else info.coin for info in hello.coins}
        if self.coin not in self.infos:
            self.coin = hello.coins[0].coin if hello.coins else ""

    def see(self, frame: Frame) -> None:
        """Take in the latest frame, and where a condition has stopped time."""
        self.frame = frame
        if self.travels is not None and self.travels.stopped_by and not frame.playing:
            self.stops.add((self.travels.branch, frame.step))

    def rewind(self) -> None:
        """Forget the fills and signals told so far: those that come next are what happened."""
        self.fills.clear()
        self.signals.clear()

    def hear(self, events: Events) -> None:
        """Take in what happened; what is told a second time under the same number is kept once."""
        _add(self.fills, events.fills, lambda row: row.n)
        _add(self.signals, events.signals, lambda row: row.n)
        _add(self.journal, events.journal, lambda row: row.seq)
        self.log.extendleft(events.log)

    def start_equity(self, frame: Frame) -> float:
        """Return what the account was worth when it began."""
        return frame.account.equity / (1.0 + frame.account.return_pct / 100.0)

    def label(self, coin: str) -> str:
        """Return the short name of a coin: its base asset where that names no other."""
        return self._labels.get(coin, coin)

    def decimals(self, coin: str, price: float) -> int:
        """Return the decimals of a coin's prices, the same for the whole session so that columns do not jump."""
        known = self._decimals.get(coin)
        if known is None:
            info = self.infos.get(coin)
            known = price_decimals(info.tick if info else "0.01", price)
            if price > 0:
                self._decimals[coin] = known
        return known

    @property
    def stopped_at(self) -> set[int]:
        """The steps of this branch at which a condition has stopped time."""
        return {step for branch, step in self.stops if self.travels is not None and branch == self.travels.branch}

    @property
    def head(self) -> int:
        """The farthest step of this branch that was flown, be it that time was gone back in since."""
        return max(self.frame.head, self.frame.step) if self.frame is not None else -1

    @property
    def params(self) -> list[Param]:
        """The strategy's parameters as they are now."""
        return self.travels.params if self.travels is not None else self.hello.params if self.hello is not None else []

    @property
    def live(self) -> bool:
        """Whether prices are live."""
        return self.hello is not None and self.hello.mode != "replay"

    @property
    def mode(self) -> str:
        """What is flown in, or is to be; "" as long as nobody said so."""
        return self.hello.mode if self.hello is not None else self._wanted

    @property
    def trade(self) -> TradeInfo | None:
        """Where real orders go; None where orders are simulated."""
        return self.hello.trade if self.hello is not None else None

    def feed_of(self, coin: str) -> FeedCoin | None:
        """Return how a live coin's data fares; None on a replay."""
        feed = self.frame.feed if self.frame is not None else None
        return next((its for its in feed.coins if its.coin == coin), None) if feed is not None else None

    @property
    def interval(self) -> int:
        """The bars' length in nanoseconds, a minute where the host named none that is known."""
        return INTERVALS.get(self.hello.interval if self.hello else "", INTERVALS["1m"])


def _add(kept: deque[Row], rows: list[Row], number: Callable[[Row], int]) -> None:
    """Put `rows`, oldest first, before the `kept`, newest first, in the stead of those from the first one's number on."""
    while rows and kept and number(kept[0]) >= number(rows[0]):
        kept.popleft()
    kept.extendleft(rows)
