"""A session's config: read from a file, a text or a dict, changed by overrides, checked as a whole."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr

from engine.config.checking import check, hold_no_keys, key_of, place_of
from engine.config.models import SessionTables
from engine.config.saved import is_session
from engine.config.text import KeyPath, key_lines, parse_toml, parse_value, read_file
from engine.errors import ConfigError
from engine.params import did_you_mean
from engine.paths import bundled


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
    def tables(self) -> dict[str, Any]:
        """What was configured, as nested dicts: what `from_dict` makes this config of."""
        return copy.deepcopy(self._raw)

    @property
    def beside(self) -> Path | None:
        """The folder of the config's file, where recordings and strategies are looked for first; None without a file."""
        return self._beside

    def error(self, mistakes: Mapping[KeyPath, str], hint: str) -> ConfigError:
        """Return the error that tells what is wrong with these keys, each with its place."""
        told = (f"{place_of(path, self._places, self._source)}: {key_of(path)}: {text}" for path, text in mistakes.items())
        return ConfigError("\n".join(told), hint=hint)

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Give its place to what goes wrong in the block with a key of this config."""
        try:
            yield
        except ConfigError as error:
            if not error.key:
                raise
            raise self.error({error.key: error.message}, error.hint) from None

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
    if is_session(path):
        raise ConfigError(
            f"{path} is a saved session, no config",
            hint=f"`tickdeck replay {path}` opens it where it was left; F on its deck flies its config in another mode",
        )
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
    hold_no_keys(raw, places, source)
    config = check(SessionConfig, SessionTables, raw, places, source, guide="configs/replay.toml")
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
