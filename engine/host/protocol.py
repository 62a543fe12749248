"""What the deck and the engine host say to each other: typed commands in, conflated frames and reliable events out.

Messages are msgpack with a 4-byte big-endian length before each. Frames are conflated, the latest wins; everything else arrives
once and in order. Amounts of money that come from the ledger travel as exact decimal text, what is only drawn as float.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from engine.errors import HostError

VERSION = 3
LOADING = "loading the engine; compiling it once takes some seconds"
FRAMES_PER_SECOND = 10
SIGN_OF_LIFE = 1.0
"""While time runs, and after any command, a frame comes within this many seconds: a host silent for longer is stuck."""
SPEEDS: tuple[float, ...] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 0)
"""Replay speeds in bars a second, slow to fast; 0 is as fast as it goes."""


class Message(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """Base of every message."""


# Deck to host


class Play(Message, frozen=True):
    """Run on at the set speed until paused or at the end."""


class Pause(Message, frozen=True):
    """Stop after the step under way."""


class Step(Message, frozen=True):
    """Pause, then step forward n bars."""

    n: int = 1


class RunToEnd(Message, frozen=True):
    """Run to the end of the recording as fast as it goes; Pause stops it."""


class SetSpeed(Message, frozen=True):
    """Set the speed in bars a second; 0 is as fast as it goes."""

    speed: float


class Watch(Message, frozen=True):
    """Which coin the chart shows, and how many bars of it up to the cursor."""

    coin: str
    bars: int


class PlaceOrder(Message, frozen=True):
    """An order by hand: amount in base units and prices as typed; `type` is an OrderType's value, `id` names the reply.

    A trail is in basis points. The last three are what is to follow a buy.
    """

    id: int
    coin: str
    side: str
    type: str
    amount: str
    price: str | None = None
    stop: str | None = None
    trail_bps: int | None = None
    tif: str = "GTC"
    stop_loss: str | None = None
    take_profit: str | None = None
    trailing_stop_bps: int | None = None


class PlaceOco(Message, frozen=True):
    """A pair by hand, of which the first to act cancels the other: a maker order at `price`, and a stop."""

    id: int
    coin: str
    side: str
    amount: str
    price: str
    stop: str | None = None
    stop_limit: str | None = None
    trail_bps: int | None = None


class AmendOrder(Message, frozen=True):
    """Reduce an open order by hand to `amount` in all; it keeps its place."""

    id: int
    order_id: int
    amount: str


class ReplaceOrder(Message, frozen=True):
    """Put another order in an open one's stead by hand; `amount` is in all, what the first has filled included."""

    id: int
    order_id: int
    amount: str
    price: str | None = None
    stop: str | None = None


class CancelOrder(Message, frozen=True):
    """Cancel one order by hand."""

    id: int
    order_id: int


class CancelAll(Message, frozen=True):
    """Cancel every open order by hand, of one coin or of all."""

    id: int
    coin: str | None = None


class Arm(Message, frozen=True):
    """Let real orders out; `typed` is the amount at risk as a person typed it, "" where the mode asks for none."""

    id: int
    typed: str = ""


class Disarm(Message, frozen=True):
    """Keep new orders in; those that are out stay."""

    id: int


class Halt(Message, frozen=True):
    """The kill switch: keep new orders in, cancel every own order, and sell what is held where `flatten`."""

    id: int
    flatten: bool = False


class StepBack(Message, frozen=True):
    """Pause, then go back n bars, the whole world with it."""

    n: int = 1


class Seek(Message, frozen=True):
    """Pause, then go to a step, a time (ISO 8601, UTC where it says nothing), or on or back: "5000", "+100" bars, "-1h"."""

    id: int
    to: str


class RunUntil(Message, frozen=True):
    """Go on, or `back`, to where a condition next comes true, of one coin or of any; without a text, to the next breakpoint."""

    id: int
    text: str = ""
    coin: str = ""
    back: bool = False


class BreakpointRow(msgspec.Struct, frozen=True):
    """A condition that time stops at, of one coin or of any; `name` is what it is called, "" for its text."""

    text: str
    name: str = ""
    coin: str = ""
    enabled: bool = True


