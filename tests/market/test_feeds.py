"""Feeds lay bars on the axis of steps: every bar once, at the step it closed, and nothing beyond the cursor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import PushFeed, ReplayFeed, UnitBar
from engine.errors import ConfigError, UsageError
from engine.recordings import Bars, Recording, open_recording
from engine.recordings.manifest import to_coin
from engine.recordings.store import save
from engine.state import FIELDS, Raw
from tests.worlds import MINUTE, START, candles, instrument, market, units, walk

PLACES = st.sets(st.integers(0, 40), min_size=1, max_size=20).map(sorted)


def bars_at(places: list[int], interval: str = "1m") -> Bars:
    return candles([100 + n for n in places], at=places, interval=interval)


def seen(raw: Raw) -> dict[str, Any]:
    """What the feed shows of each coin: its bars so far, and whether one has just closed."""
    just = [coin for coin, _ in raw.bars()]
    return {coin: (raw[coin].time.tolist(), raw[coin].close.tolist(), coin in just, raw.price(coin)) for coin in raw.coins}


@settings(max_examples=60)
@given(st.lists(PLACES, min_size=1, max_size=3), st.sampled_from([1, 3, 5, 15]))
def test_every_step_shows_what_a_walk_over_the_bars_shows(places: list[list[int]], minutes: int) -> None:
    coins = {f"C{n}USDT": bars_at(its) for n, its in enumerate(places)}
    feed = ReplayFeed(market(coins), interval=f"{minutes}m")
    times = sorted({START + (place + 1) * MINUTE for its in places for place in its})
    assert list(feed.timestamps) == times
    assert len(feed) == len(times)
    before: dict[str, int] = dict.fromkeys(coins, 0)
    for step, time in enumerate(times):
        feed.advance(time)
        raw = feed.latest
        assert (raw.step, raw.time) == (step, time)
        shown = seen(raw)
        for (coin, _), its in zip(coins.items(), places, strict=True):
            closed = [place for place in its if START + (place + 1) * MINUTE <= time]
            buckets = sorted({place // minutes for place in closed})
            whole = [b for b in buckets if START + (b + 1) * minutes * MINUTE <= time]
            closes = [100.0 + max(place for place in its if place // minutes == b) for b in whole]
            opened, close, just, price = shown[coin]
            assert opened == [START + b * minutes * MINUTE for b in whole]
            assert close == closes
            assert just == (len(whole) > before[coin])
            before[coin] = len(whole)
            np.testing.assert_equal(price, 100.0 + closed[-1] if closed else float("nan"))
    assert list(feed.timestamps) == []


def test_the_tracks_tell_rows_and_steps_both_ways() -> None:
    feed = ReplayFeed(market({"AAAUSDT": bars_at([0, 1, 4]), "BBBUSDT": bars_at([1, 2, 3, 4, 5])}))
    first, second = feed.latest.events
    assert [first.row(step) for step in range(6)] == [0, 1, -1, -1, 2, -1]
    assert [first.last_row(step) for step in range(-1, 6)] == [-1, 0, 1, 1, 1, 2, 2]
    assert [first.step_of(row) for row in range(3)] == [0, 1, 4]
    assert [second.row(step) for step in range(6)] == [-1, 0, 1, 2, 3, 4]
    assert [second.step_of(row) for row in range(5)] == [1, 2, 3, 4, 5]
    (alone,) = ReplayFeed(market(bars_at([0, 3, 9]))).latest.events
    assert alone.row_at is None, "the common case stays the cheap one"
    assert [alone.row(step) for step in range(3)] == [0, 1, 2]
    assert [alone.step_of(row) for row in range(3)] == [0, 1, 2]


def test_coins_recorded_at_different_intervals_share_the_axis() -> None:
    bars = {"AAAUSDT": bars_at(list(range(10))), "BBBUSDT": bars_at([0, 1], "5m")}
    recording = Recording.from_bars(bars, {coin: instrument(coin) for coin in bars})
    feed = ReplayFeed(recording)
    assert feed.interval == "1m"
    closed = []
    for time in feed.timestamps:
        feed.advance(time)
        closed.append([coin for coin, _ in feed.latest.bars()])
    assert closed == [["AAAUSDT"]] * 4 + [["AAAUSDT", "BBBUSDT"]] + [["AAAUSDT"]] * 4 + [["AAAUSDT", "BBBUSDT"]]


def test_decision_bars_are_made_of_the_steps_whatever_longer_bars_are_recorded_beside_them(tmp_path: Path) -> None:
    """Those may be of another period, or of the same and say otherwise: the market that is flown is one."""
    minutes, filters = walk(40, keep=0.9), [to_coin(instrument("BTCUSDT"), [])]
    alone = ReplayFeed(market(minutes), interval="5m")
    for n, begin in enumerate((START - 10**6 * MINUTE, START, START + 10 * MINUTE, START + 10**6 * MINUTE)):
        (tmp_path / str(n)).mkdir()
        series = {("BTCUSDT", "1m"): minutes, ("BTCUSDT", "5m"): walk(30, 7, interval="5m", start=begin)}
        save(tmp_path / str(n), series, coins=filters, source="a test", synthetic=False, spot=True, notes=[])
        recording = open_recording(tmp_path / str(n))
        assert recording.bars("BTCUSDT", "5m") == series["BTCUSDT", "5m"]
        both = ReplayFeed(recording, interval="5m")
        assert [track.bars for track in both.latest.decisions] == [track.bars for track in alone.latest.decisions]
        assert list(both.timestamps) == list(alone.timestamps)


def test_of_two_bars_that_count_at_one_step_the_newer_is_the_coin_s() -> None:
    """The end of minutes 0..2 is missing, and the next event closes minutes 21..23 as well."""
    feed = ReplayFeed(market(bars_at([0, 23])), interval="3m")
    for time in feed.timestamps:
        feed.advance(time)
    ((_, bars),) = feed.latest.bars()
    assert bars.close.tolist() == [100.0, 123.0]
    (track,) = feed.latest.decisions
    assert (track.row(1), track.last_row(0), track.step_of(0), track.step_of(1)) == (1, -1, 1, 1)


def test_the_latest_view_is_one_and_the_same() -> None:
    feed = ReplayFeed(market(walk(20)))
    raw = feed.latest
    bars = raw["BTCUSDT"]
    for time in feed.timestamps[:5]:
        feed.advance(time)
        assert feed.latest is raw
        assert raw["BTCUSDT"] is bars
    assert len(bars) == 5
    assert raw.step == 4


def test_before_the_first_step_there_is_nothing() -> None:
    raw = ReplayFeed(market(walk(20))).latest
    assert (raw.step, raw.time) == (-1, -1)
    assert list(raw.bars()) == []
    assert raw["BTCUSDT"].close.tolist() == []
    assert np.isnan(raw.price("BTCUSDT"))
    assert raw.mark_units(0) == 0


def test_it_goes_to_the_next_step_and_to_no_other() -> None:
    feed = ReplayFeed(market(bars_at([0, 1, 5])))
    times = list(feed.timestamps)
    for wrong in (times[1], times[0] - 1, 0):
        with pytest.raises(UsageError, match="next step is not at"):
            feed.advance(wrong)
    for time in times:
        feed.advance(time)
        with pytest.raises(UsageError):
            feed.advance(time)
    assert feed.latest.step == 2


def test_bars_are_floats_of_the_exact_numbers() -> None:
    feed = ReplayFeed(market([(1.1, 2.3, 0.7, 1.9, "0.00000001")] * 3))
    feed.advance(feed.timestamps[0])
    bars = feed.latest["BTCUSDT"]
    assert bars.latest == {"time": START, "open": 1.1, "high": 2.3, "low": 0.7, "close": 1.9, "volume": 1e-8}
    assert bars.names == FIELDS
    assert bars.interval == MINUTE
    with pytest.raises(UsageError, match="bars have no 'price'; they have open"):
        bars["price"]
    with pytest.raises(AttributeError):
        _ = bars.price
    with pytest.raises(UsageError, match="XRPUSDT is not in this session; it has BTCUSDT"):
        feed.latest["XRPUSDT"]


def test_what_the_recording_has_not_is_refused() -> None:
    recording = market({"AAAUSDT": bars_at([0, 1], "5m")})
    for coins, interval, told in (
        (["XRPUSDT"], None, "has no XRPUSDT"),
        (None, "1m", "1m cannot be made of the 5m bars"),
        (None, "nonsense", "nonsense cannot be made"),
    ):
        with pytest.raises(ConfigError, match=told):
            ReplayFeed(recording, coins, interval)


# growing


def unit_bar(place: int, price: int = 100) -> UnitBar:
    return UnitBar(START + place * MINUTE, *[units(price)] * 4, units(1))


def push_feed() -> PushFeed:
    return PushFeed([instrument("AAAUSDT"), instrument("BBBUSDT")], MINUTE)


@settings(max_examples=30)
@given(st.lists(PLACES, min_size=2, max_size=2))
def test_pushed_bars_are_seen_as_replayed_ones(places: list[list[int]]) -> None:
    coins = dict(zip(("AAAUSDT", "BBBUSDT"), map(bars_at, places), strict=True))
    replay, push = ReplayFeed(market(coins)), push_feed()
    for time in replay.timestamps:
        place = (time - START) // MINUTE - 1
        push.push(time, {coin: unit_bar(place, 100 + place) for coin, its in zip(coins, places, strict=True) if place in its})
    assert list(push.timestamps) == list(replay.timestamps)
    for time in list(replay.timestamps):
        replay.advance(time)
        push.advance(time)
        assert str(seen(push.latest)) == str(seen(replay.latest))
        assert push.latest.step == replay.latest.step


@settings(max_examples=60)
@given(st.lists(PLACES, min_size=2, max_size=2), st.sampled_from([1, 3, 5, 15]), st.integers(0, 2**20))
def test_bars_that_come_late_and_longer_ones_are_seen_the_same_pushed_and_replayed(
    places: list[list[int]], minutes: int, tardy: int
) -> None:
    """Late: seen from the next step on and never news; decision bars of several minutes do without."""
    coins = dict(zip(("AAAUSDT", "BBBUSDT"), map(bars_at, places), strict=True))
    late = {coin: [place for place in its if tardy >> place % 20 & 1] for coin, its in zip(coins, places, strict=True)}
    late["BBBUSDT"] = []
    moments = {coin: np.array([START + place * MINUTE for place in its], np.int64) for coin, its in late.items()}
    filters = {coin: instrument(coin) for coin in coins}
    replay = ReplayFeed(Recording.from_bars(coins, filters, late=moments), interval=f"{minutes}m")
    push = PushFeed(list(filters.values()), MINUTE, minutes * MINUTE)
    waiting: dict[str, list[UnitBar]] = {coin: [] for coin in coins}
    for place in range(41):
        due = {coin: unit_bar(place, 100 + place) for coin, its in zip(coins, places, strict=True) if place in its}
        bars = {coin: bar for coin, bar in due.items() if place not in late[coin]}
        if bars:
            push.push(START + (place + 1) * MINUTE, bars, {coin: its for coin, its in waiting.items() if its})
            waiting = {coin: [] for coin in coins}
        for coin in due.keys() - bars.keys():
            waiting[coin].append(due[coin])
    assert list(push.timestamps) == list(replay.timestamps)
    for time in list(replay.timestamps):
        replay.advance(time)
        push.advance(time)
        assert str(seen(push.latest)) == str(seen(replay.latest))


def test_the_decision_bar_that_forms_is_of_the_bars_so_far_and_the_one_that_forms_itself() -> None:
    feed = PushFeed([instrument("AAAUSDT"), instrument("BBBUSDT")], MINUTE, 5 * MINUTE)

    def bar(place: int, open_: int, high: int, low: int, close: int) -> UnitBar:
        return UnitBar(START + place * MINUTE, *map(units, (open_, high, low, close)), units(10))

    assert feed.forming("AAAUSDT", None) is None
    assert feed.forming("AAAUSDT", bar(1, 5, 6, 4, 5)) == bar(0, 5, 6, 4, 5)
    for place in range(7):
        feed.push(START + (place + 1) * MINUTE, {"AAAUSDT": bar(place, 10 + place, 20 + place, 5 + place, 11 + place)})
        feed.advance(START + (place + 1) * MINUTE)
    so_far = bar(5, 15, 26, 10, 17)._replace(volume=units(20))
    assert feed.forming("AAAUSDT", None) == so_far
    assert feed.forming("AAAUSDT", bar(7, 17, 40, 2, 30)) == bar(5, 15, 40, 2, 30)._replace(volume=units(30))
    assert feed.forming("AAAUSDT", bar(11, 7, 8, 6, 7)) == bar(10, 7, 8, 6, 7), "a bar of the next begins it"
    assert feed.forming("BBBUSDT", None) is None


def test_columns_grow_and_views_stay() -> None:
    feed = push_feed()
    kept = []
    for n in range(700):
        feed.push(START + (n + 1) * MINUTE, {"AAAUSDT": unit_bar(n, n + 1)})
        feed.advance(START + (n + 1) * MINUTE)
        kept.append(feed.latest["AAAUSDT"].close)
    for n, view in enumerate(kept):
        assert len(view) == n + 1
        assert view[-1] == n + 1
        assert not view.flags.writeable
    assert kept[-1].tolist() == list(range(1, 701))


def test_time_goes_forward_and_steps_come_in_turn() -> None:
    feed = push_feed()
    feed.push(START + MINUTE, {"AAAUSDT": unit_bar(0)})
    for time in (START, START + MINUTE):
        with pytest.raises(UsageError, match="time goes forward"):
            feed.push(time, {"AAAUSDT": unit_bar(0)})
    with pytest.raises(UsageError, match="no step waits"):
        feed.advance(START + 2 * MINUTE)
    feed.advance(START + MINUTE)
    with pytest.raises(UsageError, match="no step waits"):
        feed.advance(START + 2 * MINUTE)
    with pytest.raises(UsageError, match="time goes forward"):
        feed.push(START + MINUTE, {"AAAUSDT": unit_bar(1)})


def test_a_bar_of_an_unknown_coin_or_a_step_without_bars_is_refused() -> None:
    feed = push_feed()
    with pytest.raises(UsageError, match="XRPUSDT is not in this session; it has AAAUSDT, BBBUSDT"):
        feed.push(START + MINUTE, {"XRPUSDT": unit_bar(0)})
    with pytest.raises(UsageError, match="no bar"):
        feed.push(START + MINUTE, {})
    assert list(feed.timestamps) == []
