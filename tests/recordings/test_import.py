"""Importing: recordings are made, extended and merged; contradictions and mixtures are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import RecordingError, UsageError
from engine.model import INTERVALS
from engine.recordings import find_recording, import_files, open_recording, verify, write_recording
from engine.recordings import manifest as manifests
from engine.recordings.recording import Recording

HEADER = "open_time,open,high,low,close,volume\n"


@pytest.fixture
def put(tmp_path: Path, as_csv, as_vision):
    """Write bars as a file of this name, plain or as an archive, into a folder of its own."""
    count = iter(range(100))

    def write(name: str, bars, vision: bool = False) -> Path:
        path = tmp_path / f"source{next(count)}" / name
        path.parent.mkdir()
        path.write_text((as_vision if vision else as_csv)(bars))
        return path

    return write


def test_pieces_in_any_order_become_one(put, make_bars, tmp_path: Path) -> None:
    bars = make_bars(300)
    pieces = [put("BTC_USDT-1m.csv", bars[a:b]) for a, b in ((200, 300), (0, 120), (100, 210))]
    summary = import_files(pieces, tmp_path / "r")
    (coin,) = summary.coins
    assert (coin.rows, coin.added, coin.duplicates_dropped, coin.gaps) == (300, 300, 30, [])
    assert (coin.start, coin.end) == ("2025-01-01 00:00:00", "2025-01-01 05:00:00")
    assert open_recording(tmp_path / "r").bars("BTCUSDT") == bars
    assert verify(tmp_path / "r") == []


def test_extending_and_adding_a_coin(put, make_bars, tmp_path: Path) -> None:
    bars, other = make_bars(200, seed=1), make_bars(100, seed=2)
    folder = tmp_path / "r"
    import_files([put("BTC_USDT-1m.csv", bars[:120])], folder)
    again = import_files([put("BTC_USDT-1m.csv", bars[100:]), put("ETH_USDT-1m.csv", other)], folder)
    assert [(coin.coin, coin.rows, coin.added, coin.duplicates_dropped) for coin in again.coins] == [
        ("BTCUSDT", 200, 80, 20),
        ("ETHUSDT", 100, 100, 0),
    ]
    recording = open_recording(folder)
    assert recording.coins == ("BTCUSDT", "ETHUSDT")
    assert recording.bars("BTCUSDT") == bars
    assert recording.bars("ETHUSDT") == other
    assert verify(folder) == []
    assert [source.rows for source in manifests.load(folder).sources] == [120, 100, 100]
    nothing_new = import_files([put("BTC_USDT-1m.csv", bars)], folder)
    assert (nothing_new.coins[0].added, nothing_new.coins[0].duplicates_dropped) == (0, 200)
    assert verify(folder) == []


def test_a_contradiction_names_both_places(put, make_bars, tmp_path: Path, as_csv) -> None:
    bars = make_bars(10)
    good = put("BTC_USDT-1m.csv", bars)
    lines = as_csv(bars).splitlines()
    other = tmp_path / "BTC_USDT-1m.csv"
    other.write_text("\n".join([lines[0], lines[5].rpartition(",")[0] + ",0.001", lines[6]]))
    with pytest.raises(
        RecordingError,
        match=r"BTC_USDT-1m.csv, line 2 has another bar of 2025-01-01 00:04:00 than BTC_USDT-1m.csv, line 6 \(volume",
    ):
        import_files([good, other], tmp_path / "r")
    import_files([good], tmp_path / "r")
    with pytest.raises(
        RecordingError, match=r"BTC_USDT-1m.csv, line 2 has another bar of .* than the recording \(volume differs\)"
    ):
        import_files([other], tmp_path / "r")
    assert open_recording(tmp_path / "r").bars("BTCUSDT") == bars


def test_gaps_are_listed(put, make_bars, tmp_path: Path) -> None:
    bars = make_bars(100, keep=0.9)
    summary = import_files([put("BTC_USDT-1m.csv", bars)], tmp_path / "r")
    gaps = open_recording(tmp_path / "r").gaps("BTCUSDT")
    assert sum(gap.missing for gap in gaps) == 100 - len(bars) - (
        100 - 1 - int((bars.time[-1] - bars.time[0]) // INTERVALS["1m"])
    )
    assert [missing for *_, missing in summary.coins[0].gaps] == [gap.missing for gap in gaps]
    assert manifests.load(tmp_path / "r").files[0].gaps[0].missing == gaps[0].missing


def test_two_intervals_of_a_coin(put, make_bars, tmp_path: Path) -> None:
    minutes, hours = make_bars(120), make_bars(24, interval="1h", seed=4)
    import_files([put("BTC_USDT-1h.csv", hours), put("BTC_USDT-1m.csv", minutes)], tmp_path / "r")
    recording = open_recording(tmp_path / "r")
    assert recording.intervals("BTCUSDT") == ("1m", "1h")
    assert recording.interval == "1m"
    assert recording.bars("BTCUSDT", "1h") == hours
    assert recording.bars("BTCUSDT") == minutes


def test_filters_are_inferred_or_given_and_the_manifest_says_so(put, make_bars, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    bars = make_bars(60)
    summary = import_files([put("BTC_USDT-1m.csv", bars[:50])], folder)
    (coin,) = manifests.load(folder).coins
    assert (coin.tick, coin.lot, coin.min_notional) == ("0.01", "0.00000001", "0")
    assert coin.inferred == ["tick", "lot", "min_notional"]
    assert any("were not given" in note for note in summary.notes)
    import_files([put("BTC_USDT-1m.csv", bars[:50])], folder, lot="0.00001", min_notional=5)
    (coin,) = manifests.load(folder).coins
    assert (coin.tick, coin.lot, coin.min_notional, coin.inferred) == ("0.01", "0.00001", "5", ["tick"])
    # A later import without filters keeps those that were given.
    summary = import_files([put("BTC_USDT-1m.csv", bars)], folder, tick="0.1")
    (coin,) = manifests.load(folder).coins
    assert (coin.tick, coin.lot, coin.min_notional, coin.inferred) == ("0.1", "0.00001", "5", [])
    assert any("finer than its tick of 0.1" in note for note in summary.notes)
    assert not any("were not given" in note for note in summary.notes)
    instrument = open_recording(folder).instruments["BTCUSDT"]
    assert (instrument.tick, instrument.lot, instrument.min_notional) == (10**7, 1000, 5 * 10**8)


@pytest.mark.parametrize(
    "filters", [{"tick": "0"}, {"lot": "-1"}, {"tick": "0.000000001"}, {"lot": "nan"}, {"min_notional": "five"}]
)
def test_filters_that_are_none(put, make_bars, tmp_path: Path, filters: dict) -> None:
    with pytest.raises(UsageError, match="is not an amount in steps of 1e-8"):
        import_files([put("BTC_USDT-1m.csv", make_bars(5))], tmp_path / "r", **filters)
    assert not (tmp_path / "r").exists()


def test_coin_and_interval_from_names_or_given(put, make_bars, tmp_path: Path) -> None:
    bars = make_bars(5)
    with pytest.raises(RecordingError, match=r"mine\.csv: its name does not tell the coin"):
        import_files([put("mine.csv", bars)], tmp_path / "r")
    with pytest.raises(RecordingError, match=r"mine\.csv: its name does not tell the interval"):
        import_files([put("mine.csv", bars)], tmp_path / "r", coin="BTC/USDT")
    with pytest.raises(RecordingError, match=r"line 3: its bars are 1m apart, not 5m") as error:
        import_files([put("BTC_USDT-5m.csv", bars)], tmp_path / "r")
    assert error.value.hint == "say --interval 1m if that is what they are"
    import_files([put("mine.csv", bars)], tmp_path / "r", interval="1m", coin="WIF/EURI")
    instrument = open_recording(tmp_path / "r").instruments["WIFEURI"]
    assert (instrument.base, instrument.quote) == ("WIF", "EURI")
    with pytest.raises(RecordingError, match=r"WIFEURI is WIFE/URI here and WIF/EURI before"):
        import_files([put("x.csv", bars)], tmp_path / "r", interval="1m", coin="WIFE/URI")


def test_a_coin_that_contradicts_the_name_is_refused_and_both_are_named(put, make_bars, tmp_path: Path) -> None:
    bars = make_bars(5)
    for name in ("ETHUSDT-1m-2025-01.csv", "ETH_USDT-1m.csv"):
        file = put(name, bars, vision=name.startswith("ETHUSDT"))
        with pytest.raises(RecordingError) as error:
            import_files([file], tmp_path / "r", coin="BTC/USDT")
        assert error.value.message == f"{name} is of ETHUSDT by its name, and of BTCUSDT by --coin"
        assert not (tmp_path / "r").exists()
        assert import_files([file], tmp_path / name, coin="ETHUSDT").coins[0].coin == "ETHUSDT"


def test_a_file_is_looked_for_before_its_name_is_judged(put, make_bars, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"^there is no file .*nothing\.csv"):
        import_files([put("BTC_USDT-1m.csv", make_bars(5)), tmp_path / "nothing.csv"], tmp_path / "r")


def test_a_recording_holds_one_kind_of_market(put, make_bars, tmp_path: Path) -> None:
    bars = make_bars(5)
    spot = put("BTCUSDT-1m-2025-01.csv", bars, vision=True)
    import_files([spot], tmp_path / "spot")
    assert open_recording(tmp_path / "spot").spot
    import_files([put("BTC_USDT_USDT-1m-futures.csv", bars)], tmp_path / "futures")
    assert not open_recording(tmp_path / "futures").spot
    with pytest.raises(RecordingError, match="is of a spot market, the recording is not"):
        import_files([spot], tmp_path / "futures")
    import_files([spot], tmp_path / "said", spot=False)
    assert not open_recording(tmp_path / "said").spot
    # A file that does not tell goes by what is there.
    import_files([put("ETH_USDT-1m.csv", bars)], tmp_path / "futures")
    assert not open_recording(tmp_path / "futures").spot


def test_real_data_do_not_go_into_a_synthetic_recording(put, make_bars, tmp_path: Path, instrument) -> None:
    made = Recording.from_bars({"BTCUSDT": make_bars(5)}, {"BTCUSDT": instrument}, synthetic=True)
    write_recording(tmp_path / "made", made)
    with pytest.raises(RecordingError, match="is synthetic"):
        import_files([put("BTC_USDT-1m.csv", make_bars(5))], tmp_path / "made")


def test_folders_mean_what_is_in_them(put, make_bars, tmp_path: Path) -> None:
    bars = make_bars(20)
    folder = put("BTC_USDT-1m.csv", bars[:10]).parent
    put("BTC_USDT-1m.csv", bars[10:]).rename(folder / "BTC_USDT-1m.csv.CHECKSUM.csv")
    (folder / "BTC_USDT-1m.csv.CHECKSUM.csv").rename(folder / "BTCUSDT-1m-2025-01.csv")
    (folder / "notes.txt").write_text("not mine")
    seen: list[tuple[str, int, int]] = []
    summary = import_files([folder], tmp_path / "r", progress=lambda *told: seen.append(told))
    assert (summary.files, summary.coins[0].rows) == (2, 20)
    assert seen == [("BTCUSDT-1m-2025-01.csv", 1, 2), ("BTC_USDT-1m.csv", 2, 2)]
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match="nothing that can be imported"):
        import_files([tmp_path / "empty"], tmp_path / "r")
    with pytest.raises(UsageError, match="nothing to import"):
        import_files([], tmp_path / "r")


def test_bars_without_volume_that_moved_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "BTC_USDT-1m.csv"
    path.write_text(HEADER + "1735689600000,10,12,9,11,0\n1735689660000,11,11,11,11,0\n")
    summary = import_files([path], tmp_path / "r")
    assert summary.notes[0].endswith("no volume though the price moved, in 1 bars, the first that of 2025-01-01 00:00:00")
    assert open_recording(tmp_path / "r").notes == summary.notes


def test_source_names_are_fit_for_a_terminal(tmp_path: Path, make_bars, as_csv) -> None:
    path = tmp_path / "e\x1b[31mvil\u202e.csv"
    path.write_text(as_csv(make_bars(3)))
    import_files([path], tmp_path / "r", coin="BTC/USDT", interval="1m")
    assert manifests.load(tmp_path / "r").sources[0].file == "e\ufffd[31mvil\ufffd.csv"
    path.write_text("x")
    with pytest.raises(RecordingError) as error:
        import_files([path], tmp_path / "r", coin="BTC/USDT", interval="1m")
    assert "\x1b" not in str(error.value)


def test_an_imported_recording_is_found(put, make_bars, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_files([put("BTC_USDT-1m.csv", make_bars(5))], tmp_path / "recordings" / "mine")
    monkeypatch.chdir(tmp_path)
    assert find_recording("mine").resolve() == tmp_path / "recordings" / "mine"
