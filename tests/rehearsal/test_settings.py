"""Settings of a rehearsal: every key explained, every mistake with its place, and the exchange that comes of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from engine.config import find_config, load_config
from engine.errors import ConfigError, RecordingError
from engine.model import INTERVALS
from engine.recordings import Recording
from engine.recordings.bars import stamp
from engine.rehearsal.opening import open_exchange
from engine.rehearsal.settings import (
    RehearsalSettings,
    SettingsTables,
    are_settings,
    load_settings,
    parse_settings,
)
from tests.rehearsal.test_signing import ED25519, pem_of
from tests.worlds import START, candles, instrument, market, walk

CONFIGS = Path(__file__).parents[2] / "configs"
EXAMPLE = CONFIGS / "exchange.toml"
MINUTE, DAY, WEEK = INTERVALS["1m"], INTERVALS["1d"], INTERVALS["1w"]


def settings(**tables: Any) -> RehearsalSettings:
    return RehearsalSettings.from_dict({"recording": "memory", **tables})


def mistakes(text: str, **changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_settings(f'recording = "x"\n{text}', "x.toml", changes)
    assert "configs/exchange.toml explains every key" in caught.value.hint
    return caught.value.message.split("\n")


def models(of: Any) -> list[type[BaseModel]]:
    if get_origin(of):
        return [model for arg in get_args(of) for model in models(arg)]
    return [of] if isinstance(of, type) and issubclass(of, BaseModel) else []


# the example


def test_the_example_is_valid_and_says_what_is_there_without_it() -> None:
    its = load_settings(EXAMPLE)
    assert its.beside == CONFIGS
    plain = settings()
    assert (its.speed, its.seed, its.fills, its.limits, its.connections) == (
        plain.speed,
        plain.seed,
        plain.fills,
        plain.limits,
        plain.connections,
    )
    assert (its.recording, its.begin, its.accounts[0].balances) == (
        "recordings/demo",
        1_741_771_800 * 10**9,
        {"USDT": Decimal(10_000)},
    )
    office = open_exchange(its).office
    assert list(office.venue.market.index) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


def test_the_example_mentions_every_key() -> None:
    text = EXAMPLE.read_text()
    for name, field in SettingsTables.model_fields.items():
        tables = models(field.annotation)
        assert any(f"{form}" in text for form in ([f"[{name}]", f"[{name}.", f"[[{name}]]"] if tables else [f"\n{name} = "]))
        for key in (key for table in tables for key in table.model_fields):
            assert f"\n{key} = " in text or f"\n# {key} = " in text, key


def test_it_is_told_from_a_sessions_config() -> None:
    assert are_settings(EXAMPLE)
    others = sorted(set(CONFIGS.glob("*.toml")) - {EXAMPLE})
    assert len(others) > 3
    for path in others:
        assert not are_settings(path)
        load_config(path)
    with pytest.raises(ConfigError, match="is not a known key"):
        load_config(find_config("exchange"))


# mistakes


def test_all_mistakes_are_told_at_once_with_their_lines() -> None:
    text = """sped = 2
