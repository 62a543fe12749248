"""A session: who a connection to the WebSocket API has logged on as, and what it is told of accounts."""

from __future__ import annotations

from typing import Any

from engine.model import Timestamp
from engine.rehearsal.accounts import Account
from engine.rehearsal.calls import Call, Operation, Security, operation
from engine.rehearsal.errors import error
from engine.rehearsal.lines import Line
from engine.rehearsal.user_stream import UserStream
from engine.rehearsal.venue import Venue


class Session:
    """A connection's logon and subscriptions; `methods` are the operations it alone can be asked for, by name."""

    def __init__(self, line: Line, venue: Venue, tells_limits: bool) -> None:
        self.line = line
        self.account: Account | None = None
        self.tells_limits = tells_limits
        self._venue = venue
        self._since = venue.now
        self._authorized: Timestamp = -1
        self._users = UserStream(line)
        signed = operation(security=Security.SIGNED, weight=2)
        self.methods: dict[str, Operation] = {
            "session.logon": signed(self._log_on),
            "session.status": operation(weight=2)(self._status),
            "session.logout": operation(weight=2)(self._log_out),
            "session.subscriptions": operation(weight=2)(self._subscriptions),
            "userDataStream.subscribe": operation(weight=2)(self._subscribe),
            "userDataStream.subscribe.signature": signed(self._subscribe_signed),
            "userDataStream.unsubscribe": operation("subscriptionId", weight=2)(self._unsubscribe),
        }

    def close(self) -> None:
        """End what the connection is told."""
        self._users.close(self._venue.now)

    def _log_on(self, call: Call) -> Any:
        if not call.owner.can_log_on:
            raise error(-1022)
        self.account, self._authorized = call.owner, call.now
        return self._status(call)

    def _status(self, call: Call) -> Any:
        return {
            "apiKey": self.account.api_key if self.account else None,
            "authorizedSince": call.time(self._authorized) if self.account else None,
            "connectedSince": call.time(self._since),
            "returnRateLimits": self.tells_limits,
            "serverTime": call.time(call.now),
            "userDataStream": bool(self._users.ids),
        }

    def _log_out(self, call: Call) -> Any:
        self.account = None
        self._users.log_out(call.now)
        return self._status(call)

    def _subscriptions(self, call: Call) -> Any:
        return [{"subscriptionId": id} for id in self._users.ids]

    def _subscribe(self, call: Call) -> Any:
        if self.account is None:
            raise error(-1002)
        return {"subscriptionId": self._users.subscribe(self.account, by_session=True)}

    def _subscribe_signed(self, call: Call) -> Any:
        return {"subscriptionId": self._users.subscribe(call.owner, by_session=False)}

    def _unsubscribe(self, call: Call) -> Any:
        self._users.unsubscribe(call.params.whole("subscriptionId"), call.now)
        return {}
