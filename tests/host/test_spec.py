"""Where a session begins: a step, a time, or after some history."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from engine import LocalTradeSystem, ReplayFeed, Strategy
from engine.config import SessionConfig
from engine.errors import ConfigError, RecordingError, TickdeckError, UsageError
from engine.host.ground import stage_of
from engine.host.player import Player
from engine.host.spec import HISTORY, Spec, Tell, prepare_player, settings_of, start_of
from engine.session import Session
from tests.worlds import candles, market
from tui.commands.check import findings_of


def ready(spec: Spec, tell: Tell) -> Player:
    return prepare_player(settings_of(spec, tell), spec, tell)


def session(rows: int = 5000, gap: int = 0) -> Session:
    recording = market(candles([100] * rows, at=[n + (gap if n >= rows // 2 else 0) for n in range(rows)]))
    return Session(
        SessionConfig.from_dict({"recording": "memory"}), recording, ReplayFeed(recording), LocalTradeSystem(), Strategy()
    )


@pytest.mark.parametrize(
    ("at", "steps"),
    [
        ("1", 2),
        ("0", 1),
        ("4000", 4001),
        ("5000", 5000),
        ("999999999", 5000),
        ("2025-01-01", 1),
        ("2025-01-01T00:01", 1),
        ("2025-01-01T00:01:30", 1),
        ("2025-01-01T00:02", 2),
        ("2025-01-01T01:00Z", 60),
        ("2025-01-01T01:00+00:00", 60),
        ("2025-01-01T02:00+01:00", 60),
        ("2025-01-01 01:00", 60),
        ("2024-12-31T23:59", 1),
        ("1970-01-01", 1),
        ("1700-01-01", 1),
        ("2025-01-04T11:20", 5000),
        ("2030-01-01", 5000),
        ("9999-12-31", 5000),
    ],
)
def test_at_is_a_step_or_a_time(at: str, steps: int) -> None:
    assert start_of(session(), at) == steps


def test_a_time_in_a_gap_is_the_last_step_before_it() -> None:
    assert start_of(session(10, gap=100), "2025-01-01T01:00") == 5


@pytest.mark.parametrize("at", ["", "-5", "noon", "12:30", "2025-13-01", "1.5", "5 steps"])
def test_what_is_neither_is_refused(at: str) -> None:
    with pytest.raises(UsageError, match="neither a step nor a time") as caught:
        start_of(session(), at)
    assert "5000" in caught.value.hint


def test_without_it_there_is_history_behind_and_a_future_ahead() -> None:
    assert start_of(session(), None) == HISTORY + 1
    assert start_of(session(900), None) == 451
    assert start_of(session(1), None) == 1


def test_a_spec_becomes_a_player_that_says_what_it_does() -> None:
    said: list[str] = []
    player = ready(Spec(socket="", config="demo", at="1999", speed=50, overrides={"fast": "7"}), said.append)
    assert (player.done, player.speed, player.playing) == (2000, 50.0, False)
    assert player.session.strategy.fast == 7
    assert any("recordings/demo" in text for text in said)
    assert all("\n" not in text for text in said)


def test_a_recording_alone_is_flown_without_a_strategy() -> None:
    player = ready(Spec(socket="", recording="recordings/demo"), lambda text: None)
    assert type(player.session.strategy) is Strategy
    assert player.hello().strategy == ""
    assert player.done == HISTORY + 1
    with_config = ready(Spec(socket="", config="rsi", recording="recordings/demo", speed=-1), lambda text: None)
    assert with_config.hello().strategy == "RsiReversion"
    assert with_config.speed == 0


@pytest.mark.parametrize(
    ("spec", "error", "told"),
    [
        ({"config": "nowhere.toml"}, ConfigError, "nowhere.toml"),
        ({"recording": "nowhere"}, RecordingError, "nowhere"),
        ({"overrides": {"fsat": "3"}}, ConfigError, "did you mean 'fast'"),
        ({"overrides": {"fils.taker_bps": "3"}}, ConfigError, "fills"),
        ({"at": "tomorrow"}, UsageError, "neither a step nor a time"),
        ({"overrides": {"account.cash.BNB": "5"}}, ConfigError, "BNB cannot be valued"),
    ],
)
def test_what_cannot_be_flown_is_said_as_an_error_of_ours(spec: dict[str, Any], error: type[TickdeckError], told: str) -> None:
    with pytest.raises(error, match=told):
        ready(Spec(socket="", **spec), lambda text: None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"begin": "2030-01-01"}, "rehearsal.begin: demo has no 2030-01-01 00:00:00"),
        ({"begin": "2025-03-24T00:00"}, "rehearsal.begin: demo has no 2025-03-24 00:00:00"),
        ({"begin": "2025-03-09T23:59:59"}, "rehearsal.begin: demo has no 2025-03-09 23:59:59"),
        ({"recording": "no-such"}, "rehearsal.recording: there is no recording no-such"),
        ({"coins": ["DOGEUSDT"]}, "coins: demo, which the rehearsal plays, has no DOGEUSDT; it has BTCUSDT"),
    ],
)
def test_a_rehearsal_that_cannot_be_is_told_before_it_is_flown(given: dict[str, Any], told: str, tmp_path: Path) -> None:
    coins = given.pop("coins", ["BTCUSDT"])
    tables = {"mode": "rehearsal", "coins": coins, "rehearsal": given}
    with pytest.raises(ConfigError, match=re.escape(told)):
        stage_of(SessionConfig.from_dict(tables))
    path = tmp_path / "mine.toml"
    path.write_text(tomli_w.dumps(tables))
    assert [(its.level, told in its.text) for its in findings_of(str(path), {})] == [("error", True)]


def test_a_rehearsal_plays_what_is_replayed_and_is_not_stale_by_its_own_nature() -> None:
    tables = {"mode": "rehearsal", "coins": ["BTCUSDT"]}
    stage = stage_of(SessionConfig.from_dict({**tables, "rehearsal": {"begin": "2025-03-12T00:00:00.5"}}))
    assert (stage.recording.name, stage.begin % 10**9, stage.stale_s) == ("demo", 500_000_000, 120)
    fast = SessionConfig.from_dict({**tables, "rehearsal": {"speed": 60}})
    assert stage_of(fast).stale_s == 15
    assert SessionConfig.from_dict({**tables, "recording": "mine"}).rehearsed == "mine"
    assert SessionConfig.from_dict({**tables, "recording": "mine", "rehearsal": {"recording": "theirs"}}).rehearsed == "theirs"