class SetBreakpoints(Message, frozen=True):
    """These breakpoints in place of those there are; answered by a reply that tells where one cannot be read."""

    id: int
    breakpoints: list[BreakpointRow]


class Complete(Message, frozen=True):
    """What the word before the cursor of a condition could become; answered by Completions."""

    id: int
    text: str
    cursor: int


class AskWhy(Message, frozen=True):
    """Why a step, counted as in fills and signals from 0, went as it did; -1 is the one just done. Answered by WhyReport."""

    id: int
    step: int = -1


class SetParameters(Message, frozen=True):
    """Give the strategy other parameters from the next step on, values as typed; what lay ahead becomes another branch."""

    id: int
    values: dict[str, str]


class Reload(Message, frozen=True):
    """Read the strategy's file again and fly it from the start to here: a branch, told what changed."""

    id: int


class BranchOff(Message, frozen=True):
    """Begin another future here; "" names it by its number."""

    id: int
    name: str = ""


class SwitchBranch(Message, frozen=True):
    """Fly another branch, where it was left."""

    id: int
    name: str


class RenameBranch(Message, frozen=True):
    """Give a branch another name."""

    id: int
    old: str
    new: str


class RemoveBranch(Message, frozen=True):
    """Forget a branch that is not flown."""

    id: int
    name: str


class CompareBranches(Message, frozen=True):
    """Hold two branches against each other; answered by BranchReport."""

    id: int
    one: str
    other: str


class SetBookmark(Message, frozen=True):
    """Keep a note on a step, or forget it with ""."""

    id: int
    step: int
    text: str


class SaveSession(Message, frozen=True):
    """Save the session in a file; "" is the one it was opened from or saved in last."""

    id: int
    path: str = ""


class Shutdown(Message, frozen=True):
    """End the host; one that trades treats its orders as if the deck were lost."""


HandCommand = PlaceOrder | PlaceOco | AmendOrder | ReplaceOrder | CancelOrder | CancelAll
TradeCommand = Arm | Disarm | Halt
BranchCommand = BranchOff | SwitchBranch | RenameBranch | RemoveBranch | CompareBranches
AskCommand = Complete | AskWhy | SetBreakpoints | SetBookmark | SaveSession
TravelCommand = StepBack | Seek | RunUntil | SetParameters | Reload | BranchCommand | AskCommand
Command = Play | Pause | Step | RunToEnd | SetSpeed | Watch | HandCommand | TradeCommand | TravelCommand | Shutdown


# Host to deck


class Progress(Message, frozen=True):
    """A line for the start-up screen: what the host is doing (opening, compiling, computing features)."""

    text: str


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


class Hello(Message, frozen=True):
    """What is flown, sent when the host is ready, to each deck that comes; `trade` is None where orders are simulated."""

    version: int
    mode: str
    recording: str
    synthetic: bool
    spot: bool
    coins: list[CoinInfo]
    interval: str
    strategy: str
    params: list[Param]
    features: list[str]
    fill_rules: list[str]
    currency: str
    start: int
    end: int
    steps: int
    gaps: list[tuple[float, float]]
    """Where no coin has data, as fractions 0..1 of the transport bar."""
    trade: TradeInfo | None = None


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


class Frame(Message, frozen=True):
    """The world at the cursor; the latest frame replaces every earlier one.

    `step` counts steps done (0 before the first bar), `time` is the cursor's market time in ns, `ts` the host's wall clock
    (`time.time_ns()`) when the frame was made; the answer to a command that moves something is a frame at once, not one
    at the next tenth of a second. `rate` the measured steps a second, `halted` why the strategy stands still ("" while it
    flies), `stopped` why nothing may be bought ("" while it may), be it for this UTC day only; `feed` is None on a replay,
    `trade` where orders are simulated.
    """

    seq: int
    ts: int
    step: int
    time: int
    playing: bool
    at_end: bool
    speed: float
    rate: float
    halted: str
    stopped: str
    stopped_today: bool
    watch: list[WatchRow]
    chart: Chart
    features: list[FeatureRow]
    positions: list[PositionRow]
    orders: list[OrderRow]
    account: Account
    n_fills: int
    n_orders: int
    n_signals: int
    feed: FeedRow | None = None
    trade: TradeRow | None = None
    head: int = 0
    """Steps of this branch flown so far: `step` is behind it where time was gone back in."""


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


