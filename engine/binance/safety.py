"""Safety: what must hold while orders may go out, looked at again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.binance.client import Client
from engine.binance.instruments import TRADING
from engine.binance.lives import Lives
from engine.model import CoinName

NS_PER_SECOND = 10**9
MOST_SKEW_NS = NS_PER_SECOND


class Safety:
    """Tells what keeps orders in. `feed` is what is wrong with the market's stream, `account` what is wrong with the account's.

    `account` is asked with how many seconds of trouble are borne. `statuses` is what may be done with each coin, in the
    exchange's word, as it was last heard.
    """

    def __init__(self, client: Client, lives: Lives, account: Callable[[float], str]) -> None:
        self.feed = ""
        self.account = account
        self.statuses: Mapping[CoinName, str] = {}
        self._client = client
        self._lives = lives
        # a rehearsal on this machine plays a time of its own
        self._same_time = not client.rehearses

    def trouble(self, borne_s: float = 0.0) -> str:
        """Return the first thing that is wrong, "" where nothing is; an account that is out of reach is borne so long."""
        return self.feed or self._clock() or self._budget() or self._unknown() or self.account(borne_s)

    def closed(self, coin: CoinName) -> str:
        """Return why nothing new of a coin may go out, whatever of others may; "" where it may."""
        status = self.statuses.get(coin, TRADING)
        return "" if status == TRADING else f"{coin} is not traded now: the exchange says {status}"

    def _clock(self) -> str:
        clock = self._client.clock
        if not clock.known:
            return "the exchange's time is not known"
        skew = clock.skew_ns if self._same_time else 0
        if abs(skew) <= MOST_SKEW_NS:
            return ""
        way = "ahead of" if skew > 0 else "behind"
        return f"this machine's clock is {abs(skew) / NS_PER_SECOND:.1f} s {way} the exchange's; 1 s is allowed"

    def _budget(self) -> str:
        budget = self._client.budget
        if budget.wait_s <= 0:
            return ""
        return "the exchange has banned this address" if budget.banned else "the exchange asks to wait"

    def _unknown(self) -> str:
        for life in self._lives.unknown:
            return f"order #{self._lives.numbers[life.cid]} of {life.coin} is UNKNOWN still"
        return ""
