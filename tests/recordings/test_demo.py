"""The bundled demo: made by the generator bit for bit, small, labelled, and lively enough to be worth watching."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.paths import bundled
from engine.recordings import Recording, open_recording, verify
from engine.recordings.demo import Dice, make_demo

DEMO = bundled() / "recordings" / "demo"


@pytest.fixture(scope="module")
def demo() -> Recording:
    return open_recording(DEMO)


def test_the_generator_remakes_it_bit_for_bit(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "engine.recordings.demo", str(tmp_path / "demo")], check=True, timeout=60)
    files = sorted(path.name for path in DEMO.iterdir())
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == files
    made, shipped = make_demo(), open_recording(DEMO)
    for coin in made.coins:
        assert made.bars(coin) == shipped.bars(coin)
    # Another version of the library may pack the same numbers into other bytes.
    writer = {pq.read_metadata(folder / "BTCUSDT.bars-1m.parquet").created_by for folder in (DEMO, tmp_path / "demo")}
    if len(writer) == 1:
        for name in files:
            assert (tmp_path / "demo" / name).read_bytes() == (DEMO / name).read_bytes(), name


def test_it_is_whole_small_and_labelled(demo: Recording) -> None:
    assert verify(DEMO) == []
    assert sum(path.stat().st_size for path in DEMO.iterdir()) < 1_500_000
    assert (demo.synthetic, demo.spot, demo.interval) == (True, True, "1m")
    assert demo.coins == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    assert demo.end - demo.start == 14 * 86_400 * 10**9
    for instrument in demo.instruments.values():
        assert instrument.tick == 10**6
        assert instrument.min_notional == 5 * 10**8
        bars = demo.bars(instrument.coin)
        for name in ("open", "high", "low", "close"):
            assert not np.any(bars.column(name) % instrument.tick)
        assert not np.any(bars.volume % instrument.lot)
        assert bars.volume.min() > 0


def test_its_one_outage_is_the_same_for_all(demo: Recording) -> None:
    gaps = [demo.gaps(coin) for coin in demo.coins]
    assert gaps[0] == gaps[1] == gaps[2]
    (gap,) = gaps[0]
    assert gap.missing == 273


def test_it_moves_as_markets_do(demo: Recording) -> None:
    returns = np.array([np.diff(np.log(demo.bars(coin).close / 1e8)) for coin in demo.coins])
    between = np.corrcoef(returns)
    assert between[np.triu_indices(3, 1)].min() > 0.6
    assert between[np.triu_indices(3, 1)].max() < 0.97
    for row in returns:
        assert 0.0003 < row.std() < 0.0015
        assert abs(row).max() > 0.008  # a jump
        tails = ((row - row.mean()) ** 4).mean() / row.var() ** 2
        assert tails > 10
        quarters = np.array([part.std() for part in np.array_split(row, 56)])
        assert np.quantile(quarters, 0.9) > 1.8 * np.quantile(quarters, 0.1)  # calm and storm


def test_dice_are_fair_and_streams_are_apart() -> None:
    dice = Dice(1)
    a, b = dice.uniform(100_000), dice.uniform(100_000)
    assert abs(a.mean() - 0.5) < 0.005
    assert abs(a.var() - 1 / 12) < 0.002
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.02
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.02
    normal = dice.normal(100_000)
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02
    # The first numbers of splitmix64 with this start, by plain integers.
    state = (1 * 0x9E3779B97F4A7C15 + (1 << 40)) % 2**64
    x = (state + 1) * 0x9E3779B97F4A7C15 % 2**64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
    assert a[0] == ((x ^ (x >> 31)) >> 11) / 2**53
