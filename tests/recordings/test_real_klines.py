"""Proof on real data: every kline set is imported, and whatever tells of the same bars agrees to the last digit."""

from __future__ import annotations

import gzip
import json
import shutil
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.errors import RecordingError
from engine.model import INTERVALS
from engine.recordings import Bars, Gap, Recording, Summary, import_files, open_recording, resample, verify
from engine.recordings.bars import COLUMNS

MINUTE = INTERVALS["1m"]


def ns(text: str) -> int:
    return int(pd.Timestamp(text, tz="UTC").value)


@pytest.fixture(scope="module")
def imported(data: Path, tmp_path_factory: pytest.TempPathFactory):
    """Import files of the shared data once; returns the recording and what the import said."""
    made: dict[tuple[str, ...], tuple[Recording, Summary]] = {}

    def get(*names: str, **options: str) -> tuple[Recording, Summary]:
        if names not in made:
            folder = tmp_path_factory.mktemp("real") / "recording"
            sources = [path for name in names for path in sorted((data / "klines").glob(name))]
            assert sources, names
            summary = import_files(sources, folder, **options)
            assert verify(folder) == []
            made[names] = open_recording(folder), summary
        return made[names]

    return get


def exact_rows(bars: Bars) -> list[tuple[int, ...]]:
    """Rows with the volume counting 1e-8, whatever it counts in the bars."""
    columns = [bars.column(name).tolist() for name in COLUMNS[:-1]]
    return list(zip(*columns, [volume * 10 ** (8 - bars.volume_decimals) for volume in bars.volume.tolist()], strict=True))


def by_pandas(bars: Bars, rule: str) -> list[tuple[int, ...]]:
    frame = pd.DataFrame({name: bars.column(name) for name in COLUMNS[1:]}, index=pd.to_datetime(bars.time, utc=True))
    frame["volume"] = [int(volume) * 10 ** (8 - bars.volume_decimals) for volume in bars.volume]
    frame = frame.astype({"volume": object})
    groups = frame.resample(rule, label="left", closed="left")
    how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    longer = groups.agg(how)[groups.size() > 0]
    columns = (map(int, longer[name].tolist()) for name in COLUMNS[1:])
    return list(zip(longer.index.as_unit("ns").asi8.tolist(), *columns, strict=True))


KNOWN = {
    "spot-1m-2021-04_05/*": {
        "BTCUSDT": (42915, [("2021-04-25 04:01", "2021-04-25 08:45", 284)]),
        "DOGEUSDT": (42915, [("2021-04-25 04:01", "2021-04-25 08:45", 284)]),
        "ETHUSDT": (42915, [("2021-04-25 04:01", "2021-04-25 08:45", 284)]),
        "XRPUSDT": (42916, [("2021-04-25 04:02", "2021-04-25 08:45", 283)]),
    },
    "spot-1m-2024-07_08/*.feather": {"BTCUSDT": (43209, []), "ETHUSDT": (43208, [])},
    "spot-1m-2025-05_08/*.feather": {"BTCUSDT": (130708, []), "ETHUSDT": (130708, [])},
    "spot-5m-2022-12_2023-10/*.feather": {
        coin: (87983, [("2023-03-24 12:40", "2023-03-24 14:00", 16)]) for coin in ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    },
    "vision-spot-1h/*": {"BTCUSDT": (5088, [])},
    "vision-spot-1m/*.zip": {"BTCUSDT": (4320, [])},
    "vision-um-1m/*": {"AVAXUSDT": (43200, []), "FILUSDT": (43200, []), "NEARUSDT": (43200, [])},
}


@pytest.mark.parametrize("names", KNOWN)
def test_known_gaps_are_found_and_no_others(imported, names: str) -> None:
    recording, summary = imported(names)
    known = KNOWN[names]
    assert recording.coins == tuple(known)
    for coin, (rows, gaps) in known.items():
        assert len(recording.bars(coin)) == rows
        assert recording.gaps(coin) == [Gap(ns(start), ns(end), missing) for start, end, missing in gaps]
        time = recording.bars(coin).time
        missing = sum(gap.missing for gap in recording.gaps(coin))
        assert (time[-1] - time[0]) // recording.bars(coin).interval + 1 == rows + missing
    assert all(coin.duplicates_dropped == coin.rows_sorted == 0 for coin in summary.coins)
    assert recording.spot == ("um" not in names)


