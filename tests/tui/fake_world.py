"""A made-up market behind the deck's protocol: believable frames without an engine, the same ones at every run."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.host import protocol as p

MINUTE = 60 * 10**9
START = 1_749_859_200 * 10**9  # 2025-06-14 00:00 UTC
COINS = (
    ("BTCUSDT", "BTC", 105_000.0, "0.01", "0.00001"),
    ("ETHUSDT", "ETH", 2_528.0, "0.01", "0.0001"),
    ("SOLUSDT", "SOL", 164.0, "0.01", "0.001"),
)
GAP = (START + 241 * MINUTE, START + 525 * MINUTE)
RULES = [
    "orders: real",
    "risk: an order to buy is worth at most 500 USDT",
    "risk: nothing more is bought in a UTC day after a loss of 5 %",
]
ENVIRONMENTS = {
    "rehearsal": "this machine's rehearsal",
    "testnet": "Binance testnet",
    "demo": "Binance demo",
    "live": "Binance live",
}
WALL = 1_750_000_000 * 10**9


@dataclass
class Tape:
    """One coin's bars."""

    time: list[int] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)
    volume: list[float] = field(default_factory=list)


@functools.cache
def tape(price: float, bars: int, seed: int, gap: tuple[int, int] | None) -> Tape:
    """Return a random walk with changing volatility, and no bars in the gap."""
    rng = random.Random(seed)
    made = Tape()
    calm = 1.0
    time = START
    for _ in range(bars):
        if gap and gap[0] <= time < gap[1]:
            time = gap[1]
        calm = max(0.4, min(3.0, calm * math.exp(rng.gauss(0, 0.08))))
        size = price * 0.0006 * calm
        close = max(0.01, price + rng.gauss(0, size))
        high = max(price, close) + abs(rng.gauss(0, size / 2))
        low = min(price, close) - abs(rng.gauss(0, size / 2))
        for column, value in (
            (made.open, price), (made.high, high), (made.low, max(low, 0.01)), (made.close, close),
            (made.volume, calm * abs(rng.gauss(12, 5))),
        ):  # fmt: skip
            column.append(round(value, 2))
        made.time.append(time)
        time += MINUTE
        price = close
    return made


