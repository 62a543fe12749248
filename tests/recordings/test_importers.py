"""Each kind of file is read exactly; whatever is wrong is refused with file, line and reason."""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from engine.errors import RecordingError
from engine.recordings import Bars
from engine.recordings.bars import COLUMNS
from engine.recordings.importers import read_file, source
from engine.recordings.importers.table import make_part
from engine.recordings.names import Symbol

BTC = Symbol("BTCUSDT", "BTC", "USDT")
HEADER = "open_time,open,high,low,close,volume\n"
VISION_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
)
ROW = "1735689600000,10,12,9,11,1.5\n"


def bars_in(path: Path, like: Bars) -> Bars:
    return make_part(BTC, like.interval, read_file(path)[1], None).bars


def feather_of(bars: Bars, path: Path, **changes: object) -> Path:
    frame = pd.DataFrame({name: bars.column(name) / 1e8 for name in COLUMNS[1:]})
    frame.insert(0, "date", pd.to_datetime(bars.time, utc=True))
    for name, column in changes.items():
        frame[name] = column
    frame.to_feather(path)
    return path


def json_of(bars: Bars, *, spaces: bool = False) -> bytes:
    rows = [
        [time // 10**6, *(units / 1e8 for units in rest)]
        for time, *rest in zip(*(bars.column(name).tolist() for name in COLUMNS), strict=True)
    ]
    return json.dumps(rows, separators=None if spaces else (",", ":")).encode()


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9], ids=["ns", "us", "ms", "s"])
@pytest.mark.parametrize("keep", [1.0, 0.8])
def test_every_kind_gives_the_same_bars(make_bars, as_csv, as_vision, tmp_path: Path, unit: int, keep: float) -> None:
    bars = make_bars(200, keep=keep)
    plain, vision = as_csv(bars, unit=unit), as_vision(bars, unit=unit)
    dated = HEADER.replace("open_time", "datetime") + "".join(
        f"{pd.Timestamp(int(time))},{line.partition(',')[2]}\n"
        for time, line in zip(bars.time, plain.splitlines()[1:], strict=True)
    )
    shuffled = "close,volume,timestamp,open,low,high\n" + "".join(
        ",".join(line.split(",")[i] for i in (4, 5, 0, 1, 3, 2)) + "\n" for line in plain.splitlines()[1:]
    )
    texts = {
        "plain.csv": plain,
        "crlf.csv": plain.replace("\n", "\r\n"),
        "bom.csv": "\ufeff" + plain,
        "no newline at the end.csv": plain.rstrip("\n"),
        "blank lines.csv": "\n\n" + plain.replace("\n", "\n\n"),
        "spaces.csv": plain.replace(",", " ,\t"),
        "quotes.csv": plain.replace(",", '","').replace("\n", '"\n"').join(('"', "")).removesuffix('"'),
        "Title Case.csv": plain.replace("open_time,open", "Open Time,Open").replace("volume", "Volume"),
        "shuffled.csv": shuffled,
        "dated.csv": dated,
        "zoned.csv": dated.replace(":00,", ":00+00:00,"),
        "vision.csv": vision,
        "vision with header.csv": VISION_HEADER + vision,
        "backwards.csv": HEADER + "\n".join(reversed(plain.splitlines()[1:])),
        "twice.csv": plain + plain.partition("\n")[2],
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        assert bars_in(tmp_path / name, bars) == bars, name
        assert bars_in(tmp_path / f"{name}.gz", bars) == bars, name
    if unit == 10**6:
        (tmp_path / "a.json").write_bytes(json_of(bars))
        (tmp_path / "b.json").write_bytes(json_of(bars, spaces=True))
        (tmp_path / "c.json.gz").write_bytes(gzip.compress(json_of(bars)))
        for name in ("a.json", "b.json", "c.json.gz"):
            assert bars_in(tmp_path / name, bars) == bars, name
        assert bars_in(feather_of(bars, tmp_path / "a.feather"), bars) == bars
        milliseconds = pd.to_datetime(bars.time, utc=True).as_unit("ms")
        assert bars_in(feather_of(bars, tmp_path / "b.feather", date=milliseconds), bars) == bars
        assert bars_in(feather_of(bars, tmp_path / "c.feather", date=bars.time // 10**6), bars) == bars


def test_what_files_tell_of_their_market(make_bars, as_vision, as_csv, tmp_path: Path) -> None:
    bars = make_bars(3)
    kinds = {}
    for name, text in {"spot": as_vision(bars), "um": VISION_HEADER + as_vision(bars), "plain": as_csv(bars)}.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(text)
        rows = read_file(path)[1]
        kinds[name] = rows.spot, rows.kind
    assert kinds == {
        "spot": (True, "data.binance.vision, spot"),
        "um": (False, "data.binance.vision, USD-M futures"),
        "plain": (None, "csv"),
    }


def test_zip_and_its_checksum(make_bars, as_vision, tmp_path: Path) -> None:
    bars = make_bars(20)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.csv", as_vision(bars))
    assert bars_in(path, bars) == bars
    checksum = tmp_path / "x.zip.CHECKSUM"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for said in (f"{digest}  x.zip", f"{digest.upper()}  x.zip\n", digest):
        checksum.write_text(said)
        assert bars_in(path, bars) == bars
    checksum.write_text("0" * 64 + "  x.zip")
    with pytest.raises(RecordingError, match=r"x\.zip is damaged: its sha256 is not the one in x\.zip\.CHECKSUM"):
        read_file(path)
    checksum.write_text("")
    with pytest.raises(RecordingError, match="holds no sha256"):
        read_file(path)


def test_zips_that_hold_something_else(tmp_path: Path) -> None:
    for n, names in enumerate(([], ["a.csv", "b.csv"], ["a.exe"])):
        path = tmp_path / f"{n}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, ROW)
        with pytest.raises(RecordingError, match=r"must hold one \.csv file"):
            read_file(path)
    inside = tmp_path / "folder.zip"
    with zipfile.ZipFile(inside, "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/a.csv", HEADER + ROW)
        archive.writestr("__MACOSX/._a.csv", "x")
    assert read_file(inside)[1].columns["close"].tolist() == [11 * 10**8]


def second(row: str) -> str:
    """A plain file whose second row, on line 3, is this."""
    return HEADER + ROW + row


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"is empty"),
        ("\n \n", r"is empty"),
        (HEADER, r"has a header and no rows"),
        (second("1735689660000,10,12,9,nan,1.5\n"), r"line 3: close 'nan' is not a number"),
        (second("1735689660000,10,inf,9,11,1.5\n"), r"line 3: high 'inf' is not a number"),
        (
            second("1735689660000,10,12,-9,11,1.5\n"),
            r"line 3: the bar of 2025-01-01 00:01:00 has a price that is not above zero",
        ),
        (second("1735689660000,10,12,0,11,1.5\n"), r"line 3: .* not above zero"),
        (second("1735689660000,10,12,9,11,-1\n"), r"line 3: .* volume below zero"),
        (second("1735689660000,10,9,12,11,1.5\n"), r"line 3: .* high below its low"),
        (second("1735689660000,13,12,9,11,1.5\n"), r"line 3: .* opens outside"),
        (second("1735689660000,10,12,9,8,1.5\n"), r"line 3: .* closes outside"),
        (second("1735689660000,10,12,9,11\n"), r"line 3: has 5 columns, not 6"),
        (second("1735689660000,10,12,9,11,1.5,7\n"), r"line 3: has 7 columns, not 6"),
        (second("1735689660000,10,12,9,,1.5\n"), r"line 3: close is empty"),
        (second("1735689660000,10,12,9,1_1,1.5\n"), r"line 3: close '1_1' is not a number"),
        (second("1735689660000,10,12,9,11.123456789,1.5\n"), r"line 3: close 11.123456789 cannot be told exactly"),
        (second(f"1735689660000,10,12,9,11,{2**63}\n"), rf"line 3: volume {2**63} does not fit 64 bits in whole units"),
        (second("1735689660000,10,92233720369,9,11,1\n"), r"line 3: high 92233720369 does not fit 64 bits in units of 1e-8"),
        (second("soon,10,12,9,11,1.5\n"), r"line 3: the time 'soon' is neither"),
        (second("60000,10,12,9,11,1.5\n"), r"line 3: the time 60000 is of no market in any unit \(1970-01-01"),
        (second("1735689660000000,10,12,9,11,1.5\n"), r"line 3: the time 1735689660000000 is in microseconds where"),
        (second("2025-01-01 00:01,10,12,9,11,1.5\n"), r"line 3: a date among numbers"),
        (second("1735689660001,10,12,9,11,1.5\n"), r"line 3: the bar of 2025-01-01 00:01:00 does not open on the 1m grid"),
        (
            second("1735689600000,10,12,9,11,1.6\n"),
            r"line 3: the bar of 2025-01-01 00:00:00 is another than in line 2 \(volume",
        ),
        (second("1735689900000,10,12,9,11,1.5\n"), r"line 3: its bars are 5m apart, not 1m"),
        (second("1735690020000,10,12,9,11,1.5\n"), r"line 3: its bars are 420 s apart, not 1m"),
        (second("1735689660000,10,12,9,\x1b[31m11,1.5\n"), r"line 3: close '.\[31m11' is not a number"),
        (HEADER + "\n\n" + ROW + "\n1735689660000,10,12,9,x,1.5\n", r"line 6: close 'x'"),
        (ROW, r"line 1: 6 columns and no header"),
        ("1735689600000,10,12,9,11\n", r"line 1: 5 columns"),
        ("0,17212.12,17216.55,17208.88,17208.88,110.66\n", r"line 1: 6 columns and no header"),
        ("a,b,c,d,e,f\n" + ROW, r"line 1: cannot tell its columns"),
        ("open_time,open,open,low,close,volume\n" + ROW, r"line 1: cannot tell its columns"),
        ("date,time,open,high,low,close,volume\n" + ROW, r"line 1: cannot tell its columns"),
        (VISION_HEADER.replace("open_time", "opened") + ROW, r"line 1: 12 columns, but not those"),
        ("\0" * 100, r"is not text"),
    ],
)
def test_refusals_name_file_line_and_reason(tmp_path: Path, make_bars, text: str, reason: str) -> None:
    path = tmp_path / "it.csv"
    path.write_bytes(text.encode())
    with pytest.raises(RecordingError, match=rf"^it\.csv,? {reason}") as error:
        bars_in(path, make_bars(2))
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "has no rows"),
        ("{}", "is no list of bars"),
        ("[[1735689600000,10,12,9,11,1.5]", "is no whole JSON"),
        ("[[1735689600000,10,12,9,11,1.5],[17356", "is no whole JSON"),
        ("[[1735689600000,10,12,9,11,NaN]]", "entry 1: volume 'NaN' is not a number"),
        ("[[1735689600000,10,12,9,11,null]]", "entry 1: not a list of numbers"),
        ("[[1735689600000,10,12,9,11,1.5],7]", "entry 2: not a list of numbers"),
        ("[[1735689600000,10,12,9,11,1.5],[1735689660000,10,12,9,11]]", "entry 2: has 5 columns"),
        ("[[1735689600000,10,12,9,11,1.5],[1735689600000,10,12,9,11,2]]", "entry 2: the bar of 2025-01-01 00:00:00 is another"),
        ("[[1735689600000,10,12,9,11,1.5\n1735689660000,10,12,9,11,1.5]]", "is no whole JSON"),
        ("[" * 100_000, "is no whole JSON"),
        ("[[1735689600000,10,12,9,11,01.5]]", "is no whole JSON"),
        ("[[1735689600000,10,12,9,11,1.],[1735689660000,10,12,9,11,1]]", "is no whole JSON"),
    ],
)
def test_json_refusals(tmp_path: Path, make_bars, text: str, reason: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(text)
    with pytest.raises(RecordingError, match=rf"^it\.json,? {reason}"):
        bars_in(path, make_bars(2))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"volume": [1.0, 1.0, float("inf")]}, "row 2: volume inf"),
        ({"volume": [1.0, None, 1.0]}, "row 1: volume is missing"),
        ({"high": [1e-9, 1.0, 1.0]}, "row 0: high 1e-09 cannot be told exactly"),
        ({"date": pd.to_datetime([0, 1, 2], unit="m", utc=True)}, "row 0: the time 1970-01-01 00:00:00 is of no market"),
        ({"date": ["x", "y", "z"]}, "holds what are no bars"),
        ({"open": ["x", "y", "z"]}, "holds what are no bars"),
    ],
)
def test_feather_refusals(tmp_path: Path, make_bars, changes: dict, reason: str) -> None:
    path = feather_of(make_bars(3), tmp_path / "it.feather", **changes)
    with pytest.raises(RecordingError, match=rf"^it\.feather,? ({reason})"):
        bars_in(path, make_bars(3))


