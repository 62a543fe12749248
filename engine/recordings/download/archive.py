"""The archive's layout: a zip a month and coin, a zip a day and coin, a CHECKSUM beside each; and its mirror in the cache."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from engine.errors import UsageError
from engine.model import INTERVALS, CoinName
from engine.recordings.bars import interval_length
from engine.recordings.names import printable

DEFAULT_URL = "https://data.binance.vision"
CHECKSUM = ".CHECKSUM"


class Period(NamedTuple):
    """The days of one file, both included: one day or one whole month."""

    first: date
    last: date

    @property
    def is_month(self) -> bool:
        """Whether it is a month, which has a file of its own."""
        return self.first != self.last

    @property
    def days(self) -> list[date]:
        """Each of its days."""
        return [self.first + timedelta(n) for n in range((self.last - self.first).days + 1)]

    def __str__(self) -> str:
        return self.first.strftime("%Y-%m" if self.is_month else "%Y-%m-%d")


class Zip(NamedTuple):
    """One file of the archive: a coin's bars of one interval in one period."""

    coin: CoinName
    interval: str
    period: Period

    @property
    def name(self) -> str:
        """Its name, as BTCUSDT-1m-2025-01.zip."""
        return f"{self.coin}-{self.interval}-{self.period}.zip"

    @property
    def path(self) -> str:
        """Where it lies in the archive."""
        kind = "monthly" if self.period.is_month else "daily"
        return f"data/spot/{kind}/klines/{self.coin}/{self.interval}/{self.name}"


def check_url(url: str) -> str:
    """Return the archive's address without a slash at its end; raises UsageError where it is none."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
        good = good and not parts.username and (parts.port is None or parts.port > 0) and url == printable(url).strip()
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"{printable(url)!r} is not the address of an archive", hint=f"such as {DEFAULT_URL}")
    return url.rstrip("/")


def cache_of(url: str, cache: Path) -> Path:
    """Return the folder in the cache for what the archive at `url` gave."""
    return cache / "archive" / re.sub(r"[^A-Za-z0-9.-]+", "_", url.partition("://")[2])


def check_interval(interval: str) -> str:
    """Return the interval; raises RecordingError where there is none such, UsageError where it has no files a day."""
    if interval_length(interval) > INTERVALS["1d"]:
        raise UsageError(
            f"the archive has no {interval} bars a day", hint="download shorter ones; longer bars are made of them as asked for"
        )
    return interval
