"""Parameters are collected from annotations, converted strictly and refused with a hint."""

from __future__ import annotations

import enum
import math
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Optional, Union

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, StrategyError, UsageError
from engine.params import bind, coerce_text, convert, did_you_mean, parameters, type_name, validate, values_of


class Side(enum.StrEnum):
    LONG = "long"
    FLAT = "flat"


class Base:
    _reserved: ClassVar[frozenset[str]] = frozenset({"stats"})

    stats: int = 1
    fast: int = 50

    def method(self) -> None: ...


class Middle(Base):
    slow: int = 200
    size: float = 1
    _hidden: int = 3
    shared: ClassVar[int] = 4
    fixed: Final = 5
    later: int
    unseen: NotImportedHere  # type: ignore[name-defined] # noqa: F821


class Thing(Middle):
    fast = 10
    side: Literal["a", "b", 3] = "a"
    pick: Side = Side.LONG
    maybe: int | None = None
    old: Optional[float] = 0.5  # noqa: UP045
    several: Union[int, str] = "x"  # noqa: UP007
    pair: tuple[int, float] = (1, 2)
    many: tuple[int, ...] = ()
    weights: list[float] = [1, 2]
    bare: list = [1, 2.5]  # type: ignore[type-arg]
    on: bool = False
    word: Annotated[str, "a word"] = "hello"


def test_parameters_come_from_all_bases_in_order_of_definition() -> None:
    assert list(parameters(Thing)) == [
        *("fast", "slow", "size", "side", "pick", "maybe", "old", "several", "pair", "many", "weights", "bare", "on", "word")
    ]
    assert parameters(Thing)["fast"].default == 10
    assert parameters(Base)["fast"].default == 50


def test_a_default_takes_the_annotated_type() -> None:
    default = parameters(Middle)["size"].default
    assert (type(default), default) == (float, 1.0)
    assert parameters(Thing)["pair"].default == (1, 2.0)


def test_bind_sets_every_parameter_on_the_object_itself() -> None:
    first, second = Thing(), Thing()
    bind(first, {"fast": 7, "pick": "flat"})
    bind(second, {})
    assert (first.fast, second.fast, first.pick) == (7, 10, Side.FLAT)
    assert set(vars(first)) == set(parameters(Thing))
    first.weights.append(3.0)
    assert second.weights == [1.0, 2.0]
    assert Thing.weights == [1, 2]
    assert values_of(first)["fast"] == 7


GOOD: list[tuple[Any, Any, Any]] = [
    (5, int, 5),
    (np.int64(5), int, 5),
    (5, float, 5.0),
    (0.5, float, 0.5),
    (np.float32(0.5), float, 0.5),
    (np.int8(3), float, 3.0),
    (math.inf, float, math.inf),
    (True, bool, True),
    (np.bool_(True), bool, True),
    ("x", str, "x"),
    (np.str_("x"), str, "x"),
    (3, Literal["a", 3], 3),
    ("flat", Side, Side.FLAT),
    (Side.FLAT, Side, Side.FLAT),
    (None, int | None, None),
    (4, int | None, 4),
    (4, float | int, 4),
    (4, float | str, 4.0),
    ([1, 2], tuple[int, ...], (1, 2)),
    ((1, 2), list[float], [1.0, 2.0]),
    ([1, 2.5], tuple[int, float], (1, 2.5)),
    ([], tuple[int, ...], ()),
]


@pytest.mark.parametrize(("value", "kind", "expected"), GOOD)
def test_a_value_that_fits_is_taken_with_its_python_type(value: Any, kind: Any, expected: Any) -> None:
    result = convert(value, kind)
    assert result == expected
    assert type(result) is type(expected)


BAD: list[Any] = [
    (5.0, int),
    (True, int),
    (np.bool_(True), int),
    ("5", int),
    (None, int),
    (2**63, int),
    (-(2**63) - 1, int),
    pytest.param(10**5000, int, id="huge"),
    (True, float),
    ("0.5", float),
    (math.nan, float),
    (np.float64("nan"), float),
    pytest.param(10**400, float, id="huge float"),
    (2**53 + 1, float),
    (1, bool),
    ("true", bool),
    (5, str),
    (Side.LONG, str),
    (b"x", str),
    (True, Literal[1, 2]),
    ("c", Literal["a", "b"]),
    ("up", Side),
    ("x", int | None),
    ([1], tuple[int, int]),
    ([1, "x"], list[int]),
    ("12", list[int]),
    (np.array([1, 2]), list[int]),
    ({"a": 1}, int),
]


@pytest.mark.parametrize(("value", "kind"), BAD)
def test_a_value_that_does_not_fit_is_refused(value: Any, kind: Any) -> None:
    with pytest.raises(ValueError, match=r"^(should|is|holds) "):
        convert(value, kind)


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.lists(st.integers()), st.binary()))
def test_convert_keeps_or_refuses_and_never_changes_a_value(value: Any) -> None:
    for kind in (int, float, bool, str, int | None, tuple[int, ...], Literal[1, "a"], Side):
        try:
            result = convert(value, kind)
        except ValueError:
            continue
        assert result == (tuple(value) if isinstance(value, list) else value)
        assert convert(result, kind) == result


