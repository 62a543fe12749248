"""Gone: what of the own positions the account no longer has: spent elsewhere, or gone with a rehearsal that began anew."""

from __future__ import annotations

from engine.binance.trading import BinanceTradeSystem
from engine.exact import plain, to_decimal

PATIENCE_NS = 5 * 10**9
"""How long it must have been so: a fill may be known a moment before the balance it makes."""


class Gone:
    """Compares positions with balances; `look` returns what is to be said of those that are not there, once each."""

    def __init__(self, trade: BinanceTradeSystem) -> None:
        self._trade = trade
        self._seen: dict[int, tuple[int, int]] = {}
        self._told: dict[int, int] = {}

    def look(self, now: int) -> list[str]:
        """Look at every coin, at a time of this machine's in ns."""
        said = []
        for n in range(len(self._trade.mirror.instruments)):
            missing = self._trade.purse.gone(n)
            was, since = self._seen.setdefault(n, (0, now))
            if missing != was:
                self._seen[n] = missing, now
            elif now - since >= PATIENCE_NS and missing != self._told.get(n, 0):
                self._told[n] = missing
                if missing:
                    said.append(self._words(n, missing))
        return said

    def _words(self, n: int, missing: int) -> str:
        mirror = self._trade.mirror
        base = mirror.instruments[n].base
        held, gone = (f"{plain(to_decimal(units, mirror.decimals[base])):f}" for units in (mirror.position(n), missing))
        return (
            f"the account no longer has {gone} {base} of the position of {held} {base}: "
            "it was spent elsewhere, or a rehearsal began anew with its accounts as they were at first"
        )
