"""python-binance as it is, pointed at a rehearsal; and keys of all kinds that there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from binance import AsyncClient, BinanceSocketManager
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.rehearsal.hall import Hall

KINDS = ("HMAC", "RSA", "Ed25519")


@cache
def pair(kind: str) -> tuple[str, str]:
    """A private key and its public one, as PEM."""
    private = rsa.generate_private_key(65537, 2048) if kind == "RSA" else ed25519.Ed25519PrivateKey.generate()
    told = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return told, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def account(kind: str) -> dict[str, str]:
    """What an account's settings are told of its key."""
    return {} if kind == "HMAC" else {"public_key": pair(kind)[1]}


def pointed(its: Hall) -> type[AsyncClient]:
    """The client, pointed at a hall."""
    there = its.server.addresses
    places = {"API_URL": there.rest + "/api", "MARGIN_API_URL": there.rest + "/sapi", "WS_API_URL": there.ws_api}
    return type("Pointed", (AsyncClient,), places)


@asynccontextmanager
async def python_binance(its: Hall, kind: str = "HMAC", account: int = 0, **how: Any) -> AsyncIterator[AsyncClient]:
    """A client that has come in, with a key of a kind."""
    keys = its.server.credentials[account]
    signs = {"api_secret": keys.api_secret} if kind == "HMAC" else {"private_key": pair(kind)[0]}
    client = await pointed(its).create(api_key=keys.api_key, **signs, **how)
    try:
        yield client
    finally:
        await leave(its, client.close_connection())


def sockets(its: Hall, client: AsyncClient, **how: Any) -> BinanceSocketManager:
    """The client's streams."""
    manager = BinanceSocketManager(client, **how)
    manager.STREAM_URL = its.server.addresses.ws + "/"
    return manager


async def leave(its: Hall, closing: Any) -> None:
    """Let a client close; it waits for a frame before it does."""
    task = asyncio.ensure_future(closing)
    while not task.done():
        for line in its.lines.open:
            line.outbox.put("nudge", b'{"nudge": true}')
        await asyncio.sleep(0.01)
    await task
