"""The rehearsal's clock: the market's time, running with the wall at a speed, standing still, or moved by hand."""

from __future__ import annotations

from collections.abc import Callable

from engine import seam
from engine.model import Timestamp

NS_PER_SECOND = 10**9


class Clock:
    """The market's time in ns, from `start` on; at `speed` market seconds a second of the wall, 0 where it is moved by hand."""

    def __init__(self, start: Timestamp, speed: float = 1.0, wall: Callable[[], int] = seam.monotonic_ns) -> None:
        self._wall = wall
        self._speed = speed
        self._at = start
        self._since = wall()

    @property
    def now(self) -> Timestamp:
        """The market's time."""
        return self._at + int((self._wall() - self._since) * self._speed)

    @property
    def speed(self) -> float:
        """Market seconds a second; 0 while it stands still."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Run at another speed from now on."""
        self._at, self._since = self.now, self._wall()
        self._speed = speed

    def move_to(self, at: Timestamp) -> None:
        """Go on from another time, which must not be before now."""
        self._at, self._since = max(at, self.now), self._wall()

    def wall_seconds_to(self, at: Timestamp) -> float:
        """Return in how many seconds of the wall a market time comes; infinite where the clock stands still."""
        ahead = (at - self.now) / NS_PER_SECOND
        if ahead <= 0:
            return 0.0
        return ahead / self._speed if self._speed > 0 else float("inf")


class Skew:
    """How far a clock is wrong by a time, in ns: by what it jumped, and by what it has drifted since."""

    def __init__(self) -> None:
        self._ns = 0
        self._rate = 0.0
        self._since: Timestamp = 0

    def __call__(self, now: Timestamp) -> int:
        return self._ns + int((now - self._since) * self._rate)

    def change(self, now: Timestamp, jump: int, rate: float | None = None) -> None:
        """Jump by so many ns, and drift at another rate from now on, the same if none is given."""
        self._ns, self._since = self(now) + jump, now
        self._rate = self._rate if rate is None else rate
