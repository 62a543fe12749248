"""What all messages between deck and host share."""

from __future__ import annotations

import msgspec

VERSION = 3
LOADING = "loading the engine; compiling it once takes some seconds"
FRAMES_PER_SECOND = 10
SIGN_OF_LIFE = 1.0
"""While time runs, and after any command, a frame comes within this many seconds: a host silent for longer is stuck."""
SPEEDS: tuple[float, ...] = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 0)
"""Replay speeds in bars a second, slow to fast; 0 is as fast as it goes."""


class Message(msgspec.Struct, frozen=True, tag=True, tag_field="is"):
    """Base of every message."""
