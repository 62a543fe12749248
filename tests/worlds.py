"""Small markets made by hand, and engines to fly them: what the tests of the core build their cases from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from engine import (
    Engine,
    Feature,
    FillRules,
    Instrument,
    LocalTradeSystem,
    MovingAverage,
    Recording,
    ReplayFeed,
    Signal,
    State,
    Strategy,
)
from engine.model import INTERVALS
from engine.recordings import Bars
from engine.statehash import state_hash
from engine.trading.risk import Limits

MINUTE = INTERVALS["1m"]
START = 1_735_689_600 * 10**9  # 2025-01-01 00:00 UTC

Price = int | float | str
Candle = Price | tuple[Price, Price, Price, Price] | tuple[Price, Price, Price, Price, Price]


def units(number: Price) -> int:
    """A number as a count of 1e-8, exact."""
    return int(Decimal(str(number)).scaleb(8))


def candles(rows: Sequence[Candle], *, at: Iterable[int] | None = None, interval: str = "1m", start: int = START) -> Bars:
    """Bars of (open, high, low, close[, volume]); a lone number is a bar that stands still at it, volume 1000.

    `at` says which intervals since `start` they open at, for a market with gaps.
    """
    table = []
    for row in rows:
        ohlcv = row if isinstance(row, tuple) else (row, row, row, row)
        table.append([units(number) for number in (*ohlcv, *([1000] if len(ohlcv) == 4 else []))])
    columns = np.array(table, np.int64).T
    places = np.array(list(range(len(rows)) if at is None else at), np.int64)
    names = ("open", "high", "low", "close", "volume")
    length = INTERVALS[interval]
    return Bars(time=start + places * length, interval=length, **dict(zip(names, columns, strict=True)))


def walk(rows: int, seed: int = 0, *, price: int = 100, keep: float = 1.0, interval: str = "1m", start: int = START) -> Bars:
    """Bars of a seeded random walk in cents around `price`, some without volume; `keep` below 1 leaves gaps."""
    rng = np.random.default_rng(seed)
    step = max(1, price // 10)
    close = np.maximum(price * 100 + np.cumsum(rng.integers(-step, step + 1, rows)), 100)
    open_ = np.concatenate(([price * 100], close[:-1] + rng.integers(-2, 3, rows - 1)))
    high = np.maximum(open_, close) + rng.integers(0, step, rows)
    low = np.maximum(np.minimum(open_, close) - rng.integers(0, step, rows), 1)
    volume = rng.integers(0, 10**6, rows) * 10**5 * (rng.random(rows) > 0.05)
    there = rng.random(rows) < keep
    there[0] = True
    length = INTERVALS[interval]
    prices = {
        name: (column * 10**6)[there]
        for name, column in zip(("open", "high", "low", "close"), (open_, high, low, close), strict=True)
    }
    return Bars(time=(start + np.arange(rows) * length)[there], volume=volume[there], interval=length, **prices)


def instrument(coin: str, *, tick: Price = "0.01", lot: Price = "0.001", min_notional: Price = 5) -> Instrument:
    """An instrument of a coin quoted in USDT, or of `BASE/QUOTE`."""
    base, _, quote = coin.partition("/")
    if not quote:
        base, quote = coin.removesuffix("USDT"), "USDT"
    return Instrument(
        coin=base + quote, base=base, quote=quote, tick=units(tick), lot=units(lot), min_notional=units(min_notional)
    )


def market(bars: Bars | Sequence[Candle] | Mapping[str, Bars | Sequence[Candle]], **filters: Price) -> Recording:
    """A recording in memory, of BTCUSDT where one coin's bars are given; `filters` are those of `instrument`."""
    coins = bars if isinstance(bars, Mapping) else {"BTCUSDT": bars}
    columns = {coin: its if isinstance(its, Bars) else candles(its) for coin, its in coins.items()}
    return Recording.from_bars(columns, {coin: instrument(coin, **filters) for coin in columns})