def test_feathers_that_are_none(tmp_path: Path, make_bars) -> None:
    bars = make_bars(3)
    whole = feather_of(bars, tmp_path / "it.feather").read_bytes()
    for content in (b"junk", whole[:100], whole[:-8]):
        (tmp_path / "it.feather").write_bytes(content)
        with pytest.raises(RecordingError, match=r"it\.feather is no whole feather file"):
            read_file(tmp_path / "it.feather")
    pd.DataFrame({"date": [1]}).to_feather(tmp_path / "it.feather")
    with pytest.raises(RecordingError, match="has no column open"):
        read_file(tmp_path / "it.feather")
    pd.DataFrame({name: [] for name in ("date", *COLUMNS[1:])}).to_feather(tmp_path / "it.feather")
    with pytest.raises(RecordingError, match="has no rows"):
        read_file(tmp_path / "it.feather")


@pytest.mark.parametrize("pack", [gzip.compress, None], ids=["gz", "zip"])
def test_archives_cut_short_or_flipped(tmp_path: Path, make_bars, as_vision, pack: Callable | None) -> None:
    bars = make_bars(100)
    path = tmp_path / ("it.csv.gz" if pack else "it.zip")
    if pack:
        path.write_bytes(pack(as_vision(bars).encode()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("it.csv", as_vision(bars))
    whole = path.read_bytes()
    for size in range(1, len(whole), len(whole) // 60):
        path.write_bytes(whole[:size])
        with pytest.raises(RecordingError, match=r"it\.(csv\.gz|zip) (is damaged|cannot be unpacked|is empty)"):
            read_file(path)
    path.write_bytes(b"")
    with pytest.raises(RecordingError, match=r"it\.(csv\.gz|zip) is (empty|damaged)"):
        read_file(path)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 16
    path.write_bytes(bytes(damaged))
    with pytest.raises(RecordingError, match="is damaged"):
        read_file(path)


def test_too_much_is_refused_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = tmp_path / "sparse.csv"
    with open(sparse, "wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(RecordingError, match=r"sparse\.csv is too large: 10,737,418,240 bytes"):
        read_file(sparse)
    zeros = tmp_path / "zeros.csv.gz"
    zeros.write_bytes(gzip.compress(b"\0" * (64 << 20)))
    with pytest.raises(RecordingError, match="is not text"):
        read_file(zeros)
    monkeypatch.setattr(source, "LIMIT", 3 << 20)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(ROW.encode() * 200_000))
    with pytest.raises(RecordingError, match="unpacks to more than"):
        read_file(bomb)


def test_files_that_are_not_there_or_of_no_kind(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="there is no file"):
        read_file(tmp_path / "x.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(RecordingError, match="is not a file"):
        read_file(tmp_path / "d.csv")
    with pytest.raises(RecordingError, match="of no kind that can be imported"):
        read_file(tmp_path / "x.xlsx")


def test_a_date_in_the_name_must_be_the_datas(tmp_path: Path, make_bars) -> None:
    from engine.recordings.names import read_name

    path = tmp_path / "BTCUSDT-1m-2025-01.csv"
    bars = make_bars(3)
    rows = ROW, ROW.replace("1735689600000", "1735689660000")
    path.write_text(HEADER + "".join(rows))
    assert len(make_part(BTC, bars.interval, read_file(path)[1], read_name(path).period).bars) == 2
    for wrong in ("BTCUSDT-1m-2025-02.csv", "BTCUSDT-1m-2024-12-30.csv", "BTCUSDT-1m-2025-01-03.csv"):
        with pytest.raises(RecordingError, match=r"line 2: the bar of 2025-01-01 00:00:00 is more than a day off"):
            make_part(BTC, bars.interval, read_file(path)[1], read_name(Path(wrong)).period)
