"""The cross by freqtrade, run by the Python of its own environment: `python peer_freqtrade.py CASE MARKET.npz BARS`.

The signals of all candles come first, then it walks candle by candle and fills at the next open; the units come from the price
of the fill. Its exchange is never asked: the one market it needs is given to it.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import measured, timed

logging.disable(logging.WARNING)
from freqtrade.configuration import TimeRange  # noqa: E402
from freqtrade.enums import RunMode  # noqa: E402
from freqtrade.optimize.backtesting import Backtesting  # noqa: E402
from freqtrade.persistence import LocalTrade  # noqa: E402
from freqtrade.resolvers import ExchangeResolver  # noqa: E402

CASH = 1_000_000_000
FEE = 0.001
PAIR = "C00/USDT"
STRATEGY = """
import talib
from freqtrade.strategy import IStrategy


class SmaCross(IStrategy):
    timeframe = "1m"
    startup_candle_count = 199
    minimal_roi = {"0": 1000.0}
    stoploss = -0.99
    order_types = dict.fromkeys(("entry", "exit", "stoploss"), "market") | {"stoploss_on_exchange": False}

    def populate_indicators(self, frame, metadata):
        frame["fast"], frame["slow"] = talib.SMA(frame["close"], 50), talib.SMA(frame["close"], 200)
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame.loc[frame["fast"] > frame["slow"], "enter_long"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        frame.loc[frame["fast"] < frame["slow"], "exit_long"] = 1
        return frame
"""


def settings(folder: Path) -> dict[str, Any]:
    """Return freqtrade's config: one pair, all of 99 % of the cash at once."""
    return {
        "runmode": RunMode.BACKTEST,
        "dry_run": True,
        "dry_run_wallet": CASH,
        "stake_currency": "USDT",
        "stake_amount": "unlimited",
        "tradable_balance_ratio": 0.99,
        "max_open_trades": 1,
        "fee": FEE,
        "timeframe": "1m",
        "trading_mode": "spot",
        "exchange": {"name": "binance", "pair_whitelist": [PAIR], "pair_blacklist": []},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "other", "use_order_book": False},
        "exit_pricing": {"price_side": "other", "use_order_book": False},
        "strategy": "SmaCross",
        "strategy_path": str(folder),
        "user_data_dir": folder,
        "datadir": folder,
        "dataformat_ohlcv": "feather",
        "export": "none",
    }


def market_of_pair() -> dict[str, Any]:
    """Return the pair as its exchange would tell of it: whole units, prices to the cent."""
    return {
        "id": "C00USDT",
        "symbol": PAIR,
        "base": "C00",
        "quote": "USDT",
        "active": True,
        "spot": True,
        "type": "spot",
        "precision": {"amount": 1.0, "price": 0.01},
        "limits": {"amount": {"min": 1, "max": None}, "cost": {"min": 0, "max": None}, "price": {"min": None, "max": None}},
        "info": {},
    }


def main(case: str, market: str, bars: int) -> dict[str, Any]:
    """Run the cross on the market's first coin and return its figures."""
    with np.load(market) as arrays:
        columns = arrays[arrays.files[0]][:, :bars]
    frame = pd.DataFrame(columns.T, columns=["open", "high", "low", "close", "volume"])
    frame.insert(0, "date", pd.date_range("2024-01-01", periods=columns.shape[1], freq="min", tz="UTC"))
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "sma_cross.py").write_text(STRATEGY)
        config = settings(folder)
        exchange = ExchangeResolver.load_exchange(config, validate=False)
        exchange._markets = {PAIR: market_of_pair()}
        exchange.reload_markets = lambda *given, **more: None
        engine = Backtesting(config, exchange)
        _, figures = timed(lambda: engine.backtest_one_strategy(engine.strategylist[0], {PAIR: frame}, TimeRange()))
    trades = LocalTrade.bt_trades
    return figures | {"equity": CASH + sum(trade.close_profit_abs for trade in trades), "fills": 2 * len(trades)}


if __name__ == "__main__":
    print(json.dumps(measured("freqtrade", main, *sys.argv[1:])))
