"""The demo: three correlated coins from our own seeded generator; `python -m engine.recordings.demo` makes recordings/demo.

Only integer arithmetic and + - * / of floats are used, whose results every machine agrees on to the last bit.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.exact import UNIT
from engine.model import INTERVALS, Instrument
from engine.recordings.bars import Bars, Column
from engine.recordings.recording import Recording
from engine.recordings.store import write_recording

Floats = NDArray[np.float64]

START = 1_741_564_800 * 10**9  # 2025-03-10, a Monday
MINUTES = 14 * 24 * 60
TICKS_A_MINUTE = 8
OUTAGE = slice(8 * 1440 + 13 * 60 + 7, 8 * 1440 + 17 * 60 + 40)
SEED = 20_250_310


class Coin(NamedTuple):
    """How a coin of the demo moves: its share of the common market move, its own noise, and what a usual minute trades."""

    instrument: Instrument
    price: float
    market: float
    own: float
    volume: float


def _instrument(base: str, lot: int) -> Instrument:
    return Instrument(coin=f"{base}USDT", base=base, quote="USDT", tick=UNIT // 100, lot=lot, min_notional=5 * UNIT)


COINS = (
    Coin(_instrument("BTC", UNIT // 100_000), 84_000.0, 1.0, 0.35, 9.0),
    Coin(_instrument("ETH", UNIT // 10_000), 2_150.0, 1.25, 0.65, 190.0),
    Coin(_instrument("SOL", UNIT // 1_000), 138.0, 1.5, 1.1, 1_400.0),
)

_QUIET = 0.00011
"""Standard deviation of the common move in one tick of a quiet market."""

_HOURS = (
    0.9,
    0.8,
    0.75,
    0.7,
    0.7,
    0.75,
    0.85,
    1.0,
    1.1,
    1.1,
    1.0,
    1.0,
    1.1,
    1.5,
    1.9,
    1.8,
    1.6,
    1.4,
    1.25,
    1.15,
    1.1,
    1.05,
    1.0,
    0.95,
)
"""How lively each hour of the day (UTC) is."""


class Dice:
    """Uniform and normal numbers from splitmix64 over a counter, a stream at a time; the same on every machine."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams = 0

    def uniform(self, n: int) -> Floats:
        """Return n floats in [0, 1) of a new stream."""
        self._streams += 1
        start = np.uint64((self._seed * 0x9E3779B97F4A7C15 + (self._streams << 40)) % 2**64)
        x = (np.arange(1, n + 1, dtype=np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
        return (x >> np.uint64(11)).astype(np.float64) / 2.0**53

    def normal(self, n: int) -> Floats:
        """Return n floats of mean 0 and deviation 1: the sum of twelve uniform ones, whose tails end at 6."""
        total = self.uniform(n)
        for _ in range(11):
            total = total + self.uniform(n)
        return total - 6.0


def make_demo() -> Recording:
    """Return the demo recording, in memory; the same to the last bit every time."""
    dice = Dice(SEED)
    minute = np.arange(MINUTES)
    hours = np.array(_HOURS)
    within = (minute % 60) / 60.0
    lively = hours[minute // 60 % 24] * (1.0 - within) + hours[(minute // 60 + 1) % 24] * within
    lively = lively * np.where(minute // 1440 % 7 >= 5, 0.6, 1.0)
    regime, drift = _regimes(dice)
    heat = lively * regime
    common = np.repeat(heat, TICKS_A_MINUTE) * dice.normal(MINUTES * TICKS_A_MINUTE) * _QUIET
    common = common + np.repeat(drift, TICKS_A_MINUTE) + _jumps(dice)
    traded = np.ones(MINUTES, dtype=np.bool_)
    traded[OUTAGE] = False
    bars = {coin.instrument.coin: _bars(coin, dice, common, heat, traded) for coin in COINS}
    instruments = {coin.instrument.coin: coin.instrument for coin in COINS}
    return Recording.from_bars(bars, instruments, name="demo", synthetic=True, source=f"tickdeck's own generator, seed {SEED}")


def _regimes(dice: Dice) -> tuple[Floats, Floats]:
    """Return each minute's volatility (1 is quiet) and its drift a tick: spells of hours, calm, trending or stormy."""
    volatility, drift = np.empty(MINUTES), np.empty(MINUTES)
    draws = dice.uniform(3 * MINUTES)
    level, at, n = 1.0, 0, 0
    while at < MINUTES:
        length = 90 + int(draws[n] * 600)
        kind, way = draws[n + 1], draws[n + 2]
        volatility[at : at + length] = 0.7 if kind < 0.4 else 1.1 if kind < 0.8 else 2.4
        drift[at : at + length] = 0.0 if kind < 0.4 else (way - 0.5) * (9e-6 if kind < 0.8 else 6e-6)
        at, n = at + length, n + 3
    for i in range(MINUTES):
        level += (volatility[i] - level) / 20.0
        volatility[i] = level
    return volatility, drift


def _jumps(dice: Dice) -> Floats:
    """Return rare sudden moves of the whole market, about one and a half a day, 0.2 to 1.4 %."""
    n = MINUTES * TICKS_A_MINUTE
    size = (dice.uniform(n) - 0.5) * 0.024
    return np.where(dice.uniform(n) < 1.5 / (1440 * TICKS_A_MINUTE), size + np.sign(size) * 0.002, 0.0)


def _bars(coin: Coin, dice: Dice, common: Floats, heat: Floats, traded: NDArray[np.bool_]) -> Bars:
    n = MINUTES * TICKS_A_MINUTE
    own = np.repeat(heat, TICKS_A_MINUTE) * dice.normal(n) * (_QUIET * coin.own)
    price = coin.price * np.multiply.accumulate(1.0 + coin.market * common + own)
    tick = coin.instrument.tick
    ticks = np.rint(price * (UNIT / tick)).astype(np.int64).reshape(MINUTES, TICKS_A_MINUTE)
    before = np.concatenate((ticks[:1, 0], ticks[:-1, -1]))
    open_ = before + np.rint(dice.normal(MINUTES)).astype(np.int64)
    high = np.maximum(ticks.max(axis=1), open_)
    low = np.minimum(ticks.min(axis=1), open_)
    close = ticks[:, -1]
    spread = (high - low) / (close * _QUIET)
    busy = dice.uniform(MINUTES) + 0.15
    lots = np.rint(coin.volume * heat * (0.15 + spread / 6.0) * busy / 0.65 * (UNIT / coin.instrument.lot)).astype(np.int64)
    time = START + np.arange(MINUTES, dtype=np.int64) * INTERVALS["1m"]

    def units(column: Column, step: int) -> Column:
        return column[traded] * step

    return Bars(
        time=time[traded],
        open=units(open_, tick),
        high=units(high, tick),
        low=units(low, tick),
        close=units(close, tick),
        volume=units(lots, coin.instrument.lot),
        interval=INTERVALS["1m"],
    )


def main(argv: list[str]) -> None:
    """Write the demo into the folder given, by default recordings/demo of this checkout, in place of what is there."""
    from engine.paths import bundled

    folder = Path(argv[0]) if argv else bundled() / "recordings" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    write_recording(folder, make_demo())


if __name__ == "__main__":
    main(sys.argv[1:])
