"""Klines: the bars of a coin as the exchange tells them, closed ones of the recording and the one that forms.

A recorded bar has no quote volume and no count of trades. They are stated, of any bar alike: the volume at the mean of its four
prices, and a trade for each turn of its path (engine.market.path); half of the volume counts as bought by takers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.exact import DECIMALS, UNIT
from engine.market.path import turns
from engine.model import Timestamp
from engine.recordings import Bars


class Kline(NamedTuple):
    """A bar: `begin` in ns, prices and amounts counting 1e-8, `trades` their number, of which the ids are known, or -1."""

    begin: Timestamp
    interval: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int
    first_id: int = -1
    last_id: int = -1

    @property
    def quote_volume(self) -> int:
        """What the volume came to, counting 1e-8 quote."""
        return self.volume * (self.open + self.high + self.low + self.close) // (4 * UNIT)

    @property
    def end(self) -> Timestamp:
        """When the next bar begins."""
        return self.begin + self.interval

    def with_trade(self, price: int, amount: int, id: int) -> Kline:
        """Return the bar with one more trade in it."""
        return self._replace(
            high=max(self.high, price),
            low=min(self.low, price),
            close=price,
            volume=self.volume + amount,
            trades=self.trades + 1,
            first_id=id if self.first_id < 0 else self.first_id,
            last_id=id,
        )

    def then(self, later: Kline) -> Kline:
        """Return this bar and a later one as one bar."""
        return self._replace(
            high=max(self.high, later.high),
            low=min(self.low, later.low),
            close=later.close,
            volume=self.volume + later.volume,
            trades=self.trades + later.trades,
            first_id=later.first_id if self.first_id < 0 else self.first_id,
            last_id=later.last_id if later.last_id >= 0 else self.last_id,
        )


def rows(bars: Bars, begin: int, end: int, shift: int = 0) -> list[Kline]:
    """Return recorded bars as klines, their times moved by `shift` ns."""
    part = [getattr(bars, name)[begin:end].tolist() for name in ("time", "open", "high", "low", "close", "volume")]
    unit = 10 ** (DECIMALS - bars.volume_decimals)
    return [
        Kline(time + shift, bars.interval, o, h, low, c, v * unit, len(turns(o, h, low, c)) if v else 0)
        for time, o, h, low, c, v in zip(*part, strict=True)
    ]


def whole(bars: Bars, begin: int, end: int, shift: int = 0) -> Kline | None:
    """Return recorded bars as one kline, None where there are none; what `rows` would give, put together."""
    if begin >= end:
        return None
    part = slice(begin, end)
    open_, high, low, close, volume = (getattr(bars, name)[part] for name in ("open", "high", "low", "close", "volume"))
    rises = high - open_ <= open_ - low
    first, second = np.where(rises, high, low), np.where(rises, low, high)
    trades = (volume > 0) * (1 + (first != open_) + (second != first) + (close != second))
    return Kline(
        begin=int(bars.time[begin]) + shift,
        interval=bars.interval,
        open=int(open_[0]),
        high=int(high.max()),
        low=int(low.min()),
        close=int(close[-1]),
        volume=sum(volume.tolist()) * 10 ** (DECIMALS - bars.volume_decimals),
        trades=int(trades.sum()),
    )
