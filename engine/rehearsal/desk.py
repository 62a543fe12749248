"""A desk: one account at the rehearsal's exchange, with its orders, trades and balances, and the story told of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

from engine.exact import DECIMALS, INT64_MAX, UNIT, floor_to
from engine.exchange import STATUSES, Exchange, FillRules
from engine.exchange import kernel as k
from engine.market.path import Tick
from engine.model import OrderStatus, Timestamp
from engine.rehearsal.errors import ApiError, error, refusal
from engine.rehearsal.log import EventLog
from engine.rehearsal.market import CANCEL_ONLY, TRADING, CoinMarket, Market
from engine.rehearsal.orders import (
    Amendment,
    Ids,
    ListReport,
    Moved,
    Order,
    OrderList,
    Report,
    Request,
    Trade,
    Transfer,
    UserEvent,
)
from engine.rehearsal.records import Balances, Records
from engine.trading.valuation import find_path, worth

ENDED = {OrderStatus.CANCELED: "CANCELED", OrderStatus.EXPIRED: "EXPIRED", OrderStatus.REJECTED: "EXPIRED"}


class Desk:
    """An account: `balances` in units at the start, `rules` how its orders fill and what that costs.

    Every change makes user events, told to each of `listeners` in order. Raises ApiError where the exchange says no.
    """

    def __init__(
        self,
        name: str,
        market: Market,
        balances: Mapping[str, int],
        rules: FillRules,
        ids: Ids,
        log: EventLog,
        decimals: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        self.market = market
        self.rules = rules
        self.exchange = Exchange([coin.instrument for coin in market.coins], balances, rules, decimals)
        self.records = Records(self._balances())
        self.listeners: list[Callable[[UserEvent], None]] = []
        self._ids = ids
        self._log = log
        self._step = 0
        self._told_fills = 0
        instruments = self.exchange.instruments
        self._bnb = [find_path(instruments, "BNB", its.quote) if rules.fee_asset == "bnb" else None for its in instruments]

    # orders

    def place(self, asked: Request, now: Timestamp) -> Order:
        """Place an order and let it take what the quotes offer; return it as it then stands."""
        coin = self._coin(asked.coin)
        self._check_client(asked.client_id)
        amount = asked.amount or self._amount_for(asked, coin)
        step = self._next_step()
        mark = self._mark(asked.side, asked.kind, coin)
        number = self.exchange.place(
            asked.coin,
            asked.side,
            asked.kind,
            amount,
            asked.price,
            asked.stop,
            mark,
            step,
            now,
            trail=asked.trail,
            tif=asked.tif,
            keep=False,
        )
        if number < 0:
            raise refusal(-1 - number)
        order = self._enter(asked, number, amount, now)
        self._tell("NEW", order, now)
        self._meet_quotes(asked.coin, now)
        self._settle(now)
        return order

    def judge(self, asked: Request, spare: int = 0) -> None:
        """Raise ApiError where an order would be refused now; nothing is placed. `spare` would be free beside what is."""
        coin = self._coin(asked.coin)
        self._check_client(asked.client_id)
        amount = asked.amount or self._amount_for(asked, coin)
        mark = self._mark(asked.side, asked.kind, coin)
        code = self.exchange.judge(
            asked.coin, asked.side, asked.kind, amount, asked.price, asked.stop, mark, trail=asked.trail, spare=spare
        )
        if code:
            raise refusal(code)

    def place_pair(self, limit: Request, stop: Request, list_client_id: str, now: Timestamp) -> OrderList:
        """Place a limit-maker order and a stop of which the first to act ends the other."""
        coin = self._coin(limit.coin)
        for asked in (limit, stop):
            self._check_client(asked.client_id)
        if limit.client_id and limit.client_id == stop.client_id:
            raise ApiError(-2010, "Duplicate order sent.")
        step = self._next_step()
        first, second = self.exchange.place_pair(
            limit.coin,
            limit.side,
            limit.amount,
            limit.price,
            stop.stop,
            coin.last,
            step,
            now,
            stop_limit=stop.price,
            trail=stop.trail,
        )
        row = self.exchange.order(first)
        if row.status == k.REJECTED:
            raise refusal(row.refusal)
        pair = OrderList(id=next(self._ids.lists), client_id=list_client_id, coin=limit.coin, orders=[], time=now)
        pair.client_id = pair.client_id or f"list{pair.id:018d}"
        self.records.lists[pair.id] = pair
        for asked, number in ((stop, second), (limit, first)):
            order = self._enter(asked, number, limit.amount, now, pair.id)
            pair.orders.append(order.id)
        self._publish(ListReport("EXEC_STARTED", copy.copy(pair), self._copies(pair), now))
        for id in pair.orders:
            self._tell("NEW", self.records.orders[id], now)
        self._meet_quotes(limit.coin, now)
        self._settle(now)
        return pair

    def cancel(self, order: Order, now: Timestamp, cancel_id: str = "") -> None:
        """Cancel an order, the other of its pair with it."""
        if not order.is_open:
            raise ApiError(-2011, "Unknown order sent.")
        if self.market.coins[order.asked.coin].status not in (TRADING, CANCEL_ONLY):
            raise ApiError(-1013, "Market is closed.")
        partners = (
            [self.records.orders[id] for id in self.records.lists[order.list_id].orders] if order.list_id >= 0 else [order]
        )
        for its in partners:
            its.cancel_id = cancel_id or f"cancel{next(self._ids.executions):016d}"
        self.exchange.cancel(order.number, self._next_step())
        self._settle(now)

    def amend(self, order: Order, amount: int, now: Timestamp, client_id: str = "") -> Amendment:
        """Reduce an order to `amount` in all, its place kept; it takes a new client id."""
        if not order.is_open:
            raise error(-2013)
        self._coin(order.asked.coin)
        if client_id and client_id != order.client_id:
            self._check_client(client_id)
        code = self.exchange.amend(order.number, amount, self._next_step())
        if code:
            raise refusal(code)
        before, old = order.client_id, order.amount
        self.records.name(order, client_id or f"amend{next(self._ids.executions):017d}")
        order.amount, order.update_time = amount, now
        order.amends += 1
        report = self._tell("REPLACED", order, now, before=before)
        done = Amendment(order.id, report.execution, before, order.client_id, old, amount, now)
        self.records.amendments.append(done)
        self._settle(now)
        return done

    def transfer(self, asset: str, amount: int, now: Timestamp) -> None:
        """Bring in so many of an asset's units from outside, or take them out; raises OrderError where they are not free."""
        self.exchange.transfer(asset, amount)
        self._log.add("transfer", account=self.name, asset=asset, amount=amount)
        self._publish(Transfer(asset, amount, now))
        self._tell_balances(now)

    # the market

    def on_tick(self, tick: Tick) -> None:
        """Let a tick, which the market has taken in, act on the account's orders."""
        if not any(order.asked.coin == tick.coin for order in self.records.open.values()):
            return
        self.exchange.on_tick(
            tick.coin,
            self._next_step(),
            tick.time,
            tick.bid,
            tick.ask,
            price=tick.price,
            volume=min(tick.amount, INT64_MAX),
            since=tick.since,
            jump=tick.gap,
            bnb_price=self._bnb_price(tick.coin),
        )
        self._settle(tick.time)

    # the story

    def _settle(self, now: Timestamp) -> None:
        """Tell what the exchange has done since the last time: triggers, trades, ends, balances."""
        exchange = self.exchange
        by_number = {order.number: order for order in self.records.open.values()}
        rows = {number: exchange.order(number) for number in by_number}
        for number, order in by_number.items():
            order.stop = rows[number].stop
            if not order.working and rows[number].triggered:
                order.working, order.working_time, order.update_time = True, now, now
                self._tell("NEW", order, now)
        for n in range(self._told_fills, exchange.n_fills):
            self._told_fills = n + 1
            self._trade(by_number[exchange.fill(n).order], n)
        for number, order in by_number.items():
            status = STATUSES[rows[number].status]
            if status in ENDED:
                order.status = OrderStatus.CANCELED if status is OrderStatus.CANCELED else OrderStatus.EXPIRED
                order.update_time = now
                self._tell(ENDED[status], order, now)
            if not order.is_open:
                del self.records.open[order.id]
        for pair in {order.list_id for order in by_number.values() if order.list_id >= 0}:
            self._end_pair(self.records.lists[pair], now)
        self._tell_balances(now)

    def _trade(self, order: Order, n: int) -> None:
        fill = self.exchange.fill(n)
        its = self.exchange.instruments[fill.coin]
        trade = Trade(
            id=next(self._ids.trades[fill.coin]),
            order_id=order.id,
            list_id=order.list_id,
            coin=fill.coin,
            price=fill.price,
            amount=fill.amount,
            quote=fill.notional,
            fee=fill.fee,
            fee_asset=(its.quote, its.base, "BNB")[fill.fee_in],
            time=fill.time,
            buyer=fill.side == k.BUY,
            maker=bool(fill.maker),
        )
        self.records.trades.append(trade)
        order.filled += fill.amount
        order.quote_filled += fill.notional
        order.status = OrderStatus.FILLED if order.filled == order.amount else OrderStatus.PARTIALLY_FILLED
        order.update_time = fill.time
        self._log.add("fill", account=self.name, trade=trade.id, order=order.id, client_id=order.client_id, coin=its.coin)
        self._tell("TRADE", order, fill.time, trade)

    def _end_pair(self, pair: OrderList, now: Timestamp) -> None:
        if not pair.done and not any(self.records.orders[id].is_open for id in pair.orders):
            pair.done = True
            self._publish(ListReport("ALL_DONE", copy.copy(pair), self._copies(pair), now))

    def _tell_balances(self, now: Timestamp) -> None:
        changed = self.records.keep_balances(self._balances(), now)
        if changed:
            self._publish(Moved(changed, now))

    def _tell(self, kind: str, order: Order, now: Timestamp, trade: Trade | None = None, before: str = "") -> Report:
        report = Report(kind, self.records.keep(order, now), trade, now, next(self._ids.executions), before)
        self._publish(report)
        return report

    def _publish(self, event: UserEvent) -> None:
        for listener in self.listeners:
            listener(event)

    # small parts

    def _enter(self, asked: Request, number: int, amount: int, now: Timestamp, list_id: int = -1) -> Order:
        working = asked.kind < k.STOP_LOSS
        order = Order(
            id=next(self._ids.orders),
            number=number,
            asked=asked,
            client_id="",
            amount=amount,
            time=now,
            list_id=list_id,
            update_time=now,
            working_time=now if working else -1,
            stop=self.exchange.order(number).stop,
            working=working,
        )
        self.records.enter(order, asked.client_id or f"order{order.id:017d}")
        self._log.add("accepted", account=self.name, order=order.id, client_id=order.client_id, list=list_id)
        return order

    def _check_client(self, client_id: str) -> None:
        if client_id and self.records.is_working(client_id):
            raise ApiError(-2010, "Duplicate order sent.")

    def _coin(self, n: int) -> CoinMarket:
        coin = self.market.coins[n]
        if not coin.bid or coin.status != TRADING:
            raise ApiError(-1013, "Market is closed.")
        return coin

    @staticmethod
    def _mark(side: int, kind: int, coin: CoinMarket) -> int:
        """Return the price an order is judged at: what it would take now, or for one that waits the last."""
        if kind >= k.STOP_LOSS:
            return coin.last
        return coin.ask if side == k.BUY else coin.bid

    def _amount_for(self, asked: Request, coin: CoinMarket) -> int:
        price = coin.ask if asked.side == k.BUY else coin.bid
        return floor_to(asked.quote_amount * self.exchange.scale(asked.coin) // price, self.exchange.lot(asked.coin))

    def _meet_quotes(self, n: int, now: Timestamp) -> None:
        coin = self.market.coins[n]
        self.exchange.on_tick(n, self._next_step(), now, coin.bid, coin.ask, bnb_price=self._bnb_price(n))

    def _bnb_price(self, n: int) -> int:
        way = self._bnb[n]
        return 0 if way is None else worth(UNIT, DECIMALS, way, lambda coin: self.market.coins[coin].last) // UNIT

    def _next_step(self) -> int:
        self._step += 1
        return self._step

    def _balances(self) -> Balances:
        return {asset: (self.exchange.free(asset), self.exchange.locked(asset)) for asset in self.exchange.assets}

    def _copies(self, pair: OrderList) -> list[Order]:
        return [copy.copy(self.records.orders[id]) for id in pair.orders]
