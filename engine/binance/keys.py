"""Keys: who may trade on an account, kept out of everything that is written or shown."""

from __future__ import annotations

import os
import resource
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import platformdirs
import tomli_w

from engine.binance.keyfile import read_guarded, write_guarded
from engine.errors import ConfigError
from engine.params import did_you_mean
from engine.paths import APP
from engine.redaction import hide

FILE = "keys.toml"
ENVIRONMENTS = ("testnet", "demo", "live", "rehearsal")
NAMES = ("api_key", "api_secret", "private_key")
MASK = "••••••"
PEM = "-----BEGIN "
PLAIN = "openssl pkey -in KEY.pem -out PLAIN.pem makes one without a passphrase; then chmod 600 PLAIN.pem"


class Secret:
    """A text that shows itself to nobody who does not ask by name: `reveal` gives it. Redaction masks it from now on."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        hide(text)

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    @property
    def first(self) -> str:
        """Its first letters, too few to tell it: for a person to know which one it is."""
        return f"{self._text[:4]}…"

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(MASK)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a secret is not to be copied out")

    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = __getstate__ = _refuse


class Keys(NamedTuple):
    """An API key and what signs with it: an HMAC secret, or a private key in PEM (Ed25519 or RSA, without a passphrase)."""

    api_key: Secret
    secret: Secret | None
    private_key: Secret | None

    @property
    def kind(self) -> str:
        """How they sign: HMAC, Ed25519 or RSA."""
        return "HMAC" if self.private_key is None else _kind(self.private_key)


class Source(NamedTuple):
    """A place where keys can lie: what a person calls it, and what finds an environment's keys there, or None."""

    name: str
    find: Callable[[str], Keys | None]


def find_keys(environment: str) -> Keys:
    """Return the keys of an environment: from the system's keyring, else the user's key file, else environment variables.

    Variables are taken out of this process' environment when they are read. A process that holds keys leaves no core dump.
    Raises ConfigError where there are none, where others may read or change the file, and where they are not whole.
    """
    for _, keys in found_keys(environment):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return keys
    raise ConfigError(f"there are no keys for {environment}", hint=f"`tickdeck keys set {environment}` puts them in place")


def found_keys(environment: str) -> Iterator[tuple[str, Keys]]:
    """Yield every source that has keys of an environment, with them, first the one that is taken; raises as `find_keys`."""
    for source in sources():
        if (keys := source.find(environment)) is not None:
            yield source.name, keys


def sources() -> tuple[Source, ...]:
    """Return where keys are looked for, first the place that is taken first."""
    return (
        Source("the system's keyring", _from_keyring),
        Source(str(key_file()), _from_file),
        Source("environment variables", _from_variables),
    )


def key_file() -> Path:
    """Return where the user's key file is looked for."""
    return platformdirs.user_config_path(APP, appauthor=False) / FILE


def store_keys(environment: str, words: Mapping[str, str]) -> str:
    """Keep the keys of an environment in place of those there were, and return where: the system's keyring, else the key file.

    Raises ConfigError for keys that are not whole, and where the file cannot be kept from others.
    """
    keys = keys_of(words, "what was given")
    if keys is None:
        raise ConfigError("no key was given")
    if (ring := _keyring()) is not None:
        with _refusals(ring):
            for name, secret in zip(NAMES, keys, strict=True):
                _forget(ring, environment, name)
                if secret is not None:
                    ring.set_password(f"{APP}-{environment}", name, secret.reveal())
        return sources()[0].name
    if PEM not in words.get("private_key", PEM):
        words = {**words, "private_key": str(Path(words["private_key"]).expanduser().absolute())}
    write_guarded(key_file(), _toml({**_read(), environment: words}))
    return str(key_file())


def remove_keys(environment: str) -> list[str]:
    """Forget the keys of an environment, and return where there were any; variables are the shell's, and not reached."""
    gone = []
    if (ring := _keyring()) is not None:
        with _refusals(ring):
            if any([_forget(ring, environment, name) for name in NAMES]):
                gone.append(sources()[0].name)
    tables = _read()
    if tables.pop(environment, None) is not None:
        write_guarded(key_file(), _toml(tables))
        gone.append(str(key_file()))
    return gone