def engine(
    recording: Recording,
    strategy: Strategy | None = None,
    *,
    interval: str | None = None,
    coins: Sequence[str] | None = None,
    cash: Any = 10_000,
    decimals: Mapping[str, int] | None = None,
    adopt: Mapping[str, Any] | None = None,
    currency: str = "USDT",
    limits: Limits | None = None,
    **rules: Any,
) -> Engine:
    """An engine about to fly the recording; `cash` is USDT or a mapping of assets, `rules` are those of FillRules."""
    strategy = strategy or Strategy()
    balances = cash if isinstance(cash, Mapping) else {"USDT": cash}
    account = {"cash": balances, "adopt": adopt, "currency": currency, "decimals": decimals}
    trade = LocalTradeSystem(strategy=strategy, rules=FillRules(**rules), limits=limits, **account)
    return Engine(ReplayFeed(recording, coins, interval), trade, strategy)


def fills_of(its: Engine) -> list[tuple[int, str, str, Decimal, Decimal]]:
    """The fills so far as (step, coin, side, amount, price)."""
    return [(fill.step, fill.coin, fill.side.value, fill.amount, fill.price) for fill in its.trade.account.fills]


def outcomes(its: Engine) -> list[tuple[int, str, str]]:
    """The signals so far as (step, kind, outcome)."""
    return [(note.step, note.kind, note.outcome) for note in its.trade.signals]


class Scripted(Strategy):
    """Says what its script says: signals by step, for one coin or by coin."""

    def __init__(self, script: Mapping[int, Signal | Mapping[str, Signal]] | None = None, **given: Any) -> None:
        super().__init__(**given)
        self._script = dict(script or {})

    def gen_signal(self) -> dict[str, Signal]:
        wanted = self._script.get(self.step, {})
        return {self.coins[0]: wanted} if isinstance(wanted, Signal) else dict(wanted)


class Restless(Strategy):
    """Does everything a strategy can, at random: markets, limits, makers, stops, sells, cancels; keeps this and that."""

    mean: int = 7
    eager: float = 0.6

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.seen: dict[str, int] = {}
        self.kinds: set[str] = set()
        self.prev: Any = None

    def features(self) -> list[Feature]:
        return [MovingAverage(window=self.mean, name="mean"), Spread(window=3)]

    def gen_signal(self) -> dict[str, Signal]:
        signals = {}
        for coin, now in self.bars():
            self.seen[coin] = self.seen.get(coin, 0) + 1
            self.prev = now
            if self.rng.random() > self.eager:
                continue
            size, away = self.rng.random() * 2000, self.rng.integers(1, 20) / 100
            signals[coin] = (
                Signal.buy(value=size, reason="by chance"),
                Signal.buy(value=size, price=now.close - away),
                Signal.buy(value=size, price=now.close - away, maker=True),
                Signal.buy(value=size, stop=now.high + away),
                Signal.sell(value=size),
                Signal.sell(value=size, price=now.close + away),
                Signal.close(stop=max(now.low - away, 0.01), reason=f"mean {now.mean:.2f}"),
                Signal.cancel(),
            )[self.rng.integers(8)]
            self.kinds.add(signals[coin].kind)
        return signals


class Spread(Feature):
    """The range of the last bars, from the state."""

    window: int = 3

    def compute(self, state: State) -> State:
        for coin, bars in state.raw.bars():
            state.features[coin, self.name] = bars.high[-self.window :].max() - bars.low[-self.window :].min()
        return state


def restless(rows: int = 600, **params: Any) -> Engine:
    """A busy engine on two coins with gaps."""
    bars = {"AAAUSDT": walk(rows, 11, keep=0.8), "BBBUSDT": walk(rows, 12, price=20, keep=0.9)}
    rules = {"slippage": 50_000, "max_volume_share": 20_000_000, "maker": 50_000}
    return engine(market(bars), Restless(**params), **rules)


def hashes(its: Engine) -> tuple[str, str]:
    """The state hash and the hash of the exchange's logs."""
    return state_hash(its.trade, its.strategy), its.trade.exchange.log_hash
