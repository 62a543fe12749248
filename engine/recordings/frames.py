"""DataFrames in: an in-memory recording of bars that a caller has already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.errors import RecordingError
from engine.exact import DECIMALS, INT64_MAX
from engine.model import CoinName, Instrument, Timestamp
from engine.recordings.bars import Bars, check_bars, interval_name
from engine.recordings.names import split_symbol
from engine.recordings.recording import Recording
from engine.recordings.units import finest_step, from_floats
from engine.recordings.volumes import settled

NAMES = ("open", "high", "low", "close", "volume")
PRICES = NAMES[:4]


def recording_of_frames(data: Any, instruments: Mapping[CoinName, Instrument] | None = None) -> Recording:
    """Return a recording of a DataFrame (as coin DATAUSDT), or of a mapping of coin to DataFrame, without a folder.

    Each has a DatetimeIndex of the bars' opening times (UTC where it says nothing) and columns open, high, low, close and
    volume, in any case. Without `instruments` the tick is inferred from the prices, the lot is 1e-8 and there is no minimum
    notional. Raises RecordingError naming coin and row for anything a recording would refuse.
    """
    frames = data if isinstance(data, Mapping) else {"DATAUSDT": data}
    if not frames:
        raise RecordingError("data holds no coin")
    bars = {coin: bars_of_frame(coin, frame) for coin, frame in frames.items()}
    made = {coin: (instruments or {}).get(coin) or _instrument(coin, its) for coin, its in bars.items()}
    return Recording.from_bars(bars, made, name="data", source="DataFrame")


def bars_of_frame(coin: CoinName, frame: Any) -> Bars:
    """Return one coin's DataFrame as exact bars."""
    import pandas as pd

    index = getattr(frame, "index", None)
    if not isinstance(index, pd.DatetimeIndex):
        raise RecordingError(f"{coin}: data must have a DatetimeIndex of opening times", hint="frame.set_index('time')")
    named = {str(name).lower(): name for name in frame.columns}
    if missing := [name for name in NAMES if name not in named]:
        raise RecordingError(f"{coin}: data has no column {', '.join(missing)}")
    if len(frame) < 2:
        raise RecordingError(f"{coin}: data needs at least two bars, to tell their interval")
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    time = utc.as_unit("ns").asi8
    floats = {name: frame[named[name]].to_numpy(dtype=np.float64) for name in NAMES}
    columns = {name: _units(f"{coin} {name}", floats[name]) for name in PRICES}
    volume, decimals = _volumes(f"{coin} volume", floats["volume"])
    bars = Bars(time=time, **columns, volume=volume, interval=_interval(coin, time), volume_decimals=decimals)
    check_bars(bars, coin)
    return settled(bars)


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


def _interval(coin: CoinName, time: Any) -> Timestamp:
    spacing = int(np.min(np.diff(time)))
    if spacing <= 0:
        raise RecordingError(f"{coin}: opening times must be ascending and distinct")
    interval_name(spacing)
    return spacing


def _instrument(coin: CoinName, bars: Bars) -> Instrument:
    symbol = split_symbol(coin)
    tick = finest_step(*(bars.column(name) for name in PRICES))
    return Instrument(coin=coin, base=symbol.base, quote=symbol.quote, tick=tick)
