"""What a session config may say, as validated models; the field's docstrings are the reference of its keys."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from engine.config.fields import (
    TRADING,
    ClassName,
    Coins,
    Count,
    FeatureName,
    Interval,
    Limit,
    Listed,
    Mode,
    Moment,
    Money,
    Params,
    Percent,
    Rate,
    Share,
    Speed,
    Table,
    Tables,
    Word,
)
from engine.config.quantities import rate, scaled
from engine.exact import DECIMALS, INT64_MAX


class StrategyConfig(Table):
    """`[strategy]`"""

    use: ClassName
    """`module:Class` or `path/to/file.py:Class`, a file looked for beside the config first."""
    params: Params = {}
    """The strategy's parameters by name; those left out keep their defaults."""


class FeatureConfig(Table):
    """`[[features]]`: one more column for the screen."""

    use: FeatureName
    """The name of a feature that comes with tickdeck, such as `Indicator` or `ATR`, or `module:Class`, or `file.py:Class`."""
    params: Params = {}
    """The feature's parameters by name, and `name` for its label."""


class AccountConfig(Table):
    """`[account]`: what the session starts with. Amounts are exact."""

    currency: Word = "USDT"
    """What equity is told in."""
    decimals: dict[Word, Annotated[int, Field(ge=0, le=DECIMALS)]] = {}
    """A coarser unit for an asset of huge amounts: 2 counts it in hundredths, so that 64 bits hold a million times more."""
    cash: dict[Word, Money] = Field(default={}, validate_default=True)
    """Amounts by asset; 10,000 of the currency if left out."""

    @field_validator("decimals")
    @classmethod
    def _currency_is_exact(cls, decimals: dict[str, int], info: Any) -> dict[str, int]:
        currency = info.data.get("currency")
        if decimals.get(currency, DECIMALS) != DECIMALS:
            raise ValueError(f"{currency} is the currency, which always counts 1e-{DECIMALS}; leave it out here")
        return decimals

    @field_validator("cash", mode="after")
    @classmethod
    def _cash_fits(cls, cash: dict[str, Decimal], info: Any) -> dict[str, Decimal]:
        if not cash and "currency" in info.data:
            return {info.data["currency"]: Decimal(10_000)}
        problems = []
        for asset, amount in cash.items():
            places = info.data.get("decimals", {}).get(asset, DECIMALS)
            units = scaled(amount, places)
            if units is None:
                problems.append(f"{asset} is finer than its unit of 1e-{places}: {amount}")
            elif units > INT64_MAX:
                remedy = "set a coarser unit for it in decimals" if places else "that is more than can be counted"
                problems.append(f"{asset} does not fit 64 bits in units of 1e-{places}; {remedy}")
        if problems:
            raise ValueError("; ".join(problems))
        return cash

    adopt: dict[Word, Money] = {}
    """What of the cash is the strategy's own from the start, by asset, so that it may sell it; the rest it leaves alone."""

    @field_validator("adopt", mode="after")
    @classmethod
    def _adopted_is_there(cls, adopt: dict[str, Decimal], info: Any) -> dict[str, Decimal]:
        cash = info.data.get("cash", adopt)
        problems = [
            f"{amount} {asset} is more than the {cash.get(asset, 0)} in cash"
            for asset, amount in adopt.items()
            if amount > cash.get(asset, 0)
        ]
        if info.data.get("currency") in adopt:
            problems.append(
                f"{info.data['currency']} is what the account is told in; only what is bought with it is a position"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return adopt

    @property
    def balances(self) -> dict[str, int]:
        """What each asset starts with, counting 10**-decimals of it (1e-8 unless `decimals` says otherwise)."""
        return {asset: scaled(amount, self.decimals.get(asset, DECIMALS)) or 0 for asset, amount in self.cash.items()}


class FillsConfig(Table):
    """`[fills]`: how the simulated exchange fills orders and what it charges."""

    maker_bps: Rate = Decimal(10)
    """Fee of a fill that rested in the book, in basis points, exact to 1e-8."""
    taker_bps: Rate = Decimal(10)
    """Fee of a fill that took from the book."""
    fee_asset: Literal["received", "quote", "bnb"] = "received"
    """What the fee is taken in: the asset received, as Binance does; always the quote asset; or BNB while there is some."""
    slippage_bps: Rate = Decimal(0)
    """How much worse than the market a market or stop order fills."""
    limit_fill: Literal["through", "touch"] = "through"
    """Whether a limit order needs a bar that trades through its price, or one that touches it."""
    max_volume_share: Share | None = None
    """The share of a bar's volume that all orders of a coin may take, above 0 to 1; no limit if left out."""

    @property
    def maker(self) -> int:
        """The maker fee as a rate that counts 1e-8: 10 basis points are 100,000."""
        return rate(self.maker_bps)

    @property
    def taker(self) -> int:
        """The taker fee as a rate that counts 1e-8."""
        return rate(self.taker_bps)

    @property
    def slippage(self) -> int:
        """The slippage as a rate that counts 1e-8."""
        return rate(self.slippage_bps)

    @property
    def volume_share(self) -> int:
        """The share of a bar's volume counting 1e-8; 0 is no limit."""
        return scaled(self.max_volume_share or Decimal(0), DECIMALS) or 0


class RiskConfig(Table):
    """`[risk]`: what is risked at most, in every mode; a key left out is no limit.

    Limits of size, number and loss keep from buying, never from selling or cancelling.
    """

    max_order_notional: Limit | None = None
    """The most an order to buy may be worth, in the account's currency."""
    max_position_notional: Limit | None = None
    """The most the position of one coin may be worth with what its open orders would add."""
    price_collar_pct: Percent | None = None
    """How far above the market an order may buy, or below it sell, in percent."""
    max_orders_per_minute: Count | None = None
    """How many orders may go out in a minute of the market's time."""
    max_open_orders: Count | None = None
    """How many orders may be open at a time."""
    no_repeat_s: Count | None = None
    """An order equal to one that went out less than so many seconds before is refused."""
    max_daily_loss_pct: Percent | None = None
    """How much of its worth when a UTC day began the account may lose in it; then nothing is bought until the next."""
    max_drawdown_pct: Percent | None = None
    """How much of the highest equity so far may be lost; then nothing is bought any more."""
    on_loss: Literal["stop", "flatten"] = "stop"
    """At either of the two: withdraw what would buy, or withdraw everything and sell."""


class BinanceConfig(Table):
    """`[binance]`: where live data comes from, and how it is taken."""

    environment: Literal["live", "data", "demo", "testnet"] | None = None
    """Whose prices on paper: Binance's own if left out (`data` from its host for public data alone), its demo's or testnet's.
    Orders go where the mode says; for `live` this must say "live" too.
    """
    url: Word | None = None
    """A rehearsal on this machine in place of an environment, as http://127.0.0.1:PORT."""
    speed: Speed = Decimal(1)
    """How fast the time of the rehearsal at `url` goes by; the exchange's own is 1."""
    streams: Annotated[tuple[Literal["kline", "trade", "bookTicker", "depth"], ...], Listed] = (
        "kline",
        "trade",
        "bookTicker",
    )
    """What is listened to; klines always are."""
    history: Annotated[int, Field(ge=0, le=20_000)] = 500
    """How many decision bars are fetched before the first live one, so that features are warm; a day of them at least."""
    bar_grace_ms: Annotated[int, Field(ge=0, le=60_000)] = 1000
    """How long a step waits for the bars of all coins."""
    stale_s: Annotated[int, Field(ge=1, le=3600)] = 15
    """After how long without data a coin is stale."""
    capture: bool = True
    """Whether what is received is recorded."""
    into: Word | None = None
    """The recording it goes into; one of its own in the user's data folder if left out."""


class ReplayConfig(Table):
    """`[replay]`: how a recording is flown."""

    memory_mb: Annotated[int, Field(ge=0, le=65_536)] = 256
    """How much memory going back in time may take, in MiB; with 0 it only goes forward."""


class TradingConfig(Table):
    """`[trading]`: how real orders are handled."""

    on_ui_lost: Literal["keep", "cancel", "flatten"] = "keep"
    """When no deck looks on any more: go on; or stop, and cancel what would buy; or stop, cancel everything and sell it all."""
    deadline_ms: Annotated[int, Field(ge=10, le=4_000)] = 250
    """How long the strategy may take over a part of a step before it is interrupted and halted."""


class RehearsalConfig(Table):
    """`[rehearsal]`: the exchange that `mode = "rehearsal"` starts on this machine, unless `[binance] url` names one."""

    recording: Word | None = None
    """The recorded market that it plays; the session's own recording if left out, the bundled demo where it has none."""
    speed: Speed = Decimal(1)
    """How many seconds of the market pass in one of yours."""
    begin: Moment | None = None
    """When in the recording it opens (UTC); 1,000 bars after its start, or after a quarter of it, if left out."""

    @property
    def begin_ns(self) -> int | None:
        """When it opens, ns UTC; None where that is left out."""
        return None if self.begin is None else _moment_ns(self.begin)


class SessionTables(Table):
    """The whole of a session config."""

    mode: Mode = "replay"
    """Where the market comes from and orders go: a recording; Binance's prices and simulated orders (`paper`); or an exchange
    that takes orders: a rehearsal on this machine, Binance's testnet, its demo, or Binance (`live`).
    """
    recording: Word = Field(default="", validate_default=True)
    """A recording's folder, looked for beside the config, in the current folder, the user's data folder and the package."""
    coins: Coins | None = Field(default=None, validate_default=True)
    """The coins to trade, in the order they are handled; all of the recording if left out."""
    interval: Interval | None = None
    """The decision bar, such as "5m"; the recording's own bars if left out."""
    begin: Moment | None = None
    """From when on the strategy is asked, as 2025-06-14T12:31 (UTC); before it, features warm up. Left out: from the start."""
    seed: Annotated[int, Field(ge=0, le=INT64_MAX)] = 0
    """What the strategy's random numbers (`self.rng`) start from."""
    strategy: StrategyConfig | None = None
    features: Annotated[tuple[FeatureConfig, ...], Tables] = ()
    account: AccountConfig = Field(default_factory=AccountConfig)
    fills: FillsConfig = Field(default_factory=FillsConfig)
    risk: RiskConfig = Field(default_factory=RiskConfig)
    binance: BinanceConfig = Field(default_factory=BinanceConfig, validate_default=True)
    replay: ReplayConfig = Field(default_factory=ReplayConfig)
    trading: TradingConfig = Field(default_factory=TradingConfig)
    rehearsal: RehearsalConfig = Field(default_factory=RehearsalConfig)

    @field_validator("recording", mode="before")
    @classmethod
    def _replay_needs_one(cls, recording: Any, info: Any) -> Any:
        if recording != "":
            return recording
        if info.data.get("mode", "replay") == "replay":
            raise PydanticCustomError("missing", "missing")
        return "live"

    @field_validator("coins", mode="after")
    @classmethod
    def _live_needs_some(cls, coins: tuple[str, ...] | None, info: Any) -> tuple[str, ...] | None:
        if coins is None and info.data.get("mode", "replay") != "replay":
            raise ValueError("is missing; live prices are those of the coins it names")
        return coins

    @field_validator("binance", mode="after")
    @classmethod
    def _orders_go_where_the_mode_says(cls, binance: BinanceConfig, info: Any) -> BinanceConfig:
        mode = info.data.get("mode", "replay")
        if mode == "live" and binance.environment != "live":
            raise ValueError('environment must say "live" too, where orders are real')
        if mode in ("rehearsal", "testnet", "demo") and binance.environment not in (None, mode):
            raise ValueError(f'environment says "{binance.environment}", but the mode is {mode}; leave it out')
        if mode in ("testnet", "demo", "live") and binance.url is not None:
            raise ValueError(f"url is a rehearsal's, but the mode is {mode}; leave it out")
        return binance

    @property
    def trades(self) -> bool:
        """Whether orders go to an exchange."""
        return self.mode in TRADING

    @property
    def rehearsed(self) -> str:
        """The recording that a rehearsal plays."""
        own = self.recording if "recording" in self.model_fields_set else "demo"
        return self.rehearsal.recording or own

    @property
    def begin_ns(self) -> int:
        """When the strategy is first asked, ns UTC; 0 from the start."""
        return 0 if self.begin is None else _moment_ns(self.begin)


def _moment_ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000) * 1000
