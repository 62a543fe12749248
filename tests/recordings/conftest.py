"""Bars made by a seeded generator, in memory and as other tools write them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine.model import INTERVALS, Instrument
from engine.recordings import Bars, Recording, write_recording

START = 1_735_689_600 * 10**9  # 2025-01-01

MakeBars = Callable[..., Bars]


def bars_of(rows: int = 50, *, seed: int = 0, interval: str = "1m", start: int = START, keep: float = 1.0) -> Bars:
    """Bars of a random walk in cents; with `keep` below 1, that share of them at random."""
    rng = np.random.default_rng(seed)
    close = 1_000_000 + np.cumsum(rng.integers(-500, 501, rows))
    open_ = np.concatenate(([1_000_000], close[:-1]))
    high = np.maximum(open_, close) + rng.integers(0, 300, rows)
    low = np.minimum(open_, close) - rng.integers(0, 300, rows)
    time = start + np.arange(rows) * INTERVALS[interval]
    there = rng.random(rows) < keep
    there[0] = True
    prices = {
        name: (column * 10**6)[there]
        for name, column in zip(("open", "high", "low", "close"), (open_, high, low, close), strict=True)
    }
    return Bars(time=time[there], **prices, volume=(rng.integers(0, 10**7, rows) * 1000)[there], interval=INTERVALS[interval])


def text_of(units: int) -> str:
    """A count of 1e-8 as plain decimal text without trailing zeros."""
    text = format(Decimal(units).scaleb(-8), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def csv_of(bars: Bars, *, unit: int = 10**6, header: bool = True) -> str:
    """Bars as plain CSV; `unit` is how many ns its times count."""
    lines = ["open_time,open,high,low,close,volume"] if header else []
    for row in zip(*(getattr(bars, name).tolist() for name in ("time", "open", "high", "low", "close", "volume")), strict=True):
        lines.append(",".join([str(row[0] // unit), *map(text_of, row[1:])]))
    return "\n".join(lines) + "\n"


def vision_of(bars: Bars, *, unit: int = 10**6) -> str:
    """Bars as data.binance.vision writes spot klines."""
    lines = []
    for row in zip(*(getattr(bars, name).tolist() for name in ("time", "open", "high", "low", "close", "volume")), strict=True):
        prices = [format(Decimal(units).scaleb(-8), ".8f") for units in row[1:]]
        closes = (row[0] + bars.interval) // unit - 1
        lines.append(",".join([str(row[0] // unit), *prices, str(closes), "1.00000000", "7", "0.50000000", "0.50000000", "0"]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def make_bars() -> MakeBars:
    return bars_of


@pytest.fixture
def instrument() -> Instrument:
    return Instrument(coin="BTCUSDT", base="BTC", quote="USDT", tick=10**6, lot=1000, min_notional=5 * 10**8)


@pytest.fixture
def stored(tmp_path: Path, instrument: Instrument) -> Path:
    """A small recording on disk: one coin, 300 bars with gaps."""
    recording = Recording.from_bars({"BTCUSDT": bars_of(300, keep=0.9)}, {"BTCUSDT": instrument}, source="a test")
    folder = tmp_path / "small"
    write_recording(folder, recording)
    return folder


@pytest.fixture
def reseal() -> Callable[[Path, str], None]:
    """Write an edited manifest with a checksum line that fits it."""

    def write(manifest: Path, text: str) -> None:
        body = text.rpartition("# sha256 of everything above: ")[0].encode()
        manifest.write_bytes(body + b"# sha256 of everything above: " + hashlib.sha256(body).hexdigest().encode() + b"\n")

    return write


@pytest.fixture
def as_csv() -> Callable[..., str]:
    return csv_of


@pytest.fixture
def as_vision() -> Callable[..., str]:
    return vision_of
