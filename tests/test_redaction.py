"""Redaction: no form of a secret stays in a text, and a text without one stays as it was."""

from __future__ import annotations

import base64
import json
import random
import string
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from engine import redaction
from engine.binance.keys import Secret
from engine.errors import ExchangeError, TickdeckError
from engine.redaction import MASK, hide, redact
from tests.canary import API_KEY, API_SECRET, SECRETS, assert_caught, assert_clean

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    hide(API_KEY)
    hide(API_SECRET)


def encodings(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "raw": secret,
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode(),
        "within base64": base64.b64encode(b"k" + raw + b"!").decode(),
        "deeper": base64.b64encode(b"ke" + raw + b"!!").decode(),
        "url": quote(secret, safe=""),
        "json": json.dumps({"a": secret}),
        "repr": repr({"a": secret, "b": secret.encode()}),
        "login": base64.b64encode(f"user:{secret}".encode()).decode(),
    }


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", encodings(API_KEY))
def test_every_form_of_a_secret_is_masked(secret: str, form: str) -> None:
    text = encodings(secret)[form]
    assert_caught(text.encode())
    assert_clean([redact(text), redact(f"before {text} after"), redact(f"x{text}y"), redact(text * 3)])


@given(st.sampled_from(SECRETS), st.integers(6, 64), WORDS, WORDS)
def test_so_is_what_is_left_of_one_that_was_cut_off(secret: str, length: int, before: str, after: str) -> None:
    assert_clean([redact(f"{before}{secret[:length]}{after}")], [secret])


@given(st.sampled_from(SECRETS), st.integers(1, 56), st.integers(8, 63), WORDS, WORDS)
def test_and_what_is_left_in_the_middle_or_at_its_end(secret: str, at: int, length: int, before: str, after: str) -> None:
    piece = secret[at : at + length]
    assert piece not in redact(f"{before}...{piece}...{after}")


@given(st.text(string.ascii_letters + string.digits + "+/=-_%&\"' ü🚀", min_size=8, max_size=80), WORDS, WORDS)
def test_whatever_a_secret_is_made_of(secret: str, before: str, after: str) -> None:
    redaction._known.clear()
    hide(secret)
    for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode(), quote(secret, safe="")):
        told = redact(f"{before}\n{form}\n{after}")
        assert form not in told


def test_what_is_no_secret_stays() -> None:
    for text in (
        'File "/home/me/strategies/sma.py", line 41, in gen_signal',
        f'  File "/home/{"a1" * 40}/x.py", line 1',
        "bought 0.01 BTCUSDT at 105,554.31; order 1234567890123456789",
        "accounts.0.api_key: should be 64 letters and digits",
        "2025-06-14T12:31:00Z " * 10,
        "a_rather_long_name_of_a_function_which_is_no_secret_at_all()",
        "1" * 100,
        "x" * 100,
        API_KEY[:4] + "…",
        "",
    ):
        assert redact(text) == text


def test_a_short_word_is_no_secret() -> None:
    hide("USDT")
    assert redact("USDT") == "USDT"


@pytest.mark.parametrize(
    "name", ["signature", "X-MBX-APIKEY", "apiKey", "api_key", "api-secret", "secret", "token", "private_key"]
)
@pytest.mark.parametrize("form", ["{}={}&x=1", "{}: {}", "'{}': '{}'", '"{}":"{}"', "('{}', '{}')", '{} = "{}"', "?a=b&{}={}"])
def test_what_looks_like_one_is_masked_without_being_known(name: str, form: str) -> None:
    unknown = "hT5rQw2e"
    told = redact(form.format(name, unknown))
    assert unknown not in told
    assert MASK in told


def test_long_words_that_only_keys_are_made_of_are_masked() -> None:
    rng = random.Random(1)
    for _ in range(200):
        key = "".join(rng.choices(string.ascii_letters + string.digits, k=64))
        assert redact(f"what is {key}?") == f"what is {MASK}?"
        assert redact(f"what is {key.encode().hex()}?") == f"what is {MASK}?"


