"""The books of a run by their definitions: bar by bar, lot by lot, in fractions, money rounded as the ledger rounds it.

Every asset has a coin quoted in USDT.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from engine import Fill, Instrument
from engine.loop import Engine

ZERO = Fraction(0)
DAY = 86_400 * 10**9


def units(number: int) -> Fraction:
    """A count of 1e-8 as a fraction."""
    return Fraction(number, 10**8)


def floored(number: Fraction) -> Fraction:
    """A number rounded down to 1e-8, as the ledger rounds."""
    return Fraction(math.floor(number * 10**8), 10**8)


class Walk:
    """A run gone through step by step: balances, own positions and last prices as they were after each."""

    def __init__(self, its: Engine, cash: dict[str, Any], adopt: dict[str, Any] | None = None) -> None:
        self.raw = its.raw.latest
        self.exchange = its.trade.exchange
        self.fills = list(its.trade.account.fills)
        self.steps = self.raw.step + 1
        self.held = {asset: Fraction(str(cash.get(asset, 0))) for asset in self.exchange.assets}
        self.adopted = {f"{asset}USDT": Fraction(str(amount)) for asset, amount in (adopt or {}).items()}
        self.own = dict.fromkeys(self.raw.coins, ZERO) | self.adopted
        self.prices = dict.fromkeys(self.raw.coins, ZERO)

    def instrument(self, coin: str) -> Instrument:
        return self.exchange.instruments[self.raw.coins.index(coin)]

    def price(self, asset: str) -> Fraction:
        """What an asset was worth in USDT."""
        return Fraction(1) if asset == "USDT" else self.prices[f"{asset}USDT"]

    def fee(self, fill: Fill) -> Fraction:
        """A fill's fee in its coin's quote, the bar it was in being the last."""
        instrument = self.instrument(fill.coin)
        if fill.fee_asset == instrument.base:
            return floored(Fraction(fill.fee) * Fraction(fill.price))
        return floored(Fraction(fill.fee) * self.price(fill.fee_asset) / self.price(instrument.quote))

    def __iter__(self) -> Iterator[tuple[int, list[Fill]]]:
        waiting = list(self.fills)
        for step in range(self.steps):
            for track in self.raw.events:
                if track.row(step) >= 0:
                    self.prices[track.coin] = units(int(track.bars.close[track.row(step)]))
            now = []
            while waiting and waiting[0].step == step:
                now.append(fill := waiting.pop(0))
                instrument = self.instrument(fill.coin)
                sign = 1 if fill.side == "buy" else -1
                self.held[instrument.base] += sign * Fraction(fill.amount)
                self.held[instrument.quote] -= sign * notional(fill)
                self.held[fill.fee_asset] -= Fraction(fill.fee)
                self.own[fill.coin] = Fraction(fill.position)
            yield step, now
        assert not waiting

    def is_flat(self, coin: str, amount: Fraction, price: Fraction) -> bool:
        """Whether so much of a coin cannot be sold at a price: no whole lot, or worth less than the minimum notional."""
        its = self.instrument(coin)
        lots = amount // units(its.lot) * units(its.lot)
        return lots <= 0 or lots * price < units(its.min_notional)

    @property
    def worth(self) -> Fraction:
        """What everything was worth in USDT."""
        return sum((amount * self.price(asset) for asset, amount in self.held.items()), ZERO)


def notional(fill: Fill) -> Fraction:
    return floored(Fraction(fill.amount) * Fraction(fill.price))


@dataclass
class Trade:
    """A round trip; money in USDT at the exit's prices, the running profits in quote."""

    coin: str
    entry_step: int
    exit_step: int = -1
    amount: Fraction = ZERO
    cost: Fraction = ZERO
    taken: Fraction = ZERO
    rate: Fraction = Fraction(1)
    running: list[Fraction] = field(default_factory=lambda: [ZERO])

    profit = property(lambda self: floored(self.taken * self.rate))
    ratio = property(lambda self: self.taken / self.cost)
    mae = property(lambda self: min(self.running) / self.cost)
    mfe = property(lambda self: max(self.running) / self.cost)


