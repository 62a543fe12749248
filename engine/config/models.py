"""What a session config may say, as validated models; the field's docstrings are the reference of its keys."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from engine.config.quantities import basis_points, limit, money, percent, rate, scaled, share, shown
from engine.exact import DECIMALS, INT64_MAX
from engine.model import INTERVALS
from engine.params import did_you_mean


def _word(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > 1000:
        raise ValueError(f"should be a short printable text, not {shown(text)}")
    return text


def _class_name(text: str) -> str:
    module, colon, name = text.rpartition(":")
    if not (colon and module and name.isidentifier()):
        raise ValueError(f"should be module:Class or path/to/file.py:Class, not {shown(text)}")
    return text


def _feature_name(text: str) -> str:
    return text if text.isidentifier() else _class_name(text)


def _interval(text: str) -> str:
    if text not in INTERVALS:
        raise ValueError(
            f"is {shown(text)}, which is no interval{did_you_mean(text, INTERVALS)}; one of {', '.join(INTERVALS)}"
        )
    return text


def _moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"should be a time such as 2025-06-14T12:31, not {shown(text)}") from None
    return text


def _mode(value: Any) -> Any:
    if value != "replay":
        raise ValueError(f'is {shown(value)}, which is not available; the mode is "replay"')
    return value


def _coins(value: Any) -> Any:
    """A list, or names with commas between them, as they are typed at a prompt."""
    coins = [coin.strip() for coin in value.split(",")] if isinstance(value, str) else value
    if isinstance(coins, list | tuple):
        if not coins:
            raise ValueError("should name a coin; leave it out for all coins of the recording")
        twice = sorted({str(coin) for coin in coins if coins.count(coin) > 1})
        if twice:
            raise ValueError(f"names {', '.join(twice)} twice")
        return tuple(coins)
    return coins


def _tables(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError("should be a list of tables; head each with [[features]]")
    return tuple(value)


def _param_name(name: str) -> str:
    if not name.isidentifier():
        raise ValueError("is no name of a parameter")
    return name


def _param(value: Any) -> Any:
    if isinstance(value, list | tuple) and not any(isinstance(item, list | tuple) for item in value):
        return [_param(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if not isinstance(value, int | float | bool | str):
        raise ValueError(f"should be a number, a text, true, false, or a list of these, not {shown(value)}")
    return value


Word = Annotated[str, AfterValidator(_word)]
Rate = Annotated[Decimal, BeforeValidator(basis_points)]
Money = Annotated[Decimal, BeforeValidator(money)]
Percent = Annotated[Decimal, BeforeValidator(percent)]
Limit = Annotated[Decimal, BeforeValidator(limit)]
Count = Annotated[int, Field(ge=1, le=10**6)]
Coins = Annotated[tuple[Word, ...], BeforeValidator(_coins)]
Params = dict[Annotated[str, AfterValidator(_param_name)], Annotated[Any, BeforeValidator(_param)]]


class Table(BaseModel):
    """Base of every table: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class StrategyConfig(Table):
    """`[strategy]`"""

    use: Annotated[Word, AfterValidator(_class_name)]
    """`module:Class` or `path/to/file.py:Class`, a file looked for beside the config first."""
    params: Params = {}
    """The strategy's parameters by name; those left out keep their defaults."""


class FeatureConfig(Table):
    """`[[features]]`: one more column for the screen."""

    use: Annotated[Word, AfterValidator(_feature_name)]
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
    max_volume_share: Annotated[Decimal, BeforeValidator(share)] | None = None
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


class SessionTables(Table):
    """The whole of a session config."""

    mode: Annotated[Literal["replay"], BeforeValidator(_mode)] = "replay"
    """Where the market comes from: a recording."""
    recording: Word
    """A recording's folder, looked for beside the config, in the current folder, the user's data folder and the package."""
    coins: Coins | None = None
    """The coins to trade, in the order they are handled; all of the recording if left out."""
    interval: Annotated[Word, AfterValidator(_interval)] | None = None
    """The decision bar, such as "5m"; the recording's own bars if left out."""
    begin: Annotated[Word, AfterValidator(_moment)] | None = None
    """From when on the strategy is asked, as 2025-06-14T12:31 (UTC); before it, features warm up. Left out: from the start."""
    seed: Annotated[int, Field(ge=0, le=INT64_MAX)] = 0
    """What the strategy's random numbers (`self.rng`) start from."""
    strategy: StrategyConfig | None = None
    features: Annotated[tuple[FeatureConfig, ...], BeforeValidator(_tables)] = ()
    account: AccountConfig = Field(default_factory=AccountConfig)
    fills: FillsConfig = Field(default_factory=FillsConfig)
    risk: RiskConfig = Field(default_factory=RiskConfig)

    @property
    def begin_ns(self) -> int:
        """When the strategy is first asked, ns UTC; 0 from the start."""
        if self.begin is None:
            return 0
        moment = datetime.fromisoformat(self.begin)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1_000_000) * 1000
