"""Keys: where they are found, what is refused, and that they show themselves nowhere."""

from __future__ import annotations

import copy
import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from engine.binance import keys as k
from engine.binance.keys import Secret, find_keys, found_keys, key_file, keys_of, remove_keys, store_keys
from engine.binance.library import AsyncClient
from engine.errors import ConfigError

API = "pq1Xv0vYcE8dN3kZ6sTgQ2uWmH4aLrB7oJf9yKxCiDhSnUeRtPzMwGlVbAjF5O8I"
SHARED = "Zk8JcQwR2tVnX5mLb9HfGs3DpYaE7uKi0oCvTzNxWq4rBjS6lPdMhUgFyAeI1O7n"
ED25519, RSA, EC = (
    ed25519.Ed25519PrivateKey.generate(),
    rsa.generate_private_key(65537, 2048),
    ec.generate_private_key(ec.SECP256R1()),
)


def pem(key: Any, passphrase: bytes = b"") -> str:
    lock = s.BestAvailableEncryption(passphrase) if passphrase else s.NoEncryption()
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, lock).decode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder of one's own, no keyring, nothing remembered."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(k, "_keyring", lambda: None)
    monkeypatch.setattr(k, "_taken", {})
    return tmp_path


def write(text: str, mode: int = 0o600) -> Path:
    path = key_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def file_of(**tables: dict[str, str]) -> str:
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(word)}\n" for key, word in its.items()) for name, its in tables.items()
    )


class Ring:
    """A keyring, as the library has it."""

    class KeyringError(Exception):
        pass

    def __init__(self, locked: bool = False) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.errors = SimpleNamespace(KeyringError=self.KeyringError)
        self.locked = locked

    def _open(self) -> None:
        if self.locked:
            raise self.KeyringError(f"locked {API}")

    def get_password(self, service: str, name: str) -> str | None:
        self._open()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, word: str) -> None:
        self._open()
        self.kept[service, name] = word

    def delete_password(self, service: str, name: str) -> None:
        del self.kept[service, name]


# Secrets


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        format,
        "{:>80}".format,
        "{!r}".format,
        lambda its: f"{its}",
        lambda its: repr([its]),
        lambda its: repr({its: its}),
    ],
)
def test_a_secret_shows_nothing(show: Any) -> None:
    assert API[:4] not in show(Secret(API))


@pytest.mark.parametrize(
    "copying",
    [
        pickle.dumps,
        *(lambda its, protocol=protocol: pickle.dumps(its, protocol) for protocol in range(6)),
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        lambda its: its.__getstate__(),
        lambda its: pickle.dumps(k.Keys(its, its, None)),
        lambda its: vars(its),
    ],
)
def test_a_secret_is_not_copied_out(copying: Any) -> None:
    with pytest.raises(TypeError) as caught:
        copying(Secret(API))
    assert API[:4] not in str(caught.value)


def test_a_secret_is_given_to_who_asks_by_name() -> None:
    assert Secret(API).reveal() == API
    assert Secret(API) == Secret(API) != Secret(SHARED)
    assert Secret(API) != API
    assert len({Secret(API), Secret(API), Secret(SHARED)}) == 2
    assert Secret(API).first == "pq1X…"


def test_its_first_letters_are_too_few_to_be_masked_and_to_tell_it() -> None:
    assert len(Secret(API).first) == 5


# Where they are found


def test_the_file_is_read(home: Path) -> None:
    write(file_of(testnet={"api_key": API, "api_secret": SHARED}, live={"api_key": SHARED, "api_secret": API}))
    assert find_keys("testnet") == (Secret(API), Secret(SHARED), None)
    assert find_keys("live").api_key.reveal() == SHARED
    assert find_keys("testnet").kind == "HMAC"


@pytest.mark.parametrize("environment", k.ENVIRONMENTS)
def test_where_there_are_none_it_says_how_to_put_them_in_place(environment: str) -> None:
    with pytest.raises(ConfigError, match=f"there are no keys for {environment}") as caught:
        find_keys(environment)
    assert caught.value.hint == f"`tickdeck keys set {environment}` puts them in place"