def slow_trades(walk: Walk) -> list[Trade]:
    """Every closed round trip by its end: unit lots bought first are sold first, until what is left cannot be sold."""
    done: list[Trade] = []
    now: dict[str, Trade] = {}
    lots: dict[str, list[list[Fraction]]] = {coin: [] for coin in walk.raw.coins}

    def note(coin: str, *prices: Fraction) -> None:
        if coin in now:
            open_profits = (sum((size * price - cost for size, cost in lots[coin]), ZERO) for price in prices)
            now[coin].running += [now[coin].taken + profit for profit in open_profits]

    for step, fills in walk:
        for track in walk.raw.events:
            coin, row = track.coin, track.row(step)
            if row < 0:
                continue
            if row == 0 and coin in walk.adopted:
                now[coin] = Trade(coin, step)
                lots[coin].append([walk.adopted[coin], floored(walk.adopted[coin] * walk.prices[coin])])
            bar = {name: units(int(getattr(track.bars, name)[row])) for name in ("open", "high", "low", "close")}
            mine = [fill for fill in fills if fill.coin == coin]
            for fill in mine:
                _take(walk, fill, now, lots[coin])
                note(coin, Fraction(fill.price))
                flat = walk.is_flat(coin, Fraction(fill.position), Fraction(fill.price))
                if flat and fill.side == "sell" and coin in now:
                    trade = now.pop(coin)
                    trade.exit_step, trade.rate = step, walk.price(walk.instrument(coin).quote)
                    trade.running[-1] = trade.taken
                    done.append(trade)
            orders = [walk.exchange.order(fill.order_id) for fill in mine]
            inside = any(order.kind and Fraction(fill.price) != bar["open"] for order, fill in zip(orders, mine, strict=True))
            adopted_now = row == 0 and coin in walk.adopted
            note(coin, *((bar["close"],) if inside or adopted_now else (bar["low"], bar["high"])))
    return done


def _take(walk: Walk, fill: Fill, now: dict[str, Trade], lots: list[list[Fraction]]) -> None:
    amount, fee = Fraction(fill.amount), walk.fee(fill)
    if fill.side == "buy":
        trade = now.setdefault(fill.coin, Trade(fill.coin, fill.step))
        in_base = fill.fee_asset == walk.instrument(fill.coin).base
        received, cost = (amount - Fraction(fill.fee), notional(fill)) if in_base else (amount, notional(fill) + fee)
        lots.append([received, cost])
        return
    trade, left = now.get(fill.coin, Trade(fill.coin, fill.step)), amount
    if lots:
        now[fill.coin] = trade
    while left and lots:
        size, cost = lots.pop(0)
        part = min(left, size)
        share = floored(cost * part / size)
        trade.taken -= share
        trade.cost += share
        trade.amount += part
        left -= part
        if part < size:
            lots.insert(0, [size - part, cost - share])
    trade.taken += floored((notional(fill) - fee) * (amount - left) / amount)


def slow_trade_statistics(trades: Sequence[Any], days: Sequence[float]) -> dict[str, float]:
    """The statistics of two trades or more by their definitions; each has profit, ratio, mae and mfe."""
    profits = [trade.profit for trade in trades]
    wins, losses = [p for p in profits if p > 0], [-p for p in profits if p < 0]
    won = Fraction(len(wins), len(trades))
    payoff = (sum(wins) / len(wins)) / (sum(losses) / len(losses)) if wins and losses else math.nan
    return {
        "trades": len(trades),
        "win_rate_pct": 100 * won,
        "profit": sum(profits),
        "profit_factor": sum(wins) / sum(losses) if losses else math.nan,
        "expectancy": sum(profits) / len(profits),
        "sqn": math.sqrt(len(profits)) * statistics.mean(profits) / statistics.stdev(profits),
        "kelly_pct": 100 * (won - (1 - won) / payoff),
        "avg_trade_pct": 100 * statistics.mean(trade.ratio for trade in trades),
        "best_trade_pct": 100 * max(trade.ratio for trade in trades),
        "worst_trade_pct": 100 * min(trade.ratio for trade in trades),
        "avg_trade_days": statistics.fmean(days),
        "longest_trade_days": max(days),
        "avg_mae_pct": 100 * statistics.mean(trade.mae for trade in trades),
        "worst_mae_pct": 100 * min(trade.mae for trade in trades),
        "avg_mfe_pct": 100 * statistics.mean(trade.mfe for trade in trades),
        "best_mfe_pct": 100 * max(trade.mfe for trade in trades),
    }


def slow_drawdowns(worth: Sequence[Any], times: Sequence[int]) -> list[tuple[Any, int]]:
    """Every fall below a high: its depth as a share of the high, and how long until it was reached again, or the end."""
    falls = []
    at = 0
    while at < len(worth):
        end = at + 1
        while end < len(worth) and worth[end] < worth[at]:
            end += 1
        below = worth[at + 1 : end]
        if below:
            falls.append((1 - min(below) / worth[at], times[min(end, len(worth) - 1)] - times[at]))
        at = end
    return falls


def slow_daily(worth: Sequence[Any], times: Sequence[int]) -> list[Any]:
    """The return of each UTC day, day by day; a bar that closes at midnight is of the day that ends there."""
    midnight = -(-times[0] // DAY) * DAY
    returns, last, n = [], worth[0], 0
    if times[0] == midnight:
        midnight += DAY
    while midnight < times[-1] + DAY:
        before = last
        while n < len(times) and times[n] <= midnight:
            last = worth[n]
            n += 1
        returns.append(last / before - 1)
        midnight += DAY
    return returns
