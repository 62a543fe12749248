"""The path a market may have taken inside a bar: trades and quotes made of bars, the same for all who need them.

A bar's path goes from its open to the nearer of its extremes (the high where both are as near), to the other, to its close.
Prices in a row that are equal are one trade. The seed splits the bar's volume over the trades and places them in the
bar's time, the first at its opening. So the trades of a path make its bar again, exactly. Quotes stand a tick apart around the
last trade: a trade that rose was bought at the ask, one that fell was sold at the bid.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.exact import DECIMALS
from engine.model import Timestamp
from engine.seam import Dice
from engine.state import BarColumns

MILLISECOND = 1_000_000


class Tick(NamedTuple):
    """A trade and the quotes after it; prices count 1e-8, the amount 1e-8 of the base asset (or the bar's own unit).

    `since` is the price the market came from without a jump, `gap` whether it is a bar's first trade, which may have jumped.
    `sold` tells that the seller took, `bid` and `ask` what is offered from now on.
    """

    time: Timestamp
    coin: int
    price: int
    amount: int
    since: int
    gap: bool
    sold: bool
    bid: int
    ask: int


def path(bars: BarColumns, row: int, *, coin: int = 0, tick: int = 1, last: int = 0, seed: int = 0) -> list[Tick]:
    """Return the ticks of one bar, oldest first, none for a bar without volume; `last` is the close of the bar before."""
    volume = int(bars.volume[row])
    if not volume:
        return []
    begin = int(bars.time[row])
    dice = Dice(f"{seed} {coin} {begin}")
    prices = turns(*(int(column[row]) for column in (bars.open, bars.high, bars.low, bars.close)))
    amounts = _parts(volume, len(prices), dice)
    times = _times(begin, bars.interval, len(prices), dice)
    unit = 10 ** (DECIMALS - bars.volume_decimals)
    ticks: list[Tick] = []
    sold = bool(last) and prices[0] < last
    before = prices[0]
    for n, (time, price, amount) in enumerate(zip(times, prices, amounts, strict=True)):
        if price != before:
            sold = price < before
        bid, ask = (price, price + tick) if sold else (max(price - tick, tick), price)
        ticks.append(Tick(time, coin, price, amount * unit, before, n == 0, sold, bid, ask))
        before = price
    return ticks


def turns(open_: int, high: int, low: int, close: int) -> list[int]:
    """Return the prices a bar's path goes through."""
    prices = [open_]
    for price in (high, low, close) if high - open_ <= open_ - low else (low, high, close):
        if price != prices[-1]:
            prices.append(price)
    return prices


def _parts(volume: int, parts: int, dice: Dice) -> list[int]:
    """Return the volume in so many parts, each at least 1 as far as it reaches."""
    if volume < parts:
        return [1] * volume + [0] * (parts - volume)
    cuts = sorted(dice.randrange(volume - parts + 1) for _ in range(parts - 1))
    return [end - start + 1 for start, end in zip([0, *cuts], [*cuts, volume - parts], strict=True)]


def _times(begin: Timestamp, interval: Timestamp, count: int, dice: Dice) -> list[Timestamp]:
    """Return ascending times in whole milliseconds, the first at the bar's opening, all before its close."""
    room = interval // MILLISECOND - 1
    later = sorted(dice.sample(range(1, room), count - 1)) if room > count else list(range(1, count))
    return [begin + MILLISECOND * offset for offset in (0, *later)]
