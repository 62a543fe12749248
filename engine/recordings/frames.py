"""DataFrames in: an in-memory recording of bars that a caller has already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.errors import RecordingError
from engine.exact import DECIMALS, INT64_MAX
from engine.model import INTERVALS, CoinName, Instrument, Timestamp
from engine.recordings.bars import Bars, check_bars
from engine.recordings.names import Symbol, split_symbol
from engine.recordings.recording import Recording
from engine.recordings.units import finest_step, from_floats
from engine.recordings.volumes import settled

NAMES = ("open", "high", "low", "close", "volume")
PRICES = NAMES[:4]
TIMES = ("time", "date", "datetime", "timestamp", "open_time", "open time")
"""What others call the column of a bar's time."""


def recording_of_frames(data: Any, instruments: Mapping[CoinName, Instrument] | None = None) -> Recording:
    """Return a recording of a DataFrame (as coin DATAUSDT), or of a mapping of coin to DataFrame, without a folder.

    Each has a DatetimeIndex of the bars' opening times (UTC where it says nothing) and columns open, high, low, close and
    volume, in any case. A coin is named as the exchange does, BTCUSDT, or as BTC/USDT. Without `instruments` the tick is
    inferred from the prices, the lot is 1e-8 and there is no minimum notional. Raises RecordingError naming coin and row for
    anything a recording would refuse.
    """
    frames = data if isinstance(data, Mapping) else {"DATAUSDT": data}
    if not frames:
        raise RecordingError("data holds no coin", hint='data={"BTCUSDT": frame}')
    symbols = [_symbol(name) for name in frames]
    bars = {symbol.coin: bars_of_frame(symbol.coin, frame) for symbol, frame in zip(symbols, frames.values(), strict=True)}
    if len(bars) < len(frames):
        raise RecordingError(f"data names a coin twice: {', '.join(frames)}")
    made = {symbol.coin: (instruments or {}).get(symbol.coin) or _instrument(symbol, bars[symbol.coin]) for symbol in symbols}
    return Recording.from_bars(bars, made, name="data", source="DataFrame")


def bars_of_frame(coin: CoinName, frame: Any) -> Bars:
    """Return one coin's DataFrame as exact bars."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise RecordingError(
            f"{coin}: data must be a DataFrame of pandas, or a dict of one a coin, not {type(frame).__name__}",
            hint='data=frame, or data={"BTCUSDT": frame}',
        )
    time, interval = _times(coin, frame)
    floats = {name: _floats(coin, frame, name) for name in NAMES}
    columns = {name: _units(f"{coin} {name}", floats[name]) for name in PRICES}
    volume, decimals = _volumes(f"{coin} volume", floats["volume"])
    bars = Bars(time=time, **columns, volume=volume, interval=interval, volume_decimals=decimals)
    check_bars(bars, coin)
    return settled(bars)


def _symbol(name: Any) -> Symbol:
    if not isinstance(name, str):
        raise RecordingError(f"data names a coin {name!r}, which is no text", hint='data={"BTCUSDT": frame}')
    return split_symbol(name)


def _times(coin: CoinName, frame: Any) -> tuple[Any, Timestamp]:
    """Return the opening times in ns UTC, strictly ascending, and the bars' interval: the closest two are one apart."""
    import pandas as pd

    index = frame.index
    if not isinstance(index, pd.DatetimeIndex):
        column = next((name for name in frame.columns if str(name).lower() in TIMES), None)
        source = "frame.index" if column is None else f"frame[{column!r}]"
        raise RecordingError(
            f"{coin}: data must have a DatetimeIndex of opening times; its index is {type(index).__name__}",
            hint="frame.to_timestamp()"
            if isinstance(index, pd.PeriodIndex)
            else f"frame.set_index(pd.to_datetime({source}, utc=True)); milliseconds need unit='ms'",
        )
    if index.hasnans:
        raise RecordingError(f"{coin}, row {int(index.isna().argmax())}: the time is missing (NaT)")
    if len(index) < 2:
        raise RecordingError(f"{coin}: data needs at least two bars, to tell their interval")
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    try:
        time = utc.as_unit("ns").asi8
    except pd.errors.OutOfBoundsDatetime:
        raise RecordingError(f"{coin}: times must lie within 1678 and 2262, not {utc.min()} to {utc.max()}") from None
    apart = np.diff(time)
    row = int(apart.argmin())
    if apart[row] <= 0:
        row = int((apart <= 0).argmax())
        raise RecordingError(
            f"{coin}, row {row + 1}: {index[row + 1]} is not later than {index[row]} before it",
            hint="frame.sort_index(); where a time is there twice, frame[~frame.index.duplicated()]",
        )
    interval = int(apart[row])
    if interval not in INTERVALS.values():
        raise RecordingError(
            f"{coin}, row {row + 1}: {index[row + 1]} is {pd.Timedelta(interval)} after {index[row]}, which is no interval",
            hint=f"intervals are {', '.join(INTERVALS)}",
        )
    return time, interval


def _floats(coin: CoinName, frame: Any, name: str) -> Any:
    places = [place for place, column in enumerate(frame.columns) if str(column).strip().lower() == name]
    if len(places) != 1:
        raise RecordingError(
            f"{coin}: data has {'no column' if not places else f'{len(places)} columns'} {name}",
            hint="frame.assign(volume=...): a bar without volume fills nothing"
            if name == "volume" and not places
            else f"it has {', '.join(map(str, frame.columns[:12]))}",
        )
    try:
        values = frame.iloc[:, places[0]].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{coin}: the column {name} must hold numbers: {error}") from None
    if (bad := np.flatnonzero(~np.isfinite(values))).size:
        raise RecordingError(
            f"{coin}, row {bad[0]}, {frame.index[bad[0]]}: {name} {values[bad[0]]} is not a finite number",
            hint="frame.dropna() leaves such bars out; they are told as a gap then",
        )
    return values


def _units(what: str, values: Any, decimals: int = DECIMALS) -> Any:
    """Return floats as counts of 10**-decimals, exactly where they are decimals, else rounded: made-up ones have none."""
    if _below(values, INT64_MAX / 10**decimals):
        rounded = np.rint(values * 10**decimals)
        if _below(rounded, 2**53) and not np.array_equal(rounded / 10**decimals, values):
            return rounded.astype(np.int64)
    return from_floats(what, values, decimals)[0]


def _volumes(what: str, values: Any) -> tuple[Any, int]:
    """Return volumes in the finest unit, 1e-8 to 1, in which floats of their size still tell apart, and its decimals."""
    decimals = next((d for d in range(DECIMALS, 0, -1) if _below(values, 2**53 / 10**d)), 0)
    return _units(what, values, decimals), decimals


def _below(values: Any, limit: float) -> bool:
    return bool(np.isfinite(values).all()) and bool(np.abs(values).max(initial=0.0) < limit)


def _instrument(symbol: Symbol, bars: Bars) -> Instrument:
    tick = finest_step(*(bars.column(name) for name in PRICES))
    return Instrument(coin=symbol.coin, base=symbol.base, quote=symbol.quote, tick=tick)
