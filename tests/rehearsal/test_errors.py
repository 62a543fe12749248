"""Refusals: their codes and texts are the exchange's own."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from engine.exchange import REFUSALS
from engine.rehearsal import errors

NOT_SERVED = {
    *range(-1191, -1168),  # FIX
    *(-1033, -1035),  # FIX
    *(-1152, -1153, -1155, -1161, -1221),  # SBE
    *(-1198, -1199),  # take-profit legs of pairs
    *(-1210, -1211),  # pegged prices
    *range(-1225, -1221),  # OPO
}
TELL_MORE = {-1013, -2010, -2011, -2021, -2022}
"""Codes whose texts are in the tables of rejections and filters, or are told beside the code."""
BESIDE = {
    "Order cancel-replace partially failed.",
    "Order cancel-replace failed.",
    "Filter failure: PERCENT_PRICE_BY_SIDE",
}
"""Texts of the documentation that the extracted table lacks."""


@pytest.fixture(scope="module")
def table(data: Path) -> Any:
    """The extract of the exchange's own page of errors."""
    return json.loads((data / "payloads/binance_error_codes.json").read_text())


def test_every_code_and_text_is_the_exchanges(table: Any) -> None:
    known = {row["code"]: row["messages"] for row in table["codes"]}
    for code, texts in errors.TEXTS.items():
        for text in texts:
            assert text in known[code], code
    assert errors.TEXTS.keys() | NOT_SERVED | TELL_MORE >= known.keys()
    assert not errors.TEXTS.keys() & (NOT_SERVED | TELL_MORE)


def test_the_first_texts_are_all_there(table: Any) -> None:
    """No text is left out but those on what is not served."""
    left = {row["code"]: set(row["messages"]) - set(errors.TEXTS.get(row["code"], ())) for row in table["codes"]}
    assert {code: len(texts) for code, texts in left.items() if code in errors.TEXTS and texts} == {
        -1102: 2,  # tags of FIX
        -1103: 1,
        -1106: 1,
        -1128: 4,
        -1134: 1,
        -1158: 1,  # a remark
        -1160: 2,  # remarks
    }


def texts_said() -> list[tuple[str, str]]:
    """Every text the rehearsal's code says in an ApiError of its own making, with its file."""
    said = []
    for file in sorted(Path(errors.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ApiError" and len(node.args) > 1:
                text = node.args[1]
                if isinstance(text, ast.Constant):
                    said.append((file.name, text.value))
    return said


def test_what_is_said_elsewhere_is_said_in_the_exchanges_words(table: Any) -> None:
    known = {row["message"] for kind in ("rejection_messages", "filter_failures") for row in table[kind]} | BESIDE
    said = [(file, text) for file, text in texts_said() if file not in ("ws_api.py", "streams.py", "user_stream.py")]
    assert len(said) > 5
    assert [(file, text) for file, text in said if text not in known] == []


def test_the_kernels_refusals_are_the_exchanges(table: Any) -> None:
    known = {row["message"] for kind in ("rejection_messages", "filter_failures") for row in table[kind]} | BESIDE
    # "no price yet" is told by the desk before the kernel is asked
    told = [text for text in REFUSALS if text.startswith("-") and "no price yet" not in text]
    assert [text for text in told if text.partition(" ")[2] not in known] == []


def test_the_text_with_as_many_places_as_words_is_chosen() -> None:
    assert errors.error(-1121).body == {"code": -1121, "msg": "Invalid symbol."}
    assert errors.error(-1105, "side").message == "Parameter 'side' was empty."
    assert errors.error(-1102, "a", "b").message == "Param 'a' or 'b' must be sent, but both were empty/null!"
    assert errors.error(-1102, "a", 5, form=3).message == "'a' contains unexpected value. Cannot be greater than 5."


@pytest.mark.parametrize(("code", "status"), [(-1121, 400), (-2014, 401), (-2015, 401), (-1015, 429), (-1008, 503)])
def test_the_status_of_a_code(code: int, status: int) -> None:
    assert errors.error(code).status == status
