"""A request's parameters: texts by name, read with the exchange's own words for what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from engine.exact import DECIMALS, INT64_MAX
from engine.rehearsal.errors import error

WHOLE = "^[0-9]{1,20}$"
NUMBER = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
SYMBOL = "^[A-Z0-9-_.]{1,20}$"
CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
SYMBOLS = r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'
TOO_GREAT = 3
"""Which of -1102's texts is the one for a number that is too great."""
_PATTERNS = {text: re.compile(text.removesuffix("$") + r"\Z") for text in (WHOLE, NUMBER, SYMBOL, CLIENT_ID)}


class Params:
    """Parameters by name. Reading one that is there but makes no sense raises ApiError; one that is not there is None."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Params:
        """Return the parameters that a JSON object has; its floats are to be texts as they were sent."""
        return cls({name: _text(value) for name, value in values.items() if value is not None})

    def __contains__(self, name: str) -> bool:
        return name in self.texts

    def expect(self, names: frozenset[str]) -> None:
        """Raise ApiError where a parameter was sent that is none of these."""
        if not names and self.texts:
            raise error(-1101, 0, len(self.texts))
        read = sum(name in names for name in self.texts)
        if read < len(self.texts):
            raise error(-1104, read, len(self.texts))

    def get(self, name: str) -> str | None:
        """Return a text."""
        text = self.texts.get(name)
        if text == "":
            raise error(-1105, name)
        return text

    def need(self, name: str) -> str:
        """Return a text that must be there."""
        text = self.texts.get(name)
        if not text:
            raise error(-1102, name)
        return text

    def matching(self, name: str, pattern: str) -> str | None:
        """Return a text of the form that a pattern of this module has."""
        text = self.get(name)
        if text is not None and not _PATTERNS[pattern].match(text):
            raise error(-1100, name, pattern)
        return text

    def whole(self, name: str, most: int = INT64_MAX) -> int | None:
        """Return a whole number, which must not be more than `most`."""
        text = self.matching(name, WHOLE)
        if text is None:
            return None
        number = int(text)
        if number > most:
            if most == INT64_MAX:
                raise error(-1108, name)
            raise error(-1102, name, most, form=TOO_GREAT)
        return number

    def limit(self, most: int, default: int = 500) -> int:
        """Return how many rows are wanted, at most `most`."""
        number = self.whole("limit")
        if number == 0:
            raise error(-1130, "limit")
        return default if number is None else min(number, most)

    def units(self, name: str, decimals: int = DECIMALS) -> int | None:
        """Return a decimal number as a count of 10**-decimals, read as text: no float ever stands between."""
        text = self.matching(name, NUMBER)
        if text is None:
            return None
        whole, _, fraction = text.partition(".")
        if len(fraction.rstrip("0")) > decimals:
            raise error(-1111, name)
        number = int(whole + fraction[:decimals].ljust(decimals, "0"))
        if number > INT64_MAX:
            raise error(-1108, name)
        return number

    def choice(self, name: str, words: Iterable[str], code: int = -1130) -> str | None:
        """Return a text that is one of these words; `code` is that of the refusal where it is none."""
        text = self.get(name)
        if text is not None and text not in words:
            raise error(code, name) if code == -1130 else error(code)
        return text

    def flag(self, name: str) -> bool:
        """Return whether a parameter says true; False where it is not there."""
        return (self.choice(name, ("true", "false", "TRUE", "FALSE")) or "").lower() == "true"

    def list(self, name: str) -> list[str] | None:
        """Return the texts of a JSON array."""
        text = self.get(name)
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.MsgspecError:
            raise error(-1100, name, SYMBOLS) from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
