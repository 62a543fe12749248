"""No key is in any byte that is written: not in journal, capture, logs, crash reports, nor on the screen."""

from __future__ import annotations

import base64
import gzip
import os
import re
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from engine.recordings.capture.segments import FOLDER
from tests.canary import API_KEY, SECRETS, assert_caught, assert_clean, rows

ROOT = Path(__file__).resolve().parents[1]


def ran(folder: Path, *command: str) -> subprocess.CompletedProcess[bytes]:
    homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA")}
    env = {**os.environ, **homes, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONWARNINGS": "always"}
    return subprocess.run([sys.executable, *command], capture_output=True, timeout=110, check=False, cwd=folder, env=env)


def test_an_errand_through_all_that_can_go_wrong_leaves_no_key_behind(tmp_path: Path) -> None:
    done = ran(tmp_path, "-m", "tests.errand", str(tmp_path))
    keys = tmp_path / "config" / "tickdeck" / "keys.toml"
    assert done.returncode == 1, done.stderr[-3000:]
    assert b"Wreck" in done.stderr[-500:], done.stderr[-3000:]
    shown = [
        ran(tmp_path, "-P", "-m", "tui.cli", *words)
        for words in (("keys", "show"), ("doctor", "--json"), ("doctor", "errand.toml", "--json"))
    ]
    for its in shown:
        assert b"Traceback" not in its.stderr

    assert_caught(keys.read_bytes())
    keys.unlink()
    told = b"".join((done.stdout, done.stderr, *(its.stdout + its.stderr for its in shown)))
    data = tmp_path / "data" / "tickdeck"
    journal = next((data / "journals").glob("*.db"))
    looked = assert_clean([tmp_path, told, rows(journal)])
    assert looked > 500_000
    text = (tmp_path / "debug.log").read_text()
    assert len(re.findall(r"signature=(?!\[redacted\])\w", text)) == 0
    # it did write what it was to write
    assert text.count("[redacted]") > 100
    for words in ("POST /api/v3/order", "websockets", "HTTP 503", "Server disconnected", "GET /ws-api/v3"):
        assert words in text, words
    assert b"intent" in rows(journal)
    assert len(list((data / "crashes").iterdir())) == 1
    capture = next((data / "recordings").iterdir())
    deadline = time.monotonic() + 60
    while not list(capture.glob("*.parquet")) or list((capture / FOLDER).glob("*.segment")):
        assert time.monotonic() < deadline, list(capture.rglob("*"))
        time.sleep(0.2)
    assert_clean([capture])


@pytest.mark.parametrize("secret", SECRETS)
def test_the_canary_sees_every_form(secret: str, tmp_path: Path) -> None:
    raw = b"some words before it " + secret.encode() + b" and after"
    for form in (
        raw,
        raw[:28],
        raw[-26:],
        raw.hex().encode(),
        raw.hex().upper().encode(),
        *(base64.b64encode(raw[at:]) for at in range(3)),
        *(base64.urlsafe_b64encode(raw[at:]) for at in range(3)),
        secret[::-1].encode(),
        secret.encode("utf-16-le"),
        "".join(f"%{byte:02X}" for byte in raw).encode(),
    ):
        assert_caught(form)
        assert_caught(b"x" * 1000 + form)
    zstd = pa.Codec("zstd")
    for name, packed in (
        ("a.gz", gzip.compress(raw)),
        ("a.z", zlib.compress(raw)),
        ("a.zst", b"head" + bytes(zstd.compress(raw)) + b"tail"),
        (secret, b""),
    ):
        (tmp_path / name).write_bytes(packed)
        with pytest.raises(AssertionError, match=secret[:3]):
            assert_clean([tmp_path])
        (tmp_path / name).unlink()
    assert assert_clean([tmp_path, b"nothing", "at all", API_KEY[:4]]) > 0
