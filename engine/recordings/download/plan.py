"""The plan: which files hold the days that are asked for and not recorded."""

from __future__ import annotations

from collections.abc import Set
from datetime import date, timedelta
from itertools import groupby
from pathlib import PurePath

import numpy as np

from engine.model import INTERVALS, CoinName
from engine.recordings.bars import Column, interval_length
from engine.recordings.download.archive import Period
from engine.recordings.manifest import Manifest
from engine.recordings.names import read_name
from engine.recordings.recording import Recording

_DAY = INTERVALS["1d"]
_EPOCH = date(1970, 1, 1)


def periods(first: date, last: date, there: Set[date]) -> list[Period]:
    """Return the files for the days from `first` to `last`, both included, that are not `there` yet.

    A month is one file where all of its days are asked for; the days of others are files of their own.
    """
    wanted = [day for day in Period(first, last).days if day not in there]
    made: list[Period] = []
    for _, group in groupby(wanted, lambda day: (day.year, day.month)):
        days = list(group)
        begin = days[0].replace(day=1)
        end = (begin + timedelta(31)).replace(day=1) - timedelta(1)
        made += [Period(begin, end)] if len(days) == end.day else [Period(day, day) for day in days]
    return made


def days_there(recording: Recording, manifest: Manifest, coin: CoinName, interval: str) -> set[date]:
    """Return the days of a coin for which there is nothing to fetch: with all their bars, or of a file that was imported.

    So a day of which the archive itself lacks bars is asked for once.
    """
    days: set[date] = set()
    if coin in recording.coins and interval in recording.intervals(coin):
        per_day = _DAY // interval_length(interval)
        numbers, counts = np.unique(recording.bars(coin, interval).time // _DAY, return_counts=True)
        days.update(_day(number) for number in numbers[counts == per_day].tolist())
    for source in manifest.sources:
        if (source.coin, source.interval) == (coin, interval):
            start, end = read_name(PurePath(source.file)).period or (0, 0)
            days.update(_day(number) for number in range(start // _DAY, end // _DAY))
    return days


def days_in(time: Column) -> set[date]:
    """Return the days on which there is any bar."""
    return {_day(number) for number in np.unique(time // _DAY).tolist()}


def spans(days: list[date]) -> list[tuple[date, date]]:
    """Return ascending days as runs, the first and the last day of each."""
    made: list[tuple[date, date]] = []
    for day in days:
        if made and made[-1][1] + timedelta(1) == day:
            made[-1] = made[-1][0], day
        else:
            made.append((day, day))
    return made


def _day(number: int) -> date:
    return _EPOCH + timedelta(number)