class World:
    """Answers commands and makes frames; time moves only by `step`."""

    def __init__(self, *, steps: int = 4000, at: int = 700, coins: int = 3, clock: int | None = 1_750_000_000 * 10**9) -> None:
        self.steps, self.done, self.clock = steps, at, clock
        self.coins = COINS[:coins]
        self.tapes = {c[0]: tape(c[2], steps, 7 + n, GAP) for n, c in enumerate(self.coins)}
        self.playing, self.speed, self.seq = False, 10.0, 0
        self.coin, self.bars = self.coins[0][0], 120
        self.halted = ""
        self.stopped, self.stopped_today = "", False
        self.feed: p.FeedRow | None = None
        self.mode = ""
        self.info: p.TradeInfo | None = None
        self.trade: p.TradeRow | None = None
        self.journal: list[p.JournalRow] = []
        self.orders: list[p.OrderRow] = []
        self.received: list[p.Command] = []
        self._order_ids = 41
        self.fills = [self._fill(n) for n in range(14)]
        self.signals = [self._signal(n) for n in range(21)]
        self._order("BTCUSDT", "buy", "limit", "0.05000000", "104100.00000000", "strategy", "fast above slow")
        self._order("ETHUSDT", "sell", "stop", "1.20000000", "2490.00000000", "hand", "")

    def _order(self, coin: str, side: str, type_: str, amount: str, level: str, by: str, reason: str, **more: Any) -> int:
        self._order_ids += 1
        stop = type_ not in ("market", "limit", "limit_maker")
        row = p.OrderRow(
            id=self._order_ids, coin=coin, side=side, type=type_, amount=amount, filled="0.00000000",
            price=None if stop or type_ == "market" else level, stop=level if stop else None, waits=stop, trail_bps=None,
            tif="GTC", entry=None, pair=None, change="" if type_ == "market" else "any", status="NEW", by=by, bars=3,
            away_pct=0.43, reason=reason,
        )  # fmt: skip
        self.orders.append(msgspec.structs.replace(row, **more))
        return self._order_ids

    def bracket(self) -> None:
        """Add what orders can be: a stop-limit, an entry with its pending exits, a trailing stop, a pair."""
        self._order("BTCUSDT", "buy", "stop_limit", "0.01", "108000.00", "hand", "by hand", price="108100.00", tif="IOC")
        entry = self._order("BTCUSDT", "buy", "limit", "0.02", "105000.00", "strategy", "dip", change="less")
        waits = {"status": "PENDING_NEW", "entry": entry, "change": ""}
        self._order("BTCUSDT", "sell", "stop", "0.02", "102000.00", "strategy", "dip", **waits)
        self._order("BTCUSDT", "sell", "limit", "0.02", "112000.00", "strategy", "dip", **waits)
        self._order("SOLUSDT", "sell", "stop", "12.5", "158.35", "hand", "by hand", trail_bps=150, change="less")
        leg = self._order_ids + 1
        self._order("ETHUSDT", "sell", "limit_maker", "1", "2600.00", "hand", "by hand", pair=leg + 1, change="", entry=12)
        self._order("ETHUSDT", "sell", "stop", "1", "2400.00", "hand", "by hand", pair=leg, change="", entry=12)

    def _fill(self, n: int) -> p.FillRow:
        step = 210 + n * 35
        side = "sell" if n % 2 else "buy"
        bars = self.tapes["BTCUSDT"]
        price = f"{bars.open[step]:.8f}"
        held = "0.09399060" if side == "buy" else "0.00000060"
        return p.FillRow(
            n,
            step,
            bars.time[step] + MINUTE,
            "BTCUSDT",
            side,
            "0.09399060",
            price,
            "0.00009399",
            "BTC",
            n,
            "499.10318274",
            held,
        )

    def _signal(self, n: int) -> p.SignalRow:
        step = 200 + n * 24
        time = self.tapes["BTCUSDT"].time[step] + MINUTE
        kind = ("buy", "close")[n % 2]
        outcome = (f"ordered #{n}", "already working", f"ordered #{n}", "refused: below the least notional")[n % 4]
        return p.SignalRow(
            n,
            step,
            time,
            self.coins[n % len(self.coins)][0],
            kind,
            "fast above slow" if kind == "buy" else "fast below slow",
            outcome,
        )

    def hello(self) -> p.Hello:
        """Return what is flown."""
        infos = [p.CoinInfo(c[0], c[1], "USDT", c[3], c[4], "5.00000000", [GAP]) for c in self.coins]
        bars = self.tapes[self.coins[0][0]]
        start = next(n for n, time in enumerate(bars.time) if time >= GAP[1]) / self.steps
        return p.Hello(
            version=p.VERSION, mode=self.mode or ("replay" if self.feed is None else "paper"), trade=self.info,
            recording="demo" if self.feed is None else "Binance live",
            synthetic=self.feed is None, spot=True, coins=infos, interval="1m", strategy="SmaCross",
            params=[p.Param("fast", "int", "50"), p.Param("slow", "int", "200"), p.Param("size", "float", "0.99")],
            features=["fast", "slow", "rsi_14", "atr_14"], currency="USDT",
            fill_rules=["10 bps"] if self.info is None else RULES,
            start=bars.time[0], end=bars.time[-1] + MINUTE, steps=self.steps, gaps=[(start, start + 0.03), (0.71, 0.72)],
        )  # fmt: skip

    def go_live(self, **changes: Any) -> None:
        """Be a live market; `changes` are to how its feed fares."""
        coins = [p.FeedCoin(coin, 0.3 + n, 41.0 + n, False) for n, (coin, *_) in enumerate(self.coins)]
        row = p.FeedRow(
            coins=coins, alive=True, reconnects=1, bad=0, late=2, gaps=0, weight=412, weight_limit=6000, waits_for="",
            offset_ms=-12.0, messages=48_211, failure="",
        )  # fmt: skip
        self.feed = msgspec.structs.replace(row, **changes)
        self.playing = True

    def go_trading(self, mode: str = "testnet", *, on_ui_lost: str = "keep", **changes: Any) -> None:
        """Be an exchange that takes orders; `changes` are to how trading fares."""
        self.go_live()
        self.mode = mode
        warnings = ["the key may be used from any address; restrict it to yours"] if mode == "live" else []
        self.info = p.TradeInfo(ENVIRONMENTS[mode], "vmPUZE…", "1000.00", mode == "live", on_ui_lost, warnings)
        row = p.TradeRow(
            disarmed="trading has not been armed", reconciled=True, reconciled_age_s=12.3, alive=True, age_s=1.2, reconnects=0,
            unknown=0, unknown_age_s=0.0, out=0, orders_10s=3, orders_limit=50, externals=[],
        )  # fmt: skip
        self.trade = msgspec.structs.replace(row, **changes)
        stages = [("NEW", 184.0), ("PARTIALLY_FILLED", 61.2)]
        self.orders = [
            msgspec.structs.replace(order, stage=stage, age_s=age)
            for order, (stage, age) in zip(self.orders, stages, strict=True)
        ]
        if not self.journal:
            self.note("intent", 42, "buy 0.05 BTCUSDT limit at 104100 by strategy: fast above slow")
            self.note("outcome", 42, "accepted")
            self.note("news", 42, "NEW, 0 filled")
            self.note("intent", 43, "sell 1.2 ETHUSDT stop stop 2490 by hand")
            self.note("outcome", 43, "unknown no answer within 12 s")
            self.note("note", -1, "reconciled: 2 orders, 1 trade, 2 balances")

    def note(self, what: str, order: int, text: str) -> None:
        """Write an entry into the journal."""
        n = len(self.journal)
        self.journal.append(p.JournalRow(n + 1, WALL + n * 700_000_000, what, order, text))

    def stages(self) -> None:
        """Have an order in every stage there is, an emulated exit, and two that are not from here."""
        more = {"age_s": 2.4, "change": ""}
        self._order(
            "BTCUSDT", "buy", "limit", "0.02", "103000.00", "hand", "by hand", stage="UNKNOWN", **(more | {"age_s": 34.0})
        )
        self._order("SOLUSDT", "buy", "limit", "3", "150.00", "hand", "by hand", stage="CANCEL_SENT", **more)
        self._order("SOLUSDT", "buy", "limit", "4", "151.00", "strategy", "dip", stage="SENT", **(more | {"age_s": 0.1}))
        self._order("SOLUSDT", "sell", "stop", "4", "140.00", "strategy", "dip", trail_bps=150)
        waits = {"status": "PENDING_NEW", "entry": self._order_ids, "change": ""}
        self._order("SOLUSDT", "sell", "limit", "4", "170.00", "strategy", "dip", **waits)
        assert self.trade is not None
        externals = [
            p.ExternalRow(99_812_345, "BTCUSDT", "buy", "LIMIT", "0.10000000", "0.02000000", "90000.00000000"),
            p.ExternalRow(99_812_346, "ETHUSDT", "sell", "STOP_LOSS", "2.00000000", "0.00000000", "0.00000000"),
        ]
        self.trade = msgspec.structs.replace(self.trade, externals=externals, unknown=1, unknown_age_s=34.0, out=2)

    def tell(self, **changes: Any) -> None:
        """Let trading fare differently."""
        assert self.trade is not None
        self.trade = msgspec.structs.replace(self.trade, **changes)

    def _mind(self, command: p.TradeCommand) -> p.Reply:
        """Arm, disarm or halt."""
        assert self.info is not None
        match command:
            case p.Arm():
                if self.info.typed and command.typed not in ("1000", "1000.00"):
                    return p.Reply(command.id, False, f"{command.typed!r} is not what is at risk, 1000.00 USDT; still disarmed")
                self.tell(disarmed="")
                return p.Reply(command.id, True, "armed: orders go out")
            case p.Disarm():
                self.tell(disarmed="by hand")
                return p.Reply(command.id, True, "disarmed: no new order goes out")
        count = len(self.orders)
        self.orders = []
        self.tell(disarmed="the kill switch", unknown=0)
        self.note("halt", -1, f"{count} orders canceled")
        return p.Reply(command.id, True, f"halted: {count} orders canceled{', 1 position sold' if command.flatten else ''}")

    def stale(self, *ages: float) -> list[p.FeedCoin]:
        """The coins with data so many seconds old; those from 15 s on are stale."""
        return [p.FeedCoin(coin, age, 40.0, age >= 15) for (coin, *_), age in zip(self.coins, ages, strict=True)]

    def step(self, n: int = 1) -> None:
        """Move time by n bars."""
        self.done = min(self.steps, self.done + n)
        if self.done == self.steps:
            self.playing = False

    def _mean(self, values: list[float], at: int, window: int) -> float:
        return sum(values[at - window + 1 : at + 1]) / window if at >= window - 1 else math.nan

    def frame(self) -> p.Frame:
        """Return the world at the cursor."""
        self.seq += 1
        done = self.done
        bars = self.tapes[self.coin]
        first = max(0, done - self.bars)
        cut = slice(first, done)
        overlays = {
            name: [self._mean(bars.close, n, window) for n in range(first, done)]
            for name, window in (("fast", 50), ("slow", 200))
        }
        marks = [(f.step - first, f.side, float(f.price)) for f in self.fills if f.coin == self.coin and first <= f.step < done]
        chart = p.Chart(
            self.coin,
            bars.time[cut],
            bars.open[cut],
            bars.high[cut],
            bars.low[cut],
            bars.close[cut],
            bars.volume[cut],
            overlays,
            marks,
        )
        watch = []
        for coin, *_ in self.coins:
            column = self.tapes[coin].close
            price = column[done - 1] if done else 0.0
            before = column[max(0, done - 1440)] if done else 1.0
            watch.append(
                p.WatchRow(
                    coin, price, (price / before - 1) * 100 if done else 0.0, 15_000.0, 0.0 if coin != "SOLUSDT" else 7800.0
                )
            )
        recent = bars.close[max(0, done - 60) : done]
        features = [
            p.FeatureRow("fast", overlays["fast"][-1] if done else math.nan, max(0, 50 - done), recent),
            p.FeatureRow("slow", overlays["slow"][-1] if done else math.nan, max(0, 200 - done), recent[::2]),
            p.FeatureRow(
                "rsi_14", 50 + 20 * math.sin(done / 9), max(0, 15 - done), [math.sin(n / 5) for n in range(done, done + 40)]
            ),
            p.FeatureRow("atr_14", 48.2, max(0, 15 - done), [math.cos(n / 11) for n in range(done, done + 40)]),
            p.FeatureRow("volume_zscore_500", math.nan, max(0, 1000 - done), []),
        ]
        price = watch[0].price
        entry = 104_500.0
        gain = 0.0940 * (price - entry)
        positions = [
            p.PositionRow(
                "BTCUSDT", "0.09399060", "0.09399", False, entry, price, 0.094 * price, gain, (price / entry - 1) * 100
            )
        ]
        balances = [p.BalanceRow("USDT", "499.10318274", "5205.00000000"), p.BalanceRow("BTC", "0.09399060", "0.00000000")]
        account = p.Account(10_412.55 + gain, 4.13 + gain / 100, 2.5, 31.87, balances)
        return p.Frame(
            seq=self.seq, ts=self.clock or 0, step=done - 1, time=bars.time[done - 1] + MINUTE if done else START,
            playing=self.playing, at_end=done >= self.steps, speed=self.speed, rate=self.speed or 52_000.0, halted=self.halted,
            stopped=self.stopped, stopped_today=self.stopped_today,
            watch=watch, chart=chart, features=features, positions=positions, orders=list(self.orders), account=account,
            n_fills=len(self.fills), n_orders=43, n_signals=len(self.signals), feed=self.feed,
            trade=self.trade,
        )  # fmt: skip

    def events(self) -> p.Events:
        """Return everything that has happened so far."""
        log = [
            p.LogLine(START, "info", "flying demo with SmaCross"),
            p.LogLine(GAP[1], "warning", "BTCUSDT: no data for 4 h 44 m"),
        ]
        return p.Events(list(self.fills), list(self.signals), log, list(self.journal))

    def news(self) -> list[p.Report]:
        """Return what is known of a replay's time: here it only goes forward."""
        return []

    def obey(self, command: p.Command) -> list[p.Report]:
        """Carry out a command and return the reliable reports it causes."""
        self.received.append(command)
        match command:
            case p.Play():
                self.playing = self.done < self.steps
            case p.Pause():
                self.playing = False
            case p.Step():
                self.playing = False
                self.step(command.n)
            case p.RunToEnd():
                self.step(self.steps)
            case p.SetSpeed():
                self.speed = command.speed
            case p.Watch():
                self.coin, self.bars = command.coin if command.coin in self.tapes else self.coin, command.bars
            case p.PlaceOrder():
                id_ = self._order(
                    command.coin, command.side, command.type, command.amount, command.price or command.stop or "", "hand", ""
                )
                return [
                    p.Reply(
                        command.id,
                        True,
                        f"order #{id_}: {command.side} {command.amount} {command.coin} works from the next bar",
                    )
                ]
            case p.CancelOrder():
                before = len(self.orders)
                self.orders = [order for order in self.orders if order.id != command.order_id]
                ok = len(self.orders) < before
                return [
                    p.Reply(
                        command.id,
                        ok,
                        f"order #{command.order_id} canceled" if ok else f"order #{command.order_id} is not open",
                    )
                ]
            case p.CancelAll():
                count = len(self.orders)
                self.orders = []
                return [p.Reply(command.id, True, f"{count} orders canceled")]
            case p.Arm() | p.Disarm() | p.Halt():
                told = len(self.journal)
                reply = self._mind(command)
                return [p.Events([], [], [], self.journal[told:]), reply]
            case p.AmendOrder() | p.ReplaceOrder():
                return [p.Reply(command.id, True, f"order #{command.order_id} changed")]
            case p.PlaceOco():
                return [p.Reply(command.id, True, f"a pair: {command.side} {command.amount} {command.coin}")]
        return []
