"""The leash: an engine that nobody looks at any more ends, whatever it is doing."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading

LOOK_SECONDS = 0.5
_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux' prctl(2)."""


def end_with_parent() -> None:
    """End this process at once when the one that started it is gone, be it in a strategy's endless loop or stopped."""
    parent = os.getppid()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), name="leash", daemon=True).start()


def _watch(parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(LOOK_SECONDS)
    os._exit(0)