def keys_of(words: Mapping[str, Any], where: str, beside: Path | None = None) -> Keys | None:
    """Return the keys that words by name are, None for none at all. A private key is PEM, or a file's path as from `beside`.

    Raises ConfigError that tells where they are not whole, and never what they are.
    """
    for name in words:
        if name not in NAMES:
            known = did_you_mean(name, NAMES) or f"; known are {', '.join(NAMES)}"
            raise ConfigError(f"{where} has an entry that is none of a key's{known}")
    given = {name: value for name, value in words.items() if value not in (None, "")}
    if not given:
        return None
    for name, value in given.items():
        if not isinstance(value, str) or (PEM not in value and not value.isprintable()):
            raise ConfigError(f"{where}: {name} is no text of one line", hint="copy it anew, without spaces and quotes in it")
    if "api_key" not in given:
        raise ConfigError(f"{where} has no api_key", hint="the exchange shows it beside the name of the key")
    if not given["api_key"].isascii() or " " in given["api_key"]:
        raise ConfigError(f"{where}: api_key is none", hint="the exchange's are letters and digits, 64 of them")
    if ("api_secret" in given) == ("private_key" in given):
        raise ConfigError(
            f"{where} should have api_secret or private_key, one of the two",
            hint="api_secret of a key that the exchange made (HMAC), private_key of one that you made (Ed25519, RSA)",
        )
    secret = Secret(given["api_secret"]) if "api_secret" in given else None
    if secret is not None:
        return Keys(Secret(given["api_key"]), secret, None)
    return Keys(Secret(given["api_key"]), None, Secret(_private_key(given["private_key"], beside or Path.cwd(), where)))


# Private keys


def _private_key(text: str, beside: Path, where: str) -> str:
    """Return a private key, given or in a file, as the PEM of a length by which python-binance takes it for what it is."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    if PEM not in text:
        path = beside / Path(text).expanduser()
        where, text = str(path), read_guarded(path) or ""
        if not text:
            raise ConfigError(f"{path} is not there", hint="private_key is a text that begins -----BEGIN, or the file it is in")
    hide(text)
    try:
        key = s.load_pem_private_key(text.replace("\\n", "\n").encode(), password=None)
    except TypeError:
        raise ConfigError(f"{where}: the private key has a passphrase, which there is nobody to ask for", hint=PLAIN) from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        hint = "it begins -----BEGIN PRIVATE KEY-----; `openssl genpkey -algorithm ed25519` makes one"
        raise ConfigError(f"{where}: this is no private key of Ed25519 or RSA", hint=hint)
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode().strip()


def _kind(private_key: Secret) -> str:
    return "RSA" if len(private_key.reveal()) > 120 else "Ed25519"


# The keyring, which may not be there


def _keyring() -> Any:
    """Return the keyring library where it is installed and this system has a keyring; None otherwise."""
    try:
        import keyring
        from keyring.backends import fail, null
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring) else keyring


def _from_keyring(environment: str) -> Keys | None:
    if (ring := _keyring()) is None:
        return None
    try:
        words = {name: ring.get_password(f"{APP}-{environment}", name) for name in NAMES}
    except ring.errors.KeyringError:
        return None
    return keys_of(words, f"the system's keyring, {APP}-{environment},")


def _forget(ring: Any, environment: str, name: str) -> bool:
    if ring.get_password(f"{APP}-{environment}", name) is None:
        return False
    ring.delete_password(f"{APP}-{environment}", name)
    return True


@contextmanager
def _refusals(ring: Any) -> Iterator[None]:
    try:
        yield
    except ring.errors.KeyringError as error:
        raise ConfigError(f"the system's keyring refuses: {type(error).__name__}", hint="is it unlocked?") from None


# The file


def _from_file(environment: str) -> Keys | None:
    table = _read().get(environment)
    path = key_file()
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: {environment} is no table", hint=f"write [{environment}] above its keys")
    return keys_of(table, f"{path}, [{environment}],", path.parent)


def _read() -> dict[str, Any]:
    path = key_file()
    text = read_guarded(path)
    if text is None:
        return {}
    try:
        return tomllib.loads(text)
    # the parser's own words may quote the file
    except (ValueError, RecursionError):
        hint = "it has a table for each environment; `tickdeck keys set` writes it"
        raise ConfigError(f"{path} is not TOML", hint=hint) from None


def _toml(tables: Mapping[str, Any]) -> bytes:
    return tomli_w.dumps(tables, multiline_strings=True).encode()


# Environment variables

_taken: dict[str, Keys | None] = {}
"""What was found in variables that are there no more."""


def _from_variables(environment: str) -> Keys | None:
    prefix = f"TICKDECK_{environment.upper()}_"
    words = {name: os.environ.pop(prefix + name.upper(), None) for name in NAMES}
    if any(words.values()):
        _taken[environment] = keys_of(words, f"{prefix}*")
    return _taken.get(environment)
