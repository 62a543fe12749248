"""The public archive into a recording: only what is missing, all of it verified, whatever the line and the server do."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import itertools
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DownloadError, RecordingError, TickdeckError, UsageError
from engine.model import INTERVALS
from engine.recordings import Bars, Recording, import_files, open_recording, verify, write_recording
from engine.recordings.download import Absent, Downloaded, Manners, Progress, download
from engine.recordings.download.archive import check_url
from engine.recordings.download.plan import periods, spans
from engine.recordings.download.replies import retry_after
from tests.recordings.conftest import bars_of, vision_of
from tests.recordings.loopback_archive import Fault, LoopbackArchive, cut, instead, status, trickle, zipped

TODAY = date(2025, 4, 10)
DAY = INTERVALS["1d"]
HOUR = INTERVALS["1h"]
FIRST = date(2025, 1, 1)
YEAR: Bars = bars_of(24 * 100, interval="1h")  # 2025-01-01 to 2025-04-11


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackArchive]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with LoopbackArchive() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """How long the download waited, each time; nobody really does."""
    return []


@pytest.fixture
def get(archive: LoopbackArchive, tmp_path: Path, waits: list[float]) -> Callable[..., Downloaded]:
    """Download hours of BTCUSDT into ./r, without waiting."""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    def call(first: str = "2025-01-01", last: str = "2025-03-31", *coins: str, **options: Any) -> Downloaded:
        settings = {"patience": 5.0, "sleep": sleep, "today": lambda: TODAY, "chance": lambda: 1.0} | options.pop("manners", {})
        return download(
            coins or ("BTCUSDT",),
            date.fromisoformat(first),
            date.fromisoformat(last),
            **{
                "into": tmp_path / "r",
                "interval": "1h",
                "base_url": archive.url,
                "cache": tmp_path / "cache",
                "manners": Manners(**settings),
            }
            | options,
        )

    return call


def day_of(text: str) -> int:
    return (date.fromisoformat(text) - FIRST).days


def rows(first: str, last: str) -> Bars:
    """The bars of the days from `first` to `last`, both included."""
    return YEAR[24 * day_of(first) : 24 * (day_of(last) + 1)]


def month(archive: LoopbackArchive, text: str, bars: Bars | None = None, coin: str = "BTCUSDT") -> str:
    end = (date.fromisoformat(f"{text}-01") + timedelta(31)).replace(day=1) - timedelta(1)
    name = f"{coin}-1h-{text}.zip"
    archive.put_text(f"monthly/klines/{coin}/1h/{name}", vision_of(bars or rows(f"{text}-01", str(end))))
    return name


def day(archive: LoopbackArchive, text: str, bars: Bars | None = None, coin: str = "BTCUSDT") -> str:
    name = f"{coin}-1h-{text}.zip"
    archive.put_text(f"daily/klines/{coin}/1h/{name}", vision_of(bars or rows(text, text)))
    return name


def days(archive: LoopbackArchive, first: str, count: int) -> list[str]:
    start = date.fromisoformat(first)
    return [day(archive, str(start + timedelta(n))) for n in range(count)]


def recorded(tmp_path: Path, coin: str = "BTCUSDT") -> Bars:
    assert verify(tmp_path / "r") == []
    return open_recording(tmp_path / "r").bars(coin)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# what is fetched


def test_the_real_days_come_as_they_are(archive: LoopbackArchive, data: Path, tmp_path: Path, get) -> None:
    source = data / "klines" / "vision-spot-1m"
    archive.mirror(source, "daily/klines/BTCUSDT/1m")
    done = get("2020-01-01", "2020-01-05", interval="1m", lot="0.00001")
    import_files([source], tmp_path / "wanted")
    assert recorded(tmp_path) == open_recording(tmp_path / "wanted").bars("BTCUSDT")
    assert (done.fetched, done.cached, done.coins[0].added, done.coins[0].gaps) == (3, 0, 4320, [])
    assert done.bytes == sum(path.stat().st_size for path in source.glob("*.zip"))
    assert done.absent == [Absent(coin="BTCUSDT", start="2020-01-04", end="2020-01-05", days=2)]
    assert (done.coins[0].lot, done.coins[0].inferred) == ("0.00001", ["tick", "min_notional"])
    kept = {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*.zip")}
    assert kept == {path.name: path.read_bytes() for path in source.glob("*.zip")}


def test_months_then_days_and_nothing_that_has_not_passed(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    names = [month(archive, text) for text in ("2025-01", "2025-02", "2025-03")]
    names += days(archive, "2025-04-01", 10)
    done = get("2025-01-01", "2025-12-31")
    assert archive.names() == sorted(name + end for name in names[:-1] for end in ("", ".CHECKSUM"))
    assert recorded(tmp_path) == rows("2025-01-01", "2025-04-09")
    assert (done.start, done.end, done.fetched, done.absent) == ("2025-01-01", "2025-04-09", 12, [])


def test_a_month_that_is_not_there_comes_day_by_day(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    month(archive, "2025-02")
    names = days(archive, "2025-03-01", 31)
    get("2025-02-01", "2025-03-31")
    assert set(names) < set(archive.zips())
    assert recorded(tmp_path) == rows("2025-02-01", "2025-03-31")


def test_days_that_a_month_lacks_are_asked_for(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    whole = rows("2025-01-01", "2025-01-31")
    keep = ~np.isin(whole.time // DAY % 31, (whole.time[[24 * 4, 24 * 5, 24 * 20]] // DAY) % 31)
    lacking = Bars(
        **{name: whole.column(name)[keep] for name in ("time", "open", "high", "low", "close", "volume")}, interval=HOUR
    )
    month(archive, "2025-01", lacking)
    there = [day(archive, "2025-01-05"), day(archive, "2025-01-21")]
    done = get("2025-01-01", "2025-01-31")
    assert archive.zips() == ["BTCUSDT-1h-2025-01.zip", *there] or archive.log == []
    assert len(recorded(tmp_path)) == 24 * 30
    assert done.absent == [Absent(coin="BTCUSDT", start="2025-01-06", end="2025-01-06", days=1)]
    assert done.coins[0].gaps == [("2025-01-06 00:00:00", "2025-01-07 00:00:00", 24)]


def test_part_of_a_month_comes_day_by_day(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    month(archive, "2025-01")
    names = days(archive, "2025-01-30", 2)
    get("2025-01-30", "2025-01-31")
    assert archive.zips() == names
    assert recorded(tmp_path) == rows("2025-01-30", "2025-01-31")


def test_days_that_are_not_there_are_listed_and_asked_for_again(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    days(archive, "2025-02-26", 2)
    days(archive, "2025-03-03", 1)
    done = get("2025-02-25", "2025-03-04")
    assert [(absent.start, absent.end, absent.days) for absent in done.absent] == [
        ("2025-02-25", "2025-02-25", 1),
        ("2025-02-28", "2025-03-02", 3),
        ("2025-03-04", "2025-03-04", 1),
    ]
    archive.log.clear()
    late = day(archive, "2025-02-28")
    done = get("2025-02-25", "2025-03-04")
    assert archive.zips() == [late]
    assert sum(absent.days for absent in done.absent) == 4
    assert len(recorded(tmp_path)) == 4 * 24


def test_several_coins_and_what_the_symbol_is_made_of(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    for coin in ("BTCUSDT", "ABCXYZ"):
        month(archive, "2025-01", coin=coin)
    done = get("2025-01-01", "2025-01-31", "ABC/XYZ", "btcusdt", "BTCUSDT")
    assert [coin.coin for coin in done.coins] == ["ABCXYZ", "BTCUSDT"]
    instruments = open_recording(tmp_path / "r").instruments
    assert (instruments["ABCXYZ"].base, instruments["ABCXYZ"].quote) == ("ABC", "XYZ")
    # what is recorded tells it the next time
    month(archive, "2025-02", coin="ABCXYZ")
    done = get("2025-02-01", "2025-02-28", "ABCXYZ")
    assert [(coin.coin, coin.added) for coin in done.coins] == [("ABCXYZ", 24 * 28)]


# what is there already


def test_a_recording_is_extended_by_what_it_lacks(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    for text in ("2025-01", "2025-02", "2025-03"):
        month(archive, text)
    get("2025-01-01", "2025-02-28")
    assert archive.zips() == ["BTCUSDT-1h-2025-01.zip", "BTCUSDT-1h-2025-02.zip"]
    done = get("2025-01-01", "2025-03-31")
    assert archive.names() == ["BTCUSDT-1h-2025-03.zip", "BTCUSDT-1h-2025-03.zip.CHECKSUM"]
    assert (done.fetched, done.cached, done.coins[0].added) == (1, 0, 31 * 24)
    assert recorded(tmp_path) == rows("2025-01-01", "2025-03-31")
    before = contents(tmp_path / "r")
    done = get("2025-01-01", "2025-03-31")
    assert archive.names() == []
    assert (done.fetched, done.cached, done.bytes, done.coins[0].added, done.coins[0].rows) == (0, 0, 0, 0, 90 * 24)
    assert contents(tmp_path / "r") == before


def test_whole_days_from_elsewhere_are_not_fetched_and_parts_of_days_are(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    (tmp_path / "BTC_USDT-1h.csv").write_text(
        "open_time,open,high,low,close,volume\n"
        + "".join(
            ",".join(line.split(",")[:6]) + "\n" for line in vision_of(rows("2025-01-01", "2025-01-04")[:-5]).splitlines()
        )
    )
    import_files([tmp_path / "BTC_USDT-1h.csv"], tmp_path / "r")
    names = days(archive, "2025-01-01", 6)
    done = get("2025-01-01", "2025-01-06")
    assert archive.zips() == names[3:]
    assert done.coins[0].duplicates_dropped == 19
    assert recorded(tmp_path) == rows("2025-01-01", "2025-01-06")


def test_an_outage_in_the_archive_is_not_asked_for_again(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    whole = rows("2025-01-02", "2025-01-02")
    name = day(archive, "2025-01-02", whole[:7])
    get("2025-01-02", "2025-01-02")
    assert archive.zips() == [name]
    get("2025-01-02", "2025-01-02")
    assert archive.names() == []
    assert len(recorded(tmp_path)) == 7


def test_another_recording_takes_from_the_cache(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    names = [month(archive, text) for text in ("2025-01", "2025-02")]
    get("2025-01-01", "2025-01-31")
    archive.log.clear()
    done = get("2025-01-01", "2025-02-28", into=tmp_path / "other")
    assert archive.zips() == names[1:]
    assert (done.fetched, done.cached) == (1, 1)
    # what was damaged there since is fetched anew
    kept = next((tmp_path / "cache").rglob(names[0]))
    kept.write_bytes(b"\0" + kept.read_bytes()[1:])
    done = get("2025-01-01", "2025-02-28", into=tmp_path / "third")
    assert archive.zips() == names[:1]
    assert open_recording(tmp_path / "third").bars("BTCUSDT") == rows("2025-01-01", "2025-02-28")


def test_archives_do_not_share_a_cache(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    day(archive, "2025-01-01")
    get("2025-01-01", "2025-01-01")
    with LoopbackArchive() as other:
        day(other, "2025-01-01", rows("2025-01-01", "2025-01-01")[3:])
        get("2025-01-01", "2025-01-01", base_url=other.url + "/", into=tmp_path / "other")
    assert len(open_recording(tmp_path / "other").bars("BTCUSDT")) == 21


def test_filters_are_set_though_there_is_nothing_to_fetch(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    day(archive, "2025-01-01")
    get("2025-01-01", "2025-01-01")
    done = get("2025-01-01", "2025-01-01", lot="0.001", min_notional=5)
    assert (done.coins[0].lot, done.coins[0].min_notional, done.coins[0].inferred) == ("0.001", "5", ["tick"])
    assert open_recording(tmp_path / "r").instruments["BTCUSDT"].lot == 10**5


# what goes wrong once


ZIP = "BTCUSDT-1h-2025-01.zip"
SUM = ZIP + ".CHECKSUM"
HTML = b"<html>please log in</html>"
AT_LAST: dict[str, tuple[str, list[Fault], list[float]]] = {
    "cut": (ZIP, [cut(5000)], [0.5]),
    "cut before anything": (ZIP, [cut(0)], [0.5]),
    "cut again and again": (ZIP, [cut(2000), cut(4000), cut(4000), cut(9000)], [0.5, 1, 2, 4]),
    "slow": (ZIP, [trickle(5000)], [0.5]),
    "server error": (ZIP, [status(500), status(502), status(504)], [0.5, 1, 2]),
    "busy": (ZIP, [status(503, Retry_After="7")], [7]),
    "too many": (ZIP, [status(429, Retry_After="11"), status(429)], [11, 1]),
    "banned": (SUM, [status(418, Retry_After="120")], [120]),
    "checksum server error": (SUM, [status(500), cut(10)], [0.5, 1]),
    "wrong content once": (ZIP, [instead(HTML)], []),
    "wrong content of the checksum once": (SUM, [instead(HTML)], []),
    "wrong checksum once": (SUM, [instead(b"0" * 64 + b"  " + ZIP.encode())], []),
    "gone for a moment": (ZIP, [status(404)], [0.5]),
}


@pytest.mark.parametrize("kind", AT_LAST)
def test_what_goes_wrong_for_a_while_is_overcome(
    archive: LoopbackArchive, tmp_path: Path, get, waits: list[float], kind: str
) -> None:
    name, faults, wanted = AT_LAST[kind]
    month(archive, "2025-01")
    archive.faults[name] = list(faults)
    done = get("2025-01-01", "2025-01-31", manners={"patience": 0.2})
    assert recorded(tmp_path) == rows("2025-01-01", "2025-01-31")
    assert waits == wanted
    assert done.absent == []
    assert not archive.faults[name]
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_cut_file_goes_on_where_it_was_cut(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    month(archive, "2025-01")
    archive.faults[ZIP] = [cut(5000), cut(9000)]
    done = get("2025-01-01", "2025-01-31")
    starts = [asked.start for asked in archive.log if asked.name == ZIP]
    assert starts == [None, 5000, 9000]
    size = len(archive.files[f"monthly/klines/BTCUSDT/1h/{ZIP}"])
    assert done.bytes == size
    assert archive.sent[ZIP] == size - 9000


def test_a_server_without_ranges_begins_anew(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    month(archive, "2025-01")
    archive.ranges = False
    archive.faults[ZIP] = [cut(5000)]
    get("2025-01-01", "2025-01-31")
    assert [asked.start for asked in archive.log if asked.name == ZIP] == [None, 5000]
    assert recorded(tmp_path) == rows("2025-01-01", "2025-01-31")


def test_a_line_that_keeps_breaking_gets_there_as_long_as_it_gets_on(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    # 20 pieces of 64 KiB, with three tries in a row allowed
    noise = random.Random(1).randbytes(20 << 16)
    archive.put(f"monthly/klines/BTCUSDT/1h/{ZIP}", noise)
    archive.faults[ZIP] = [cut(n << 16) for n in range(1, 20)]
    with pytest.raises(RecordingError, match=r"2025-01\.zip"):  # it holds no bars
        get("2025-01-01", "2025-01-31", manners={"tries": 3})
    assert hashlib.sha256(next((tmp_path / "cache").rglob(ZIP)).read_bytes()).digest() == hashlib.sha256(noise).digest()


def test_a_part_of_another_file_is_not_gone_on_with(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    month(archive, "2025-01", rows("2025-01-01", "2025-01-31")[1:])
    archive.faults[ZIP] = [cut(5000), status(403)]
    with pytest.raises(DownloadError):
        get("2025-01-01", "2025-01-31")
    assert len(list((tmp_path / "cache").rglob("*.part"))) == 1
    month(archive, "2025-01")  # the archive has mended its file
    archive.log.clear()
    get("2025-01-01", "2025-01-31")
    assert [asked.start for asked in archive.log if asked.name == ZIP] == [None]
    assert not list((tmp_path / "cache").rglob("*.part"))
    assert recorded(tmp_path) == rows("2025-01-01", "2025-01-31")


@pytest.mark.parametrize("more", [b"", b"something else"])
def test_a_part_that_is_all_of_it_is_taken_or_thrown_away(archive: LoopbackArchive, tmp_path: Path, get, more: bytes) -> None:
    month(archive, "2025-01")
    archive.faults[ZIP] = [cut(5000), status(403)]
    with pytest.raises(DownloadError):
        get("2025-01-01", "2025-01-31")
    (part,) = (tmp_path / "cache").rglob("*.part")
    part.write_bytes(archive.files[f"monthly/klines/BTCUSDT/1h/{ZIP}"] + more)
    archive.log.clear()
    get("2025-01-01", "2025-01-31")
    assert recorded(tmp_path) == rows("2025-01-01", "2025-01-31")
    size = part.stat().st_size if part.exists() else len(archive.files[f"monthly/klines/BTCUSDT/1h/{ZIP}"]) + len(more)
    starts = [asked.start for asked in archive.log if asked.name == ZIP]
    assert starts == ([size] if not more else [size, None])


def test_when_one_is_refused_all_rest_once(archive: LoopbackArchive, get, waits: list[float]) -> None:
    names = days(archive, "2025-01-01", 4)
    gathered = asyncio.Event()

    async def together() -> None:
        if archive.busy >= 4:
            gathered.set()
        await asyncio.wait_for(gathered.wait(), 5)

    archive.before = together
    for name in names:
        archive.faults[name + ".CHECKSUM"] = [status(429, Retry_After="30")]
    done = get("2025-01-01", "2025-01-04")
    assert done.fetched == 4
    assert waits == [30]


def test_no_more_at_a_time_than_allowed(archive: LoopbackArchive, get) -> None:
    days(archive, "2025-01-01", 12)
    gathered = asyncio.Event()

    async def together() -> None:
        if archive.busy >= 3:
            gathered.set()
        await asyncio.wait_for(gathered.wait(), 5)

    archive.before = together
    get("2025-01-01", "2025-01-12", manners={"parallel": 3})
    assert archive.busiest == 3


# what stays wrong


FOR_GOOD: dict[str, tuple[str, list[Fault], str]] = {
    "wrong content": (ZIP, [instead(HTML)] * 2, r"BTCUSDT-1h-2025-01\.zip is not what its \.CHECKSUM says, twice"),
    "wrong checksum": (
        SUM,
        [instead(b"0" * 64 + b"  " + ZIP.encode())] * 2,
        r"BTCUSDT-1h-2025-01\.zip is not what its \.CHECKSUM says, twice",
    ),
    "no checksum in it": (SUM, [instead(HTML)] * 2, r"BTCUSDT-1h-2025-01\.zip has no sha256 in its \.CHECKSUM, twice"),
    "no checksum": (SUM, [status(404)], r"BTCUSDT-1h-2025-01\.zip has no \.CHECKSUM in the archive"),
    "server error": (ZIP, [status(500)] * 6, r"2025-01\.zip cannot be fetched from http.*: HTTP 500 .*, 6 times in a row"),
    "cut": (ZIP, [cut(5000)] * 6, r"2025-01\.zip cannot be fetched from http.*, 6 times in a row"),
    "slow": (ZIP, [trickle(0)] * 6, r"2025-01\.zip cannot be fetched .*: it took too long, 6 times in a row"),
    "refused": (
        ZIP,
        [status(403)],
        r"2025-01\.zip cannot be fetched from .*: HTTP 403 Forbidden\nthe archive does not serve this place",
    ),
    "asked to wait for long": (SUM, [status(418, Retry_After="90000")], r"asks to be left alone for 90,000 seconds"),
}


@pytest.mark.parametrize("kind", FOR_GOOD)
def test_what_stays_wrong_changes_nothing(archive: LoopbackArchive, tmp_path: Path, get, kind: str) -> None:
    name, faults, reason = FOR_GOOD[kind]
    month(archive, "2025-01")
    month(archive, "2025-02")
    archive.faults[name] = list(faults)
    with pytest.raises(DownloadError, match=reason) as error:
        get("2025-01-01", "2025-02-28", manners={"patience": 0.05 if kind == "slow" else 5.0})
    assert error.value.hint
    assert not (tmp_path / "r").exists()
    assert not list((tmp_path / "cache").rglob(ZIP))
    # and where there is a recording, it is what it was; what had come is not asked for again
    get("2025-02-01", "2025-02-28")
    before = contents(tmp_path / "r")
    archive.log.clear()
    archive.faults[name] = list(faults)
    with pytest.raises(DownloadError, match=reason):
        get("2025-01-01", "2025-02-28", manners={"patience": 0.05 if kind == "slow" else 5.0})
    assert contents(tmp_path / "r") == before
    assert not [asked for asked in archive.log if "2025-02" in asked.name]
    archive.faults.clear()
    assert get("2025-01-01", "2025-02-28").coins[0].rows == 59 * 24


def test_a_server_that_is_not_there(archive: LoopbackArchive, tmp_path: Path, get, waits: list[float]) -> None:
    with LoopbackArchive() as other:
        gone = other.url
    with pytest.raises(DownloadError, match=r"CHECKSUM cannot be fetched from http://127.* 3 times in a row"):
        get("2025-01-01", "2025-01-01", base_url=gone, manners={"tries": 3})
    assert waits == [0.5, 1]


def test_a_file_that_is_verified_and_holds_no_bars(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    good = day(archive, "2025-01-01")
    path = "daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01-02.zip"
    archive.put_text(path, vision_of(rows("2025-01-02", "2025-01-02")).replace("00,", "00,nan,", 1))
    with pytest.raises(RecordingError, match=r"BTCUSDT-1h-2025-01-02\.zip, line 1"):
        get("2025-01-01", "2025-01-02")
    assert not (tmp_path / "r").exists()
    assert list((tmp_path / "cache").rglob(good))
    # bars of another day are not those of this one
    archive.put_text(path.replace("-02.zip", "-05.zip"), vision_of(rows("2025-01-09", "2025-01-09")))
    with pytest.raises(RecordingError, match=r"BTCUSDT-1h-2025-01-05\.zip"):
        get("2025-01-05", "2025-01-05")


def test_a_file_without_a_row_is_a_gap(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    day(archive, "2025-01-01")
    archive.put("daily/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01-02.zip", zipped("BTCUSDT-1h-2025-01-02.csv", ""))
    done = get("2025-01-01", "2025-01-02")
    assert [(absent.start, absent.days) for absent in done.absent] == [("2025-01-02", 1)]
    assert len(recorded(tmp_path)) == 24


def test_a_coin_of_which_there_is_nothing_is_named(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    name = day(archive, "2025-01-01")
    with pytest.raises(RecordingError, match="the archive has nothing of BTCUSD from 2025-01-01 to 2025-01-02"):
        get("2025-01-01", "2025-01-02", "BTCUSDT", "BTCUSD")
    assert not (tmp_path / "r").exists()
    archive.log.clear()
    get("2025-01-01", "2025-01-01")
    assert archive.names() == []
    assert list((tmp_path / "cache").rglob(name))


def test_two_at_the_same_file_do_not_meet(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    month(archive, "2025-01")
    archive.faults[ZIP] = [cut(5000), status(403)]
    with pytest.raises(DownloadError):
        get("2025-01-01", "2025-01-31")
    (part,) = (tmp_path / "cache").rglob("*.part")
    with open(part, "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"2025-01\.zip is being downloaded by another tickdeck"):
            get("2025-01-01", "2025-01-31")
    get("2025-01-01", "2025-01-31")
    assert recorded(tmp_path) == rows("2025-01-01", "2025-01-31")


def test_a_cache_that_cannot_be_used(archive: LoopbackArchive, tmp_path: Path, get) -> None:
    month(archive, "2025-01")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DownloadError, match="the cache cannot be used") as error:
        get("2025-01-01", "2025-01-31", cache=tmp_path / "file")
    assert "XDG_CACHE_HOME" in error.value.hint


# what cannot be meant


@pytest.mark.parametrize(
    ("given", "error", "reason"),
    [
        ({"first": "2025-04-10"}, UsageError, "2025-04-10 has not passed yet"),
        ({"first": "2025-03-31", "last": "2025-03-01"}, UsageError, "the first day, 2025-03-31, is after the last"),
        ({"interval": "1w"}, UsageError, "no 1w bars a day"),
        ({"interval": "3d"}, UsageError, "no 3d bars a day"),
        ({"interval": "7m"}, RecordingError, "there is no interval '7m'"),
        ({"base_url": "ftp://example.org"}, UsageError, "is not the address of an archive"),
        ({"lot": "0"}, UsageError, "lot '0' is not an amount"),
        ({"tick": "x"}, UsageError, "tick 'x' is not an amount"),
    ],
)
def test_arguments_that_cannot_be_meant(
    archive: LoopbackArchive, get, given: dict, error: type[TickdeckError], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        get(given.pop("first", "2025-01-01"), given.pop("last", "2025-12-31"), **given)
    with pytest.raises(RecordingError, match="cannot tell base and quote"):
        get("2025-01-01", "2025-01-01", "../../etc")
    assert archive.names() == []


@pytest.mark.parametrize(
    "url", ["", "x", "http://", "http://h:99999", "http://u:p@h", "http://h/?a=b", "http://h\x1b[0m", " http://h"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UsageError) as error:
        check_url(url)
    assert "\x1b" not in str(error.value)


def test_recordings_that_take_nothing_from_it_are_refused_before_it_is_asked(
    archive: LoopbackArchive, tmp_path: Path, get, instrument
) -> None:
    for name, options, reason in (("demo", {"synthetic": True}, "is synthetic"), ("um", {"spot": False}, "futures market")):
        write_recording(tmp_path / name, Recording.from_bars({"BTCUSDT": bars_of(5)}, {"BTCUSDT": instrument}, **options))
        with pytest.raises(RecordingError, match=reason):
            get("2025-01-01", "2025-01-31", into=tmp_path / name)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(RecordingError, match="has files in it and is no recording"):
        get("2025-01-01", "2025-01-31", into=tmp_path / "full")
    assert archive.names() == []


# progress and parts


def test_progress_tells_files_and_bytes(archive: LoopbackArchive, get) -> None:
    names = [month(archive, "2025-01"), *days(archive, "2025-02-01", 28)]
    told: list[Progress] = []
    read: list[tuple[str, int, int]] = []
    done = get("2025-01-01", "2025-02-28", progress=told.append, reading=lambda *its: read.append(its))
    assert told[-1].done == told[-1].wanted == 30  # February is asked for as a month first
    assert told[-1].bytes == done.bytes == sum(archive.sent[name] for name in names)
    assert all(a.bytes <= b.bytes and a.done <= b.done for a, b in itertools.pairwise(told))
    assert [name for name, _, _ in read] == names
    assert read[-1][1:] == (29, 29)


@given(st.sets(st.integers(0, 120)), st.integers(0, 120), st.integers(0, 120))
def test_periods_are_the_missing_days_each_once(there: set[int], a: int, b: int) -> None:
    start = date(2024, 1, 15)
    first, last = start + timedelta(min(a, b)), start + timedelta(max(a, b))
    made = periods(first, last, {start + timedelta(n) for n in there})
    wanted = [start + timedelta(n) for n in range(min(a, b), max(a, b) + 1) if n not in there]
    assert [day for period in made for day in period.days] == wanted
    for period in made:
        if period.is_month:
            assert period.first.day == 1
            assert (period.last + timedelta(1)).day == 1
            assert len(period.days) == period.last.day
    months = {(day.year, day.month) for period in made if period.is_month for day in period.days}
    for year, number in {(day.year, day.month) for day in wanted} - months:
        assert any(
            day not in wanted
            for day in (date(year, number, 1) + timedelta(n) for n in range(31))
            if (day.year, day.month) == (year, number)
        )
    assert sum((last - first).days + 1 for first, last in spans(wanted)) == len(wanted)


def test_what_retry_after_means() -> None:
    assert retry_after("120") == 120
    assert retry_after("0") == 0
    soon = datetime.now(UTC) + timedelta(seconds=90)
    assert 80 < (retry_after(format_datetime(soon, usegmt=True)) or 0) <= 90
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    for text in ("", "soon", "-5", "1.5", "9" * 30):
        assert retry_after(text) is None


def test_waits_double_up_to_a_limit_half_of_them_by_chance() -> None:
    still, long = Manners(chance=lambda: 0.0), Manners(chance=lambda: 1.0)
    assert [still.wait(n, None) for n in (1, 2, 3)] == [0.25, 0.5, 1.0]
    assert [long.wait(n, None) for n in (1, 2, 3, 40)] == [0.5, 1.0, 2.0, 300.0]
    assert long.wait(1, 7.0) == 7.0
    assert long.wait(5, 1.0) == 8.0
    assert Manners().today() == datetime.now(UTC).date()
