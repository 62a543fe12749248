"""The office: where every request is answered, whichever door it came in by."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterable

from engine.errors import AmountOverflow
from engine.rehearsal.accounts import Account
from engine.rehearsal.calls import Call, Operation, Reply, Security, instant
from engine.rehearsal.clock import Skew
from engine.rehearsal.errors import ApiError, error, filter_failure
from engine.rehearsal.limits import Exceeded, Limits, Usage
from engine.rehearsal.params import TOO_GREAT
from engine.rehearsal.venue import Venue

NS_PER_SECOND = 10**9
RECV_WINDOW_MS, MOST_RECV_WINDOW_MS = 5_000, 60_000
HALF_DONE = (-2021, -2022)

Meddle = Callable[[Call, Callable[[Call], Reply]], Awaitable[Reply]]
"""Answers a call, if it wants to by what answers it else."""


class Office:
    """The exchange as its clients meet it: `accounts` on a venue, and limits; timestamps are judged where `judges_time`.

    `skew` is how wrong its clock is; `meddle` answers requests in its place, by what it does itself.
    """

    def __init__(self, venue: Venue, accounts: Iterable[Account], limits: Limits, *, judges_time: bool = True) -> None:
        self.venue = venue
        self.accounts = {account.api_key: account for account in accounts}
        self.limits = limits
        self.judges_time = judges_time
        self.opened = venue.now
        self.skew = Skew()
        self.meddle: Meddle | None = None

    async def answer(self, call: Call) -> Reply:
        """Answer a request. This is the one way in, where faults act before and after."""
        return self.perform(call) if self.meddle is None else await self.meddle(call, self.perform)

    def perform(self, call: Call) -> Reply:
        """Do what a request asks and return the reply, a refusal's too."""
        operation = call.operation
        weight = operation.weight if isinstance(operation.weight, int) else operation.weight(call.params)
        try:
            call.now = self.venue.catch_up()
            self.limits.admit(weight)
            self.identify(call)
            call.params.expect(operation.takes)
            body = self._run(call)
        except Exceeded as refusal:
            return Reply(status=refusal.status, body=refusal.body, used=self.limits.usage(), retry_s=refusal.retry_s)
        except AmountOverflow:
            return self._refused(filter_failure("LOT_SIZE"))
        except ApiError as refusal:
            return self._refused(refusal)
        # an exchange that fails says so to one client, and goes on
        except Exception as problem:
            self.venue.log.add("failed", request=call.name, error=repr(problem), trace=traceback.format_exc())
            return self._refused(error(-1000))
        if operation.succeeds_free:
            self.limits.forgive(weight)
        return Reply(status=200, body=body, used=self._used(call, operation))

    def identify(self, call: Call) -> None:
        """Set whose call it is; raises ApiError where key, signature or timestamp are not as the operation asks."""
        security = call.operation.security
        if security is Security.NONE:
            return
        if call.account is None:
            call.account = self._account(call.key)
            if security is Security.SIGNED:
                if not call.signature:
                    raise error(-1102, "signature")
                if not call.account.signer.verify(call.signed, call.signature):
                    raise error(-1022)
        if security is Security.SIGNED:
            self._check_time(call)

    def _run(self, call: Call) -> object:
        orders = call.operation.orders
        if not orders:
            return call.operation.run(call)
        try:
            self.limits.admit_orders(call.desk)
        except Exceeded as excess:
            if call.params.texts.get("orderRateLimitExceededMode") != "CANCEL_ONLY":
                raise
            call.excess, orders = excess, 0
        # counted first, so that an order which fills at once counts back
        self.limits.count_orders(call.desk, orders)
        try:
            return call.operation.run(call)
        except ApiError as refusal:
            if refusal.code not in HALF_DONE:
                self.limits.count_orders(call.desk, -orders)
            raise

    def _refused(self, refusal: ApiError) -> Reply:
        return Reply(status=refusal.status, body=refusal.body, used=self.limits.usage())

    def _used(self, call: Call, operation: Operation) -> tuple[Usage, ...]:
        weights = self.limits.usage()
        return weights + self.limits.order_usage(call.desk) if operation.orders else weights

    def _account(self, key: str) -> Account:
        if len(key) != 64 or not key.isalnum():
            raise error(-2014)
        account = self.accounts.get(key)
        if account is None:
            raise error(-2015)
        return account

    def _check_time(self, call: Call) -> None:
        stamp = call.params.whole("timestamp")
        if stamp is None:
            raise error(-1102, "timestamp")
        window = call.params.units("recvWindow", 3)
        window = RECV_WINDOW_MS * 1000 if window is None else window
        if window > MOST_RECV_WINDOW_MS * 1000:
            raise error(-1102, "recvWindow", MOST_RECV_WINDOW_MS, form=TOO_GREAT)
        if not self.judges_time:
            return
        age = call.clock - instant(stamp)
        if age <= -NS_PER_SECOND:
            raise error(-1021, form=1)
        if age > window * 1000:
            raise error(-1021)
