"""Commands: what the deck says to the host."""

from __future__ import annotations

import msgspec

from engine.host.protocol.message import Message


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
    """Why a step went as it did; -1 is the one just done. Answered by WhyReport."""

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
