"""Travel: what the deck keeps of a replay's time beside what the host tells: questions under way, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from engine.host.protocol import BranchReport, Completions, FillRow, Frame, OrderRow, Reply, SignalRow, WhyReport
from tui.session import Session

Answer = Reply | Completions | WhyReport | BranchReport
LIVE = "live prices cannot be gone back in: F flies this strategy on a recording"
OFF = "there is no going back here: [replay] memory_mb is 0 in the config"


class Questions:
    """Commands under way by their number, each with what is to be done with its answer."""

    def __init__(self) -> None:
        self._open: dict[int, Callable[[Answer], None]] = {}

    def ask(self, number: int, then: Callable[[Answer], None]) -> None:
        """Wait for the answer to a command."""
        self._open[number] = then

    def answer(self, answer: Answer) -> bool:
        """Hand an answer to whoever waits for it; False where nobody does."""
        then = self._open.pop(answer.id, None)
        if then is not None:
            then(answer)
        return then is not None

    def forget(self) -> None:
        """Wait no more: whoever was asked has gone."""
        self._open.clear()


class Place(NamedTuple):
    """Where one was: the branch, the step, and the tab in front."""

    branch: str
    step: int
    tab: str


def why_not(session: Session) -> str:
    """Return why time cannot be travelled in, "" where it can."""
    if session.live:
        return LIVE
    return OFF if session.travels is None else ""


def step_of(row: object, frame: Frame) -> int | None:
    """Return the step at which a fill or a signal happened or an order was placed; None for other rows."""
    if isinstance(row, FillRow | SignalRow):
        return row.step
    return frame.step - row.bars if isinstance(row, OrderRow) else None
