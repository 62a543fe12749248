"""Names: coins, their two assets, and what a file's name tells of its data."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import NamedTuple

from engine.errors import RecordingError
from engine.model import INTERVALS, CoinName, Timestamp

_KNOWN = """
    USDT USDC FDUSD BUSD TUSD USDP USDS USD1 XUSD PAX DAI UST USD BTC ETH BNB XRP TRX DOGE SOL DOT VAI EURI AEUR
    IDRT BIDR BVND BKRW EUR GBP TRY BRL AUD JPY RUB UAH ZAR PLN RON ARS MXN COP CZK NGN
"""
QUOTES = tuple(sorted(_KNOWN.split(), key=lambda quote: (-len(quote), quote)))
"""Assets that coins are known to be quoted in, longest first."""

_ASSET = re.compile(r"[A-Z0-9]{1,20}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]")
_INTERVAL = "|".join((*INTERVALS, "1mo", "1M"))
_VISION = re.compile(rf"([A-Z0-9]{{2,30}})-({_INTERVAL})-(\d{{4}})-(\d\d)(?:-(\d\d))?")
_FREQTRADE = re.compile(rf"([A-Z0-9]{{1,20}})_([A-Z0-9]{{2,10}})(?:_([A-Z0-9]{{2,10}}))?-({_INTERVAL})(-[a-z_]+)?")


EVENT_KINDS = ("trades", "quotes", "depth", "klines", "account", "control", "other")
"""What a capture keeps of what it received, a Parquet file each."""
_EVENTS = re.compile(rf"(?:.+\.)?(?:{'|'.join(EVENT_KINDS)})(?:-\w+)?\.\d{{8}}T\d{{6}}Z-[0-9a-f]{{6}}-\d+-\d+\.parquet")


def event_file(kind: str, coin: CoinName, interval: str, part: str) -> str:
    """Return the name of a file of events, such as BTCUSDT.trades.PART.parquet; `part` names a capture and a number in it."""
    return ".".join(filter(None, (coin, f"{kind}-{interval}" if interval else kind, part, "parquet")))


def is_event_file(name: str) -> bool:
    """Whether a file of this name is one of a capture's."""
    return _EVENTS.fullmatch(name) is not None


def printable(text: object) -> str:
    """Return text from outside without what would steer a terminal: control codes, bidi marks, lone surrogates."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", str(text))


class Symbol(NamedTuple):
    """A coin and its two assets."""

    coin: CoinName
    base: str
    quote: str


def split_symbol(name: str) -> Symbol:
    """Return the coin that `name` means: BTCUSDT by its known quote asset, BTC/USDT, BTC_USDT or BTC-USDT as written.

    Raises RecordingError where the two assets cannot be told.
    """
    upper = name.strip().upper()
    parts = re.split(r"[/_-]", upper)
    if len(parts) == 2 and all(_ASSET.fullmatch(part) for part in parts):
        return Symbol("".join(parts), *parts)
    if len(parts) == 1 and _ASSET.fullmatch(upper):
        for quote in QUOTES:
            if upper.endswith(quote) and len(upper) > len(quote):
                return Symbol(upper, upper[: -len(quote)], quote)
    raise RecordingError(
        f"cannot tell base and quote asset of the coin {printable(name)!r}", hint="write it as BASE/QUOTE, such as BTC/USDT"
    )


class FileName(NamedTuple):
    """What a file's name tells, as far as it does; `period` is the (start, end) in ns that its date claims."""

    symbol: Symbol | None
    interval: str | None
    period: tuple[Timestamp, Timestamp] | None
    spot: bool | None


def read_name(path: PurePath) -> FileName:
    """Return what a name as of data.binance.vision (BTCUSDT-1m-2025-01.zip) or freqtrade (BTC_USDT-1m.feather) tells.

    Raises RecordingError where it is a kind of file that holds no bars, or a date that is none.
    """
    stem = path.name
    for suffix in (".gz", ".zip", ".csv", ".json", ".feather", ".CHECKSUM"):
        stem = stem.removesuffix(suffix)
    if match := _VISION.fullmatch(stem):
        coin, interval, year, month, day = match.groups()
        _fixed(interval, path)
        return FileName(_known(coin), interval, _period(path, int(year), int(month), int(day or 0)), None)
    if match := _FREQTRADE.fullmatch(stem):
        base, quote, settled, interval, kind = match.groups()
        _fixed(interval, path)
        if kind not in (None, "-futures", "-spot"):
            raise RecordingError(f"{printable(path.name)}: {kind[1:]} data are no bars of traded prices")
        return FileName(Symbol(base + quote, base, quote), interval, None, False if settled or kind == "-futures" else None)
    return FileName(None, None, None, None)


def _known(coin: str) -> Symbol | None:
    try:
        return split_symbol(coin)
    except RecordingError:
        return None


def _fixed(interval: str, path: PurePath) -> None:
    if interval not in INTERVALS:
        raise RecordingError(
            f"{printable(path.name)}: months differ in length, so {interval} bars cannot be recorded",
            hint="import a shorter interval",
        )


def _period(path: PurePath, year: int, month: int, day: int) -> tuple[Timestamp, Timestamp]:
    try:
        start = datetime(year, month, day or 1, tzinfo=UTC)
        end = start + timedelta(days=1) if day else datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise RecordingError(f"{printable(path.name)}: the date in its name is none") from None
    return int(start.timestamp()) * 10**9, int(end.timestamp()) * 10**9
