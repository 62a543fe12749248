"""The language of conditions: what it reads, what it refuses and at which column, and what it completes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import UsageError
from engine.breakpoints import Breakpoint, Names, completions, parse
from engine.breakpoints.nodes import Arithmetic, Comparison, Constant, Cross, Event, Logic, Read, about, is_open
from engine.errors import BreakpointError

NAMES = Names(("BTCUSDT", "ETHUSDT", "1000SATSUSDT"), ("fast", "slow", "rsi_14", "macd.signal", "equity", "my label"))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("rsi_14 < 30", Comparison("<", Read("rsi_14"), Constant(30.0))),
        (" BTCUSDT.price > 1e4", Comparison(">", Read("price", "BTCUSDT"), Constant(10_000.0))),
        ("macd.signal > macd_signal", Comparison(">", Read("macd.signal"), Read("macd.signal"))),
        ("BTCUSDT.macd.signal > 0", Comparison(">", Read("macd.signal", "BTCUSDT"), Constant(0.0))),
        ("equity > 0", Comparison(">", Read("equity", account=True), Constant(0.0))),
        ("feature('equity') > 0", Comparison(">", Read("equity"), Constant(0.0))),
        ("feature('my label') > 0", Comparison(">", Read("my label"), Constant(0.0))),
        ("ETHUSDT.signal('buy')", Event("signal", "ETHUSDT", "buy")),
        ("time('14:30')", Event("time", "", 870, general=True)),
        ("cross(fast, slow)", Cross(Read("fast"), Read("slow"), True, True)),
        ("crosses_below(fast, 2)", Cross(Read("fast"), Constant(2.0), False, True)),
        ("not filled", Logic("not", (Event("filled"),))),
        ("-fast > 0", Comparison(">", Arithmetic("-", (Constant(0.0), Read("fast"))), Constant(0.0))),
        (
            "1 < fast <= 2",
            Logic("and", (Comparison("<", Constant(1.0), Read("fast")), Comparison("<=", Read("fast"), Constant(2.0)))),
        ),
    ],
)
def test_what_is_read(text: str, tree: object) -> None:
    assert parse(text, NAMES) == tree


@pytest.mark.parametrize(
    ("text", "column", "told"),
    [
        ("", 1, "empty"),
        ("rsi_15 < 30", 1, "there is no 'rsi_15' (did you mean 'rsi_14'?)"),
        ("  fast > 1 and sloww < 2", 16, "there is no 'sloww' (did you mean 'slow'?)"),
        ("BTCUSD.price > 1", 1, "did you mean 'BTCUSDT'?"),
        ("BTCUSDT.rsi > 1", 1, "there is no 'rsi'"),
        ("BTCUSDT > 1", 1, "BTCUSDT is a coin; say what of it"),
        ("BTCUSDT.equity > 1", 1, "equity is the account's and not a coin's"),
        ("fast", 1, "fast is a number, and a condition is true or false"),
        ("fast + 1", 1, "is a number"),
        ("fast > 1 and slow", 14, "slow is a number"),
        ("fast > filled", 8, "filled is true or false, and this has to be a number"),
        ("fast >", 7, "this cannot be read"),
        ("fast > 1) or", 9, "this cannot be read"),
        ("fast is 1", 9, "numbers are compared by"),
        ("fast ** 2 > 1", 9, "numbers are joined by"),
        ("fast > 'a'", 8, "a text is no number"),
        ("fast > True", 8, "True is no number"),
        ("fast > 1e999", 8, "too large"),
        ("fast > 1j", 8, "is no number"),
        ("(lambda: 1)()", 2, "cannot stand here"),
        ("fast.__class__ > 1", 1, "there is no 'fast.__class__'"),
        ("__import__('os') > 1", 1, "there is no '__import__'"),
        ("[filled]", 1, "a list is no condition"),
        ("signal('by')", 8, "signal takes no 'by' (did you mean 'buy'?)"),
        ("signal(buy)", 8, "signal takes a word in quotes"),
        ("every(0)", 7, "every takes a whole number from 1"),
        ("every", 1, "every needs to be told of what"),
        ("time('25:00')", 6, "a time of day is written as '14:30'"),
        ("ago(fast) > 1", 1, "ago takes 2 arguments"),
        ("ago(fast, -1) > 1", 11, "ago takes a whole number"),
        ("ago(cash, 1) > 1", 1, "past cash is not kept"),
        ("cross(fast, cash)", 1, "past cash is not kept"),
        ("fast > 1 if filled else slow > 1", 1, "this is no condition"),
        ("fast(1) > 2", 1, "fast is a number and takes no arguments"),
        ("filled(of='buy')", 1, "without names"),
        ("fa\x1bst > 1", 3, "a character that cannot be printed"),
        ("fast > 1\nfilled", 9, "a character that cannot be printed"),
        ("fast > " + "(" * 150 + "1" + ")" * 150, None, ""),
        ("not " * 60 + "filled", None, "nested more than"),
        ("fast > 1 " + " " * 500, 501, "at most 500 characters"),
        ("ünbekannt > 1", 1, "there is no 'ünbekannt'"),
        ("'ü' > 1 and fsat > 1", 1, "a text is no number"),
        ("fast > 1 and feature('ü') > 1 or fsat > 1", 22, "there is no feature 'ü'"),
    ],
)
def test_what_is_refused_and_where(text: str, column: int | None, told: str) -> None:
    if not told:
        assert parse(text, NAMES)
        return
    with pytest.raises(BreakpointError) as error:
        parse(text, NAMES)
    assert told in error.value.message
    if column is not None:
        assert error.value.column == column


def test_a_column_counts_characters_and_not_bytes() -> None:
    with pytest.raises(BreakpointError) as error:
        parse("feature('größe') > 1 or fsat > 1", Names(labels=("größe", "fast")))
    assert error.value.column == 25
    assert str(error.value).startswith("column 25: there is no 'fsat' (did you mean 'fast'?)")


WORDS = """
    rsi_14 fast slow macd.signal BTCUSDT. price equity cash signal filled time every ago cross abs min feature and or not
    in is if else lambda ( ) [ ] { } , . : := = == < > <= != + - * / ** // % 'buy' "14:30" ' " 0 1 30 1.5 1e9 0x1 1_0
    1or f'{x}' b'x' \\ # ; @ ~ await yield None True ... \x00 \u202e é 𝐟𝐚𝐬𝐭
