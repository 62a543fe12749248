"""Bars in memory, and resampling against pandas and against a loop that cannot be misread."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.errors import RecordingError
from engine.model import INTERVALS
from engine.recordings import Bars, Gap, resample
from engine.recordings.bars import COLUMNS, check_bars, find_gaps, interval_name

MINUTE = INTERVALS["1m"]
DAY = INTERVALS["1d"]


def by_hand(bars: Bars, interval: int) -> list[tuple[int, ...]]:
    rows: dict[int, list[int]] = {}
    monday = 4 * DAY if interval == INTERVALS["1w"] else 0
    for time, open_, high, low, close, volume in zip(*(bars.column(name).tolist() for name in COLUMNS), strict=True):
        bucket = (time - monday) // interval * interval + monday
        if bucket not in rows:
            rows[bucket] = [open_, high, low, close, volume]
        else:
            old = rows[bucket]
            rows[bucket] = [old[0], max(old[1], high), min(old[2], low), close, old[4] + volume]
    return [(time, *row) for time, row in sorted(rows.items())]


def by_pandas(bars: Bars, rule: str) -> pd.DataFrame:
    frame = pd.DataFrame({name: bars.column(name) for name in COLUMNS[1:]}, index=pd.to_datetime(bars.time, utc=True))
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    grouped = frame.resample(rule, label="left", closed="left")
    return grouped.agg(how)[grouped.size() > 0]


@pytest.mark.parametrize("interval", ["3m", "5m", "15m", "1h", "4h", "1d", "1w"])
@pytest.mark.parametrize(("seed", "keep"), [(0, 1.0), (1, 0.8), (2, 0.05)])
def test_resample_is_exact(make_bars, interval: str, seed: int, keep: float) -> None:
    bars = make_bars(15_000, seed=seed, keep=keep, start=1_735_689_600 * 10**9 + 7 * MINUTE)
    made = resample(bars, INTERVALS[interval])
    rows = list(zip(*(made.column(name).tolist() for name in COLUMNS), strict=True))
    assert rows == by_hand(bars, INTERVALS[interval])
    rule = {"1w": "W-MON", "1d": "D"}.get(interval, interval.replace("m", "min"))
    frame = by_pandas(bars, rule)
    assert made.time.tolist() == frame.index.as_unit("ns").asi8.tolist()
    for name in COLUMNS[1:]:
        assert made.column(name).tolist() == frame[name].astype("int64").tolist()


def test_weeks_open_on_mondays(make_bars) -> None:
    weeks = resample(make_bars(40, interval="1d"), INTERVALS["1w"])
    assert {pd.Timestamp(time).day_name() for time in weeks.time.tolist()} == {"Monday"}


def test_resample_refuses_what_does_not_fit(make_bars) -> None:
    bars = make_bars(10, interval="5m")
    with pytest.raises(RecordingError, match="5m bars cannot be joined into 1m bars"):
        resample(bars, MINUTE)
    with pytest.raises(RecordingError, match="cannot be joined"):
        resample(bars, 7 * MINUTE)
    assert resample(bars, INTERVALS["5m"]) == bars


def test_resample_never_wraps_a_volume() -> None:
    one = np.array([1, 1])
    prices = dict.fromkeys(("open", "high", "low", "close"), one)
    bars = Bars(time=np.array([0, MINUTE]), **prices, volume=np.array([2**62, 2**62]), interval=MINUTE)
    with pytest.raises(RecordingError, match="does not fit 64 bits"):
        resample(bars, INTERVALS["5m"])


def test_columns_cannot_be_written_to_nor_change_under_them(make_bars) -> None:
    source = make_bars(5)
    mine = source.close.copy()
    columns = {name: source.column(name) for name in COLUMNS if name != "close"}
    bars = Bars(**columns, close=mine, interval=MINUTE)
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1
    assert mine.flags.writeable
    assert len(bars[1:3]) == 2
    assert bars[1:3].close.tolist() == mine[1:3].tolist()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"time": np.array([0, 0, MINUTE])}, "strictly ascending"),
        ({"time": np.array([MINUTE, 0, 2 * MINUTE])}, "strictly ascending"),
        ({"close": np.array([1, 2])}, "equal length"),
        ({"close": np.array([1.0, 2.0, 3.0])}, "integers"),
        ({"close": np.array([[1, 2, 3]])}, "one row"),
    ],
)
def test_bars_refuse_columns_that_are_none(change: dict, reason: str) -> None:
    columns = {name: np.array([1, 2, 3]) for name in COLUMNS} | {"time": np.array([0, MINUTE, 2 * MINUTE])} | change
    with pytest.raises(RecordingError, match=reason):
        Bars(**columns, interval=MINUTE)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("time", 61 * 10**9, "1m grid"),
        ("low", 0, "not above zero"),
        ("low", -5, "not above zero"),
        ("high", 1, "high below its low"),
        ("open", 10**15, "opens outside"),
        ("close", 10**15, "closes outside"),
        ("volume", -1, "volume below zero"),
    ],
)
def test_check_names_the_bar_that_cannot_be(make_bars, name: str, value: int, reason: str) -> None:
    bars = make_bars(10, start=0)
    columns = {column: bars.column(column).copy() for column in COLUMNS}
    columns[name][1] = value
    if name == "low" and value > 0:
        columns["low"][1] = value
    with pytest.raises(RecordingError, match=reason) as error:
        check_bars(Bars(**columns, interval=MINUTE), "here")
    assert "here, row 1: the bar of 1970-01-01 00:01" in str(error.value)
    check_bars(bars, "here")


def test_gaps_are_found_and_no_others(make_bars) -> None:
    bars = make_bars(10)
    assert find_gaps(bars.time, MINUTE) == []
    time = np.delete(bars.time, [3, 4, 7])
    start = int(bars.time[0])
    assert find_gaps(time, MINUTE) == [
        Gap(start + 3 * MINUTE, start + 5 * MINUTE, 2),
        Gap(start + 7 * MINUTE, start + 8 * MINUTE, 1),
    ]


def test_interval_names() -> None:
    assert [interval_name(length) for length in INTERVALS.values()] == list(INTERVALS)
