"""Volumes of any size stay exact: what 1e-8 units do not hold is counted in coarser ones."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import RecordingError
from engine.model import INTERVALS, Instrument
from engine.recordings import Bars, Recording, import_files, open_recording, resample, verify, write_recording
from engine.recordings.bars import COLUMNS
from engine.recordings.frames import bars_of_frame
from engine.recordings.units import volumes_from_decimals, volumes_from_floats
from engine.recordings.volumes import settled

MINUTE = INTERVALS["1m"]
YEAR_OF_MINUTES = 365 * 1440
START = 1_735_689_600_000
HEADER = "open_time,open,high,low,close,volume\n"
INT64_MAX = 2**63 - 1


def csv(*volumes: str, first: int = 0, header: str = HEADER) -> str:
    return header + "".join(f"{START + 60_000 * n},1,1,1,1,{volume}\n" for n, volume in enumerate(volumes, first))


def told(bars: Bars) -> list[Decimal]:
    return [Decimal(units).scaleb(-bars.volume_decimals) for units in bars.volume.tolist()]


def plain(*volumes: int, decimals: int = 8, interval: int = MINUTE) -> Bars:
    one = np.ones(len(volumes), np.int64)
    time = np.arange(len(volumes)) * interval
    return Bars(
        time=time, open=one, high=one, low=one, close=one, volume=np.array(volumes), interval=interval, volume_decimals=decimals
    )


KINDS = {
    "plain.csv": lambda volumes: csv(*volumes).encode(),
    "spaced.csv": lambda volumes: csv(*volumes).replace(",1,1,", ", 1,1,").encode(),
    "freqtrade.json": lambda volumes: json.dumps(
        [[START + 60_000 * n, 1, 1, 1, 1, float(volume)] for n, volume in enumerate(volumes)]
    ).encode(),
    "vision.csv": lambda volumes: "".join(
        f"{START + 60_000 * n},1,1,1,1,{volume}.00000000,{START + 60_000 * n + 59_999},1,7,1,1,0\n"
        for n, volume in enumerate(volumes)
    ).encode(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_text_brings_large_volumes_exactly(tmp_path: Path, kind: str) -> None:
    volumes = ["92233720369", "473512345678901", "0", "7"]
    source = tmp_path / kind
    source.write_bytes(KINDS[kind](volumes))
    import_files([source], tmp_path / "r", coin="PEPE/USDT", interval="1m")
    bars = open_recording(tmp_path / "r").bars("PEPEUSDT")
    assert told(bars) == [Decimal(volume) for volume in volumes]
    # a year of four such minutes is 6.2e19, more than 64 bits hold even of whole units
    assert bars.volume_decimals == 0
    assert verify(tmp_path / "r") == []


def test_feather_brings_large_volumes_exactly(tmp_path: Path) -> None:
    volumes = [123_456_789_012.0, 99.5, 1e9]
    time = pd.to_datetime([START + 60_000 * n for n in range(3)], unit="ms", utc=True)
    frame = pd.DataFrame({"date": time, **dict.fromkeys(("open", "high", "low", "close"), 1.0), "volume": volumes})
    frame.to_feather(tmp_path / "PEPE_USDT-1m.feather")
    import_files([tmp_path / "PEPE_USDT-1m.feather"], tmp_path / "r")
    bars = open_recording(tmp_path / "r").bars("PEPEUSDT")
    assert told(bars) == [Decimal(repr(volume)) for volume in volumes]
    assert bars.volume_decimals == 2


@pytest.mark.parametrize("text", ["92233720368.54775807", "92233720368.5477581", "922337203685477580.7", str(INT64_MAX)])
def test_the_reader_takes_all_that_64_bits_hold(text: str) -> None:
    column, dusty, decimals = volumes_from_decimals([Decimal(text), Decimal(0)])
    assert Decimal(int(column[0])).scaleb(-decimals) == Decimal(text)
    assert dusty == 0


def test_digits_that_do_not_fit_are_refused_not_cut(tmp_path: Path) -> None:
    source = tmp_path / "SHIB_USDT-1m.csv"
    source.write_text(csv("473512345678901", "0.00000001"))
    with pytest.raises(RecordingError, match=r"SHIB_USDT-1m\.csv, line 3: volume .* cannot be told exactly in units of 1e-4"):
        import_files([source], tmp_path / "r")
    assert not (tmp_path / "r").exists()
    # one file that is fine alone, beside another that is
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, text in ((one, csv("473512345678901")), (other, csv("5", "0.00000001", first=1))):
        folder.mkdir()
        (folder / source.name).write_text(text)
    import_files([one], tmp_path / "r")
    with pytest.raises(RecordingError, match=r"line 3: volume 0\.00000001 has more digits than 64 bits hold beside"):
        import_files([other], tmp_path / "r")
    assert told(open_recording(tmp_path / "r").bars("SHIBUSDT")) == [473512345678901]


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 8)), min_size=1, max_size=20))
def test_text_and_floats_agree(numbers: list[tuple[int, int]]) -> None:
    exact = [Decimal(n).scaleb(-places) for n, places in numbers]
    assume(max(exact).scaleb(max(places for _, places in numbers)) <= INT64_MAX)
    column, dusty, decimals = volumes_from_decimals(exact)
    assert [Decimal(int(units)).scaleb(-decimals) for units in column] == exact
    floats, _, also = volumes_from_floats(np.array([float(number) for number in exact]))
    assert (floats.tolist(), dusty) == (column.tolist(), 0)
    assert decimals == also


@given(
    st.lists(st.integers(0, 10**18), min_size=1, max_size=20),
    st.integers(0, 8),
    st.sampled_from(["1m", "1h", "1w"]),
)
def test_the_unit_is_the_finest_with_room_for_a_year_else_the_coarsest_that_is_exact(
    volumes: list[int], decimals: int, interval: str
) -> None:
    bars = plain(*volumes, decimals=decimals, interval=INTERVALS[interval])
    its = settled(bars)
    assert told(its) == told(bars)
    yearly = sum(told(bars)) * max(Decimal(1), Decimal(365 * INTERVALS["1d"]) / (len(volumes) * bars.interval))
    # the sum is made in floats, so that on the very edge it may fall either way
    edges = [
        max((d for d in range(9) if yearly * 10**d < INT64_MAX * (1 + slack)), default=0)
        for slack in (Decimal("1e-12"), Decimal("-1e-12"))
    ]
    needed = max(max(0, -volume.normalize().as_tuple().exponent) for volume in told(bars))
    assert its.volume_decimals in [max(needed, roomy) for roomy in edges]


def test_a_long_series_has_room_for_all_of_it() -> None:
    day = INTERVALS["1d"]
    bars = plain(*[9 * 10**15] * 1000, interval=day)  # 9e7 a day for 1000 days: 9e10 fits, 3 years' room is not asked for
    assert settled(bars).volume_decimals == 8
    assert settled(plain(*[9 * 10**15] * 1100, interval=day)).volume_decimals == 7


def test_the_order_of_imports_does_not_matter(tmp_path: Path) -> None:
    files = {}
    for name, text in {
        "a": csv("1.5", "2.25"),
        "b": csv("99999999999999", "5", first=2),
        "c": csv("2.25", "1.125", first=1).replace("1.125", "99999999999999"),
    }.items():
        (tmp_path / name).mkdir()
        files[name] = tmp_path / name / "PEPE_USDT-1m.csv"
        files[name].write_text(text)
    made = []
    for order in ("abc", "cba", "bca"):
        for name in order:
            import_files([files[name]], tmp_path / order)
        made.append(open_recording(tmp_path / order).bars("PEPEUSDT"))
        assert verify(tmp_path / order) == []
    import_files(files.values(), tmp_path / "once")
    once = open_recording(tmp_path / "once").bars("PEPEUSDT")
    assert all(bars == once for bars in made)
    assert told(once) == [Decimal(text) for text in ("1.5", "2.25", "99999999999999", "5")]
    assert once.volume_decimals == 2  # a year would ask for 0


def test_a_recording_says_its_decimals_everywhere(tmp_path: Path) -> None:
    coin = Instrument(coin="PEPEUSDT", base="PEPE", quote="USDT")
    folder = tmp_path / "r"
    write_recording(folder, Recording.from_bars({"PEPEUSDT": plain(10**15, 3, decimals=3)}, {"PEPEUSDT": coin}))
    assert open_recording(folder).bars("PEPEUSDT").volume_decimals == 3
    assert "volume_decimals = 3" in (folder / "manifest.toml").read_text()
    assert pq.read_schema(folder / "PEPEUSDT.bars-1m.parquet").metadata[b"volume_decimals"] == b"3"
    assert verify(folder) == []


def test_decimals_that_contradict_are_found(stored: Path, reseal) -> None:
    manifest = stored / "manifest.toml"
    reseal(manifest, manifest.read_text().replace("volume_decimals = 8", "volume_decimals = 6"))
    assert verify(stored) == ["BTCUSDT.bars-1m.parquet: the decimals of its volumes are not those in the manifest"]
    for wrong in (9, -1):
        reseal(manifest, manifest.read_text().replace("volume_decimals = 6", f"volume_decimals = {wrong}"))
        with pytest.raises(RecordingError, match=f"have {wrong} decimals, which is none of 0 to 8"):
            open_recording(stored)
        reseal(manifest, manifest.read_text().replace(f"volume_decimals = {wrong}", "volume_decimals = 6"))


def test_a_manifest_from_before_there_were_decimals_is_read(stored: Path, reseal) -> None:
    manifest = stored / "manifest.toml"
    before = open_recording(stored).bars("BTCUSDT")
    old = manifest.read_text().replace("10^-volume_decimals of the base asset", "1e-8 of the base asset")
    reseal(manifest, old.replace("volume_decimals = 8\n", ""))
    assert open_recording(stored).bars("BTCUSDT") == before
    assert verify(stored) == []


@pytest.mark.parametrize("decimals", [9, -1])
def test_bars_refuse_decimals_that_are_none(decimals: int) -> None:
    with pytest.raises(RecordingError, match="volumes have 0 to 8 decimals"):
        plain(1, decimals=decimals)


def test_resampling_keeps_the_decimals_and_lowers_them_only_for_a_sum() -> None:
    fits = resample(plain(5, 7, 11, decimals=3), INTERVALS["1h"])
    assert (fits.volume_decimals, fits.volume.tolist()) == (3, [23])
    lowered = resample(plain(6 * 10**18, 5 * 10**18, 120, decimals=3), INTERVALS["1h"])
    assert (lowered.volume_decimals, lowered.volume.tolist()) == (2, [11 * 10**17 + 12])
    rests = resample(plain(6 * 10**18 + 4, 5 * 10**18 + 6, decimals=3), INTERVALS["1h"])
    assert (rests.volume_decimals, rests.volume.tolist()) == (2, [11 * 10**17 + 1])
    for bars in (plain(6 * 10**18, 5 * 10**18 + 1, decimals=3), plain(2**62, 2**62, decimals=0)):
        with pytest.raises(RecordingError, match="the volume of a 1h bar does not fit 64 bits"):
            resample(bars, INTERVALS["1h"])
    part = plain(5, 7, decimals=3)
    assert part[:1].volume_decimals == resample(part, MINUTE).volume_decimals == 3
    assert part != plain(5, 7)


def frame(*volumes: float) -> pd.DataFrame:
    index = pd.date_range("2025-01-01", periods=len(volumes), freq="1min")
    return pd.DataFrame({name: 1.0 for name in COLUMNS[1:5]} | {"volume": volumes}, index=index)


def test_frames_bring_large_volumes() -> None:
    volumes = [473_512_345_678.0, 12.0, 0.0]
    assert told(bars_of_frame("PEPEUSDT", frame(*volumes))) == [Decimal(volume) for volume in volumes]
    made_up = [473_512_345_678.123456, 1 / 3]
    bars = bars_of_frame("PEPEUSDT", frame(*made_up))
    assert [float(volume) for volume in told(bars)] == pytest.approx(made_up, abs=10.0**-bars.volume_decimals)
    assert bars.volume_decimals == 4
    with pytest.raises(RecordingError, match=r"PEPEUSDT, row 1, 2025-01-01 00:01:00: volume nan is not a finite number"):
        bars_of_frame("PEPEUSDT", frame(1.0, float("nan")))
    with pytest.raises(RecordingError, match="does not fit 64 bits in whole units"):
        bars_of_frame("PEPEUSDT", frame(1.0, 1e19))
    with pytest.raises(RecordingError, match="volume below zero"):
        bars_of_frame("PEPEUSDT", frame(1.0, -1e12))
