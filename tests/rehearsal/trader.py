"""A client of REST that signs by hand, as the exchange's documentation says it is done."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

from yarl import URL

from engine.recordings import Recording
from tests.rehearsal.hall import Hall, hall


class Answer(NamedTuple):
    """Status, body and headers of a reply."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def refusal(self) -> tuple[int, int, str]:
        """Status, code and text of a refusal."""
        return self.status, self.body["code"], self.body["msg"]


class Trader:
    """A client that holds the keys of one of the hall's accounts."""

    def __init__(self, its: Hall, account: int = 0) -> None:
        self.hall = its
        self.venue = its.venue
        _, self.key, self.secret = its.server.credentials[account]
        self.desk = list(its.venue.desks.values())[account]

    async def send(self, method: str, path: str, *, query: str = "", body: str = "", **headers: str) -> Answer:
        """Send a request as it is given; a path that begins otherwise is one of /api/v3/."""
        path = path if path.startswith("/") else f"/api/v3/{path}"
        address = f"{self.hall.url}{path}?{query}" if query else self.hall.url + path
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        sent = form | {name.replace("_", "-"): value for name, value in headers.items()}
        request = self.hall.http.request(method, URL(address, encoded=True), data=body or None, headers=sent)
        async with request as reply:
            told = await reply.json(content_type=None) if "json" in reply.content_type else await reply.text()
            return Answer(reply.status, told, dict(reply.headers))

    async def get(self, path: str, **params: Any) -> Answer:
        """Ask what anyone may ask."""
        return await self.send("GET", path, query=urlencode(params))

    async def ask(self, method: str, path: str, **params: Any) -> Answer:
        """Send a signed request, its parameters in the query."""
        return await self.send(method, path, query=self.signed(urlencode(self.stamped(params))), X_MBX_APIKEY=self.key)

    async def order(self, **params: Any) -> Answer:
        """Place an order, by default one that buys at the market."""
        asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", **params}
        return await self.ask("POST", "order", **{name: value for name, value in asked.items() if value is not None})

    def stamped(self, params: dict[str, Any]) -> dict[str, Any]:
        """Parameters with the exchange's time."""
        return {"timestamp": self.venue.now // 1_000_000, **params}

    def signed(self, text: str) -> str:
        """A query with its signature."""
        return f"{text}&signature={hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()}"


LIMIT = {"type": "LIMIT", "timeInForce": "GTC"}


@asynccontextmanager
async def trading(recording: Recording, events: int = 1, **settings: Any) -> AsyncIterator[Trader]:
    """A rehearsal some events in, and who trades on it."""
    async with hall(recording, **settings) as its:
        its.venue.step(events)
        yield Trader(its)
