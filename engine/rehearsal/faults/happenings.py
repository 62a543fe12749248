"""Happenings: what befalls market, accounts, clock and connections of itself, at a time."""

from __future__ import annotations

from collections.abc import Iterable

from engine.config.quantities import scaled
from engine.errors import AmountOverflow, ConfigError, OrderError
from engine.exact import DECIMALS
from engine.model import Timestamp
from engine.rehearsal.accounts import Account
from engine.rehearsal.calls import Call
from engine.rehearsal.errors import ApiError
from engine.rehearsal.faults.scenario import Happening
from engine.rehearsal.lines import Lines
from engine.rehearsal.office import Office
from engine.rehearsal.operations import trading
from engine.rehearsal.params import Params

NS_PER_SECOND = 10**9


class Happenings:
    """What happens at which times after `opened`. Raises ConfigError where coin or account are none of the exchange's."""

    def __init__(self, listed: Iterable[Happening], office: Office, lines: Lines) -> None:
        self._office = office
        self._lines = lines
        opened = office.venue.now
        self._waiting = sorted(
            ((opened + int(its.at_s * NS_PER_SECOND), n, its) for n, its in enumerate(listed)), key=lambda it: it[:2]
        )
        for _, _, its in self._waiting:
            self._check(its)

    def on_time(self, at: Timestamp) -> None:
        """Let happen what is due by a time."""
        while self._waiting and self._waiting[0][0] <= at:
            due, _, its = self._waiting.pop(0)
            self._happen(its, due)

    def _check(self, its: Happening) -> None:
        market = self._office.venue.market
        if its.coin is not None and its.coin not in market.index:
            raise ConfigError(f"happenings: there is no coin {its.coin}", hint=f"there are {', '.join(market.index)}")
        if its.account not in self._office.venue.desks:
            raise ConfigError(
                f"happenings: there is no account {its.account}", hint=f"there are {', '.join(self._office.venue.desks)}"
            )

    def _happen(self, its: Happening, now: Timestamp) -> None:
        office, venue = self._office, self._office.venue
        refused = {}
        try:
            if its.coin is not None:
                coin = venue.market.index[its.coin]
                if its.status is not None:
                    venue.market.coins[coin].status = its.status
                if its.filters is not None:
                    venue.change_filters(coin, its.filters.applied(venue.market.coins[coin].instrument))
            self._move(its, now)
            self._trade(its, now)
        except (ApiError, OrderError, AmountOverflow) as refusal:
            refused = {"refused": str(refusal)}
        if its.clock_s or its.drift is not None:
            office.skew.change(now, int(its.clock_s * NS_PER_SECOND), its.drift)
        if its.shutdown:
            self._lines.shut_down(now)
        if its.close is not None:
            for line in self._lines.open:
                line.outbox.close(its.close)
        venue.log.add("fault", **its.model_dump(exclude_defaults=True, mode="json"), **refused)

    def _move(self, its: Happening, now: Timestamp) -> None:
        desk = self._office.venue.desks[its.account]
        for sign, amounts in ((1, its.deposit), (-1, its.withdraw)):
            for asset, amount in amounts.items():
                desk.transfer(asset, sign * (scaled(amount, DECIMALS) or 0), now)

    def _trade(self, its: Happening, now: Timestamp) -> None:
        account = self._account(its.account)
        if its.cancel:
            coin = None if its.coin is None else self._office.venue.market.index[its.coin]
            for order in account.desk.records.open_orders(coin):
                if order.is_open:
                    account.desk.cancel(order, now)
        if its.order:
            call = Call(
                office=self._office,
                operation=trading.place,
                params=Params(its.order),
                door="outside",
                name="order",
                account=account,
                now=now,
            )
            trading.place.run(call)

    def _account(self, name: str) -> Account:
        return next(account for account in self._office.accounts.values() if account.desk.name == name)
