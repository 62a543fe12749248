"""The listing: what the exchange says of coins, at first and from time to time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from engine.binance.client import Client
from engine.binance.instruments import TRADING, Symbols, instruments, known, statuses
from engine.errors import ConfigError, ExchangeError
from engine.model import CoinName, Instrument
from engine.params import did_you_mean

EVERY_S, SOON_S = 600.0, 60.0
"""How often it is asked: while all is traded, and while something is not."""


class Listing:
    """Coins as the exchange lists them: `instruments` with their filters, and in `statuses` what may be done with each now.

    `tell` gets what has changed, a level and a sentence.
    """

    def __init__(self, client: Client, coins: Sequence[CoinName], tell: Callable[[str, str], None]) -> None:
        self.instruments: tuple[Instrument, ...] = ()
        self.statuses: dict[CoinName, str] = dict.fromkeys(coins, TRADING)
        self._client = client
        self._coins = list(coins)
        self._tell = tell

    async def learn(self) -> None:
        """Ask for the first time; raises ConfigError for a coin that the exchange does not have.

        One that is not traded now keeps nobody away: there may be orders of it, and of others, to look after.
        """
        try:
            info = await self._client.exchange_info(self._coins)
        except ExchangeError as error:
            if error.refused:
                self._look_up(await self._client.names())
            raise
        self.instruments = tuple(instruments(info.symbols, self._coins))
        self._compare(info.symbols)

    def _look_up(self, names: list[CoinName]) -> None:
        unknown = [f"{coin}{did_you_mean(coin, names)}" for coin in self._coins if coin not in names]
        if unknown:
            raise ConfigError(f"the exchange has no coin {', '.join(unknown)}", hint="name coins as BTCUSDT", key=("coins",))

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S if {*self.statuses.values()} == {TRADING} else min(EVERY_S, SOON_S))
            with contextlib.suppress(ExchangeError):
                self._compare((await self._client.exchange_info(self._coins)).symbols)

    def _compare(self, symbols: Symbols) -> None:
        states, now = statuses(symbols), known(symbols)
        for its in self.instruments:
            coin, state = its.coin, states.get(its.coin, "no such coin")
            if state != self.statuses[coin]:
                self.statuses[coin] = state
                self._tell("info" if state == TRADING else "warning", f"{coin}: the exchange says {state}")
            if now.get(coin, its) != its:
                self._tell("warning", f"{coin}: the exchange has other filters now; this flight goes on by those it began with")
        self.instruments = tuple(now.get(its.coin, its) for its in self.instruments)
