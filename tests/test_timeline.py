"""Timeline against a list of dicts: whatever is done to it, it shows those rows and no others."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Timeline
from engine.errors import UsageError

NAMES = ("a", "b", "c")
VALUES = st.floats(allow_nan=False, allow_infinity=False, width=32)


class Reference:
    """Rows as dicts, and how many of them can be seen."""

    def __init__(self, times: list[int], columns: dict[str, list[float]]) -> None:
        self.names = list(columns)
        self.given = len(columns)
        self.rows = [{"time": time, **{name: columns[name][n] for name in columns}} for n, time in enumerate(times)]
        self.seen = 0

    def know(self, names: list[str]) -> None:
        self.names += [name for name in names if name not in self.names]

    def append(self, time: int, values: dict[str, float]) -> None:
        self.know(list(values))
        self.rows.append({"time": time, **values})
        self.seen = len(self.rows)

    def record(self, time: int, name: str, value: float) -> None:
        if self.rows and self.rows[-1]["time"] == time:
            self.know([name])
            self.rows[-1][name] = value
        else:
            self.append(time, {name: value})

    def advance(self, time: int) -> None:
        self.seen = sum(row["time"] <= time for row in self.rows)

    def truncate(self, rows: int) -> None:
        del self.rows[rows:]
        # a column that was recorded on the way goes with its first row
        self.names = [name for n, name in enumerate(self.names) if n < self.given or any(name in row for row in self.rows)]
        self.seen = min(self.seen, rows)

    def column(self, name: str) -> list[float]:
        return [row.get(name, math.nan) for row in self.rows[: self.seen]]


def same(timeline: Timeline, reference: Reference) -> None:
    assert len(timeline) == timeline.cursor == reference.seen
    assert list(timeline.names) == reference.names
    assert timeline.time.tolist() == [row["time"] for row in reference.rows[: reference.seen]]
    for name in reference.names:
        for column in (timeline[name], getattr(timeline, name)):
            np.testing.assert_array_equal(column, reference.column(name))
            assert not column.flags.writeable
    latest = timeline.latest
    if reference.seen:
        wanted = {"time": reference.rows[reference.seen - 1]["time"]}
        wanted |= {name: reference.column(name)[-1] for name in reference.names}
        assert list(latest) == list(wanted)
        np.testing.assert_array_equal(list(latest.values()), list(wanted.values()))
    else:
        assert latest == {}


VERBS = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 3), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3)),
    st.tuples(st.just("record"), st.integers(0, 2), st.sampled_from(NAMES), VALUES),
    st.tuples(st.just("advance"), st.integers(-5, 5)),
    st.tuples(st.just("truncate"), st.integers(0, 8)),
)


@settings(max_examples=200)
@given(
    gaps=st.lists(st.integers(0, 3), max_size=6),
    columns=st.sets(st.sampled_from(NAMES)),
    whole=st.booleans(),
    verbs=st.lists(VERBS, max_size=12),
)
def test_it_is_a_list_of_rows_with_a_cursor(gaps: list[int], columns: set[str], whole: bool, verbs: list[Any]) -> None:
    times = np.cumsum([10, *gaps])[1:].tolist()
    given_columns = {name: [n * 1.5 for n in range(len(times))] for name in sorted(columns)}
    arrays = {name: np.array(values) for name, values in given_columns.items()}
    kept = {name: array.copy() for name, array in arrays.items()}
    timeline = Timeline(
        np.array(times, np.int64), {name: (lambda its=its: its) for name, its in arrays.items()} if whole else arrays
    )
    reference = Reference(times, given_columns)
    same(timeline, reference)
    for verb, *arguments in verbs:
        last = reference.rows[-1]["time"] if reference.rows else 10
        match verb, arguments:
            case "append", [later, values]:
                timeline.append(last + later, **values)
                reference.append(last + later, values)
            case "record", [later, name, value]:
                timeline.record(last + later, name, value)
                reference.record(last + later, name, value)
            case "advance", [later]:
                timeline.advance(last + later)
                reference.advance(last + later)
            case "truncate", [rows]:
                timeline.truncate(rows)
                reference.truncate(rows)
        same(timeline, reference)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, kept[name], "what it was made of is another's")


def test_it_goes_forward_only() -> None:
    timeline = Timeline()
    timeline.append(20, price=1.0)
    with pytest.raises(UsageError, match="19 comes before 20"):
        timeline.append(19, price=2.0)
    with pytest.raises(UsageError, match="19 comes before 20"):
        timeline.record(19, "price", 2.0)
    assert timeline.price.tolist() == [1.0]


def test_rows_handed_out_stay_what_they_were() -> None:
    timeline = Timeline()
    timeline.append(1, price=1.0)
    early = timeline.price
    for n in range(2, 300):
        timeline.append(n, price=float(n))
    assert early.tolist() == [1.0]
    with pytest.raises(ValueError, match="read-only"):
        early[0] = 9.0


def test_a_column_is_made_when_it_is_looked_at() -> None:
    calls = []

    def make() -> Any:
        calls.append(1)
        return np.array([1.0, 2.0, 3.0])

    timeline = Timeline(np.array([10, 20, 30]), {"slow": make})
    timeline.advance(20)
    assert not calls
    assert timeline.slow.tolist() == [1.0, 2.0]
    timeline.advance(30)
    assert timeline["slow"].tolist() == [1.0, 2.0, 3.0]
    assert len(calls) == 1


def test_a_column_there_is_not_is_told_with_those_there_are() -> None:
    timeline = Timeline()
    with pytest.raises(UsageError, match="no column 'price'"):
        timeline["price"]
    timeline.append(1, close=1.0)
    with pytest.raises(UsageError, match="it has close"):
        timeline["price"]
    with pytest.raises(AttributeError, match="price"):
        _ = timeline.price
    assert not hasattr(timeline, "_hidden")


def test_what_feeds_it_is_asked_before_anything_is_looked_at() -> None:
    for look in (
        lambda its: its["price"].tolist(),
        lambda its: its.price.tolist(),
        lambda its: [int(time) for time in its.time],
        lambda its: list(its.names),
        lambda its: its.latest,
        len,
    ):
        told, asked = Timeline(), Timeline()
        told.append(7, price=1.0)

        def pull(its: Timeline = asked) -> None:
            if not its._filled:
                its.append(7, price=1.0)

        asked.fed_by(pull)
        assert look(asked) == look(told)


def test_new_columns_stand_in_the_order_they_were_named() -> None:
    names = [f"column{n}" for n in range(20)]
    program = (
        f"from engine.timeline import Timeline\nt = Timeline()\nt.append(1, **dict.fromkeys({names}, 0.0))\nprint(*t.names)"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert done.stdout.split() == names
