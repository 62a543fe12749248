"""The cross by backtrader, run by the Python of its own environment: `python peer_backtrader.py CASE MARKET.npz BARS`.

It runs the way its users run it by default: indicators over all bars first, then `next` at every bar; fills at the next open.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import backtrader
import numpy as np
from measure import measured, timed

CASH = 1_000_000_000
FEE = 0.001
FIRST_DAY = 738_886.0
"""2024-01-01 as backtrader counts days."""


class SmaCross(backtrader.Strategy):
    """Whole units for 99 % of the cash while the average of 50 is above that of 200."""

    def __init__(self) -> None:
        self.fast = backtrader.indicators.SimpleMovingAverage(self.data.close, period=50)
        self.slow = backtrader.indicators.SimpleMovingAverage(self.data.close, period=200)
        self.fills = 0

    def next(self) -> None:
        fast, slow = self.fast[0], self.slow[0]
        if fast > slow:
            if not self.position:
                self.buy(size=int(0.99 * self.broker.getcash() / self.data.close[0]))
        elif fast < slow and self.position:
            self.close()

    def notify_order(self, order: Any) -> None:
        self.fills += order.status == order.Completed


class Columns(backtrader.feed.DataBase):
    """Bars from arrays."""

    params = (("bars", None),)

    def start(self) -> None:
        super().start()
        times = FIRST_DAY + np.arange(self.p.bars.shape[1]) / 1440
        self.rows = zip(times.tolist(), *self.p.bars.tolist(), strict=True)

    def _load(self) -> bool:
        row = next(self.rows, None)
        if row is None:
            return False
        lines = self.lines
        lines.datetime[0], lines.open[0], lines.high[0], lines.low[0], lines.close[0], lines.volume[0] = row
        lines.openinterest[0] = 0.0
        return True


def main(case: str, market: str, bars: int) -> dict[str, Any]:
    """Run the cross on the market's first coin and return its figures."""
    with np.load(market) as arrays:
        columns = arrays[arrays.files[0]][:, :bars]
    cerebro = backtrader.Cerebro(stdstats=False)
    cerebro.adddata(Columns(bars=columns, timeframe=backtrader.TimeFrame.Minutes))
    cerebro.addstrategy(SmaCross)
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(FEE)
    (strategy,), figures = timed(cerebro.run)
    return figures | {"equity": cerebro.broker.getvalue(), "fills": strategy.fills}


if __name__ == "__main__":
    print(json.dumps(measured("backtrader", main, *sys.argv[1:])))
