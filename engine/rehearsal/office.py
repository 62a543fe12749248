"""The office: where every request is answered, whichever door it came in by."""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import AmountOverflow
from engine.rehearsal.accounts import Account
from engine.rehearsal.calls import Call, Reply, Security, instant
from engine.rehearsal.errors import ApiError
from engine.rehearsal.params import missing
from engine.rehearsal.venue import Venue

NS_PER_SECOND = 10**9
RECV_WINDOW_MS = 5_000
MOST_RECV_WINDOW_MS = 60_000


class Office:
    """The exchange as its clients meet it: `accounts` by API key on a venue; timestamps are judged where `judges_time`."""

    def __init__(self, venue: Venue, accounts: Iterable[Account], *, judges_time: bool = True) -> None:
        self.venue = venue
        self.accounts = {account.key: account for account in accounts}
        self.judges_time = judges_time

    async def answer(self, call: Call) -> Reply:
        """Answer a request. This is the one way in, where faults act before and after."""
        return self.perform(call)

    def perform(self, call: Call) -> Reply:
        """Do what a request asks and return the reply, a refusal's too."""
        self.venue.catch_up()
        try:
            self.identify(call)
            call.params.expect(call.operation.takes)
            return Reply(status=200, body=call.operation.run(call))
        except ApiError as error:
            return Reply(status=error.status, body=error.body)
        except AmountOverflow:
            return Reply(status=400, body=ApiError(-1013, "Filter failure: LOT_SIZE").body)

    def identify(self, call: Call) -> None:
        """Set whose call it is; raises ApiError where key, signature or timestamp are not as the operation asks."""
        security = call.operation.security
        if security is Security.NONE:
            return
        if call.account is None:
            call.account = self._account(call.key)
            if security is Security.SIGNED:
                if not call.signature:
                    raise missing("signature")
                if not call.account.verify(call.signed, call.signature):
                    raise ApiError(-1022, "Signature for this request is not valid.")
        if security is Security.SIGNED:
            self._check_time(call)

    def _account(self, key: str) -> Account:
        if len(key) != 64 or not key.isalnum():
            raise ApiError(-2014, "API-key format invalid.", 401)
        account = self.accounts.get(key)
        if account is None:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def _check_time(self, call: Call) -> None:
        stamp = call.params.whole("timestamp")
        if stamp is None:
            raise missing("timestamp")
        window = call.params.units("recvWindow", 3)
        window = RECV_WINDOW_MS * 1000 if window is None else window
        if window > MOST_RECV_WINDOW_MS * 1000:
            raise ApiError(-1102, f"'recvWindow' contains unexpected value. Cannot be greater than {MOST_RECV_WINDOW_MS}.")
        if not self.judges_time:
            return
        age = self.venue.now - instant(stamp)
        if age <= -NS_PER_SECOND:
            raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if age > window * 1000:
            raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
