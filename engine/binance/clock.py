"""The exchange's clock, as well as it can be known from here: its offset from this machine's, sampled again and again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median_low
from typing import NamedTuple

from engine import seam
from engine.model import Timestamp

NS_PER_MS = 1_000_000
SAMPLES = 9
JUMP_NS = 500 * NS_PER_MS
"""By how much the time of day may go another way than the clock that only goes forward before it counts as having jumped."""


class Sample(NamedTuple):
    """One answer to the question what time it is: the offset in ns, and how long the answer took."""

    offset: int
    round_trip: int


class ExchangeClock:
    """`now` is the exchange's time in ns: this machine's forward clock and the median offset of the latest samples.

    Where there is no sample it is the latest time that was told, which was before now, and never guessed ahead.
    The answer to a question is taken as of the middle of its round trip. `jumped` tells how often this machine's time of day
    was set, or it slept: then the samples are forgotten, and until there is a new one the clock is not `known`. `slept_ns` is
    how long it slept in all, which cannot be told from being set ahead. A rehearsal's time goes by `speed` times as fast as
    this machine's.
    """

    def __init__(
        self,
        speed: float = 1.0,
        wall: Callable[[], int] = seam.wall_ns,
        forward: Callable[[], int] = seam.monotonic_ns,
    ) -> None:
        self.speed = speed
        self._wall = wall
        self._forward = forward
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._drift = wall() - forward()
        self._latest: Timestamp = 0
        self.jumped = 0
        self.slept_ns = 0
        self.asked = 0
        """How often the exchange has told the time."""

    @property
    def known(self) -> bool:
        """Whether the exchange has been asked since this machine's clock last jumped."""
        self.look()
        return bool(self._samples)

    @property
    def now(self) -> Timestamp:
        """The exchange's time; this machine's where the exchange has never told it."""
        self.look()
        if not self._samples:
            return self._latest or self._wall()
        return int(self._forward() * self.speed) + self._offset()

    @property
    def skew_ns(self) -> int:
        """How far this machine's time of day is ahead of the exchange's; 0 where that is not known or goes at another speed."""
        return self._wall() - self.now if self.known and self.speed == 1.0 else 0

    @property
    def uncertain_ns(self) -> int:
        """By how much `now` may be wrong at most: half of the shortest round trip."""
        return min((sample.round_trip for sample in self._samples), default=0) // 2

    def sample(self, asked: int, server: Timestamp, answered: int) -> None:
        """Take in an answer: the forward clock when it was asked and when it came, and the time the exchange gave."""
        self.look()
        self.asked += 1
        self.hear(server)
        self._samples.append(Sample(server - int((asked + answered) // 2 * self.speed), answered - asked))

    def hear(self, time: Timestamp) -> None:
        """Take in when something happened there."""
        self._latest = max(self._latest, time)

    def look(self) -> None:
        """Notice whether this machine's time of day has jumped, or it slept."""
        before, wall, after = self._forward(), self._wall(), self._forward()
        if after - before > JUMP_NS // 10:
            return  # this process was kept waiting between the two, which is no jump
        drift = wall - after
        if abs(drift - self._drift) > JUMP_NS:
            self.jumped += 1
            self.slept_ns += max(drift - self._drift, 0)
            self.forget()
        self._drift = drift

    def forget(self) -> None:
        """Know nothing of the exchange's time any more, as it says itself that what was known is wrong."""
        self._samples.clear()

    def _offset(self) -> int:
        quickest = sorted(self._samples, key=lambda sample: sample.round_trip)[: (len(self._samples) + 1) // 2]
        return int(median_low(sample.offset for sample in quickest))