@pytest.mark.parametrize("folder", ["spot-1m-2024-07_08", "spot-1m-2025-05_08", "spot-5m-2022-12_2023-10"])
def test_csv_and_feather_twins_are_equal(imported, folder: str) -> None:
    feather, _ = imported(f"{folder}/*.feather")
    text, _ = imported(f"{folder}/*.csv.gz")
    assert feather.coins == text.coins
    assert feather.instruments == text.instruments
    for coin in feather.coins:
        assert feather.bars(coin) == text.bars(coin)


def test_feather_is_what_pandas_reads(imported, data: Path) -> None:
    recording, _ = imported("spot-1m-2024-07_08/*.feather")
    frame = pd.read_feather(data / "klines/spot-1m-2024-07_08/BTC_USDT-1m.feather")
    bars = recording.bars("BTCUSDT")
    assert bars.time.tolist() == [int(moment.value) for moment in frame["date"]]
    for name in COLUMNS[1:]:
        assert bars.column(name).tolist() == [int(Decimal(repr(value)).scaleb(8)) for value in frame[name].tolist()]


@pytest.mark.parametrize("coin", ["DOGE", "XRP"])
def test_json_with_dust_means_the_floats_it_was_written_from(imported, data: Path, coin: str) -> None:
    recording, summary = imported("spot-1m-2021-04_05/*")
    rows = json.loads(gzip.decompress((data / f"klines/spot-1m-2021-04_05/{coin}_USDT-1m.json.gz").read_bytes()))
    wanted = [(row[0] * 10**6, *(int(Decimal(repr(float(value))).scaleb(8)) for value in row[1:])) for row in rows]
    assert exact_rows(recording.bars(f"{coin}USDT")) == wanted
    assert any(note.startswith(f"{coin}_USDT-1m.json.gz: floating-point dust") for note in summary.notes)


def test_hours_join_across_the_switch_from_ms_to_us(imported, data: Path) -> None:
    recording, _ = imported("vision-spot-1h/*")
    bars = recording.bars("BTCUSDT")
    assert np.all(np.diff(bars.time) == INTERVALS["1h"])
    assert (recording.start, recording.end) == (ns("2024-11-01"), ns("2025-06-01"))
    lines = b"".join(path.read_bytes() for path in sorted((data / "klines/vision-spot-1h").iterdir())).decode().splitlines()
    for row, line in zip(exact_rows(bars), lines, strict=True):
        fields = line.split(",")
        assert row[1:] == tuple(int(Decimal(field).scaleb(8)) for field in fields[1:6])
        assert row[0] == int(fields[0]) * (10**6 if len(fields[0]) == 13 else 10**3)


def test_minutes_of_one_source_are_the_hours_of_another(imported) -> None:
    minutes = imported("spot-1m-2025-05_08/*.feather")[0].bars("BTCUSDT")
    hours = imported("vision-spot-1h/*")[0].bars("BTCUSDT")
    made = resample(minutes, INTERVALS["1h"])
    both = np.intersect1d(made.time, hours.time)
    assert both.size == 12 * 24
    for name in COLUMNS:
        assert np.array_equal(made.column(name)[np.isin(made.time, both)], hours.column(name)[np.isin(hours.time, both)])


def test_minutes_of_one_source_are_the_days_of_another(imported) -> None:
    minutes = imported("vision-spot-1m/*.zip")[0].bars("BTCUSDT")
    days = imported("other/*.csv", coin="BTCUSDT", interval="1d")[0].bars("BTCUSDT")
    assert resample(minutes, INTERVALS["1d"]) == days[:3]


