"""Names of coins and of files, and text that would steer a terminal."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from engine.errors import RecordingError
from engine.recordings.names import printable, read_name, split_symbol

NS = 10**9


@pytest.mark.parametrize(
    ("name", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("ETHBTC", "ETH", "BTC"),
        ("BTCTUSD", "BTC", "TUSD"),
        ("BTCFDUSD", "BTC", "FDUSD"),
        ("USDCUSDT", "USDC", "USDT"),
        ("TRYUSDT", "TRY", "USDT"),
        ("USDTTRY", "USDT", "TRY"),
        ("1INCHUSDT", "1INCH", "USDT"),
        ("bnbeur", "BNB", "EUR"),
        ("WEIRD/COIN", "WEIRD", "COIN"),
        ("BTC_USDT", "BTC", "USDT"),
        ("BTC-USDT", "BTC", "USDT"),
    ],
)
def test_a_symbol_splits_into_its_assets(name: str, base: str, quote: str) -> None:
    assert split_symbol(name) == (base + quote, base, quote)


@pytest.mark.parametrize(
    "name", ["", "USDT", "BTC", "FOOBAR", "BTC USDT", "BTC/USDT/PERP", "\x1b[31mUSDT", "../USDT", "BTC/", "é/USDT"]
)
def test_what_is_no_symbol_is_refused(name: str) -> None:
    with pytest.raises(RecordingError, match="base and quote") as error:
        split_symbol(name)
    assert "\x1b" not in str(error.value)


def test_what_file_names_tell() -> None:
    month = read_name(PurePath("x/BTCUSDT-1m-2024-12.zip"))
    assert (month.symbol, month.interval, month.spot) == (("BTCUSDT", "BTC", "USDT"), "1m", None)
    assert month.period == (1_733_011_200 * NS, 1_735_689_600 * NS)
    day = read_name(PurePath("ETHBTC-1h-2024-02-29.csv.gz"))
    assert (day.symbol, day.interval) == (("ETHBTC", "ETH", "BTC"), "1h")
    assert day.period == (1_709_164_800 * NS, 1_709_251_200 * NS)
    pair = read_name(PurePath("WIF_EURI-5m.feather"))
    assert pair == (("WIFEURI", "WIF", "EURI"), "5m", None, None)
    assert read_name(PurePath("BTC_USDT_USDT-1h-futures.feather")).spot is False
    assert read_name(PurePath("my data.csv")) == (None, None, None, None)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("BTCUSDT-1m-2025-13.csv", "the date in its name"),
        ("BTCUSDT-1m-2025-02-30.csv", "the date in its name"),
        ("BTCUSDT-1mo-2025-01.csv", "months differ"),
        ("BTC_USDT-1M.json", "months differ"),
        ("BTC_USDT_USDT-8h-funding_rate.feather", "funding_rate"),
        ("BTC_USDT_USDT-1h-mark.feather", "mark"),
    ],
)
def test_names_of_what_cannot_be_recorded(name: str, reason: str) -> None:
    with pytest.raises(RecordingError, match=reason):
        read_name(PurePath(name))


def test_nothing_printable_steers_a_terminal() -> None:
    for character in "\x1b\x9b\x07\r\n\u202e\u2066\u200f\ufeff\ud800":
        assert character not in printable(f"a{character}b")
    assert printable("Grüße, 世界.csv") == "Grüße, 世界.csv"
