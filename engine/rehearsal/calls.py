"""What the exchange can be asked to do, a request for it, and the reply; the same for REST and for the WebSocket API."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from engine.model import Timestamp
from engine.rehearsal.errors import error
from engine.rehearsal.limits import Exceeded, Usage
from engine.rehearsal.params import SYMBOL, Params

if TYPE_CHECKING:
    from engine.rehearsal.accounts import Account
    from engine.rehearsal.desk import Desk
    from engine.rehearsal.market import CoinMarket
    from engine.rehearsal.office import Office
    from engine.rehearsal.venue import Venue

MILLISECOND, MICROSECOND = 1_000_000, 1_000
"""Units a client can want its times in, as ns."""


class Security(Enum):
    """What a request must show: nothing, an API key, or a signature made with it."""

    NONE = "NONE"
    KEY = "USER_STREAM"
    SIGNED = "TRADE"


class Operation(NamedTuple):
    """Something the exchange can be asked to do: `run` answers a call with what can be told as JSON, or raises ApiError.

    `takes` names its parameters. `weight` is what it costs; nothing where it `succeeds_free` and succeeds. `orders` is how many
    unfilled orders it counts for.
    """

    name: str
    run: Callable[[Call], Any]
    takes: frozenset[str]
    security: Security
    weight: int | Callable[[Params], int]
    orders: int
    succeeds_free: bool


def operation(
    takes: str = "",
    *,
    security: Security = Security.NONE,
    weight: int | Callable[[Params], int] = 1,
    orders: int = 0,
    succeeds_free: bool = False,
) -> Callable[[Callable[[Call], Any]], Operation]:
    """Make an operation of the function that is decorated; `takes` names its parameters, apart from those of a signature."""
    names = takes.split()
    if security is not Security.NONE:
        names += ("timestamp", "recvWindow", "signature", "apiKey")

    def declare(run: Callable[[Call], Any]) -> Operation:
        return Operation(run.__name__, run, frozenset(names), security, weight, orders, succeeds_free)

    return declare


class Call(msgspec.Struct, kw_only=True):
    """A request: `door` and `name` tell where it came in ("rest", "POST /api/v3/order"; "ws-api", "order.place").

    `signed` are the bytes its signature is of. `account` is whose it is: known from the start where a session has logged on,
    else from its `key`. It is answered as of `now`, and a query as of `lag` ns before, as by a replica. `excess` is why it may
    place no order, though it goes on.
    """

    office: Office
    operation: Operation
    params: Params
    door: str
    name: str
    key: str = ""
    signed: bytes = b""
    signature: str = ""
    account: Account | None = None
    unit: int = MILLISECOND
    now: Timestamp = 0
    lag: int = 0
    excess: Exceeded | None = None

    @property
    def venue(self) -> Venue:
        """The exchange."""
        return self.office.venue

    @property
    def clock(self) -> Timestamp:
        """The time that the exchange tells and judges by: now, unless its clock is wrong."""
        return self.now + self.office.skew(self.now)

    @property
    def owner(self) -> Account:
        """The account whose call it is."""
        if self.account is None:
            raise error(-1002)
        return self.account

    @property
    def desk(self) -> Desk:
        """Its desk."""
        return self.owner.desk

    @property
    def at(self) -> Timestamp | None:
        """As of when a query is to be answered; None is now."""
        return self.now - self.lag if self.lag else None

    def time(self, at: Timestamp) -> int:
        """Return a time in the unit that is wanted; -1 where there is none."""
        return at // self.unit if at >= 0 else -1

    def moment(self, name: str) -> Timestamp | None:
        """Return a parameter that is a time, sent in ms or µs."""
        number = self.params.whole(name)
        return None if number is None else instant(number)

    def coin(self) -> int:
        """Return the number of the coin that `symbol` names."""
        if self.params.matching("symbol", SYMBOL) is None:
            raise error(-1102, "symbol")
        return self.index(self.params.texts["symbol"])

    def coins(self) -> list[CoinMarket]:
        """Return the coins that `symbol` or `symbols` names, all where neither does."""
        market = self.office.venue.market
        if "symbol" in self.params:
            return [market.coins[self.coin()]]
        names = self.params.list("symbols")
        if names is None:
            return market.coins
        if len(set(names)) < len(names):
            raise error(-1151)
        return [market.coins[self.index(name)] for name in names]

    def index(self, symbol: str) -> int:
        """Return the number of a coin."""
        n = self.office.venue.market.index.get(symbol)
        if n is None:
            raise error(-1121)
        return n


class Reply(msgspec.Struct, kw_only=True):
    """What a call is answered: `body` is told as JSON, or is sent as it is where it is bytes.

    `used` is what the limits have counted. The client is to wait `retry_s` seconds where it asked too much. `media` is what
    HTTP calls the body. One that is `lost` never arrives, as the connection drops.
    """

    status: int
    body: Any
    used: tuple[Usage, ...] = ()
    retry_s: int = 0
    media: str = "application/json;charset=UTF-8"
    lost: bool = False


def instant(number: int) -> Timestamp:
    """Return a time that a client told in ms or in µs, in ns."""
    return number * (MICROSECOND if number >= 10**14 else MILLISECOND)


def time_unit(word: str | None) -> int:
    """Return the ns of the unit a client wants its times in, ms if it names none; raises ApiError for any but ms and µs."""
    match (word or "MILLISECOND").upper():
        case "MILLISECOND":
            return MILLISECOND
        case "MICROSECOND":
            return MICROSECOND
    raise error(-1194)