def test_keyring_before_file_before_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring()
    words = [letter * 64 for letter in "abcdef"]
    for name, word in zip(("api_key", "api_secret"), words[:2], strict=True):
        ring.kept["tickdeck-demo", name] = word
    write(file_of(demo={"api_key": words[2], "api_secret": words[3]}))
    monkeypatch.setenv("TICKDECK_DEMO_API_KEY", words[4])
    monkeypatch.setenv("TICKDECK_DEMO_API_SECRET", words[5])
    found = []
    for step in ("keyring", "file", "variables"):
        if step == "keyring":
            monkeypatch.setattr(k, "_keyring", lambda: ring)
        elif step == "file":
            ring.locked = True
        else:
            key_file().unlink()
        found.append(find_keys("demo").api_key.reveal())
    assert found == [words[0], words[2], words[4]]
    assert [name for name, _ in found_keys("demo")] == ["environment variables"]


def test_variables_are_taken_out_and_known_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKDECK_LIVE_API_KEY", API)
    monkeypatch.setenv("TICKDECK_LIVE_API_SECRET", SHARED)
    monkeypatch.setenv("TICKDECK_TESTNET_API_KEY", SHARED)
    for _ in range(2):
        assert find_keys("live").secret == Secret(SHARED)
    assert not [name for name in os.environ if name.startswith("TICKDECK_LIVE")]
    child = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert "TICKDECK_LIVE" not in child
    with pytest.raises(ConfigError, match=r"TICKDECK_TESTNET_\* should have api_secret or private_key"):
        find_keys("testnet")


def test_the_keyring_is_none_where_it_is_not_installed_and_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert k._keyring() is None

    class Fail:
        pass

    for has, backend in ((False, Fail()), (True, object())):
        made = {
            name: ModuleType(name) for name in ("keyring", "keyring.backends", "keyring.backends.fail", "keyring.backends.null")
        }
        made["keyring"].get_keyring = lambda backend=backend: backend  # type: ignore[attr-defined]
        made["keyring.backends"].fail = made["keyring.backends.fail"]  # type: ignore[attr-defined]
        made["keyring.backends"].null = made["keyring.backends.null"]  # type: ignore[attr-defined]
        made["keyring.backends.fail"].Keyring = made["keyring.backends.null"].Keyring = Fail  # type: ignore[attr-defined]
        for name, module in made.items():
            monkeypatch.setitem(sys.modules, name, module)
        assert (k._keyring() is not None) == has


def test_who_holds_keys_leaves_no_core_dump(home: Path) -> None:
    write(file_of(testnet={"api_key": API, "api_secret": SHARED}))
    code = (
        "import resource as r; from engine.binance.keys import find_keys as f; f('testnet'); print(r.getrlimit(r.RLIMIT_CORE))"
    )
    said = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "(0, 0)"


# What is refused


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601, 0o777])
def test_a_file_that_is_open_to_others_is_refused(mode: int) -> None:
    path = write(file_of(testnet={"api_key": API, "api_secret": SHARED}), mode)
    with pytest.raises(ConfigError, match=f"{path} is open to others") as caught:
        find_keys("testnet")
    assert caught.value.hint.startswith(f"chmod 600 {path}")


@pytest.mark.parametrize(("mode", "fine"), [(0o700, True), (0o755, True), (0o770, False), (0o707, False), (0o1777, False)])
def test_so_is_one_in_a_folder_that_others_may_write_in(mode: int, fine: bool) -> None:
    folder = write(file_of(testnet={"api_key": API, "api_secret": SHARED})).parent
    folder.chmod(mode)
    if fine:
        assert find_keys("testnet")
        return
    with pytest.raises(ConfigError, match=f"others may write in {folder}, where keys lie") as caught:
        find_keys("testnet")
    assert caught.value.hint == f"chmod 700 {folder}"


