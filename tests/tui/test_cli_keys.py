"""`tickdeck keys`: put in place, shown by their first letters, removed; nothing of them on screen or in the history."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.canary import API_KEY, API_SECRET, assert_clean

PEM = ed25519.Ed25519PrivateKey.generate().private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
BODY = PEM.splitlines()[1]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def tickdeck(*args: str, said: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "200", "PYTHONWARNINGS": "error", **env}
    command = [sys.executable, "-P", "-m", "tui.cli", "keys", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, input=said, env=env)


def test_set_show_and_remove(home: Path) -> None:
    path = home / "config" / "tickdeck" / "keys.toml"
    nothing = tickdeck("show")
    assert nothing.returncode == 0
    assert nothing.stdout.startswith("there are no keys; looked in the system's keyring, ")

    done = tickdeck("set", "testnet", said=f"{API_KEY}\n{API_SECRET}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"the keys of testnet are in {path}; `tickdeck doctor` looks what they may do\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert API_SECRET in path.read_text()
    piped = tickdeck("set", "live", said=f"{API_KEY}\n{PEM}")
    assert piped.returncode == 0, piped.stderr
    (home / "my.pem").write_text(PEM)
    (home / "my.pem").chmod(0o600)
    assert tickdeck("set", "demo", said=f"{API_KEY}\n{home}/my.pem").returncode == 0

    shown = tickdeck("show", TICKDECK_TESTNET_API_KEY=API_KEY, TICKDECK_TESTNET_API_SECRET=API_SECRET)
    assert (shown.returncode, shown.stderr) == (0, "")
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert rows == [
        ["environment", "key", "signs", "by", "where"],
        ["testnet", "cNrY…", "HMAC", str(path)],
        ["testnet", "cNrY…", "HMAC", "environment", "variables,", "not", "used"],
        ["demo", "cNrY…", "Ed25519", str(path)],
        ["live", "cNrY…", "Ed25519", str(path)],
    ]
    removed = tickdeck("remove", "testnet")
    assert removed.stdout == f"the keys of testnet are gone from {path}\n"
    again = tickdeck("remove", "testnet")
    assert again.returncode == 2
    assert "there are no keys for testnet to remove" in again.stderr
    assert API_SECRET not in path.read_text()
    told = [its.stdout + its.stderr for its in (done, piped, shown, removed, again)]
    assert_clean(told)
    assert BODY not in "".join(told)


@pytest.mark.parametrize(
    ("args", "said", "words"),
    [
        (("set", "testnet"), "", "no key was given"),
        (("set", "testnet"), API_KEY, "should have api_secret or private_key"),
        (("set", "testnet"), f"{API_KEY} {API_SECRET}\n{API_SECRET}", "api_key is none"),
        (("set", "testnet"), f"{API_KEY}\n-----BEGIN PRIVATE KEY-----\n{API_SECRET}", "no private key of Ed25519 or RSA"),
        (("set", "testnet"), f"{API_KEY}\n~/nowhere.pem", "is not there"),
        (("set", "tstnet"), "", "there is no environment 'tstnet' (did you mean 'testnet'?)"),
        (("remove", "nowhere"), "", "there is no environment 'nowhere'"),
        (("set",), "", "Missing argument"),
        ((), "", ""),
    ],
)
def test_what_is_not_whole_is_refused(home: Path, args: tuple[str, ...], said: str, words: str) -> None:
    done = tickdeck(*args, said=said)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert_clean([done.stdout, done.stderr])
    assert not (home / "config").exists()


def test_a_file_that_others_can_read_is_told_of_and_shows_nothing(home: Path) -> None:
    tickdeck("set", "testnet", said=f"{API_KEY}\n{API_SECRET}\n")
    path = home / "config" / "tickdeck" / "keys.toml"
    path.chmod(0o644)
    shown = tickdeck("show")
    assert shown.returncode == 2
    assert "is open to others" in shown.stderr
    assert "chmod 600" in shown.stderr
    assert_clean([shown.stdout, shown.stderr])


def test_what_is_typed_is_not_shown(home: Path) -> None:
    """In a terminal of its own, which would echo what is typed."""
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-P", "-m", "tui.cli", "keys", "set", "testnet"])
    seen = b""
    for prompt, word in ((b"API key: ", API_KEY), (b"(PEM): ", API_SECRET)):
        deadline = time.monotonic() + 30
        while not seen.endswith(prompt):
            assert time.monotonic() < deadline, seen
            seen += os.read(terminal, 1024)
        time.sleep(0.2)  # a prompt throws away what was typed before it listens
        os.write(terminal, word.encode() + b"\n")
    try:
        while data := os.read(terminal, 1024):
            seen += data
    except OSError:
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, seen
    assert b"the keys of testnet are in" in seen
    assert_clean([seen])
    assert API_SECRET in (home / "config" / "tickdeck" / "keys.toml").read_text()
