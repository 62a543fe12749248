"""The user's own settings of the deck: theme and keys, from `deck.toml` in the user's config folder."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from engine.errors import ConfigError
from tui.actions import ACTIONS, BY_ID
from tui.theme import DEFAULT_THEME, THEMES


@dataclass(frozen=True, slots=True)
class Settings:
    """`theme` names one of the deck's themes, `keys` maps ids of actions to keys, several joined by commas."""

    theme: str = DEFAULT_THEME
    keys: dict[str, str] = field(default_factory=dict)


def settings_path() -> Path:
    """Return where the settings lie; the file may not exist."""
    return platformdirs.user_config_path("tickdeck", appauthor=False) / "deck.toml"


def load_settings(path: Path | None = None) -> Settings:
    """Return the user's settings, the defaults where there is no file.

    Raises ConfigError that names the file and every mistake in it.
    """
    path = path or settings_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from None
    mistakes = _mistakes(table)
    if mistakes:
        raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in mistakes), hint="mend or remove the file")
    return Settings(theme=table.get("theme", DEFAULT_THEME), keys=dict(table.get("keys", {})))


def _mistakes(table: dict[str, object]) -> list[str]:
    mistakes = [f"unknown key {key!r}{_nearest(key, ('theme', 'keys'))}" for key in table if key not in ("theme", "keys")]
    names = [theme.name for theme in THEMES]
    theme = table.get("theme", DEFAULT_THEME)
    if theme not in names:
        mistakes.append(f"theme {theme!r} is none of {', '.join(names)}")
    keys = table.get("keys", {})
    if not isinstance(keys, dict):
        return [*mistakes, "keys is not a table"]
    for name, value in keys.items():
        if name not in BY_ID:
            mistakes.append(f"keys.{name} is no action{_nearest(name, BY_ID)}")
        elif not isinstance(value, str) or not value.strip():
            mistakes.append(f'keys.{name} is not the name of a key, such as "space" or "ctrl+b"')
    if not mistakes:
        mistakes += _clashes(keys)
    return mistakes


def _clashes(keys: dict[str, str]) -> list[str]:
    taken: dict[str, str] = {}
    clashes = []
    for action in ACTIONS:
        for key in (key.strip() for key in keys.get(action.id, action.keys).split(",")):
            if key in taken:
                clashes.append(f"key {key!r} is given to both {taken[key]} and {action.id}")
            taken[key] = action.id
    return clashes


def _nearest(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
