"""The cross by backtesting.py, run by the Python of its own environment: `python peer_backtesting.py CASE MARKET.npz BARS`.

Indicators over all bars first, then `next` at every bar; fills at the next open.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import talib
from backtesting import Backtest, Strategy
from measure import measured, timed

CASH = 1_000_000_000
FEE = 0.001


class SmaCross(Strategy):
    """Whole units for 99 % of the cash while the average of 50 is above that of 200."""

    def init(self) -> None:
        close = self.data.Close
        self.fast = self.I(talib.SMA, close, 50)
        self.slow = self.I(talib.SMA, close, 200)

    def next(self) -> None:
        fast, slow = self.fast[-1], self.slow[-1]
        if fast > slow:
            if not self.position:
                size = int(0.99 * self.equity / self.data.Close[-1])
                if size:
                    self.buy(size=size)
        elif fast < slow and self.position:
            self.position.close()


class SmaCrossReading12(SmaCross):
    """The same, reading 12 more columns of ten indicators at every bar."""

    def init(self) -> None:
        super().init()
        high, low, close, volume = self.data.High, self.data.Low, self.data.Close, self.data.Volume
        self.rsi = self.I(talib.RSI, close, 14)
        self.ema = self.I(talib.EMA, close, 20)
        self.roc = self.I(talib.ROC, close, 10)
        self.atr = self.I(talib.ATR, high, low, close, 14)
        self.adx = self.I(talib.ADX, high, low, close, 14)
        self.cci = self.I(talib.CCI, high, low, close, 20)
        self.willr = self.I(talib.WILLR, high, low, close, 14)
        self.mfi = self.I(talib.MFI, high, low, close, volume, 14)
        self.obv = self.I(talib.OBV, close, volume)
        bands = talib.BBANDS(close, 20)
        self.upper = self.I(lambda: bands[0], name="upper")
        self.middle = self.I(lambda: bands[1], name="middle")
        self.lower = self.I(lambda: bands[2], name="lower")
        self.read = 0.0

    def next(self) -> None:
        self.read = (
            self.rsi[-1]
            + self.ema[-1]
            + self.roc[-1]
            + self.atr[-1]
            + self.adx[-1]
            + self.cci[-1]
            + self.willr[-1]
            + self.mfi[-1]
            + self.obv[-1]
            + self.upper[-1]
            + self.middle[-1]
            + self.lower[-1]
        )
        fast, slow = self.fast[-1], self.slow[-1]
        if fast > slow:
            if not self.position:
                size = int(0.99 * self.equity / self.data.Close[-1])
                if size:
                    self.buy(size=size)
        elif fast < slow and self.position:
            self.position.close()


STRATEGIES = {"cross": SmaCross, "reading": SmaCrossReading12}


def main(case: str, market: str, bars: int) -> dict[str, Any]:
    """Run one case on the market's first coin and return its figures."""
    with np.load(market) as arrays:
        columns = arrays[arrays.files[0]][:, :bars]
    index = pd.date_range("2024-01-01", periods=columns.shape[1], freq="min")
    frame = pd.DataFrame(columns.T, index=index, columns=["Open", "High", "Low", "Close", "Volume"])
    warnings.simplefilter("ignore")  # a trade that stays open at the end is meant
    strategy = STRATEGIES[case]
    stats, figures = timed(lambda: Backtest(frame, strategy, cash=CASH, commission=FEE, trade_on_close=False).run())
    ran = stats["_strategy"]
    closed, still_open = len(stats["_trades"]), len(ran.trades)
    return figures | {
        "equity": float(stats["Equity Final [$]"]),
        "fills": 2 * closed + still_open,
        "read": float(getattr(ran, "read", 0.0)),
    }


if __name__ == "__main__":
    print(json.dumps(measured("backtesting", main, *sys.argv[1:])))