def test_a_file_of_somebody_else_s_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write(file_of(testnet={"api_key": API, "api_secret": SHARED}))
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(ConfigError, match="others may write in"):
        find_keys("testnet")


def test_a_link_a_pipe_and_a_folder_are_no_files(tmp_path: Path) -> None:
    there = tmp_path / "there.toml"
    there.write_text(file_of(testnet={"api_key": API, "api_secret": SHARED}))
    there.chmod(0o600)
    path = key_file()
    path.parent.mkdir(mode=0o700, parents=True)
    path.symlink_to(there)
    with pytest.raises(ConfigError) as caught:
        find_keys("testnet")
    assert caught.value.hint == "a link is not followed; put the file itself there"
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(ConfigError, match="is no file"):
        find_keys("testnet")
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match=r"is no file|cannot be read"):
        find_keys("testnet")


WHOLE = {"api_key": API, "api_secret": SHARED}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (file_of(testnet={"api_secret": SHARED}), "has no api_key"),
        (file_of(testnet={"api_key": API}), "should have api_secret or private_key"),
        (file_of(testnet={**WHOLE, "private_key": "x"}), "should have api_secret or private_key"),
        (file_of(testnet={**WHOLE, "apikey": SHARED}), "none of a key's (did you mean 'api_key'?)"),
        (file_of(testnet={**WHOLE, SHARED: "x"}), "none of a key's; known are"),
        (file_of(testnet={**WHOLE, "api_key": f"{API}\n"}), "api_key is no text of one line"),
        (file_of(testnet={**WHOLE, "api_key": f"{API} {API}"}), "api_key is none"),
        (file_of(testnet={**WHOLE, "api_key": "ключ"}), "api_key is none"),
        (f'[testnet]\napi_key = "{API}"\napi_secret = 12', "api_secret is no text"),
        (f"testnet = '{API}'", "testnet is no table"),
        (f"{API}", "is not TOML"),
        (f"[testnet]\napi_key = {API}", "is not TOML"),
        (f"[testnet]\n{API} = \n", "is not TOML"),
        ("[testnet]\n" + "a=" + "[" * 5000, "is not TOML"),
        ("x = " + "1" * 5000, "is not TOML"),
    ],
)
def test_keys_that_are_not_whole_are_told_of_without_telling_them(text: str, words: str) -> None:
    write(text)
    with pytest.raises(ConfigError) as caught:
        find_keys("testnet")
    assert words in str(caught.value)
    assert API[:6] not in str(caught.value)
    assert SHARED[:6] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_no_text_is_refused() -> None:
    key = write("")
    key.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        find_keys("testnet")


# Private keys


@pytest.mark.parametrize(("key", "kind"), [(ED25519, "Ed25519"), (RSA, "RSA")], ids=["ed25519", "rsa"])
@pytest.mark.parametrize("form", ["text", "windows", "literal", "path", "home path"])
async def test_a_private_key_is_one_that_python_binance_takes_for_what_it_is(
    key: Any, kind: str, form: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = pem(key)
    monkeypatch.setenv("HOME", str(home))
    if "path" in form:
        path = home / "config" / "tickdeck" / "my.pem" if form == "path" else home / "my.pem"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(f"Bag Attributes: none\n{text}\n\n")
        path.chmod(0o600)
    given = {"text": text, "windows": text.replace("\n", "\r\n"), "literal": text.replace("\n", "\\n"), "path": "my.pem"}
    write(file_of(testnet={"api_key": API, "private_key": given.get(form, "~/my.pem")}))
    keys = find_keys("testnet")
    assert keys.kind == kind
    assert keys.secret is None
    assert keys.private_key is not None
    client = AsyncClient(API, private_key=keys.private_key.reveal())
    assert client._is_rsa == (kind == "RSA")
    signature = client._sign_ws_params({"timestamp": 1}, client._generate_ws_api_signature)
    assert signature["signature"]
    await client.close_connection()


def test_a_private_key_with_a_passphrase_is_refused_with_the_way_out(home: Path) -> None:
    for key in (ED25519, RSA):
        write(file_of(testnet={"api_key": API, "private_key": pem(key, b"open sesame")}))
        with pytest.raises(ConfigError, match="the private key has a passphrase") as caught:
            find_keys("testnet")
        assert caught.value.hint.startswith("openssl pkey -in KEY.pem")
        assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [pem(EC), "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n", "-----BEGIN x"],
    ids=["elliptic", "cut off", "no end"],
)
def test_what_is_no_private_key_of_the_exchange_s_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"this is no private key of Ed25519 or RSA"):
        keys_of({"api_key": API, "private_key": text}, "here")


