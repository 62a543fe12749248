"""The watchman, in a process with a pseudo terminal of its own."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

SCRIPT = """
import threading, time
from tui.watchman import Watchman
Watchman(lambda number: None, lambda: None).stop()
print("left", flush=True)
threading.Thread(target=time.sleep, args=(60,)).start()  # as a thread of Textual's that nothing ends
"""


def test_a_terminal_that_closes_once_the_deck_was_left_ends_the_process_too() -> None:
    here, there = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=there, stdout=there, stderr=there, start_new_session=True
    ) as deck:
        try:
            os.close(there)
            said = b""
            while not said.endswith(b"\n"):
                said += os.read(here, 100)
            os.close(here)
            assert deck.wait(20) == 128 + signal.SIGHUP
        finally:
            deck.kill()
