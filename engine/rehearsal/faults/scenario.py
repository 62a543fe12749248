"""A scenario of faults, as validated models; the fields' docstrings are the reference of its TOML's keys."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from engine.config.checking import check
from engine.config.fields import Count, Money, Table, Tables, Word
from engine.config.quantities import exact, shown
from engine.config.text import key_lines, parse_toml, read_file
from engine.exact import INT64_MAX
from engine.rehearsal.errors import TEXTS
from engine.rehearsal.settings import FilterSettings

GUIDE = "docs/rehearsal.md"


def _number(value: Any) -> float:
    number = float(exact(value))
    if not math.isfinite(number):
        raise ValueError(f"should be a number, not {shown(value)}")
    return number


def _seconds(value: Any) -> float:
    number = _number(value)
    if not 0 <= number < 1e9:
        raise ValueError(f"should be a number of seconds, 0 or more, not {shown(value)}")
    return number


def _chance(value: Any) -> float:
    number = _number(value)
    if not 0 < number <= 1:
        raise ValueError(f"should be above 0 and at most 1, not {shown(value)}")
    return number


def _order(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("should be a table of an order's parameters, as the exchange names them")
    return {name: format(its, "f") if isinstance(its, Decimal) else str(its) for name, its in value.items()}


Number = Annotated[float, BeforeValidator(_number)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
Chance = Annotated[float, BeforeValidator(_chance)]
Edits = dict[Word, Any]
Shifts = dict[Word, int]
CloseCode = Annotated[int, Field(ge=1000, le=4999)]


class Chosen(Table):
    """What a fault is chosen by. Of several that are chosen the first acts."""

    of: Word = "*"
    """What it happens to, by name; `*` in it stands for anything."""
    client_id: Word | None = None
    """Only what has to do with an order of this client id; `*` as above."""
    nth: Count = 1
    """From which on of those that are so."""
    times: Count | None = None
    """How often; without end if left out."""
    lasts_s: Seconds | None = None
    """How long it goes on after it first happened, in seconds of the wall; without end if left out."""
    chance: Chance = 1.0
    """How likely it happens each time, above 0 to 1."""


class RequestFault(Chosen):
    """`[[requests]]`: what becomes of a request.

    `of` names a route of REST ("POST /api/v3/order"), a method of the WebSocket API ("order.place"), or what both come to
    ("place").
    """

    before_s: Seconds = 0.0
    """How many seconds of the wall it is on its way; what it then does is done at that moment."""
    after_s: Seconds = 0.0
    """How many seconds of the wall its reply is on its way."""
    lose: Literal["request", "reply"] | None = None
    """Whether the connection drops before it is done, or before the reply."""
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """The HTTP status that is answered in place of what is so."""
    code: int | None = None
    """The exchange's error code that is answered in place of what is so."""
    msg: str | None = None
    """The error's text, in place of the exchange's own."""
    body: str | None = None
    """The body that is answered in place of what is so, as it stands; one that begins with < is HTML."""
    retry_s: Annotated[int, Field(ge=0, le=10**6)] = 0
    """How many seconds the client is told to wait, beside `status` or `code`."""
    accepted: bool = False
    """Where something else is answered: whether what was asked for is done all the same."""
    cut: Annotated[int, Field(ge=0, le=10**6)] | None = None
    """How many bytes of the reply arrive."""
    set: Edits = {}
    """What the reply tells in place of what is so, by key; `a.b` is b in a, of each where there are several."""
    add: Shifts = {}
    """What is added to numbers of the reply, by key."""
    lag_s: Seconds = 0.0
    """How many seconds of the market before now the exchange seems to be, to a query: what a replica that lags answers."""

    @field_validator("msg")
    @classmethod
    def _text_is_known(cls, msg: str | None, info: Any) -> str | None:
        code = info.data.get("code")
        if msg is not None and code is None:
            raise ValueError("goes with a code")
        return msg

    @field_validator("code")
    @classmethod
    def _code_is_known(cls, code: int | None) -> int | None:
        if code is not None and code >= 0:
            raise ValueError(f"should be one of the exchange's, which are below 0, not {code}")
        return code

    @property
    def replaces(self) -> bool:
        """Whether something else is answered."""
        return self.status is not None or self.code is not None or self.body is not None

    @property
    def words(self) -> str:
        """The text that goes with the code."""
        return self.msg if self.msg is not None else TEXTS.get(self.code or 0, ("",))[0]


