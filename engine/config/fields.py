"""The fields of configs: what may stand in each, as types that check it, and the base of every table."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from engine.config.quantities import basis_points, limit, money, percent, share, shown, speed
from engine.model import INTERVALS
from engine.params import did_you_mean

MODES = ("replay", "paper", "rehearsal", "testnet", "demo", "live")
TRADING = MODES[2:]
"""The modes whose orders go to an exchange."""


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
    if value not in MODES:
        raise ValueError(f"is {shown(value)}, which is no mode{did_you_mean(str(value), MODES)}; one of {', '.join(MODES)}")
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


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _tables(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"should be a list of tables; head each with [[{info.field_name}]]")
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
ClassName = Annotated[Word, AfterValidator(_class_name)]
FeatureName = Annotated[Word, AfterValidator(_feature_name)]
Interval = Annotated[Word, AfterValidator(_interval)]
Moment = Annotated[Word, AfterValidator(_moment)]
Mode = Annotated[Literal["replay", "paper", "rehearsal", "testnet", "demo", "live"], BeforeValidator(_mode)]
Listed = BeforeValidator(_listed)
"""Lets a list stand for a tuple."""
Tables = BeforeValidator(_tables)
"""Lets a list of tables stand for a tuple of them."""
Speed = Annotated[Decimal, BeforeValidator(speed)]
Share = Annotated[Decimal, BeforeValidator(share)]
Params = dict[Annotated[str, AfterValidator(_param_name)], Annotated[Any, BeforeValidator(_param)]]


class Table(BaseModel):
    """Base of every table: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)
