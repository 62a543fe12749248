"""What MyStrategy does on a few bars made up so that it is plain what it should do. Run it with: pytest"""

from pathlib import Path

import pandas as pd
import pytest
from my_strategy import MyStrategy

from engine import backtest

FREE = {"fills": {"maker_bps": 0, "taker_bps": 0}}


def bars(*closes):
    """Bars of an hour that open where the last one closed."""
    close = pd.Series(closes, index=pd.date_range("2025-01-01", periods=len(closes), freq="1h"), dtype=float)
    open_ = close.shift(fill_value=close.iloc[0])
    high, low = close.combine(open_, max), close.combine(open_, min)
    return pd.DataFrame({"open": open_, "high": high, "low": low, "close": close, "volume": 1000.0})


def fly(*closes):
    return backtest(FREE, strategy=MyStrategy, data={"BTCUSDT": bars(*closes)}, window=3, dip=2.0, stop=5.0)


def test_the_feature_is_the_distance_from_the_mean():
    stretch = fly(100, 100, 97, 99).features["BTCUSDT"].stretch
    assert stretch.isna().tolist() == [True, True, False, False]
    assert stretch.iloc[2] == pytest.approx(100 * (97 / 99 - 1))  # 97 lies below a mean of 99


def test_buys_the_dip_and_sells_at_the_average():
    result = fly(100, 100, 97, 98, 101, 102)
    assert result.fills.side.tolist() == ["buy", "sell"]
    assert result.fills.price.tolist() == [97, 101]  # a market order fills at the next bar's open
    assert result.orders.reason.iloc[0] == "2.0 % below its average"
    assert result.final_equity > 10_000


def test_the_stop_limits_what_a_falling_market_takes():
    result = fly(100, 100, 80, 50)
    assert result.fills.price.tolist() == [80, 76]  # bought at the open, sold 5 % below the close of the dip


def test_a_calm_market_is_left_alone():
    assert fly(100, 101, 100, 101, 100, 101).fills.empty


def test_its_config_flies():
    assert backtest(Path(__file__).with_name("my_strategy.toml")).steps > 0
