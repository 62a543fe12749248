"""Rows: what reports are made of, cut to what a screen shows."""

from __future__ import annotations

import msgspec


class CoinInfo(msgspec.Struct, frozen=True):
    """A coin of the session: assets, exchange filters as decimal text, and its gaps as (start ns, end ns)."""

    coin: str
    base: str
    quote: str
    tick: str
    lot: str
    min_notional: str
    gaps: list[tuple[int, int]]


class Param(msgspec.Struct, frozen=True):
    """A strategy parameter: its name, type and value as text."""

    name: str
    type: str
    value: str


class TradeInfo(msgspec.Struct, frozen=True):
    """Where real orders go: the environment, which account (its key's first letters), what may be spent of it at most, in the
    session's currency, whether arming asks for that amount to be typed, what becomes of orders when the deck is lost, and
    what is to be known of the account before trading on it.
    """

    environment: str
    account: str
    at_risk: str
    typed: bool
    on_ui_lost: str
    warnings: list[str]


class WatchRow(msgspec.Struct, frozen=True):
    """A coin's line in the watchlist; `change_pct` is over 24 h of market time, `age_s` the time since its last bar."""

    coin: str
    price: float
    change_pct: float
    volume_24h: float
    age_s: float


class Chart(msgspec.Struct, frozen=True):
    """The last bars of the watched coin up to the cursor: columns of equal length, oldest first.

    `overlays` holds the features that live on the price scale (NaN while warming up) and `marks` the coin's fills in view, as
    (bar index in these columns, side, price).
    """

    coin: str
    time: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
    overlays: dict[str, list[float]]
    marks: list[tuple[int, str, float]]


class FeatureRow(msgspec.Struct, frozen=True):
    """A feature of the watched coin: value now (NaN while warming up), bars left until warm, recent values for a sparkline."""

    name: str
    value: float
    warmup_left: int
    recent: list[float]


class OrderRow(msgspec.Struct, frozen=True):
    """An open order, or an exit that waits for its entry; `bars` is how long it has been open.

    `price` is its limit, `stop` its trigger, for which it `waits` first; `away_pct` is how far the market is from the one it
    waits for. `entry` is the order it is to close, `pair` the one that ends with it; `change` is what it allows: "any", "less"
    of its amount, or "" nothing.
    """

    id: int
    coin: str
    side: str
    type: str
    amount: str
    filled: str
    price: str | None
    stop: str | None
    waits: bool
    trail_bps: int | None
    tif: str
    entry: int | None
    pair: int | None
    change: str
    status: str
    by: str
    bars: int
    away_pct: float
    reason: str
    stage: str = ""
    """How a real order stands, in the exchange's word or INTENT, SENT, UNKNOWN, CANCEL_SENT; "" for a simulated one."""
    age_s: float = 0.0
    """For how long it has stood so."""


class PositionRow(msgspec.Struct, frozen=True):
    """What the strategy holds of a coin; amounts in base units, money in quote currency; dust is too little to be sold."""

    coin: str
    amount: str
    sellable: str
    dust: bool
    entry_price: float
    mark: float
    value: float
    unrealized: float
    unrealized_pct: float


class BalanceRow(msgspec.Struct, frozen=True):
    """An asset of the account, exact."""

    asset: str
    free: str
    locked: str


class Account(msgspec.Struct, frozen=True):
    """The account at the cursor, told in the session's currency."""

    equity: float
    return_pct: float
    drawdown_pct: float
    fees: float
    balances: list[BalanceRow]


class FeedCoin(msgspec.Struct, frozen=True):
    """How a live coin's data fares: how old it is, by how much it was late, whether that is too old; `status` is what may be
    done with the coin, in the exchange's word.
    """

    coin: str
    age_s: float
    lag_ms: float
    stale: bool
    status: str = "TRADING"


class FeedRow(msgspec.Struct, frozen=True):
    """How a live feed fares: its coins; whether its socket is up and how often it came back; bad frames; bars that came late
    and holes that stayed; what of the exchange's weight is used and what requests wait for ("" for nothing); by how much this
    machine's clock is ahead; why nothing is recorded any more ("" while it is).
    """

    coins: list[FeedCoin]
    alive: bool
    reconnects: int
    bad: int
    late: int
    gaps: int
    weight: int
    weight_limit: int
    waits_for: str
    offset_ms: float
    messages: int
    failure: str


class ExternalRow(msgspec.Struct, frozen=True):
    """An open order of the account that did not come from here: shown, and left alone."""

    order_id: int
    coin: str
    side: str
    type: str
    amount: str
    filled: str
    price: str


class TradeRow(msgspec.Struct, frozen=True):
    """How trading fares: why no order may go out ("" where it may); whether orders, trades and balances have been asked for,
    and how long ago; whether the account's stream is up, how old its last word is and how often it came back; orders nobody
    knows the fate of, and for how long; requests without an answer yet; orders sent in 10 s and how many may be.
    """

    disarmed: str
    reconciled: bool
    reconciled_age_s: float
    alive: bool
    age_s: float
    reconnects: int
    unknown: int
    unknown_age_s: float
    out: int
    orders_10s: int
    orders_limit: int
    externals: list[ExternalRow]


class FillRow(msgspec.Struct, frozen=True):
    """A fill, exact as in `--fills`."""

    n: int
    step: int
    time: int
    coin: str
    side: str
    amount: str
    price: str
    fee: str
    fee_asset: str
    order_id: int
    cash: str
    position: str


class SignalRow(msgspec.Struct, frozen=True):
    """A signal with its reason and what became of it (ordered, already working, refused: why)."""

    n: int
    step: int
    time: int
    coin: str
    kind: str
    reason: str
    outcome: str


class LogLine(msgspec.Struct, frozen=True):
    """A line for the log: level is info, warning or error."""

    time: int
    level: str
    text: str


class JournalRow(msgspec.Struct, frozen=True):
    """An entry of the journal: its number, when it was written (ns of the wall), what it tells of which order, in words."""

    seq: int
    time: int
    what: str
    order: int
    text: str


class BranchRow(msgspec.Struct, frozen=True):
    """A branch: the one it parts from ("" for none) and the step after which it does, where it was left, how far it went."""

    name: str
    parent: str
    step: int
    at: int
    head: int


class Bookmark(msgspec.Struct, frozen=True):
    """A note on a step."""

    step: int
    text: str


class TripRow(msgspec.Struct, frozen=True):
    """A round trip: bought at one step, sold at another, and what that brought in the session's currency."""

    coin: str
    entry_step: int
    exit_step: int
    amount: float
    entry_price: float
    exit_price: float
    profit: float


class Wanted(msgspec.Struct, frozen=True):
    """A recording that is not there: its name, and what coins the config wants of it (none where it takes all)."""

    name: str
    coins: list[str]
