"""The unit of a time is told by its size and by the date it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.recordings.bars import RowError
from engine.recordings.times import parse_date, parse_whole, to_ns

ANY = st.datetimes(datetime(2009, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001 - hypothesis wants them naive


@given(ANY.map(lambda moment: moment.replace(microsecond=0, tzinfo=UTC)), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_every_unit_is_told_from_the_number_alone(moment: datetime, per_second: int) -> None:
    seconds = int(moment.timestamp())
    ns, told = to_ns(np.array([seconds * per_second], dtype=np.int64))
    assert (ns.tolist(), told) == ([seconds * 10**9], per_second)


@pytest.mark.parametrize("value", [0, 60_000, 86_399_999, 1, 10**9, 10**11, 5 * 10**18, 2**63 - 1, -1_735_689_600_000])
def test_times_of_no_market_are_refused(value: int) -> None:
    with pytest.raises(RowError, match="of no market") as error:
        to_ns(np.array([value], dtype=np.int64))
    assert error.value.row == 0


def test_a_change_of_unit_within_a_file_is_refused_at_its_row() -> None:
    with pytest.raises(RowError, match="in microseconds where those before it are in milliseconds") as error:
        to_ns(np.array([1_735_689_540_000, 1_735_689_600_000_000], dtype=np.int64))
    assert error.value.row == 1


@given(ANY, st.integers(-14 * 60, 14 * 60))
def test_dates_are_read_as_python_reads_them(moment: datetime, minutes: int) -> None:
    moment = moment.replace(microsecond=0)
    assert parse_date(str(moment)) == int(moment.replace(tzinfo=UTC).timestamp()) * 10**9
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_date(zoned.isoformat()) == int(zoned.timestamp()) * 10**9


@pytest.mark.parametrize(
    "text", ["2025-01-31", "2025-01-31T00:00", "2025-01-31 00:00:00Z", "2025-01-31 00:00:00.000", "2025-01-31 00:00:00 UTC"]
)
def test_ways_to_write_a_date(text: str) -> None:
    assert parse_date(text) == 1_738_281_600 * 10**9


@pytest.mark.parametrize(
    "text",
    ["", "31.01.2025", "2025-1-31", "2025-02-30", "2025-01-31 25:00", "2025-01-31 00:00:00.5", "20250131", "2025-01-31x"],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_date(text)


def test_whole_numbers() -> None:
    assert parse_whole("1735689600000") == parse_whole("1735689600000.0") == 1_735_689_600_000
    assert [parse_whole(text) for text in ("", "-5", "1.5", "1e12", "９", "9" * 19, "9" * 20)] == [None] * 7
