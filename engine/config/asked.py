"""The config that is asked for: by a file, a bundled name or a saved session, on a recording of its own, with changes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.config.saved import KEY, is_session
from engine.config.session import SessionConfig, find_config, load_config
from engine.errors import UsageError

VERSION = 1
MOST_BYTES = 16 * 2**20
HINT = "a session file is written by `tickdeck backtest --save` and by the deck"


def config_of(what: str | None, recording: str | None, overrides: Mapping[str, str]) -> SessionConfig:
    """Return the config that is asked for, that of a saved session too; raises what is wrong with it."""
    if what is None and recording is not None:
        return SessionConfig.from_dict({"recording": recording}, beside=Path.cwd()).with_overrides(overrides)
    path = Path(what or "")
    saved = path.suffix == ".toml" and is_session(path)
    config = _saved(path) if saved else load_config(find_config(what or "demo"))
    if recording is not None:
        config = config.with_overrides({"recording": msgspec.json.encode(recording).decode(), "mode": '"replay"'})
    return config.with_overrides(overrides)


def _saved(path: Path) -> SessionConfig:
    tables = read_tables(path)
    try:
        return config_in(tables, path)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UsageError(f"{path} is damaged: {type(error).__name__}: {error}", hint=HINT) from None


def config_in(tables: dict[str, Any], path: Path) -> SessionConfig:
    """Return the config that a saved session keeps; raises what is wrong with its form."""
    beside = Path(tables["beside"]) if tables["beside"] else None
    if beside is not None and not beside.is_dir():
        beside = path.absolute().parent
    return SessionConfig.from_dict(tables["config"], source=str(path), beside=beside)


def read_tables(path: Path) -> dict[str, Any]:
    """Return what the file of a saved session says; raises UsageError where it is none, or of a version to come."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UsageError(f"{path} is too large for a session", hint=HINT)
        tables = tomllib.loads(content.decode())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="check the path of the session") from None
    except ValueError as error:
        raise UsageError(f"{path} is no session: {error}", hint=HINT) from None
    version = tables.get(KEY)
    if not isinstance(version, int):
        raise UsageError(f"{path} is no session", hint=HINT)
    if version > VERSION:
        raise UsageError(f"{path} was written by a newer tickdeck", hint="update tickdeck to open it")
    return tables