"""
LETTERS = st.sampled_from(WORDS.split())


@settings(max_examples=400)
@given(st.lists(LETTERS, max_size=30).map(" ".join) | st.lists(LETTERS, max_size=20).map("".join) | st.text(max_size=40))
def test_nothing_escapes_but_its_own_error(text: str) -> None:
    refused = None
    try:
        assert not is_open(about(parse(text, NAMES), "BTCUSDT"))
    except BreakpointError as error:
        refused = error
    if refused is not None:
        assert 1 <= refused.column <= len(text) + 1
        assert refused.message.startswith(("column ", "a condition "))
    for cursor in (0, len(text) // 2, len(text)):
        found = completions(text, cursor, NAMES)
        assert 0 <= found.start <= cursor


@pytest.mark.parametrize(
    "text", ["(" * 240 + "filled" + ")" * 240, "-" * 400 + "1 > 0", "not " * 120 + "filled", "fast+" * 99 + "1>0"]
)
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(BreakpointError, match="nested"):
        parse(text, NAMES)


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("rs", 0, ["rsi_14"]),
        ("fast > sl", 7, ["slow"]),
        ("cro", 0, ["cross(", "crosses_above(", "crosses_below("]),
        ("BTC", 0, ["BTCUSDT."]),
        ("BTCUSDT.po", 0, ["BTCUSDT.position"]),
        ("macd", 0, ["macd_signal"]),
        ("signal('", 8, ["buy')", "sell')", "close')", "cancel')"]),
        ('x and filled("s', 14, ['sell")']),
        ("feature('my", 9, ["my label')"]),
        ("time('1", 6, []),
        ("fast > 3", 8, []),
        ("eq", 0, ["equity"]),
        ("an", 0, ["and"]),
        ("filled", 0, []),
    ],
)
def test_completions(text: str, start: int, words: list[str]) -> None:
    assert completions(text, len(text), NAMES) == (start, tuple(words))
    assert completions(text + " and filled", len(text), NAMES) == (start, tuple(words))


def test_everything_is_offered_where_nothing_is_begun() -> None:
    words = completions("", 0, NAMES).words
    assert words[:3] == ("fast", "slow", "rsi_14")
    assert {"equity", "filled", "cross(", "BTCUSDT.", "not"} <= set(words)
    for word in words:
        if word.isidentifier() and word not in ("and", "or", "not"):
            parse(
                f"{word} > 1" if word in (*NAMES.of_a_coin(), "equity", "cash", "profit", "drawdown", "step") else word, NAMES
            )


def test_a_breakpoint_is_a_plain_table_and_back() -> None:
    for its in (Breakpoint("rsi < 30"), Breakpoint("filled", name="mine", coin="BTCUSDT", enabled=False)):
        assert Breakpoint.from_table(its.to_table()) == its
    assert Breakpoint("filled").to_table() == {"text": "filled"}
    assert [Breakpoint("filled").label, Breakpoint("filled", name="mine").label] == ["filled", "mine"]
    for wrong in ({}, {"text": 1}, {"text": "filled", "colour": "red"}):
        with pytest.raises(UsageError, match="is no breakpoint"):
            Breakpoint.from_table(wrong)
