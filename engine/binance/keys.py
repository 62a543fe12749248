"""Keys: who may trade on an account, kept out of everything that is written or shown."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import NamedTuple, NoReturn

import platformdirs

from engine.errors import ConfigError
from engine.paths import APP

FILE = "keys.toml"
VARIABLES = ("TICKDECK_API_KEY", "TICKDECK_API_SECRET", "TICKDECK_PRIVATE_KEY")
MASK = "••••••"


class Secret:
    """A text that shows itself to nobody who does not ask by name: `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(MASK)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be copied out")


class Keys(NamedTuple):
    """An API key and what signs with it: an HMAC secret, or a private key in PEM (Ed25519 or RSA)."""

    api_key: Secret
    secret: Secret | None
    private_key: Secret | None


def find_keys(environment: str) -> Keys:
    """Return the keys of an environment: from the system's keyring, else the user's key file, else the environment's variables.

    The file lies in the user's config folder, a table an environment with `api_key` and `api_secret` or `private_key`; nobody
    else may read it. Variables are taken out of the environment when they are read. Raises ConfigError where there are none.
    """
    keys = _from_keyring(environment) or _from_file(key_file(), environment) or _from_variables()
    if keys is None:
        raise ConfigError(
            f"there are no keys for {environment}",
            hint=f"write them to {key_file()} under [{environment}]: api_key, and api_secret or private_key; chmod 600 it",
        )
    return keys


def key_file() -> Path:
    """Return where the user's key file is looked for."""
    return platformdirs.user_config_path(APP, appauthor=False) / FILE


def _from_keyring(environment: str) -> Keys | None:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        values = [keyring.get_password(f"{APP}-{environment}", name) for name in ("api_key", "api_secret", "private_key")]
    except KeyringError:
        return None
    return _keys(*values)


def _from_file(path: Path, environment: str) -> Keys | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise ConfigError(f"others may read {path}", hint=f"chmod 600 {path}; if others did read it, make new keys")
        try:
            table = tomllib.load(file).get(environment, {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise ConfigError(f"{path} is no TOML", hint=f'[{environment}]\napi_key = "..."\napi_secret = "..."') from None
    if not isinstance(table, dict):
        return None
    return _keys(*(table.get(name) for name in ("api_key", "api_secret", "private_key")))


def _from_variables() -> Keys | None:
    return _keys(*(os.environ.pop(name, None) for name in VARIABLES))


def _keys(api_key: object, api_secret: object, private_key: object) -> Keys | None:
    if not isinstance(api_key, str) or not api_key or not (api_secret or private_key):
        return None
    secret = Secret(api_secret) if isinstance(api_secret, str) and api_secret else None
    return Keys(Secret(api_key), secret, Secret(private_key) if isinstance(private_key, str) and private_key else None)
