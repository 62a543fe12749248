"""Reports: what the host says to the deck."""

from __future__ import annotations

from engine.host.protocol.commands import BreakpointRow
from engine.host.protocol.message import Message
from engine.host.protocol.rows import (
    Account,
    Bookmark,
    BranchRow,
    Chart,
    CoinInfo,
    FeatureRow,
    FeedRow,
    FillRow,
    JournalRow,
    LogLine,
    OrderRow,
    Param,
    PositionRow,
    SignalRow,
    TradeInfo,
    TradeRow,
    TripRow,
    Wanted,
    WatchRow,
)


class Progress(Message, frozen=True):
    """A line for the start-up screen: what the host is doing (opening, compiling, computing features)."""

    text: str


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


class Frame(Message, frozen=True):
    """The world at the cursor; the latest frame replaces every earlier one.

    `step` is the step at the cursor (-1 before the first), `time` is the cursor's market time in ns, `ts` the host's wall clock
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
    head: int = -1
    """The farthest step of this branch flown so far: `step` is behind it where time was gone back in."""


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


class Failure(Message, frozen=True):
    """An error to show as a panel; fatal ones end the host. `wanted` is what to download, where that would mend it."""

    title: str
    message: str
    hint: str
    fatal: bool
    wanted: Wanted | None = None


Report = Progress | Hello | Frame | Events | Reply | Failure | Rewound | Travels | Completions | WhyReport | BranchReport
