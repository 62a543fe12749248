"""The work as tickdeck does it, one case a process: `python -m benchmarks.ours CASE FOLDER` with the folder `prepare` made."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.market import COLUMNS, MINUTE_NS, SEED, YEAR, make_coin, times, write_market
from benchmarks.measure import peaked, pin, timed

CASH = 1_000_000_000
COINS = 10
WHOLE = 100_000_000
"""One whole unit as a lot: backtesting.py trades no less."""


@dataclass
class FloatBars:
    """Bars as a feature's `block` sees them, laid out before anything is measured."""

    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time)


def prepare(folder: Path, bars: int = YEAR) -> None:
    """Write the market twice: `market.npz` for everybody, and `recording`, ten coins as tickdeck keeps them.

    `short` is a recording of one coin that warms a process up before it is measured.
    """
    names = write_market(folder / "market.npz", COINS, bars)
    write(folder / "recording", names, bars)
    (folder / "short").mkdir()
    write(folder / "short" / "recording", names[:1], 500)


def write(path: Path, names: list[str], bars: int) -> None:
    """Write the coins as a recording, traded in whole units."""
    from engine.model import Instrument
    from engine.recordings import Bars, Recording, write_recording

    series, instruments = {}, {}
    for number, name in enumerate(names):
        columns = np.rint(make_coin(bars, SEED + number) * WHOLE).astype(np.int64)
        series[name] = Bars(time=times(bars), **dict(zip(COLUMNS, columns, strict=True)), interval=MINUTE_NS)
        instruments[name] = Instrument(coin=name, base=name.removesuffix("USDT"), quote="USDT", tick=1_000_000, lot=WHOLE)
    write_recording(path, Recording.from_bars(series, instruments, name="bench", synthetic=True, source="benchmarks"))


def config(folder: Path, coins: int) -> dict[str, Any]:
    """Return a session on the first `coins` coins: 10 bps in quote currency, no slippage, no limits."""
    return {
        "mode": "replay",
        "recording": str(folder / "recording"),
        "coins": [f"C{number:02d}USDT" for number in range(coins)],
        "interval": "1m",
        "strategy": {"use": "engine.strategy.examples:SmaCross", "params": {"fast": 50, "slow": 200, "size": 0.99}},
        "account": {"currency": "USDT", "cash": {"USDT": CASH}},
        "fills": {"maker_bps": 10, "taker_bps": 10, "fee_asset": "quote"},
    }


def indicators() -> list[Any]:
    """Return the ten indicators of 12 columns that every case reads."""
    from engine import Indicator

    return [
        Indicator(fn="RSI", timeperiod=14, name="rsi"),
        Indicator(fn="EMA", timeperiod=20, name="ema"),
        Indicator(fn="ROC", timeperiod=10, name="roc"),
        Indicator(fn="ATR", timeperiod=14, name="atr"),
        Indicator(fn="ADX", timeperiod=14, name="adx"),
        Indicator(fn="CCI", timeperiod=20, name="cci"),
        Indicator(fn="WILLR", timeperiod=14, name="willr"),
        Indicator(fn="MFI", timeperiod=14, name="mfi"),
        Indicator(fn="OBV", name="obv"),
        Indicator(fn="BBANDS", timeperiod=20, name="bands"),
    ]


def reading_strategy() -> type[Any]:
    """Return SmaCross that adds up 12 more columns at every bar."""
    from engine import Signal
    from engine.strategy.examples import SmaCross

    class SmaCrossReading12(SmaCross):
        """SmaCross, reading 12 more columns of ten indicators at every bar."""

        def __init__(self, *given: Any, **params: Any) -> None:
            super().__init__(*given, **params)
            self.read = 0.0

        def features(self) -> list[Any]:
            return [*super().features(), *indicators()]

        def gen_signal(self) -> dict[str, Any]:
            signals = {}
            for coin, now in self.bars():
                self.read = (
                    now.rsi
                    + now.ema
                    + now.roc
                    + now.atr
                    + now.adx
                    + now.cci
                    + now.willr
                    + now.mfi
                    + now.obv
                    + now.bands_upper
                    + now.bands_middle
                    + now.bands_lower
                )
                fast, slow = now.fast, now.slow
                if fast > slow and not now.position:
                    signals[coin] = Signal.buy(value=self.size * self.equity / self.n_coins)
                elif fast < slow and now.position:
                    signals[coin] = Signal.close()
            return signals

    return SmaCrossReading12


def resting_strategy() -> type[Any]:
    """Return SmaCross that has a stop far below the market resting while it holds anything."""
    from engine import Signal
    from engine.strategy.examples import SmaCross

    class SmaCrossFarStop(SmaCross):
        """SmaCross with a stop under every entry that is never reached."""

        def gen_signal(self) -> dict[str, Any]:
            signals = {}
            for coin, now in self.bars():
                fast, slow = now.fast, now.slow
                if fast > slow and not now.position:
                    signals[coin] = Signal.buy(value=self.size * self.equity / self.n_coins, stop_loss=1.0)
                elif fast < slow and now.position:
                    signals[coin] = Signal.close()
            return signals

    return SmaCrossFarStop


