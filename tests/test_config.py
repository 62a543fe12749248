"""Session configs: exact numbers, every mistake with its line, overrides, and thousands of damaged files."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import SessionConfig, find_config, load_config, parse_config
from engine.config.models import SessionTables
from engine.config.quantities import scaled
from engine.config.text import MAX_BYTES, key_lines, parse_value
from engine.errors import ConfigError

CONFIGS = Path(__file__).parents[1] / "configs"
BUNDLED = ("demo", "momentum", "replay", "rsi")

DESIGNED = """
mode = "replay"
recording = "recordings/demo"
coins = ["BTCUSDT", "ETHUSDT"]
interval = "1m"

[strategy]
use = "engine.strategy.examples:SmaCross"
params = { fast = 50, slow = 200, size = 0.99 }

[[features]]
use = "Indicator"
params = { fn = "RSI", timeperiod = 14 }

[account]
currency = "USDT"
cash = { USDT = 10000 }

[fills]
maker_bps = 10
taker_bps = 10
fee_asset = "received"
slippage_bps = 0
limit_fill = "through"
"""


def config_of(text: str) -> SessionConfig:
    return parse_config(f'recording = "r"\n{text}')


def mistakes(text: str, source: str = "x.toml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source)
    return caught.value.message.split("\n")


def mistake(text: str) -> str:
    (only,) = mistakes(text)
    return only


# what a config says


def test_the_designed_config() -> None:
    config = parse_config(DESIGNED)
    assert (config.mode, config.recording, config.coins, config.interval) == (
        "replay",
        "recordings/demo",
        ("BTCUSDT", "ETHUSDT"),
        "1m",
    )
    assert config.strategy is not None
    assert config.strategy.use == "engine.strategy.examples:SmaCross"
    assert config.strategy.params == {"fast": 50, "slow": 200, "size": 0.99}
    assert [(feature.use, feature.params) for feature in config.features] == [("Indicator", {"fn": "RSI", "timeperiod": 14})]
    assert config.account.balances == {"USDT": 10_000 * 10**8}
    fills = config.fills
    assert (fills.maker, fills.taker, fills.slippage, fills.volume_share) == (100_000, 100_000, 0, 0)
    assert (fills.fee_asset, fills.limit_fill) == ("received", "through")


def test_what_is_left_out_has_a_default() -> None:
    config = parse_config('recording = "r"')
    assert (config.coins, config.interval, config.seed, config.strategy, config.features) == (None, None, 0, None, ())
    assert config.account.balances == {"USDT": 10_000 * 10**8}
    assert config.fills == parse_config(DESIGNED).fills
    assert config_of('[account]\ncurrency = "EUR"').account.balances == {"EUR": 10_000 * 10**8}


def test_parameters_keep_their_types() -> None:
    config = config_of('[strategy]\nuse = "a:B"\nparams = { i = 1, f = 1.0, b = true, s = "x", l = [1, 2.5], e = 1e400 }')
    assert config.strategy is not None
    params = config.strategy.params
    assert [type(value) for value in params.values()] == [int, float, bool, str, list, float]
    assert params["l"] == [1, 2.5]
    assert params["e"] == float("inf")


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_configs_are_valid(name: str) -> None:
    config = load_config(find_config(name))
    assert config.strategy is not None
    assert config.beside == CONFIGS
    assert config.source.endswith(f"{name}.toml")


def test_replay_toml_mentions_every_key() -> None:
    text = (CONFIGS / "replay.toml").read_text()
    for table, keys in known_keys().items():
        assert not table or f"[{table}]" in text
        for key in keys:
            assert f"{key} = " in text or f"[{key}]" in text, key


def test_the_demo_flies_the_reference_strategy() -> None:
    demo = load_config(find_config("demo"))
    assert demo.recording == "recordings/demo"
    assert demo.strategy is not None
    assert demo.strategy.params == {"fast": 50, "slow": 200, "size": 0.99}
    assert [feature.use for feature in demo.features] == ["RSI", "ATR"]


# exact numbers


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("10000", 10_000 * 10**8),
        ("0.1", 10**7),
        ('"0.10000000"', 10**7),
        ("123456789.12345678", 12345678912345678),
        ("92233720368.54775807", 2**63 - 1),
        ("1e-8", 1),
        ("0", 0),
        ("1_000.5", 100_050_000_000),
        ('"1e3"', 10**11),
        ("0e999999999", 0),
    ],
)
def test_money_is_exact(text: str, units: int) -> None:
    assert config_of(f"[account]\ncash = {{ USDT = {text} }}").account.balances["USDT"] == units


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1e-9", "finer than 1e-8"),
        ("0.123456789", "finer than 1e-8"),
        ("-1", "0 or more"),
        ("nan", "finite"),
        ("inf", "finite"),
        ('"ten"', "should be a number, not 'ten'"),
        ("true", "should be a number, not True"),
        ("[1]", "should be a number, not a list"),
        ("1979-05-27", "should be a number"),
        ("1e999999999", "far too large"),
        ("1e-999999999", "finer than 1e-8"),
        ("1e99999999999999999999", "finite"),
        ("1" * 41, "does not fit 64 bits"),
        ("92233720368.54775808", "does not fit 64 bits"),
        ("1." + "0" * 3000 + "1", "finer than 1e-8"),
    ],
)
def test_money_that_cannot_be_counted_is_refused(text: str, words: str) -> None:
    started = time.perf_counter()
    line = mistake(f'recording = "r"\n[account]\ncash = {{ USDT = {text} }}')
    assert line.startswith("x.toml:3: account.cash")
    assert words in line
    assert len(line) < 200
    assert time.perf_counter() - started < 5


def test_a_coarser_unit_holds_more() -> None:
    text = "[account]\ndecimals = { PEPE = 2 }\ncash = { PEPE = 10000000000000.25 }"
    assert config_of(text).account.balances == {"PEPE": 1_000_000_000_000_025}
    assert "set a coarser unit" in mistake('recording = "r"\n[account]\ncash = { PEPE = 10000000000000 }')
    assert "finer than its unit of 1e-2" in mistake(
        'recording = "r"\n[account]\ndecimals = { PEPE = 2 }\ncash = { PEPE = 0.125 }'
    )
    assert "USDT is the currency" in mistake('recording = "r"\n[account]\ndecimals = { USDT = 2 }')
    assert "at most 8, not 9" in mistake('recording = "r"\n[account]\ndecimals = { PEPE = 9 }')


@pytest.mark.parametrize(
    ("bps", "units"),
    [("10", 100_000), ("7.5", 75_000), ("0.0001", 1), ('"2.25"', 22_500), ("0", 0), ("9999.9999", 99_999_999)],
)
def test_basis_points_are_exact_rates(bps: str, units: int) -> None:
    fills = config_of(f"[fills]\nmaker_bps = {bps}\ntaker_bps = {bps}\nslippage_bps = {bps}").fills
    assert (fills.maker, fills.taker, fills.slippage) == (units, units, units)


@pytest.mark.parametrize("bps", ["-1", "10000", "0.00001", "nan", "inf", "true", '"x"', "[1]", "1e-999999999", "1e999999999"])
def test_rates_that_cannot_be_are_refused(bps: str) -> None:
    assert mistake(f'recording = "r"\n[fills]\ntaker_bps = {bps}').startswith("x.toml:3: fills.taker_bps ")


@pytest.mark.parametrize(("share", "units"), [("1", 10**8), ("0.1", 10**7), ("1e-8", 1)])
def test_the_volume_share_is_exact(share: str, units: int) -> None:
    assert config_of(f"[fills]\nmax_volume_share = {share}").fills.volume_share == units


@pytest.mark.parametrize("share", ["0", "1.01", "-0.1", "1e-9", "nan"])
def test_a_share_of_nothing_is_refused_rather_than_taken_for_no_limit(share: str) -> None:
    assert mistake(f'recording = "r"\n[fills]\nmax_volume_share = {share}').startswith("x.toml:3: fills.max_volume_share ")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**12), max_value=10**12), st.integers(0, 8))
def test_scaled_is_exact_or_none(number: Decimal, places: int) -> None:
    exact = Fraction(number) * 10**places
    assert scaled(number, places) == (int(exact) if exact.denominator == 1 else None)


def test_a_float_from_python_means_what_it_prints() -> None:
    config = SessionConfig.from_dict({"recording": "r", "account": {"cash": {"USDT": 0.1, "BTC": Decimal("1E-8")}}})
    assert config.account.balances == {"USDT": 10**7, "BTC": 1}


# mistakes


def test_all_mistakes_are_told_at_once_each_with_its_line() -> None:
    text = """
