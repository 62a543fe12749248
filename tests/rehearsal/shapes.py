"""Shapes: which keys a payload has and what JSON types, compared with those of real ones."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NUMBER = re.compile(r"-?\d+(\.\d+)?")


def fixture(path: Path) -> Any:
    """The awaited body of a recorded exchange of messages: what follows the line that begins with `=`."""
    lines = path.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("="))
    text = "\n".join([lines[start][1:], *lines[start + 1 :]])
    return json.loads(re.sub(r"\|\d*\||\"\|\d*\|\"", '"1"', text))


def frames(path: Path) -> Iterator[Any]:
    """The JSON messages of a raw recording."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            found = line.find("{")
            if found >= 0 and not line.startswith("wss"):
                yield json.loads(line[found:])


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """In what the shape of one payload differs from that of another, key by key; lists by their first element."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        told = [f"{where}.{key} is lacking" for key in theirs if key not in ours]
        told += [f"{where}.{key} is more" for key in ours if key not in theirs]
        for key in ours.keys() & theirs.keys():
            told += differences(ours[key], theirs[key], f"{where}.{key}")
        return sorted(told)
    if isinstance(ours, list) and isinstance(theirs, list):
        if not ours or not theirs:
            return []
        return differences(ours[0], theirs[0], f"{where}[]")
    return [] if kind(ours) == kind(theirs) else [f"{where} is {kind(ours)}, not {kind(theirs)}"]


def kind(value: Any) -> str:
    """The JSON type of a value; a number in a string is a type of its own."""
    if isinstance(value, str):
        return "number text" if NUMBER.fullmatch(value) else "text"
    return {bool: "boolean", int: "whole", float: "fraction", type(None): "null", dict: "object", list: "array"}[type(value)]
