"""The watchman: sees to it that the deck's process ends when it must, even where its event loop stands still.

Textual hands its output to a thread through a queue of limited length. When the terminal goes, that thread dies with its first
write, the queue fills, and the event loop waits for room in it for ever, deaf to signals and timers.
"""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK_SECONDS = 0.5
LEAVE_SECONDS = 3.0
"""How long the deck may take to leave in order after a signal."""


class Watchman:
    """Takes the process's signals and looks after its terminal, from the main thread's handlers and a thread of its own.

    `leave` is called with a signal's number in the main thread, between two of its instructions, and must only arrange for the
    deck to leave. Where it has not left in time, or the terminal is gone, `last_act` runs and the process ends at once.
    """

    def __init__(self, leave: Callable[[int], None], last_act: Callable[[], None]) -> None:
        self._leave = leave
        self._last_act = last_act
        self._deadline = 0.0
        self._code = 128 + signal.SIGHUP
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        threading.Thread(target=self._watch, name="watchman", daemon=True).start()

    def stop(self) -> None:
        """Give the signals back; the terminal is looked after until the process has ended, which may wait for other threads."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if not self._deadline:
            self._code = 128 + number
            self._deadline = time.monotonic() + LEAVE_SECONDS
            self._leave(number)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            if (self._deadline and time.monotonic() > self._deadline) or _terminal_is_gone():
                self._last_act()
                os._exit(self._code)


def _terminal_is_gone() -> bool:
    try:
        termios.tcgetattr(sys.__stderr__.fileno() if sys.__stderr__ else 2)
    except (OSError, ValueError, termios.error):
        return True
    return False