def test_the_file_of_a_private_key_is_guarded_too(home: Path) -> None:
    write(file_of(testnet={"api_key": API, "private_key": "my.pem"}))
    with pytest.raises(ConfigError, match=r"my\.pem is not there"):
        find_keys("testnet")
    path = key_file().with_name("my.pem")
    path.write_text(pem(ED25519))
    path.chmod(0o644)
    with pytest.raises(ConfigError, match=r"my\.pem is open to others"):
        find_keys("testnet")


# Putting them in place


def test_keys_are_stored_in_a_file_of_one_s_own_beside_those_that_are_there() -> None:
    assert store_keys("testnet", WHOLE) == str(key_file())
    assert store_keys("live", {"api_key": SHARED, "private_key": pem(ED25519)}) == str(key_file())
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file().parent.stat().st_mode) == 0o700
    assert find_keys("testnet") == (Secret(API), Secret(SHARED), None)
    assert find_keys("live").kind == "Ed25519"
    assert store_keys("testnet", {"api_key": SHARED, "api_secret": API}) == str(key_file())
    assert find_keys("testnet").api_key == Secret(SHARED)
    assert find_keys("live").kind == "Ed25519"
    assert remove_keys("testnet") == [str(key_file())]
    assert remove_keys("testnet") == []
    assert find_keys("live")
    assert [path.name for path in key_file().parent.iterdir()] == ["keys.toml"]


def test_the_path_of_a_private_key_is_stored_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "my.pem"
    path.write_text(pem(ED25519))
    path.chmod(0o600)
    monkeypatch.chdir(home)
    store_keys("demo", {"api_key": API, "private_key": "my.pem"})
    monkeypatch.chdir("/")
    assert find_keys("demo").kind == "Ed25519"
    assert str(path) in key_file().read_text()


def test_what_is_not_whole_is_not_stored() -> None:
    for words in ({}, {"api_key": API}, {"api_key": API, "private_key": "-----BEGIN nothing"}):
        with pytest.raises(ConfigError):
            store_keys("testnet", words)
    assert not key_file().exists()


def test_nor_is_anything_where_others_could_put_another_in_its_place() -> None:
    path = write("")
    path.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="others may write in"):
        store_keys("testnet", WHOLE)
    assert path.read_text() == ""


def test_a_full_disk_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    store_keys("testnet", WHOLE)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left"):
        store_keys("testnet", {"api_key": SHARED, "api_secret": API})
    assert find_keys("testnet").api_key == Secret(API)
    assert [path.name for path in key_file().parent.iterdir()] == ["keys.toml"]


def test_a_keyring_is_preferred_and_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring()
    monkeypatch.setattr(k, "_keyring", lambda: ring)
    assert store_keys("live", WHOLE) == "the system's keyring"
    assert find_keys("live").secret == Secret(SHARED)
    store_keys("live", {"api_key": API, "private_key": pem(ED25519)})
    assert find_keys("live").kind == "Ed25519"
    assert ("tickdeck-live", "api_secret") not in ring.kept
    assert remove_keys("live") == ["the system's keyring"]
    assert remove_keys("live") == []
    assert ring.kept == {}
    assert not key_file().exists()
    ring.locked = True
    for refused in (lambda: store_keys("live", WHOLE), lambda: remove_keys("live")):
        with pytest.raises(ConfigError, match="the system's keyring refuses: KeyringError") as caught:
            refused()
        assert API[:6] not in str(caught.value)
