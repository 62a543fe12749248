"""Signatures of all three kinds over what was really sent, in any order, and when a request is in time."""

from __future__ import annotations

import base64
import itertools
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.rehearsal import signing
from tests.rehearsal.trader import Answer, Trader, trading
from tests.worlds import market

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
EXAMPLE = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC", "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
MS, US = 1_000_000, 1_000


def pem_of(private: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)


def by_hand(private: Any, payload: bytes) -> str:
    args = () if private is ED25519 else (padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(private.sign(payload, *args)).decode()


# what is signed


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        ("", "&".join(EXAMPLE), "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        ("&".join(EXAMPLE), "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (*EXAMPLE, "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"),
    ],
)
def test_the_examples_of_the_documentation(query: str, body: str, signature: str) -> None:
    key = signing.by_secret(SECRET)
    for where in ("query", "body"):
        sent = [f"{text}&signature={signature}" if name == where else text for name, text in (("query", query), ("body", body))]
        signed, told = signing.of_request(*(text.removeprefix("&") for text in sent))
        assert (signed.decode(), told) == (query + body, signature)
        assert key.verify(signed, told)
        assert key.verify(signed, told.upper())
        assert not key.verify(signed + b"0", told)


@pytest.mark.parametrize("at", range(4))
def test_the_signature_is_taken_out_wherever_it_stands(at: int) -> None:
    parts = ["a=1", "signaturex=2", "b=%2F"]
    parts.insert(at, "signature=xyz%3D")
    assert signing.of_request("&".join(parts), "") == (b"a=1&signaturex=2&b=%2F", "xyz=")


def test_an_object_is_signed_in_the_order_of_its_names() -> None:
    texts = {"timestamp": "5", "apiKey": "k", "symbol": "B", "signature": "s", "Z": "1"}
    assert signing.of_object(texts) == (b"Z=1&apiKey=k&symbol=B&timestamp=5", "s")


# keys


@pytest.mark.parametrize(("private", "kind"), [(ED25519, "Ed25519"), (RSA, "RSA")])
def test_a_private_keys_signature_is_known_by_the_public_one(private: Any, kind: str) -> None:
    key = signing.by_public_key(pem_of(private))
    made = by_hand(private, b"a=1&b=2")
    assert key.kind == kind
    assert key.verify(b"a=1&b=2", made)
    for payload, signature in ((b"a=1&b=3", made), (b"a=1&b=2", made[:-4]), (b"a=1&b=2", "é"), (b"a=1&b=2", "")):
        assert not key.verify(payload, signature)


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_signature(text: str) -> None:
    for key in (signing.by_secret("s"), signing.by_public_key(pem_of(ED25519))):
        assert not key.verify(b"payload", text)


@pytest.mark.parametrize(
    "pem",
    ["", "x", pem_of(ec.generate_private_key(ec.SECP256R1())), pem_of(RSA).replace("M", "?", 3)],
    ids=["nothing", "no PEM", "another kind", "garbled"],
)
def test_other_keys_are_refused(pem: str) -> None:
    with pytest.raises(ConfigError, match="no public key of RSA or Ed25519"):
        signing.by_public_key(pem)


# over REST


