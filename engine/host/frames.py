"""Frames: the world at the cursor, cut to what a screen shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine import seam
from engine.analysis.equity import equity_curve
from engine.analysis.fees import fees_paid
from engine.exact import UNIT, to_text
from engine.exchange import kernel as k
from engine.host.hand import change_of
from engine.host.protocol import (
    Account,
    BalanceRow,
    Chart,
    FeatureRow,
    FeedCoin,
    FeedRow,
    Frame,
    OrderRow,
    PositionRow,
    WatchRow,
)
from engine.loop import Engine
from engine.model import CoinName
from engine.session import Session
from engine.state import FIELDS, unit_of

NS_PER_DAY = 86_400 * 10**9
NS_PER_SECOND = 10**9
SHOWN_ORDERS = 200
SPARK = 32


class Motion(NamedTuple):
    """How the player moves: what a frame says beside the world itself."""

    playing: bool
    speed: float
    rate: float


class FrameMaker:
    """Makes the frames of one session, keeping between them only what would take long to work out anew."""

    def __init__(self, session: Session, engine: Engine) -> None:
        self._session = session
        self._engine = engine
        self._coin: CoinName = session.feed.latest.coins[0]
        self._bars = 120
        self._seq = 0
        self._steps = 0
        self._start = 0.0
        self._peak = 0.0
        self._fees = 0
        self._fills = 0

    def rewind(self) -> None:
        """Reckon equity and fees anew: time was gone back in."""
        self._steps = self._fees = self._fills = 0

    def watch(self, coin: CoinName, bars: int) -> None:
        """Show this coin, with this many bars, from the next frame on."""
        if coin in self._session.feed.latest.coins:
            self._coin = coin
            self._bars = max(1, min(bars, 2000))

    def make(self, motion: Motion, at_end: bool) -> Frame:
        """Return the frame of this moment."""
        self._seq += 1
        session, engine = self._session, self._engine
        raw = session.feed.latest
        account = session.trade.account
        stopped = session.trade.risk.stopped
        return Frame(
            seq=self._seq,
            ts=seam.wall_ns(),
            step=raw.step,
            time=raw.time,
            playing=motion.playing,
            at_end=at_end,
            speed=motion.speed,
            rate=motion.rate,
            halted=engine.halted.message if engine.halted is not None else "",
            stopped=stopped.reason if stopped is not None else "",
            stopped_today=stopped is not None and stopped.today,
            watch=[self._watch_row(n) for n in range(len(raw.coins))],
            chart=self._chart(),
            features=self._features(),
            positions=self._positions(),
            orders=[self._order_row(order) for order in self._shown_orders()],
            account=self._account(),
            n_fills=account.exchange.n_fills,
            n_orders=account.exchange.n_orders,
            n_signals=len(session.trade.signals),
            feed=self._feed() if session.recording is None else None,
            head=engine.history.head if engine.goes_back else raw.step,
        )

    def _feed(self) -> FeedRow:
        health = self._session.feed.health
        coins = [FeedCoin(its.coin, its.age_s, its.lag_ms, its.stale, its.status) for its in health.coins]
        return FeedRow(
            coins=coins,
            alive=health.alive,
            reconnects=health.reconnects,
            bad=health.bad,
            late=health.late,
            gaps=health.gaps,
            weight=health.weight,
            weight_limit=health.weight_limit,
            waits_for=health.waits_for,
            offset_ms=health.offset_ms,
            messages=health.messages,
            failure=health.failure,
        )

    def _watch_row(self, n: int) -> WatchRow:
        raw = self._session.feed.latest
        track = raw.events[n]
        row = track.last_row(raw.step)
        if row < 0:
            return WatchRow(track.coin, float("nan"), float("nan"), 0.0, 0.0)
        bars = track.bars
        day_ago = int(np.searchsorted(bars.time, raw.time - NS_PER_DAY - bars.interval, side="right")) - 1
        price = self._price(track.coin, int(bars.close[row])) / UNIT
        change = 100.0 * (price * UNIT / int(bars.close[day_ago]) - 1.0) if day_ago >= 0 else float("nan")
        volume = float(bars.volume[day_ago + 1 : row + 1].sum(dtype=np.float64)) / unit_of(bars, "volume")
        age = (raw.time - int(bars.time[row]) - bars.interval) / NS_PER_SECOND
        return WatchRow(track.coin, price, change, volume, age)

    def _price(self, coin: CoinName, close: int) -> int:
        """Return a coin's price in units: its last close, or what it trades at since where prices are live."""
        if self._session.recording is not None:
            return close
        live: int = self._session.feed.price(coin)
        return live or close

    def _shown(self) -> tuple[int, int, int]:
        """Return the watched coin's number and the rows of its bars in view."""
        raw = self._session.feed.latest
        n = raw.coins.index(self._coin)
        stop = raw.decisions[n].last_row(raw.step) + 1
        return n, max(0, stop - self._bars), stop

    def _chart(self) -> Chart:
        n, start, stop = self._shown()
        store = self._session.strategy.stats.features
        track = self._session.feed.latest.decisions[n]
        # from the market itself: features are no longer computed once a strategy is halted
        columns = [(getattr(track.bars, name)[start:stop] / unit_of(track.bars, name)).tolist() for name in FIELDS]
        # of a strategy that did not get through its first step there is nothing
        overlays = [label for feature in store.features for label in feature.overlays if store.frames]
        times = track.bars.time[start:stop]
        shown = times.tolist()
        told = {label: _filled(store.frames[n].column(label)[start:stop].tolist(), stop - start) for label in overlays}
        forming = self._session.feed.forming(self._coin) if self._session.recording is None else None
        if forming is not None:
            shown.append(forming.time)
            for column, units in zip(columns, forming[1:], strict=True):
                column.append(units / UNIT)
            for values in told.values():
                values.append(float("nan"))
        opens, highs, lows, closes, volumes = columns
        return Chart(self._coin, shown, opens, highs, lows, closes, volumes, told, self._marks(n, times))

    def _marks(self, n: int, times: np.typing.NDArray[np.int64]) -> list[tuple[int, str, float]]:
        if not len(times):
            return []
        exchange = self._session.trade.exchange
        fills = exchange.fills[: exchange.n_fills]
        since = int(np.searchsorted(fills[:, k.F_TIME], times[0]))
        # a fill of a bar that has not closed yet waits for it
        until = int(times[-1]) + self._session.feed.latest.decisions[n].bars.interval
        mine = fills[since:][(fills[since:, k.F_COIN] == n) & (fills[since:, k.F_TIME] < until)]
        rows = np.searchsorted(times, mine[:, k.F_TIME], side="right") - 1
        return [
            (row, "buy" if side == k.BUY else "sell", price / UNIT)
            for row, side, price in zip(rows.tolist(), mine[:, k.F_SIDE].tolist(), mine[:, k.F_PRICE].tolist(), strict=True)
        ]

    def _features(self) -> list[FeatureRow]:
        n, _, stop = self._shown()
        store = self._session.strategy.stats.features
        rows: list[FeatureRow] = []
        if not store.frames:
            return rows
        frame = store.frames[n]
        for label in frame.labels:
            recent: Sequence[float] = frame.column(label)[max(0, stop - SPARK) : stop].tolist()
            rows.append(
                FeatureRow(label, recent[-1] if recent else float("nan"), max(0, store.warmup[label] + 1 - stop), list(recent))
            )
        return rows

    def _positions(self) -> list[PositionRow]:
        rows = []
        for position in self._session.trade.account.positions:
            held = float(position.amount)
            cost = held * position.entry_price
            rows.append(
                PositionRow(
                    coin=position.coin,
                    amount=format(position.amount, "f"),
                    sellable=format(position.sellable, "f"),
                    dust=self._is_dust(position.coin),
                    entry_price=position.entry_price,
                    mark=position.mark,
                    value=held * position.mark,
                    unrealized=position.unrealized,
                    unrealized_pct=100.0 * position.unrealized / cost if cost else 0.0,
                )
            )
        return rows

    def _is_dust(self, coin: CoinName) -> bool:
        """Whether what is held of a coin is less than a lot, or worth less than the minimum notional."""
        trade = self._session.trade
        n = trade.exchange.index[coin]
        return trade.account.is_dust(n, trade.account.sellable(n), trade.raw.mark_units(n))

    def _shown_orders(self) -> list[int]:
        """Return the newest open orders, each with the exits that wait for it."""
        exchange = self._session.trade.exchange
        shown = []
        for order in exchange.open_orders[-SHOWN_ORDERS:]:
            exits = range(order + 1, order + 1 + exchange.order(order).exits)
            shown += [order, *(its for its in exits if exchange.order(its).status == k.PENDING)]
        return shown

    def _order_row(self, number: int) -> OrderRow:
        session = self._session
        order = session.trade.account.order(number)
        view = session.trade.exchange.order(number)
        waits = order.stop is not None and not view.triggered
        level = order.stop if waits else order.price
        mark = session.feed.latest.price(order.coin)
        return OrderRow(
            id=order.id,
            coin=order.coin,
            side=order.side.value,
            type=order.type.value,
            amount=format(order.amount, "f"),
            filled=format(order.filled, "f"),
            price=format(order.price, "f") if order.price is not None else None,
            stop=format(order.stop, "f") if order.stop is not None else None,
            waits=waits,
            trail_bps=order.trail_bps,
            tif=order.tif.value,
            entry=order.entry,
            pair=order.pair,
            change=change_of(session.trade, number),
            status=order.status.value,
            by=order.by,
            bars=session.feed.latest.step - order.step,
            away_pct=100.0 * (float(level) / mark - 1.0) if level is not None else 0.0,
            reason=order.reason,
        )

    def _account(self) -> Account:
        session = self._session
        account = session.trade.account
        exchange = account.exchange
        self._follow_equity()
        self._fees += sum(fees_paid(account, self._fills))
        self._fills = exchange.n_fills
        equity = account.equity
        return Account(
            equity=equity,
            return_pct=100.0 * (equity / self._start - 1.0) if self._start else 0.0,
            drawdown_pct=100.0 * (1.0 - equity / self._peak) if self._peak else 0.0,
            fees=self._fees / UNIT,
            balances=[
                BalanceRow(
                    asset,
                    to_text(exchange.free(asset), exchange.decimals[asset]),
                    to_text(exchange.locked(asset), exchange.decimals[asset]),
                )
                for asset in exchange.assets
            ],
        )

    def _follow_equity(self) -> None:
        """Take the steps since the last frame into the highest equity so far; none is left out however fast it goes."""
        session = self._session
        raw = session.feed.latest
        done = raw.step + 1
        if self._steps == done:
            return
        curve = equity_curve(session.trade.account, self._steps, done)
        if not self._steps:
            self._start = self._peak = float(curve[0])
        self._peak = max(self._peak, float(curve.max()))
        self._steps = done


def _filled(values: list[float], count: int) -> list[float]:
    """Return so many values, those that are missing at the end without one."""
    return values + [float("nan")] * (count - len(values))
