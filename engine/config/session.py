"""A session's config: read from a file, a text or a dict, changed by overrides, checked as a whole."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, PrivateAttr, ValidationError
from pydantic_core import ErrorDetails

from engine.config.models import SessionTables
from engine.config.quantities import shown
from engine.config.text import KeyPath, key_lines, parse_toml, parse_value, read_file
from engine.errors import ConfigError
from engine.params import did_you_mean
from engine.paths import bundled

_MISSING = {"use": "it names a class, as module:Class", "recording": 'it names a recording, as "recordings/demo"'}


class SessionConfig(SessionTables):
    """A session as configured: what market, strategy, features, account and fill rules. Immutable.

    Made by `load_config`, `parse_config` or `from_dict`; `with_overrides` returns a changed copy.
    """

    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)
    _places: dict[KeyPath, str] = PrivateAttr(default_factory=dict)
    _source: str = PrivateAttr(default="config")
    _beside: Path | None = PrivateAttr(default=None)

    @property
    def source(self) -> str:
        """The file the config came from, or what stands for it in messages."""
        return self._source

    @property
    def beside(self) -> Path | None:
        """The folder of the config's file, where recordings and strategies are looked for first; None without a file."""
        return self._beside

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any], *, source: str = "config", beside: Path | None = None) -> SessionConfig:
        """Return the config that nested dicts describe, floats meaning the decimals they print as; raises ConfigError."""
        return _checked(copy.deepcopy(dict(tables)), {}, source, beside)

    def with_overrides(self, values: Mapping[str, Any]) -> SessionConfig:
        """Return the config with `--set key=value` applied: dotted keys, or a strategy parameter's bare name.

        Texts are read as TOML (`40`, `true`, `[1, 2]`) or as bare words, other values taken as they are; quotes make a text of
        anything (`'"40"'`). Raises ConfigError naming each key that does not fit.
        """
        raw = copy.deepcopy(self._raw)
        places = dict(self._places)
        for key, value in values.items():
            path = _key_path(key)
            _set(raw, path, parse_value(value) if isinstance(value, str) else value, f"--set {key}")
            places = {known: place for known, place in places.items() if known[: len(path)] != path}
            for end in range(1, len(path) + 1):
                places.setdefault(path[:end], f"--set {key}")
        return _checked(raw, places, self._source, self._beside)


def load_config(path: str | Path) -> SessionConfig:
    """Return the config in a TOML file; raises ConfigError with every mistake of the file and its line."""
    path = Path(path)
    return parse_config(read_file(path), str(path), beside=path.absolute().parent)


def parse_config(text: str, source: str = "config", *, beside: Path | None = None) -> SessionConfig:
    """Return the config in a TOML text; `source` names it in messages. Raises ConfigError with every mistake and its line."""
    tables = parse_toml(text, source)
    return _checked(tables, {path: f"{source}:{line}" for path, line in key_lines(text).items()}, source, beside)


def find_config(name: str | Path) -> Path:
    """Return the config of that path, or the bundled one of that name (`demo`); raises ConfigError where there is neither."""
    path = Path(name)
    try:
        if path.is_file():
            return path
        known = {config.stem: config for config in sorted((bundled() / "configs").glob("*.toml"))}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(name)!r} cannot be looked for: {error}") from None
    if str(name) in known:
        return known[str(name)]
    raise ConfigError(
        f"there is no config {str(name)!r}{did_you_mean(str(name), known)}",
        hint=f"give the path of a TOML file, or one that comes with tickdeck: {', '.join(known)}",
    )


def _checked(raw: dict[str, Any], places: dict[KeyPath, str], source: str, beside: Path | None) -> SessionConfig:
    try:
        config = SessionConfig.model_validate(raw)
    except ValidationError as error:
        problems = {_problem(raw, detail, places, source): None for detail in error.errors(include_url=False)}
        texts = [text for _, text in sorted(problems, key=lambda problem: problem[0])]
        mistakes = "1 mistake" if len(texts) == 1 else f"{len(texts)} mistakes"
        raise ConfigError("\n".join(texts), hint=f"{mistakes}; configs/replay.toml explains every key") from None
    config._raw, config._places, config._source, config._beside = raw, places, source, beside
    return config


def _key_path(key: str) -> KeyPath:
    """Return `fills.taker_bps` as a path; a name that is no key of the config is a parameter of the strategy."""
    parts = key.split(".")
    if len(parts) == 1 and key not in SessionTables.model_fields:
        return ("strategy", "params", key)
    return tuple(int(part) if part.isdecimal() and len(part) < 4 else part for part in parts)


def _set(raw: dict[str, Any], path: KeyPath, value: Any, place: str) -> None:
    at: Any = raw
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(at, list) and isinstance(part, int) and part < len(at):
            if last:
                at[part] = value
            at = at[part]
        elif isinstance(at, dict):
            part = str(part)
            if last:
                at[part] = value
            at = at.setdefault(part, {})
        else:
            above = ".".join(map(str, path[:depth]))
            what = f"has {len(at)} entries, numbered from 0" if isinstance(at, list) else "is no table"
            raise ConfigError(
                f"{place}: {above} {what}", hint="keys are dotted, as in fills.taker_bps or features.0.params.name"
            )


def _problem(raw: dict[str, Any], detail: ErrorDetails, places: dict[KeyPath, str], source: str) -> tuple[tuple[int, str], str]:
    """Return a mistake's sort key and its line of text: place, key and what to do."""
    path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
    near = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in places), ())
    place = places[near] if near else f"{source}:1" if places else source
    line = place.rpartition(":")[2]
    key = ".".join(part if isinstance(part, str) and part.isprintable() else repr(part) for part in path) or "the config"
    text = f"{place}: {key} {_words(detail, path)}"
    return (int(line) if line.isdecimal() else 0, text), text


def _words(detail: ErrorDetails, path: KeyPath) -> str:
    kind, given = detail["type"], shown(detail.get("input"))
    context = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"is not a known key{_near(path)}"
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


def _near(path: KeyPath) -> str:
    """Return what an unknown key may have meant: a key beside it, or the same key in another table."""
    unknown = str(path[-1])
    elsewhere = [table for table, model in _tables().items() if table != _table_of(path) and unknown in model.model_fields]
    if elsewhere:
        return f"; it belongs {' or '.join(f'under [{table}]' if table else 'at the top' for table in elsewhere)}"
    known = _tables()[_table_of(path)].model_fields
    return did_you_mean(unknown, known) or f"; known are {', '.join(known)}"


def _table_of(path: KeyPath) -> str:
    return str(path[0]) if len(path) > 1 else ""


def _tables() -> dict[str, type[BaseModel]]:
    """Return the models of the config's tables by name, the top one as an empty name."""
    tables: dict[str, type[BaseModel]] = {"": SessionTables}
    for name, field in SessionTables.model_fields.items():
        for kind in _kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                tables[name] = kind
    return tables


def _kinds(annotation: Any) -> list[Any]:
    return [kind for arg in get_args(annotation) for kind in _kinds(arg)] if get_origin(annotation) else [annotation]
