"""The doctor: each thing that can be wrong is told with its remedy; the exchange of the config is asked, and nobody else."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from engine import doctor
from engine.binance import keys as k
from engine.binance.hosts import ENVIRONMENTS
from engine.binance.journal import Journal, journal_file
from engine.binance.keys import store_keys
from engine.config import SessionConfig
from engine.doctor import Check, live_checks
from engine.recordings.capture.segments import FOLDER
from engine.rehearsal.faults import Scenario
from tests.canary import API_KEY, API_SECRET, assert_clean
from tests.rehearsal.day import day
from tests.rehearsal.hall import Hall
from tui.commands import doctor as command

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with nothing yet, who has no keyring."""
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(k, "_keyring", lambda: None)
    monkeypatch.setattr(k, "_taken", {})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tickdeck(*args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-P", "-m", "tui.cli", "doctor", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


class Flown(NamedTuple):
    hall: Hall
    settings: SessionConfig


def settings(url: str, **binance: Any) -> SessionConfig:
    tables = {"mode": "rehearsal", "coins": ["BTCUSDT"], "binance": {"url": url, "speed": 60, **binance}}
    return SessionConfig.from_dict(tables)


@pytest.fixture
async def its() -> AsyncIterator[Flown]:
    """A rehearsal with an account whose keys are in place, and a session on it."""
    async with day(accounts=[{"api_key": API_KEY, "api_secret": API_SECRET, "restrictions": {"ipRestrict": True}}]) as hall:
        store_keys("rehearsal", {"api_key": API_KEY, "api_secret": API_SECRET})
        yield Flown(hall, settings(hall.url))


# With an exchange


async def test_all_is_well(its: Flown) -> None:
    checks = await live_checks(its.settings)
    assert {check.status for check in checks} == {"ok"}
    assert [check.name for check in checks] == ["disk", "keys", "exchange", "clock", "permissions"]
    found = by_name(checks)
    assert found["keys"].text == "rehearsal: cNrY… signs by HMAC"
    assert found["exchange"].text.startswith(f"{its.hall.url}/api answers in ")
    assert found["permissions"].text == "the key may trade; made 0 days ago"
    assert found["clock"].text == "not compared: a rehearsal tells its recording's time"
    assert_clean([repr(checks)])


async def test_a_key_that_may_withdraw_fails_with_its_remedy() -> None:
    its = {"api_key": API_KEY, "api_secret": API_SECRET, "restrictions": {"enableWithdrawals": True}}
    async with day(accounts=[its]) as hall:
        store_keys("rehearsal", {"api_key": API_KEY, "api_secret": API_SECRET})
        found = [check for check in await live_checks(settings(hall.url)) if check.name == "permissions"]
    remedy = "take that from it in the exchange's API management, tickdeck never needs it"
    assert found[0] == Check("permissions", "fail", "the key may withdraw", remedy)
    assert found[1].status == "warn"
    assert len(found) == 2


async def test_keys_of_another_account_fail(its: Flown) -> None:
    store_keys("rehearsal", {"api_key": "x" * 64, "api_secret": API_SECRET})
    found = by_name(await live_checks(its.settings))
    assert found["permissions"].status == "fail"
    assert "-2015" in found["permissions"].text
    k.remove_keys("rehearsal")
    found = by_name(await live_checks(its.settings))
    assert found["keys"] == Check(
        "keys", "fail", "there are no keys for rehearsal", "`tickdeck keys set rehearsal` puts them in place"
    )
    assert "permissions" not in found
    assert found["exchange"].status == "ok"


async def test_an_exchange_that_is_not_there_fails(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    store_keys("rehearsal", {"api_key": API_KEY, "api_secret": API_SECRET})
    found = by_name(await live_checks(settings(f"http://127.0.0.1:{port}")))
    assert found["exchange"].status == "fail"
    assert f"no connection to 127.0.0.1:{port}" in found["exchange"].text
    assert "to be reached from here?" in found["exchange"].remedy
    assert found["keys"].status == "ok"


@pytest.mark.parametrize(
    "fault", [{"status": 503, "body": "<html>no</html>"}, {"status": 200, "body": "{}"}, {"lose": "reply"}, {"code": -1003}]
)
async def test_one_that_answers_nonsense_fails(its: Flown, fault: dict[str, Any]) -> None:
    for path, name in (("GET /api/v3/time", "exchange"), ("GET /sapi/v1/account/apiRestrictions", "permissions")):
        its.hall.server.inject(Scenario.model_validate({"requests": ({"of": path, **fault},)}))
        found = by_name(await live_checks(its.settings))
        assert found[name].status == "fail", found
        assert_clean([repr(found)])


@pytest.mark.parametrize(
    ("off_s", "status", "words"),
    [(0.0, "ok", "the exchange's"), (-0.6, "warn", "600 ms ahead of"), (5.0, "fail", "5,000 ms behind")],
)
def test_a_clock_that_is_off_is_told(off_s: float, status: str, words: str) -> None:
    clock = SimpleNamespace(uncertain_ns=10**6, skew_ns=int(-off_s * 10**9))
    client = SimpleNamespace(clock=clock, hosts=ENVIRONMENTS["testnet"])
    found = doctor._clock(client)  # type: ignore[arg-type]
    assert found.status == status
    assert words in found.text
    assert bool(found.remedy) == (status != "ok")


async def test_nothing_is_asked_where_there_is_nothing_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("something was asked")

    monkeypatch.setattr("engine.binance.client.Client.open", asked)
    own = SessionConfig.from_dict({"mode": "rehearsal", "coins": ["BTCUSDT"]})
    assert by_name(await live_checks(own))["exchange"].text == "not asked: the flight starts its own on this machine"
    replay = SessionConfig.from_dict({"recording": "demo"})
    checks = by_name(await command.checks_of(replay))
    assert checks["exchange"].text == "not asked: the config replays a recording"
    assert checks["recording"].text.startswith("demo: ")
    gone = by_name(await command.checks_of(SessionConfig.from_dict({"recording": "nowhere"})))
    assert gone["recording"].status == "fail"
    assert "there is no recording nowhere" in gone["recording"].text
    assert by_name(await command.checks_of(None))["exchange"].text == command.NO_CONFIG


# This machine


def test_a_missing_library_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.installation().status == "ok"
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    found = doctor.installation()
    assert (found.status, found.text) == ("fail", "no-such-library missing")


def test_a_cache_that_cannot_be_written_is_warned_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.kernel().text.startswith("not compiled yet")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert doctor.kernel().status == "warn"
    (home / "cache" / "tickdeck" / "kernel" / "x").mkdir(parents=True)
    (home / "cache" / "tickdeck" / "kernel" / "x" / "a.nbc").touch()
    assert doctor.kernel().text.startswith("compiled")


@pytest.mark.parametrize(("free", "ms", "status"), [(5000, 1, "ok"), (500, 1, "warn"), (50, 1, "fail"), (5000, 80, "warn")])
def test_a_disk_without_room_or_haste_is_told(free: int, ms: float, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free << 20}))
    monkeypatch.setattr(doctor, "_write", lambda folder: float(ms))
    found = doctor.disk()
    assert found.status == status
    assert bool(found.remedy) == (status != "ok")