mode = "liv"
recordng = 5
interval = "7m"
coins = ["A", "A"]
maker_bps = 1
[strategi]
[strategy]
use = "SmaCross"
params = { deep = { b = 1 }, when = 1979-05-27, "not a name" = 1 }
[[features]]
params = 3
[[features]]
use = "RSI"
[features.parms]
[account]
currency = ""
cash = [1]
[fills]
fee_asset = "gold"
limit_fill = true
[risk]
max_drawdown_pct = 120
max_open_order = 3
"""
    expected = {
        1: "recording is missing",
        2: "mode is 'liv', which is no mode (did you mean 'live'?)",
        3: "recordng is not a known key (did you mean 'recording'?)",
        4: "interval is '7m', which is no interval",
        5: "coins names A twice",
        6: "maker_bps is not a known key; it belongs under [fills]",
        7: "strategi is not a known key (did you mean 'strategy'?)",
        9: "strategy.use should be module:Class or path/to/file.py:Class, not 'SmaCross'",
        12: "features.0.params should be a table, not 3",
        15: "features.1.parms is not a known key (did you mean 'params'?)",
        17: "account.currency should be a short printable text, not ''",
        18: "account.cash should be a table, not a list",
        20: 'fills.fee_asset should be "received", "quote" or "bnb", not \'gold\'',
        21: 'fills.limit_fill should be "through" or "touch", not True',
        23: "risk.max_drawdown_pct should be above 0 and at most 100 percent, not 120",
        24: "risk.max_open_order is not a known key (did you mean 'max_open_orders'?)",
    }
    found = mistakes(text)
    for line, words in expected.items():
        assert any(one.startswith(f"x.toml:{line}: {words}") for one in found), (line, words, found)
    assert sum(one.startswith("x.toml:10: strategy.params.") for one in found) == 3
    assert any(one.startswith("x.toml:11: features.0.use is missing") for one in found)
    assert len(found) == len(expected) + 4
    assert [int(one.split(":")[1]) for one in found] == sorted(int(one.split(":")[1]) for one in found)


def test_there_are_six_modes() -> None:
    for mode in ('"fly"', '"Replay"', "5", "[]"):
        told = mistake(f'recording = "r"\nmode = {mode}')
        assert "which is no mode" in told
        assert "one of replay, paper, rehearsal, testnet, demo, live" in told


def test_orders_go_where_the_mode_says_and_live_says_so_twice() -> None:
    def told(mode: str, binance: str) -> str:
        return mistake(f'mode = "{mode}"\ncoins = ["A"]\n[binance]\n{binance}')

    def trades(mode: str, binance: str = "") -> bool:
        return parse_config(f'mode = "{mode}"\ncoins = ["A"]\n[binance]\n{binance}').trades

    assert 'environment must say "live" too, where orders are real' in mistake('mode = "live"\ncoins = ["A"]')
    assert 'environment must say "live" too, where orders are real' in told("live", 'environment = "testnet"')
    assert 'environment says "live", but the mode is testnet' in told("testnet", 'environment = "live"')
    assert "url is a rehearsal's, but the mode is demo" in told("demo", 'url = "http://127.0.0.1:1"')
    assert trades("live", 'environment = "live"')
    assert trades("testnet")
    assert trades("rehearsal", 'url = "http://127.0.0.1:1"')
    assert not trades("paper", 'environment = "testnet"')


def test_live_prices_are_of_coins_that_are_named() -> None:
    assert mistake('mode = "paper"') == "x.toml:1: coins is missing; live prices are those of the coins it names"
    config = parse_config('mode = "paper"\ncoins = ["BTCUSDT"]\n[binance]\nstreams = ["kline"]\nspeed = 0.5')
    assert (config.recording, config.binance.streams, config.binance.speed) == ("live", ("kline",), Decimal("0.5"))
    assert "speed should be above 0" in mistake('mode = "paper"\ncoins = ["A"]\n[binance]\nspeed = 0')


@pytest.mark.parametrize("use", ["", "SmaCross", "a:", ":B", "a:b c", "a:B\\u001b[31m", "a\\u0000:B", "file.py"])
def test_a_strategy_is_named_by_module_or_file_and_class(use: str) -> None:
    assert mistake(f'recording = "r"\n[strategy]\nuse = "{use}"').startswith("x.toml:3: strategy.use ")


@pytest.mark.parametrize("use", ["my_strategies:Dip", "strategies/dip.py:Dip", "/abs/p a t h/x.py:Dip"])
def test_strategy_names_that_can_be(use: str) -> None:
    config = config_of(f'[strategy]\nuse = "{use}"')
    assert config.strategy is not None
    assert config.strategy.use == use


def test_coins_are_a_list_of_names() -> None:
    assert config_of('coins = "BTCUSDT"').coins == ("BTCUSDT",)
    assert "should name a coin" in mistake('recording = "r"\ncoins = []')
    assert mistake('recording = "r"\ncoins = 5') == "x.toml:2: coins should be a list, not 5"
    assert mistake('recording = "r"\ncoins = ["A", 5]') == "x.toml:2: coins.1 should be a text, not 5"


def test_one_table_of_features_is_told_how_to_be_a_list() -> None:
    assert "head each with [[features]]" in mistake('recording = "r"\n[features]\nuse = "RSI"')


def known_keys() -> dict[str, list[str]]:
    tables = {"": list(SessionTables.model_fields)}
    for name in ("strategy", "account", "fills"):
        annotation = SessionTables.model_fields[name].annotation
        model = next(kind for kind in (annotation, *getattr(annotation, "__args__", ())) if hasattr(kind, "model_fields"))
        tables[name] = list(model.model_fields)
    return tables


def typos(word: str) -> Iterator[str]:
    """Every word at one edit, a swap of neighbours included; of the letters put in, some."""
    for n in range(len(word) + 1):
        if n < len(word):
            yield word[:n] + word[n + 1 :]
        if n < len(word) - 1 and word[n] != word[n + 1]:
            yield word[:n] + word[n + 1] + word[n] + word[n + 2 :]
        for letter in "aesx_z":
            yield word[:n] + letter + word[n:]
            if n < len(word) and letter != word[n]:
                yield word[:n] + letter + word[n + 1 :]


def test_every_key_one_letter_off_is_refused_and_its_neighbour_named() -> None:
    tried = 0
    tables = known_keys()
    for table, keys in tables.items():
        for key in keys:
            for typo in set(typos(key)) - set(keys) - {""}:
                rest = '\n[strategy]\nuse = "a:B"' if table != "strategy" else ""
                use = 'use = "a:B"\n' if table == "strategy" and key != "use" else ""
                head = f"[{table}]\n" if table else ""
                found = mistakes(f'recording = "r"\n{head}{use}{typo} = 1{rest if head else ""}')
                told = [line for line in found if f"{typo} is not a known key" in line]
                near = [other for other in keys if typo in set(typos(other))]
                assert len(told) == 1, found
                assert any(f"(did you mean '{other}'?)" in told[0] for other in near), told
                tried += 1
    assert tried > 2000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = ", 1),
        ("\n\nmode = replay", 3),
        ("[strategy\n", 1),
        ('a = "\n', 1),
        ("a = 1\na = 2", 2),
        ("a = '\x01'", 1),
        ("a = [\n1,\n", 3),
        ("\na = " + "9" * 5000, 2),
        ("\n\na = " + "[" * 3000, 3),
        ("\na = " + "{a=" * 3000, 2),
        ("\n" + "a." * 600 + "a = 1", 2),
        ("a = 0001", 1),
        ("a = 2025-13-45", 1),
    ],
)
def test_what_is_not_toml_is_refused_with_its_line(text: str, line: int) -> None:
    assert mistake(text).startswith(f"x.toml:{line}: ")


@pytest.mark.parametrize("text", ['a = "b\nc = 2', 'a = "b', "a = 'b", 'a = """b'])
def test_a_quote_that_is_missing_is_told_in_words(text: str) -> None:
    assert mistake(text) == "x.toml:1: is not TOML: a text has no quote at its end"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    latin, huge, folder = tmp_path / "latin.toml", tmp_path / "huge.toml", tmp_path / "folder.toml"
    latin.write_bytes(b'mode = "replay"\nrecording = "\xe9"\n')
    huge.write_text("#" * (MAX_BYTES + 1))
    folder.mkdir()
    for path, words in (
        (latin, ":2: is not UTF-8"),
        (huge, "too large"),
        (folder, "cannot be read"),
        (tmp_path / "no", "No such"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            load_config(path)
        assert caught.value.message.startswith(str(path))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config("a\0b.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config("x" * 5000)


def test_a_file_with_a_byte_order_mark_or_dos_lines(tmp_path: Path) -> None:
    path = tmp_path / "dos.toml"
    path.write_bytes(b"\xef\xbb\xbf" + DESIGNED.replace("\n", "\r\n").encode())
    assert load_config(path).recording == "recordings/demo"
    assert load_config(path).beside == tmp_path
    path.write_bytes(b'recording = "r"\r\n\r\nmod = 1\r\n')
    with pytest.raises(ConfigError, match=r"dos\.toml:3: mod is not"):
        load_config(path)


def test_configs_are_found_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config("demo") == CONFIGS / "demo.toml"
    Path("demo").write_text("")
    assert find_config("demo") == Path("demo")
    for name, words in (
        ("demp", "did you mean 'demo'"),
        ("a\0b", "there is no config|cannot be looked for"),
        ("", "no config"),
    ):
        with pytest.raises(ConfigError, match=words):
            find_config(name)


# lines


def test_the_line_of_every_key() -> None:
    text = '''# a comment with [brackets] and "quotes
a = 1
"b.c" = 2 # [no]
d.e . 'f g' = """
x = 1
[y]
"""
list = [ # [
  1, "]", 2, # ]
  [3],
]
[t]
i = { j = 1, k = [1,
 2] }
[[r]]
s = 1
[[r]]
s = '\'\'\'[''\'\'\'
[r.u]
v = 1
[[r.w]]
x = 1
[[r.w]]
x = "\\"]"
[ z . "q" ]
last = 1'''
    assert key_lines(text) == {
        ("a",): 2,
        ("b.c",): 3,
        ("d",): 4,
        ("d", "e"): 4,
        ("d", "e", "f g"): 4,
        ("list",): 8,
        ("t",): 12,
        ("t", "i"): 13,
        ("r",): 15,
        ("r", 0): 15,
        ("r", 0, "s"): 16,
        ("r", 1): 17,
        ("r", 1, "s"): 18,
        ("r", 1, "u"): 19,
        ("r", 1, "u", "v"): 20,
        ("r", 1, "w"): 21,
        ("r", 1, "w", 0): 21,
        ("r", 1, "w", 0, "x"): 22,
        ("r", 1, "w", 1): 23,
        ("r", 1, "w", 1, "x"): 24,
        ("z", "q"): 25,
        ("z", "q", "last"): 26,
    }


# overrides


def test_overrides_reach_every_key() -> None:
    config = parse_config(DESIGNED, "x.toml", beside=Path("/somewhere")).with_overrides(
        {
            "fast": "40",
            "strategy.params.size": "0.5",
            "fills.taker_bps": "5",
            "features.0.params.timeperiod": "7",
            "account.cash.BTC": "0.5",
            "coins": "ETHUSDT, BTCUSDT",
            "interval": "5m",
            "recording": "my data",
            "seed": "7",
        }
    )
    assert config.strategy is not None
    assert config.strategy.params == {"fast": 40, "slow": 200, "size": 0.5}
    assert config.fills.taker == 50_000
    assert config.features[0].params["timeperiod"] == 7
    assert config.account.balances == {"USDT": 10**12, "BTC": 5 * 10**7}
    assert (config.coins, config.interval, config.recording, config.seed) == (("ETHUSDT", "BTCUSDT"), "5m", "my data", 7)
    assert (config.source, config.beside) == ("x.toml", Path("/somewhere"))


def test_an_override_may_replace_a_whole_feature() -> None:
    config = parse_config(DESIGNED).with_overrides({"features.0": '{ use = "ATR" }'})
    assert [feature.use for feature in config.features] == ["ATR"]
    assert parse_config(DESIGNED).with_overrides({"features": []}).features == ()


def test_overrides_leave_the_first_config_alone() -> None:
    config = parse_config(DESIGNED)
    changed = config.with_overrides({"fast": 40, "slow": 100}).with_overrides({"fast": 30})
    assert config == parse_config(DESIGNED)
    assert config.strategy is not None
    assert changed.strategy is not None
    assert (config.strategy.params["fast"], changed.strategy.params["fast"], changed.strategy.params["slow"]) == (50, 30, 100)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("40", 40),
        ("true", True),
        ("0.5", Decimal("0.5")),
        ("[1, 2]", [1, 2]),
        ('"40"', "40"),
        ("word", "word"),
        ("two words", "two words"),
        ("5m", "5m"),
        ("2025-05-27", "2025-05-27"),
        ("1\nmode = 2", "1\nmode = 2"),
        ("1 # note", 1),
        ("", ""),
        ("recordings/my.data", "recordings/my.data"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_typed_value_is_toml_or_a_bare_word(text: str, value: Any) -> None:
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("fils.taker_bps", "5", "--set fils.taker_bps: fils is not a known key (did you mean 'fills'?)"),
        ("fills.taker_pbs", "5", "--set fills.taker_pbs: fills.taker_pbs is not a known key (did you mean 'taker_bps'?)"),
        ("fills.taker_bps", "five", "--set fills.taker_bps: fills.taker_bps should be a number, not 'five'"),
        ("fills", "5", "--set fills: fills should be a table, not 5"),
        ("features.3.use", "RSI", "--set features.3.use: features has 1 entries, numbered from 0"),
        ("mode.x", "1", "--set mode.x: mode is no table"),
        ("seed", "-1", "--set seed: seed should be at least 0, not -1"),
        ("a b", "1", "--set a b: strategy.params.a b is no name of a parameter"),
        ("..", "1", "--set ..: the config is not a known key"),
    ],
)
def test_a_wrong_override_names_itself(key: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(DESIGNED).with_overrides({key: value})
    assert caught.value.message.startswith(words)


@given(st.dictionaries(st.text("abf.012 stregy_", max_size=12), st.text(max_size=12), max_size=3))
def test_any_override_is_a_config_or_a_config_error(values: dict[str, str]) -> None:
    try:
        parse_config(DESIGNED).with_overrides(values)
    except ConfigError:
        pass  # refused, as it should be; anything else fails the test


# damage

PIECES = [
    *(
        "[",
        "]",
        "{",
        "}",
        "=",
        '"',
        "'",
        '"""',
        "'''",
        "\n",
        "\r",
        "\t",
        ".",
        ",",
        "#",
        "[[",
        "]]",
        "-",
        "_",
        "+",
        "\\",
        "\\u0000",
    ),
    *("nan", "inf", "true", "1979-05-27", "1e999", "1e-999999999", "1e99999999999999999999", "9" * 30, "0x" + "f" * 400, "0.1"),
    *("features", "strategy", "params", "use", "{a=1}", "[1,2]", "[" * 50, "a." * 40, "\x00", "\x1b", "\u202e", "é"),
]


def damaged(text: str, draw: random.Random) -> str:
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(text) + 1)
        stop = start + draw.randint(1, 12)
        match draw.randrange(6):
            case 0:
                text = text[:start] + text[stop:]
            case 1:
                text = text[:start] + draw.choice(PIECES) + text[start:]
            case 2:
                text = text[:start] + draw.choice(PIECES) + text[stop:]
            case 3:
                copied = draw.randrange(len(text) + 1)
                text = text[:start] + text[copied : copied + 30] + text[start:]
            case 4:
                lines = text.split("\n")
                draw.shuffle(lines)
                text = "\n".join(lines)
            case _:
                text = text[:start] + draw.choice([draw.choice(string.printable), chr(draw.randrange(0x3000))]) + text[stop:]
    return text


def test_twenty_thousand_damaged_configs_are_refused_with_a_line_or_valid() -> None:
    draw = random.Random(7)
    texts = [DESIGNED, *((CONFIGS / f"{name}.toml").read_text() for name in BUNDLED)]
    valid = 0
    for number in range(20_000):
        text = damaged(texts[number % len(texts)], draw)
        try:
            parse_config(text, "x.toml")
        except ConfigError as error:
            for line in error.message.split("\n"):
                place, _, words = line.partition(": ")
                assert 1 <= int(place.removeprefix("x.toml:")) <= text.count("\n") + 1, text
                assert words.isprintable(), text
        else:
            valid += 1
    assert 1_000 < valid < 19_000


@given(st.binary(max_size=200))
def test_bytes_are_a_config_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_config(path)


KEY = "pq1Xv0vYcE8dN3kZ6sTgQ2uWmH4aLrB7oJf9yKxCiDhSnUeRtPzMwGlVbAjF5O8I"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'recording = "demo"\n[binance]\napi_key = "{KEY}"', "config:3: binance.api_key"),
        (f'recording = "{KEY}"', "config:1: recording"),
        (f'mode = "{KEY}"', "config:1: mode"),
        (f'recording = "demo"\n\n[strategy]\nuse = "a:B"\nparams = {{ note = " {KEY} " }}', "config:5: strategy.params.note"),
        (f'recording = "demo"\ncoins = ["BTCUSDT", "{KEY}"]', "config:2: coins.1"),
        (f'recording = "demo"\ncoins = [["{KEY.encode().hex()[:64]}"]]', "config:2: coins.0.0"),
        ('recording = "demo"\nkey = """-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n"""', "config:2: key"),
    ],
)
def test_a_key_in_a_config_is_refused_and_not_repeated(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert caught.value.message == f"{where} looks like a key to an account, which no config holds"
    assert "tickdeck keys set" in caught.value.hint
    assert KEY[:6] not in str(caught.value)


def test_so_is_one_set_at_the_command_line() -> None:
    config = parse_config('recording = "demo"')
    with pytest.raises(ConfigError, match=r"--set binance\.api_key: binance\.api_key looks like a key"):
        config.with_overrides({"binance.api_key": KEY})
    assert config.with_overrides({"recording": "a" * 64}).recording == "a" * 64