def trades(data: Path, coin: str) -> list[tuple[int, Decimal, Decimal]]:
    found = []
    for path in sorted((data / "raw-ws/hftbacktest").glob(f"spot_{coin}_*.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            if b"@trade" in line:
                trade = json.loads(line.partition(b" ")[2])["data"]
                found.append((trade["T"], Decimal(trade["p"]), Decimal(trade["q"])))
    return found


@pytest.mark.parametrize(("coin", "first", "last"), [("BTC", "23:55", "00:05"), ("ETH", "23:55", "00:00")])
def test_bars_are_the_trades_they_were_made_of(imported, data: Path, coin: str, first: str, last: str) -> None:
    minutes = imported("spot-1m-2024-07_08/*.feather")[0].bars(f"{coin}USDT")
    ticks = trades(data, f"{coin.lower()}usdt")
    start = ns(f"2024-08-08 {first}")
    end = ns(f"2024-08-{'08' if last > first else '09'} {last}")
    for interval in ("1m", "5m"):
        length = INTERVALS[interval]
        bars = resample(minutes, length)
        rows = {row[0]: row[1:] for row in exact_rows(bars)}
        for opening in range(start, end, length):
            inside = [trade for trade in ticks if opening <= trade[0] * 10**6 < opening + length]
            prices = [price for _, price, _ in inside]
            wanted = prices[0], max(prices), min(prices), prices[-1], sum(amount for *_, amount in inside)
            assert rows[opening] == tuple(int(number.scaleb(8)) for number in wanted)


@pytest.mark.parametrize(
    ("names", "coin"),
    [("spot-1m-2025-05_08/*.feather", "BTCUSDT"), ("spot-1m-2021-04_05/*", "DOGEUSDT"), ("vision-um-1m/*", "FILUSDT")],
)
def test_resampling_agrees_with_pandas(imported, names: str, coin: str) -> None:
    bars = imported(names)[0].bars(coin)
    for interval, rule in (("5m", "5min"), ("1h", "1h"), ("1d", "D")):
        assert exact_rows(resample(bars, INTERVALS[interval])) == by_pandas(bars, rule)


def test_a_week_of_doge_is_told_exactly_though_1e8_units_do_not_hold_it(imported) -> None:
    recording, _ = imported("spot-1m-2021-04_05/*")
    decimals = {coin: recording.bars(coin).volume_decimals for coin in recording.coins}
    assert decimals == {"BTCUSDT": 8, "DOGEUSDT": 6, "ETHUSDT": 8, "XRPUSDT": 7}
    for coin in recording.coins:
        assert exact_rows(recording.bars(coin, "1w")) == by_pandas(recording.bars(coin), "W-MON")
    assert max(row[-1] for row in exact_rows(recording.bars("DOGEUSDT", "1w"))) > 2**63


def test_ticks_are_those_of_the_market(imported) -> None:
    assert {coin: its.tick for coin, its in imported("vision-um-1m/*")[0].instruments.items()} == {
        "AVAXUSDT": 10**5,
        "FILUSDT": 10**5,
        "NEARUSDT": 10**5,
    }
    assert imported("spot-1m-2024-07_08/*.feather")[0].instruments["BTCUSDT"].tick == 10**6
    assert imported("spot-1m-2021-04_05/*")[0].instruments["XRPUSDT"].tick == 10**3


def test_the_dirty_day_is_noted(imported) -> None:
    _, summary = imported("other/*.csv", coin="BTCUSDT", interval="1d")
    assert summary.notes[0] == (
        "binance_btcusdt_day_2020.csv: no volume though the price moved, in 1 bars, the first that of 2020-02-29 00:00:00"
    )


def test_a_layout_that_does_not_say_its_columns_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"line 1: 6 columns and no header"):
        import_files(sorted((data / "klines/other").glob("lean_*")), tmp_path / "r", coin="BTCBUSD", interval="1m")


def test_official_checksums_are_compared(data: Path, tmp_path: Path) -> None:
    source = data / "klines/vision-spot-1m/BTCUSDT-1m-2020-01-01.zip"
    for path in (source, source.with_name(source.name + ".CHECKSUM")):
        shutil.copy(path, tmp_path / path.name)
    other = data / "klines/vision-spot-1m/BTCUSDT-1m-2020-01-02.zip.CHECKSUM"
    import_files([tmp_path / source.name], tmp_path / "r")
    shutil.copy(other, tmp_path / f"{source.name}.CHECKSUM")
    with pytest.raises(RecordingError, match=r"BTCUSDT-1m-2020-01-01\.zip is damaged: its sha256"):
        import_files([tmp_path / source.name], tmp_path / "s")


def test_several_months_and_a_twin_are_one_recording(data: Path, tmp_path: Path, imported) -> None:
    whole = imported("vision-spot-1h/*")[0].bars("BTCUSDT")
    for path in sorted((data / "klines/vision-spot-1h").iterdir(), reverse=True):
        import_files([path], tmp_path / "r")
    assert open_recording(tmp_path / "r").bars("BTCUSDT") == whole
    assert verify(tmp_path / "r") == []
