"""Parameters: numbers are exact whatever their form, and no text brings anything but a refusal."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exact import INT64_MAX
from engine.rehearsal.calls import instant
from engine.rehearsal.errors import ApiError
from engine.rehearsal.params import NUMBER, Params
from engine.rehearsal.rest import read
from engine.rehearsal.ws_api import _decoder


def code_of(read: Any, *args: Any) -> int:
    with pytest.raises(ApiError) as caught:
        read(*args)
    return caught.value.code


@given(st.from_regex(NUMBER.replace("20", "12"), fullmatch=True))
def test_a_number_is_read_exactly(text: str) -> None:
    params = Params({"x": text})
    units = Decimal(text).scaleb(8)
    if units != units.to_integral_value():
        assert code_of(params.units, "x") == -1111
    elif units > INT64_MAX:
        assert code_of(params.units, "x") == -1108
    else:
        assert params.units("x") == int(units)


@given(st.text(max_size=30))
def test_no_text_brings_anything_but_a_refusal(text: str) -> None:
    params = Params({"x": text, "limit": text})
    readers = (params.units, params.whole, params.flag, params.list, lambda _: params.limit(10), lambda _: read(f"a={text}"))
    codes = []
    for reader in readers:
        try:
            reader("x")
        except ApiError as refusal:
            codes.append(refusal.code)
    assert set(codes) <= {-1100, -1101, -1105, -1108, -1111, -1130}


@given(st.text(max_size=40))
def test_what_has_not_the_form_of_a_number_is_none(text: str) -> None:
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?", text):
        assert code_of(Params({"x": text}).units, "x") == (-1105 if text == "" else -1100)


def test_a_json_objects_numbers_are_those_that_were_sent() -> None:
    sent = '{"a": 0.00001, "b": 12, "c": "0.10", "d": true, "e": ["X", "Y"], "f": null, "g": 100000000000000000.5}'
    params = Params.of_json(_decoder.decode(sent))
    assert params.texts == {
        "a": "0.00001",
        "b": "12",
        "c": "0.10",
        "d": "true",
        "e": '["X","Y"]',
        "g": "100000000000000000.5",
    }
    assert (params.units("a"), params.flag("d"), params.list("e"), params.get("f")) == (1000, True, ["X", "Y"], None)
    assert msgspec.json.decode(sent)["a"] == 1e-05


@pytest.mark.parametrize(
    ("sent", "ns"), [(1_735_689_600_000, 1_735_689_600_000 * 10**6), (1_735_689_600_000_001, 1_735_689_600_000_001 * 10**3)]
)
def test_ms_and_us_are_told_apart(sent: int, ns: int) -> None:
    assert instant(sent) == ns


def test_a_limit_is_cut_to_the_most_there_is() -> None:
    assert [Params({"limit": text}).limit(1000) for text in ("1", "1000", "1001")] == [1, 1000, 1000]
    assert Params({}).limit(1000) == 500