class Events(Message, frozen=True):
    """What happened since the last Events, oldest first.

    Where very much did, only the newest of each kind with their numbers n. A deck that comes to a flight under way is told
    the newest of each kind first.
    """

    fills: list[FillRow]
    signals: list[SignalRow]
    log: list[LogLine]
    journal: list[JournalRow] = []


class Rewound(Message, frozen=True):
    """Fills and signals told so far are no longer what happened; those that come next are, the newest up to the cursor."""


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


class Travels(Message, frozen=True):
    """What a replay knows of its own time, told when it changes: the branches and which is flown, breakpoints and which stopped
    last, notes, the steps at which something was done by hand, parameters and features as they are, the session's file ("" for
    none yet), and a session that was left unsaved and can be taken up again ("" for none), in words.
    """

    branch: str
    branches: list[BranchRow]
    breakpoints: list[BreakpointRow]
    stopped_by: str
    bookmarks: list[Bookmark]
    inputs: list[int]
    strategy: str
    params: list[Param]
    path: str
    unsaved: str
    unsaved_path: str


class Completions(Message, frozen=True):
    """What could stand from the character `start` up to the cursor, the likeliest first."""

    id: int
    start: int
    words: list[str]


class WhyReport(Message, frozen=True):
    """Why a step went as it did, as lines to read, indented under their heads; the orders and fills of it by their numbers."""

    id: int
    step: int
    time: int
    lines: list[str]


class TripRow(msgspec.Struct, frozen=True):
    """A round trip: bought at one step, sold at another, and what that brought in the session's currency."""

    coin: str
    entry_step: int
    exit_step: int
    amount: float
    entry_price: float
    exit_price: float
    profit: float


class BranchReport(Message, frozen=True):
    """Two branches side by side up to a step: the first at which they differ (-1 for none), the equity of each over time,
    thinned, the round trips only one has, and each statistic of both.
    """

    id: int
    one: str
    other: str
    until: int
    parts: int
    times: list[int]
    equity_one: list[float]
    equity_other: list[float]
    only_one: list[TripRow]
    only_other: list[TripRow]
    stats: list[tuple[str, float, float]]


class Reply(Message, frozen=True):
    """The answer to a command that has an id and no answer of its own: text for a toast."""

    id: int
    ok: bool
    text: str


class Wanted(msgspec.Struct, frozen=True):
    """A recording that is not there: its name, and what coins the config wants of it (none where it takes all)."""

    name: str
    coins: list[str]


class Failure(Message, frozen=True):
    """An error to show as a panel; fatal ones end the host. `wanted` is what to download, where that would mend it."""

    title: str
    message: str
    hint: str
    fatal: bool
    wanted: Wanted | None = None


Report = Progress | Hello | Frame | Events | Reply | Failure | Rewound | Travels | Completions | WhyReport | BranchReport

_LENGTH = struct.Struct(">I")
MAX_MESSAGE = 64 * 1024 * 1024
_encoder = msgspec.msgpack.Encoder()


def pack(message: Message) -> bytes:
    """Return the message as it goes on the wire, length first."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Reader:
    """Cuts a byte stream into messages of a kind (`Command` or `Report`); `feed` takes any chunk of it."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Return the messages that `data` completes; raises HostError on bytes that are no message."""
        self._buffer += data
        messages = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, start)
            if size > MAX_MESSAGE:
                raise HostError(f"a message of {size} bytes came over the engine socket")
            end = start + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            try:
                messages.append(self._decoder.decode(memoryview(self._buffer)[start + _LENGTH.size : end]))
            except msgspec.DecodeError as error:
                raise HostError(f"an unreadable message came over the engine socket: {error}") from None
            start = end
        del self._buffer[:start]
        return messages
