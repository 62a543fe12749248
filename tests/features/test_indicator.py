"""Every TA-Lib function, in one go and bar by bar: the same bits, no look ahead, and refusals that say what is wrong."""

from __future__ import annotations

import copy
import gzip
import itertools
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talib
import talib.abstract

from engine.errors import StrategyError
from engine.features.indicator import Indicator

ROWS = 3000
FIELDS = ("open", "high", "low", "close", "volume")
FUNCTIONS = sorted(set(talib.get_functions()) - {"MAVP"})


class Bars:
    """Float columns as a feature's block sees them."""

    def __init__(self, table: Any) -> None:
        self.table = np.ascontiguousarray(table, dtype=np.float64)
        self.open, self.high, self.low, self.close, self.volume = self.table
        self.time = np.arange(len(self)) * 60 * 10**9

    def __len__(self) -> int:
        return self.table.shape[1]

    def __getitem__(self, rows: slice) -> Bars:
        return Bars(self.table[:, rows])

    def stepped(self) -> list[list[float]]:
        return self.table.T.tolist()


def seeded(rows: int = ROWS, seed: int = 3) -> Bars:
    """A random walk on a tick of 0.01, with bars without volume and stretches where nothing moves."""
    rng = np.random.default_rng(seed)
    close = (100 * np.exp(np.cumsum(rng.normal(0, 0.002, rows)))).round(2)
    opened = np.r_[100.0, close[:-1]]
    high = np.maximum(opened, close) + rng.integers(0, 30, rows) / 100
    low = np.minimum(opened, close) - rng.integers(0, 30, rows) / 100
    volume = rng.uniform(0, 100, rows).round(5)
    volume[rng.random(rows) < 0.1] = 0
    for start, stop in ((0, 60), (rows // 2, rows // 2 + 150)):
        for column in (opened, high, low, close):
            column[start:stop] = close[start]
        volume[start:stop] = 0
    return Bars([opened, high, low, close, volume])


def real(data: Path) -> Bars:
    """The first bars of real BTC."""
    with gzip.open(data / "klines/spot-1m-2025-05_08/BTC_USDT-1m.csv.gz", "rt") as file:
        rows = [line.split(",")[1:6] for line in itertools.islice(file, 1, ROWS + 1)]
    return Bars(np.array(rows, dtype=np.float64).T)


def stepped(feature: Indicator, bars: Bars) -> Any:
    stepper = feature.stream()
    return np.array([stepper.update(*bar) for bar in bars.stepped()])


def bits(values: Any) -> Any:
    return np.ascontiguousarray(values).view(np.int64)


@pytest.fixture(scope="module")
def market(request: pytest.FixtureRequest) -> Bars:
    return real(request.getfixturevalue("data")) if request.param == "real" else seeded()


@pytest.mark.parametrize("market", ["seeded", "real"], indirect=True)
def test_every_function_has_the_same_bits_bar_by_bar_and_never_looks_ahead(market: Bars) -> None:
    assert len(FUNCTIONS) >= 200
    for fn in FUNCTIONS:
        feature = Indicator(fn)
        whole = feature.columns(market)
        assert whole.shape == (ROWS, len(feature.labels)), fn
        assert np.array_equal(bits(whole), bits(stepped(feature, market))), fn
        assert np.isnan(whole[: feature.warmup]).all(), fn
        for rows in (0, 1, feature.warmup, feature.warmup + 1, 777):
            assert np.array_equal(bits(feature.columns(market[:rows])), bits(whole[:rows])), (fn, rows)


def test_what_talib_says_is_what_comes_out() -> None:
    market = seeded()
    for fn in FUNCTIONS:
        feature, function = Indicator(fn), talib.abstract.Function(fn)
        fields = [name for names in function.input_names.values() for name in ([names] if isinstance(names, str) else names)]
        outputs = getattr(talib, fn)(*[getattr(market, name) for name in fields])
        expected = np.column_stack(outputs if isinstance(outputs, tuple | list) else [outputs]).astype(np.float64)
        cold = function.lookback
        assert feature.warmup == cold, fn
        assert np.array_equal(bits(feature.columns(market)[cold:]), bits(expected[cold:])), fn


SETS: list[dict[str, Any]] = [
    {"fn": "RSI", "timeperiod": 2},
    {"fn": "RSI", "timeperiod": 99, "source": "high"},
    {"fn": "SMA", "timeperiod": 1},
    {"fn": "SMA", "timeperiod": 500, "source": "volume"},
    {"fn": "MACD", "fastperiod": 26, "slowperiod": 12, "signalperiod": 1},
    {"fn": "MACDEXT", "fastmatype": "ema", "slowmatype": "wma", "signalmatype": "t3"},
    {"fn": "BBANDS", "timeperiod": 7, "nbdevup": 1.5, "nbdevdn": 3, "matype": "kama"},
    {"fn": "BETA", "source": ("close", "volume")},
    {"fn": "CORREL", "timeperiod": 5, "source": ("open", "close")},
    {"fn": "MA", "timeperiod": 33, "matype": 8},
    {"fn": "STOCH", "fastk_period": 14, "slowk_period": 1, "slowd_period": 9, "slowd_matype": "ema"},
    {"fn": "SAR", "acceleration": 0.1, "maximum": 0.5},
    {"fn": "MAMA", "fastlimit": 0.9, "slowlimit": 0.01},
    {"fn": "CDLMORNINGSTAR", "penetration": 0},
    {"fn": "SUPERTREND", "timeperiod": 3, "multiplier": 1},
    {"fn": "PERCENTILE", "timeperiod": 13, "percentile": 90.0},
    {"fn": "ULTOSC", "timeperiod1": 28, "timeperiod2": 3, "timeperiod3": 9},
]


@pytest.mark.parametrize("given", SETS, ids=lambda given: given["fn"])
def test_other_parameters_have_the_same_bits(given: dict[str, Any]) -> None:
    feature, market = Indicator(**given), seeded(1500)
    whole = feature.columns(market)
    assert np.array_equal(bits(whole), bits(stepped(feature, market)))
    assert not np.isnan(whole[feature.warmup :]).all()


def test_parameters_drawn_at_random_have_the_same_bits() -> None:
    draw, market, runs = random.Random(5), seeded(700), 0
    for fn in FUNCTIONS:
        defaults = talib.abstract.Function(fn).parameters
        for _ in range(4 if defaults else 0):
            given: dict[str, Any] = {}
            for key, default in defaults.items():
                if "matype" in key:
                    given[key] = draw.randrange(14)
                else:
                    given[key] = draw.choice([1, 2, 3, 8, 21, 55] if isinstance(default, int) else [0.0, 0.05, 0.7, 2.0, 50.0])
            if talib.abstract.Function(fn, **given).lookback < 0:
                with pytest.raises(StrategyError, match="TA-Lib refuses"):
                    Indicator(fn, **given)
                continue
            feature = Indicator(fn, **given)
            assert np.array_equal(bits(feature.columns(market)), bits(stepped(feature, market))), feature
            runs += 1
    assert runs > 300


@pytest.mark.parametrize("fn", ["RSI", "MACD", "ATR", "OBV", "SAR", "HT_SINE", "CDLDOJI"])
def test_a_copied_stepper_goes_on_by_itself(fn: str) -> None:
    feature, market = Indicator(fn), seeded(400)
    whole, bars = feature.columns(market), market.stepped()
    for cut in (1, feature.warmup, 200):
        stepper = feature.stream()
        for bar in bars[:cut]:
            stepper.update(*bar)
        twin = copy.deepcopy(stepper)
        for one in (stepper, twin):
            after = np.array([one.update(*bar) for bar in bars[cut:]])
            assert np.array_equal(bits(after), bits(whole[cut:]))


def test_labels() -> None:
    def labels(*args: Any, **kwargs: Any) -> tuple[str, ...]:
        return tuple(Indicator(*args, **kwargs).labels)

    assert labels(fn="RSI", timeperiod=14) == ("rsi_14",)
    assert labels("MACD") == ("macd_12_26_9.macd", "macd_12_26_9.signal", "macd_12_26_9.hist")
    assert labels("MACD", name="m") == ("m.macd", "m.signal", "m.hist")
    assert labels("BBANDS", nbdevup=2.5) == ("bbands_20_2.5_2.upper", "bbands_20_2.5_2.middle", "bbands_20_2.5_2.lower")
    assert labels("MA", timeperiod=9) == ("ma_9",)
    assert labels("MA", timeperiod=9, matype="ema") == ("ma_9_ema",)
    assert labels("SMA", source="volume") == ("sma_30_volume",)
    assert labels("BETA", source=("close", "volume")) == ("beta_5_close_volume",)
    assert labels("OBV") == ("obv",)
    assert labels("HA") == ("ha.open", "ha.high", "ha.low", "ha.close")
    every = [label for fn in FUNCTIONS for label in labels(fn)]
    assert len(every) == len(set(every))


def test_indicators_are_equal_by_what_they_compute() -> None:
    assert Indicator("RSI") == Indicator(fn="RSI", timeperiod=14)
    assert Indicator("RSI") != Indicator("RSI", timeperiod=15)
    assert Indicator("RSI") != Indicator("RSI", source="open")
    assert Indicator("RSI") == Indicator("RSI", source="close")
    assert Indicator("MA", matype="ema") == Indicator("MA", matype=1)
    assert repr(Indicator("SMA", timeperiod=9, source="high")) == "Indicator(fn='SMA', timeperiod=9, source='high')"
    copied = pickle.loads(pickle.dumps(Indicator("MACD", name="m")))
    assert copied == Indicator("MACD", name="m")
    assert np.array_equal(bits(copied.columns(seeded())), bits(Indicator("MACD").columns(seeded())))


def test_numpy_numbers_are_numbers() -> None:
    feature = Indicator("BBANDS", timeperiod=np.int64(5), nbdevup=np.float64(1.5))
    assert feature.name == "bbands_5_1.5_2"


def test_what_is_drawn_over_the_candles() -> None:
    assert Indicator("SMA").on_price
    assert not Indicator("SMA", source="volume").on_price
    assert not Indicator("RSI").on_price
    assert not Indicator("ATR").on_price
    assert Indicator("BBANDS").overlays == Indicator("BBANDS").labels
    assert Indicator("SUPERTREND").overlays == ("supertrend_10_3.supertrend",)
    assert Indicator("SMA", name="my.trend").overlays == ("my.trend",)


def test_candlestick_patterns_are_whole_floats() -> None:
    values = Indicator("CDLDOJI").columns(seeded())
    assert values.dtype == np.float64
    assert set(values[~np.isnan(values)]) <= {-100.0, 0.0, 100.0}
    assert np.isnan(values[0])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"fn": "RSII"}, r"no function 'RSII' \(did you mean 'RSI'\?\)"),
    ({"fn": "rsi"}, r"did you mean 'RSI'"),
    ({"fn": 5}, "no function '5'"),
    ({"fn": ["RSI"]}, "no function"),
    ({"fn": "MAVP"}, "MAVP needs a series of periods"),
    ({"fn": "RSI", "timperiod": 3}, r"no parameter 'timperiod' \(did you mean 'timeperiod'\?\)"),
    ({"fn": "RSI", "nme": "x"}, r"no parameter 'nme' \(did you mean 'name'\?\)"),
    ({"fn": "OBV", "timeperiod": 3}, "no parameter 'timeperiod'"),
    ({"fn": "RSI", "timeperiod": 14.0}, r"timeperiod should be int, not 14\.0"),
    ({"fn": "RSI", "timeperiod": True}, "timeperiod should be int, not True"),
    ({"fn": "RSI", "timeperiod": "14"}, "timeperiod should be int"),
    ({"fn": "RSI", "timeperiod": 0}, r"TA-Lib refuses RSI\(timeperiod=0\)"),
    ({"fn": "RSI", "timeperiod": -(2**31)}, "TA-Lib refuses"),
    ({"fn": "RSI", "timeperiod": 2**40}, "TA-Lib refuses"),
    ({"fn": "SAR", "acceleration": float("nan")}, "acceleration is NaN"),
    ({"fn": "SAR", "acceleration": -4e37}, "TA-Lib refuses"),
    ({"fn": "SAR", "acceleration": -1.0}, "TA-Lib refuses"),
    ({"fn": "MA", "matype": "emma"}, r"no moving average \(did you mean 'ema'\?\)"),
    ({"fn": "MA", "matype": 99}, "TA-Lib refuses"),
    ({"fn": "ATR", "source": "open"}, "ATR always reads high, low, close"),
    ({"fn": "SMA", "source": "clos"}, r"did you mean 'close'"),
    ({"fn": "SMA", "source": 3}, "no field"),
    ({"fn": "SMA", "source": ("high", "low")}, "SMA reads 1 series, source gives 2"),
    ({"fn": "BETA", "source": "close"}, "BETA reads 2 series"),
    ({"fn": "RSI", "name": "\x1b[2J"}, "cannot name a feature"),
]


