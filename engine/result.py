"""Result: what a run came to, as numbers, exact money and frames."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.analysis.books import Books
from engine.analysis.statistics import coin_statistics, statistics
from engine.analysis.trips import RoundTrip
from engine.exact import DECIMALS, UNIT, plain, to_decimal, to_text
from engine.model import CoinName
from engine.recordings import Recording
from engine.session import Session
from engine.statehash import state_hash
from engine.trading.system import TradeSystem

if TYPE_CHECKING:
    import pandas as pd

FILL_COLUMNS = ("step", "time_ms", "coin", "side", "amount", "price", "fee", "fee_asset", "cash", "position")
NS_PER_MS = 1_000_000


class Result:
    """What came of a backtest.

    `stats` are its statistics by name, `coin_stats` each coin's, `final_equity` and `fees` exact money; `equity`, `trades`,
    `fills`, `orders` and `features` are frames, made when looked at. `wall_s` is the time of the run alone.
    """

    def __init__(self, session: Session, wall_s: float) -> None:
        self.session = session
        self.wall_s = wall_s
        self.steps = len(session.feed)
        self.state_hash = state_hash(session.trade, session.strategy)

    def __repr__(self) -> str:
        name, account = type(self.session.strategy).__name__, self.session.config.account
        fills = self.trade.exchange.n_fills
        return f"<Result of {name}: {self.steps:,} steps, {fills:,} fills, {self.final_equity:,.2f} {account.currency}>"

    @property
    def recording(self) -> Recording:
        """What was flown."""
        assert self.session.recording is not None, "a result is of a recording"
        return self.session.recording

    @property
    def trade(self) -> TradeSystem:
        """The trade system as the run left it."""
        return self.session.trade

    @property
    def steps_per_s(self) -> float:
        """Steps done a second."""
        return self.steps / self.wall_s if self.wall_s else 0.0

    @property
    def final_equity(self) -> Decimal:
        """The account's worth at the last prices, exact, in its currency."""
        return plain(self.trade.account.equity_exact)

    @property
    def fees(self) -> Decimal:
        """All fees, those taken in base at their fill's price, exact, in the account's currency."""
        return plain(to_decimal(sum(self.books.fees)))

    @cached_property
    def books(self) -> Books:
        """What the run left behind, as arrays."""
        return Books(self.trade.account, self.session.feed.times)

    @cached_property
    def stats(self) -> dict[str, float]:
        """The run's statistics by name, as docs/statistics.md tells them; NaN where there is nothing to tell."""
        return statistics(self.books)

    @cached_property
    def coin_stats(self) -> dict[CoinName, dict[str, float]]:
        """The statistics of each coin."""
        return coin_statistics(self.books)

    @cached_property
    def coverage_pct(self) -> float:
        """The share of the bars that should be there that is, over all coins, in percent."""
        recording, feed = self.recording, self.session.feed
        present = sum(len(recording.bars(coin)) for coin in feed.latest.coins)
        missing = sum(gap.missing for coin in feed.latest.coins for gap in recording.gaps(coin))
        return 100.0 * present / (present + missing)

    @cached_property
    def equity(self) -> pd.DataFrame:
        """Equity at each step, and what holding the coins would have made of it, indexed by time (UTC)."""
        import pandas as pd

        index = pd.DatetimeIndex(self.session.feed.times, tz="UTC", name="time")
        return pd.DataFrame({"equity": self.books.equity, "holding": self.books.holding}, index=index)

    def fill_rows(self) -> list[tuple[int | str, ...]]:
        """Return the fills as FILL_COLUMNS, exact: amounts of money as decimal text, `fee_asset` base, quote or BNB."""
        exchange = self.trade.exchange
        rows: list[tuple[int | str, ...]] = []
        for n in range(exchange.n_fills):
            fill = exchange.fill(n)
            instrument = exchange.instruments[fill.coin]
            places = exchange.decimals[instrument.base]
            rows.append(
                (
                    fill.step,
                    fill.time // NS_PER_MS,
                    instrument.coin,
                    "buy" if fill.side > 0 else "sell",
                    to_text(fill.amount, places),
                    to_text(fill.price),
                    to_text(fill.fee, (DECIMALS, places, exchange.decimals.get("BNB", DECIMALS))[fill.fee_in]),
                    ("quote", "base", "BNB")[fill.fee_in],
                    to_text(fill.cash),
                    to_text(fill.position, places),
                )
            )
        return rows

    @cached_property
    def fills(self) -> pd.DataFrame:
        """Every fill, as `--fills` writes them, with amounts as float, indexed by the opening (UTC) of the bar it was in."""
        import pandas as pd

        frame = pd.DataFrame(self.fill_rows(), columns=list(FILL_COLUMNS))
        frame.index = pd.DatetimeIndex(pd.to_datetime(frame["time_ms"], unit="ms", utc=True), name="time")
        return frame.astype(dict.fromkeys(("amount", "price", "fee", "cash", "position"), float))

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Every closed round trip by its end, money in the account's currency, prices in the coin's quote, all with fees."""
        import pandas as pd

        exchange = self.trade.exchange
        times = pd.DatetimeIndex(self.session.feed.times, tz="UTC")
        whole = dict.fromkeys(("coin", "entry_step", "exit_step"), "int64")
        kinds = dict.fromkeys(RoundTrip._fields, "float64") | whole
        trips = pd.DataFrame(self.books.trips, columns=list(kinds)).astype(kinds)
        return pd.DataFrame(
            {
                "coin": trips["coin"].map(lambda coin: exchange.instruments[coin].coin),
                "entry_step": trips["entry_step"],
                "exit_step": trips["exit_step"],
                "entry_time": times[trips["entry_step"]],
                "exit_time": times[trips["exit_step"]],
                "amount": trips["amount"] / trips["coin"].map(exchange.scale),
                "entry_price": trips["entry_price"],
                "exit_price": trips["exit_price"],
                "cost": trips["cost"] / UNIT,
                "profit": trips["profit"] / UNIT,
                "return_pct": 100.0 * trips["profit"] / trips["cost"],
                "mae_pct": 100.0 * trips["mae"],
                "mfe_pct": 100.0 * trips["mfe"],
            }
        )

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Every order, refused ones included, with amounts as float, indexed by the time (UTC) it was placed."""
        import msgspec
        import pandas as pd

        from engine.model import Order

        account = self.trade.account
        rows = [msgspec.structs.astuple(account.order(n)) for n in range(account.exchange.n_orders)]
        frame = pd.DataFrame(rows, columns=list(Order.__struct_fields__))
        frame.index = pd.DatetimeIndex(pd.to_datetime(frame.pop("time"), utc=True), name="time")
        return frame.astype(dict.fromkeys(("amount", "filled", "price", "stop"), float))

    @cached_property
    def features(self) -> dict[str, pd.DataFrame]:
        """A frame a coin: every feature by label, indexed by the bar's opening time (UTC)."""
        import pandas as pd

        frames = {}
        store = self.session.strategy.stats.features
        for frame, track in zip(store.frames, self.session.feed.latest.decisions, strict=True):
            index = pd.DatetimeIndex(track.bars.time, tz="UTC", name="time")
            frames[frame.coin] = pd.DataFrame({label: frame.column(label) for label in frame.labels}, index=index)
        return frames

    def summary(self) -> dict[str, Any]:
        """Return the run as `backtest --json` prints it: exact money as decimal text, times as ISO 8601."""
        feed, trade = self.session.feed, self.trade
        stats = self.stats
        return {
            "recording": self.recording.name,
            "spot": self.recording.spot,
            "coins": list(feed.latest.coins),
            "interval": feed.interval,
            "start": _iso(int(feed.times[0])),
            "end": _iso(int(feed.times[-1])),
            "steps": self.steps,
            "final_equity": format(self.final_equity, "f"),
            "return_pct": _number(stats["return_pct"]),
            "max_drawdown_pct": _number(stats["max_drawdown_pct"]),
            "orders": trade.exchange.n_orders,
            "fills": trade.exchange.n_fills,
            "trades": int(stats["trades"]),
            "fees": format(self.fees, "f"),
            "ambiguous_bars": trade.exchange.ambiguous_bars,
            "coverage_pct": self.coverage_pct,
            "state_hash": self.state_hash,
            "wall_s": self.wall_s,
            "steps_per_s": self.steps_per_s,
            "stats": _numbers(stats),
            "coin_stats": {coin: _numbers(its) for coin, its in self.coin_stats.items()},
        }


def _number(value: float) -> float | None:
    """Return a statistic as JSON can hold it."""
    return value if value == value and abs(value) != float("inf") else None


def _numbers(values: dict[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}


def _iso(time: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(time // 10**9, UTC).isoformat().replace("+00:00", "Z")