def test_a_disk_that_takes_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> float:
        raise OSError(30, "Read-only file system")

    assert doctor.disk().status == "ok"
    monkeypatch.setattr(doctor, "_write", full)
    found = doctor.disk()
    assert found.status == "fail"
    assert found.text.endswith("cannot be written: Read-only file system")


def test_recordings_that_do_not_open_and_captures_nobody_sealed_are_told(home: Path) -> None:
    fine = doctor.recordings()
    assert [check.status for check in fine] == ["ok"]
    bad, raw = (home / "data" / "tickdeck" / "recordings" / name for name in ("bad", "raw"))
    bad.mkdir(parents=True)
    (bad / "manifest.toml").write_text("nonsense")
    shutil.copytree(ROOT / "recordings" / "demo", raw)
    (raw / FOLDER).mkdir()
    (raw / FOLDER / "00000001.segment").write_bytes(b"")
    found = list(doctor.recordings())
    assert [check.status for check in found] == ["fail", "warn", "ok"]
    assert found[0].remedy == f"`tickdeck recordings verify {bad}` tells more"
    assert found[1].remedy == f"`tickdeck recordings seal {raw}`"
    assert found[2].text == "2 of 3 open"


def test_the_journal_is_whole_in_use_or_damaged(home: Path) -> None:
    assert [check.text for check in doctor.journals()] == ["none yet"]
    store_keys("testnet", {"api_key": API_KEY, "api_secret": API_SECRET})
    path = journal_file("testnet", k.find_keys("testnet"))
    assert next(doctor.journals(path)).text.endswith("is made when it first flies")
    journal = Journal(path)
    journal.write("start", tag="x")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    journal.close()
    assert next(doctor.journals()) == Check("journal", "ok", f"{path}: 1 entries, whole, in nobody's use")
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(b"go\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == b"held\n"
    found = next(doctor.journals(path))
    assert found.status == "ok"
    assert f"is in use by process {holder.pid}" in found.text or sys.platform != "linux"
    holder.communicate()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    assert next(doctor.journals()).status == "fail"
    path.write_bytes(b"nonsense" * 1000)
    found = next(doctor.journals())
    assert found.status == "fail"
    assert "do not trade on it" in found.remedy
    path.unlink()
    sqlite3.connect(path).close()
    assert next(doctor.journals()).status == "fail"


HOLDS = """
import sys, pathlib
from engine.binance.hosts import ENVIRONMENTS
from engine.binance.journal import Journal, journal_file
sys.stdin.readline()
journal = Journal(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
journal.close()
"""


def test_the_environments_that_have_keys_are_told() -> None:
    assert doctor.all_keys().text == "none; replay, paper and rehearsal need none"
    store_keys("demo", {"api_key": API_KEY, "api_secret": API_SECRET})
    assert doctor.all_keys().text == f"for demo ({k.key_file()})"
    k.key_file().chmod(0o644)
    found = doctor.all_keys()
    assert found.status == "fail"
    assert "chmod 600" in found.remedy


@pytest.mark.parametrize(
    ("env", "encoding", "size", "words"),
    [
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "UTF-8", (120, 40), ""),
        ({"TERM": "dumb"}, "UTF-8", (120, 40), "TERM"),
        ({"TERM": ""}, "UTF-8", (120, 40), "TERM"),
        ({"TERM": "xterm"}, "ISO-8859-1", (120, 40), "LANG"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "utf8", (60, 20), "80x24"),
    ],
)
def test_a_terminal_that_cannot_show_the_deck_is_warned_of(
    env: dict[str, str], encoding: str, size: tuple[int, int], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.terminal().text.startswith("none here")
    for name in ("COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(command.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(command.locale, "getpreferredencoding", lambda _: encoding)
    monkeypatch.setattr(command.shutil, "get_terminal_size", lambda: os.terminal_size(size))
    found = command.terminal()
    assert found.status == ("warn" if words else "ok")
    assert words in found.remedy


# The command


def test_without_a_config_nothing_but_this_machine_is_looked_at(home: Path) -> None:
    done = tickdeck("--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["ok"] is True
    names = [check["name"] for check in told["checks"]]
    assert names == ["installation", "kernel", "terminal", "disk", "keys", "journal", "exchange", "recordings"]
    assert all(set(check) == {"name", "status", "text", "remedy"} for check in told["checks"])
    shown = tickdeck()
    assert shown.returncode == 0
    assert [line.split()[1] for line in shown.stdout.splitlines() if not line.startswith(" ")] == names
    assert list(home.iterdir()) == [], "looking leaves nothing behind"


def test_exit_codes(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    (home / "fly.toml").write_text(f'mode = "rehearsal"\ncoins = ["BTCUSDT"]\n[binance]\nurl = "http://127.0.0.1:{port}"\n')
    failed = tickdeck("fly.toml", "--json")
    assert failed.returncode == 1, failed.stderr
    told = json.loads(failed.stdout)
    assert told["ok"] is False
    assert {check["name"] for check in told["checks"] if check["status"] == "fail"} == {"keys", "exchange"}
    shown = tickdeck("fly.toml")
    assert shown.returncode == 1
    assert "fail keys         there are no keys for rehearsal" in shown.stdout
    assert "\n                  `tickdeck keys set rehearsal` puts them in place\n" in shown.stdout
    for args in (("nowhere.toml",), ("fly.toml", "--set", "mode=space"), ("--colour",)):
        bad = tickdeck(*args)
        assert (bad.returncode, bad.stdout) == (2, "")
        assert "Traceback" not in bad.stderr
