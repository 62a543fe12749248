"""TradeSystem: what every trade system shares, simulated or real: one account, signals into orders, limits, notes.

The account is kept in the exchange's arrays whoever moves it, so that all who read it need not know.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from engine.errors import AmountOverflow, OrderError, StrategyError
from engine.exact import floor_to, to_units
from engine.exchange import REFUSALS, STATUSES, OrderView, Tables
from engine.exchange import kernel as k
from engine.model import CoinName, OrderStatus, OrderType, Signal, TimeInForce
from engine.params import place_of
from engine.state import Raw, State
from engine.timeline import Timeline
from engine.trading.account import Account
from engine.trading.api import Author, Number, TradeSystemAPI
from engine.trading.notes import REFUSED, Notes, SignalLog
from engine.trading.risk import Limits, Risk
from engine.trading.targets import resolve
from engine.trading.terms import AT_MARKET, Terms, terms


class TradeSystem(TradeSystemAPI):
    """Base of the trade systems: turns what is wanted into orders that an exchange takes, within the limits.

    `timeline` takes a row per fill: step, coin, side, amount, price, fee, cash and position. The instruments are the market's,
    known from the first `update`. `raw`, `exchange`, `account` and `risk` are there from then on.
    """

    exchange: Tables
    account: Account
    risk: Risk
    acts = "it can act from the next bar on"
    """What is to be known of an order that was placed just now."""
    ends = "cancelled"
    """What has become of an order that was cancelled just now."""

    def __init__(self, timeline: Timeline | None, strategy: Any, currency: str, limits: Limits | None) -> None:
        self.timeline = Timeline() if timeline is None else timeline
        self.strategy = strategy
        self.currency = currency
        self.limits = limits or Limits()
        self.notes = Notes()
        self.signals = SignalLog(self.notes)
        self._raw: Raw | None = None
        self._written = 0

    # what a trade system does in its own way

    @abstractmethod
    def _place(self, n: int, asked: Terms, amount: int, by: Author, reason: str, *, keep: bool) -> tuple[int, int]:
        """Place an order that the limits let pass, and note it; return its refusal code and its id.

        The id is -1 where it is refused and not kept.
        """

    @abstractmethod
    def _place_pair(self, n: int, limit: Terms, stop: Terms, amount: int, by: Author, reason: str) -> None:
        """Place a pair that the limits let pass, and note both."""

    @abstractmethod
    def _amend(self, order: int, amount: int) -> str:
        """Reduce an open order to an amount in all; return why not, "" where it is done or on its way."""

    @abstractmethod
    def _cancel(self, order: int) -> bool:
        """Cancel an order that there is; False where it was no longer open."""

    def _refuse(self, n: int, asked: Terms, amount: int, instead: Collection[int] = ()) -> str:
        """Return why an order that the limits let pass may not be sent, "" where it may; `instead` as in `foresee`."""
        return ""

    # the account

    def _adopt_account(self, raw: Raw, exchange: Tables, account: Account) -> None:
        self._raw, self.exchange, self.account = raw, exchange, account
        self.latest = State(raw, account)
        self.risk = Risk(self.limits, exchange, raw, account)
        self.timeline.fed_by(self._write_down)

    @property
    def raw(self) -> Raw:
        """The market the account last met; raises OrderError before the first."""
        if self._raw is None:
            raise OrderError("there is no market yet", hint="call update(raw.latest) first")
        return self._raw

    def _stop(self, reason: str) -> None:
        """Withdraw what could still buy; sell everything where the limits ask for it.

        What sells of a coin already is withdrawn only where the coin may be sold now: otherwise it is all that protects it.
        """
        exchange, flatten = self.exchange, self.limits.flatten
        coins, sells = range(len(self.raw.coins)) if flatten else range(0), AT_MARKET[k.SELL]
        held = {n: amount for n in coins if (amount := self.sellable(n))}
        stay = {n for n, amount in held.items() if self.foresee(n, sells, amount, exchange.open_orders)}
        asked: set[int] = set()
        # a cancelled entry may send its exits
        while withdrawn := [
            order
            for order in exchange.open_orders
            if order not in asked
            and (exchange.orders[order, k.SIDE] == k.BUY or (flatten and exchange.orders[order, k.COIN] not in stay))
        ]:
            asked.add(withdrawn[0])
            self.cancel(withdrawn[0])
        for n, amount in held.items():
            self.send(n, sells, amount, "risk", reason)

    def _write_down(self) -> None:
        """Bring the trade timeline up to the fills; it is looked at seldom, so that a fill costs the run nothing."""
        begin, self._written = self._written, self.exchange.n_fills
        for n in range(begin, self._written):
            view = self.exchange.fill(n)
            scale = self.exchange.scale(view.coin)
            self.timeline.append(
                view.time,
                step=view.step,
                coin=view.coin,
                side=view.side,
                amount=view.amount / scale,
                price=view.price / k.UNIT,
                fee=view.fee / (k.UNIT, scale, self.exchange.head[k.BNB_SCALE])[view.fee_in],
                cash=view.cash / k.UNIT,
                position=view.position / scale,
            )

    def unwrite(self) -> None:
        """Take off the trade timeline the fills that are no more."""
        gone = self._written - self.exchange.n_fills
        if gone > 0:
            rows, _ = self.timeline.mark
            self.timeline.truncate(rows - gone)
            self._written -= gone

    # orders

    def place_order(
        self,
        coin: CoinName,
        amount: Number,
        price: Number | None = None,
        *,
        type: OrderType | None = None,
        stop: Number | None = None,
        trail_bps: int | None = None,
        tif: TimeInForce = TimeInForce.GTC,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
        trailing_stop_bps: int | None = None,
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        n = self._number(coin)
        side, units = self._units(n, amount)
        asked = terms(
            self.exchange.instruments[n],
            side,
            price=price,
            stop=stop,
            type=type,
            trail_bps=trail_bps,
            tif=tif,
            stop_loss=stop_loss,
            take_profit=take_profit,
            trailing_stop_bps=trailing_stop_bps,
        )
        self.send(n, asked, units, by, reason)

    def place_oco(
        self,
        coin: CoinName,
        amount: Number,
        price: Number,
        stop: Number | None = None,
        *,
        stop_limit: Number | None = None,
        trail_bps: int | None = None,
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        n = self._number(coin)
        its = self.exchange.instruments[n]
        side, units = self._units(n, amount)
        limit = terms(its, side, price=price, type=OrderType.LIMIT_MAKER)
        if stop is None and trail_bps is None:
            raise OrderError(f"a pair of {coin} needs a stop", hint="give stop or trail_bps")
        leg = terms(its, side, stop=stop, price=stop_limit, trail_bps=trail_bps)
        refusal = self.risk.refuse(n, limit, units) or self.risk.refuse(n, leg, units)
        if refusal:
            for asked in (limit, leg):
                self._enter_refused(n, asked, units, by, reason, refusal)
            return
        self._place_pair(n, limit, leg, units, by, reason)
        self.risk.sent(n, limit, units)

    def foresee(self, n: int, asked: Terms, amount: int, instead: Collection[int]) -> int:
        """Return the refusal code an order would get that takes the place of others, which are to be cancelled; 0 for none."""
        exchange = self.exchange
        refusal = self.risk.refuse(n, asked, amount, instead) or self._refuse(n, asked, amount, instead)
        if refusal:
            return REFUSED + self.notes.reason_number(refusal)
        rows = [exchange.order(order) for order in instead]
        spare = sum(row.lock for row in rows if row.coin == n and row.side == asked.side)
        wanted = (n, asked.side, asked.kind, amount, asked.price, asked.stop)
        code = exchange.judge(*wanted, self.raw.mark_units(n), trail=asked.trail, spare=spare)
        # the others make room
        return 0 if code in (k.TOO_MANY_ORDERS, k.TOO_MANY_STOPS) else code

    def send(
        self,
        n: int,
        asked: Terms,
        amount: int,
        by: Author,
        reason: str,
        *,
        keep: bool = True,
        instead: Collection[int] = (),
    ) -> tuple[int, int]:
        """Place an order of so many units; return its refusal code and its id, -1 where it was refused and is not kept.

        `instead` are orders that have been cancelled for it.
        """
        refusal = self.risk.refuse(n, asked, amount, instead)
        if refusal:
            if keep:
                self._enter_refused(n, asked, amount, by, reason, refusal)
            return REFUSED + self.notes.reason_number(refusal), -1
        code, order = self._place(n, asked, amount, by, reason, keep=keep)
        if order >= 0:
            self.risk.sent(n, asked, amount)
        return code, order

    def _now(self, n: int) -> tuple[int, int, int]:
        """Return a coin's last price in units, the step and the time."""
        raw = self.raw
        return raw.mark_units(n), raw.step, raw.time

    def _enter_refused(self, n: int, asked: Terms, amount: int, by: Author, reason: str, refusal: str) -> None:
        side, kind, price, stop, trail, tif, _ = asked
        self.exchange.refuse(n, side, kind, amount, price, stop, *self._now(n), trail=trail, tif=tif)
        self.notes.add(by, reason, refusal)

    def _units(self, n: int, amount: Number) -> tuple[int, int]:
        """Return side and amount in units, whole lots, of a signed amount."""
        its = self.exchange.instruments[n]
        units = to_units(amount, f"amount of {its.coin}", self.exchange.decimals[its.base])
        return (k.SELL if Decimal(amount) < 0 else k.BUY), floor_to(abs(units), self.exchange.lot(n))

    def amend_order(self, order: int, amount: Number) -> None:
        row = self._open_order(order)
        _, units = self._units(row.coin, abs(Decimal(amount)))
        refusal = self._amend(order, units)
        if refusal:
            raise OrderError(f"order #{order} stays as it is: {refusal}")

    def replace_order(
        self,
        order: int,
        amount: Number,
        price: Number | None = None,
        *,
        stop: Number | None = None,
        type: OrderType | None = None,
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        row = self._open_order(order)
        n = row.coin
        _, units = self._units(n, abs(Decimal(amount)))
        asked = terms(self.exchange.instruments[n], row.side, price=price, stop=stop, type=type)
        mark = self.raw.mark_units(n)
        code = self.exchange.judge(n, row.side, asked.kind, units, asked.price, asked.stop, mark, spare=row.lock)
        refusal = REFUSALS[code] or self.risk.refuse(n, asked, units, instead=(order,))
        if refusal:
            raise OrderError(f"order #{order} stays as it is: {refusal}")
        self._replace(order, n, asked, units, by, reason)

    def _replace(self, order: int, n: int, asked: Terms, amount: int, by: Author, reason: str) -> None:
        """Place an order that the limits let pass in another's stead; raises OrderError where that cannot be."""
        self.cancel(order)
        self.send(n, asked, amount, by, reason)

    def spendable(self, n: int) -> int:
        """Return what may be spent on a coin, in units of its quote asset."""
        return self.exchange.free(self.exchange.instruments[n].quote)

    def sellable(self, n: int) -> int:
        """Return what of a coin's own position can be sold once no order sells it, whole lots, in base units."""
        return self.account.sellable(n)

    def brings_exits(self, order: int) -> bool:
        """Whether exits are to follow an order."""
        return self.exchange.order(order).exits > 0

    def _open_order(self, order: int) -> OrderView:
        """Return an order that can be changed."""
        self._there_is(order)
        row = self.exchange.order(order)
        if row.status not in (k.NEW, k.PARTIALLY_FILLED):
            raise OrderError(f"order #{order} is {STATUSES[row.status]}; only an open order can be changed")
        if row.sibling:
            raise OrderError(f"order #{order} is one of a pair; cancel the pair and place another")
        return row

    def cancel_order(self, coin: CoinName) -> None:
        n = self._number(coin)
        asked: set[int] = set()
        # a cancelled entry may send its exits
        while mine := {order for order in self.exchange.open_orders if self.exchange.orders[order, k.COIN] == n} - asked:
            order = min(mine)
            asked.add(order)
            self.cancel(order)

    def cancel(self, order: int) -> bool:
        self._there_is(order)
        return self._cancel(order)

    def _there_is(self, order: int) -> None:
        """Raise OrderError for an order there is not."""
        if not 0 <= order < (self.exchange.n_orders if self._raw is not None else 0):
            raise OrderError(f"there is no order #{order}")

    def query_order(self, coin: CoinName) -> OrderStatus:
        n = self._number(coin)
        mine = (self.exchange.orders[: self.exchange.n_orders, k.COIN] == n).nonzero()[0]
        return STATUSES[self.exchange.orders[mine[-1], k.STATUS]] if len(mine) else OrderStatus.NONE

    def _number(self, coin: CoinName) -> int:
        raw = self.raw
        try:
            return self.exchange.index[coin]
        except KeyError:
            raise OrderError(f"{coin} is not in this session; it has {', '.join(raw.coins)}") from None

    # signals

    def trade(self, coin: CoinName, signal: Signal) -> None:
        if not isinstance(signal, Signal):
            raise self._fault(f"gen_signal gave {signal!r} for {coin}", "give a Signal: Signal.buy(...), Signal.close()")
        if coin not in self.exchange.index:
            raise self._fault(f"gen_signal names {coin!r}, which is not in this session", f"it has {', '.join(self.raw.coins)}")
        n = self.exchange.index[coin]
        try:
            outcome, order = resolve(self, n, signal)
        except (OrderError, AmountOverflow) as error:
            raise self._fault(f"the {signal.kind} signal for {coin}: {error.message}", error.hint) from None
        self.signals.add(self.raw.step, n, signal, outcome, order)

    def _fault(self, message: str, hint: str) -> StrategyError:
        place = f"{place_of(type(self.strategy))}: " if self.strategy is not None else ""
        return StrategyError(f"{place}{message}", hint=hint)
