"""Checking a config as a whole: every mistake at once, each with its place and what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.config.quantities import shown
from engine.config.text import KeyPath
from engine.errors import ConfigError
from engine.params import did_you_mean

Model = TypeVar("Model", bound=BaseModel)
_KEY = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{64}|.*-----BEGIN [A-Z ]*PRIVATE KEY.*", re.DOTALL)
_MISSING = {"use": "it names a class, as module:Class", "recording": 'it names a recording, as "recordings/demo"'}


def check(
    model: type[Model],
    tables: type[BaseModel],
    raw: Mapping[str, Any],
    places: Mapping[KeyPath, str],
    source: str,
    *,
    guide: str,
) -> Model:
    """Return the config that nested dicts describe.

    `tables` is the model with the keys, `places` where each was said, `guide` the file that explains them. Raises ConfigError
    with every mistake.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        problems = {_problem(tables, detail, places, source): None for detail in error.errors(include_url=False)}
        texts = [text for _, text in sorted(problems, key=lambda problem: problem[0])]
        mistakes = "1 mistake" if len(texts) == 1 else f"{len(texts)} mistakes"
        raise ConfigError("\n".join(texts), hint=f"{mistakes}; {guide} explains every key") from None


def hold_no_keys(raw: Mapping[str, Any], places: Mapping[KeyPath, str], source: str) -> None:
    """Raise ConfigError where a value looks like an API key, a secret or a private key: configs are shown, kept and shared."""
    for path in _keys_in(raw, ()):
        raise ConfigError(
            f"{place_of(path, places, source)}: {key_of(path)} looks like a key to an account, which no config holds",
            hint="`tickdeck keys set` puts it where nobody else reads it; if others may have read this file, make a new key",
        )


def _keys_in(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(value, str):
        if _KEY.fullmatch(value.strip()):
            yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _keys_in(inner, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for n, inner in enumerate(value):
            yield from _keys_in(inner, (*path, n))


def _problem(
    tables: type[BaseModel], detail: ErrorDetails, places: Mapping[KeyPath, str], source: str
) -> tuple[tuple[int, str], str]:
    """Return a mistake's sort key and its line of text: place, key and what to do."""
    path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
    place = place_of(path, places, source)
    line = place.rpartition(":")[2]
    text = f"{place}: {key_of(path) or 'the config'} {_words(tables, detail, path)}"
    return (int(line) if line.isdecimal() else 0, text), text


def place_of(path: KeyPath, places: Mapping[KeyPath, str], source: str) -> str:
    """Return where a key was said, or the nearest above it."""
    near = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in places), ())
    return places[near] if near else f"{source}:1" if places else source


def key_of(path: KeyPath) -> str:
    """Return a key as it is written, dotted."""
    return ".".join(part if isinstance(part, str) and part.isprintable() else repr(part) for part in path)


def _words(tables: type[BaseModel], detail: ErrorDetails, path: KeyPath) -> str:
    kind, given = detail["type"], shown(detail.get("input"))
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"is not a known key{_near(tables, path)}"
    if kind == "missing":
        return f"is missing; {_MISSING[str(path[-1])]}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"should be {context['expected'].replace(chr(39), chr(34))}, not {given}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        return f"should be {bound}, not {given}"
    kinds = {
        "string": "a text",
        "int": "a whole number",
        "model": "a table",
        "dict": "a table",
        "tuple": "a list",
        "bool": "true",
    }
    wanted = kinds.get(kind.partition("_")[0])
    return f"should be {wanted}, not {given}" if wanted else f"does not fit: {detail['msg']}"


def _near(tables: type[BaseModel], path: KeyPath) -> str:
    """Return what an unknown key may have meant: a key beside it, or the same key in another table."""
    unknown, models = str(path[-1]), _tables(tables)
    elsewhere = [table for table, model in models.items() if table != _table_of(path) and unknown in model.model_fields]
    if elsewhere:
        return f"; it belongs {' or '.join(f'under [{table}]' if table else 'at the top' for table in elsewhere)}"
    known = models[_table_of(path)].model_fields
    return did_you_mean(unknown, known) or f"; known are {', '.join(known)}"


def _table_of(path: KeyPath) -> str:
    return str(path[0]) if len(path) > 1 else ""


def _tables(top: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return the models of a config's tables by name, the top one as an empty name."""
    tables = {"": top}
    for name, field in top.model_fields.items():
        for kind in _kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                tables[name] = kind
    return tables


def _kinds(annotation: Any) -> list[Any]:
    return [kind for arg in get_args(annotation) for kind in _kinds(arg)] if get_origin(annotation) else [annotation]
