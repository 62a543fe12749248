"""TOML as text: read with a limit to its size, and told by line where each key stands, which the parser does not say."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

MAX_BYTES = 64 * 1024
_MAX_DOTS = 500
"""In one line: the parser takes time in the square of a dotted key's length."""

_WORDS = dict.fromkeys(("Illegal character '\\n'", "Unterminated string", 'Expected "\'"'), "a text has no quote at its end")
"""What the parser does not say in a person's words."""

KeyPath = tuple[str | int, ...]

_KEY = re.compile(r"""[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")


def read_file(path: Path) -> str:
    """Return a config file's text; raises ConfigError where it cannot be read, is too large, or is not UTF-8."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{path}: cannot be read: {reason}", hint="check the path of the config") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: is larger than {MAX_BYTES // 1024} KiB, too large for a config", hint="check the path")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text", hint="save the file as UTF-8") from None


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """Return the tables of a TOML text, with its floats as exact Decimals; raises ConfigError naming the line."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > _MAX_DOTS:
            raise ConfigError(f"{source}:{number}: has more than {_MAX_DOTS} dots in one line", hint="break the line")
    try:
        return tomllib.loads(text, parse_float=_number)
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*?) \((?:at line (\d+), column \d+|at end of document)\)", str(error), re.DOTALL)
        message, line = (found[1], found[2] or str(text.count("\n") + 1)) if found else (str(error), "1")
        message = _WORDS.get(message, message)
        raise ConfigError(f"{source}:{line}: is not TOML: {message}", hint="text needs quotes, tables [brackets]") from None
    except RecursionError:
        lines = text.split("\n")
        deepest = max(range(len(lines)), key=lambda number: lines[number].count("[") + lines[number].count("{"))
        raise ConfigError(f"{source}:{deepest + 1}: is nested too deep for a config") from None
    except ValueError:
        # Python reads no integer of more than some 4,300 digits, and does not say where it stood.
        found = re.search(r"[0-9_]{4000}", text)
        line = str(text.count("\n", 0, found.start() if found else 0) + 1)
        raise ConfigError(f"{source}:{line}: holds a number or date that cannot be read") from None


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(repr(float(text)))


def parse_value(text: str) -> Any:
    """Return what a person typed for a key as TOML has it, numbers and lists included; anything else is a bare word."""
    text = text.strip()
    if "\n" in text or "\r" in text or len(text) > MAX_BYTES:
        return text
    try:
        tables = parse_toml(f"value = {text}", "value")
    except ConfigError:
        return text
    value = tables.get("value")
    return value if len(tables) == 1 and isinstance(value, str | int | Decimal | list | dict) else text


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of each key and table header in a text that has been parsed without error.

    Tables of an array are numbered from 0. Keys inside an inline table have no entry; they stand in their table's line.
    """
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    place = 0

    def resolve(keys: list[str]) -> KeyPath:
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in counts:
                path = (*path, counts[path] - 1)
        return path

    while place < len(text):
        blank = _BLANK.match(text, place)
        place = blank.end() if blank else place
        line = text.count("\n", 0, place) + 1
        brackets = 2 if text.startswith("[[", place) else 1 if text.startswith("[", place) else 0
        keys, after = _keys(text, place + brackets)
        if not keys:
            break
        if brackets == 2:
            path = (*resolve(keys[:-1]), keys[-1])
            counts[path] = counts.get(path, 0) + 1
            table = (*path, counts[path] - 1)
            lines.setdefault(path, line)
            lines[table] = line
            place = after + 2
        elif brackets:
            table = resolve(keys)
            lines.setdefault(table, line)
            place = after + 1
        else:
            for end in range(1, len(keys) + 1):
                lines.setdefault((*table, *keys[:end]), line)
            place = _after_value(text, after + 1)
    return lines


def _keys(text: str, place: int) -> tuple[list[str], int]:
    keys = []
    while found := _KEY.match(text, place):
        basic, literal, bare = found.groups()
        keys.append(tomllib.loads(f'k = "{basic}"')["k"] if basic is not None else literal if literal is not None else bare)
        place = found.end()
        if not text.startswith(".", place):
            break
        place += 1
    return keys, place


def _after_value(text: str, place: int) -> int:
    """Return where the value that begins at `place` has ended: the end of its line, brackets closed."""
    depth = 0
    while place < len(text):
        char = text[place]
        if char in "\"'":
            found = _STRING.match(text, place)
            place = found.end() if found else place + 1
            continue
        if char == "#":
            place = text.find("\n", place)
            if place < 0:
                return len(text)
            continue
        depth += (char in "[{") - (char in "]}")
        if char == "\n" and depth <= 0:
            break
        place += 1
    return place
