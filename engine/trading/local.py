"""LocalTradeSystem: trades on the simulated exchange, for replay and paper."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.exact import DECIMALS, to_units
from engine.exchange import REFUSALS, Exchange, FillRules
from engine.exchange import kernel as k
from engine.state import Raw
from engine.timeline import Timeline
from engine.trading.account import Account
from engine.trading.api import Author
from engine.trading.meeting import Meeting
from engine.trading.risk import Limits
from engine.trading.system import TradeSystem
from engine.trading.terms import Terms


class LocalTradeSystem(TradeSystem):
    """An account on the simulated exchange that meets the market a feed shows it.

    `cash` is what it starts with (by asset, exact; 10,000 of `currency` unless given), `adopt` what of it is the strategy's
    from the start, `rules` how orders fill, `limits` what is risked at most, `decimals` coarser units for assets worth little.
    """

    exchange: Exchange

    def __init__(
        self,
        timeline: Timeline | None = None,
        strategy: Any = None,
        *,
        cash: Mapping[str, Decimal | int | str] | None = None,
        adopt: Mapping[str, Decimal | int | str] | None = None,
        currency: str = "USDT",
        rules: FillRules | None = None,
        limits: Limits | None = None,
        decimals: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(timeline, strategy, currency, limits)
        self.rules = rules or FillRules()
        self._cash = {currency: 10_000} if cash is None else dict(cash)
        self._adopt = dict(adopt or {})
        self._decimals = dict(decimals or {})

    def meet(self, raw: Raw) -> None:
        """Open the account on a market, unless it is there already."""
        if raw is not self._raw:
            self._open(raw)

    def _open(self, raw: Raw) -> None:
        balances = self._counted(self._cash, "cash")
        balances.setdefault(self.currency, 0)
        exchange = Exchange(raw.instruments, balances, self.rules, self._decimals)
        self.meeting = Meeting(exchange, raw)
        account = Account(exchange, raw, self.currency, self.notes, self.meeting.follow)
        account.adopt(self._counted(self._adopt, "adopted"))
        self._adopt_account(raw, exchange, account)

    def _counted(self, amounts: Mapping[str, Decimal | int | str], what: str) -> dict[str, int]:
        places = self._decimals
        return {its: to_units(amount, f"{what} {its}", places.get(its, DECIMALS)) for its, amount in amounts.items()}

    @property
    def due(self) -> int:
        """The next step at which a bar could change an open order, or a limit be passed."""
        return self.meeting.due

    # the market acts

    def update(self, raw_latest: Raw) -> None:
        """Let the market's latest events act on the open orders: fills happen, the account moves."""
        if raw_latest is not self._raw:
            self._open(raw_latest)
        elif raw_latest.step < self.meeting.due:
            return
        filled = self.meeting.take_place()
        if filled:
            self.latest.due = raw_latest.step
        if self.risk.watches:
            stop = self.risk.look(filled)
            if stop is not None:
                self._stop(stop.reason)
            self.meeting.wake(self.risk.losses.due)

    # orders

    def _place(self, n: int, asked: Terms, amount: int, by: Author, reason: str, *, keep: bool) -> tuple[int, int]:
        side, kind, price, stop, trail, tif, exits = asked
        mark, step, time = self._now(n)
        if exits:
            refused = 0 if keep else self.exchange.judge(n, side, kind, amount, price, stop, mark, trail=trail)
            if refused:
                return refused, -1
            order = self.exchange.place_with_exits(n, kind, amount, price, stop, exits, mark, step, time, trail=trail, tif=tif)
        else:
            order = self.exchange.place(n, side, kind, amount, price, stop, mark, step, time, trail=trail, tif=tif, keep=keep)
            if order < 0:
                return -1 - order, -1
        self._note(1 + len(exits), by, reason)
        self.meeting.expect(n, trail > 0 or any(its.trail for its in exits))
        return 0, order

    def _note(self, orders: int, by: Author, reason: str) -> None:
        for _ in range(orders):
            self.notes.add(by, reason)

    def _place_pair(self, n: int, limit: Terms, stop: Terms, amount: int, by: Author, reason: str) -> None:
        terms = {"stop_limit": stop.price, "trail": stop.trail}
        self.exchange.place_pair(n, limit.side, amount, limit.price, stop.stop, *self._now(n), **terms)
        self._note(2, by, reason)
        self.meeting.expect(n, stop.trail > 0)

    def _amend(self, order: int, amount: int) -> str:
        return REFUSALS[self.exchange.amend(order, amount, self.raw.step)]

    def _cancel(self, order: int) -> bool:
        self.meeting.follow()  # what ends is left as it stood then, whether anybody had looked before or not
        self.meeting.expect(self.exchange.orders.item(order, k.COIN))  # an entry filled in part sends its exits
        return self.exchange.cancel(order, self.raw.step)
