"""The settings of a rehearsal, as validated models; the fields' docstrings are the reference of its TOML's keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, field_validator

from engine.config.checking import check
from engine.config.fields import Coins, Count, Limit, Money, Table, Word
from engine.config.models import FillsConfig, SessionTables
from engine.config.quantities import exact, scaled, shown
from engine.config.text import KeyPath, key_lines, parse_toml, read_file
from engine.errors import ConfigError
from engine.exact import DECIMALS, INT64_MAX
from engine.model import Instrument, Timestamp
from engine.params import did_you_mean
from engine.recordings.times import parse_date
from engine.rehearsal.limits import ORDERS, REQUESTS, WEIGHT, Rule
from engine.rehearsal.signing import by_public_key

GUIDE = "configs/exchange.toml"
KEY_LENGTH = 64
RESTRICTIONS = (
    "ipRestrict",
    "enableReading",
    "enableSpotAndMarginTrading",
    "enableWithdrawals",
    "enableInternalTransfer",
    "permitsUniversalTransfer",
    "enableVanillaOptions",
    "enableFutures",
    "enableMargin",
    "enablePortfolioMarginTrading",
)


def _time(value: Any) -> Timestamp:
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    try:
        return parse_date(value)
    except (TypeError, ValueError):
        raise ValueError(f"should be a time such as 2025-06-14T12:30, not {shown(value)}") from None


def _speed(value: Any) -> float:
    number = float(exact(value))
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"should be 0 or more, not {shown(value)}")
    return number


def _seconds(value: Any) -> float:
    number = float(exact(value))
    if not 0 < number < 1e9:
        raise ValueError(f"should be a number of seconds above 0, not {shown(value)}")
    return number


def _factor(value: Any) -> Decimal:
    number = exact(value)
    if not 0 < number <= 1000 or scaled(number, DECIMALS) is None:
        raise ValueError(f"should be a factor above 0, at most 1000 and no finer than 1e-8, not {shown(value)}")
    return number


def _accounts(value: Any) -> Any:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("should be a list of tables; head each with [[accounts]]")
    return tuple(value)


def _api_key(text: str) -> str:
    if len(text) != KEY_LENGTH or not (text.isascii() and text.isalnum()):
        raise ValueError(f"should be {KEY_LENGTH} letters and digits, as the exchange's keys are")
    return text


def _public_key(text: str) -> str:
    try:
        by_public_key(text)
    except ConfigError as error:
        raise ValueError(f"is no public key of RSA or Ed25519; {error.hint}") from None
    return text


def _restriction(name: str) -> str:
    if name not in RESTRICTIONS:
        raise ValueError(
            f"is nothing the exchange says of a key{did_you_mean(name, RESTRICTIONS)}; it says {', '.join(RESTRICTIONS)}"
        )
    return name


Time = Annotated[Timestamp, BeforeValidator(_time)]
Speed = Annotated[float, BeforeValidator(_speed)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
Factor = Annotated[Decimal, BeforeValidator(_factor)]


class AccountSettings(Table):
    """`[[accounts]]`: one account, and the keys that open it."""

    name: Word = "main"
    """What the event log calls it."""
    balances: dict[Word, Money] = {}
    """What it starts with, by asset; 10,000 of each quote asset if left out."""
    api_key: Annotated[Word, AfterValidator(_api_key)] | None = None
    """Its API key, 64 letters and digits; made for each run if left out."""
    api_secret: Word | None = None
    """The secret that requests are signed with by HMAC; made for each run if left out."""
    public_key: Annotated[str, AfterValidator(_public_key)] | None = None
    """In place of a secret, the public key (PEM) of a private one that requests are signed with, RSA or Ed25519."""
    uid: Annotated[int, Field(ge=1, le=INT64_MAX)] | None = None
    """The account's number as the exchange tells it; one from 1,000,000 on if left out."""
    restrictions: dict[Annotated[str, AfterValidator(_restriction)], bool] = {}
    """What the exchange tells otherwise of what the API key may do, in its own words: { enableWithdrawals = true }."""

    @field_validator("balances")
    @classmethod
    def _balances_fit(cls, balances: dict[str, Decimal]) -> dict[str, Decimal]:
        problems = [
            f"{asset} is more than can be counted: {amount}"
            for asset, amount in balances.items()
            if (scaled(amount, DECIMALS) or 0) > INT64_MAX
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return balances

    @field_validator("public_key")
    @classmethod
    def _one_way_to_sign(cls, public_key: str | None, info: Any) -> str | None:
        if public_key is not None and info.data.get("api_secret") is not None:
            raise ValueError("stands beside api_secret; give one of the two")
        return public_key


class FilterSettings(Table):
    """`[filters.COIN]`: what stands in for the recording's filters. A price step is the recording's: its prices lie on it."""

    lot: Limit | None = None
    """The step of amounts, in the base asset."""
    min_notional: Money | None = None
    """What an order must be worth at least, in the quote asset."""
    price_up: Factor | None = None
    """How many times the market's price a limit price may be at most; it needs price_down."""
    price_down: Factor | None = None
    """How many times the market's price a limit price must be at least."""
    max_orders: Count | None = None
    """How many orders of the coin may be open at a time."""
    max_stops: Count | None = None
    """How many of them may wait for a trigger."""

    @field_validator("price_down")
    @classmethod
    def _both_ends(cls, price_down: Decimal | None, info: Any) -> Decimal | None:
        price_up = info.data.get("price_up")
        if price_up is not None and price_down is not None and price_down >= price_up:
            raise ValueError(f"should be below price_up, {price_up}, not {shown(price_down)}")
        return price_down

    def applied(self, its: Instrument) -> Instrument:
        """Return an instrument with these filters."""
        changes: dict[str, int] = {}
        for name in ("lot", "min_notional", "price_up", "price_down"):
            value = getattr(self, name)
            if value is not None:
                changes[name] = scaled(value, DECIMALS) or 0
        for name in ("max_orders", "max_stops"):
            if getattr(self, name) is not None:
                changes[name] = getattr(self, name)
        return msgspec.structs.replace(its, **changes)


class LimitSettings(Table):
    """`[limits]`: how much clients may ask, counted by the wall's time."""

    weight_per_minute: Count = 6_000
    """The request weights of a minute."""
    requests_per_5_minutes: Count = 300_000
    """The requests of five minutes, whatever they weigh."""
    orders_per_10_seconds: Count = 100
    """An account's unfilled orders of ten seconds."""
    orders_per_day: Count = 200_000
    """An account's unfilled orders of a day."""
    patience: Count = 10
    """How many requests may still come after one was refused with 429; then all are with 418, for two minutes or longer."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The limits as exchangeInfo tells them."""
        return (
            Rule(WEIGHT, "MINUTE", 1, self.weight_per_minute),
            Rule(ORDERS, "SECOND", 10, self.orders_per_10_seconds),
            Rule(ORDERS, "DAY", 1, self.orders_per_day),
            Rule(REQUESTS, "MINUTE", 5, self.requests_per_5_minutes),
        )


class ConnectionSettings(Table):
    """`[connections]`: how WebSocket connections are held, in seconds of the wall's time."""

    life_s: Seconds = 86_400.0
    """How long one lasts; the exchange ends each after a day."""
    ping_s: Seconds = 20.0
    """How often it is pinged."""
    pong_s: Seconds = 60.0
    """How soon a ping must be answered."""


class SettingsTables(Table):
    """The whole of a rehearsal's settings."""

    recording: Word
    """A recording's folder, looked for beside the settings, in the current folder, the user's data folder and the package."""
    coins: Coins | None = None
    """The symbols of the exchange; all of the recording if left out."""
    begin: Time | None = None
    """When in the recording the exchange opens; if left out 1,000 bars after its start, or after a quarter of it."""
    speed: Speed = 1.0
    """How many seconds of the market pass in one of the wall; 0 is a market that stands still until it is moved by hand."""
    loop: bool = False
    """Whether the recording begins anew at its end, its times going on."""
    now: bool = False
    """Whether the recording is told as if it happened now, by whole weeks, days or bars later than it did."""
    seed: Annotated[int, Field(ge=0, le=INT64_MAX)] = 0
    """What the path inside bars and the sizes in the book are drawn with."""
    check_timestamps: bool | None = None
    """Whether a request's timestamp is judged by the exchange's time; if left out only at speed 1, as clients can follow it."""
    fills: FillsConfig = Field(default_factory=FillsConfig)
    accounts: Annotated[tuple[AccountSettings, ...], BeforeValidator(_accounts)] = (AccountSettings(),)
    filters: dict[Word, FilterSettings] = {}
    limits: LimitSettings = Field(default_factory=LimitSettings)
    connections: ConnectionSettings = Field(default_factory=ConnectionSettings)

    @field_validator("accounts")
    @classmethod
    def _each_its_own(cls, accounts: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
        for what, named in (("name", "names"), ("api_key", "API keys")):
            given = [its for account in accounts if (its := getattr(account, what)) is not None]
            if len(set(given)) < len(given):
                raise ValueError(f"should have {named} of their own; give each another {what}")
        return accounts


class RehearsalSettings(SettingsTables):
    """A rehearsal as it is set. Immutable. Made by `load_settings`, `parse_settings` or `from_dict`."""

    _beside: Path | None = PrivateAttr(default=None)

    @property
    def beside(self) -> Path | None:
        """The folder of the settings' file, where the recording is looked for first; None without a file."""
        return self._beside

    @property
    def judges_time(self) -> bool:
        """Whether a request's timestamp is judged."""
        return self.speed == 1 if self.check_timestamps is None else self.check_timestamps

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> RehearsalSettings:
        """Return the settings that nested dicts describe; raises ConfigError with every mistake."""
        return _checked(dict(tables), {}, "settings")


def are_settings(path: str | Path) -> bool:
    """Return whether a TOML file is a rehearsal's and no session's: it has a key that only a rehearsal knows."""
    tables = parse_toml(read_file(Path(path)), str(path))
    return bool(tables.keys() & (SettingsTables.model_fields.keys() - SessionTables.model_fields.keys()))


def load_settings(path: str | Path, changes: Mapping[str, Any] | None = None) -> RehearsalSettings:
    """Return the settings in a TOML file, `changes` to its keys made; raises ConfigError with every mistake and its line."""
    path = Path(path)
    return parse_settings(read_file(path), str(path), changes, beside=path.absolute().parent)


def parse_settings(
    text: str, source: str = "settings", changes: Mapping[str, Any] | None = None, *, beside: Path | None = None
) -> RehearsalSettings:
    """Return the settings in a TOML text, `changes` to its keys made; raises ConfigError with every mistake and its place."""
    raw = parse_toml(text, source) | dict(changes or {})
    places = {path: f"{source}:{line}" for path, line in key_lines(text).items()}
    places |= {(key,): f"--{key}" for key in changes or {}}
    return _checked(raw, places, source, beside)


def _checked(raw: dict[str, Any], places: Mapping[KeyPath, str], source: str, beside: Path | None = None) -> RehearsalSettings:
    settings = check(RehearsalSettings, SettingsTables, raw, places, source, guide=GUIDE)
    settings._beside = beside
    return settings
