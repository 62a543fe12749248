"""LocalTradeSystem: trades on the simulated exchange, for replay and paper."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.errors import AmountOverflow, OrderError, StrategyError
from engine.exact import DECIMALS, INT64_MAX, floor_to, to_units
from engine.exchange import STATUSES, TYPES, Exchange, FillRules
from engine.exchange import kernel as k
from engine.model import CoinName, OrderStatus, OrderType, Signal
from engine.params import place_of
from engine.state import Raw, State
from engine.timeline import Timeline
from engine.trading.account import Account
from engine.trading.api import Author, Number, TradeSystemAPI
from engine.trading.notes import ALREADY_WORKING, CANCELLED, NOTHING_TO_DO, ORDERED, Notes, SignalLog

NEVER = 2**62
FIRST_LOOK = 64
LONGEST_LOOK = 1 << 20


class LocalTradeSystem(TradeSystemAPI):
    """An account on the simulated exchange that meets the market a feed shows it.

    `cash` is what it starts with (by asset, exact; 10,000 of `currency` unless given), `rules` how orders fill, `decimals`
    coarser units for assets worth little. `timeline` takes a row per fill: step, coin, side, amount, price, fee, cash and
    position. The instruments are the market's, known from the first `update`.
    """

    def __init__(
        self,
        timeline: Timeline | None = None,
        strategy: Any = None,
        *,
        cash: Mapping[str, Decimal | int | str] | None = None,
        currency: str = "USDT",
        rules: FillRules | None = None,
        decimals: Mapping[str, int] | None = None,
    ) -> None:
        self.timeline = Timeline() if timeline is None else timeline
        self.strategy = strategy
        self.currency = currency
        self.rules = rules or FillRules()
        self.notes = Notes()
        self.signals = SignalLog()
        self._cash = {currency: 10_000} if cash is None else dict(cash)
        self._decimals = dict(decimals or {})
        self._raw: Raw | None = None
        self._due = -1
        self._looks: list[int] = []
        self._written = 0

    def _open(self, raw: Raw) -> None:
        places = {asset: self._decimals.get(asset, DECIMALS) for asset in self._cash}
        balances = {asset: to_units(amount, f"cash in {asset}", places[asset]) for asset, amount in self._cash.items()}
        balances.setdefault(self.currency, 0)
        self.exchange = Exchange(raw.instruments, balances, self.rules, self._decimals)
        self.account = Account(self.exchange, raw, self.currency, self.notes)
        self.latest = State(raw, self.account)
        self._raw = raw
        self._due = NEVER
        self._looks = [FIRST_LOOK] * len(raw.coins)
        self.timeline.fed_by(self._write_down)

    @property
    def raw(self) -> Raw:
        """The market the account last met; raises OrderError before the first."""
        if self._raw is None:
            raise OrderError("there is no market yet", hint="call update(raw.latest) first")
        return self._raw

    # the market acts

    def update(self, raw_latest: Raw) -> None:
        """Let the market's latest events act on the open orders: fills happen, the account moves."""
        if raw_latest.step < self._due:
            return
        if raw_latest is not self._raw:
            self._open(raw_latest)
        else:
            self._meet(raw_latest)

    def _meet(self, raw: Raw) -> None:
        exchange = self.exchange
        step = raw.step
        before = exchange.head[k.N_FILLS]
        for n in self._coins_with_orders():
            track = raw.events[n]
            row = track.row(step)
            if row < 0:
                continue
            bars = track.bars
            volume = bars.volume[row]
            if bars.volume_decimals != DECIMALS:
                volume = min(int(volume) * 10 ** (DECIMALS - bars.volume_decimals), INT64_MAX)
            exchange.on_bar(n, step, bars.time[row], bars.open[row], bars.high[row], bars.low[row], bars.close[row], volume)
        if exchange.head[k.N_FILLS] > before:
            self.latest.due = step
        self._look_ahead(raw)

    def _coins_with_orders(self) -> list[int]:
        exchange = self.exchange
        if not exchange.head[k.N_OPEN]:
            return []
        orders = exchange.open_orders
        if len(orders) == 1:
            return [exchange.orders.item(orders[0], k.COIN)]
        return sorted(set(exchange.orders[orders, k.COIN].tolist()))

    def _look_ahead(self, raw: Raw) -> None:
        """Find the next step at which a bar could change an open order; none before it needs to be met."""
        if not self.exchange.head[k.N_OPEN]:
            self._due = NEVER
            return
        step = raw.step
        due = NEVER
        for n in self._coins_with_orders():
            if raw.growing:
                due = step + 1
                break
            track = raw.events[n]
            bars = track.bars
            start = track.last_row(step) + 1
            stop = min(start + self._looks[n], track.rows)
            row = self.exchange.scan(n, bars.high, bars.low, bars.volume, start, stop)
            self._looks[n] = min(2 * self._looks[n], LONGEST_LOOK) if row == stop else FIRST_LOOK
            if row < track.rows:
                due = min(due, track.step_of(row))
        self._due = due

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

    # orders

    def place_order(
        self,
        coin: CoinName,
        amount: Number,
        price: Number | None = None,
        *,
        type: OrderType | None = None,
        stop: Number | None = None,
        by: Author = "strategy",
        reason: str = "",
    ) -> None:
        n = self._number(coin)
        units = to_units(amount, f"amount of {coin}", self.exchange.decimals[self.exchange.instruments[n].base])
        side = k.SELL if Decimal(amount) < 0 else k.BUY
        kind, price_units, stop_units = self._terms(n, side, price, stop, type is OrderType.LIMIT_MAKER)
        if type is not None and type is not TYPES[kind]:
            raise OrderError(f"a {type} order of {coin} needs {_needs(type)}")
        self._place(n, side, kind, floor_to(abs(units), self.exchange.lot(n)), price_units, stop_units, by, reason)

    def _place(self, n: int, side: int, kind: int, amount: int, price: int, stop: int, by: Author, reason: str) -> int:
        raw = self.raw
        order = self.exchange.place(n, side, kind, amount, price, stop, raw.mark_units(n), raw.step, raw.time)
        self.notes.add(by, reason)
        self._due = min(self._due, raw.step + 1)
        return order

    def _terms(self, n: int, side: int, price: Number | None, stop: Number | None, maker: bool) -> tuple[int, int, int]:
        """Return kernel type, price and stop in units, rounded to the tick so that it asks for no more than was asked for."""
        coin = self.exchange.instruments[n].coin
        tick = self.exchange.instruments[n].tick
        if stop is not None:
            if price is not None or maker:
                raise OrderError(f"a stop order of {coin} is a market order once its stop is reached; leave its price out")
            units = to_units(stop, f"stop of {coin}", up=side == k.BUY)
            return k.STOP_LOSS, 0, -floor_to(-units - tick + 1, tick) if side == k.BUY else floor_to(units, tick)
        if price is None:
            if maker:
                raise OrderError(f"a limit-maker order of {coin} needs a price")
            return k.MARKET, 0, 0
        units = to_units(price, f"price of {coin}", up=side == k.SELL)
        units = floor_to(units, tick) if side == k.BUY else -floor_to(-units - tick + 1, tick)
        return (k.LIMIT_MAKER if maker else k.LIMIT), units, 0

    def cancel_order(self, coin: CoinName) -> None:
        n = self._number(coin)
        for order in self.exchange.open_orders:
            if self.exchange.orders[order, k.COIN] == n:
                self.cancel(order)

    def cancel(self, order: int) -> bool:
        """Cancel one order by its id; False where it was no longer open."""
        step = self.raw.step
        if not 0 <= order < self.exchange.n_orders:
            raise OrderError(f"there is no order #{order}")
        return self.exchange.cancel(order, step)

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
            outcome, order = self._resolve(n, signal)
        except (OrderError, AmountOverflow) as error:
            raise self._fault(f"the {signal.kind} signal for {coin}: {error.message}", error.hint) from None
        self.signals.add(self.raw.step, n, signal, outcome, order)

    def _fault(self, message: str, hint: str) -> StrategyError:
        place = f"{place_of(type(self.strategy))}: " if self.strategy is not None else ""
        return StrategyError(f"{place}{message}", hint=hint)

    def _resolve(self, n: int, signal: Signal) -> tuple[int, int]:
        """Return what becomes of a signal, and the id of its order or -1."""
        exchange = self.exchange
        side = k.BUY if signal.kind == "buy" else k.SELL
        if exchange.head[k.N_OPEN]:
            working = [order for order in exchange.open_orders if exchange.orders[order, k.COIN] == n]
            if signal.kind != "cancel" and any(exchange.orders[order, k.SIDE] == side for order in working):
                return ALREADY_WORKING, -1
            for order in working:
                self.cancel(order)
            if signal.kind == "cancel" and working:
                return CANCELLED, -1
        if signal.kind == "cancel":
            return NOTHING_TO_DO, -1
        kind, price, stop = self._terms(n, side, signal.price, signal.stop, signal.maker)
        mark = self.raw.mark_units(n)
        amount = self._amount(n, side, signal, price or stop or mark)
        if side == k.SELL and not amount:
            return NOTHING_TO_DO, -1
        refusal = exchange.judge(n, side, kind, amount, price, stop, mark)
        if refusal:
            return refusal, -1
        return ORDERED, self._place(n, side, kind, amount, price, stop, "strategy", signal.reason)

    def _amount(self, n: int, side: int, signal: Signal, reference: int) -> int:
        """Return how much a signal asks for in base units, whole lots.

        A buy within the free cash, a sell within the position.
        """
        exchange = self.exchange
        coin = self.raw.coins[n]
        held = self.account.sellable(n)
        if signal.kind == "close":
            return held
        if (signal.value is None) == (signal.amount is None):
            if side == k.SELL and signal.value is None:
                return held
            raise OrderError("give either value or amount", hint="Signal.buy(value=100) or Signal.buy(amount=0.5)")
        if signal.amount is not None:
            places = exchange.decimals[exchange.instruments[n].base]
            units = to_units(_countable(signal.amount, places), f"amount of {coin}", places)
        else:
            value = to_units(_countable(float(signal.value or 0.0)), f"value of {coin}")
            if side == k.BUY:
                value = min(value, exchange.free(exchange.instruments[n].quote))
            units = value * exchange.scale(n) // reference if reference else 0
        if units < 0:
            raise OrderError(f"{'amount' if signal.value is None else 'value'} is negative")
        units = floor_to(units, exchange.lot(n))
        return min(units, held) if side == k.SELL else units


def _countable(wish: float, places: int = DECIMALS) -> float:
    """Return a wish cut to what 64 bits can count, which nobody has; what is no finite number stays what it is."""
    return min(wish, INT64_MAX // 10**places) if wish < float("inf") else wish


def _needs(kind: OrderType) -> str:
    needs = {OrderType.MARKET: "no price and no stop", OrderType.STOP: "a stop and no price"}
    return needs.get(kind, "a price and no stop")