def test_every_mistake_is_told_at_once_with_the_nearest_name() -> None:
    with pytest.raises(StrategyError) as caught:
        validate(Thing, {"fsat": 1, "slow": "x", "wrod": "y", "on": 1})
    message = caught.value.message
    assert "no parameter 'fsat' (did you mean 'fast'?)" in message
    assert "no parameter 'wrod' (did you mean 'word'?)" in message
    assert "slow should be int, not 'x'" in message
    assert "on should be bool, not 1" in message
    assert "fast: int" in caught.value.hint
    with pytest.raises(ConfigError):
        validate(Thing, {"fsat": 1}, error=ConfigError)
    with pytest.raises(StrategyError, match="stats"):
        validate(Thing, {"stats": 2})


class NotAType(Base):
    table: dict[str, int] = {}


class NotThere(Base):
    width: Nonsense = 3  # type: ignore[name-defined] # noqa: F821


class WrongDefault(Base):
    width: int = 2.5  # type: ignore[assignment]


class Shadow(Base):
    method: int = 3  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (NotAType, "table is annotated dict"),
        (NotThere, "cannot read the annotation width: Nonsense"),
        (WrongDefault, "the default of width should be int, not 2.5"),
        (Shadow, "method cannot be a parameter"),
    ],
)
def test_a_class_that_cannot_have_its_parameters_says_where(cls: type, words: str) -> None:
    with pytest.raises(StrategyError, match=words) as caught:
        parameters(cls)
    assert f"test_params.py:{_line_of(cls)} {cls.__name__}" in caught.value.message


def _line_of(cls: type) -> int:
    lines = Path(__file__).read_text().split("\n")
    return next(n for n, line in enumerate(lines, 1) if line.startswith(f"class {cls.__name__}("))


TYPED: list[tuple[str, Any, Any]] = [
    ("40", int, 40),
    (" -1_000 ", int, -1000),
    ("0.5", float, 0.5),
    ("1e-3", float, 0.001),
    ("yes", bool, True),
    ("False", bool, False),
    ("0", bool, False),
    ("some words", str, "some words"),
    ("40", str, "40"),
    ("3", Literal["a", 3], 3),
    ("FLAT", Side, Side.FLAT),
    ("flat", Side, Side.FLAT),
    ("none", int | None, None),
    ("7", int | None, 7),
    ("7", str | int, 7),
    ("x", str | int, "x"),
    ("1, 2,3", tuple[int, ...], (1, 2, 3)),
    ("[1, 2.5]", list[float], [1.0, 2.5]),
    ("(1, 2)", tuple[int, float], (1, 2.0)),
    ("", tuple[int, ...], ()),
    ("1,2.5", list, [1, 2.5]),
]


@pytest.mark.parametrize(("text", "kind", "expected"), TYPED)
def test_typed_text_becomes_the_parameters_type(text: str, kind: Any, expected: Any) -> None:
    result = coerce_text(text, kind)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("4.0", int),
        ("x", int),
        ("9" * 30, int),
        ("9" * 5000, int),
        ("nan", float),
        ("perhaps", bool),
        ("c", Literal["a", "b"]),
        ("up", Side),
        ("1,x", list[int]),
        ("1,2,3", tuple[int, int]),
        ("x", int | None),
    ],
)
def test_typed_text_that_does_not_fit_is_a_usage_error(text: str, kind: Any) -> None:
    with pytest.raises(UsageError, match="is not a value of type"):
        coerce_text(text, kind)


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_a_usage_error(text: str) -> None:
    for kind in (int, float, bool, int | None, tuple[float, ...], Literal["a", 3], Side, list[int]):
        try:
            coerce_text(text, kind)
        except UsageError:
            continue


def test_types_are_named_as_people_write_them() -> None:
    names = {name: param.type_name for name, param in parameters(Thing).items()}
    assert names["side"] == "a | b | 3"
    assert names["pick"] == "long | flat"
    assert names["maybe"] == "int | none"
    assert names["many"] == "tuple[int, ...]"
    assert names["bare"] == "list[int | float]"
    assert names["word"] == "str"
    assert type_name(Path) == "Path"


def test_did_you_mean_is_silent_where_nothing_is_near() -> None:
    assert did_you_mean("TimePeriod", ["timeperiod", "source"]) == " (did you mean 'timeperiod'?)"
    assert did_you_mean("xyz", ["timeperiod", "source"]) == ""


def test_a_class_of_a_file_without_postponed_annotations(tmp_path: Path) -> None:
    """The common case of a user's file; run apart, for this module's annotations are all texts."""
    file = tmp_path / "mine.py"
    file.write_text(
        textwrap.dedent("""
        from engine.params import parameters

        class Mine:
            window: int = 3
            ratio: float | None = None

        assert {n: p.type_name for n, p in parameters(Mine).items()} == {"window": "int", "ratio": "float | none"}
        """)
    )
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert done.returncode == 0, done.stderr
