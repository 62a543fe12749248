"""Merging: several files of one coin, and what is recorded already, become one series, or the first contradiction is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.errors import RecordingError
from engine.exact import to_text
from engine.recordings.bars import COLUMNS, Bars, stamp
from engine.recordings.importers.table import Part
from engine.recordings.volumes import common, rescaled, settled


class Merged(NamedTuple):
    """One series, sorted and each bar once; `duplicates` counts bars that several parts had alike."""

    bars: Bars
    duplicates: int


def merge(parts: Sequence[Part]) -> Merged:
    """Return the bars of all parts as one series, its volumes in a unit that suits them all.

    Raises RecordingError naming both places where two disagree on a bar, and the place of a volume with more digits than fit
    beside the others.
    """
    if len(parts) == 1:
        return Merged(settled(parts[0].bars), 0)
    parts = _in_one_unit(parts)
    columns = {name: np.concatenate([part.bars.column(name) for part in parts]) for name in COLUMNS}
    order = np.argsort(columns["time"], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    again = np.flatnonzero(columns["time"][1:] == columns["time"][:-1]) + 1
    for name in COLUMNS[1:]:
        differ = np.flatnonzero(columns[name][again - 1] != columns[name][again])
        if differ.size:
            i = int(again[differ[0]])
            raise RecordingError(
                f"{_place(parts, int(order[i]))} has another bar of {stamp(int(columns['time'][i]))} than "
                f"{_place(parts, int(order[i - 1]))} ({name} differs)",
                hint="leave one of the two out",
            )
    keep = {name: np.delete(column, again) for name, column in columns.items()}
    bars = Bars(**keep, interval=parts[0].bars.interval, volume_decimals=parts[0].bars.volume_decimals)
    return Merged(settled(bars), len(again))


def _in_one_unit(parts: Sequence[Part]) -> Sequence[Part]:
    if len({part.bars.volume_decimals for part in parts}) == 1:
        return parts
    decimals = common([part.bars for part in parts])
    return [dataclasses.replace(part, bars=_rescaled(part, decimals)) for part in parts]


def _rescaled(part: Part, decimals: int) -> Bars:
    bars = rescaled(part.bars, decimals)
    if bars is None:
        row = int(np.flatnonzero(part.bars.volume % 10 ** (part.bars.volume_decimals - decimals))[0])
        volume = to_text(int(part.bars.volume[row]), part.bars.volume_decimals)
        raise RecordingError(f"{part.place(row)}: volume {volume} has more digits than 64 bits hold beside the other volumes")
    return bars


def _place(parts: Sequence[Part], row: int) -> str:
    ends = np.cumsum([len(part.bars) for part in parts])
    n = int(np.searchsorted(ends, row, side="right"))
    return parts[n].place(row - int(ends[n] - len(parts[n].bars)))
