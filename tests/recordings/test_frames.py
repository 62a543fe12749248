"""DataFrames as a notebook has them: taken as they are where that is exact, refused with the remedy where it is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine import Result, Signal, Strategy, backtest
from engine.errors import ConfigError, RecordingError
from engine.recordings.frames import recording_of_frames

TITLED = ["Open", "High", "Low", "Close", "Volume"]


def frame(*closes: float, freq: str = "1h", start: str = "2025-01-01", tz: str | None = None) -> pd.DataFrame:
    """Bars that open where the last one closed, with capitalised columns."""
    close = np.array(closes or (100.0, 101.5, 99.25, 102.0))
    open_ = np.concatenate((close[:1], close[:-1]))
    columns = (open_, np.maximum(open_, close), np.minimum(open_, close), close, np.full(len(close), 7.0))
    index = pd.date_range(start, periods=len(close), freq=freq, tz=tz)
    return pd.DataFrame(dict(zip(TITLED, columns, strict=True)), index=index)


class Once(Strategy):
    """Buys one at the first bar and sells it at the third."""

    def gen_signal(self) -> dict[str, Signal]:
        wanted = {0: Signal.buy(amount=1), 2: Signal.close()}.get(self.step)
        return {} if wanted is None else dict.fromkeys(self.coins, wanted)


def flown(data: Any, **tables: Any) -> Result:
    return backtest({"fills": {"fee_asset": "quote"}, **tables}, strategy=Once, data=data)


# taken


TAKEN: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "lower case": lambda its: its.rename(columns=str.lower),
    "another order": lambda its: its[TITLED[::-1]],
    "more columns": lambda its: its.assign(**{"Adj Close": 1.0, "note": "x"}),
    "aware": lambda its: its.tz_localize("UTC"),
    "of another zone": lambda its: its.tz_localize("UTC").tz_convert("America/New_York"),
    "in milliseconds": lambda its: its.set_axis(its.index.as_unit("ms")),
    "whole and fine": lambda its: its.assign(Volume=its["Volume"].astype("int64")),
    "nullable": lambda its: its.astype("Float64"),
    "arrow": lambda its: its.astype("double[pyarrow]"),
    "decimals": lambda its: its.map(lambda number: Decimal(str(number))),
    "text": lambda its: its.astype(str),
}


@pytest.mark.parametrize("way", TAKEN.values(), ids=TAKEN)
def test_the_same_bars_told_in_another_way_are_the_same_run(way: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    assert flown(way(frame())).state_hash == flown(frame()).state_hash


def test_a_frame_is_flown_and_comes_back_as_frames() -> None:
    result = flown({"BTC/USDT": frame(), "ethusdt": frame(10.0, 11.0, 12.0, 13.0)})
    # bought at the open of the second bar, sold at that of the fourth: 101.5 has become 99.25 and 10 has become 12
    assert float(result.final_equity) == pytest.approx(10_000 - 0.75 + 2 - 0.001 * (100 + 99.25 + 10 + 12))
    assert repr(result) == "<Result of Once: 4 steps, 4 fills, 10,001.03 USDT>"
    assert result.fills.price.tolist() == [100.0, 10.0, 99.25, 12.0]
    assert result.fills.coin.tolist() == ["BTCUSDT", "ETHUSDT"] * 2
    opened = pd.DatetimeIndex(["2025-01-01 01:00"] * 2 + ["2025-01-01 03:00"] * 2, tz="UTC")
    assert result.fills.index.equals(opened)
    assert result.orders.index.equals(opened), "an order is placed as the bar before its fill closes"
    assert result.orders.filled.tolist() == [1.0] * 4
    assert result.orders.price.isna().all()
    assert result.equity.index.equals(pd.date_range("2025-01-01 01:00", periods=4, freq="1h", tz="UTC"))
    assert list(result.features) == ["BTCUSDT", "ETHUSDT"]


def test_nothing_traded_is_frames_without_rows() -> None:
    result = backtest(data=frame(), strategy=Strategy)
    assert len(result.fills) == len(result.orders) == 0
    assert result.equity.equity.tolist() == [10_000.0] * 4


def test_coins_of_data_can_be_chosen_and_longer_bars_made() -> None:
    both = {"BTCUSDT": frame(*range(100, 108)), "ETHUSDT": frame(*range(10, 18))}
    result = flown(both, coins=["ETHUSDT"], interval="4h")
    assert result.session.feed.latest.coins == ("ETHUSDT",)
    assert len(result.session.feed.latest.decisions[0].bars.time) == 2


def test_rows_left_out_are_a_gap() -> None:
    recording = recording_of_frames(frame(*range(100, 110)).drop(pd.Timestamp("2025-01-01 04:00")))
    (gap,) = recording.gaps("DATAUSDT")
    assert gap.missing == 1
    assert recording.interval == "1h"


# refused


NOW = pd.Timestamp("2025-01-01 02:00")
REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": ({}, r'data holds no coin\ndata=\{"BTCUSDT": frame\}'),
    "no frame": ([1, 2], r"must be a DataFrame of pandas, .* not list"),
    "a column": (frame()["Close"], "must be a DataFrame of pandas, .* not Series"),
    "not by coin": ({7: frame()}, "names a coin 7, which is no text"),
    "no quote asset": ({"GOOG": frame()}, r"cannot tell base and quote asset of the coin 'GOOG'\n.*BASE/QUOTE"),
    "a coin twice": ({"BTCUSDT": frame(), "BTC/USDT": frame()}, "names a coin twice"),
    "times in a column": (frame().reset_index(names="Date"), r"its index is RangeIndex\n.*frame\['Date'\], utc=True"),
    "times as numbers": (frame().set_axis([1, 2, 3, 4]), r"to_datetime\(frame.index, utc=True\)\); milliseconds need"),
    "periods": (frame().to_period("h"), r"PeriodIndex\nframe.to_timestamp\(\)"),
    "a time missing": (frame().set_axis(frame().index.where(frame().index != NOW)), "BTCUSDT, row 2: the time is missing"),
    "one bar": (frame(1.0), "at least two bars"),
    "backwards": (frame()[::-1], r"row 1: .* is not later than .*\nframe.sort_index\(\)"),
    "a time twice": (pd.concat([frame(), frame()[-1:]]), r"row 4: 2025-01-01 03:00:00 is not later"),
    "no interval": (frame(freq="2min"), r"row 1: .* is 0 days 00:02:00 after .* no interval\nintervals are 1s, 1m, 3m"),
    "off the grid": (frame(start="2025-01-01 00:30"), "row 0: the bar of 2025-01-01 00:30:00 does not open on the 1h grid"),
    "long ago": (frame().set_axis(pd.date_range("1600", periods=4, freq="1h", unit="s")), "within 1678 and 2262"),
    "no column": (frame().drop(columns="Low"), "no column low\nit has Open, High, Close, Volume"),
    "no volume": (frame().drop(columns="Volume"), r"no column volume\nframe.assign\(volume=...\)"),
    "levels of columns": (pd.concat({"BTC-USD": frame()}, axis=1), r"no column open\nit has \('BTC-USD', 'Open'\)"),
    "a column twice": (frame().assign(close=1.0), "2 columns close"),
    "a hole": (frame().drop(NOW).reindex(frame().index), r"BTCUSDT, row 2, 2025-01-01 02:00:00: open nan .*\nframe.dropna\(\)"),
    "without end": (frame().assign(Volume=np.inf), "row 0, .*: volume inf is not a finite number"),
    "words": (frame().assign(Close="high"), "the column close must hold numbers: .*'high'"),
    "below zero": (frame().assign(Low=-1.0), "row 0: the bar of 2025-01-01 00:00:00 has a price that is not above zero"),
    "upside down": (frame().assign(High=1.0), "row 0: the bar of 2025-01-01 00:00:00 has its high below its low"),
    "too large": (frame().assign(Close=1e15), "BTCUSDT close 1000000000000000.0 does not fit 64 bits"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_bad_frame_is_refused_with_its_place(case: tuple[Any, str]) -> None:
    data, told = case
    with pytest.raises(RecordingError) as error:
        flown(data if isinstance(data, dict) else {"BTCUSDT": data})
    assert re.search(told, str(error.value)), str(error.value)


def test_a_coin_that_data_does_not_have() -> None:
    with pytest.raises(ConfigError, match=r"(?s)has no BTCUSDT.*it has DATAUSDT"):
        flown(frame(), coins=["BTCUSDT"])
