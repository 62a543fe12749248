"""Words: everything a condition can name, and what each means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.model import CoinName

OF_A_COIN = {
    "open": "opening price of the coin's last bar",
    "high": "highest price of the coin's last bar",
    "low": "lowest price of the coin's last bar",
    "close": "closing price of the coin's last bar",
    "volume": "volume of the coin's last bar, in base units",
    "price": "the coin's last price",
    "position": "what can be sold of the coin, in base units; 0 while flat",
}
"""Numbers of a coin, beside its features by their labels."""

OF_THE_ACCOUNT = {
    "equity": "the account's worth at the last prices, in its currency",
    "cash": "free cash, in the account's currency",
    "profit": "equity less what it was at the first step",
    "drawdown": "how far equity is below its highest so far, as a share: 0.05 is 5 %",
    "step": "the number of the step, from 0",
}

KINDS = ("buy", "sell", "close", "cancel")
SIDES = ("buy", "sell")

COIN_EVENTS: dict[str, tuple[str, Sequence[str]]] = {
    "signal": ("the strategy gives a signal", KINDS),
    "order_placed": ("an order goes on the book", SIDES),
    "filled": ("an order fills, whole or in part", SIDES),
    "rejected": ("an order is refused, by a limit, a filter or the balance", ()),
    "cancelled": ("an order is cancelled", ()),
    "expired": ("an order expires", ()),
    "opened": ("a position is opened", ()),
    "closed": ("a position is closed", ()),
    "won": ("a trade closes with a profit", ()),
    "lost": ("a trade closes without one", ()),
    "gap": ("bars are missing before the coin's bar", ()),
}
"""What happens to a coin, with the words it can be narrowed by: `signal('buy')`."""

TIME_EVENTS = {
    "every": "every so many steps: every(100)",
    "time": "a time of day in UTC: time('14:30')",
}

CROSSES = {
    "cross": "one number crosses another, up or down",
    "crosses_above": "the first number rises above the second",
    "crosses_below": "the first number falls below the second",
}

FUNCTIONS = {
    "ago": "a number so many bars of its coin earlier: ago(rsi, 3)",
    "abs": "a number without its sign",
    "min": "the least of numbers",
    "max": "the greatest of numbers",
    "feature": "a feature whose label is no plain word: feature('my label')",
}

OPERATORS = ("and", "or", "not")


class Names(NamedTuple):
    """What a session adds to the words: its coins and the labels of its features."""

    coins: tuple[CoinName, ...] = ()
    labels: tuple[str, ...] = ()

    def of_a_coin(self) -> dict[str, str]:
        """Return every number of a coin by the name it is written with, and the column that is.

        A feature called like another word is written as `feature('its label')`.
        """
        features = {label.replace(".", "_"): label for label in self.labels} | {label: label for label in self.labels}
        others = (OF_THE_ACCOUNT, COIN_EVENTS, TIME_EVENTS, CROSSES, FUNCTIONS)
        taken = {name for words in others for name in words}
        return {name: label for name, label in features.items() if name not in taken} | {name: name for name in OF_A_COIN}

    def known(self) -> list[str]:
        """Return every word there is, coins included."""
        words = (OF_A_COIN, OF_THE_ACCOUNT, COIN_EVENTS, TIME_EVENTS, CROSSES, FUNCTIONS)
        return [*self.coins, *self.of_a_coin(), *(name for its in words for name in its)]