class FrameFault(Chosen):
    """`[[frames]]`: what becomes of a frame of a WebSocket connection.

    `of` names a stream ("btcusdt@depth"), an event of an account ("executionReport"), the method that is answered
    ("order.place"), or "open", the connection itself, which is refused where it has no copies.
    """

    path: Word = "*"
    """Only on connections to this path, such as /ws-api/v3."""
    copies: Annotated[int, Field(ge=0, le=10**6)] = 1
    """How often it arrives; 0 is lost."""
    behind: Annotated[int, Field(ge=0, le=10**6)] = 0
    """Behind how many later ones it arrives."""
    delay_s: Seconds = 0.0
    """How many seconds of the wall later it arrives."""
    set: Edits = {}
    """What it tells in place of what is so, by key."""
    add: Shifts = {}
    """What is added to its numbers, by key."""
    pad: Annotated[int, Field(ge=0, le=10**8)] = 0
    """How many bytes longer it is made, by blanks."""
    then: str = ""
    """A text that is sent after it."""
    close: CloseCode | None = None
    """The code the connection ends with after it; 1006 for an end without a word."""
    freeze: bool = False
    """Whether the connection stays open after it, but says nothing more."""


class Happening(Table):
    """`[[happenings]]`: what happens of itself, at a time."""

    at_s: Seconds = 0.0
    """How many seconds of the market after the opening."""
    coin: Word | None = None
    """The symbol that `status`, `filters` and `cancel` are of."""
    status: Literal["TRADING", "HALT", "BREAK", "CANCEL_ONLY"] | None = None
    """What may be done with the symbol from now on."""
    filters: FilterSettings | None = None
    """The symbol's filters from now on; those left out stay."""
    account: Word = "main"
    """The account that is meant below."""
    order: Annotated[dict[str, str], BeforeValidator(_order)] = {}
    """An order that the account's holder places by other means, as the exchange names its parameters."""
    cancel: bool = False
    """Whether the account's open orders are cancelled by other means: those of the coin, or all."""
    deposit: dict[Word, Money] = {}
    """What comes into the account, by asset."""
    withdraw: dict[Word, Money] = {}
    """What leaves the account, by asset; nothing does where it is not free."""
    clock_s: Number = 0.0
    """How many seconds the time that the exchange tells and judges by jumps, back where below 0."""
    drift: Number | None = None
    """How many seconds a second that time goes wrong from now on."""
    close: CloseCode | None = None
    """The code that every WebSocket connection ends with; 1006 for an end without a word."""
    shutdown: bool = False
    """Whether every WebSocket connection is told that the server shuts down, and ended; new ones are taken."""

    @field_validator("filters")
    @classmethod
    def _of_a_coin(cls, its: Any, info: Any) -> Any:
        if its is not None and info.data.get("coin") is None:
            raise ValueError("needs a coin beside it")
        return its

    @field_validator("status")
    @classmethod
    def _status_of_a_coin(cls, its: Any, info: Any) -> Any:
        return cls._of_a_coin(its, info)


class Scenario(Table):
    """All that is to go wrong. Immutable."""

    seed: Annotated[int, Field(ge=0, le=INT64_MAX)] = 0
    """What chances are drawn with."""
    requests: Annotated[tuple[RequestFault, ...], Tables] = ()
    frames: Annotated[tuple[FrameFault, ...], Tables] = ()
    happenings: Annotated[tuple[Happening, ...], Tables] = ()


def load_scenario(path: str | Path) -> Scenario:
    """Return the scenario in a TOML file; raises ConfigError with every mistake and its line."""
    source = str(path)
    text = read_file(Path(path))
    raw = parse_toml(text, source)
    places = {key: f"{source}:{line}" for key, line in key_lines(text).items()}
    return check(Scenario, Scenario, raw, places, source, guide=GUIDE)