def ordering_strategy() -> type[Any]:
    """Return a strategy that gives an order at every bar."""
    from engine import Signal
    from engine.strategy.examples import SmaCross

    class OrderEveryBar(SmaCross):
        """Buy a unit, sell it at the next bar, and so on."""

        def gen_signal(self) -> dict[str, Any]:
            return {coin: Signal.close() if now.position else Signal.buy(amount=1) for coin, now in self.bars()}

    return OrderEveryBar


def cross_strategy() -> type[Any]:
    """Return SmaCross."""
    from engine.strategy.examples import SmaCross

    return SmaCross


def run_backtest(folder: Path, coins: int, strategy_of: Callable[[], type[Any]] = cross_strategy) -> dict[str, Any]:
    """Run backtest() once, with imports and kernel warm, and return its figures and what the peer must agree with."""
    from engine import backtest
    from engine.session import prepare

    kind = strategy_of()
    assert backtest(config(folder / "short", 1), strategy=kind(fast=2, slow=3)).stats
    strategy = kind(fast=50, slow=200, size=0.99)

    def work() -> Any:
        session = prepare(config(folder, coins), strategy=strategy)
        for coin in session.recording.coins[:coins]:
            for column in ("time", *COLUMNS):  # data in memory, as the peer has it
                getattr(session.recording.bars(coin), column)

        def run() -> Any:
            done, alone = timed(lambda: backtest(session))
            return done, alone, done.stats  # the peer's run makes its statistics as well

        return timed(run)

    ((result, alone, _), seconds), memory = peaked(work)
    return (
        seconds
        | memory
        | {
            "run_cpu_s": alone["cpu_s"],
            "bars": result.steps * coins,
            "equity": float(result.final_equity),
            "fills": len(result.fills),
            "data_mb": coins * YEAR * 6 * 8 / 2**20,
            "read": float(getattr(strategy, "read", 0.0)),
        }
    )


def run_indicators(folder: Path) -> dict[str, Any]:
    """Compute the 12 columns over a year by TA-Lib alone, as features, and as the rows a strategy reads: the least of seven."""
    import talib

    from engine.features.store import FeatureStore
    from engine.market import ReplayFeed
    from engine.recordings import open_recording

    with np.load(folder / "market.npz") as arrays:
        opening, high, low, close, volume = (np.ascontiguousarray(column) for column in arrays[arrays.files[0]])
    feed = ReplayFeed(open_recording(folder / "recording"), ["C00USDT"])
    bars = FloatBars(times(len(close)), opening, high, low, close, volume)
    features = indicators()

    def batch() -> list[Any]:
        return [
            talib.RSI(close, 14),
            talib.EMA(close, 20),
            talib.ROC(close, 10),
            talib.ATR(high, low, close, 14),
            talib.ADX(high, low, close, 14),
            talib.CCI(high, low, close, 20),
            talib.WILLR(high, low, close, 14),
            talib.MFI(high, low, close, volume, 14),
            talib.OBV(close, volume),
            *talib.BBANDS(close, 20),
        ]

    def computed() -> list[Any]:
        return [column for feature in features for column in feature.columns(bars).T]

    for bare, ours in zip(batch(), computed(), strict=True):
        if not np.array_equal(bare[200:], ours[200:]):
            raise SystemExit("the features are not what TA-Lib computes")
    return {
        "talib_s": _least_cpu(batch),
        "features_s": _least_cpu(computed),
        "rows_s": _least_cpu(lambda: FeatureStore(features).bind(feed.latest)),
    }


def _least_cpu(work: Callable[[], Any], repeats: int = 7) -> float:
    """The least CPU seconds of several calls: fresh memory costs some systems ten times as much on one call as on the next."""
    return min(timed(work)[1]["cpu_s"] for _ in range(repeats))


def run_opening(folder: Path) -> dict[str, Any]:
    """Open the ten coins' year, and look at one column of one coin."""
    from engine.recordings import open_recording

    (recording, opened), memory = peaked(lambda: timed(lambda: open_recording(folder / "recording")))
    column, looked = timed(lambda: recording.bars(recording.coins[-1]).close[-1])
    return {"open_s": opened["wall_s"], "column_s": looked["wall_s"], "last": int(column)} | memory


CASES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "cross": lambda folder: run_backtest(folder, 1),
    "reading": lambda folder: run_backtest(folder, 1, reading_strategy),
    "portfolio": lambda folder: run_backtest(folder, COINS),
    "resting": lambda folder: run_backtest(folder, 1, resting_strategy),
    "ordering": lambda folder: run_backtest(folder, 1, ordering_strategy),
    "indicators": run_indicators,
    "opening": run_opening,
}


if __name__ == "__main__":
    pin()
    print(json.dumps(CASES[sys.argv[1]](Path(sys.argv[2]))))
