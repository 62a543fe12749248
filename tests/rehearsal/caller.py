"""Callers of the WebSocket API: requests signed as the exchange's clients sign them, replies and events apart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.rehearsal.hall import MS, Ear, Hall

KEY = {"main": "A" * 64, "other": "B" * 64, "pair": "C" * 64}
"""API keys by account."""
SECRET = "hush"
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ACCOUNTS = [
    {"name": "main", "api_key": KEY["main"], "api_secret": SECRET, "balances": {"USDT": 100_000, "BTC": 10, "ETH": 100}},
    {"name": "other", "api_key": KEY["other"], "api_secret": SECRET, "balances": {"USDT": 100_000}},
    {"name": "pair", "api_key": KEY["pair"], "public_key": PUBLIC, "balances": {"USDT": 100_000, "BTC": 10}},
]
"""Settings of three accounts, the last with a pair of keys."""


def sign(payload: bytes, account: str = "main") -> str:
    """A signature by an account's holder."""
    if account == "pair":
        return base64.b64encode(PRIVATE.sign(payload)).decode()
    return hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()


def as_sent(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class Caller:
    """A connection to the WebSocket API; `events` are the frames that came and were no replies."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.events: list[Any] = []
        self._ids = itertools.count(1)

    async def ask(self, method: str, **params: Any) -> Any:
        """Ask, without a signature; return the reply."""
        id = next(self._ids)
        await self.ear.socket.send_str(json.dumps({"id": id, "method": method, "params": params}))
        while (frame := await self.ear.next()).get("id") != id:
            self.events.append(frame)
        return frame

    def signed(self, account: str, **params: Any) -> dict[str, Any]:
        """Parameters with those of a signature."""
        params = {"timestamp": self.ear.hall.venue.now // MS, "apiKey": KEY[account], **params}
        payload = "&".join(f"{name}={as_sent(params[name])}" for name in sorted(params))
        return params | {"signature": sign(payload.encode(), account)}

    async def sign(self, method: str, account: str = "main", **params: Any) -> Any:
        """Ask with a signature; return the reply."""
        return await self.ask(method, **self.signed(account, **params))

    async def do(self, method: str, account: str = "main", **params: Any) -> Any:
        """Ask with a signature for what is not refused; return its result."""
        reply = await self.sign(method, account, **params)
        assert reply["status"] == 200, reply
        return reply["result"]

    async def heard(self) -> list[Any]:
        """The events told until now, since the last time."""
        self.events += await self.ear.all()
        events, self.events = self.events, []
        return events


@asynccontextmanager
async def calling(hall: Hall, query: str = "") -> AsyncIterator[Caller]:
    """A caller of a hall."""
    async with hall.listen("/ws-api/v3" + query) as ear:
        yield Caller(ear)
