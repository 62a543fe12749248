"""The market stream: one supervised socket that hears everything of some coins, and what it heard in an inbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from operator import methodcaller
from typing import Any

from engine.binance.events import KlineEvent, MarketEvent, read_frame
from engine.binance.inbox import Inbox
from engine.binance.recorder import Keeping
from engine.binance.socket import BadFrame, Manners, SupervisedSocket, Wire
from engine.model import CoinName

NAME = "market"


class MarketStream:
    """Hears the `kinds` of streams of coins, bars of one interval, and puts events into `inbox`; `keeping` gets every frame.

    `changed` is told whether it is connected, when that changes or the connection was made anew, and why.
    """

    def __init__(
        self,
        url: str,
        coins: Iterable[CoinName],
        kinds: Sequence[str],
        interval: str,
        keeping: Keeping,
        changed: Callable[[bool, str], None],
        manners: Manners,
    ) -> None:
        self.inbox: Inbox[MarketEvent] = Inbox()
        self.alive = False
        self._coins = frozenset(coins)
        self._interval = interval
        self._keeping = keeping
        self._told = changed
        words = {"kline": f"kline_{interval}", "depth": "depth@100ms"}
        self._names = [f"{coin.lower()}@{words.get(kind, kind)}" for coin in coins for kind in kinds]
        self.socket = SupervisedSocket(NAME, f"{url}/stream", self._subscribe, self._hear, self._changed, manners)

    async def _subscribe(self, wire: Wire) -> None:
        await wire.send(json.dumps({"method": "SUBSCRIBE", "params": self._names, "id": 1}))
        while True:
            frame = await wire.recv()
            data = frame.encode() if isinstance(frame, str) else frame
            answer = _answer(data)
            if answer is None:
                self.socket.take(data)
            elif "error" in answer:
                raise BadFrame(f"the exchange refused the subscription: {answer['error']}"[:200])
            else:
                return

    def _hear(self, frame: bytes, received: int) -> None:
        self._keeping.keep(methodcaller("frame", NAME, received, frame))
        event = read_frame(frame)
        if event is None:
            return
        if event.coin not in self._coins or (isinstance(event, KlineEvent) and event.interval != self._interval):
            raise BadFrame("nothing that was asked for")
        self.inbox.put(event, event.key)

    def _changed(self, alive: bool) -> None:
        if alive:
            self._keeping.note("connect", socket=NAME)
            self._told(True, "")
        elif self.alive:
            cuts = self.socket.counters.cuts
            why = cuts[-1] if cuts else ""
            self._keeping.note("disconnect", socket=NAME, reason=why)
            self._told(False, why)
        self.alive = alive


def _answer(frame: bytes) -> dict[str, Any] | None:
    """Return a frame that answers a request, None for one that does not."""
    if b'"id"' not in frame[:64] and b'"result"' not in frame[:64] and b'"error"' not in frame[:64]:
        return None
    try:
        said = json.loads(frame)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "id" in said and "stream" not in said else None