@pytest.mark.parametrize(("given", "words"), WRONG, ids=[str(given) for given, _ in WRONG])
def test_what_talib_cannot_do_is_refused_clearly(given: dict[str, Any], words: str) -> None:
    with pytest.raises(StrategyError, match=words):
        Indicator(**given)


def test_saying_the_default_source_aloud_is_no_mistake() -> None:
    assert Indicator("ATR", source="close") == Indicator("ATR")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bar_that_is_not_finite_is_refused_and_named(bad: float) -> None:
    market = seeded(200)
    market.close[123] = bad
    with pytest.raises(StrategyError, match=r"close is -?(nan|inf) in row 123"):
        Indicator("SMA").block(market)
    assert np.isfinite(Indicator("OBV").block(seeded(200))).all()
    stepper = Indicator("SMA", timeperiod=3).stream()
    for known in (1.0, 2.0, 3.0):
        stepper.update(1, 1, 1, known, 1)
    with pytest.raises(StrategyError, match="finite"):
        stepper.update(1, 1, 1, bad, 1)
    assert stepper.update(1, 1, 1, 4.0, 1) == (3.0,)


def rsi(close: Any, period: int) -> list[float]:
    """Wilder's definition, written out."""
    changes = np.diff(close)
    up, down = np.maximum(changes, 0), np.maximum(-changes, 0)
    gain, loss = up[:period].mean(), down[:period].mean()
    values = [float("nan")] * period
    for n in range(period - 1, len(changes)):
        if n >= period:
            gain, loss = (gain * (period - 1) + up[n]) / period, (loss * (period - 1) + down[n]) / period
        values.append(100 * gain / (gain + loss))
    return values