[[accounts]]
api_key = "short"
balance = {}
[filters.BTCUSDT]
lott = 1
[limits]
patience = 0
[fills]
taker_bps = -1"""
    assert [line.split(" ")[:2] for line in mistakes(text)] == [
        ["x.toml:2:", "sped"],
        ["x.toml:4:", "accounts.0.api_key"],
        ["x.toml:5:", "accounts.0.balance"],
        ["x.toml:7:", "filters.BTCUSDT.lott"],
        ["x.toml:9:", "limits.patience"],
        ["x.toml:11:", "fills.taker_bps"],
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sped = 2", "did you mean 'speed'"),
        ("patience = 2", "it belongs under [limits]"),
        ("speed = -1", "should be 0 or more"),
        ("speed = inf", "should be a finite number"),
        ('begin = "soon"', "should be a time such as 2025-06-14T12:30"),
        ("begin = 5", "should be a time such as"),
        ("loop = 1", "should be true"),
        ("accounts = 5", "head each with [[accounts]]"),
        ("accounts = []", "head each with [[accounts]]"),
        ("[[accounts]]\nbalances = { USDT = -1 }", "should be 0 or more"),
        ("[[accounts]]\nbalances = { USDT = 1e12 }", "more than can be counted"),
        ("[[accounts]]\n[[accounts]]", "names of their own"),
        (f'[[accounts]]\napi_key = "{"a" * 64}"\n[[accounts]]\nname = "b"\napi_key = "{"a" * 64}"', "API keys of their own"),
        ('[[accounts]]\npublic_key = "x"', "is no public key of RSA or Ed25519"),
        (f'[[accounts]]\napi_key = "{"é" * 64}"', "64 letters and digits"),
        ("[filters.BTCUSDT]\nlot = 0", "should be above 0"),
        ("[filters.BTCUSDT]\nprice_up = 0", "should be a factor above 0"),
        ("[filters.BTCUSDT]\nprice_up = 0.5\nprice_down = 0.5", "should be below price_up"),
        ("[connections]\nlife_s = 0", "a number of seconds above 0"),
    ],
)
def test_what_is_wrong_and_what_to_do(text: str, words: str) -> None:
    assert words in "; ".join(mistakes(text))


def test_a_key_goes_with_one_way_to_sign() -> None:
    pem = pem_of(ED25519)
    assert settings(accounts=[{"public_key": pem}]).accounts[0].public_key == pem
    with pytest.raises(ConfigError, match="stands beside api_secret"):
        settings(accounts=[{"api_secret": "x", "public_key": pem}])


def test_what_was_typed_stands_above_the_file_and_is_named_where_it_is_wrong() -> None:
    its = parse_settings('recording = "a"\nspeed = 5', changes={"recording": "b", "begin": "2025-01-02"})
    assert (its.recording, its.speed, its.begin) == ("b", 5, START + DAY)
    assert mistakes("speed = 5", speed=-1.0) == ["--speed: speed should be 0 or more, not -1.0"]


# opening


def test_it_opens_after_some_history() -> None:
    for rows, bars in ((40, 10), (8_000, 1_000)):
        venue = open_exchange(settings(), market(walk(rows))).office.venue
        assert venue.now // MINUTE * MINUTE == START + bars * MINUTE
        assert venue.market.coins[0].row == bars


def test_it_opens_where_it_is_set_to() -> None:
    recording = market(walk(100))
    venue = open_exchange(settings(begin=stamp(START + 30 * MINUTE), speed=0), recording).office.venue
    assert venue.now == START + 30 * MINUTE
    for begin in (START - 1, START + 100 * MINUTE):
        with pytest.raises(ConfigError, match="begin between"):
            open_exchange(settings(begin=stamp(begin // 10**9 * 10**9)), recording)


@pytest.mark.parametrize(
    ("rows", "interval", "unit"), [(3000, "1h", DAY), (100, "1h", DAY), (100, "1m", INTERVALS["1h"]), (20, "1m", MINUTE)]
)
def test_it_is_told_as_if_it_happened_now(rows: int, interval: str, unit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = START + 1000 * DAY + 12_345_678 * 10**6
    monkeypatch.setattr("engine.seam.wall_ns", lambda: wall)
    begin = START + 5 * INTERVALS[interval]
    asked = settings(now=True, speed=0, begin=stamp(begin))
    venue = open_exchange(asked, market(walk(rows, interval=interval))).office.venue
    assert venue.now == wall
    coin = venue.market.coins[0]
    assert coin.shift % unit == 0
    assert begin <= wall - coin.shift < begin + (WEEK if rows == 3000 else unit)
    assert venue.market.due is not None
    assert venue.market.due >= wall


def test_accounts_begin_with_what_they_are_given() -> None:
    coins = {"BTCUSDT": instrument("BTCUSDT"), "ETHBTC": instrument("ETH/BTC")}
    recording = Recording.from_bars(dict.fromkeys(coins, candles([100] * 5)), coins)
    opened = open_exchange(settings(accounts=[{"name": "a"}, {"name": "b", "balances": {"ETH": "0.5"}}]), recording)
    a, b = (desk.records.balances() for desk in opened.office.venue.desks.values())
    assert a == {"USDT": (10_000 * 10**8, 0), "BTC": (10_000 * 10**8, 0), "ETH": (0, 0)}
    assert b == {"ETH": (5 * 10**7, 0), "BTC": (0, 0), "USDT": (0, 0)}
    keys = [its.api_key for its in opened.credentials]
    assert len(set(keys)) == 2
    assert all(len(key) == 64 and key.isalnum() for key in keys)


@pytest.mark.parametrize(
    ("tables", "words"),
    [({"filters": {"BTCUSD": {}}}, "did you mean 'BTCUSDT'"), ({"coins": ["XRPUSDT"]}, "it has BTCUSDT")],
)
def test_coins_that_are_not_there(tables: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_exchange(settings(**tables), market([100] * 5))
    assert words in str(caught.value)


def test_a_recording_that_is_not_there() -> None:
    with pytest.raises(RecordingError, match="there is no recording"):
        open_exchange(settings(recording="nowhere"))
