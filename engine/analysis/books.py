"""Books: what a run left behind, worked out when it is looked at."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from engine.analysis.equity import equity_curve, holding_curve
from engine.analysis.fees import fees_paid, traded
from engine.analysis.trips import RoundTrip, round_trips
from engine.exchange import kernel as k
from engine.trading.account import Account

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Books:
    """The books of an account over the steps at `times`, ns UTC: what was worth, held, traded, paid and earned.

    Money is in the account's currency; `fees` and the round trips' count 1e-8, the rest is float64.
    """

    def __init__(self, account: Account, times: Ints) -> None:
        self.account = account
        self.times = times
        self.coins = range(len(account.exchange.instruments))

    @cached_property
    def equity(self) -> Floats:
        """The account's worth at each step."""
        return equity_curve(self.account, 0, len(self.times))

    @cached_property
    def holding(self) -> Floats:
        """What holding all coins in equal parts would have made of the worth at the first step, at each."""
        return self.equity[:1] * holding_curve(self.account, self.coins, len(self.times))

    @cached_property
    def trips(self) -> list[RoundTrip]:
        """The closed round trips."""
        return round_trips(self.account)

    @cached_property
    def fees(self) -> list[int]:
        """The fee of each fill."""
        return fees_paid(self.account)

    @cached_property
    def traded(self) -> Floats:
        """What each fill moved."""
        return traded(self.account, len(self.times))

    @cached_property
    def fill_coins(self) -> Ints:
        """The coin of each fill, by its number."""
        exchange = self.account.exchange
        return exchange.fills[: exchange.n_fills, k.F_COIN]
