"""The user stream: what one connection is told of accounts, each account under a subscription of its own."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec

from engine.model import Timestamp
from engine.rehearsal.accounts import Account
from engine.rehearsal.desk import Desk
from engine.rehearsal.errors import error
from engine.rehearsal.lines import Line
from engine.rehearsal.orders import UserEvent
from engine.rehearsal.payloads import users

MOST_ACTIVE = 1_000
MOST_EVER = 65_535


class Subscription:
    """An account's events to one connection, from now until it is ended; `by_session` where a logon opened it."""

    def __init__(self, id: int, desk: Desk, line: Line, by_session: bool) -> None:
        self.id = id
        self.desk = desk
        self.by_session = by_session
        self._line = line
        desk.listeners.append(self._tell)

    def end(self, now: Timestamp) -> None:
        """Tell that it is over, and tell no more."""
        self.desk.listeners.remove(self._tell)
        self._send(users.stream_terminated(now, self._line.unit))

    def _tell(self, event: UserEvent) -> None:
        self._send(users.told(event, self.desk.exchange.instruments, self._line.unit))

    def _send(self, payload: dict[str, Any]) -> None:
        frame = b'{"subscriptionId":%d,"event":%b}' % (self.id, msgspec.json.encode(payload))
        self._line.outbox.put(payload["e"], frame)


class UserStream:
    """The subscriptions of a connection. Raises ApiError for a second one to an account, or to end one that is not there."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ids = count()
        self._active: dict[int, Subscription] = {}

    @property
    def ids(self) -> list[int]:
        """The active subscriptions, oldest first."""
        return list(self._active)

    def subscribe(self, account: Account, *, by_session: bool) -> int:
        """Tell the connection of an account from now on; return the subscription's id."""
        if any(its.desk is account.desk for its in self._active.values()):
            raise error(-2035)
        id = next(self._ids)
        if len(self._active) >= MOST_ACTIVE or id >= MOST_EVER:
            raise error(-2042)
        self._active[id] = Subscription(id, account.desk, self._line, by_session)
        return id

    def unsubscribe(self, id: int | None, now: Timestamp) -> None:
        """End a subscription, or all of them."""
        if not self._active or (id is not None and id not in self._active):
            raise error(-2036)
        for number in self.ids if id is None else [id]:
            self._active.pop(number).end(now)

    def log_out(self, now: Timestamp) -> None:
        """End what a logon opened."""
        for number, its in list(self._active.items()):
            if its.by_session:
                self._active.pop(number).end(now)

    def close(self, now: Timestamp) -> None:
        """End everything, as the connection is over."""
        for its in self._active.values():
            its.end(now)
        self._active.clear()