@pytest.mark.parametrize(
    "key", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)], ids=["ed", "rsa"]
)
def test_private_keys_are_masked_by_the_line_and_by_what_is_in_them(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> None:
    pem = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    redaction._known.clear()
    assert redact(f"a {pem} b").split() == ["a", MASK, "b"]
    hide(pem)
    lines = pem.splitlines()[1:-1]
    for line in lines:
        assert line not in redact(f"x {line} y")
        assert line not in redact(f"x {quote(line, safe='')} y")
    assert "".join(lines) not in redact("".join(lines))
    assert lines[0] not in redact(repr(pem))
    inside = base64.b64decode("".join(lines))[-32:]
    for form in (inside.hex(), base64.b64encode(inside).decode()):
        assert form not in redact(form)
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())
    beginning = base64.b64encode(other).decode()[:20]
    assert redact(beginning) == beginning, "what all private keys begin with is no secret"


def test_what_was_given_for_a_private_key_and_is_none_does_not_hide_the_marks_of_one() -> None:
    for words in (
        "-----BEGIN x",
        "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
    ):
        hide(words)
    told = redact("-----BEGIN PRIVATE KEY-----\nhT5rQw2e\n-----END PRIVATE KEY-----")
    assert told == MASK
    assert redact("302e02 at 0.5 and 313233343536") == "302e02 at 0.5 and 313233343536"


def test_a_secret_is_known_from_its_making() -> None:
    redaction._known.clear()
    Secret(API_KEY)
    assert redact(API_KEY) == MASK


def test_every_error_of_ours_is_redacted_where_it_is_made() -> None:
    error = ExchangeError(
        f"Cannot connect: https://x/api/v3/order?a=1&signature={API_SECRET[:20]}", hint=f"is {API_KEY} a key?"
    )
    assert_clean([str(error), repr(error), error.message, error.hint, repr(error.args)])
    assert TickdeckError("plain", hint="words").message == "plain"


def test_a_megabyte_is_looked_through_in_no_time() -> None:
    text = ("nothing to see here, " * 50_000) + API_KEY
    assert redact(text).endswith(MASK)
    hostile = API_KEY[:5] * 200_000
    assert redact(hostile)


PROGRAM = """
import asyncio, logging, sys, threading, warnings
from engine.binance.keys import Secret
from engine.redaction import guard
guard()
guard()
key, secret = Secret({key!r}), Secret({secret!r})
text = f"key {{key.reveal()}} signature={{secret.reveal()[:20]}}"
logging.basicConfig(level=logging.DEBUG, filename={log!r})
class Bad(Exception):
    def __repr__(self): return text
def fails(): raise Bad(text)
logging.debug("plain %s", text)
logging.getLogger("aiohttp.client").info("args %(a)s", {{"a": text}})
logging.getLogger("bad").warning("too few %s %s", text)
try: fails()
except Bad: logging.exception(text); logging.error("as an object: %r", Bad(text), exc_info=True, stack_info=True)
thread = threading.Thread(target=fails); thread.start(); thread.join()
async def main():
    task = asyncio.create_task(asyncio.sleep(0)); await task
    async def broken(): fails()
    asyncio.create_task(broken(), name=text)
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_exception_handler({{"message": text, "exception": Bad(text), "what": text}})
    asyncio.get_running_loop().call_soon(fails)
    await asyncio.sleep(0.01)
asyncio.run(main(), debug=True)
warnings.warn(text)
class Dies:
    def __del__(self): fails()
Dies()
print(text, file=sys.stderr)
sys.stderr.writelines([text])
print("alive")
fails()
"""


def test_no_way_out_of_a_guarded_process_tells_a_secret(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    program = PROGRAM.format(key=API_KEY, secret=API_SECRET, log=str(log))
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, cwd=Path(__file__).parents[1])
    assert done.returncode == 1
    assert done.stdout == b"alive\n"
    assert_clean([done.stderr, log])
    said = done.stderr.decode() + log.read_text()
    for part in (
        "Exception in thread",
        "Exception ignored in",
        "UserWarning",
        "never retrieved",
        "as an object",
        "too few",
        "args",
    ):
        assert part in said, part
    assert said.count(MASK) > 20
    unguarded = program.replace("guard()\n", "")
    done = subprocess.run([sys.executable, "-P", "-c", unguarded], capture_output=True, timeout=60, check=False)
    assert_caught(done.stderr)