async def open_orders(by: Trader, order: tuple[str, ...], sign: Any, where: str) -> Answer:
    """Ask for the open orders, the parameters in this order, in query or body."""
    texts = {"symbol": "BTCUSDT", "recvWindow": "5000", "timestamp": str(by.venue.now // MS)}
    text = "&".join(f"{name}={texts[name]}" for name in order)
    text += f"&signature={quote(sign(text.encode()), safe='')}"
    return await by.send("GET", "openOrders", **{where: text}, X_MBX_APIKEY=by.key)


@pytest.mark.parametrize("private", [ED25519, RSA], ids=["Ed25519", "RSA"])
@pytest.mark.parametrize("where", ["query", "body"])
async def test_private_keys_open_an_account_in_any_order(private: Any, where: str) -> None:
    async with trading(market([100] * 3), accounts=[{"public_key": pem_of(private)}]) as by:
        assert by.secret is None
        for order in itertools.permutations(("symbol", "recvWindow", "timestamp")):
            told = await open_orders(by, order, lambda payload: by_hand(private, payload), where)
            assert (told.status, told.body) == (200, [])
        told = await open_orders(by, ("timestamp", "symbol", "recvWindow"), lambda _: by_hand(private, b"x"), where)
        assert told.refusal == (400, -1022, "Signature for this request is not valid.")


async def test_query_and_body_are_signed_together_and_the_query_wins() -> None:
    async with trading(market([100] * 3)) as by:
        query, body = "symbol=BTCUSDT&side=BUY&type=MARKET", urlencode(by.stamped({"quantity": "1", "side": "SELL"}))
        signature = by.signed(query + body).rpartition("&")[2]
        told = await by.send("POST", "order/test", query=query, body=f"{body}&{signature}", X_MBX_APIKEY=by.key)
        assert (told.status, told.body) == (200, {})
        told = await by.send("POST", "order/test", query=f"{query}&{signature}", body=body, X_MBX_APIKEY=by.key)
        assert told.status == 200
        told = await by.send("POST", "order/test", query=body, body=f"{query}&{signature}", X_MBX_APIKEY=by.key)
        assert told.refusal == (400, -1022, "Signature for this request is not valid.")


@pytest.mark.parametrize(
    ("key", "signature", "refusal"),
    [
        ("", "x", (401, -2014, "API-key format invalid.")),
        ("k" * 63, "x", (401, -2014, "API-key format invalid.")),
        ("k" * 64, "x", (401, -2015, "Invalid API-key, IP, or permissions for action.")),
        (None, "", (400, -1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")),
        (None, "00", (400, -1022, "Signature for this request is not valid.")),
    ],
)
async def test_what_does_not_open_an_account(key: str | None, signature: str, refusal: Any) -> None:
    async with trading(market([100] * 3)) as by:
        query = urlencode(by.stamped({})) + (f"&signature={signature}" if signature else "")
        told = await by.send("GET", "account", query=query, X_MBX_APIKEY=by.key if key is None else key)
        assert told.refusal == refusal


# time

AHEAD = (400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
LATE = (400, -1021, "Timestamp for this request is outside of the recvWindow.")


@pytest.mark.parametrize(
    ("age_us", "window", "refusal"),
    [
        (0, None, None),
        (5_000_000, None, None),
        (5_000_001, None, LATE),
        (-999_999, None, None),
        (-1_000_000, None, AHEAD),
        (1_000, "1", None),
        (1_001, "1", LATE),
        (6_000_346, "6000.346", None),
        (6_000_347, "6000.346", LATE),
        (60_000_000, "60000", None),
        (0, "60000.001", (400, -1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000.")),
        (0, "1.0001", (400, -1111, "Parameter 'recvWindow' has too much precision.")),
        (
            0,
            "-1",
            (
                400,
                -1100,
                r"Illegal characters found in parameter 'recvWindow'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.",
            ),
        ),
    ],
)
async def test_a_request_must_be_in_time(age_us: int, window: str | None, refusal: Any) -> None:
    async with trading(market([100] * 3), check_timestamps=True) as by:
        by.hall.wait(MS)
        asked = {"timestamp": by.venue.now // US - age_us} | ({} if window is None else {"recvWindow": window})
        told = await by.ask("GET", "openOrders", **asked)
        assert told.status == 200 if refusal is None else told.refusal == refusal


@pytest.mark.parametrize(("age_ms", "refusal"), [(5_000, None), (5_001, LATE), (-999, None), (-1_000, AHEAD)])
async def test_milliseconds_are_told_from_microseconds(age_ms: int, refusal: Any) -> None:
    async with trading(market([100] * 3), check_timestamps=True) as by:
        told = await by.ask("GET", "openOrders", timestamp=by.venue.now // MS - age_ms)
        assert told.status == 200 if refusal is None else told.refusal == refusal


@pytest.mark.parametrize("stamp", ["", None, "x", "1.5"])
async def test_a_timestamp_is_asked_for_even_where_it_is_not_judged(stamp: str | None) -> None:
    async with trading(market([100] * 3)) as by:
        text = urlencode({} if stamp is None else {"timestamp": stamp})
        told = await by.send("GET", "account", query=by.signed(text).removeprefix("&"), X_MBX_APIKEY=by.key)
        assert told.refusal[1] in ((-1102, -1105) if not stamp else (-1100,))
        assert (await by.ask("GET", "account", timestamp=1)).status == 200


async def test_only_a_clock_that_goes_as_the_wall_does_judges_time() -> None:
    for speed, status in ((1, 400), (2, 200)):
        async with trading(market([100] * 3), speed=speed) as by:
            assert (await by.ask("GET", "account", timestamp=1)).status == status