def ema(values: Any, period: int) -> list[float]:
    mean = float(np.mean(values[:period]))
    result = [float("nan")] * (period - 1) + [mean]
    for value in values[period:]:
        mean += (value - mean) * 2 / (period + 1)
        result.append(mean)
    return result


@pytest.mark.parametrize(
    ("feature", "oracle"),
    [
        (Indicator("RSI", timeperiod=9), lambda bars: rsi(bars.close, 9)),
        (Indicator("EMA", timeperiod=20), lambda bars: ema(bars.close, 20)),
        (Indicator("MEDPRICE"), lambda bars: (bars.high + bars.low) / 2),
        (
            Indicator("OBV"),
            lambda bars: np.cumsum(np.r_[bars.volume[0], np.sign(np.diff(bars.close)) * bars.volume[1:]]),
        ),
    ],
    ids=["RSI", "EMA", "MEDPRICE", "OBV"],
)
def test_values_agree_with_their_textbook(feature: Indicator, oracle: Callable[[Bars], Any]) -> None:
    bars = seeded(600)[100:]
    np.testing.assert_allclose(feature.columns(bars)[:, 0], oracle(bars), rtol=1e-9, equal_nan=True)


def test_talib_is_loaded_by_the_first_indicator_only() -> None:
    code = (
        "import sys, engine.features\n"
        "assert not {'talib', 'pandas', 'numba'} & set(sys.modules)\n"
        "engine.features.MovingAverage(window=3)\n"
        "assert 'talib' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
